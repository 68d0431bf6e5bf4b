"""POST backup: an on-demand backup, its job and recovery point, and a disk's snapshot.

A disk's job takes a little over three minutes, as recorded: the snapshot is there after about one, the recovery point
after two, and the expiry of the point some minutes after that. The other types have their own recorded times.
"""

from __future__ import annotations

from typing import Any

from . import checks, disk_checks, faults, instances, jobs, kinds, operations, policies, recovery_points
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
    policy = instances.policy_of(world, instance)
    assert policy is not None, "a policy in use cannot be deleted"
    if not policies.backs_up(policy):
        raise faults.backup("UserErrorOperationNotSupported", actual=kinds.of(instance).type)
    status = instance["properties"]["currentProtectionState"]
    if status != "ProtectionConfigured":
        raise faults.backup("UserErrorInvalidProtectionState", status=status)
    tag = _tag(policy, kinds.of(instance).store, request.object().get("backupRuleOptions"))
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
    world.at(world.now + world.vary(kinds.of(document).steps[0]), "backup.snapshot", job=job["id"])
    return jobs.reference(job)


def snapshot(world: World, job: str) -> None:
    """The event in which the data is captured, a disk's in a snapshot, or the job fails because it cannot be."""
    document = jobs.find(world, job)
    try:
        instance, policy = _needed(world, document)
    except faults.BackupFault as fault:
        jobs.finish(world, document, fault)
        return
    kind = kinds.of(instance)
    source = world.find(kind.document, instance["properties"]["dataSourceInfo"]["resourceID"])
    assert source is not None, "protectable() has looked"
    if kind == kinds.DISK:
        group = world.find("group", disk_checks.snapshot_group_id(instance["properties"]))
        assert group is not None, "protectable() has looked"
        point = recovery_points.capture(world, instance, source, group)
    else:
        point = recovery_points.draw(world, instance, source)
    world.at(world.now + world.vary(kind.steps[1]), "backup.point", job=job, point=point, policy=policy["id"])


def point(world: World, job: str, point: Document, policy: str) -> None:
    """The event in which the recovery point becomes visible."""
    document = jobs.find(world, job)
    kept = world.find("policy", policy)
    instance = world.find("instance", document["instance"])
    if instance is None or kept is None:
        jobs.finish(world, document, faults.backup("UserErrorGenericResourceNotFound", 404))
        return
    if policies.retention(kept, document["tag"], kinds.of(instance).store) is None:
        reason = f"the policy {kept['name']} has lost its retention rule {document['tag']}"
        jobs.finish(world, document, faults.backup("BMSUserErrorInvalidInput", reason=reason))
        return
    recovery_points.publish(world, point, kept, document["tag"])
    world.at(world.now + world.vary(kinds.of(instance).steps[2]), "backup.finish", job=job, point=point)


def finish(world: World, job: str, point: Document) -> None:
    """The event that ends the job."""
    jobs.finish(world, jobs.find(world, job), targetPoint=point["name"], bytes=point["bytes"])


def _needed(world: World, job: Document) -> tuple[Document, Document]:
    """Instance and policy of a job, or the fault that keeps it from its data."""
    instance = world.find("instance", job["instance"])
    if instance is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    vault = world.find("vault", instance["_"]["vault"])
    policy = instances.policy_of(world, instance)
    assert vault is not None and policy is not None, "neither can go while an instance needs it"
    checks.protectable(world, vault, instance["properties"])
    return instance, policy


def _tag(policy: Document, store: str, options: Any) -> str:
    if not isinstance(options, dict) or not options.get("ruleName"):
        raise faults.backup("BMSUserErrorInvalidInput", reason="backupRuleOptions.ruleName is missing")
    rule = str(options["ruleName"])
    names = policies.rule_names(policy)
    if rule.lower() not in (name.lower() for name in names):
        reason = f"the policy {policy['name']} has no rule {rule}, but {', '.join(names)}"
        raise faults.backup("BMSUserErrorInvalidInput", reason=reason)
    override = (options.get("triggerOption") or {}).get("retentionTagOverride")
    tag = str(override or (rule if policies.retention(policy, rule, store) else "default"))
    if policies.retention(policy, tag, store) is None:
        reason = f"the policy {policy['name']} has no retention rule {tag} for the {store}"
        raise faults.backup("BMSUserErrorInvalidInput", reason=reason)
    return tag
