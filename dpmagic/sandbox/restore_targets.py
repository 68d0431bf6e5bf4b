"""The ways back from a backup: which restore requests a datasource type knows, what must be true, what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import compute, databases, disk_checks, faults, kinds, storage, times, workload_checks
from .authorization import STORAGE_ACCOUNT_BACKUP_CONTRIBUTOR, STORAGE_BLOB_DATA_CONTRIBUTOR
from .store import Document
from .world import World, group_id, name_of

Order = dict[str, Any]  # what a restore request asks for, as :func:`read` understands it

_POINT = "AzureBackupRecoveryPointBasedRestoreRequest"
_TIME = "AzureBackupRecoveryTimeBasedRestoreRequest"
_WHOLE, _ITEMS, _FILES = "RestoreTargetInfo", "ItemLevelRestoreTargetInfo", "RestoreFilesTargetInfo"


@dataclass(frozen=True)
class Way:
    """One way back. ``check`` raises what stands in its way; ``make`` does it.

    ``target`` is what it goes to, in words, and ``collection`` that in ids; "" where the target is a URL.
    """

    target: str
    collection: str
    check: Callable[[World, Document, Document, Order], None]
    make: Callable[[World, Document, Order], None]


def read(world: World, instance: Document, sent: Any) -> Order:
    """What a restore request asks for. Raises a 400 fault on one that the datasource type does not know."""
    if not isinstance(sent, dict):
        raise faults.backup("BMSUserErrorInvalidInput", reason="the restore request is missing")
    target = sent.get("restoreTargetInfo") or {}
    asked = str(sent.get("objectType")), str(target.get("objectType"))
    kind = kinds.of(instance)
    if asked[0] not in {request for known, request, _ in _KNOWN if known == kind}:
        raise _unsupported(f"its objectType is {asked[0]}")
    way = _KNOWN.get((kind, *asked))
    if way is None:
        raise _unsupported(f"its target is a {asked[1]}")
    order = {"way": way, **_target(way, target), "point": "", "instant": None}
    if asked[0] == _TIME:
        return {**order, "instant": _instant(sent.get("recoveryPointTime"))}
    point = str(sent.get("recoveryPointId") or "")
    if world.store.get("point", instance["id"], point) is None:
        raise faults.backup("UserErrorRecoveryPointNotFound", point=point)
    return {**order, "point": point}


def check(world: World, instance: str, order: Order, region: str = "") -> Document:
    """Raise what keeps an order from being carried out; returns the instance. ``region`` if not the vault's."""
    document = world.find("instance", instance)
    if document is None or (order["point"] and world.store.get("point", instance, order["point"]) is None):
        raise faults.backup("UserErrorRecoveryPointNotFound", point=order["point"])
    vault = world.find("vault", document["_"]["vault"])
    assert vault is not None, "a vault with instances cannot be deleted"
    WAYS[order["way"]].check(world, {**vault, "location": region or vault["location"]}, document, order)
    return document


def source_store(instance: Document, order: Order) -> str:
    """The store that an order restores from: going back to an instant is a matter of operational backup."""
    return kinds.of(instance).store if order["point"] else kinds.OPERATIONAL


def _target(way: str, target: dict[str, Any]) -> Order:
    source = target.get("datasourceInfo") or {}
    location = str(target.get("restoreLocation") or source.get("resourceLocation") or "")
    order: Order = {"location": location.replace(" ", "").lower(), "prefix": "", "items": []}
    if way == "files":
        details = target.get("targetDetails") or {}
        if not details.get("url") or not details.get("filePrefix"):
            raise _unsupported("its targetDetails have no url and filePrefix")
        return {**order, "target": str(details["url"]).rstrip("/"), "prefix": str(details["filePrefix"])}
    arm_id = str(source.get("resourceID") or source.get("resourceId") or "")
    if f"/{WAYS[way].collection}/" not in arm_id.lower() or not group_id(arm_id):
        raise _unsupported(f"its target {arm_id!r} is not a {WAYS[way].target}")
    criteria = target.get("restoreCriteria") or []
    items = [one["itemPath"] for one in criteria if isinstance(one, dict) and one.get("itemPath")]
    return {**order, "target": arm_id, "items": items}


def _instant(text: Any) -> int:
    try:
        return times.parse(str(text))
    except ValueError as error:
        raise faults.backup("UserErrorInvalidRecoveryPointInTime") from error


def _unsupported(reason: str) -> faults.BackupFault:
    return faults.backup("UserErrorRestoreRequestNotSupported", reason=reason)


def _check_disk(world: World, vault: Document, instance: Document, order: Order) -> None:
    disk_checks.restorable(world, vault, world.store.get("point", instance["id"], order["point"]), order["target"])


def _make_disk(world: World, instance: Document, order: Order) -> None:
    point = world.store.get("point", instance["id"], order["point"])
    snapshot = world.find("snapshot", point["snapshot"]) if point else None
    group = world.find("group", group_id(order["target"]))
    assert point is not None and snapshot is not None and group is not None, "check() has looked"
    body = {
        "sku": {"name": point["metaData"]["skuName"]},
        "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": snapshot["id"]}},
    }
    size = snapshot["properties"]["diskSizeGB"]
    disk = compute.make_disk(world, group, name_of(order["target"]), order["location"], body, size)
    world.store.put("disk", group["id"], disk["name"], disk)


def _check_cluster(world: World, vault: Document, instance: Document, order: Order) -> None:
    snapshots = disk_checks.snapshot_group_id(instance["properties"])
    workload_checks.clusters(world, vault, order["target"], snapshots)


def _check_database(world: World, vault: Document, instance: Document, order: Order) -> None:
    disk_checks.same_region(vault, workload_checks.single_server(world, vault, order["target"]))
    workload_checks.secret(world, vault, instance["properties"].get("datasourceAuthCredentials"))
    if world.find("database", order["target"]) is not None:
        raise faults.backup("UserErrorDatabaseNameAlreadyInUse")


def _make_database(world: World, instance: Document, order: Order) -> None:
    server_id, _, name = order["target"].rpartition("/databases/")
    server = world.find("postgresServer", server_id)
    point = world.store.get("point", instance["id"], order["point"])
    assert server is not None and point is not None, "check() has looked"
    databases.add_database(world, server["id"], name, point["bytes"])


def _check_files(world: World, vault: Document, instance: Document, order: Order) -> None:
    account, container = storage.account_of(world, order["target"]), name_of(order["target"])
    if (
        account is None
        or container not in account["_"]["containers"]
        or not world.holds(disk_checks.principal_of(vault), STORAGE_BLOB_DATA_CONTRIBUTOR, account["id"])
    ):
        raise faults.backup("UserErrorContainerNotAccessible", container=order["target"])
    disk_checks.same_region(vault, account)


def _check_rewind(world: World, vault: Document, instance: Document, order: Order) -> None:
    """Blobs go back in place, to an instant that the operational backup reaches."""
    source = instance["properties"]["dataSourceInfo"]["resourceID"]
    workload_checks.need(world, vault, STORAGE_ACCOUNT_BACKUP_CONTRIBUTOR, source)
    workload_checks.found(world, "storageAccount", source)
    if order["target"].lower() != source.lower():
        raise _unsupported("blobs go back to an instant in their own storage account only")
    if not instance["_"].get("protectedSince", world.now) <= order["instant"] <= world.now:
        raise faults.backup("UserErrorInvalidRecoveryPointInTime")


def _check_blobs(world: World, vault: Document, instance: Document, order: Order) -> None:
    """Containers from the vault go to another storage account, which has none of the same name."""
    if order["target"].lower() == instance["properties"]["dataSourceInfo"]["resourceID"].lower():
        raise faults.backup("UserErrorOriginalLocationRestoreNotSupported")
    workload_checks.need(world, vault, STORAGE_ACCOUNT_BACKUP_CONTRIBUTOR, order["target"])
    account = workload_checks.found(world, "storageAccount", order["target"])
    disk_checks.same_region(vault, account)
    for name in _chosen(instance, order):
        if name in account["_"]["containers"]:
            raise faults.backup("UserErrorTargetContainersExistOnAccount", container=name)


def _make_blobs(world: World, instance: Document, order: Order) -> None:
    account = world.find("storageAccount", order["target"])
    assert account is not None, "check() has looked"
    storage.add_containers(world, account, _chosen(instance, order))


def _chosen(instance: Document, order: Order) -> list[str]:
    return order["items"] or workload_checks.containers(instance["properties"])


def _nothing(world: World, instance: Document, order: Order) -> None:
    """Files, blobs and what runs in a cluster are not Resource Manager's: there is nothing to see."""


WAYS = {
    "disk": Way("disk", "disks", _check_disk, _make_disk),
    "cluster": Way("cluster", "managedclusters", _check_cluster, _nothing),
    "database": Way("database", "databases", _check_database, _make_database),
    "files": Way("storage container", "", _check_files, _nothing),
    "rewind": Way("storage account", "storageaccounts", _check_rewind, _nothing),
    "blobs": Way("storage account", "storageaccounts", _check_blobs, _make_blobs),
}
_KNOWN = {
    (kinds.DISK, _POINT, _WHOLE): "disk",
    (kinds.AKS, _POINT, _ITEMS): "cluster",
    (kinds.POSTGRES, _POINT, _WHOLE): "database",
    (kinds.POSTGRES, _POINT, _FILES): "files",
    (kinds.POSTGRES_FLEXIBLE, _POINT, _FILES): "files",
    (kinds.MYSQL, _POINT, _FILES): "files",
    (kinds.BLOB, _TIME, _WHOLE): "rewind",
    (kinds.BLOB, _TIME, _ITEMS): "rewind",
    (kinds.BLOB, _POINT, _WHOLE): "blobs",
    (kinds.BLOB, _POINT, _ITEMS): "blobs",
}
