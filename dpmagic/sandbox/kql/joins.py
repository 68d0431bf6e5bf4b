"""Stages that bring two tables together: join, lookup and union."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from duckdb_kql import ir
from duckdb_kql.schema import disambiguate

from .conversions import Scope, Scoped
from .model import KqlError, semantic, unsupported
from .stages import Stage, carry, fresh

MAX_LEGS = 3


def join(operator: ir.Join | ir.Lookup, left: Scope, right: ir.Query, others: Scope) -> Stage:
    """A join of rewritten sides. Columns of the right that the left has too get a number, as in Kusto.

    An outer join leaves strings empty, not null; lookup drops the keys of the right.
    """
    for key in operator.keys:
        for side, scope, name in (("left", left, key.left), ("right", others, key.right)):
            _check_key(side, scope, name)
    keys = tuple(ir.JoinKey(left[key.left].internal, _right(others[key.right])) for key in operator.keys)
    renamed = [ir.NamedExpr(ir.ColumnRef(column.internal), _right(column)) for column in others.values()]
    right.operators.append(ir.Project(tuple(renamed)))
    dropped = {key.right for key in operator.keys} if isinstance(operator, ir.Lookup) else set()
    after = dict(left)
    for name, column in others.items():
        if name not in dropped:
            after[disambiguate(name, list(after))] = Scoped(_right(column), column.type)
    stage, shown = carry(after, fill=True)
    return [ir.Join(right, keys, operator.kind), *stage], shown


def _right(column: Scoped) -> str:
    return f"right~{column.internal}"


def _check_key(side: str, scope: Scope, name: str) -> None:
    column = scope.get(name)
    if column is None:
        raise semantic(f"'join' operator: Failed to resolve column named '{name}' on the {side} side", token=name)
    if column.type == "dynamic":
        raise semantic(f"Join key '{name}' is of a 'dynamic' type. Please use an explicit cast using extend.", name)


def union(operator: ir.Union, first: Scope, legs: Sequence[tuple[ir.Query, Scope]]) -> Stage:
    """A union of rewritten legs, each brought to the columns of all (or, of kind inner, to the common ones)."""
    if operator.with_source or operator.isfuzzy:
        raise unsupported("union with withsource or isfuzzy")
    if len(legs) >= MAX_LEGS:
        raise KqlError("DisallowedMaxNumberOfUnionLegs", f"A union may hold {MAX_LEGS} legs.")
    shapes = [first, *(scope for _, scope in legs)]
    after: dict[str, Scoped] = {}
    for shape in shapes:
        for name, column in shape.items():
            known = after.get(name)
            if known is None:
                after[name] = Scoped(fresh(name, after), column.type)
            elif known.type != column.type:
                raise unsupported(f"a union whose legs hold '{name}' as {known.type} and {column.type}")
    if operator.kind == "inner":
        after = {name: column for name, column in after.items() if all(name in shape for shape in shapes)}
    for query, scope in legs:
        query.operators.append(_shaped(after, scope))
    return [_shaped(after, first), dataclasses.replace(operator, branches=tuple(query for query, _ in legs))], after


def _shaped(after: Scope, columns: Scope) -> ir.Project:
    """One leg of a union brought to the columns of all: an absent one is null, an absent string empty."""
    exprs: list[ir.NamedExpr] = []
    for name, column in after.items():
        if name in columns:
            expr: ir.Expr = ir.ColumnRef(columns[name].internal)
        elif column.type == "string":
            expr = ir.Literal("", "string")
        else:
            expr = ir.Literal(None, column.type)
        exprs.append(ir.NamedExpr(expr, column.internal))
    return ir.Project(tuple(exprs))
