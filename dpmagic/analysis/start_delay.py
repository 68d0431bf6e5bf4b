"""How long after their due times scheduled backups begin."""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer, history_of, jobs_of, whole, with_runs
from dpmagic.analysis.backups.keys import SLACK
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
_COLUMNS_OF_JOBS = (*_NEEDS["jobs"], "endTime", "isUserTriggered", *FROM_JOBS)
_OF_GROUPS = ("instance", "policyName", "due", "startTime")
_OF_RUNS = (*_OF_GROUPS, "id", "status")
_COLUMNS = (*NAMES, "policyName", "jobId", "status", "due", "startTime", "delay", "late")


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
    parts = portions(estate, _COLUMNS_OF_JOBS, together=True, window=with_runs(estate).window)
    rows = pandas.concat([_of_instances(part, by) for part in parts], ignore_index=True)
    if by is None:
        rows = rows.sort_values(["due", "id"], kind="stable", ignore_index=True)
    frame = rows[list(_COLUMNS)] if by is None else _grouped(rows, by)
    return answer(estate, frame, runs=len(rows), late=int(rows["late"].sum()))


def _of_instances(estate: Estate, by: str | None) -> pandas.DataFrame:
    """The runs in the window; of hundreds of thousands no more than what is asked for."""
    jobs = jobs_of(estate)
    found = history_of(estate).runs
    first = (found["attempt"] == 0) & found["due"].between(*_edges(estate), inclusive="left")
    runs = found.loc[first, list(_OF_RUNS if by is None else _OF_GROUPS)]
    rows = runs.rename(columns={"id": "jobId"}).assign(delay=runs["startTime"] - runs["due"])
    names = names_of(whole(estate, "instances"), jobs)
    return named(rows, names if by is None else names[[by] if by in names else []]).assign(late=rows["delay"] > SLACK)


def _grouped(rows: pandas.DataFrame, by: str) -> pandas.DataFrame:
    names = {"day": rows["due"].dt.floor("D"), "hour": rows["due"].dt.hour}
    groups = rows.assign(**{by: names.get(by, rows.get(by))}).groupby(by, sort=True)
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
    return found.reset_index()


def _edges(estate: Estate) -> tuple[pandas.Timestamp, pandas.Timestamp]:
    return pandas.Timestamp(estate.window.start), pandas.Timestamp(estate.window.end)
