"""Rows of an archive's files as a table of an estate, as it was known at an instant."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import pandas

from dpmagic.archive.forms import to_arrow, to_frame
from dpmagic.estate.columns import Table
from dpmagic.frames.declared import conform, declared

if TYPE_CHECKING:
    import pyarrow

# What a job's record says only once it has ended.
OF_THE_END = (
    "endTime",
    "duration",
    "errorCode",
    "errorMessage",
    "isUserError",
    "recommendedAction",
    "recoveryPointId",
    "errorDetails",
)


def shaped(
    known: Table, wanted: Sequence[str], rows: pyarrow.Table, now: datetime, coded: Collection[str] = ()
) -> pandas.DataFrame:
    """The table with the columns that are wanted, in their types, as it was known at an instant; those of ``coded`` as
    categoricals, where the rows have them as dictionaries."""
    made = as_known(to_frame(rows, coded), now)
    lacking = declared([], {name: known.dtypes[name] for name in wanted if name not in made})
    dtypes = {name: dtype for name, dtype in known.dtypes.items() if name not in coded}
    return conform(made.join(lacking)[[*wanted]], dtypes)


def nothing(known: Table) -> pyarrow.Table:
    """A table of which there is no row, as files would have it."""
    return to_arrow(declared([], known.dtypes))


def as_known(rows: pandas.DataFrame, now: datetime) -> pandas.DataFrame:
    """Jobs that ended after ``now`` as they were then: running."""
    if "endTime" not in rows or not (later := rows["endTime"] > now).any():
        return rows
    made = rows.copy()
    for name in OF_THE_END:
        if name in made:
            made[name] = made[name].mask(later)
    made["status"] = made["status"].mask(later, "InProgress")
    return made
