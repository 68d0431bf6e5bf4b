"""What was planted in runs, against what is found: missed, late, and what triage shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd

from dpmagic.analysis.missed_runs import missed_runs
from dpmagic.analysis.start_delay import start_delay
from dpmagic.analysis.triage import triage
from tests.analysis import estates, raw, worlds
from tests.analysis.estates import time

HOUR = timedelta(hours=1)
Due = tuple[str, pd.Timestamp]
# The hours between two due times, at the most, by the policy's name.
LONGEST = {
    "hourly": 1, "four-hourly": 4, "six-hourly": 6, "twelve-hourly": 12, "nightly": 24, "nightly-india": 24,
    "short": 24, "weekly": 168, "thrice-a-day": 15, "office-hours": 15, "on-two-days": 96, "clusters": 6,
}  # fmt: skip


def check_missed(name: str) -> None:
    """Every run that was missed, kept from starting, or late, by instance, due time and reason; and no other.

    But for those in stretches of which nobody can tell: only what ends or changes protection makes such, and all of it
    does, where runs were due since.
    """
    found = missed_runs(estates.estate(name))
    sure = found[found["reason"] != "unverifiable"]
    unsure = found[found["reason"] == "unverifiable"].assign(instance=lambda rows: rows["id"].str.lower())
    got = {(row.id.lower(), row.due): row.reason for row in sure.itertuples()}
    since = unsure.groupby("instance")["due"].min().to_dict()
    told = {key: why for key, why in _planted(name).items() if key in got or not _hidden(key, since)}
    assert got == told
    for one in since:
        assert estates.kinds(name)[one] & {"stopped", "suspended", "inError", "softDeleted", "policyChanged"}


def _hidden(key: Due, since: dict[str, pd.Timestamp]) -> bool:
    return key[0] in since and since[key[0]] <= key[1]


def _planted(name: str) -> dict[Due, str]:
    """The due times that have no job, or a late one, within what the window shows."""
    live = estates.estate(name)
    first = max(pd.Timestamp(live.window.start), pd.Timestamp(live.now) - 14 * 24 * HOUR)
    last = min(pd.Timestamp(live.window.end), pd.Timestamp(live.now) - 2 * HOUR + timedelta.resolution)
    started: dict[str, list[pd.Timestamp]] = {}
    for job in (one["properties"] for one in worlds.records(name, raw.JOBS)):
        started.setdefault(job["backupInstanceId"].lower(), []).append(time(job["startTime"]))
    found = {}
    for run in estates.runs(name):
        of, due = run["backupInstanceId"].lower(), time(run["dueTime"])
        if not first <= due < last or run.get("isUserTriggered") or run.get("attempt"):
            continue
        if run["kind"] == "missed":
            # A job that was in the way and began before jobs are listed cannot be seen.
            seen = any(start < due for start in started.get(of, []))
            blocked = run["reason"].startswith("because of this") and seen
            found[of, due] = "blocked" if blocked else "noJob"
        elif time(run["startTime"]) - due > 2 * HOUR:
            found[of, due] = "late"
    return found


def check_delays(name: str) -> None:
    """Runs that were planted late have the delay that they were given; no other is late."""
    found = start_delay(estates.estate(name))
    delays = {row.jobId.lower(): (row.delay, row.late) for row in found.itertuples()}
    planted = {run["jobId"].lower(): run for run in estates.runs(name, "late")}
    for job, run in planted.items():
        if job in delays:
            delay = time(run["startTime"]) - time(run["dueTime"])
            assert delays[job] == (delay, delay > 2 * HOUR)
    late = {job for job, (_, late) in delays.items() if late}
    slow = {job for job, run in planted.items() if time(run["startTime"]) - time(run["dueTime"]) > 2 * HOUR}
    assert late == slow & set(delays)


def check_triage(name: str) -> None:
    """By plain loops over raw records: the last job that is over, what hangs, the last due time, the newest point."""
    live = estates.estate(name)
    found = {row.id.lower(): row for row in triage(live).itertuples()}
    wanted = {one: reasons for one, reasons in _troubled(name, live.now).items() if reasons}
    got = {
        one: {why for why in ("failed", "stuck", "missed", "stale") if getattr(row, why)} for one, row in found.items()
    }
    assert got == wanted
    planted = {run["jobId"].lower(): run for run in estates.runs(name) if "jobId" in run}
    for one, row in found.items():
        assert estates.kinds(name)[one], "whatever shows was planted"
        assert row.reason == next(why for why in ("failed", "stuck", "missed", "stale") if why in wanted[one])
        if "failed" in wanted[one]:
            run = planted[row.lastJobId.lower()]
            assert (row.errorCode, row.fault) == (run["errorCode"], _fault(run["errorCode"]))
            assert row.recommendedAction
            assert (row.since, row.sinceIs) == _failing(_jobs(name)[one])
        if row.currentProtectionState == "ProtectionError" and "failed" not in wanted[one]:
            codes = {one["code"] for one in raw.planted(name) if one["kind"] == "inError"}
            assert row.errorCode in codes


def _fault(code: str) -> str:
    return "user" if code.startswith("UserError") else "service"


def _jobs(name: str) -> dict[str, list[dict[str, Any]]]:
    """The properties of each instance's jobs, in order of their start."""
    jobs: dict[str, list[dict[str, Any]]] = {}
    for record in worlds.records(name, raw.JOBS):
        jobs.setdefault(record["properties"]["backupInstanceId"].lower(), []).append(record["properties"])
    return {one: sorted(mine, key=lambda job: job["startTime"]) for one, mine in jobs.items()}


def _failing(jobs: list[dict[str, Any]]) -> tuple[pd.Timestamp, str]:
    """The first failure since the last success, and whether there is a success."""
    over = [job for job in jobs if job["status"] != "InProgress"]
    fine = [place for place, job in enumerate(over) if job["status"].startswith("Completed")]
    return time(over[fine[-1] + 1 if fine else 0]["startTime"]), "at" if fine else "before"


def _troubled(name: str, now: Any) -> dict[str, set[str]]:
    jobs = _jobs(name)
    points = _points(name)
    unreadable = [one["ids"] for one in raw.planted(name) if one["kind"] == "unreadable"]
    hidden = {one.rpartition("/")[2] for ids in unreadable for one in ids}
    missed = {key for key, why in _planted_until(name, now).items() if why == "missed"}
    found: dict[str, set[str]] = {}
    for record in worlds.records(name, raw.INSTANCES):
        one, what = record["id"].lower(), record["properties"]
        if what["currentProtectionState"] not in ("ProtectionConfigured", "ProtectionError"):
            continue
        mine = jobs.get(one, [])
        over = [job for job in mine if job["status"] != "InProgress"]
        reasons = {"failed"} if over and over[-1]["status"] == "Failed" else set()
        going = [job for job in mine if job["status"] == "InProgress"]
        reasons |= {"stuck"} if any(now - time(job["startTime"]) > 12 * HOUR / 2 for job in going) else set()
        ran = [time(job["startTime"]) for job in mine if not job["isUserTriggered"] or job["status"] == "Completed"]
        last = max(ran, default=None)
        reasons |= {"missed"} if any(due >= (last or due) for of, due in missed if of == one) else set()
        reasons |= {"stale"} if _stale(what, points.get(one), over, now, hidden) else set()
        found[one] = reasons
    return found


def _planted_until(name: str, now: Any) -> dict[Due, str]:
    return {
        (run["backupInstanceId"].lower(), time(run["dueTime"])): "missed"
        for run in estates.runs(name, "missed")
        if time(run["dueTime"]) <= now - 2 * HOUR
    }


def _points(name: str) -> dict[str, pd.Timestamp]:
    """The newest snapshot by Azure Backup of each instance's disk as it is now, if that can be seen."""
    disks = {one["id"].lower(): one["properties"]["uniqueId"] for one in worlds.records(name, raw.DISKS)}
    newest: dict[tuple[str, str], pd.Timestamp] = {}
    for one in worlds.records(name, raw.SNAPSHOTS):
        source = one["properties"]["creationData"]
        disk = source["sourceResourceId"].lower()
        if one["name"].startswith("AzureBackup_") and source["sourceUniqueId"] == disks.get(
            disk, source["sourceUniqueId"]
        ):
            place = disk, one["id"].lower().split("/providers/")[0]
            newest[place] = max(time(one["properties"]["timeCreated"]), newest.get(place, pd.Timestamp(0, tz="UTC")))
    found = {}
    for one in worlds.records(name, raw.INSTANCES):
        stores = one["properties"]["policyInfo"]["policyParameters"]["dataStoreParametersList"]
        place = one["properties"]["dataSourceInfo"]["resourceID"].lower(), stores[0]["resourceGroupId"].lower()
        if place in newest:
            found[one["id"].lower()] = newest[place]
    return found


def _stale(what: dict[str, Any], point: Any, over: list[dict[str, Any]], now: Any, hidden: set[str]) -> bool:
    """Whether the newest point is older than interval, two hours, and the usual duration; or seen not to be there."""
    policy = what["policyInfo"]["policyId"].rpartition("/")[2]
    source = what["dataSourceInfo"]
    if policy not in LONGEST:
        return False
    if point is None:
        told = what["backupInstanceExtendedProperties"]["recoveryPointInfo"]["latestRecoveryPointInPrimaryRegion"]
        if source["datasourceType"] == "Microsoft.Compute/disks" and source["resourceID"].split("/")[2] not in hidden:
            return True
        point = time(told)
    lasted = [time(job["endTime"]) - time(job["startTime"]) for job in over if job["status"] == "Completed"]
    usual = pd.Series(lasted, dtype="timedelta64[us]").quantile(0.95) if lasted else timedelta(0)
    return bool(now - point > LONGEST[policy] * HOUR + 2 * HOUR + usual)
