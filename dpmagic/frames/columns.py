"""What is known of Azure's fields: the one place that says which name is a time, a duration, a number.

A field is looked up by the last key of its path, for ARM uses a name in one sense wherever it stands.  What is known
decides the dtype of a column without values, and lets a text be read as a time; values that do not fit win.
"""

from __future__ import annotations

from dataclasses import dataclass

from dpmagic.frames.flatten import FieldPath

TIME = "datetime64[us, UTC]"
DURATION = "timedelta64[us]"


@dataclass(frozen=True)
class Column:
    """A field's dtype in frames, its unit, and the ARM or Resource Graph type whose records have it."""

    dtype: str
    unit: str
    source: str


# dtype, unit, source, names
_GROUPS = (
    (TIME, "UTC", "backupJobs, operationStatus", "startTime endTime"),
    (TIME, "UTC", "recoveryPoints", "recoveryPointTime expiryTime"),
    (TIME, "UTC", "deletedBackupInstances", "billingEndDate deletionTime scheduledPurgeTime"),
    (
        TIME,
        "UTC",
        "backupInstances in Resource Graph",
        "latestRecoveryPointInPrimaryRegion latestRecoveryPointInSecondaryRegion "
        "oldestRecoveryPointInPrimaryRegion oldestRecoveryPointInSecondaryRegion",
    ),
    (TIME, "UTC", "backupResourceGuardProxies", "lastUpdatedTime unlockDeleteExpiryTime"),
    (TIME, "UTC", "systemData", "createdAt lastModifiedAt"),
    (TIME, "UTC", "disks, snapshots", "timeCreated"),
    (TIME, "UTC", "roleAssignments", "createdOn updatedOn"),
    (DURATION, "", "backupJobs", "duration"),
    (
        DURATION,
        "",
        "backupInstances in Resource Graph",
        "configuredMaximumRetention configuredMaximumRetentionInSecondaryRegion "
        "configuredRPGenerationFrequency configuredRPGenerationFrequencyInSecondaryRegion "
        "rpoWarningThresholdInPrimaryRegion rpoWarningThresholdInSecondaryRegion",
    ),
    ("Float64", "days", "backupVaults", "retentionDurationInDays"),
    ("Float64", "bytes", "backupJobs", "dataTransferredInBytes dataTransferedInBytes"),
    ("Int64", "GiB", "disks, snapshots", "diskSizeGB"),
    ("Int64", "bytes", "disks, snapshots", "diskSizeBytes"),
    ("boolean", "", "backupJobs", "isUserTriggered progressEnabled isCrossRegionRestore"),
    ("boolean", "", "backupVaults", "isVaultProtectedByResourceGuard"),
    (
        "str",
        "",
        "backupJobs",
        "activityID dataSourceSetName destinationDataStoreName etag policyId policyName progressUrl "
        "recoveryDestination recoveryPointID rehydrationPriority restoreType sourceDataStoreName sourceDataStoreType",
    ),
    ("str", "", "backupInstances", "baseUri policyVersion validationType"),
    ("str", "", "recoveryPoints", "recoveryPointState recoveryPointType retentionTagName retentionTagVersion"),
    ("str", "", "Resource Graph", "kind location managedBy resourceGroup subscriptionId tenantId"),
    # What people write: never read as a time, whatever it looks like.
    (
        "str",
        "",
        "names and texts",
        "name displayName friendlyName backupInstanceFriendlyName dataSourceName resourceName vaultName "
        "description message recommendedAction title",
    ),
)

KNOWN = {name: Column(dtype, unit, source) for dtype, unit, source, names in _GROUPS for name in names.split()}
"""The fields known by name."""

_TAG = Column("str", "", "tags")


def known(path: FieldPath) -> Column | None:
    """What is known of the field at ``path``, or None.  Everything below ``tags`` is text that people wrote.

    >>> known(("properties", "duration")).dtype
    'timedelta64[us]'
    >>> known(("tags", "startTime")).dtype
    'str'
    """
    if not path:
        return None
    return _TAG if "tags" in path[:-1] else KNOWN.get(path[-1])
