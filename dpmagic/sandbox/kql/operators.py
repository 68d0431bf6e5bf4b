"""Operators with types: each stage of a query rewritten for duckdb-kql, with the columns it leaves in scope.

Names are settled here, by Kusto's rules, and every column gets a name in the SQL that no other column differs
from by case alone: DuckDB folds case, Kusto does not. What Resource Graph alone refuses (a table unknown, one
table twice on the right of joins, dynamic keys) is refused here; what the text shows, in ``text``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from duckdb_kql import ir
from duckdb_kql.schema import resolve_let_refs
from duckdb_kql.translate import naming

from .conversions import Scope, Scoped, Shape, call, convert
from .expanding import mv_expand, parse
from .expressions import Typer
from .joins import join, union
from .model import TABLE_COLUMNS, KqlError, KustoType, semantic, unsupported
from .reads import Reads, Types, merged, types
from .stages import Stage, carry, final, fresh, select, tie_break
from .summarize import summarize

Lets = Mapping[str, Scope]


class Rewriter:
    """Rewrites one query. ``tables`` are the known ones; ``used`` tells afterwards which the query reads, and what of.

    ``shapes`` are the shredded members of the ``properties`` of some tables.
    """

    def __init__(self, tables: Collection[str], shapes: Mapping[str, Shape] | None = None) -> None:
        self._known = tables
        self._shapes = shapes or {}
        self.used: Reads = {}
        self._right: set[str] = set()
        self._behind: dict[str, Reads] = {}
        self._main = ""

    def main(self, query: ir.Query) -> tuple[ir.Query, Scope]:
        """The query to translate, its rows in a settled order, and the columns it answers."""
        self._main = getattr(query.source, "name", "")
        rewritten, scope, ordered = self._query(query, {}, shown=True)
        if not ordered:
            rewritten.operators.append(ir.Sort(tie_break(scope)))
        rewritten.operators.append(final(scope))
        return rewritten, scope

    def _query(self, query: ir.Query, lets: Lets, *, shown: bool = False) -> tuple[ir.Query, dict[str, Scoped], bool]:
        """The query rewritten, its columns, and whether its rows stand in a settled order, as those shown have to."""
        if query.parameters:
            raise unsupported("declare query_parameters")
        lets = dict(lets)
        bound: list[tuple[str, ir.Query | ir.Expr]] = []
        for name, value in query.lets:
            if isinstance(value, ir.Query):
                (body, scope, _), self._behind[name] = self._watched(value, lets)
                lets[name] = scope
                bound.append((name, body))
        source, scope = self._source(query.source, lets, types(query.operators))
        operators: list[ir.Operator] = []
        ordered = False
        for operator in query.operators:
            operator = resolve_let_refs(operator, list(scope))
            stage, after = self._operator(operator, scope, lets)
            keeps = not isinstance(operator, _UNORDERED)
            loses = shown and "id" in scope and "id" not in after
            if not ordered and keeps and (isinstance(operator, ir.Take) or loses):
                operators.append(ir.Sort(tie_break(scope)))
                ordered = True
            operators += stage
            scope = after
            ordered = keeps and (ordered or isinstance(operator, ir.Sort | ir.Top))
        return ir.Query(source, operators, bound), scope, ordered

    def _source(self, source: ir.Source, lets: Lets, wanted: Types) -> tuple[ir.Source, dict[str, Scoped]]:
        if not isinstance(source, ir.TableRef) or source.database or source.cluster:
            raise unsupported(f"a query of {type(source).__name__}")
        if source.name in lets:
            self.used = merged(self.used, self._behind[source.name])
            return source, dict(lets[source.name])
        table = source.name.lower()
        if table not in self._known:
            raise KqlError(
                "DisallowedLogicalTableName",
                f"Table {source.name} is invalid, unsupported or disallowed.",
                token=source.name,
            )
        self.used = merged(self.used, {table: wanted})
        scope = {name: Scoped(name, kind) for name, kind in TABLE_COLUMNS.items()}
        scope["properties"] = Scoped("properties", "dynamic", self._shapes.get(table, {}))
        return ir.TableRef(table), scope

    def _operator(self, operator: ir.Operator, scope: dict[str, Scoped], lets: Lets) -> Stage:
        method = _STAGES.get(type(operator))
        if method is None:
            raise unsupported(f"the operator {type(operator).__name__}")
        stage: Stage = method(self, operator, scope, lets)
        return stage

    def typer(self, scope: Scope, lets: Lets) -> Typer:
        """What types the expressions of an operator that reads these columns."""

        def subquery(query: ir.Query, text: bool) -> tuple[ir.Query, KustoType]:
            body, columns, _ = self._query(query, lets)
            first = next(iter(columns.values()))
            expr = ir.ColumnRef(first.internal)
            kind: KustoType = "string" if text else first.type
            body.operators.append(ir.Project((ir.NamedExpr(convert(expr, first.type, kind), "value"),)))
            return body, kind

        return Typer(scope, subquery)

    def _where(self, operator: ir.Where, scope: dict[str, Scoped], lets: Lets) -> Stage:
        return [ir.Where(self.typer(scope, lets).condition(operator.predicate))], scope

    def _project(self, operator: ir.Project, scope: dict[str, Scoped], lets: Lets) -> Stage:
        names = naming.project_names(operator.expressions)
        typer = self.typer(scope, lets)
        return select(names, [typer.typed(named.expr) for named in operator.expressions], scope)

    def _distinct(self, operator: ir.Distinct, scope: dict[str, Scoped], lets: Lets) -> Stage:
        targets = operator.expressions
        if [named.expr for named in targets] == [ir.ColumnRef("*")]:
            targets = tuple(ir.NamedExpr(ir.ColumnRef(name)) for name in scope)
        typer = self.typer(scope, lets)
        names = naming.distinct_names(targets)
        typed = [
            typer.scalar(named.expr, f"Distinct key ('{name}')") for name, named in zip(names, targets, strict=True)
        ]
        stage, after = select(names, typed)
        return [*stage, ir.Distinct(tuple(ir.NamedExpr(ir.ColumnRef(c.internal)) for c in after.values()))], after

    def _extend(self, operator: ir.Extend, scope: dict[str, Scoped], lets: Lets) -> Stage:
        names = naming.extend_names(operator.expressions, list(scope))
        typer = self.typer(scope, lets)
        after = dict(scope)
        added = []
        for name, named in zip(names, operator.expressions, strict=True):
            expr, kind = typer.typed(named.expr)
            after[name] = Scoped(fresh(name, after), kind, typer.members(named.expr))
            added.append(ir.NamedExpr(expr, after[name].internal))
        return [ir.Extend(tuple(added))], after

    def _take(self, operator: ir.Take, scope: dict[str, Scoped], lets: Lets) -> Stage:
        return [operator], scope

    def _count(self, operator: ir.Count, scope: dict[str, Scoped], lets: Lets) -> Stage:
        return [operator], {operator.name: Scoped(operator.name, "long")}

    def _sort(self, operator: ir.Sort, scope: dict[str, Scoped], lets: Lets) -> Stage:
        return [ir.Sort(self._keys(operator.keys, scope, lets))], scope

    def _top(self, operator: ir.Top, scope: dict[str, Scoped], lets: Lets) -> Stage:
        return [ir.Sort(self._keys(operator.keys, scope, lets)), ir.Take(max(operator.count, 0))], scope

    def _keys(self, keys: tuple[ir.SortKey, ...], scope: Scope, lets: Lets) -> tuple[ir.SortKey, ...]:
        """The keys, then what settles ties. A dynamic is ordered by number, then by text."""
        typer = self.typer(scope, lets)
        settled: list[ir.SortKey] = []
        for key in keys:
            expr, kind = typer.typed(key.expr)
            parts = [call("number", expr), call("text", expr)] if kind == "dynamic" else [expr]
            settled += [dataclasses.replace(key, expr=part) for part in parts]
        identity = scope.get("id")
        if identity is not None and ir.ColumnRef(identity.internal) in [key.expr for key in settled]:
            return tuple(settled)
        return (*settled, *tie_break(scope))

    def _project_away(self, operator: ir.ProjectAway, scope: dict[str, Scoped], lets: Lets) -> Stage:
        mode, *patterns = operator.columns
        if mode not in ("project-keep", "project-reorder"):
            mode, patterns = "project-away", list(operator.columns)
        for pattern in patterns:
            if "*" not in pattern and pattern.split(" ")[0] not in scope:
                raise semantic(f"'{mode}' operator: Failed to resolve column named '{pattern}'", token=pattern)
        matched = [name for pattern in patterns for name in _matching(pattern, scope)]
        if mode == "project-away":
            kept = [name for name in scope if name not in matched]
        elif mode == "project-keep":
            kept = [name for name in scope if name in matched]
        else:
            kept = list(dict.fromkeys([*matched, *scope]))
        return carry({name: scope[name] for name in kept})

    def _rename(self, operator: ir.ProjectRename, scope: dict[str, Scoped], lets: Lets) -> Stage:
        renames = dict(operator.renames)
        for old in renames:
            if old not in scope:
                raise semantic(f"'project-rename' operator: Failed to resolve column named '{old}'", token=old)
        return [], {renames.get(name, name): column for name, column in scope.items()}

    def _summarize(self, operator: ir.Summarize, scope: dict[str, Scoped], lets: Lets) -> Stage:
        return summarize(operator, scope, self.typer(scope, lets))

    def _mv_expand(self, operator: ir.MvExpand, scope: dict[str, Scoped], lets: Lets) -> Stage:
        return mv_expand(operator, scope, self.typer(scope, lets))

    def _parse(self, operator: ir.Parse, scope: dict[str, Scoped], lets: Lets) -> Stage:
        return parse(operator, scope, self.typer(scope, lets))

    def _join(self, operator: ir.Join | ir.Lookup, scope: dict[str, Scoped], lets: Lets) -> Stage:
        right, others = self._right_side(operator.right, lets)
        return join(operator, scope, right, others)

    def _right_side(self, query: ir.Query, lets: Lets) -> tuple[ir.Query, dict[str, Scoped]]:
        """The right side of a join; each table may stand there once in a query."""
        (right, columns, _), tables = self._watched(query, lets)
        again = sorted(tables.keys() & self._right)
        if again:
            raise KqlError(
                "DisallowedMaxNumberOfRemoteTables",
                f"Table {again[0]} may stand on the right side of a join once in a query.",
                token=again[0],
            )
        self._right |= tables.keys()
        return right, columns

    def _watched(self, query: ir.Query, lets: Lets) -> tuple[tuple[ir.Query, dict[str, Scoped], bool], Reads]:
        """A query rewritten, and the tables that it reads, behind lets too."""
        before, self.used = self.used, {}
        result = self._query(query, lets)
        tables, self.used = self.used, merged(before, self.used)
        return result, tables

    def _union(self, operator: ir.Union, scope: dict[str, Scoped], lets: Lets) -> Stage:
        legs = [self._query(branch, lets) for branch in operator.branches]
        names = [self._main, *(getattr(branch.source, "name", "") for branch in operator.branches)]
        return union(operator, scope, [(query, columns) for query, columns, _ in legs], names)


def _matching(pattern: str, scope: Scope) -> list[str]:
    """The columns that a name or wildcard of project-away, -keep or -reorder picks."""
    name, _, order = pattern.partition(" ") if pattern not in scope else (pattern, "", "")
    found = [column for column in scope if fnmatchcase(column, name)]
    return sorted(found, reverse=order == "desc") if order else found


#: After these, the order of rows that came in says nothing.
_UNORDERED = (ir.Summarize, ir.Join, ir.Lookup, ir.Union, ir.Distinct, ir.Count)

_STAGES: dict[type, Callable[..., Any]] = {
    ir.Where: Rewriter._where,
    ir.Project: Rewriter._project,
    ir.Extend: Rewriter._extend,
    ir.Distinct: Rewriter._distinct,
    ir.Take: Rewriter._take,
    ir.Count: Rewriter._count,
    ir.Sort: Rewriter._sort,
    ir.Top: Rewriter._top,
    ir.ProjectAway: Rewriter._project_away,
    ir.ProjectRename: Rewriter._rename,
    ir.Summarize: Rewriter._summarize,
    ir.MvExpand: Rewriter._mv_expand,
    ir.Parse: Rewriter._parse,
    ir.Join: Rewriter._join,
    ir.Lookup: Rewriter._join,
    ir.Union: Rewriter._union,
}
