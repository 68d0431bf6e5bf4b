"""What Azure Backup looks at before it protects or restores a disk: places, permissions, who has the disk already.

A missing permission hides whether the thing exists, so the codes say "or". Which code goes with which finding is
recorded for "neither", and modelled from Microsoft's list of disk backup errors for the rest.
"""

from __future__ import annotations

from typing import Any

from . import faults, policies
from .authorization import DISK_BACKUP_READER, DISK_RESTORE_OPERATOR, DISK_SNAPSHOT_CONTRIBUTOR
from .store import Document
from .world import World, group_id, name_of, subscription_of

_IDLE = ("ProtectionStopped", "SoftDeleted")


def protectable(world: World, vault: Document, properties: dict[str, Any]) -> None:
    """Raise the fault that keeps the vault from backing the datasource up, if there is one."""
    if properties["dataSourceInfo"]["datasourceType"].lower() != policies.DISK.lower():
        return
    disk_id = properties["dataSourceInfo"]["resourceID"]
    snapshot_group = snapshot_group_id(properties)
    principal = (vault.get("identity") or {}).get("principalId", "")
    reads = world.holds(principal, DISK_BACKUP_READER, disk_id)
    snaps = world.holds(principal, DISK_SNAPSHOT_CONTRIBUTOR, snapshot_group)
    if not reads and not snaps:
        raise faults.backup("UserErrorDiskAndSnapshotRGOrMSIPermissionsNotPresent")
    if not reads:
        raise faults.backup("UserErrorDiskBackupDiskOrMSIPermissionsNotPresent")
    if not snaps:
        raise faults.backup("UserErrorDiskBackupSnapshotRGOrMSIPermissionsNotPresent")
    disk = world.find("disk", disk_id)
    if disk is None:
        raise faults.backup("UserErrorManagedDiskNotFound")
    if world.find("group", snapshot_group) is None:
        raise faults.backup("UserErrorSnapshotRGNotFound")
    if subscription_of(snapshot_group).lower() != subscription_of(disk_id).lower():
        raise faults.backup("UserErrorSnapshotRGSubscriptionMismatch")
    if disk["location"] != vault["location"]:
        words = {"actual": disk["location"], "expected": vault["location"]}
        raise faults.backup("UserErrorVaultAndDatasourceRegionMismatch", **words)


def unclaimed(world: World, vault: Document, datasource: str, *, besides: str = "") -> None:
    """Raise if another instance protects the datasource: of this vault in any state, of another one if it is active.

    ``besides`` is the name of the instance that may.
    """
    for kind in ("instance", "deletedInstance"):
        for other in world.store.below(kind):
            same_vault = other["_"]["vault"].lower() == vault["id"].lower()
            status = other["properties"]["currentProtectionState"]
            if (
                other["properties"]["dataSourceInfo"]["resourceID"].lower() != datasource.lower()
                or (same_vault and other["name"].lower() == besides.lower() and kind == "instance")
                or (not same_vault and status in _IDLE)
            ):
                continue
            words = {"instance": other["properties"]["friendlyName"], "status": status}
            if same_vault:
                raise faults.backup("UserErrorDatasourceAlreadyPresentInTheSameVault", **words)
            words["vault"] = other["_"]["vault"]
            raise faults.backup("UserErrorDppDatasourceAlreadyHasBackupInstance", **words)


def restorable(world: World, vault: Document, point: Document | None, target: str) -> None:
    """Raise the fault that keeps the vault from restoring a recovery point to the disk ``target``, if there is one."""
    principal = (vault.get("identity") or {}).get("principalId", "")
    place = group_id(target)
    if not world.holds(principal, DISK_RESTORE_OPERATOR, place):
        raise faults.backup("UserErrorDiskBackupRestoreRGOrMSIPermissionsNotPresent")
    if world.find("group", place) is None:
        raise faults.backup("UserErrorRestoreTargetRGNotFound")
    if world.find("disk", target) is not None:
        raise faults.backup("UserErrorSameNameDiskAlreadyExists")
    if point is None or world.find("snapshot", point["snapshot"]) is None:
        raise faults.backup("UserErrorDiskSnapshotNotFound")
    if not world.holds(principal, DISK_SNAPSHOT_CONTRIBUTOR, group_id(point["snapshot"])):
        raise faults.backup("UserErrorDiskBackupSnapshotRGOrMSIPermissionsNotPresent")


def snapshot_group_id(properties: dict[str, Any]) -> str:
    """The id of the snapshot resource group of an instance of a disk. Raises if it is not given, or not an id."""
    parameters = (properties["policyInfo"].get("policyParameters") or {}).get("dataStoreParametersList") or []
    for parameter in parameters:
        if parameter.get("dataStoreType") == "OperationalStore":
            group = parameter.get("resourceGroupId") or ""
            if "/" + group.strip("/") != group_id(group) or not name_of(group):
                raise faults.backup("UserErrorInvalidOperationalStoreResourceGroup")
            return str(group)
    raise faults.backup("UserErrorOperationalStoreParametersNotProvided")
