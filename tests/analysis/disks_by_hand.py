"""Small tables written by hand, as an estate's methods give them: disks, vaults, instances, jobs and what is around."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SUB, OTHER = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"
VAULT_PRINCIPAL = "aaaaaaaa-0000-4000-8000-00000000000a"
VAULT = f"/subscriptions/{SUB}/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv"
POLICY = f"{VAULT}/backupPolicies/nightly"
DISKS = "Microsoft.Compute/disks"
READER, CONTRIBUTOR = "Disk Backup Reader", "Disk Snapshot Contributor"
_ROLES = {READER: "3e5e47e6-65f7-47ef-90b5-e5dd4d455f24", CONTRIBUTOR: "7efff54f-a5b4-42b5-a1c5-5411624893ce"}


def ago(**span: float) -> datetime:
    """An instant so long before the tables' own."""
    return NOW - timedelta(**span)


def group(name: str = "rg", subscription: str = SUB) -> str:
    """The id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{name}"


def disk_id(name: str, in_group: str = "rg", subscription: str = SUB) -> str:
    """The id of a disk."""
    return f"{group(in_group, subscription)}/providers/{DISKS}/{name}"


def _around(arm_id: str) -> dict[str, Any]:
    parts = arm_id.strip("/").split("/")
    return {
        "id": arm_id,
        "name": parts[-1],
        "subscriptionId": parts[1],
        "resourceGroup": parts[3].lower() if len(parts) > 3 else "",
    }


def disk(name: str, *, in_group: str = "rg", subscription: str = SUB, **columns: Any) -> dict[str, Any]:
    """A row of disks."""
    usual = {
        "location": "westeurope",
        "sku": "Premium_LRS",
        "diskSizeGB": 128,
        "diskState": "Unattached",
        "managedBy": "",
        "uniqueId": f"unique-{name}",
        "timeCreated": ago(days=400),
        "tags": {},
    }
    return _around(disk_id(name, in_group, subscription)) | usual | columns


def instance(name: str, *, state: str = "ProtectionConfigured", source: str = "", **columns: Any) -> dict[str, Any]:
    """A row of instances, of the disk of the same name."""
    usual = {
        "vaultId": VAULT,
        "vaultName": "bv",
        "dataSourceId": source or disk_id(name),
        "dataSourceName": name,
        "dataSourceType": DISKS,
        "dataSourceSubscriptionId": SUB,
        "policyId": POLICY,
        "policyName": "nightly",
        "resourceGroupId": group("rg-snapshots"),
        "currentProtectionState": state,
        "errorCode": None,
        "errorMessage": None,
        "latestRecoveryPoint": ago(hours=10),
    }
    return _around(f"{VAULT}/backupInstances/{name}-{name}-1") | usual | columns


def job(
    name: str, *, start: datetime, status: str = "Completed", code: str | None = None, **columns: Any
) -> dict[str, Any]:
    """A row of jobs: a backup of five minutes of the disk of a name."""
    usual = {
        "vaultId": VAULT,
        "vaultName": "bv",
        "backupInstanceId": f"{VAULT}/backupInstances/{name}-{name}-1",
        "dataSourceId": disk_id(name),
        "policyId": POLICY,
        "operationCategory": "Backup",
        "status": status,
        "isUserTriggered": False,
        "startTime": start,
        "endTime": start + timedelta(minutes=5),
        "duration": timedelta(minutes=5),
        "errorCode": code,
    }
    return _around(f"{VAULT}/backupJobs/{name}-{start:%Y%m%d%H%M}") | usual | columns


def machine(name: str, disks: Iterable[tuple[str, int | None]]) -> list[dict[str, Any]]:
    """Rows of virtual_machines: a machine's disks by name ("" is unmanaged), with their LUN, None as system disk."""
    arm_id = f"{group()}/providers/Microsoft.Compute/virtualMachines/{name}"
    place = _around(arm_id) | {"location": "westeurope", "tags": {}}
    return [place | {"diskId": disk_id(one) if one else None, "lun": lun, "osDisk": lun is None} for one, lun in disks]


def item(vm: str, luns: list[int] | None = None, *, only: bool = False, **columns: Any) -> dict[str, Any]:
    """A row of protected_items: the backup of a machine; ``luns`` None is a list that could not be read."""
    vault = f"{group()}/providers/Microsoft.RecoveryServices/vaults/rsv"
    usual = {
        "vaultId": vault,
        "vaultName": "rsv",
        "sourceResourceId": f"{group()}/providers/Microsoft.Compute/virtualMachines/{vm}",
        "protectionState": "Protected",
        "currentProtectionState": "ProtectionConfigured",
        "healthStatus": "Passed",
        "lastBackupStatus": "Completed",
        "lastBackupTime": ago(hours=6),
        "lastRecoveryPoint": ago(hours=6),
        "backupManagementType": "AzureIaasVM",
        "diskLunList": luns or None,
        "isInclusionList": only if luns is not None else None,
        "diskExclusion": "unread" if luns is None else "listed" if luns or only else "none",
    }
    place = f"{vault}/backupFabrics/Azure/protectionContainers/c;{vm}/protectedItems/{vm}"
    return _around(place) | usual | columns


def role(name: str, scope: str, principal: str = VAULT_PRINCIPAL) -> dict[str, Any]:
    """A row of role_assignments."""
    guid = _ROLES.get(name, "99999999-0000-4000-8000-000000000009")
    definition = f"/subscriptions/{SUB}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
    made = (
        _around(f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}") if scope != "/" else {"id": "/r"}
    )
    usual = {"name": name, "subscriptionId": SUB, "resourceGroup": ""}
    return (
        usual
        | made
        | {
            "scope": scope,
            "principalId": principal,
            "principalType": "ServicePrincipal",
            "roleDefinitionId": definition,
            "roleName": name,
        }
    )


def policy(name: str = "nightly", every: str = "P1D", vault: str = VAULT, **columns: Any) -> dict[str, Any]:
    """A row of policies for disks: one interval from ten at night, kept seven days."""
    rules = [
        {
            "name": "BackupDaily",
            "objectType": "AzureBackupRule",
            "trigger": {
                "objectType": "ScheduleBasedTriggerContext",
                "schedule": {"repeatingTimeIntervals": [f"R/2024-01-01T22:00:00+00:00/{every}"]},
                "taggingCriteria": [{"tagInfo": {"tagName": "Default"}, "taggingPriority": 99, "isDefault": True}],
            },
        },
        {
            "name": "Default",
            "objectType": "AzureRetentionRule",
            "isDefault": True,
            "lifecycles": [{"deleteAfter": {"objectType": "AbsoluteDeleteOption", "duration": "P7D"}}],
        },
    ]
    usual = {"vaultId": vault, "vaultName": vault.rsplit("/", 1)[-1], "datasourceTypes": [DISKS], "policyRules": rules}
    return _around(f"{vault}/backupPolicies/{name}") | usual | columns


def vault(arm_id: str = VAULT, **columns: Any) -> dict[str, Any]:
    """A row of vaults."""
    usual = {"location": "westeurope", "tags": {}, "identityType": "SystemAssigned", "principalId": VAULT_PRINCIPAL}
    return _around(arm_id) | usual | columns


def subscription(guid: str = SUB, name: str = "Shop", groups: Iterable[str] = ()) -> dict[str, Any]:
    """A row of subscriptions."""
    above = list(groups)
    return {
        "id": f"/subscriptions/{guid}",
        "name": name,
        "subscriptionId": guid,
        "tenantId": "t",
        "state": "Enabled",
        "managementGroup": above[0] if above else None,
        "managementGroups": above,
        "tags": {},
    }


def snapshot(name: str, at: datetime, **columns: Any) -> dict[str, Any]:
    """A row of snapshots: one that Azure Backup made of the disk of a name."""
    usual = {
        "location": "westeurope",
        "incremental": True,
        "sourceResourceId": disk_id(name),
        "sourceUniqueId": f"unique-{name}",
        "diskSizeGB": 128,
        "timeCreated": at,
        "tags": {"CreatedBy": "AzureBackup"},
    }
    arm_id = f"{group('rg-snapshots')}/providers/Microsoft.Compute/snapshots/AzureBackup_{name}_{at:%Y-%m-%dT%H-%M}"
    return _around(arm_id) | usual | columns


def estate(**rows: list[dict[str, Any]]) -> dict[str, pandas.DataFrame]:
    """The tables of a small estate: a disk that is fine, one that nobody protects, and what is given."""
    usual: dict[str, list[dict[str, Any]]] = {
        "subscriptions": [subscription(groups=["production", "contoso"]), subscription(OTHER, "Data", ["contoso"])],
        "disks": [disk("fine", diskSizeGB=256, tags={"Env": "prod"}), disk("never", tags={"owner": "dba"})],
        "instances": [instance("fine")],
        "jobs": [job("fine", start=ago(hours=10)), job("fine", start=ago(hours=34))],
        "snapshots": [snapshot("fine", ago(hours=10)), snapshot("fine", ago(hours=34))],
        "vaults": [vault()],
        "policies": [policy()],
        "role_assignments": [role(READER, group()), role(CONTRIBUTOR, group("rg-snapshots"))],
        "virtual_machines": machine("none", [("none", 0)]),
        "protected_items": [item("none", [])],
    }
    return {name: pandas.DataFrame(found) for name, found in (usual | rows).items()}
