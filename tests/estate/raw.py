"""The tables again, naively: Resource Graph's records read one by one in plain Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

Record = dict[str, Any]


def at(record: Any, path: str) -> Any:
    """What is at a dotted path, None where it leads nowhere; an integer is a place in a list."""
    for key in path.split("."):
        if isinstance(record, list):
            record = record[int(key)] if int(key) < len(record) else None
        else:
            record = record.get(key) if isinstance(record, dict) else None
    return None if record == "" else record


def instant(text: str | None) -> datetime | None:
    """A time to the microsecond; the year 1 means unset."""
    if not text or text.startswith("0001-"):
        return None
    found = re.fullmatch(r"(.{19})(?:\.(\d+))?(?:Z|\+00:00)", text)
    assert found, text
    return datetime.fromisoformat(f"{found[1]}.{(found[2] or '').ljust(6, '0')[:6]}+00:00")


def _length(record: Record) -> timedelta | None:
    text = at(record, "properties.duration")
    if at(record, "properties.endTime") is None:
        return None
    found = re.fullmatch(r"(?:(\d+)\.)?(\d\d):(\d\d):(\d\d(?:\.\d+)?)", text)
    assert found, text
    days, hours, minutes = (int(part or 0) for part in found.groups()[:3])
    return timedelta(days, hours=hours, minutes=minutes, microseconds=int(float(found[4]) * 10**7 + 0.5) // 10)


def _fault(record: Record) -> Any:
    return at(record, "properties.protectionErrorDetails") or at(record, "properties.protectionStatus.errorDetails")


def _segment(place: int, path: str = "id") -> Callable[[Record], Any]:
    return lambda record: at(record, path).split("/")[place]


def _vault_id(record: Record) -> str:
    return "/".join(record["id"].split("/")[:9])


def _tail(path: str) -> Callable[[Record], Any]:
    return lambda record: at(record, path).rsplit("/", 1)[-1]


VAULT = {"vaultId": _vault_id, "vaultName": _segment(8)}
SECURITY, FEATURES = "properties.securitySettings", "properties.featureSettings"
POINTS = "properties.backupInstanceExtendedProperties.recoveryPointInfo"
ATTRIBUTES = "properties.changeAttributes"
EXCLUSION = "properties.extendedProperties.diskExclusionProperties"

# For each table: where its records are, and where in a record a column is that is not properties.<its name>.
TABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "subscriptions": (
        "resourcecontainers | where type == 'microsoft.resources/subscriptions'",
        {
            "managementGroup": "properties.managementGroupAncestorsChain.0.displayName",
            "managementGroups": "properties.managementGroupAncestorsChain",
        },
    ),
    "vaults": (
        "resources | where type == 'microsoft.dataprotection/backupvaults'",
        {
            "identityType": "identity.type",
            "principalId": "identity.principalId",
            "storageType": "properties.storageSettings.0.type",
            "datastoreType": "properties.storageSettings.0.datastoreType",
            "softDeleteState": f"{SECURITY}.softDeleteSettings.state",
            "retentionDurationInDays": f"{SECURITY}.softDeleteSettings.retentionDurationInDays",
            "immutabilityState": f"{SECURITY}.immutabilitySettings.state",
            "encryptionState": f"{SECURITY}.encryptionSettings.state",
            "crossRegionRestoreState": f"{FEATURES}.crossRegionRestoreSettings.state",
            "crossSubscriptionRestoreState": f"{FEATURES}.crossSubscriptionRestoreSettings.state",
        },
    ),
    "policies": (
        "recoveryservicesresources | where type == 'microsoft.dataprotection/backupvaults/backuppolicies'",
        VAULT,
    ),
    "instances": (
        "recoveryservicesresources | where type == 'microsoft.dataprotection/backupvaults/backupinstances'",
        {
            **VAULT,
            "dataSourceId": "properties.dataSourceInfo.resourceID",
            "dataSourceName": "properties.dataSourceInfo.resourceName",
            "dataSourceType": "properties.dataSourceInfo.datasourceType",
            "dataSourceLocation": "properties.dataSourceInfo.resourceLocation",
            "dataSourceSubscriptionId": _segment(2, "properties.dataSourceInfo.resourceID"),
            "policyId": "properties.policyInfo.policyId",
            "policyName": _tail("properties.policyInfo.policyId"),
            "resourceGroupId": "properties.policyInfo.policyParameters.dataStoreParametersList.0.resourceGroupId",
            "protectionStatus": "properties.protectionStatus.status",
            "errorCode": lambda record: at(_fault(record), "code"),
            "errorMessage": lambda record: at(_fault(record), "message"),
            "protectionErrorDetails": _fault,
            "latestRecoveryPoint": f"{POINTS}.latestRecoveryPointInPrimaryRegion",
            "oldestRecoveryPoint": f"{POINTS}.oldestRecoveryPointInPrimaryRegion",
        },
    ),
    "jobs": (
        "recoveryservicesresources | where type == 'microsoft.dataprotection/backupvaults/backupjobs'",
        {
            "vaultId": _vault_id,
            "duration": _length,
            "errorCode": "properties.errorDetails.0.code",
            "errorMessage": "properties.errorDetails.0.message",
            "isUserError": "properties.errorDetails.0.isUserError",
            "recommendedAction": "properties.errorDetails.0.recommendedAction",
            "retentionTag": "properties.extendedInfo.additionalDetails.RetentionTag",
            "recoveryPointId": "properties.extendedInfo.targetRecoverPoint.recoveryPointID",
        },
    ),
    "disks": (
        "resources | where type == 'microsoft.compute/disks'",
        {
            "sku": "sku.name",
            "managedBy": "managedBy",
            "encryptionType": "properties.encryption.type",
            "encryptionSettings": "properties.encryptionSettingsCollection.enabled",
        },
    ),
    "snapshots": (
        "resources | where type == 'microsoft.compute/snapshots'",
        {
            "sku": "sku.name",
            "sourceResourceId": "properties.creationData.sourceResourceId",
            "sourceUniqueId": "properties.creationData.sourceUniqueId",
        },
    ),
    "virtual_machines": (
        "resources | where type == 'microsoft.compute/virtualmachines'",
        {
            "diskId": "disk.managedDisk.id",
            "lun": "disk.lun",
            "osDisk": lambda record: "lun" not in record["disk"],
        },
    ),
    "protected_items": (
        "recoveryservicesresources"
        " | where type == 'microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems'",
        {
            **VAULT,
            "diskLunList": f"{EXCLUSION}.diskLunList",
            "isInclusionList": f"{EXCLUSION}.isInclusionList",
            "diskExclusion": lambda record: "listed" if at(record, EXCLUSION) else None,
        },
    ),
    "role_assignments": (
        "authorizationresources | where type == 'microsoft.authorization/roleassignments'",
        {"roleName": "role"},
    ),
    "changes": (
        "resourcechanges",
        {
            name: f"{ATTRIBUTES}.{name}"
            for name in (
                *("timestamp", "changedBy", "changedByType", "clientType", "operation", "correlationId"),
                "changesCount",
            )
        },
    ),
    "exemptions": (
        "policyresources | where type == 'microsoft.authorization/policyexemptions'",
        {
            "scope": lambda record: record["id"].split("/providers/Microsoft.Authorization/")[0],
            "createdBy": "properties.metadata.createdBy",
            "createdOn": "properties.metadata.createdOn",
            "policyAssignmentDisplayName": "assignment.displayName",
            "policyDefinitionId": "assignment.policyDefinitionId",
        },
    ),
}
TOP = ("id", "name", "subscriptionId", "resourceGroup", "location", "tags", "zones", "tenantId")


def cell(record: Record, table: str, column: str, dtype: str) -> Any:
    """What a column of a record holds, as Python has it."""
    special = TABLES[table][1].get(column)
    if callable(special):
        return special(record)
    value = at(record, special or (column if column in TOP else f"properties.{column}"))
    return instant(value) if dtype.startswith("datetime") else value


def spread(record: Record) -> Iterator[Record]:
    """A machine once for each of its disks."""
    profile = record["properties"]["storageProfile"]
    for disk in (profile["osDisk"], *profile.get("dataDisks", ())):
        yield {**record, "disk": disk}
