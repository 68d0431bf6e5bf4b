"""``backup-vault``: make, see, change, delete Backup vaults."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dpmagic.arm.plans import Ask, Plan, fetch
from dpmagic.arm.requests import Request
from dpmagic.commands import impact, resource_guard_mapping
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
    vault,
)
from dpmagic.commands.effects import vault_effects
from dpmagic.commands.examples import AT
from dpmagic.commands.generic_update import generic_update
from dpmagic.commands.guard_requests import PERMISSION as OF_REQUESTS
from dpmagic.commands.guard_requests import from_tenant, operation_requests
from dpmagic.commands.model import Args, Command, Option
from dpmagic.commands.vault_body import body_of, changed, writable
from dpmagic.commands.waiting import WAIT_OPTIONS, wait

_ON_OFF = ("Disabled", "Enabled")


def _create(args: Args) -> Plan:
    body = body_of(args)
    body["location"] = yield from location_of(args)
    yield from impact.creating_vault(args, body)
    return (yield from fetch(_put(args, body, "create")))


def _update(args: Args) -> Plan:
    change = body_of(args)
    requests = yield from operation_requests(args)
    before = writable((yield from fetch(Request("GET", vault(args)))))
    after = generic_update(
        changed(before, change),
        args.generic_update_add,
        args.generic_update_set,
        args.generic_update_remove,
        args.generic_update_force_string,
    )
    yield from impact.changing_vault(args, vault_effects(before, after))
    if requests:
        after.setdefault("properties", {})["resourceGuardOperationRequests"] = requests
    return (yield from fetch(from_tenant(_put(args, after, "update"), args.tenant_id)))


def _put(args: Args, body: dict[str, Any], verb: str) -> Request:
    return Request(
        "PUT",
        vault(args),
        body,
        follow="azure-async-operation",
        no_wait=True,
        purpose=f"{verb} vault {args.vault_name}",
    )


def _delete(args: Args) -> Plan:
    yield from impact.deleting_vault(args)
    yield Ask(f"Are you sure you want to delete vault {args.vault_name}?")
    yield Request(
        "DELETE",
        vault(args),
        follow="azure-async-operation",
        no_wait=True,
        purpose=f"delete vault {args.vault_name}",
    )


def _list(args: Args) -> Plan:
    path = in_group(args, "backupVaults") if args.resource_group else subscription_wide(args, "backupVaults")
    return (yield from listed(args, Request("GET", path)))


def _show(args: Args) -> Plan:
    return (yield from fetch(Request("GET", vault(args))))


def _wait(args: Args) -> Plan:
    return (yield from wait(args, vault(args), f"vault {args.vault_name}"))


_SETTINGS = (
    Option(("--type",), "The vault's identity: SystemAssigned, UserAssigned, both with a comma between, or None."),
    Option(
        ("--uami", "--user-assigned-identities"),
        "Ids of user-assigned identities of the vault.",
        "texts",
        dest="user_assigned_identities",
    ),
    Option(
        ("--soft-delete-state",),
        "Whether deleted backup instances are kept for a while; AlwaysOn cannot be undone.",
        choices=("AlwaysOn", "Off", "On"),
    ),
    Option(
        ("--soft-delete-retention", "--retention-duration-in-days"),
        "For how many days they are kept.",
        "number",
        dest="retention_duration_in_days",
    ),
    Option(
        ("--immutability-state",),
        "Whether recovery points can be deleted before they expire; Locked cannot be undone.",
        choices=("Disabled", "Locked", "Unlocked"),
    ),
    Option(
        ("--crr-state", "--cross-region-restore-state"),
        "Whether data can be restored in the paired region.",
        choices=_ON_OFF,
        dest="cross_region_restore_state",
    ),
    Option(
        ("--csr-state", "--cross-subscription-restore-state"),
        "Whether data can be restored to another subscription.",
        choices=("Disabled", "Enabled", "PermanentlyDisabled"),
        dest="cross_subscription_restore_state",
    ),
    Option(
        ("--job-failure-alerts", "--azure-monitor-alerts-for-job-failures"),
        "Whether Azure Monitor alerts when a job fails.",
        choices=_ON_OFF,
        dest="azure_monitor_alerts_for_job_failures",
    ),
    Option(
        ("--cmk-encryption-state",),
        "Whether the vault is encrypted with a key of yours.",
        choices=("Disabled", "Enabled", "Inconsistent"),
    ),
    Option(("--cmk-encryption-key-uri",), "URI of that key in its key vault."),
    Option(
        ("--cmk-identity-type",),
        "The identity with which the vault reads the key.",
        choices=("SystemAssigned", "UserAssigned"),
    ),
    Option(
        ("--cmk-uami", "--cmk-user-assigned-identity-id"),
        "Id of the user-assigned identity with which the vault reads the key.",
        "id",
        dest="cmk_user_assigned_identity_id",
    ),
)
_CREATE_DEFAULTS = {"soft_delete_state": "On", "retention_duration_in_days": 14.0}
_CREATE_ONLY = (
    Option(
        ("--storage-setting", "--storage-settings"),
        "Redundancy of a data store: type and datastore-type, as KEY=VALUE words or [{..},{..}].",
        "settings",
        required=True,
    ),
    Option(
        ("--cmk-infra-encryption", "--cmk-infrastructure-encryption"),
        "Whether data is encrypted a second time by the infrastructure.",
        choices=_ON_OFF,
        dest="cmk_infrastructure_encryption",
    ),
    Option(("--e-tag",), "ETag that the vault must have."),
)

COMMANDS = (
    Command(
        "backup-vault create",
        "Create a Backup vault, or replace its settings.",
        _create,
        (
            GROUP,
            VAULT,
            LOCATION,
            *_CREATE_ONLY,
            *(replace(option, default=_CREATE_DEFAULTS.get(option.key)) for option in _SETTINGS),
            TAGS,
        ),
        waits=True,
        examples=(
            f"backup-vault create {AT} -l westus --type SystemAssigned "
            "--storage-settings datastore-type=VaultStore type=LocallyRedundant",
            f"backup-vault create {AT} --type SystemAssigned "
            "--storage-setting '[{type:ZoneRedundant,datastore-type:VaultStore}]' --soft-delete-state AlwaysOn",
        ),
        permission="Microsoft.DataProtection/backupVaults/write",
    ),
    Command(
        "backup-vault delete",
        "Delete a Backup vault.",
        _delete,
        (GROUP, VAULT),
        asks=True,
        waits=True,
        ids=True,
        done="deleted vault {vault_name}",
        details="Azure refuses while the vault holds backup instances, soft-deleted ones among them. What is in the "
        "vault is said first.",
        examples=(f"backup-vault delete {AT} --yes",),
        permission="Microsoft.DataProtection/backupVaults/delete",
    ),
    Command(
        "backup-vault list",
        "List the Backup vaults of a subscription or resource group.",
        _list,
        (ANY_GROUP, *PAGING),
        examples=("backup-vault list", "backup-vault list -g testBkpVaultRG"),
        permission="Microsoft.DataProtection/backupVaults/read",
    ),
    Command(
        "backup-vault show",
        "Show a Backup vault.",
        _show,
        (GROUP, VAULT),
        ids=True,
        examples=(f"backup-vault show {AT}",),
        permission="Microsoft.DataProtection/backupVaults/read",
    ),
    Command(
        "backup-vault update",
        "Change a Backup vault: only what is given; tags are added to those there are.",
        _update,
        (GROUP, VAULT, *_SETTINGS, TAGS, OPERATION_REQUESTS, TENANT_ID, *GENERIC_UPDATE),
        waits=True,
        ids=True,
        details="The vault is read, changed and written back. What weakens its protection, or cannot be undone, is "
        "said first.",
        examples=(
            f"backup-vault update {AT} --tags owner=backup-team",
            f"backup-vault update {AT} --soft-delete-state Off --operation-requests DataProtectionSoftDelete",
        ),
        permission="Microsoft.DataProtection/backupVaults/read, Microsoft.DataProtection/backupVaults/write; "
        f"{OF_REQUESTS}",
    ),
    Command(
        "backup-vault wait",
        "Wait until a Backup vault is as you want it.",
        _wait,
        (GROUP, VAULT, *WAIT_OPTIONS),
        ids=True,
        done="vault {vault_name} is as asked",
        examples=(f"backup-vault wait {AT} --created",),
        permission="Microsoft.DataProtection/backupVaults/read",
    ),
    *resource_guard_mapping.COMMANDS,
)
