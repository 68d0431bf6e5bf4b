"""How many jobs run at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.backups.answers import answer
from dpmagic.analysis.backups.grouping import PERIODS
from dpmagic.analysis.backups.keys import as_texts, instants
from dpmagic.analysis.lengths.groups import groups, keyed, named, places, subscription_names
from dpmagic.analysis.lengths.jobs import NEEDS, RUNNING, jobs_of
from dpmagic.errors import InvalidArgument
from dpmagic.estate.estate import Estate
from dpmagic.estate.portions import portions
from dpmagic.estate.source import estate_of

STEP = timedelta(minutes=15)


def concurrency(
    given: Any, by: str | Iterable[str] = "vault", over: Any = None, *, category: str = "Backup"
) -> pandas.DataFrame:
    """How many jobs overlap each quarter of an hour (UTC) of the window, by group: the quarters that have any.

    ``by`` as in `dpmagic.durations`, ``vault`` or ``subscription`` above all; ``()`` is all together. Columns, after
    the group's: ``time``, the quarter's start, and ``jobs``. A job counts in each quarter that it touches, failed ones
    too, a running one until now; one that is over, nobody knows since when, in that in which it began. Jobs that began
    before the window are not seen.
    """
    asked = groups(by)
    if periods := [group.name for group in asked if group.name in PERIODS]:
        raise InvalidArgument(
            f"concurrency is by the quarter of an hour, not by {periods[0]}", "group its answer by time"
        )
    needs = {"jobs": [*dict.fromkeys([*NEEDS, *(name for group in asked for name in group.needs)])]}
    disks = any("disks" in group.tables for group in asked)
    estate = estate_of(given, "jobs", needs=needs | ({"disks": ["id", "diskSizeGB"]} if disks else {}), window=over)
    keys = [*places(asked), "all"]
    counted, shown = [], []
    for part in portions(estate, needs["jobs"]):
        jobs = keyed(jobs_of(given, part, category, needs["jobs"]), asked, estate.disks() if disks else None)
        counted.append(as_texts(_counted(jobs.assign(all=0), keys, estate)))
        labels = [*places(asked), *dict.fromkeys(name for one in asked for name in one.columns if name in jobs)]
        shown.append(as_texts(jobs[labels].drop_duplicates()))
    rows = counted[0]
    if len(counted) > 1:
        rows = pandas.concat(counted, ignore_index=True)
        rows = rows.groupby([*keys, "time"], dropna=False, sort=True, as_index=False).agg({"jobs": "sum"})
    peak = int(rows["jobs"].max()) if len(rows) else 0
    made = named(rows.drop(columns="all"), pandas.concat(shown, ignore_index=True), asked)
    if any("subscriptions" in one.tables for one in asked):
        made = subscription_names(made, estate.subscriptions() if estate.has("subscriptions") else None)
    return answer(estate, made, by=[one.name for one in asked], peak=peak)


def _counted(jobs: pandas.DataFrame, keys: list[str], estate: Estate) -> pandas.DataFrame:
    """One row a group and quarter that has jobs, in their order."""
    which = jobs.groupby(keys, dropna=False, sort=True).ngroup().to_numpy()
    first, last = _quarters(jobs, estate.window.start, min(estate.window.end, estate.now), estate.now)
    bins = int(last.max()) + 1 if len(jobs) else 0
    counts = _swept(which, first, last, int(which.max()) + 1 if len(jobs) else 0, bins)
    group, place = np.nonzero(counts)
    firsts = np.unique(which, return_index=True)[1]  # by their places: jobs of another category have left theirs
    heads = jobs[keys].iloc[firsts].reset_index(drop=True)
    rows = heads.iloc[group].reset_index(drop=True)
    start = pandas.Timestamp(estate.window.start).floor("15min")
    rows["time"] = pandas.Series(start + pandas.to_timedelta(place * STEP.total_seconds(), unit="s")).astype(
        "datetime64[us, UTC]"
    )
    rows["jobs"] = pandas.Series(counts[group, place], dtype="Int64")
    return rows


def _quarters(jobs: pandas.DataFrame, start: Any, end: Any, now: Any) -> tuple[Any, Any]:
    """The first and the last quarter that each job touches, counted from the one that the window begins in."""
    began = instants(jobs["startTime"])
    lasts = jobs["duration"].mask(jobs["state"] == RUNNING, pandas.Timestamp(now) - jobs["startTime"])
    ended = instants(jobs["startTime"] + lasts.fillna(pandas.Timedelta(0)))
    begin, until = instants(pandas.Series([pandas.Timestamp(start).floor("15min"), pandas.Timestamp(end)]))
    step = np.timedelta64(STEP)
    first = ((began - begin) // step).astype(np.int64)
    # Half-open: what ends as a quarter begins has not touched it. Quarters after the window are cut off.
    last = -((begin - np.minimum(ended, until)) // step).astype(np.int64) - 1
    return first, np.maximum(first, last)


def _swept(which: Any, first: Any, last: Any, groups: int, bins: int) -> Any:
    """Jobs by group and quarter: one more where a job begins, one less after its last quarter, added up."""
    steps = np.zeros((groups, bins + 1), np.int32)
    np.add.at(steps, (which, first), 1)
    np.add.at(steps, (which, last + 1), -1)
    return steps.cumsum(axis=1)[:, :bins]
