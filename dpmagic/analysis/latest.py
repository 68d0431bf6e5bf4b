"""The newest recovery point of each instance that still exists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer, newest_snapshots, readable, whole
from dpmagic.analysis.backups.keys import DISK, among, by_key, is_in, key
from dpmagic.analysis.backups.recent import last_success, recent
from dpmagic.analysis.backups.snapshots import of_instances, of_points
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.estate import Estate
from dpmagic.estate.source import estate_of

RECOVERY_POINTS = "recoveryPoints"

_NEEDS = {
    "instances": ["id", "dataSourceId", "dataSourceType", "resourceGroupId", "latestRecoveryPoint"],
    "snapshots": ["id", "name", "incremental", "sourceResourceId", "sourceUniqueId", "timeCreated", "tags"],
    "disks": ["id", "uniqueId"],
    "jobs": ["backupInstanceId", "operationCategory", "status", "startTime"],
}
_POINTS = {"recovery_points": ["backupInstanceId", "recoveryPointTime"]}


def latest_points(given: Any, verify: str | None = None) -> pandas.DataFrame:
    """The newest point of every instance: ``id``, ``latestPoint`` (UTC), ``evidence`` and ``observed``.

    Of a disk it is when its newest snapshot was made that is still there and is of the disk that has the name now
    (``evidence`` is ``snapshot``); a job that succeeded is no proof. Where snapshots cannot be seen, for their
    subscription is not readable, and for other datasources, it is inferred: what the service says of the instance
    (``instance``), or the start of its last successful backup in the window (``job``); ``observed`` is false. A disk
    that was observed to have no snapshot has no ``latestPoint``; where ``evidence`` is missing, nothing is known.
    Backups that succeeded after an archive's run last read snapshots are inferred, too (``job``).

    ``verify="recoveryPoints"`` reads the points themselves (``recoveryPoint``): a disk's counts if its snapshot is
    there. Raises `InvalidArgument` for another ``verify``, and for tables without what is needed.
    """
    checked(verify)
    estate = estate_of(given, "instances", needs=_NEEDS | (_POINTS if verify else {}))
    found, note = estate.once(_newest, verify)
    return answer(estate, found.copy(deep=False), recent(estate).note, note)


def _newest(estate: Estate, verify: str | None) -> tuple[pandas.DataFrame, str]:
    instances = estate.instances()
    found = pandas.DataFrame({"id": instances["id"], "key": key(instances["id"])})
    found = found.join(_inferred(estate, instances))
    seen = _seen(estate, instances, verify)
    later = _later(estate, instances)
    proof = (seen["visible"] & later.isna()).to_numpy()
    found["latestPoint"] = found["latestPoint"].mask(proof, seen["latestPoint"])
    found["evidence"] = found["evidence"].mask(proof, "recoveryPoint" if verify else "snapshot")
    found["latestPoint"] = found["latestPoint"].mask(later.notna(), later)
    found["evidence"] = found["evidence"].mask(later.notna(), "job")
    found["observed"] = pandas.Series(proof, index=found.index, dtype="boolean")
    return found.drop(columns="key"), _note(found["observed"].astype(bool))


def checked(verify: str | None) -> None:
    """Raise `InvalidArgument` unless ``verify`` is None or ``recoveryPoints``."""
    if verify not in (None, RECOVERY_POINTS):
        hint = did_you_mean(str(verify), [RECOVERY_POINTS], f'leave it out, or write verify="{RECOVERY_POINTS}"')
        raise InvalidArgument(f"nothing is verified by {verify!r}", hint)


def _inferred(estate: Estate, instances: pandas.DataFrame) -> pandas.DataFrame:
    """What the service says of each instance, else when its last successful backup began."""
    last = last_success(recent(estate).jobs)
    told = instances["latestRecoveryPoint"]
    ran = by_key(last, instances["id"])
    evidence = pandas.Series(None, index=instances.index, dtype="str")
    evidence = evidence.mask(ran.notna(), "job").mask(told.notna(), "instance")
    return pandas.DataFrame({"latestPoint": told.fillna(ran), "evidence": evidence})


def _later(estate: Estate, instances: pandas.DataFrame) -> pandas.Series:
    """When the last successful backup of each disk began, where that is since snapshots were last read."""
    seen = estate.seen("snapshots")
    if seen >= estate.now:
        return pandas.Series(None, instances.index, "datetime64[us, UTC]")
    # Up to now, wherever the window ends: it is the newest point that is asked for.
    since = estate.over((seen + timedelta.resolution, estate.now + timedelta.resolution))
    ran = by_key(last_success(recent(since).jobs), instances["id"])
    return ran.where(among(instances["dataSourceType"], (DISK,)))


def _seen(estate: Estate, instances: pandas.DataFrame, verify: str | None) -> pandas.DataFrame:
    """The newest point seen of each instance, and whether points could be seen at all (``visible``)."""
    snapshots = of_instances(newest_snapshots(estate, verify), instances, estate.disks())
    snapshots = snapshots[snapshots["ofDisk"].fillna(True).astype(bool)]
    disk = among(instances["dataSourceType"], (DISK,))
    shown = disk & readable(estate, instances["resourceGroupId"])
    points = pandas.DataFrame({"instance": snapshots["instance"], "at": snapshots["timeCreated"]})
    if verify:
        points = _listed(whole(estate, "recovery_points"), snapshots, key(instances.loc[~disk, "id"]))
        shown |= ~disk
    newest = points.groupby("instance")["at"].max()
    return pandas.DataFrame({"latestPoint": by_key(newest, instances["id"]), "visible": shown})


def _listed(points: pandas.DataFrame, snapshots: pandas.DataFrame, others: pandas.Series) -> pandas.DataFrame:
    """The recovery points that can be restored: those of ``others``, and those of disks whose snapshot is there."""
    rows = of_points(points.assign(instance=key(points["backupInstanceId"])), snapshots)
    usable = is_in(rows["instance"], others) | rows["snapshotId"].notna()
    return rows.loc[usable, ["instance", "recoveryPointTime"]].rename(columns={"recoveryPointTime": "at"})


def _note(seen: pandas.Series) -> str:
    return f"the points of {int((~seen).sum())} instances are inferred, not seen" if not seen.all() else ""
