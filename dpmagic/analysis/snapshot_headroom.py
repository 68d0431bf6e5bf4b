"""How many snapshots each disk has, and when that will be too many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.arguments import whole_number
from dpmagic.analysis.backups.answers import SNAPSHOTS, answer, whole
from dpmagic.analysis.backups.keys import key, last_part
from dpmagic.analysis.backups.policies import most_kept, schedule_of, schedules_of
from dpmagic.analysis.backups.snapshots import by_backup
from dpmagic.estate.estate import Estate
from dpmagic.estate.source import estate_of
from dpmagic.schedules import Schedule
from dpmagic.schedules.instants import DAY

LIMIT = 500
"""Incremental snapshots that a disk can have, whoever makes them."""
POLICY_LIMIT = 450
"""Recovery points that a policy may keep of a disk: of Microsoft's overview and FAQ of May 2024; the support matrix of
2023 says 480, the current one 420."""

FULL, WILL_FILL, AT_POLICY_LIMIT, OK = "full", "willFill", "atPolicyLimit", "ok"
_DAYS = 28  # over which snapshots by others are counted
_COLUMNS = (
    "id", "name", "subscriptionId", "resourceGroup", "status", "snapshots", "byBackup", "byOthers", "limit", "headroom",
    "policyName", "steadyState", "expected", "runsPerDay", "othersPerDay", "daysUntilFull", "oldest",
)  # fmt: skip
_NEEDS = {
    "snapshots": ["id", "name", "incremental", "sourceUniqueId", "timeCreated", "tags"],
    "disks": ["id", "name", "uniqueId"],
    "instances": ["dataSourceId", "policyId"],
    "policies": ["id", "policyRules"],
}


def snapshot_headroom(given: Any, *, limit: int = LIMIT, policy_limit: int = POLICY_LIMIT) -> pandas.DataFrame:
    """The disks that have snapshots or an instance, the fullest first: one row each.

    ``snapshots`` are the incremental ones of the disk as it is now (by its ``uniqueId``, so not those of one that had
    the name before), in whatever resource group, ``byBackup`` and ``byOthers``; ``headroom`` is ``limit`` less those.
    ``steadyState`` is how many its policy keeps at the most if all runs succeed, and ``expected`` that with those by
    others. ``daysUntilFull`` is ``headroom`` by the pace at which it fills: that of the policy's ``runsPerDay`` if
    ``expected`` does not fit, and that at which others made the ones of the last 28 days that are there,
    ``othersPerDay``; missing if nothing fills it.

    ``status`` is ``full``; ``willFill``, if ``expected`` does not fit; ``atPolicyLimit``, if there are as many as a
    policy may keep, ``policy_limit``, or more; or ``ok``.

    Raises `InvalidArgument` for a limit that is none, and for tables without what is needed.
    """
    for name, value in (("limit", limit), ("policy_limit", policy_limit)):
        whole_number(value, name, " of snapshots, such as 500")
    estate = estate_of(given, "snapshots", needs=_NEEDS)
    rows = _counted(estate).merge(_policies(estate), on="key", how="left")
    rows = rows[(rows["snapshots"] > 0) | rows["policyName"].notna()]
    rows["steadyState"] = rows["steadyState"].astype("Int64")
    rows["limit"], rows["headroom"] = limit, limit - rows["snapshots"]
    rows["expected"] = rows[["steadyState", "byBackup"]].max(axis=1).astype("Int64") + rows["byOthers"]
    overflows = rows["expected"] > limit
    pace = rows["othersPerDay"] + rows["runsPerDay"].where(overflows, 0.0).fillna(0.0)
    left = (limit - rows["expected"]).where(~overflows, rows["headroom"])
    rows["daysUntilFull"] = (left.astype("Float64") / pace).mask((pace <= 0) | (rows["headroom"] <= 0))
    status = pandas.Series(OK, rows.index, "str").mask(rows["snapshots"] >= policy_limit, AT_POLICY_LIMIT)
    rows["status"] = status.mask(overflows, WILL_FILL).mask(rows["headroom"] <= 0, FULL)
    rows = rows.sort_values(["headroom", "id"], kind="stable", ignore_index=True)
    return answer(estate, rows[list(_COLUMNS)], f"limits: {limit} snapshots a disk, {policy_limit} points a policy")


def _counted(estate: Estate) -> pandas.DataFrame:
    """The disks with how many incremental snapshots each has."""
    snapshots = whole(estate, "snapshots", SNAPSHOTS)
    snapshots = snapshots[snapshots["incremental"].fillna(False).astype(bool)]
    backup = by_backup(snapshots)
    recent = snapshots["timeCreated"] > pandas.Timestamp(estate.seen("snapshots")) - pandas.Timedelta(days=_DAYS)
    marks: dict[str, Any] = {"snapshots": True, "byBackup": backup, "byOthers": ~backup, "recent": ~backup & recent}
    groups = snapshots.assign(**marks, unique=key(snapshots["sourceUniqueId"])).groupby("unique")
    counts = groups[list(marks)].sum().astype("Int64").assign(oldest=groups["timeCreated"].min())
    disks = whole(estate, "disks")
    rows = disks[["id", "name", "subscriptionId", "resourceGroup"]].reset_index(drop=True)
    found = counts.reindex(key(disks["uniqueId"])).set_axis(rows.index)
    filled = found[list(marks)].fillna(0)
    rows = rows.join(filled).assign(key=key(rows["id"]), oldest=found["oldest"])
    return rows.assign(othersPerDay=(rows["recent"] / _DAYS).astype("Float64"))


def _policies(estate: Estate) -> pandas.DataFrame:
    """By the disk's id in lower case, the policy of its instance, and what that comes to."""
    schedules, now = schedules_of(estate.policies()), np.datetime64(estate.now.replace(tzinfo=None), "us")
    instances = whole(estate, "instances")
    known = {policy: schedule_of(schedules, policy) for policy in key(instances["policyId"]).dropna().unique()}
    pace = {policy: _per_day(found, now) for policy, found in known.items() if found is not None and found.intervals}
    policy = key(instances["policyId"])
    found = pandas.DataFrame(
        {
            "key": key(instances["dataSourceId"]),
            "policyName": instances["policyName"].fillna(last_part(instances["policyId"])),
            "steadyState": policy.map(most_kept(estate)),
            "runsPerDay": policy.map(pace).astype("Float64"),
        }
    )
    return found.drop_duplicates("key")


def _per_day(schedule: Schedule, now: np.datetime64) -> float:
    return len(schedule.due(now - _DAYS * DAY, now)) / _DAYS
