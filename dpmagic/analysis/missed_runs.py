"""Backups that should have run and did not."""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer, history_of, jobs_of, whole, with_runs
from dpmagic.analysis.backups.history import History
from dpmagic.analysis.backups.holes import told
from dpmagic.analysis.backups.keys import SLACK, alike, last_part
from dpmagic.analysis.backups.naming import FROM_JOBS, NAMES, named, names_of
from dpmagic.estate.estate import Estate
from dpmagic.estate.portions import portions, spelled
from dpmagic.estate.source import estate_of

NO_JOB, BLOCKED, LATE, UNVERIFIABLE = "noJob", "blocked", "late", "unverifiable"
REASONS = (NO_JOB, BLOCKED, LATE, UNVERIFIABLE)
"""Why a due time is listed, the worst first."""

_NEEDS = {
    "jobs": ["id", "backupInstanceId", "policyId", "operationCategory", "status", "startTime", "endTime"],
    "instances": ["id", "policyId", "currentProtectionState", "oldestRecoveryPoint"],
    "policies": ["id", "policyRules"],
}
_COLUMNS_OF_JOBS = (*_NEEDS["jobs"], "isUserTriggered", "policyName", *FROM_JOBS)
_COLUMNS = (*NAMES, "policyId", "due", "reason", "runs", "startTime", "delay", "detail")


def missed_runs(given: Any) -> pandas.DataFrame:
    """The due times in the window without a job that began within two hours: one row each.

    ``reason`` is ``noJob``; ``blocked``, if an earlier job of the instance (named in ``detail``) was still going;
    ``late``, if its job began more than two hours after (at ``startTime``, by ``delay``); or ``unverifiable``: a
    stretch of ``runs`` due times from ``due`` on (0 and missing if not even that is known) of which nobody can tell
    whether they should have run, or did, as ``detail`` says: the policy is gone or changed, protection is off, the
    instance is gone or new, or no run of an archive saw the jobs of then. ``policyId`` is the policy that the jobs
    around name, in lower case.

    Due times are instants plus whole intervals, in UTC. Those of the last two hours are left out: their jobs may come.
    ``attrs["dpmagic"]`` has how many runs were ``expected``. Resource Graph keeps jobs for 14 days, so the first hours
    of a window of 14 whole days are out of sight, and so is a schedule that was edited in place.
    Raises `InvalidArgument` for tables without what is needed.
    """
    estate = estate_of(given, "jobs", needs=_NEEDS)
    window = with_runs(estate).window
    parts = portions(estate, _COLUMNS_OF_JOBS, together=True, numbers=True, category="backup", window=window)
    found = [_of_instances(part) for part in parts]
    rows = pandas.concat([rows for rows, _ in found], ignore_index=True)
    order = rows["reason"].map(REASONS.index).rename("order")
    rows = rows.assign(order=order).sort_values(["order", "due", "id"], kind="stable", ignore_index=True)
    missed = rows["reason"].isin((NO_JOB, BLOCKED)).sum()
    expected = sum(count for _, count in found)
    notes = [_note(rows), *told(with_runs(estate))]
    return answer(estate, rows[list(_COLUMNS)], *notes, expected=expected, missed=int(missed))


def _of_instances(estate: Estate) -> tuple[pandas.DataFrame, int]:
    """The rows, and how many runs were expected."""
    jobs = jobs_of(estate)
    found = history_of(estate)
    names = names_of(whole(estate, "instances"), jobs)
    rows = pandas.concat([_without(found, jobs, estate), _late(found), _unsure(found)], ignore_index=True)
    rows = rows.rename(columns={"policy": "policyId"}).astype({"policyId": "str"})
    return named(rows, names), len(found.expected)


def _without(found: History, jobs: pandas.DataFrame, estate: Estate) -> pandas.DataFrame:
    """Due times without a job, and whether an earlier one was in the way."""
    rows = found.expected[found.expected["startTime"].isna()].drop(columns="startTime")
    rows = rows.sort_values("due", kind="stable")
    # The last job of the instance that began before: it was in the way if it had not ended.
    over = jobs["done"] | jobs["failed"]  # also where nobody wrote down since when
    ends = jobs["endTime"].mask(over & jobs["endTime"].isna(), jobs["startTime"])
    began = jobs[["startTime", "id"]].assign(endTime=ends, instance=alike(jobs["instance"], rows["instance"]))
    began = began[began["instance"].notna()].sort_values("startTime", kind="stable")
    began = began.rename(columns={"startTime": "began", "id": "earlier"})
    rows = pandas.merge_asof(rows, began, left_on="due", right_on="began", by="instance")
    blocked = rows["began"].notna() & ~(rows["endTime"] <= rows["due"])
    rows["reason"] = pandas.Series(NO_JOB, rows.index, "str").mask(blocked, BLOCKED)
    earlier = last_part(spelled(estate, rows["earlier"].where(blocked)))
    rows["detail"] = ("the job " + earlier + " was still going").where(blocked)
    return rows.drop(columns=["began", "endTime", "earlier"]).assign(runs=1)


def _late(found: History) -> pandas.DataFrame:
    delay = found.expected["startTime"] - found.expected["due"]
    late = delay > SLACK
    return found.expected[late].assign(delay=delay[late], reason=LATE, runs=1)


def _unsure(found: History) -> pandas.DataFrame:
    return found.unverifiable.rename(columns={"why": "detail"}).assign(reason=UNVERIFIABLE)


def _note(rows: pandas.DataFrame) -> str:
    stretches = int((rows["reason"] == UNVERIFIABLE).sum())
    return f"{stretches} stretches of due times cannot be verified" if stretches else ""
