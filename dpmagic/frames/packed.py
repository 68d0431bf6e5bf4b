"""A page of rows as columns of Arrow, until all pages are there to make a frame of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


class Same(Sequence[Any]):
    """A page's column whose cells are all one: a text, or None."""

    def __init__(self, cell: str | None, length: int) -> None:
        self.cell, self._length = cell, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: Any) -> Any:
        at = range(self._length)[place]
        return [self.cell] * len(at) if isinstance(at, range) else self.cell

    def __iter__(self) -> Iterator[Any]:
        return repeat(self.cell, self._length)


class Packed(Sequence[list[Any]]):
    """A page of rows in table format as columns of Arrow: a small part of what it takes as Python's objects.

    It is still a sequence of rows, each a list in the order of the page's columns, made anew whenever they are asked
    for.
    """

    def __init__(self, columns: list[Any], length: int) -> None:
        self._columns, self._length = columns, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, int):
            return [_cell(column, place) for column in self._columns]
        return list(self)[place]

    def __iter__(self) -> Iterator[list[Any]]:
        cells = (column.to_pylist() if isinstance(column, pa.Array) else column for column in self._columns)
        return map(list, zip(*cells, strict=True))

    def __contains__(self, row: object) -> bool:
        first = self._columns[0] if self._columns else []
        if not isinstance(row, list) or not isinstance(first, pa.Array) or row[0] is None:
            return any(one == row for one in self)
        # Rows begin with an id: one column tells which rows to make.
        places = pc.indices_nonzero(pc.equal(first, pa.scalar(row[0], first.type))).to_pylist()
        return any(row == [_cell(column, place) for column in self._columns] for place in places)

    def use_up(self, place: int) -> Any:
        """The column at this place, which is gone from the page afterwards."""
        column, self._columns[place] = self._columns[place], None
        return column


def _cell(column: Any, place: int) -> Any:
    return column[place].as_py() if isinstance(column, pa.Array) else column[place]
