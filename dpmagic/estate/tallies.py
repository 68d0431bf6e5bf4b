"""Many jobs of an archive grouped where they are: a row for each combination of values, not one for each job.

Values are as they are spelled: which of them mean the same is for the question to say, of the few rows that come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas

from dpmagic.estate import portions
from dpmagic.estate.columns import table
from dpmagic.estate.estate import Estate

_PLAIN = ("str", "boolean", "Int64")  # other values are too many, or are not compared


@dataclass(frozen=True)
class Wanted:
    """What jobs are grouped by: the values of ``columns`` and, if it says what a UTC day belongs to, a ``period``.

    Of the durations of each group that ``numbers`` gives to the rows of a tally (-1 to those that are in none),
    ``shares`` are the percentiles that are asked for, as shares of 1.
    """

    columns: Sequence[str]
    period: Callable[[pandas.Series], pandas.Series] | None = None
    shares: Sequence[float] = ()
    numbers: Callable[[pandas.DataFrame], Any] | None = None


@dataclass(frozen=True)
class Tally:
    """``rows`` have the columns, ``startTime`` where there is a period (its first instant), ``n`` jobs, how many of
    them are ``timed``, the ``longest`` in seconds, and when the ``oldest`` began.

    ``percentiles`` are in seconds: a row by number of a group that has a timed job, a column a share, interpolated as
    pandas does.
    """

    rows: pandas.DataFrame
    percentiles: pandas.DataFrame


def tallied(estate: Estate, wanted: Wanted) -> Tally | None:
    """The window's jobs, grouped; None where that is no gain: they are few or at hand, or no archive's.

    What they cover is then said by ``estate.completeness``, as if the estate had read them.
    """
    count, dtypes = getattr(estate.source, "tallied", None), table("jobs").dtypes
    if count is None or any(dtypes.get(name) not in _PLAIN for name in wanted.columns):
        return None
    if estate.kept.find("jobs", estate.window, frozenset(wanted.columns)) is not None:
        return None
    found = count(estate.now, estate.window, wanted, portions.ROWS)
    if found is None:
        return None
    made, estate.kept.said["jobs"] = found
    tally: Tally = made
    return tally
