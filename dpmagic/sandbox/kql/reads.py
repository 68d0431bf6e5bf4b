"""Which rows of a table a query may read: those of the types that its first conditions let through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile

from duckdb_kql import ir

#: Types in lower case, None for any.
Types = frozenset[str] | None
#: The tables that a query reads, and rows of which types.
Reads = Mapping[str, Types]


def types(operators: Sequence[ir.Operator]) -> Types:
    """The types of rows that may pass the conditions which a query of a table starts with."""
    found: Types = None
    for operator in takewhile(lambda one: isinstance(one, ir.Where), operators):
        assert isinstance(operator, ir.Where)
        found = _both(found, _passing(operator.predicate))
    return found


def merged(one: Reads, other: Reads) -> dict[str, Types]:
    """What two queries read between them."""
    both = {table: _either(one[table], other[table]) for table in one.keys() & other.keys()}
    return {**one, **other, **both}


def _passing(predicate: ir.Expr) -> Types:
    if isinstance(predicate, ir.BinaryOp):
        if predicate.op == "and":
            return _both(_passing(predicate.left), _passing(predicate.right))
        if predicate.op == "or":
            return _either(_passing(predicate.left), _passing(predicate.right))
        if predicate.op in ("==", "=~") and predicate.left == _TYPE:
            return _texts((predicate.right,))
    if isinstance(predicate, ir.InList) and predicate.value == _TYPE and not predicate.negated and predicate.items:
        return _texts(predicate.items)
    return None


def _texts(items: Sequence[ir.Expr]) -> Types:
    found = [str(item.value).lower() for item in items if isinstance(item, ir.Literal) and item.kind == "string"]
    return frozenset(found) if len(found) == len(items) else None


def _both(one: Types, other: Types) -> Types:
    return other if one is None else one if other is None else one & other


def _either(one: Types, other: Types) -> Types:
    return None if one is None or other is None else one | other


_TYPE = ir.ColumnRef("type")
