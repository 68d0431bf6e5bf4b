"""Virtual machines, what backs them up, and the other datasources of an estate, as documents."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from .. import times
from ..store import Document
from ..times import DAY
from ..world import name_of
from .estate import TENANT, Estate
from .spec import Disks
from .things import BLOBS, Disk

_VM = "Microsoft.Compute/virtualMachines"
_RSV = "Microsoft.RecoveryServices/vaults"


def add_machines(estate: Estate, row: Disks, disks: list[Disk], subscription: str) -> None:
    """Add the virtual machines that the disks are attached to, and what backs them up."""
    for machine, attached in groupby(disks, key=lambda disk: disk.vm):
        mine = list(attached)
        estate.documents.put("virtualMachine", mine[0].group, name_of(machine), _machine(estate, machine, mine))
        if row.vm_backup:
            _cover(estate, row, machine, mine, subscription)


def _machine(estate: Estate, arm_id: str, disks: list[Disk]) -> Document:
    system, data = disks[0], disks[1:]
    return {
        "id": arm_id,
        "name": name_of(arm_id),
        "type": _VM,
        "location": system.location,
        "tags": dict(system.tags),
        "properties": {
            "vmId": estate.guid(arm_id, "vmId"),
            "provisioningState": "Succeeded",
            "hardwareProfile": {"vmSize": "Standard_D4s_v5"},
            "storageProfile": {
                "osDisk": {
                    "osType": "Linux",
                    "name": system.name,
                    "createOption": "Attach",
                    "managedDisk": {"id": system.id, "storageAccountType": system.sku},
                    "diskSizeGB": system.size,
                },
                "dataDisks": [
                    {
                        "lun": disk.lun,
                        "name": disk.name,
                        "createOption": "Attach",
                        "managedDisk": {"id": disk.id, "storageAccountType": disk.sku},
                        "diskSizeGB": disk.size,
                    }
                    for disk in data
                ],
            },
            "timeCreated": times.full(system.created),
        },
    }


def _cover(estate: Estate, row: Disks, machine: str, disks: list[Disk], subscription: str) -> None:
    group, location = disks[0].group, disks[0].location
    vault = f"{group}/providers/{_RSV}/{row.vm_backup}"
    if estate.documents.get("recoveryVault", group, row.vm_backup) is None:
        properties = {"provisioningState": "Succeeded", "privateEndpointStateForBackup": "None"}
        document = {"id": vault, "name": row.vm_backup, "type": _RSV, "location": location, "tags": {}}
        document |= {"sku": {"name": "RS0", "tier": "Standard"}, "properties": properties}
        estate.documents.put("recoveryVault", group, row.vm_backup, document)
    resource = f"iaasvmcontainerv2;{name_of(group)};{name_of(machine)}"
    name = f"vm;{resource}"
    arm_id = f"{vault}/backupFabrics/Azure/protectionContainers/iaasvmcontainer;{resource}/protectedItems/{name}"
    properties = _protected_item(estate, row, machine, vault, location)
    document = {"id": arm_id, "name": name, "location": location, "properties": properties}
    document["type"] = f"{_RSV}/backupFabrics/protectionContainers/protectedItems"
    estate.documents.put("protectedItem", vault, name, document)


def _protected_item(estate: Estate, row: Disks, machine: str, vault: str, location: str) -> dict[str, Any]:
    last = times.full(estate.spec.end_ticks // DAY * DAY + 2 * 3600 * times.SECOND)
    excluded = {"diskExclusionProperties": {"diskLunList": list(row.exclude_luns), "isInclusionList": False}}
    return {
        "protectedItemType": "Microsoft.Compute/virtualMachines",
        "backupManagementType": "AzureIaasVM",
        "workloadType": "VM",
        "friendlyName": name_of(machine),
        "sourceResourceId": machine,
        "virtualMachineId": machine,
        "dataSourceId": machine,
        "vaultId": vault,
        "policyId": f"{vault}/backupPolicies/DefaultPolicy",
        "policyName": "DefaultPolicy",
        "protectionStatus": "Healthy",
        "protectionState": "Protected",
        "currentProtectionState": "ProtectionConfigured",
        "healthStatus": "Passed",
        "lastBackupStatus": "Completed",
        "lastBackupTime": last,
        "lastRecoveryPoint": last,
        "extendedProperties": excluded if row.exclude_luns else {},
    }


def add_datasource(estate: Estate, kind: str, group: str, name: str, location: str) -> str:
    """Add a storage account or a cluster; returns its id."""
    resource = "Microsoft.Storage/storageAccounts" if kind == BLOBS else kind
    arm_id = f"{group}/providers/{resource}/{name}"
    document: Document = {"id": arm_id, "name": name, "type": resource, "location": location, "tags": {}}
    document |= {"properties": {"provisioningState": "Succeeded"}, "_": {"bytes": 1}}
    if kind == BLOBS:
        document |= {"kind": "StorageV2", "sku": {"name": "Standard_LRS", "tier": "Standard"}}
        document["_"]["containers"] = []
    else:
        identity = {"type": "SystemAssigned", "principalId": estate.guid(arm_id, "principal"), "tenantId": TENANT}
        document |= {"identity": identity, "sku": {"name": "Base", "tier": "Free"}}
    estate.documents.put("storageAccount" if kind == BLOBS else "cluster", group, name, document)
    return arm_id
