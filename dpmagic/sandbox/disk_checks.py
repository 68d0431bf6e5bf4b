"""What Azure Backup looks at before it protects or restores a disk: places, permissions, the disk itself.

A missing permission hides whether the thing exists, so the codes say "or". Which code goes with which finding is
recorded for "neither", and modelled from Microsoft's list of disk backup errors for the rest.
"""

from __future__ import annotations

from typing import Any

from . import faults
from .authorization import DISK_BACKUP_READER, DISK_RESTORE_OPERATOR, DISK_SNAPSHOT_CONTRIBUTOR
from .store import Document
from .world import World, group_id, name_of, subscription_of


def protectable(world: World, vault: Document, properties: dict[str, Any]) -> None:
    """Raise the fault that keeps the vault from backing the disk up, if there is one."""
    disk_id = properties["dataSourceInfo"]["resourceID"]
    snapshot_group = snapshot_group_id(properties)
    principal = principal_of(vault)
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
    same_region(vault, disk)


def restorable(world: World, vault: Document, point: Document | None, target: str) -> None:
    """Raise the fault that keeps the vault from restoring a recovery point to the disk ``target``, if there is one."""
    principal = principal_of(vault)
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
    """The id of the resource group of a disk's or cluster's snapshots. Raises if it is not given, or not an id."""
    parameters = (properties["policyInfo"].get("policyParameters") or {}).get("dataStoreParametersList") or []
    for parameter in parameters:
        if parameter.get("dataStoreType") == "OperationalStore":
            group = parameter.get("resourceGroupId") or ""
            if "/" + group.strip("/") != group_id(group) or not name_of(group):
                raise faults.backup("UserErrorInvalidOperationalStoreResourceGroup")
            return str(group)
    raise faults.backup("UserErrorOperationalStoreParametersNotProvided")


def same_region(vault: Document, resource: Document) -> None:
    """Raise if a datasource is in another region than the vault."""
    if resource["location"] != vault["location"]:
        words = {"actual": resource["location"], "expected": vault["location"]}
        raise faults.backup("UserErrorVaultAndDatasourceRegionMismatch", **words)


def principal_of(resource: Document) -> str:
    """The principal of a resource's system-assigned identity, "" if it has none."""
    return str((resource.get("identity") or {}).get("principalId", ""))
