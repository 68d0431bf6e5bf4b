"""``resource-guard``: guards that ask a second person before a critical operation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dpmagic.arm.plans import Ask, Plan, Say, fetch
from dpmagic.arm.requests import Request
from dpmagic.commands import impact
from dpmagic.commands.common import (
    ANY_GROUP,
    GENERIC_UPDATE,
    GROUP,
    LOCATION,
    OPERATION_REQUESTS,
    PAGING,
    TAGS,
    TENANT_ID,
    VAULT,
    in_group,
    listed,
    location_of,
    subscription_wide,
)
from dpmagic.commands.examples import AT, DISK_INSTANCE, GUARD_AT, VAULT_ID
from dpmagic.commands.generic_update import generic_update
from dpmagic.commands.guard_requests import (
    BACKUP_VAULTS,
    RECOVERY_SERVICES,
    critical_operations,
    from_tenant,
    operation_requests,
)
from dpmagic.commands.guard_requests import PERMISSION as OF_REQUESTS
from dpmagic.commands.model import Args, Command, Option
from dpmagic.commands.resource_guard_mapping import MAPPING_NAME, mapping
from dpmagic.errors import MissingArgument

_GUARD = Option(
    ("--name", "-n", "--resource-guard-name"),
    "The resource guard.",
    required=True,
    id_part="resourceGuards",
    live="resource-guard",
    dest="resource_guard_name",
)
_VAULT_TYPE = Option(
    ("--resource-type",), "Type of vault that the operations are of.", choices=(RECOVERY_SERVICES, BACKUP_VAULTS)
)
_EXCLUDED = "vaultCriticalOperationExclusionList"


def _path(args: Args) -> str:
    return in_group(args, "resourceGuards", args.resource_guard_name)


def _create(args: Args) -> Plan:
    location = yield from location_of(args)
    optional = {"eTag": args.e_tag, "tags": args.tags}
    body = {"location": location, **{key: value for key, value in optional.items() if value is not None}}
    return (yield from fetch(Request("PUT", _path(args), body)))


def _show(args: Args) -> Plan:
    return (yield from fetch(Request("GET", _path(args))))


def _list(args: Args) -> Plan:
    path = in_group(args, "resourceGuards") if args.resource_group else subscription_wide(args, "resourceGuards")
    return (yield from listed(args, Request("GET", path)))


def _delete(args: Args) -> Plan:
    yield from impact.weakening_guard(args, "it is deleted, and what it protects needs no second person's consent")
    yield Ask(f"Are you sure you want to delete resource guard {args.resource_guard_name}?")
    yield Request("DELETE", _path(args), purpose=f"delete resource guard {args.resource_guard_name}")


def _update(args: Args) -> Plan:
    excluded = _exclusions(args)
    before = yield from fetch(Request("GET", _path(args)))
    body = {key: before[key] for key in ("eTag", "location", "tags") if before.get(key) is not None}
    was = before["properties"].get(_EXCLUDED) or []
    body["properties"] = {_EXCLUDED: was if excluded is None else excluded}
    if args.tags is not None:
        body["tags"] = {**(body.get("tags") or {}), **args.tags}
    after = generic_update(
        body,
        args.generic_update_add,
        args.generic_update_set,
        args.generic_update_remove,
        args.generic_update_force_string,
    )
    if weaker := [one for one in after.get("properties", {}).get(_EXCLUDED) or [] if one not in was]:
        yield from impact.weakening_guard(args, f"it no longer protects {', '.join(weaker)}")
    return (yield from fetch(Request("PUT", _path(args), after)))


def _exclusions(args: Args) -> list[str] | None:
    if args.critical_operation_exclusion_list is None:
        return None
    if not args.resource_type:
        raise MissingArgument(
            "--critical-operation-exclusion-list needs --resource-type",
            f"add --resource-type {BACKUP_VAULTS}",
        )
    return critical_operations(args.critical_operation_exclusion_list, args.resource_type)


def _protected_operations(args: Args) -> Plan:
    guard = yield from fetch(Request("GET", _path(args)))
    return [
        operation
        for operation in guard["properties"].get("resourceGuardOperations") or []
        if args.resource_type in operation["vaultCriticalOperation"]
    ]


def _unlock(args: Args) -> Plan:
    requests = yield from operation_requests(args)
    body: dict[str, Any] = {"resourceGuardOperationRequests": requests} if requests else {}
    if args.resource_to_be_deleted:
        body["resourceToBeDeleted"] = args.resource_to_be_deleted
    yield Say(
        f"vault {args.vault_name}: for a while its resource guard lets {args.resource_to_be_deleted or 'it'} be deleted"
    )
    unlock = Request("POST", mapping(args, "unlockDelete"), body, purpose=f"unlock {args.vault_name}")
    return (yield from fetch(from_tenant(unlock, args.tenant_id)))


_ACTION = "Microsoft.DataProtection/resourceGuards"

COMMANDS = (
    Command(
        "resource-guard create",
        "Create a resource guard.",
        _create,
        (GROUP, _GUARD, LOCATION, TAGS, Option(("--e-tag",), "ETag that the guard must have.")),
        examples=(f"resource-guard create {GUARD_AT} -l westus",),
        permission=f"{_ACTION}/write",
    ),
    Command(
        "resource-guard delete",
        "Delete a resource guard.",
        _delete,
        (GROUP, _GUARD),
        asks=True,
        ids=True,
        done="deleted resource guard {resource_guard_name}",
        examples=(f"resource-guard delete {GUARD_AT} --yes",),
        permission=f"{_ACTION}/delete",
    ),
    Command(
        "resource-guard list",
        "List the resource guards of a subscription or resource group.",
        _list,
        (ANY_GROUP, *PAGING),
        examples=("resource-guard list", "resource-guard list -g guardRG"),
        permission=f"{_ACTION}/read",
    ),
    Command(
        "resource-guard list-protected-operations",
        "List the operations that a resource guard protects.",
        _protected_operations,
        (GROUP, _GUARD, replace(_VAULT_TYPE, required=True)),
        ids=True,
        examples=(f"resource-guard list-protected-operations {GUARD_AT} --resource-type {BACKUP_VAULTS}",),
        permission=f"{_ACTION}/read",
    ),
    Command(
        "resource-guard show",
        "Show a resource guard.",
        _show,
        (GROUP, _GUARD),
        ids=True,
        examples=(f"resource-guard show {GUARD_AT}",),
        permission=f"{_ACTION}/read",
    ),
    Command(
        "resource-guard unlock",
        "Let a protected thing be deleted for a while.",
        _unlock,
        (
            GROUP,
            VAULT,
            MAPPING_NAME,
            OPERATION_REQUESTS,
            Option(("--resource-to-be-deleted",), "Id of what is to be deleted."),
            TENANT_ID,
        ),
        ids=True,
        details="Deleting a backup instance or a mapping takes no requests of its own: unlock it here first.",
        examples=(
            f"resource-guard unlock {AT} --operation-requests DeleteBackupInstance "
            f"--resource-to-be-deleted {VAULT_ID}/backupInstances/{DISK_INSTANCE}",
            f"resource-guard unlock {AT} --operation-requests DisableMUA",
        ),
        permission="Microsoft.DataProtection/backupVaults/backupResourceGuardProxies/unlockDelete/action; "
        f"{OF_REQUESTS}",
    ),
    Command(
        "resource-guard update",
        "Change which operations a resource guard does not protect; tags are added to those there are.",
        _update,
        (
            GROUP,
            _GUARD,
            _VAULT_TYPE,
            Option(
                ("--critical-operation-exclusion-list",),
                "Operations that the guard lets through: names such as DeleteBackupInstance, or full names.",
                "texts",
            ),
            TAGS,
            *GENERIC_UPDATE,
        ),
        ids=True,
        examples=(
            f"resource-guard update {GUARD_AT} --resource-type {BACKUP_VAULTS} "
            "--critical-operation-exclusion-list DataProtectionRestore",
        ),
        permission=f"{_ACTION}/read, {_ACTION}/write",
    ),
)
