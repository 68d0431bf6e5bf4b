"""POST validateRestore and restore: a disk from a recovery point, at another place.

Disks know one way back: by recovery point, to a new disk. The job takes about six minutes, as recorded.
"""

from __future__ import annotations

from typing import Any

from . import checks, compute, faults, instances, jobs, operations, policies
from .messages import Request, answer
from .reply import Reply
from .store import Document
from .world import World, group_id, name_of

_BY_POINT = "AzureBackupRecoveryPointBasedRestoreRequest"


def validate(world: World, request: Request) -> Reply:
    """POST validateRestore: 202; the operation fails with what stands in the way."""
    vault, instance = instances.find(world, request)
    order = _read(world, instance, request.object().get("restoreRequestObject"))
    token = operations.start(world, vault, 45, "restore.check", instance=instance["id"], **order)
    return answer(202, headers=operations.both_headers(request, vault, token))


def check(world: World, instance: str, point: str, target: str, location: str) -> None:
    """The event that ends a validateRestore."""
    _check(world, instance, point, target)


def restore(world: World, request: Request) -> Reply:
    """POST restore: 202; the operation's properties name the job, and the job makes the disk or fails."""
    vault, instance = instances.find(world, request)
    order = _read(world, instance, request.object())
    token = operations.start(world, vault, 2, "restore.begin", instance=instance["id"], **order)
    return answer(202, headers=operations.both_headers(request, vault, token))


def begin(world: World, instance: str, point: str, target: str, location: str) -> dict[str, Any]:
    """The event that ends the POST: the job begins."""
    document = world.find("instance", instance)
    source = world.store.get("point", instance, point)
    if document is None or source is None:
        raise faults.backup("UserErrorRecoveryPointNotFound", point=point)
    origin = {"name": point, "time": source["time"]}
    job = jobs.begin(world, document, "Restore", sourcePoint=origin, destination=target)
    order = {"point": point, "target": target, "location": location}
    world.at(world.now + world.vary(365), "restore.finish", job=job["id"], **order)
    return {"jobId": job["id"], "objectType": "OperationJobExtendedInfo"}


def finish(world: World, job: str, point: str, target: str, location: str) -> None:
    """The event that ends the job: the disk is made, or the job fails because it cannot be."""
    document = jobs.find(world, job)
    try:
        source = _check(world, document["instance"], point, target)
    except faults.BackupFault as fault:
        jobs.finish(world, document, fault)
        return
    snapshot = world.find("snapshot", source["snapshot"])
    group = world.find("group", group_id(target))
    assert snapshot is not None and group is not None, "_check() has looked"
    body = {
        "sku": {"name": source["metaData"]["skuName"]},
        "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": snapshot["id"]}},
    }
    size = snapshot["properties"]["diskSizeGB"]
    disk = compute.make_disk(world, group, name_of(target), location, body, size)
    world.store.put("disk", group["id"], disk["name"], disk)
    jobs.finish(world, document)


def _check(world: World, instance: str, point: str, target: str) -> Document:
    document = world.find("instance", instance)
    source = world.store.get("point", instance, point)
    if document is None or source is None:
        raise faults.backup("UserErrorRecoveryPointNotFound", point=point)
    vault = world.find("vault", document["_"]["vault"])
    assert vault is not None, "a vault with instances cannot be deleted"
    checks.restorable(world, vault, source, target)
    return source


def _read(world: World, instance: Document, sent: Any) -> dict[str, str]:
    """The point, target id and region of a restore request. Raises a 400 fault on one that disks do not know."""
    kind = instance["properties"]["dataSourceInfo"]["datasourceType"]
    if kind.lower() != policies.DISK.lower():
        raise faults.backup("UserErrorOperationNotSupported", actual=kind)
    if not isinstance(sent, dict):
        raise faults.backup("BMSUserErrorInvalidInput", reason="the restore request is missing")
    target = sent.get("restoreTargetInfo") or {}
    source = target.get("datasourceInfo") or {}
    arm_id = source.get("resourceID") or source.get("resourceId") or ""
    for wrong, reason in (
        (sent.get("objectType") != _BY_POINT, f"its objectType is {sent.get('objectType')}"),
        (target.get("objectType") != "RestoreTargetInfo", f"its target is a {target.get('objectType')}"),
        ("/disks/" not in arm_id.lower() or not group_id(arm_id), f"its target {arm_id!r} is not a disk"),
    ):
        if wrong:
            raise faults.backup("UserErrorRestoreRequestNotSupported", reason=reason)
    point = str(sent.get("recoveryPointId") or "")
    if world.store.get("point", instance["id"], point) is None:
        raise faults.backup("UserErrorRecoveryPointNotFound", point=point)
    location = str(target.get("restoreLocation") or source.get("resourceLocation") or "")
    return {"point": point, "target": arm_id, "location": location.replace(" ", "").lower()}
