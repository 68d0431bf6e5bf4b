"""What happens to protected instances: stop, suspend, resume, delete, undelete, purge."""

from __future__ import annotations

from . import checks, faults, guarding, instances, operations, recovery_points, times, vaults
from .messages import Request, answer, listing, visible
from .reply import Reply
from .store import Document
from .world import World

DELETED_TYPE = f"{vaults.TYPE}/deletedBackupInstances"


def stop(world: World, request: Request) -> Reply:
    """POST stopProtection: 202; 200 if it is stopped already."""
    return _pause(world, request, instances.STOPPED, guarding.STOP_PROTECTION)


def suspend(world: World, request: Request) -> Reply:
    """POST suspendBackups: 202; 200 if they are suspended already."""
    return _pause(world, request, "BackupsSuspended", guarding.SUSPEND_BACKUPS)


def resume(world: World, request: Request) -> Reply:
    """POST resumeProtection: 202; 200 if nothing was paused; 400 if another vault has taken the datasource."""
    vault, instance = instances.find(world, request)
    status = instance["properties"]["currentProtectionState"]
    if status in ("ProtectionConfigured", "ConfiguringProtection"):
        return answer(200)
    if status == "UpdatingProtection":
        raise faults.backup("UserErrorInvalidProtectionState", status=status)
    datasource = instance["properties"]["dataSourceInfo"]["resourceID"]
    checks.unclaimed(world, vault, datasource, besides=instance["name"])
    token = operations.start(world, vault, 40, "instance.resume", instance=instance["id"])
    return answer(202, headers=operations.both_headers(request, vault, token))


def delete(world: World, request: Request) -> Reply:
    """DELETE an instance: 202, or 204 if there is none.

    In about a minute and a half it is gone with its recovery points and snapshots, or, where the vault has soft
    delete, it is among the deleted instances.
    """
    vault = vaults.find(world, request)
    instance = world.store.get("instance", vault["id"], request["instance"])
    if instance is None:
        return answer(204)
    guarding.require_unlocked(world, vault, guarding.DELETE_INSTANCE, instance["name"])
    token = operations.start(world, vault, 85, "instance.remove", instance=instance["id"], asked=world.now)
    return answer(202, headers=operations.both_headers(request, vault, token))


def list_deleted(world: World, request: Request) -> Reply:
    """GET the soft-deleted instances of a vault."""
    deleted = world.store.children("deletedInstance", vaults.find(world, request)["id"])
    return listing(request, deleted, world.page_size)


def get_deleted(world: World, request: Request) -> Reply:
    """GET one soft-deleted instance."""
    return answer(200, visible(_deleted(world, request)))


def undelete(world: World, request: Request) -> Reply:
    """POST undelete: 200 at once; the instance is back, with its protection stopped."""
    deleted = _deleted(world, request)
    vault = deleted["_"]["vault"]
    properties = {key: value for key, value in deleted["properties"].items() if key != "deletionInfo"}
    instance = {
        **deleted,
        "properties": {**properties, "objectType": "BackupInstance"},
        "id": f"{vault}/backupInstances/{deleted['name']}",
        "type": instances.TYPE,
    }
    instances.set_state(instance, instances.STOPPED)
    instances.save(world, instance)
    world.store.drop("deletedInstance", vault, deleted["name"])
    return answer(200)


def paused(world: World, instance: str, status: str) -> None:
    """The event that ends a stop or suspend."""
    document = world.find("instance", instance)
    if document is not None:
        instances.set_state(document, status)
        instances.save(world, document)


def resumed(world: World, instance: str) -> None:
    """The event that ends a resume; it fails for want of a permission or a disk."""
    document = world.find("instance", instance)
    if document is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    vault = world.find("vault", document["_"]["vault"])
    assert vault is not None, "a vault with instances cannot be deleted"
    checks.protectable(world, vault, document["properties"])
    instances.set_state(document, "ProtectionConfigured")
    document["_"]["protectedSince"] = world.now
    instances.save(world, document)
    recovery_points.erase_overdue(world, instance)


def removed(world: World, instance: str, asked: int) -> None:
    """The event that ends a delete."""
    document = world.find("instance", instance)
    if document is None:
        return
    vault = world.find("vault", document["_"]["vault"])
    assert vault is not None, "a vault with instances cannot be deleted"
    world.store.drop("instance", vault["id"], document["name"])
    days = vaults.soft_delete_days(vault)
    if not days:
        _erase(world, document)
        return
    purge = asked + int(days * times.DAY)
    deleted = _as_deleted(world, document, asked, purge)
    world.store.put("deletedInstance", vault["id"], deleted["name"], deleted)
    world.at(purge, "instance.purge", vault=vault["id"], name=deleted["name"], purge=purge)


def purged(world: World, vault: str, name: str, purge: int) -> None:
    """The event at the end of soft delete; an undelete, or a later delete, has overtaken it."""
    document = world.store.get("deletedInstance", vault, name)
    if document is not None and document["_"]["purge"] == purge:
        world.store.drop("deletedInstance", vault, name)
        _erase(world, document)


def _pause(world: World, request: Request, status: str, operation: str) -> Reply:
    vault, instance = instances.find(world, request)
    body = request.object() if request.content.strip() else {}
    guarding.require(world, vault, operation, body.get("resourceGuardOperationRequests"))
    current = instance["properties"]["currentProtectionState"]
    if current == status:
        return answer(200)
    if current == "UpdatingProtection" or (status == "BackupsSuspended" and current == "ProtectionStopped"):
        raise faults.backup("UserErrorInvalidProtectionState", status=current)
    token = operations.start(world, vault, 12, "instance.pause", instance=instance["id"], status=status)
    return answer(202, headers=operations.both_headers(request, vault, token))


def _deleted(world: World, request: Request) -> Document:
    found = world.store.get("deletedInstance", vaults.find(world, request)["id"], request["instance"])
    if found is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    return found


def _as_deleted(world: World, instance: Document, asked: int, purge: int) -> Document:
    deletion = {
        "deletionTime": times.full(asked),
        "billingEndDate": times.full(asked),
        "scheduledPurgeTime": times.full(purge),
        "deleteActivityID": world.guid("activity"),
    }
    deleted: Document = {key: value for key, value in instance.items() if key != "tags"}
    deleted["properties"] = {
        "deletionInfo": deletion,
        **instance["properties"],
        "objectType": "DeletedBackupInstance",
    }
    deleted |= {
        "id": f"{instance['_']['vault']}/deletedBackupInstances/{instance['name']}",
        "type": DELETED_TYPE,
        "_": {**instance["_"], "purge": purge},
    }
    instances.set_state(deleted, "SoftDeleted")
    return deleted


def _erase(world: World, instance: Document) -> None:
    """Remove an instance's recovery points and their snapshots."""
    vault = instance["_"]["vault"]
    owner = f"{vault}/backupInstances/{instance['name']}"
    for point in world.store.children("point", owner):
        world.run("point.erase", {"instance": owner, "point": point["name"]})
