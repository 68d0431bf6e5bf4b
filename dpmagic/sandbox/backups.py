"""POST backup: an on-demand backup of a disk, its job, snapshot and recovery point.

A job takes a little over three minutes, as recorded: the snapshot is there after about one, the recovery point after
two, and the expiry of the point some minutes after that.
"""

from __future__ import annotations

from typing import Any

from . import checks, faults, instances, jobs, operations, policies, recovery_points
from .messages import Request, answer
from .reply import Reply
from .store import Document
from .world import World


def backup(world: World, request: Request) -> Reply:
    """POST backup: 202; the operation's properties name the job.

    ``ruleName`` may be any rule of the policy. Without ``retentionTagOverride`` the point gets the tag ``default``,
    as recorded for on-demand backups; naming a retention rule keeps the point by that one.
    """
    vault, instance = instances.find(world, request)
    kind = instance["properties"]["dataSourceInfo"]["datasourceType"]
    if kind.lower() != policies.DISK.lower():
        raise faults.backup("UserErrorOperationNotSupported", actual=kind)
    status = instance["properties"]["currentProtectionState"]
    if status != "ProtectionConfigured":
        raise faults.backup("UserErrorInvalidProtectionState", status=status)
    tag = _tag(world, instance, request.object().get("backupRuleOptions"))
    token = operations.start(world, vault, 0.6, "backup.begin", instance=instance["id"], tag=tag)
    return answer(202, headers=operations.both_headers(request, vault, token))


def begin(world: World, instance: str, tag: str, user_triggered: bool = True) -> dict[str, Any]:
    """The event that ends the POST, or a due time of the policy: the job begins."""
    document = world.find("instance", instance)
    if document is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    if jobs.running(world, document, "Backup"):
        raise faults.backup("UserErrorMaxConcurrentOperationLimitReached")
    job = jobs.begin(world, document, "Backup", tag=tag, userTriggered=user_triggered)
    world.at(world.now + world.vary(56), "backup.snapshot", job=job["id"])
    return {"jobId": job["id"], "objectType": "OperationJobExtendedInfo"}


def snapshot(world: World, job: str) -> None:
    """The event in which the snapshot is taken, or the job fails because it cannot be."""
    document = jobs.find(world, job)
    try:
        instance, policy, disk, group = _needed(world, document)
    except faults.BackupFault as fault:
        jobs.finish(world, document, fault)
        return
    point = recovery_points.capture(world, instance, disk, group)
    world.at(world.now + world.vary(75), "backup.point", job=job, point=point, policy=policy["id"])


def point(world: World, job: str, point: Document, policy: str) -> None:
    """The event in which the recovery point becomes visible."""
    document = jobs.find(world, job)
    kept = world.find("policy", policy)
    if world.find("instance", document["instance"]) is None or kept is None:
        jobs.finish(world, document, faults.backup("UserErrorGenericResourceNotFound", 404))
        return
    recovery_points.publish(world, point, kept, document["tag"])
    world.at(world.now + world.vary(60), "backup.finish", job=job, point=point)


def finish(world: World, job: str, point: Document) -> None:
    """The event that ends the job."""
    jobs.finish(world, jobs.find(world, job), targetPoint=point["name"], bytes=point["metaData"]["sizeBytes"])


def _needed(world: World, job: Document) -> tuple[Document, Document, Document, Document]:
    """Instance, policy, disk and snapshot group of a job, or the fault that there is one missing."""
    instance = world.find("instance", job["instance"])
    if instance is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    vault = world.find("vault", instance["_"]["vault"])
    policy = instances.policy_of(world, instance)
    assert vault is not None and policy is not None, "neither can go while an instance needs it"
    checks.protectable(world, vault, instance["properties"])
    disk = world.find("disk", instance["properties"]["dataSourceInfo"]["resourceID"])
    group = world.find("group", checks.snapshot_group_id(instance["properties"]))
    assert disk is not None and group is not None, "protectable() has looked"
    return instance, policy, disk, group


def _tag(world: World, instance: Document, options: Any) -> str:
    policy = instances.policy_of(world, instance)
    assert policy is not None, "a policy in use cannot be deleted"
    if not isinstance(options, dict) or not options.get("ruleName"):
        raise faults.backup("BMSUserErrorInvalidInput", reason="backupRuleOptions.ruleName is missing")
    rule = str(options["ruleName"])
    names = policies.rule_names(policy)
    if rule.lower() not in (name.lower() for name in names):
        reason = f"the policy {policy['name']} has no rule {rule}, but {', '.join(names)}"
        raise faults.backup("BMSUserErrorInvalidInput", reason=reason)
    override = (options.get("triggerOption") or {}).get("retentionTagOverride")
    if override and policies.retention(policy, override) is None:
        reason = f"the policy {policy['name']} has no retention rule {override}"
        raise faults.backup("BMSUserErrorInvalidInput", reason=reason)
    if override:
        return str(override)
    return rule if policies.retention(policy, rule) else "default"
