"""Columns that nobody reads, left out of a rewritten query: DuckDB leaves them out too, but plans them first.

Backwards from the columns of the answer: what an operator reads is what those before it have to make. Operators that
are not known here read everything.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from duckdb_kql import ir

from .functions import PREFIX

#: Names of columns; None for all there are.
Names = frozenset[str] | None


class Needs:
    """Prunes one query. ``columns`` then are those that it reads of each table."""

    def __init__(self) -> None:
        self.columns: dict[str, Names] = {}

    def pruned(self, query: ir.Query, wanted: Names = None) -> ir.Query:
        """The query without what no wanted column needs."""
        for _, bound in query.lets:
            self._reads(bound)
        operators: list[ir.Operator] = []
        for operator in reversed(query.operators):
            kept, wanted = _STEPS.get(type(operator), Needs._anything)(self, operator, wanted)
            operators += kept
        if isinstance(query.source, ir.TableRef):
            self._note(query.source.name, wanted)
        return dataclasses.replace(query, operators=operators[::-1])

    def _note(self, table: str, wanted: Names) -> None:
        self.columns[table] = _joined(self.columns.get(table, frozenset()), wanted)

    def _reads(self, node: Any) -> Names:
        """The columns that a part of a query may read. The tables of queries in it are read whole."""
        found: set[str] = set()
        for part in _walk(node):
            if isinstance(part, ir.TableRef):
                self._note(part.name, None)
            elif isinstance(part, ir.Wildcard) or part == ir.ColumnRef("*"):
                return None
            elif isinstance(part, ir.ColumnRef):
                found.add(part.name)
        return frozenset(found)

    def _anything(self, operator: ir.Operator, wanted: Names) -> tuple[list[ir.Operator], Names]:
        self._reads(operator)
        return [operator], None

    def _also(self, operator: ir.Operator, wanted: Names) -> tuple[list[ir.Operator], Names]:
        """An operator that lets all columns through."""
        return [operator], _joined(wanted, self._reads(operator))

    def _alone(self, operator: ir.Operator, wanted: Names) -> tuple[list[ir.Operator], Names]:
        """An operator whose columns are all its own."""
        return [operator], self._reads(operator)

    def _project(self, operator: ir.Project, wanted: Names) -> tuple[list[ir.Operator], Names]:
        kept = tuple(one for one in operator.expressions if wanted is None or one.name in wanted)
        kept = kept or operator.expressions[:1]  # a row has a column, even where rows are only counted
        return [ir.Project(kept)], self._reads(kept)

    def _extend(self, operator: ir.Extend, wanted: Names) -> tuple[list[ir.Operator], Names]:
        kept = tuple(one for one in operator.expressions if wanted is None or one.name in wanted)
        made = frozenset(one.name for one in kept if one.name is not None)
        before = _joined(None if wanted is None else wanted - made, self._reads(kept))
        return [ir.Extend(kept)] if kept else [], before

    def _expand(self, operator: ir.MvExpand, wanted: Names) -> tuple[list[ir.Operator], Names]:
        made = {target.name or target.column for target in operator.targets} | {operator.item_index}
        arrays = frozenset(target.column for target in operator.targets)
        return [operator], _joined(None if wanted is None else wanted - made, arrays)

    def _join(self, operator: ir.Join, wanted: Names) -> tuple[list[ir.Operator], Names]:
        """Columns of the right side end as such; see ``joins``, which gives them their names."""
        left = _joined(wanted, frozenset(key.left for key in operator.keys))
        right = _joined(wanted, frozenset(key.right for key in operator.keys))
        return [dataclasses.replace(operator, right=self.pruned(operator.right, right))], left

    def _union(self, operator: ir.Union, wanted: Names) -> tuple[list[ir.Operator], Names]:
        """All legs have the same columns in the same order, and keep the same; see ``joins``."""
        branches = tuple(self.pruned(branch, wanted) for branch in operator.branches)
        return [dataclasses.replace(operator, branches=branches)], wanted


def _joined(one: Names, other: Names) -> Names:
    return None if one is None or other is None else one | other


def _walk(node: Any) -> Iterator[Any]:
    """A node and all within it."""
    yield node
    if isinstance(node, tuple | list):
        inner: Any = node
    elif isinstance(node, ir.FunctionCall) and node.name.startswith(_SHRED):
        inner = node.args[1:]  # the JSON of a shredded member alone is read
    elif dataclasses.is_dataclass(node):
        inner = [getattr(node, field.name) for field in dataclasses.fields(node)]
    else:
        return
    for one in inner:
        yield from _walk(one)


_SHRED = f"{PREFIX}shred_"
_STEPS: dict[type, Callable[..., tuple[list[ir.Operator], Names]]] = {
    ir.Where: Needs._also,
    ir.Sort: Needs._also,
    ir.Take: Needs._also,
    ir.Count: Needs._alone,
    ir.Distinct: Needs._alone,
    ir.Summarize: Needs._alone,
    ir.Project: Needs._project,
    ir.Extend: Needs._extend,
    ir.MvExpand: Needs._expand,
    ir.Join: Needs._join,
    ir.Union: Needs._union,
}
