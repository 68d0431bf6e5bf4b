"""Stages that bring two tables together: join, lookup and union."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from duckdb_kql import ir
from duckdb_kql.schema import disambiguate

from .conversions import Scope, Scoped
from .model import KqlError, KustoType, semantic
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


def union(operator: ir.Union, first: Scope, legs: Sequence[tuple[ir.Query, Scope]], names: Sequence[str]) -> Stage:
    """A union of rewritten legs, each brought to the columns of all (or, of kind inner, to the common ones).

    A column that legs hold under one name in several types becomes one for each type, ``n_long`` and ``n_string``.
    ``names`` are those of the legs' tables, which ``withsource`` shows.
    """
    if len(legs) >= MAX_LEGS:
        raise KqlError("DisallowedMaxNumberOfUnionLegs", f"A union may hold {MAX_LEGS} legs.")
    shapes = _apart([first, *(scope for _, scope in legs)])
    after: dict[str, Scoped] = {}
    if operator.with_source:
        after[operator.with_source] = Scoped(fresh(operator.with_source, after), "string")
    for shape in shapes:
        for name, column in shape.items():
            if name not in after:
                after[name] = Scoped(fresh(name, after), column.type)
    if operator.kind == "inner":
        after = {name: c for name, c in after.items() if name == operator.with_source or all(name in s for s in shapes)}
    for (query, _), shape, name in zip(legs, shapes[1:], names[1:], strict=True):
        query.operators.append(_shaped(after, shape, operator.with_source, name))
    branches = tuple(query for query, _ in legs)
    merged = dataclasses.replace(operator, branches=branches, with_source=None)
    return [_shaped(after, shapes[0], operator.with_source, names[0]), merged], after


def _apart(shapes: Sequence[Scope]) -> list[Scope]:
    """The legs' columns, those of one name and several types renamed by their type."""
    kinds: dict[str, set[KustoType]] = {}
    for shape in shapes:
        for name, column in shape.items():
            kinds.setdefault(name, set()).add(column.type)
    return [
        {name if len(kinds[name]) == 1 else f"{name}_{column.type}": column for name, column in shape.items()}
        for shape in shapes
    ]


def _shaped(after: Scope, columns: Scope, source: str | None, leg: str) -> ir.Project:
    """One leg of a union brought to the columns of all: an absent one is null, an absent string empty."""
    exprs: list[ir.NamedExpr] = []
    for name, column in after.items():
        if name == source:
            expr: ir.Expr = ir.Literal(leg, "string")
        elif name in columns:
            expr = ir.ColumnRef(columns[name].internal)
        elif column.type == "string":
            expr = ir.Literal("", "string")
        else:
            expr = ir.Literal(None, column.type)
        exprs.append(ir.NamedExpr(expr, column.internal))
    return ir.Project(tuple(exprs))
