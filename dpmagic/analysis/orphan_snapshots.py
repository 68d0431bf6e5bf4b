"""Snapshots by Azure Backup that no backup instance answers for any more, or no longer than it should."""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.analysis.backups.answers import SNAPSHOTS, answer, readable, whole
from dpmagic.analysis.backups.kept import SURPLUS
from dpmagic.analysis.backups.keys import is_in, key
from dpmagic.analysis.backups.snapshots import by_backup, group_of
from dpmagic.analysis.retention_points import retention_points
from dpmagic.estate.completeness import KEY
from dpmagic.estate.estate import Estate
from dpmagic.estate.source import estate_of

NO_DISK, NO_INSTANCE, PAST_EXPIRY, UNVERIFIABLE = "noDisk", "noInstance", "pastExpiry", "unverifiable"
REASONS = (NO_DISK, NO_INSTANCE, PAST_EXPIRY, UNVERIFIABLE)
_COLUMNS = (
    "id", "name", "subscriptionId", "resourceGroup", "sourceResourceId", "sourceUniqueId", "timeCreated", "diskSizeGB",
    "reason", "evidence", "expiryTime", "backupInstanceId", "detail",
)  # fmt: skip


def orphan_snapshots(given: Any, *, grace: Any = "24h", verify: str | None = None) -> pandas.DataFrame:
    """The incremental snapshots by Azure Backup that have no use: one row each, the oldest first.

    ``reason`` is ``noDisk``: no instance is of its disk, which is gone; ``noInstance``: the disk is there, and no
    instance is of it (soft-deleted ones count as there: they need their snapshots until they are purged);
    ``pastExpiry``: an instance is, and its policy would have had the snapshot gone more than ``grace`` before now
    (``expiryTime``); ``unverifiable``: an instance that may have it cannot be seen, as ``detail`` says. ``evidence`` is
    ``observed``, or ``inferred`` from the schedule where no job says the tag.

    Snapshots made by hand are none. ``diskSizeGB`` is the disk's provisioned size: what a snapshot holds, and costs, is
    at most that, and nothing here says how much less. Deleting is left to you. ``verify`` as in `retention_points`.
    Raises `InvalidArgument` for a grace that is none, another ``verify``, and tables without what is needed.
    """
    estate = estate_of(given, "snapshots")
    points = retention_points(estate, grace=grace, verify=verify)
    rows = pandas.concat([_without(estate), _late(estate, points)], ignore_index=True)
    rows = rows.sort_values(["timeCreated", "id"], kind="stable", ignore_index=True)
    size = int(rows["diskSizeGB"].sum())
    note = f"at most {size:,} GiB: provisioned sizes, not what the snapshots hold" if size else ""
    return answer(estate, rows[list(_COLUMNS)], note, *points.attrs[KEY]["notes"])


def _without(estate: Estate) -> pandas.DataFrame:
    """Those of whose disk no instance is, in the groups where instances keep theirs."""
    instances, snapshots = whole(estate, "instances"), whole(estate, "snapshots", SNAPSHOTS)
    gone = whole(estate, "deleted_instances") if estate.has("deleted_instances") else None
    groups = set(key(instances["resourceGroupId"]).dropna())
    ours = snapshots[by_backup(snapshots)]
    ours = ours.assign(source=key(ours["sourceResourceId"]), group=group_of(ours))
    deleted = set(key(gone["dataSourceId"])) if gone is not None else set()
    ours = ours[~ours["source"].isin(set(key(instances["dataSourceId"])) | deleted)]
    disks = whole(estate, "disks")
    there = is_in(ours["source"], key(disks["id"]))
    known = readable(estate, ours["source"])
    reason = pandas.Series(NO_DISK, ours.index, "str").mask(there, NO_INSTANCE).mask(~known, UNVERIFIABLE)
    blind = estate.source.scope.unreadable
    detail = pandas.Series(None, ours.index, "str").mask(~known, "the disk is in a subscription that cannot be read")
    if blind:
        # An instance may protect a disk of any subscription.
        reason = reason.mask(known & ~ours["group"].isin(groups), UNVERIFIABLE)
        detail = detail.mask(reason.eq(UNVERIFIABLE) & known, f"{len(blind)} subscriptions with vaults cannot be read")
    never = pandas.Series(None, ours.index, "datetime64[us, UTC]")
    nothing = pandas.Series(None, ours.index, "str")
    return ours.assign(reason=reason, evidence="observed", detail=detail, expiryTime=never, backupInstanceId=nothing)


def _late(estate: Estate, points: pandas.DataFrame) -> pandas.DataFrame:
    """Those that stay though they should be gone."""
    late = points[points["status"].eq(SURPLUS) & points["snapshotId"].notna()]
    facts = whole(estate, "snapshots", SNAPSHOTS).set_index("id")
    rows = facts.reindex(late["snapshotId"]).reset_index(names="id")
    inferred = late["evidence"].eq("schedule").to_numpy()
    return rows.assign(
        reason=PAST_EXPIRY,
        evidence=pandas.Series("observed", rows.index, "str").mask(inferred, "inferred"),
        expiryTime=late["expiryTime"].array,
        backupInstanceId=late["id"].array,
        detail=("tag " + late["retentionTag"].astype("str")).array,
    )
