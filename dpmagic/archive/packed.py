"""The jobs of an archive's year in little memory, and some of them as a table of an estate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas

from dpmagic.archive.halves import ID, joined
from dpmagic.archive.known import shaped
from dpmagic.estate.columns import Table
from dpmagic.estate.portions import OF_WHAT

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

    def frame(self, some: pyarrow.Table, *, ids: bool = True) -> pandas.DataFrame:
        """A table of some of the rows, with what they are of as categoricals; without ``ids`` these are missing."""
        rows = joined(some) if ids else some.drop_columns([name for name in ID if name in some.column_names])
        return shaped(self.known, self.wanted, rows, self.now, OF_WHAT)

    def ids(self, some: pyarrow.Table, numbers: Any) -> pandas.Series:
        """The ids of some rows by their numbers, missing for a number that is."""
        import pyarrow

        halves = some.select([name for name in ID if name in some.column_names])
        taken = halves.take(pyarrow.array(numbers, pyarrow.int64(), from_pandas=True))
        return pandas.Series(joined(taken)[ID[0]].to_pandas(), dtype="str")


def in_one_piece(rows: pyarrow.Table) -> pyarrow.Table:
    """The rows with one dictionary for each column of texts; the rows that were given may be let go of."""
    rows = rows.unify_dictionaries()
    for place, field in enumerate(rows.schema):  # one after another: not all are there twice
        rows = rows.set_column(place, field, rows.column(place).combine_chunks())
    return rows
