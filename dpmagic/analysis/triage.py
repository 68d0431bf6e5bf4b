"""What to look at first: the instances whose backups are not fine now."""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.analysis.arguments import text
from dpmagic.analysis.backups import holes, lately
from dpmagic.analysis.backups.answers import (
    BACKUPS,
    answer,
    history_of,
    jobs_until_now,
    read_once,
    unknown_since,
    until_now,
    whole,
)
from dpmagic.analysis.backups.keys import SCHEDULED, among, by_key, key
from dpmagic.analysis.backups.naming import NAMES, tag_of
from dpmagic.analysis.latest import latest_points
from dpmagic.analysis.rpo import BREACHED, NO_POINT, status
from dpmagic.analysis.targets import rpo_targets
from dpmagic.estate.completeness import KEY
from dpmagic.estate.estate import Estate
from dpmagic.estate.portions import portions, spelled
from dpmagic.estate.source import estate_of

FAILED, STUCK, MISSED, STALE = "failed", "stuck", "missed", "stale"
REASONS = (FAILED, STUCK, MISSED, STALE)
"""Why an instance is listed: the first that applies."""

IN_ERROR = ("protectionerror", "configuringprotectionfailed")
_NEEDS = {
    "jobs": ["id", "backupInstanceId", "policyId", "operationCategory", "status", "startTime", "duration", "errorCode"],
    "instances": ["id", "policyId", "currentProtectionState", "oldestRecoveryPoint"],
    "policies": ["id", "policyRules"],
    "disks": ["id", "tags"],
}
_COLUMNS = (
    *NAMES, "policyName", "currentProtectionState", "owner", "reason", "failed", "stuck", "missed", "stale",
    "since", "sinceIs", "failures", "missedRuns", "runningFor", "latestPoint", "age", "rpo", "evidence",
    "lastJobId", "lastStatus", "lastStartTime", "errorCode", "fault", "errorMessage", "recommendedAction",
)  # fmt: skip
_OF_JOBS = tuple(name for name in BACKUPS if name not in ("retentionTag", "recoveryPointId"))
_LAST = (
    "lastJobId", "lastStatus", "lastStartTime", "failures", "failingSince", "failingIs",
    "jobCode", "jobMessage", "jobAction", "isUserError",
)  # fmt: skip


def triage(
    given: Any, rpo: Any = None, *, control: Any = None, tag: str | None = "rpo", owner: str = "owner",
    verify: str | None = None,
) -> pandas.DataFrame:  # fmt: skip
    """The instances to look at, those longest without a point first: one row each, and none that is fine by now.

    - ``failed``: its last backup that is over failed, or was cancelled; ``failures`` in a row, ``since`` the first of
      them began;
    - ``stuck``: a backup has been ``runningFor`` longer than the longer of the 99th percentile and three times the
      median of its backups (a day, where none succeeded);
    - ``missed``: its last ``missedRuns`` due times have no job, two hours later;
    - ``stale``: its newest point is older than the RPO, or none exists.

    ``reason`` is the first of these that applies, ``since`` when that began (``sinceIs`` ``at``), or ``before`` which
    it did, where no earlier backup is known, or ``after``, where a point is gone that was made then. A run that failed
    or was missed does not show once another one succeeded. ``age`` is the newest point's, ``rpo`` what it may be (see
    `rpo`, `rpo_targets`, `latest_points` for the arguments). ``owner`` is the disk's tag of that name. The last
    failure, or else what ails the protection, gives ``errorCode``, ``errorMessage``, Microsoft's ``recommendedAction``
    and whose ``fault`` it is, ``user`` or ``service``.

    Instances whose protection is on or in error are looked at, up to now, by the jobs since the window's start; how
    many are not, for they are stopped or suspended, is in the notes of ``attrs["dpmagic"]``. A missed run of which
    nobody can tell whether it was due does not count. Raises `InvalidArgument` for a span that is none, and for tables
    without what is needed.
    """
    text(owner, "the tag of owners", "owner")
    estate = until_now(estate_of(given, "jobs", needs=_NEEDS))
    with read_once(estate, snapshots=bool(verify)):
        return _answered(estate, rpo, control, tag, owner, verify)


def _answered(
    estate: Estate, rpo: Any, control: Any, tag: str | None, owner: str, verify: str | None
) -> pandas.DataFrame:
    instances = whole(estate, "instances")
    looked_at = among(instances["currentProtectionState"], (*SCHEDULED, *IN_ERROR))
    targets, newest = rpo_targets(estate, rpo, control=control, tag=tag), latest_points(estate, verify)
    found = instances.assign(name=instances["friendlyName"], **targets.drop(columns="id"), **newest.drop(columns="id"))
    found["age"] = (pandas.Timestamp(estate.now) - found["latestPoint"]).astype("timedelta64[us]")
    found, later = _lately(estate, found)
    found["stale"] = status(found).isin((BREACHED, NO_POINT))
    found["owner"] = _owners(estate, found, owner)
    found = _reasons(_faults(found))
    rows = found[looked_at & found["reason"].notna()]
    rows = rows.sort_values(
        ["age", "id"], ascending=[False, True], na_position="first", kind="stable", ignore_index=True
    )
    aside = int((~looked_at).sum())
    said = [*later, *holes.told(estate), *newest.attrs[KEY]["notes"], *targets.attrs[KEY]["notes"]]
    notes = [*said, f"{aside} instances are stopped or suspended" if aside else ""]
    return answer(estate, rows[list(_COLUMNS)], *notes, instances=int(looked_at.sum()))


def _lately(estate: Estate, found: pandas.DataFrame) -> tuple[pandas.DataFrame, list[str]]:
    """The rows with what their last jobs say, and a note where these are not of now."""
    parts = portions(estate, _OF_JOBS, together=True, numbers=True, category="backup")
    each = [(_said(part), unknown_since(part, jobs_until_now(part))) for part in parts]
    more = {
        str(name): by_key(pandas.concat([one[name] for one in alike]), found["id"])
        for alike in zip(*(said for said, _ in each), strict=True)
        for name in alike[0]
    }
    made = found.assign(**more)
    counts = {name: made[name].fillna(0).astype("Int64") for name in ("failures", "missedRuns")}
    made = made.assign(**counts, failed=made["failures"].fillna(0) > 0, stuck=made["stuckSince"].notna())
    return made.assign(missed=made["missedRuns"] > 0), [*dict.fromkeys(note for _, note in each)]


def _said(estate: Estate) -> tuple[pandas.DataFrame, ...]:
    """By instance, what its last jobs say: the last that is over, one that does not end, the due times since."""
    jobs = jobs_until_now(estate)
    told = history_of(estate, keep=False)
    last = lately.last_finished(jobs).rename(
        columns={"id": "lastJobId", "status": "lastStatus", "startTime": "lastStartTime", "errorCode": "jobCode"}
    )
    last = last.rename(columns={"errorMessage": "jobMessage", "recommendedAction": "jobAction"})
    last["lastJobId"] = spelled(estate, last["lastJobId"])
    return last[list(_LAST)], lately.stuck(jobs, estate.now), lately.missing(told.expected, jobs)


def _owners(estate: Estate, found: pandas.DataFrame, owner: str) -> pandas.Series:
    disks = estate.disks()
    owners = pandas.Series([tag_of(tags, owner) for tags in disks["tags"]], index=key(disks["id"]), dtype="str")
    return by_key(owners[~owners.index.duplicated()], found["dataSourceId"])


def _faults(found: pandas.DataFrame) -> pandas.DataFrame:
    """The rows with the last failure, or else what ails the protection: code, whose fault, message, action."""
    failed = found["failed"]
    said = found["protectionErrorDetails"].map(lambda one: one if isinstance(one, dict) else {})
    code = found["jobCode"].where(failed, found["errorCode"])
    user = found["isUserError"].astype("boolean").where(failed, said.map(lambda one: one.get("isUserError")))
    user = user.astype("boolean").fillna(code.str.startswith("UserError").astype("boolean"))
    actions = found["jobAction"].where(failed, said.map(lambda one: one.get("recommendedAction")))
    fault = pandas.Series("service", index=found.index, dtype="str").mask(user.fillna(False).astype(bool), "user")
    return found.assign(
        errorCode=code,
        errorMessage=found["jobMessage"].where(failed, found["errorMessage"]),
        recommendedAction=actions.map(_joined).astype("str"),
        fault=fault.where(code.notna()),
    )


def _joined(actions: object) -> str | None:
    return " ".join(str(action) for action in actions) or None if isinstance(actions, list) else None


def _reasons(found: pandas.DataFrame) -> pandas.DataFrame:
    """The rows with the first reason that applies to each, and since when it does."""
    overdue = found["latestPoint"] + found["rpo"]
    # A backup that succeeded later had a point: it has gone since, nobody knows when.
    made = found["lastStartTime"].where(~found["failed"])
    lost = made.notna() & ~(made <= found["latestPoint"])
    gone = made.mask(overdue > made, overdue)
    begins = {
        FAILED: (found["failingSince"], found["failingIs"]),
        STUCK: (found["stuckSince"], "at"),
        MISSED: (found["missedSince"], found["missedIs"]),
        STALE: (gone.where(lost, overdue), lost.map({True: "after", False: "at"})),
    }
    reason = pandas.Series(None, index=found.index, dtype="str")
    how = pandas.Series(None, index=found.index, dtype="str")
    since = pandas.Series(pandas.NaT, index=found.index, dtype="datetime64[us, UTC]")
    for name in reversed(REASONS):
        applies = found[name].fillna(False).astype(bool)
        began, kind = begins[name]
        reason, since, how = reason.mask(applies, name), since.mask(applies, began), how.mask(applies, kind)
    return found.assign(reason=reason, since=since, sinceIs=how.where(since.notna()))
