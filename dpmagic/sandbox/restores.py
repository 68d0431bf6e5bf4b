"""POST validateRestore and restore: a recovery point, or an instant, to a place; the ways are in restore_targets.

The operation only begins the job, which then does it or fails; a disk's takes about six minutes, as recorded.
"""

from __future__ import annotations

from typing import Any

from . import faults, guarding, instances, jobs, kinds, operations, restore_targets
from .messages import Request, answer
from .reply import Reply
from .restore_targets import Order
from .world import World


def validate(world: World, request: Request) -> Reply:
    """POST validateRestore: 202; the operation fails with what stands in the way."""
    vault, instance = instances.find(world, request)
    order = restore_targets.read(world, instance, request.object().get("restoreRequestObject"))
    token = operations.start(world, vault, 45, "restore.check", instance=instance["id"], order=order)
    return answer(202, headers=operations.both_headers(request, vault, token))


def check(world: World, instance: str, order: Order, region: str = "") -> None:
    """The event that ends a validateRestore."""
    restore_targets.check(world, instance, order, region)


def restore(world: World, request: Request) -> Reply:
    """POST restore: 202; the operation's properties name the job, and the job restores or fails."""
    vault, instance = instances.find(world, request)
    body = request.object()
    order = restore_targets.read(world, instance, body)
    guarding.require(world, vault, guarding.RESTORE, body.get("resourceGuardOperationRequests"))
    token = operations.start(world, vault, 2, "restore.begin", instance=instance["id"], order=order)
    return answer(202, headers=operations.both_headers(request, vault, token))


def begin(world: World, instance: str, order: Order, region: str = "") -> dict[str, Any]:
    """The event that ends the POST: the job begins, in the vault's region or another one."""
    document = world.find("instance", instance)
    source = world.store.get("point", instance, order["point"]) if order["point"] else {"time": order["instant"]}
    if document is None or source is None:
        raise faults.backup("UserErrorRecoveryPointNotFound", point=order["point"])
    job = jobs.begin(
        world,
        document,
        "Restore",
        shelf="secondaryJob" if region else "job",
        sourcePoint={"name": order["point"] or None, "time": source["time"]},
        sourceStore=None if region else restore_targets.source_store(document, order),
        destination=order["target"],
        prefix=order["prefix"],
    )
    due = world.now + world.vary(kinds.of(document).restore)
    world.at(due, "restore.finish", job=job["id"], order=order, region=region)
    return jobs.reference(job)


def finish(world: World, job: str, order: Order, region: str) -> None:
    """The event that ends the job: what was ordered is there, or the job fails with what stood in the way."""
    document = jobs.find(world, job)
    try:
        instance = restore_targets.check(world, document["instance"], order, region)
    except faults.BackupFault as fault:
        jobs.finish(world, document, fault)
        return
    restore_targets.WAYS[order["way"]].make(world, instance, order)
    point = world.store.get("point", instance["id"], order["point"]) if order["point"] else None
    moved = point["bytes"] if point and kinds.of(instance).store == kinds.VAULT else 0
    jobs.finish(world, document, moved=moved)
