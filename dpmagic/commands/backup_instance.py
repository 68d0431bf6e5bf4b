"""``backup-instance``: protect a datasource, change, pause and end its protection."""

from __future__ import annotations

from typing import Any

from dpmagic.arm.plans import Ask, Plan, Say, fetch
from dpmagic.arm.requests import FinalState, Request
from dpmagic.commands import impact
from dpmagic.commands.common import (
    BACKUP_INSTANCE,
    GROUP,
    INSTANCE,
    INSTANCE_LONG,
    OPERATION_REQUESTS,
    PAGING,
    POLICY_ID,
    TENANT_ID,
    VAULT,
    instance,
    listed,
    policy_path,
    vault,
)
from dpmagic.commands.examples import AT, BLOB_INSTANCE, DISK_INSTANCE, VAULT_ID
from dpmagic.commands.guard_requests import PERMISSION as OF_REQUESTS
from dpmagic.commands.guard_requests import from_tenant, operation_requests
from dpmagic.commands.instance_body import body_of, container_list, containers, name_of, with_containers, writable
from dpmagic.commands.model import Args, Command, Option
from dpmagic.commands.waiting import WAIT_OPTIONS, wait


def _create(args: Args) -> Plan:
    body, name = body_of(args.backup_instance), name_of(args.backup_instance)
    yield _validation(args, body)
    path = vault(args, "backupInstances", name)
    return (yield from fetch(_change("PUT", path, body, purpose=f"create backup instance {name}")))


def _validate(args: Args) -> Plan:
    return (yield from fetch(_validation(args, body_of(args.backup_instance), no_wait=True)))


def _validation(args: Args, body: dict[str, Any], *, no_wait: bool = False) -> Request:
    return Request(
        "POST",
        vault(args, "validateForBackup"),
        {"backupInstance": body["properties"]},
        follow="location",
        no_wait=no_wait,
        purpose="validate for backup",
    )


def _change(
    method: str, path: str, body: Any = None, *, purpose: str, follow: FinalState = "azure-async-operation"
) -> Request:
    return Request(method, path, body, follow=follow, no_wait=True, purpose=purpose)


def _show(args: Args) -> Plan:
    return (yield from fetch(Request("GET", instance(args))))


def _list(args: Args) -> Plan:
    return (yield from listed(args, Request("GET", vault(args, "backupInstances"))))


def _delete(args: Args) -> Plan:
    name = args.backup_instance_name
    yield from impact.deleting_instance(args)
    yield Ask(f"Are you sure you want to delete backup instance {name} and its recovery points?")
    yield _change("DELETE", instance(args), purpose=f"delete backup instance {name}")


def _update(args: Args) -> Plan:
    given = args.vaulted_blob_container_list
    new = None if given is None else container_list(given)
    before = writable((yield from fetch(Request("GET", instance(args)))))
    after = before if new is None else with_containers(before, new)
    if gone := set(containers(before)) - set(containers(after)):
        yield Say(
            f"backup instance {args.backup_instance_name}: no longer backed up to the vault: {', '.join(sorted(gone))}"
        )
    purpose = f"update backup instance {args.backup_instance_name}"
    return (yield from fetch(_change("PUT", instance(args), after, purpose=purpose)))


def _update_policy(args: Args) -> Plan:
    new_policy = policy_path(args.policy_id)
    body = writable((yield from fetch(Request("GET", instance(args)))))
    requests = yield from operation_requests(args)
    policy = body["properties"]["policyInfo"]
    yield from impact.switching_policy(args, policy.get("policyId", ""), new_policy)
    policy["policyId"] = args.policy_id
    if requests:
        body["properties"]["resourceGuardOperationRequests"] = requests
    purpose = f"update policy of backup instance {args.backup_instance_name}"
    put = _change("PUT", instance(args), body, purpose=purpose)
    return (yield from fetch(from_tenant(put, args.tenant_id)))


def _adhoc_backup(args: Args) -> Plan:
    trigger = {"retentionTagOverride": args.retention_tag_override} if args.retention_tag_override else {}
    body = {"backupRuleOptions": {"ruleName": args.rule_name, "triggerOption": trigger}}
    purpose = f"back up {args.backup_instance_name}"
    return (yield from fetch(_change("POST", instance(args, "backup"), body, purpose=purpose, follow="location")))


def _stop(args: Args) -> Plan:
    yield from impact.changing_instance(args, "backups stop; recovery points are kept until someone deletes them")
    yield from _guarded(args, "stopProtection", "stop protection of")


def _suspend(args: Args) -> Plan:
    yield from impact.changing_instance(args, "backups stop; recovery points go on expiring as the policy says")
    yield from _guarded(args, "suspendBackups", "suspend backups of")


def _guarded(args: Args, action: str, purpose: str) -> Plan:
    requests = yield from operation_requests(args)
    body = {"resourceGuardOperationRequests": requests} if requests else None
    post = _change("POST", instance(args, action), body, purpose=f"{purpose} {args.backup_instance_name}")
    yield from_tenant(post, args.tenant_id)


def _resume(args: Args) -> Plan:
    yield _change(
        "POST", instance(args, "resumeProtection"), purpose=f"resume protection of {args.backup_instance_name}"
    )


def _wait(args: Args) -> Plan:
    return (yield from wait(args, instance(args), f"backup instance {args.backup_instance_name}"))


_NAMED = (GROUP, VAULT, INSTANCE)
_ACTION = "Microsoft.DataProtection/backupVaults/backupInstances"
_VALIDATE = "Microsoft.DataProtection/backupVaults/validateForBackup/action"

COMMANDS = (
    Command(
        "backup-instance create",
        "Protect a datasource.",
        _create,
        (GROUP, VAULT, BACKUP_INSTANCE),
        waits=True,
        details="Azure first checks whether the backup can work; only then the backup instance is made, under the "
        "name in the JSON.",
        examples=(f"backup-instance create {AT} --backup-instance backup_instance.json",),
        permission=f"{_VALIDATE}, {_ACTION}/write",
    ),
    Command(
        "backup-instance validate-for-backup",
        "Check whether a datasource can be protected.",
        _validate,
        (GROUP, VAULT, BACKUP_INSTANCE),
        waits=True,
        ids=True,
        examples=(f"backup-instance validate-for-backup {AT} --backup-instance backup_instance.json",),
        permission=_VALIDATE,
    ),
    Command(
        "backup-instance show",
        "Show a backup instance.",
        _show,
        _NAMED,
        ids=True,
        examples=(f"backup-instance show {AT} -n {DISK_INSTANCE}",),
        permission=f"{_ACTION}/read",
    ),
    Command(
        "backup-instance list",
        "List the backup instances of a vault.",
        _list,
        (GROUP, VAULT, *PAGING),
        examples=(f"backup-instance list {AT}",),
        permission=f"{_ACTION}/read",
    ),
    Command(
        "backup-instance delete",
        "End a protection and delete its recovery points.",
        _delete,
        _NAMED,
        asks=True,
        waits=True,
        ids=True,
        done="deleted backup instance {backup_instance_name}",
        details="How many recovery points go, and whether the vault's soft delete keeps them, is said first.",
        examples=(f"backup-instance delete {AT} -n {DISK_INSTANCE} --yes",),
        permission=f"{_ACTION}/delete",
    ),
    Command(
        "backup-instance update",
        "Change which containers of a storage account are backed up to the vault.",
        _update,
        (
            GROUP,
            VAULT,
            INSTANCE_LONG,
            Option(
                ("--vaulted-blob-container-list", "--container-blob-list"),
                "The containers, as `backup-instance initialize-backupconfig` writes them.",
                "object",
            ),
        ),
        waits=True,
        examples=(
            f"backup-instance update {AT} --backup-instance-name {BLOB_INSTANCE} "
            "--vaulted-blob-container-list containers.json",
        ),
        permission=f"{_ACTION}/read, {_ACTION}/write",
    ),
    Command(
        "backup-instance update-policy",
        "Put a backup instance under another policy.",
        _update_policy,
        (GROUP, VAULT, INSTANCE_LONG, POLICY_ID, OPERATION_REQUESTS, TENANT_ID),
        waits=True,
        details="When the new policy keeps recovery points for a shorter time, that is said first.",
        examples=(
            f"backup-instance update-policy {AT} --backup-instance-name {DISK_INSTANCE} "
            f"--policy-id {VAULT_ID}/backupPolicies/diskPolicy2",
        ),
        permission=f"{_ACTION}/read, {_ACTION}/write; {OF_REQUESTS}",
    ),
    Command(
        "backup-instance adhoc-backup",
        "Take a backup now.",
        _adhoc_backup,
        (
            *_NAMED,
            Option(("--rule-name",), "The policy's backup rule.", required=True),
            Option(("--retention-tag-override",), "Tag that says how long this backup is kept."),
        ),
        waits=True,
        ids=True,
        examples=(f"backup-instance adhoc-backup {AT} -n {DISK_INSTANCE} --rule-name BackupHourly",),
        permission=f"{_ACTION}/backup/action",
    ),
    Command(
        "backup-instance stop-protection",
        "Stop backups and keep the recovery points for good.",
        _stop,
        (*_NAMED, OPERATION_REQUESTS, TENANT_ID),
        waits=True,
        ids=True,
        done="stopped protection of {backup_instance_name}",
        examples=(f"backup-instance stop-protection {AT} -n {DISK_INSTANCE}",),
        permission=f"{_ACTION}/stopProtection/action; {OF_REQUESTS}",
    ),
    Command(
        "backup-instance suspend-backup",
        "Stop backups; recovery points go on expiring as the policy says.",
        _suspend,
        (*_NAMED, OPERATION_REQUESTS, TENANT_ID),
        waits=True,
        ids=True,
        done="suspended backups of {backup_instance_name}",
        examples=(f"backup-instance suspend-backup {AT} -n {DISK_INSTANCE}",),
        permission=f"{_ACTION}/suspendBackups/action; {OF_REQUESTS}",
    ),
    Command(
        "backup-instance resume-protection",
        "Take backups again after stop-protection or suspend-backup.",
        _resume,
        _NAMED,
        waits=True,
        ids=True,
        done="resumed protection of {backup_instance_name}",
        examples=(f"backup-instance resume-protection {AT} -n {DISK_INSTANCE}",),
        permission=f"{_ACTION}/resumeProtection/action",
    ),
    Command(
        "backup-instance wait",
        "Wait until a backup instance is as you want it.",
        _wait,
        (*_NAMED, *WAIT_OPTIONS),
        ids=True,
        done="backup instance {backup_instance_name} is as asked",
        examples=(
            f"backup-instance wait {AT} -n {DISK_INSTANCE} "
            "--custom \"properties.currentProtectionState=='ProtectionConfigured'\"",
        ),
        permission=f"{_ACTION}/read",
    ),
)
