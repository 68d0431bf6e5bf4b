"""Values of one Kusto type read as another, as trees for duckdb-kql."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from duckdb_kql import ir

from .functions import PREFIX
from .model import KustoType, semantic

NUMBERS: frozenset[KustoType] = frozenset({"int", "long", "real"})


@dataclass(frozen=True)
class Shred:
    """A member of a dynamic that has columns of its own: its type, the column of that type, and the one of JSON.

    They are one column where the type is dynamic, too.
    """

    kind: KustoType
    native: str
    json: str


Shape = Mapping[tuple[str, ...], Shred]  # the shredded members of a column, by their path


def columns(shape: Shape) -> list[str]:
    """The names of the columns that shredded members are in."""
    return list(dict.fromkeys(name for shred in shape.values() for name in (shred.native, shred.json)))


@dataclass(frozen=True)
class Scoped:
    """A column in scope: its name in the SQL, which no other column's differs from by case alone.

    ``shreds`` are the members that have columns beside it, by their path.
    """

    internal: str
    type: KustoType
    shreds: Shape = field(default_factory=dict, compare=False)

    @property
    def beside(self) -> list[str]:
        """The names of the columns that its shreds are in."""
        return columns(self.shreds)


Scope = Mapping[str, Scoped]
Typed = tuple[ir.Expr, KustoType]


class Reader(Protocol):
    """What types an expression: given to the functions that need more than a signature."""

    scope: Scope

    def typed(self, expr: Any) -> Typed: ...

    def read(self, expr: Any, want: KustoType) -> ir.Expr: ...

    def condition(self, expr: Any) -> ir.Expr: ...


def call(name: str, *args: ir.Expr) -> ir.FunctionCall:
    """A call of one of our own functions."""
    return ir.FunctionCall(PREFIX + name, args)


def shredded(shred: Shred) -> ir.Expr:
    """A shredded member: a dynamic to whoever does not look for its column."""
    if shred.kind == "dynamic":
        return ir.ColumnRef(shred.json)
    return call(f"shred_{shred.kind}", ir.ColumnRef(shred.native), ir.ColumnRef(shred.json))


def native(expr: ir.Expr) -> Typed | None:
    """The column behind a shredded member and its type; None for anything else."""
    if not isinstance(expr, ir.FunctionCall) or not expr.name.startswith(f"{PREFIX}shred_"):
        return None
    kind: KustoType = expr.name.removeprefix(f"{PREFIX}shred_")  # type: ignore[assignment]  # as shredded() wrote it
    return expr.args[0], kind


def convert(expr: ir.Expr, have: KustoType, want: KustoType) -> ir.Expr:
    """The expression read as another type, as Kusto reads it where it converts by itself."""
    column = native(expr) if have == "dynamic" else None
    if column is not None and (column[1] == want or {column[1], want} <= NUMBERS):
        return call("filled", column[0]) if want == "string" else convert(*column, want)
    if have == want:
        return call("same", expr) if want == "string" and isinstance(expr, ir.ColumnRef) else expr
    if want == "dynamic":
        if have in ("string", "long", "int", "real", "bool"):
            return call("json", expr)
        return call("json", call("unless_empty", ir.FunctionCall("tostring", (expr,))))
    if want == "string":
        return call("text", expr) if have == "dynamic" else ir.FunctionCall("tostring", (expr,))
    if want == "real":
        return call("number", expr) if have == "dynamic" else call("real", expr)
    if want == "long" and have in ("int", "bool"):
        return call("long", expr)
    source = call("text", expr) if have == "dynamic" else expr
    if want == "timespan":
        return call("totimespan", source)
    return ir.FunctionCall(f"to{want}", (source,))


def widest(types: Iterable[KustoType]) -> KustoType:
    """The one type that values of several types are brought to, in branches and lists."""
    seen = set(types)
    if len(seen) == 1:
        return seen.pop()
    if "dynamic" in seen:
        return "dynamic"
    if seen <= NUMBERS:
        return "real" if "real" in seen else "long"
    raise semantic(f"Values of types {', '.join(sorted(seen))} do not mix; convert them to one type.")
