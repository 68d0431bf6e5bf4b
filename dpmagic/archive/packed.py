"""The jobs of an archive's year in little memory, and some of them as a table of an estate."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas

from dpmagic.archive.halves import ID, joined
from dpmagic.archive.happened import ENDED
from dpmagic.archive.known import shaped
from dpmagic.estate.columns import Table
from dpmagic.estate.portions import OF_WHAT
from dpmagic.estate.window import Window

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Packed:
    """How jobs by the columns that are ``wanted``, texts as dictionaries and ids in halves, become tables, and what
    they cover: for `dpmagic.estate.portions`."""

    known: Table
    wanted: Sequence[str]
    told: dict[str, Any]
    now: datetime

    def apart(self, rows: pyarrow.Table) -> tuple[pyarrow.Table, pyarrow.Table]:
        """The rows without their ids, and these."""
        ids = [name for name in ID if name in rows.column_names]
        return rows.drop_columns(ids), rows.select(ids)

    def frame(self, some: pyarrow.Table) -> pandas.DataFrame:
        """A table of some of the rows, with what they are of as categoricals; ids that are apart are missing."""
        return shaped(self.known, self.wanted, joined(some), self.now, OF_WHAT)

    def ids(self, some: pyarrow.Table) -> pandas.Series:
        """Some of the ids that are `apart`."""
        return pandas.Series(joined(some)[ID[0]].to_pandas(), dtype="str")


@dataclass(frozen=True)
class Held:
    """Packed jobs of a window by some columns, for several questions."""

    window: Window
    columns: Collection[str]
    rows: pyarrow.Table

    def part(self, known: Table, window: Window, wanted: Collection[str]) -> pyarrow.Table | None:
        """Those of a window by these columns; None where they are not here."""
        import pyarrow.compute as pc

        if not self.window.contains(window) or not {*wanted} <= {*self.columns}:
            return None
        needed = {*(known.wire[name] for name in wanted), *ENDED, *(ID if ID[0] in wanted else ())}
        rows, times = self.rows.select([name for name in self.rows.column_names if name in needed]), known.time
        if window == self.window:
            return rows
        inside = pc.and_(pc.greater_equal(rows[times], window.start), pc.less(rows[times], window.end))
        return rows if pc.all(inside).as_py() else rows.filter(inside)


def in_one_piece(rows: pyarrow.Table) -> pyarrow.Table:
    """The rows with one dictionary for each column of texts; the rows that were given may be let go of."""
    rows = rows.unify_dictionaries()
    for place, field in enumerate(rows.schema):  # one after another: not all are there twice
        rows = rows.set_column(place, field, rows.column(place).combine_chunks())
    return rows
