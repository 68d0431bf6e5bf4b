"""Every point that is kept, or should be, against what the policy of its time says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.backups.answers import (
    SNAPSHOTS,
    answer,
    jobs_until_now,
    reached,
    read_ahead,
    readable,
    until_now,
    whole,
)
from dpmagic.analysis.backups.kept import EXPIRING, HELD, HOLDING, SURPLUS, by_schedule, by_tag, judged
from dpmagic.analysis.backups.keys import DISK, among, by_text, is_in, key, last_part
from dpmagic.analysis.backups.naming import FROM_JOBS, NAMES, named, names_of
from dpmagic.analysis.backups.policies import Schedules, schedules_of
from dpmagic.analysis.backups.snapshots import of_instances, of_points
from dpmagic.analysis.latest import checked
from dpmagic.analysis.targets import span
from dpmagic.estate.estate import Estate
from dpmagic.estate.portions import portions, spelled
from dpmagic.estate.source import estate_of

_NEEDS = {
    "instances": ["id", "dataSourceId", "dataSourceType", "policyId", "resourceGroupId"],
    "policies": ["id", "policyRules"],
    "snapshots": ["id", "name", "incremental", "sourceResourceId", "sourceUniqueId", "timeCreated", "tags"],
    "disks": ["id", "uniqueId"],
    "jobs": [
        "id",
        "backupInstanceId",
        "policyId",
        "operationCategory",
        "status",
        "startTime",
        "endTime",
        "retentionTag",
    ],
}
_OF_JOBS = (*_NEEDS["jobs"], "isUserTriggered", "policyName", *FROM_JOBS)
_LIST = ["name", "backupInstanceId", "recoveryPointTime", "expiryTime", "retentionTagName", "policyName"]
_COLUMNS = (
    *NAMES, "policyName", "retentionTag", "timeCreated", "expiryTime", "status", "evidence", "earlierDisk",
    "snapshotId", "jobId", "recoveryPointId", "pointExpiryTime", "difference",
)  # fmt: skip
_MINIMAL = ["instance", "policy", "retentionTag", "timeCreated", "jobId", "expiryTime", "there"]
# Of hundreds of thousands of rows, no more than points are made of.
_OF_DONE = ["id", "instance", "policy", "retentionTag", "startTime", "recoveryPointId"]
_OF_SNAPSHOTS = ["id", "instance", "timeCreated", "ofDisk"]
_LISTED = [*_MINIMAL, "recoveryPointId", "pointExpiryTime", "difference", "snapshotId", "ofDisk"]
_LISTED_AS = {"name": "recoveryPointId", "expiryTime": "pointExpiryTime", "retentionTagName": "retentionTag"}
_MINUTES = pandas.Timedelta(minutes=10)
_TIMES = ("timeCreated", "expiryTime", "pointExpiryTime")


def retention_points(given: Any, *, grace: Any = "24h", verify: str | None = None) -> pandas.DataFrame:
    """The points of every instance that are there or should be, one row each, in order of instance and time.

    A point's ``expiryTime`` is what the policy that its job names says of the tag that its job names. ``status`` is
    ``present``; ``missing``, if its backup succeeded, it has not expired, and its snapshot is not there; ``expiring``,
    if it is there though expired, for no longer than ``grace``; ``surplus``, if for longer; ``held``, if that
    is because protection is stopped; ``unverifiable``, if the policy is gone or nothing says the tag. ``timeCreated``
    of a missing one is when its backup began. ``evidence`` is ``job``, or ``schedule`` of points from before there
    are jobs: their tag is the one that the policy of the first job gives their due time, if that does not depend on
    which runs succeeded then; what is missing from then, nobody sees. ``earlierDisk`` is whether it is of a disk that
    had the name before.

    By default snapshots are read. ``verify="recoveryPoints"`` reads the points (``evidence`` is ``recoveryPoint``): a
    point that is listed without its snapshot is ``missing``; ``pointExpiryTime`` is what the service says (missing just
    after creation), and ``difference`` how much longer, or shorter, that is than what the policy says.

    All is as it was when snapshots were read: in an archive by the last run that did, which may be before now.

    Raises `InvalidArgument` for a grace that is none, another ``verify``, and tables without what is needed.
    """
    checked(verify)
    patience = pandas.Timedelta(span(grace))
    estate = until_now(estate_of(given, "snapshots", needs=_NEEDS | ({"recovery_points": _LIST} if verify else {})))
    rows, notes, seen = estate.once(_points, patience, verify)
    return answer(estate, rows.copy(deep=False), *notes, seen=seen)


def _points(
    estate: Estate, patience: pandas.Timedelta, verify: str | None
) -> tuple[pandas.DataFrame, list[str], list[str]]:
    """The rows, what there is to note, and the instances whose points could be seen."""
    read_ahead(estate, snapshots=True)
    instances = whole(estate, "instances")
    disk = among(instances["dataSourceType"], (DISK,))
    seen = (disk & readable(estate, instances["resourceGroupId"])) | (~disk & bool(verify))
    ids = key(instances.loc[seen, "id"]).tolist()
    ours = of_instances(estate.table("snapshots", SNAPSHOTS), instances, estate.disks())[_OF_SNAPSHOTS]
    columns = (*_OF_JOBS, *(["recoveryPointId"] if verify else []))
    found = []
    for part in portions(estate, columns, together=True, numbers=True, category="backup"):
        world = _World.of(part, ids, ours, verify)
        some = _points_of(world, patience, verify)
        found.append(some.assign(jobId=spelled(part, world.ids_of(some["jobId"])).astype("str")))
    rows = pandas.concat(found, ignore_index=True)
    rows = rows.sort_values(["id", "timeCreated"], kind="stable", ignore_index=True)
    now, blind = pandas.Timestamp(estate.seen("snapshots")), int((~seen).sum())
    read = "recovery points and snapshots" if verify else "snapshots"
    notes = [f"read from {read}", f"the points of {blind} instances cannot be seen" if blind else ""]
    notes += [f"as of {now:%Y-%m-%d %H:%M} UTC, when snapshots were last read"] if now < estate.now else []
    return rows[list(_COLUMNS)], notes, ids


def _points_of(world: _World, patience: pandas.Timedelta, verify: str | None) -> pandas.DataFrame:
    """The rows of some instances."""
    rows = _from_points(world) if verify else _from_snapshots(world)
    rows["status"] = judged(rows["expiryTime"], rows["there"], world.now, patience).mask(rows["unlisted"], SURPLUS)
    stopped = world.instances[among(world.instances["currentProtectionState"], HOLDING)]
    held = is_in(rows["instance"], key(stopped["id"])) & rows["status"].isin((EXPIRING, SURPLUS)) & ~rows["unlisted"]
    rows["status"] = rows["status"].mask(held, HELD)
    rows = rows[rows["status"].notna()]
    return named(rows, names_of(world.instances, world.jobs))


@dataclass(frozen=True)
class _World:
    """What there is: instances, ``seen`` whether their points can be, the backups that succeeded, the snapshots.

    Jobs have numbers for ids, the places of what these are in ``ids``: the ids of a large estate take long to copy.
    """

    instances: pandas.DataFrame
    seen: pandas.Series
    ids: pandas.Series
    jobs: pandas.DataFrame
    done: pandas.DataFrame
    snapshots: pandas.DataFrame
    points: pandas.DataFrame | None
    policies: pandas.DataFrame
    schedules: Schedules
    reach: pandas.Timestamp
    now: pandas.Timestamp

    @classmethod
    def of(cls, estate: Estate, visible: Sequence[str], snapshots: pandas.DataFrame, verify: str | None) -> _World:
        """Of an estate, or a portion of one; ``visible`` and ``snapshots`` are those of all instances, by id."""
        instances, jobs = whole(estate, "instances"), jobs_until_now(estate)
        seen = key(instances["id"]).isin(visible)
        # What an archive's last look at snapshots could not show is neither missing nor past its expiry.
        now = pandas.Timestamp(estate.seen("snapshots"))
        begun = (jobs["startTime"] <= now).astype(bool)
        texts = jobs["id"]
        jobs = jobs.assign(id=range(len(jobs)))
        jobs = jobs if begun.all() else jobs[begun]
        over = jobs["done"] & ~(jobs["endTime"] > now)
        done = jobs.loc[over & is_in(jobs["instance"], key(instances.loc[seen, "id"])), _OF_DONE]
        ours = snapshots[is_in(snapshots["instance"], key(instances["id"]))]
        points = whole(estate, "recovery_points") if verify else None
        reach = pandas.Timestamp(reached(estate, jobs))
        policies = estate.policies()
        return cls(instances, seen, texts, jobs, done, ours, points, policies, schedules_of(policies), reach, now)

    def ids_of(self, numbers: pandas.Series) -> pandas.Series:
        """The ids of the jobs of these numbers; missing stays missing."""
        known = numbers.notna()
        found = self.ids.iloc[numbers[known].to_numpy("int64")].set_axis(numbers.index[known])
        return found if known.all() else found.reindex(numbers.index)


def _from_snapshots(world: _World) -> pandas.DataFrame:
    """Snapshots with their jobs, and jobs without a snapshot."""
    there = _of_snapshots(world.snapshots, world)
    lost = _lost(world.done[~is_in(world.done["id"], there["jobId"])], world)
    return _whole(_joined(there, lost.assign(evidence="job")), world)


def _of_snapshots(snapshots: pandas.DataFrame, world: _World) -> pandas.DataFrame:
    """Snapshots that are there, with tag and expiry by their job, or else by the schedule."""
    made = _with_jobs(snapshots[_OF_SNAPSHOTS].rename(columns={"id": "snapshotId"}), world.jobs)
    told = made[made["jobId"].notna()]
    told = told.assign(expiryTime=by_tag(told, world.schedules, "timeCreated"), evidence="job")
    return _joined(told, _before(made[made["jobId"].isna()], world)).assign(there=True)


def _lost(jobs: pandas.DataFrame, world: _World) -> pandas.DataFrame:
    """Backups that succeeded and whose point is not there, but for those whose point should be gone."""
    rows = jobs.rename(columns={"id": "jobId", "startTime": "timeCreated"}).assign(there=False)
    rows["expiryTime"] = by_tag(rows, world.schedules, "timeCreated")
    # Of a year's jobs most, of which nothing is to be said.
    return rows.loc[~(rows["expiryTime"] <= world.now), _MINIMAL]


def _joined(*parts: pandas.DataFrame) -> pandas.DataFrame:
    return pandas.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def _with_jobs(snapshots: pandas.DataFrame, jobs: pandas.DataFrame) -> pandas.DataFrame:
    """The snapshots, each with the backup that was going when it was made: ``jobId``, ``policy``, ``retentionTag``."""
    # By numbers: the ids of a large estate take long to copy.
    numbers, names = pandas.factorize(jobs["instance"])
    ran = pandas.DataFrame({"number": numbers, "row": range(len(jobs)), "startTime": jobs["startTime"].array})
    ran = ran[~jobs["failed"].to_numpy(bool)].sort_values("startTime", kind="stable")
    made = snapshots.sort_values("timeCreated", kind="stable", ignore_index=True)
    # What has no jobs is -1, as no job is: each has an instance.
    asked = made[["timeCreated"]].assign(number=pandas.Index(names).get_indexer(pandas.Index(made["instance"])))
    found = pandas.merge_asof(asked, ran, left_on="timeCreated", right_on="startTime", by="number")["row"]
    rows = found.fillna(-1).to_numpy("int64")
    ends = pandas.Series(jobs["endTime"].array.take(rows, allow_fill=True))
    rows = np.where((made["timeCreated"] > ends).astype(bool), -1, rows)  # one that still runs has no end
    told = {"jobId": "id", "policy": "policy", "retentionTag": "retentionTag"}
    return made.assign(**{name: jobs[of].array.take(rows, allow_fill=True) for name, of in told.items()})


def _before(rows: pandas.DataFrame, world: _World) -> pandas.DataFrame:
    """Snapshots from before there are jobs, by the schedule of the policy that the instance's first job names."""
    scheduled = world.jobs[~world.jobs["isUserTriggered"].fillna(False).astype(bool)]
    first = by_text(scheduled.drop_duplicates("instance").set_index("instance")["policy"].astype("str"))
    today = pandas.Series(key(world.instances["policyId"]).to_numpy(), index=key(world.instances["id"]))
    mine = rows["instance"].astype("str")
    policy = first.reindex(mine).fillna(today[~today.index.duplicated()].reindex(mine))
    found = rows.assign(policy=policy.to_numpy(), evidence="schedule", there=True)
    guessed = by_schedule(found, world.schedules, np.datetime64(world.now.tz_localize(None), "us"))
    # One that was made since there are jobs, and is of none, may be anybody's; but its job began minutes before it.
    old = found["timeCreated"] < world.reach + _MINUTES
    return found.drop(columns=list(guessed), errors="ignore").join(guessed.where(old))


def _from_points(world: _World) -> pandas.DataFrame:
    """The points that are listed, with their snapshots; jobs whose point is not; and snapshots that are of none."""
    assert world.points is not None  # they are read when they are asked for
    listed = world.points[is_in(key(world.points["backupInstanceId"]), key(world.instances.loc[world.seen, "id"]))]
    of = key(listed["backupInstanceId"])
    rows = of_points(listed.assign(instance=of), world.snapshots)
    rows = rows.rename(columns=_LISTED_AS)
    vault = rows["instance"].str.replace(r"/backupinstances/.*$", "", regex=True)
    rows["policy"] = vault + "/backuppolicies/" + rows["policyName"].str.lower()
    disks = key(world.instances.loc[among(world.instances["dataSourceType"], (DISK,)), "id"])
    rows["there"] = rows["snapshotId"].notna() | ~is_in(rows["instance"], disks)
    rows["timeCreated"] = rows["creationTime"].fillna(rows["timeCreated"])
    exact = rows["timeCreated"].notna()
    rows["timeCreated"] = rows["timeCreated"].fillna(rows["recoveryPointTime"])
    rows["expiryTime"] = by_tag(rows, world.schedules, "timeCreated")
    rows["difference"] = (rows["pointExpiryTime"] - rows["expiryTime"]).where(exact)
    made = world.done.assign(point=world.done["recoveryPointId"].str.lower().str.replace("-", ""))
    ids = rows["recoveryPointId"].str.lower()
    jobs = made.drop_duplicates("point").set_index("point")["id"]
    rows["jobId"] = jobs.reindex(ids).to_numpy()
    lost = _lost(made[~is_in(made["point"], ids)], world)
    left = world.snapshots[~is_in(world.snapshots["id"], rows["snapshotId"])]
    left = _of_snapshots(left, world).assign(unlisted=True)
    return _whole(_joined(rows[_LISTED], lost, left).assign(evidence="recoveryPoint"), world)


def _whole(rows: pandas.DataFrame, world: _World) -> pandas.DataFrame:
    """The rows with every column, typed."""
    absent = [name for name in (*_COLUMNS, "unlisted", "ofDisk") if name not in (*rows, *NAMES, "status")]
    found = rows.assign(**dict.fromkeys(absent, None))
    found["unlisted"] = found["unlisted"].notna()
    found["policyName"] = last_part(found["policy"]).where(found["policy"].notna())
    spelled = world.jobs.drop_duplicates("policy").set_index("policy")["policyName"]
    if "name" in world.policies:  # of an instance without a job
        today = pandas.Series(world.policies["name"].to_numpy(), index=key(world.policies["id"]), dtype="str")
        spelled = spelled.combine_first(today[~today.index.duplicated()])
    found["policyName"] = spelled.reindex(found["policy"]).set_axis(found.index).fillna(found["policyName"])
    found["earlierDisk"] = ~found["ofDisk"].astype("boolean")
    kinds = dict.fromkeys(_TIMES, "datetime64[us, UTC]") | {"difference": "timedelta64[us]", "there": "bool"}
    kinds |= dict.fromkeys(("retentionTag", "snapshotId", "recoveryPointId", "evidence"), "str")
    return found.astype(kinds)
