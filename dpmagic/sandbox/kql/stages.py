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


def select(names: list[str], typed: list[Typed], scope: Scope | None = None) -> Stage:
    """A projection to these expressions under these names.

    A column of ``scope`` that is projected as it is takes along the columns beside it.
    """
    sources = {column.internal: column for column in (scope or {}).values() if column.shreds}
    after: dict[str, Scoped] = {}
    kept: dict[str, ir.NamedExpr] = {}
    for name, (expr, kind) in zip(names, typed, strict=True):
        source = sources.get(expr.name) if isinstance(expr, ir.ColumnRef) else None
        after[name] = Scoped(fresh(name, after), kind, source.shreds if source else {})
        for beside in after[name].beside:
            kept[beside] = ir.NamedExpr(ir.ColumnRef(beside), beside)
    pairs = zip(after.values(), typed, strict=True)
    shown = [ir.NamedExpr(expr, column.internal) for column, (expr, _) in pairs]
    return [ir.Project((*shown, *kept.values()))], after


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
    return select(list(scope), typed, scope)


def final(scope: Scope) -> ir.Project:
    """The columns of an answer and no others, in types that leave DuckDB unharmed."""
    made = [
        ir.NamedExpr(
            call(_LEAVING[c.type], ir.ColumnRef(c.internal)) if c.type in _LEAVING else ir.ColumnRef(c.internal),
            c.internal,
        )
        for c in scope.values()
    ]
    return ir.Project(tuple(made))


_LEAVING = {"timespan": "micros", "guid": "string", "long": "long", "int": "long"}


def tie_break(scope: Scope) -> tuple[ir.SortKey, ...]:
    """By ``id`` ascending, as recorded for queries without ``order by``; without ids, by all scalar columns."""
    identity = scope.get("id")
    if identity is not None and identity.type == "string":
        columns = [identity]
    else:
        columns = [column for column in scope.values() if column.type != "dynamic"] or list(scope.values())[:1]
    return tuple(ir.SortKey(call("same", ir.ColumnRef(column.internal)), ascending=True) for column in columns)
