"""Values of one Kusto type read as another, as trees for duckdb-kql."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from duckdb_kql import ir

from .functions import PREFIX
from .model import KustoType, semantic

NUMBERS: frozenset[KustoType] = frozenset({"int", "long", "real"})


@dataclass(frozen=True)
class Scoped:
    """A column in scope: its name in the SQL, which no other column's differs from by case alone."""

    internal: str
    type: KustoType


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


def convert(expr: ir.Expr, have: KustoType, want: KustoType) -> ir.Expr:
    """The expression read as another type, as Kusto reads it where it converts by itself."""
    if have == want:
        return call("same", expr) if want == "string" and isinstance(expr, ir.ColumnRef) else expr
    if want == "dynamic":
        plain = expr if have in ("string", "long", "int", "real", "bool") else ir.FunctionCall("tostring", (expr,))
        return call("json", plain)
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
