"""How long after their due times scheduled backups begin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas
from pandas.api.types import union_categoricals

from dpmagic.analysis.backups.answers import answer, history_of, jobs_of, whole, with_runs
from dpmagic.analysis.backups.keys import SLACK, as_texts, instants
from dpmagic.analysis.backups.naming import FROM_JOBS, NAMES, named, names_of
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.estate import Estate
from dpmagic.estate.portions import portions
from dpmagic.estate.source import estate_of

GROUPS = ("id", "dataSourceName", "vaultName", "subscriptionId", "policyName", "day", "hour")
"""What `start_delay` groups by; ``day`` and ``hour`` are those of the due time, in UTC."""

_NEEDS = {
    "jobs": ["id", "backupInstanceId", "policyId", "policyName", "operationCategory", "status", "startTime"],
    "instances": ["id", "policyId", "currentProtectionState", "oldestRecoveryPoint"],
    "policies": ["id", "policyRules"],
}
_COLUMNS_OF_JOBS = (*_NEEDS["jobs"], "isUserTriggered", *FROM_JOBS)
_OF_GROUPS = ("instance", "policyName", "due", "startTime")
_OF_RUNS = (*_OF_GROUPS, "id", "status")
_COLUMNS = (*NAMES, "policyName", "jobId", "status", "due", "startTime", "delay", "late")
_SHARED = (*NAMES, "policyName", "status")


def start_delay(given: Any, by: str | None = None) -> pandas.DataFrame:
    """The delay of every scheduled backup that was due in the window: its start less the latest due time before it.

    One row a run, with ``due``, ``startTime``, ``delay`` and ``late``: whether it is more than two hours, which is what
    the service allows itself; two hours to the second are not late. A retry is not a run of its own. With ``by``, one
    of `GROUPS`, one row a group: ``n`` runs, ``p50``, ``p95`` and ``max`` of their delays, how many are ``late`` and
    their ``share``.

    Raises `InvalidArgument` for an unknown ``by``, and for tables without what is needed.
    """
    if by not in (None, *GROUPS):
        there = f"by {', '.join(GROUPS)}"
        raise InvalidArgument(f"start_delay does not group by {by!r}", did_you_mean(str(by), GROUPS, there))
    estate = estate_of(given, "jobs", needs=_NEEDS)
    columns = [name for name in _COLUMNS_OF_JOBS if by is None or name != "id"]  # of a year's jobs ids take the most
    parts = portions(estate, columns, together=True, category="backup", window=with_runs(estate).window)
    if by is None:
        frame = _in_order([_packed(_of_instances(part, by)) for part in parts])
        return answer(estate, frame, runs=len(frame), late=int(frame["late"].sum()))
    rows = _together([_of_group(_of_instances(part, by), by) for part in parts])
    return answer(estate, _grouped(rows, by), runs=len(rows), late=int(rows["late"].sum()))


def _of_group(rows: pandas.DataFrame, by: str) -> pandas.DataFrame:
    """Of each row no more than what is asked for, the group's name once."""
    names = {"day": rows["due"].dt.floor("D"), "hour": rows["due"].dt.hour}
    group = names[by] if by in names else rows[by].astype("category")
    return rows[["delay", "late"]].assign(**{by: group})


def _together(parts: list[pandas.DataFrame]) -> pandas.DataFrame:
    """One table of all rows, what is a categorical as one: texts of millions of rows take long to copy."""
    made = pandas.concat([part.select_dtypes(exclude="category") for part in parts], ignore_index=True)
    coded = {
        name: union_categoricals([part[name] for part in parts], sort_categories=True)
        for name in map(str, parts[0])
        if name not in made
    }
    return made.assign(**coded)


def _packed(rows: pandas.DataFrame) -> pandas.DataFrame:
    """The rows with each text that many of them share once."""
    return rows[list(_COLUMNS)].astype(dict.fromkeys(_SHARED, "category"))


def _in_order(parts: list[pandas.DataFrame]) -> pandas.DataFrame:
    """One table of all rows, by due time and id: put together a column at a time, for a year has millions of rows."""
    ids = union_categoricals([part["id"] for part in parts], sort_categories=True)
    codes = np.where(ids.codes < 0, len(ids.categories), ids.codes)  # what has no id is last
    order = np.lexsort((codes, instants(pandas.concat([part["due"] for part in parts]))))
    made = {}
    for name in sorted(_COLUMNS, key=_SHARED.__contains__):  # the largest are those that no two rows share
        each = [part.pop(name) for part in parts]  # let go of at once
        if name in _SHARED:
            texts = union_categoricals(each).take(order)
            made[name] = pandas.Series(texts.categories.array.take(texts.codes, allow_fill=True), dtype="str")
        else:
            made[name] = pandas.concat(each, ignore_index=True).take(order).reset_index(drop=True)
    return pandas.DataFrame(made, columns=list(_COLUMNS))


def _of_instances(estate: Estate, by: str | None) -> pandas.DataFrame:
    """The runs in the window; of hundreds of thousands no more than what is asked for."""
    jobs = jobs_of(estate)
    found = history_of(estate).runs
    first = (found["attempt"] == 0) & found["due"].between(*_edges(estate), inclusive="left")
    runs = found.loc[first, list(_OF_RUNS if by is None else _OF_GROUPS)]
    rows = runs.rename(columns={"id": "jobId"}).assign(delay=runs["startTime"] - runs["due"])
    names = names_of(whole(estate, "instances"), jobs).astype("category")  # of millions of rows no text is copied
    return named(rows, names if by is None else names[[by] if by in names else []]).assign(late=rows["delay"] > SLACK)


def _grouped(rows: pandas.DataFrame, by: str) -> pandas.DataFrame:
    groups = rows.groupby(by, sort=True)
    delays = groups["delay"]
    found = pandas.DataFrame(
        {
            "n": groups.size(),
            "p50": delays.quantile(0.5),
            "p95": delays.quantile(0.95),
            "max": delays.max(),
            "late": groups["late"].sum(),
            "share": groups["late"].mean().astype("Float64"),
        }
    )
    return as_texts(found.reset_index())


def _edges(estate: Estate) -> tuple[pandas.Timestamp, pandas.Timestamp]:
    return pandas.Timestamp(estate.window.start), pandas.Timestamp(estate.window.end)
