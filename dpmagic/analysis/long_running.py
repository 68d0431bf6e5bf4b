"""Jobs that have been running for longer than they should."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer
from dpmagic.analysis.backups.keys import FINISHED, as_texts, by_text
from dpmagic.analysis.lengths.instances import INSTANCE_NEEDS, NAMED, by_instance, succeeded
from dpmagic.analysis.lengths.jobs import RUNNING, jobs_of, timedeltas
from dpmagic.estate.portions import portions, spelled
from dpmagic.estate.source import estate_of

FEWEST = 8
"""Of fewer jobs that succeeded nobody can say how long one may take."""

LONG, UNVERIFIABLE = "long", "unverifiable"
_COLUMNS = ("id", *NAMED, "startTime", "status", "runningFor", "limit", "n", "verdict")


def long_running(given: Any, over: Any = None, *, category: str = "Backup") -> pandas.DataFrame:
    """The jobs that still run after more than their instance's 99th percentile and three times its median: one row
    each, the one that has run for longest first.

    ``limit`` is the greater of the two, over the ``n`` successful jobs from the window's start until now. ``verdict``
    is ``long``, or ``unverifiable`` where there are fewer than eight of those: then there is no limit, and all that run
    are listed.
    """
    estate = estate_of(given, "jobs", needs={"jobs": ["id", *INSTANCE_NEEDS]}, window=over)
    until = estate.now + timedelta.resolution
    if estate.window.end < until:  # what runs may have begun after the last midnight
        estate = estate.over((estate.window.start, until))
    each = []
    for part in portions(estate, ("id", *INSTANCE_NEEDS), together=True, unless=FINISHED, numbers=True):
        running = _running(jobs_of(given, part, category, ("id", *INSTANCE_NEEDS)))
        each.append(running.assign(id=spelled(part, running["id"])))
    rows = pandas.concat(each, ignore_index=True)
    rows["runningFor"] = (pandas.Timestamp(estate.now) - rows["startTime"]).astype("timedelta64[us]")
    known = rows["limit"].notna()
    rows["verdict"] = pandas.Series(LONG, rows.index, "str").where(known, UNVERIFIABLE)
    found = rows[~known | (rows["runningFor"] > rows["limit"])]
    found = found.sort_values(["runningFor", "id"], ascending=[False, True], ignore_index=True)
    return answer(estate, found[list(_COLUMNS)], running=len(rows))


def _running(jobs: pandas.DataFrame) -> pandas.DataFrame:
    """The jobs that run, with how long they may."""
    jobs = by_instance(jobs)
    groups = succeeded(jobs).groupby("instance")["seconds"]
    limits = pandas.DataFrame({"n": groups.count(), "p99": groups.quantile(0.99), "p50": groups.quantile(0.5)})
    longest = limits["p99"].where(limits["p99"] > 3 * limits["p50"], 3 * limits["p50"])
    limits["longest"] = longest.where(limits["n"] >= FEWEST)
    rows = as_texts(jobs[jobs["state"] == RUNNING]).join(by_text(limits), on="instance")
    rows["limit"] = timedeltas(rows["longest"])
    return rows.assign(n=rows["n"].fillna(0).astype("Int64"))
