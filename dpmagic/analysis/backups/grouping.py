"""Jobs in groups: by what they say of themselves, or by the UTC day, week or month in which they began."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pandas

from dpmagic.errors import InvalidArgument, did_you_mean

PERIODS = ("day", "week", "month")
_MEANT = {
    "vault": "vaultName",
    "policy": "policyName",
    "datasource": "dataSourceType",
    "subscription": "subscriptionId",
    "region": "dataSourceLocation",
    "instance": "backupInstanceId",
    "disk": "dataSourceName",
}


def several(by: Any, what: str) -> list[Any]:
    """The names of groups that are given: one text, or any number of them.

    Raises `InvalidArgument` for what is neither; ``what`` is what is grouped, in the plural.
    """
    if isinstance(by, str):
        return [by]
    if not isinstance(by, Iterable):
        raise InvalidArgument(f"{what} are not grouped by {by!r}", "give a name, a list of names, or () for one group")
    return list(by)


def grouped(jobs: pandas.DataFrame, by: str | Iterable[str]) -> pandas.DataFrame:
    """The columns that name each job's groups, one for each of ``by``.

    ``by`` is one or several of the jobs' columns, of ``vault``, ``policy``, ``datasource``, ``subscription``,
    ``region``, ``instance``, ``disk``, and of `PERIODS`, whose column holds the period's first instant; weeks begin on
    Monday.  Ids are compared in lower case.  Raises `InvalidArgument` with the nearest name for anything else.
    """
    asked = several(by, "jobs")
    return pandas.DataFrame({_name(jobs, name): _values(jobs, _name(jobs, name)) for name in asked}, index=jobs.index)


def columns_of(by: str | Iterable[str], there: Iterable[str]) -> list[str]:
    """Of the columns of jobs that are there, those that `grouped` takes."""
    known = {one.lower(): one for one in there}
    asked = [str(name).lower() for name in several(by, "jobs")]
    return [known[one] for name in asked if (one := _MEANT.get(name, name).lower()) in known]


def _name(jobs: pandas.DataFrame, name: str) -> str:
    known = [*map(str, jobs.columns), *PERIODS]
    found = {one.lower(): one for one in known} | {word: column for word, column in _MEANT.items() if column in known}
    if str(name).lower() not in found:
        hint = did_you_mean(str(name), [*_MEANT, *known], f"by one of {', '.join([*_MEANT, *PERIODS])}, or a column")
        raise InvalidArgument(f"jobs have no groups by {name}", hint)
    return found[str(name).lower()]


def _values(jobs: pandas.DataFrame, name: str) -> pandas.Series:
    if name not in PERIODS:
        return jobs[name].str.lower() if name.lower().endswith("id") else jobs[name]
    return began_in(jobs["startTime"], name)


def began_in(times: pandas.Series, period: str) -> pandas.Series:
    """The first instant of the UTC day, week or month of each time; weeks begin on Monday.

    >>> began_in(pandas.Series(pandas.to_datetime(["2026-03-01T09:00Z"])), "week").dt.date.tolist()
    [datetime.date(2026, 2, 23)]
    """
    day: pandas.Series = times.dt.floor("D")
    if period == "day":
        return day
    since = day.dt.day_of_week if period == "week" else day.dt.day - 1
    first: pandas.Series = day - pandas.to_timedelta(since, unit="D")
    return first


def period_of(by: str | Iterable[str]) -> Callable[[pandas.Series], pandas.Series] | None:
    """What gives the first instant of the period that is grouped by, for times; of several periods that of the day,
    which tells each of them.  None where jobs are not grouped by time."""
    periods = {str(name).lower() for name in several(by, "jobs")} & {*PERIODS}
    return partial(began_in, period=min(periods) if len(periods) == 1 else "day") if periods else None
