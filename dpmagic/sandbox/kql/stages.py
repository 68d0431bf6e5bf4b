"""Pieces that every stage of a rewritten query is made of: columns under safe names, and a settled order."""

from __future__ import annotations

from collections.abc import Collection

from duckdb_kql import ir

from .conversions import Scope, Scoped, Typed, call

Stage = tuple[list[ir.Operator], dict[str, Scoped]]


def fresh(name: str, scope: Scope) -> str:
    """A name for the SQL that differs from all in scope by more than case."""
    if name in scope:
        return scope[name].internal
    taken = {column.internal.casefold() for column in scope.values()}
    internal, number = name, 1
    while internal.casefold() in taken:
        number += 1
        internal = f"{name}~{number}"
    return internal


def select(names: list[str], typed: list[Typed]) -> Stage:
    """A projection to these expressions under these names."""
    after: dict[str, Scoped] = {}
    for name, (_, kind) in zip(names, typed, strict=True):
        after[name] = Scoped(fresh(name, after), kind)
    pairs = zip(after.values(), typed, strict=True)
    return [ir.Project(tuple(ir.NamedExpr(expr, column.internal) for column, (expr, _) in pairs))], after


def carry(scope: Scope, *, fill: bool = False, present: Collection[str] = ()) -> Stage:
    """The columns in scope carried on as they are, and nothing else.

    ``fill`` makes the strings that an outer join left out empty, as in Kusto; ``present`` names the columns in
    which a JSON null is to become null.
    """
    typed: list[Typed] = []
    for column in scope.values():
        expr: ir.Expr = ir.ColumnRef(column.internal)
        if fill and column.type == "string":
            expr = call("filled", expr)
        elif column.internal in present and column.type == "dynamic":
            expr = call("present", expr)
        typed.append((expr, column.type))
    return select(list(scope), typed)


def tie_break(scope: Scope) -> tuple[ir.SortKey, ...]:
    """By ``id`` ascending, as recorded for queries without ``order by``; without ids, by all scalar columns."""
    identity = scope.get("id")
    if identity is not None and identity.type == "string":
        columns = [identity]
    else:
        columns = [column for column in scope.values() if column.type != "dynamic"] or list(scope.values())[:1]
    return tuple(ir.SortKey(call("same", ir.ColumnRef(column.internal)), ascending=True) for column in columns)
