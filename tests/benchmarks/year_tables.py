"""The tables of an estate of 3,000 disks that are backed up six times a day, as they are on any night of a year.

Each night has that day's backups, their points, snapshots and changes, and a week's that are still kept; what the
service says of every instance is new, the state of a few disks is another, and now and then a setting of a vault.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

import numpy as np
import pandas
import pyarrow as pa

START = datetime(2025, 1, 1, tzinfo=UTC)
DISKS, FREE, A_DAY, KEPT = 3_000, 750, 6, 7  # disks, those without an instance, backups; days that points are kept
_COMPUTE = "/providers/Microsoft.Compute"
_ROLES = {
    "3e5e47e6-65f7-47ef-90b5-e5dd4d455f24": "Disk Backup Reader",
    "7efff54f-a5b4-42b5-a1c5-5411624893ce": "Disk Snapshot Contributor",
}
_ROLE = "/providers/Microsoft.Authorization/roleDefinitions/"
_RULES = [
    {
        "objectType": "AzureBackupRule", "name": "BackupHourly",
        "trigger": {
            "objectType": "ScheduleBasedTriggerContext",
            "schedule": {"repeatingTimeIntervals": ["R/2025-01-01T00:00:00+00:00/PT4H"], "timeZone": "UTC"},
            "taggingCriteria": [{"isDefault": True, "tagInfo": {"tagName": "Default"}, "taggingPriority": 99}],
        },
    },
    {
        "objectType": "AzureRetentionRule", "isDefault": True, "name": "Default",
        "lifecycles": [{"deleteAfter": {"objectType": "AbsoluteDeleteOption", "duration": f"P{KEPT}D"}}],
    },
]  # fmt: skip


Texts = pandas.Series
Rows = Callable[[datetime], pandas.DataFrame]


@cache
def _static() -> pandas.DataFrame:
    """A row a disk, those that are protected first: what never changes."""
    random, place = np.random.default_rng(1), np.arange(DISKS + FREE)
    sub = _texts(f"{one % 20 // 5:08d}-1111-4111-8111-111111111111" for one in place)
    name = _texts(map("disk-{:05d}".format, place))
    vault = _texts(map("vault-{:02d}".format, place % 20))
    made = pandas.DataFrame({"sub": sub, "disk": name, "vault": vault, "unique": _guids(random, len(place))})
    of, group = "/subscriptions/" + sub + "/resourceGroups/", _texts(map("rg-app-{:02d}".format, place % 25))
    made["vaultId"] = of + "rg-backup/providers/Microsoft.DataProtection/backupVaults/" + vault
    made["instance"] = made["vaultId"] + "/backupInstances/" + name + "-" + name + "-" + _guids(random, len(place))
    made["group"], made["diskId"] = group, of + group + _COMPUTE + "/disks/" + name
    made["stem"] = _guids(random, len(place))  # all of a disk's snapshots have one in their names, as recorded
    made["snapshots"], made["size"] = of + "rg-snapshots", 32 * 2 ** (place % 6)
    return made


@lru_cache(3 * KEPT)
def _runs(day: datetime) -> pandas.DataFrame:
    """The backups of a day, in the order of their starts, and all that is told of them."""
    random = np.random.default_rng(day.toordinal())
    n = DISKS * A_DAY
    late = np.sort(random.integers(2_000_000, 90_000_000, (A_DAY, DISKS)), axis=1)
    began = late + (np.arange(A_DAY) * 86_400_000_000 // A_DAY)[:, None]
    made = pandas.DataFrame({"place": random.permuted(np.tile(np.arange(DISKS), (A_DAY, 1)), axis=1).ravel()})
    made["startTime"] = pandas.Timestamp(day).as_unit("us") + _micros(began.ravel())
    made["duration"] = _micros((random.lognormal(5.2, 0.3, n) * 1e6).astype("int64"))
    made["failed"] = random.random(n) < 0.01
    for name in ("job", "point", "unique", "create", "delete", "why", "whyGone"):
        made[name] = _guids(random, n)
    return made


def _micros(values: Any) -> Any:
    return pandas.to_timedelta(values, unit="us").as_unit("us")


def _guids(random: np.random.Generator, n: int) -> Texts:
    digits = np.frombuffer(b"0123456789abcdef", "u1")[random.integers(0, 16, (n, 36), dtype="u1")]
    digits[:, [8, 13, 18, 23]] = ord("-")
    texts = pa.StringArray.from_buffers(n, pa.py_buffer(np.arange(n + 1, dtype="i4") * 36), pa.py_buffer(digits))
    return pandas.Series(texts, dtype="str")


def _texts(texts: Any) -> Texts:
    return pandas.Series(list(texts), dtype="str")


def _jobs(day: datetime) -> pandas.DataFrame:
    runs = _runs(day)
    of = _static().iloc[runs["place"]].reset_index(drop=True)
    failed = runs["failed"]
    kind = pandas.Series("Backup", runs.index, dtype="str").mask(runs.index % 9_000 == 17, "Restore")
    return pandas.DataFrame(
        {
            "id": of["vaultId"] + "/backupJobs/" + runs["job"], "name": runs["job"], "subscriptionId": of["sub"],
            "resourceGroup": "rg-backup", "vaultId": of["vaultId"], "vaultName": of["vault"],
            "backupInstanceId": of["instance"], "backupInstanceFriendlyName": of["disk"], "dataSourceId": of["diskId"],
            "dataSourceName": of["disk"], "dataSourceType": "Microsoft.Compute/disks",
            "dataSourceLocation": "westeurope", "sourceSubscriptionID": of["sub"], "sourceResourceGroup": of["group"],
            "policyId": of["vaultId"] + "/backupPolicies/four-hourly", "policyName": "four-hourly",
            "operationCategory": kind, "operation": kind, "isUserTriggered": kind == "Restore",
            "status": pandas.Series("Completed", runs.index, dtype="str").mask(failed, "Failed"),
            "errorCode": pandas.Series(None, runs.index, dtype="str").mask(failed, "UserErrorLocked"),
            "errorMessage": pandas.Series(None, runs.index, dtype="str").mask(failed, "The disk is locked."),
            "retentionTag": "Default", "recoveryPointId": runs["point"].str.replace("-", "").mask(failed),
            "startTime": runs["startTime"], "endTime": runs["startTime"] + runs["duration"],
            "duration": runs["duration"],
        }
    )  # fmt: skip


def _made(day: datetime) -> tuple[pandas.DataFrame, pandas.DataFrame]:
    """The runs of a day that made a point, and what they are of."""
    runs = _runs(day)
    runs = runs[~runs["failed"] & (runs.index % 9_000 != 17)].reset_index(drop=True)
    return runs, _static().iloc[runs["place"]].reset_index(drop=True)


@lru_cache(2 * KEPT)
def _snapshots(day: datetime) -> pandas.DataFrame:
    runs, of = _made(day)
    stamp = runs["startTime"].dt.strftime("%Y-%m-%dT%H-%M-%S.%f")
    name = "AzureBackup_" + of["stem"] + "_" + stamp
    return pandas.DataFrame(
        {
            "id": of["snapshots"] + _COMPUTE + "/snapshots/" + name, "name": name, "subscriptionId": of["sub"],
            "resourceGroup": "rg-snapshots", "location": "westeurope", "sku": "Standard_ZRS", "incremental": True,
            "sourceResourceId": of["diskId"], "sourceUniqueId": of["unique"],
            "incrementalSnapshotFamilyId": of["unique"], "diskSizeGB": of["size"], "diskSizeBytes": of["size"] * 2**30,
            "timeCreated": runs["startTime"] + pandas.Timedelta("3s"), "uniqueId": runs["unique"],
            "completionPercent": 100.0, "tags": [{"CreatedBy": "AzureBackup"}] * len(runs),
        }
    )  # fmt: skip


def _points(day: datetime) -> pandas.DataFrame:
    runs, of = _made(day)
    name, made = runs["point"], runs["startTime"] + pandas.Timedelta("3s")
    return pandas.DataFrame(
        {
            "id": of["instance"] + "/recoveryPoints/" + name, "name": name, "backupInstanceId": of["instance"],
            "vaultId": of["vaultId"], "vaultName": of["vault"], "recoveryPointTime": runs["startTime"],
            "creationTime": made, "expiryTime": made + pandas.Timedelta(days=KEPT), "retentionTagName": "Default",
            "retentionTagVersion": "638734752000000000", "policyName": "four-hourly",
            "recoveryPointType": "Incremental", "dataStoreType": "OperationalStore",
        }
    )  # fmt: skip


def _changes(day: datetime) -> pandas.DataFrame:
    """What Resource Graph tells of a day: snapshots that came, and that went."""
    parts = []
    for how, at, guid, why in (
        ("Create", day, "create", "why"),
        ("Delete", day - timedelta(days=KEPT), "delete", "whyGone"),
    ):
        (runs, _), rows = _made(at), _snapshots(at)[["id", "subscriptionId", "timeCreated"]]
        rows = rows.rename(columns={"id": "targetResourceId", "timeCreated": "timestamp"})
        rows["timestamp"] += day - at
        rows["id"] = rows["targetResourceId"] + "/providers/Microsoft.Resources/changes/" + runs[guid]
        parts.append(rows.assign(name=runs[guid], changeType=how, correlationId=runs[why]))
    made = pandas.concat(parts, ignore_index=True).assign(
        resourceGroup="rg-snapshots", targetResourceType="microsoft.compute/snapshots", changedBy="Azure Backup",
        changedByType="Application", clientType="Unspecified", operation="microsoft.compute/snapshots/write",
        changesCount=0,
    )  # fmt: skip
    return made.assign(changes=[{}] * len(made))


def week(make: Rows) -> Rows:
    """What is there on a night of what is kept for so many days."""
    return lambda day: pandas.concat(
        [make(day - timedelta(days=back)) for back in reversed(range(KEPT))], ignore_index=True
    )


def _instances(day: datetime) -> pandas.DataFrame:
    of = _static().iloc[:DISKS]
    runs, _ = _made(day)
    last = runs.drop_duplicates("place", keep="last").set_index("place")["startTime"]
    return pandas.DataFrame(
        {
            "id": of["instance"], "name": of["instance"].str.rsplit("/", n=1).str[-1], "subscriptionId": of["sub"],
            "resourceGroup": "rg-backup", "vaultId": of["vaultId"], "vaultName": of["vault"],
            "friendlyName": of["disk"], "dataSourceId": of["diskId"], "dataSourceName": of["disk"],
            "dataSourceType": "Microsoft.Compute/disks", "dataSourceLocation": "westeurope",
            "dataSourceSubscriptionId": of["sub"], "policyId": of["vaultId"] + "/backupPolicies/four-hourly",
            "policyName": "four-hourly", "resourceGroupId": of["snapshots"], "provisioningState": "Succeeded",
            "currentProtectionState": "ProtectionConfigured", "protectionStatus": "ProtectionConfigured",
            "latestRecoveryPoint": last.reindex(of.index),
            "oldestRecoveryPoint": last.reindex(of.index) - pandas.Timedelta(days=KEPT),
        }
    )  # fmt: skip


def _disks(day: datetime) -> pandas.DataFrame:
    """Five more of them are detached each night."""
    of = _static()
    free = pandas.Series(of.index // 5 <= (day - START).days)
    return pandas.DataFrame(
        {
            "id": of["diskId"], "name": of["disk"], "subscriptionId": of["sub"], "resourceGroup": of["group"],
            "location": "westeurope", "sku": "Premium_LRS", "tier": "P15", "diskSizeGB": of["size"],
            "diskSizeBytes": of["size"] * 2**30, "uniqueId": of["unique"], "timeCreated": pandas.Timestamp(START),
            "diskState": pandas.Series("Attached", of.index, dtype="str").mask(free, "Unattached"),
            "managedBy": _machine(of).mask(free), "encryptionType": "EncryptionAtRestWithPlatformKey",
            "tags": [{"owner": f"team-{one % 12}", "env": "prod"} for one in of.index],
        }
    )  # fmt: skip


def _machine(of: pandas.DataFrame) -> Texts:
    return of["diskId"].str.split("/disks/").str[0] + "/virtualMachines/vm-" + _texts(map(str, of.index // 2))


def _machines(day: datetime) -> pandas.DataFrame:
    of = _static()
    return pandas.DataFrame(
        {
            "id": _machine(of), "name": "vm-" + _texts(map(str, of.index // 2)), "subscriptionId": of["sub"],
            "resourceGroup": of["group"], "location": "westeurope", "diskId": of["diskId"], "osDisk": of.index % 2 == 0,
            "lun": pandas.Series(0, of.index, "Int64").mask(of.index % 2 == 0),
        }
    )[~pandas.Series(of.index // 5 <= (day - START).days)].reset_index(drop=True)  # fmt: skip


def _vaults(day: datetime) -> pandas.DataFrame:
    """Soft delete is turned off in one more of them every thirty days."""
    of = _static().drop_duplicates("vaultId").reset_index(drop=True)
    off = pandas.Series(of.index <= (day - START).days // 30) & (of.index > 0)
    return pandas.DataFrame(
        {
            "id": of["vaultId"], "name": of["vault"], "subscriptionId": of["sub"], "resourceGroup": "rg-backup",
            "location": "westeurope", "identityType": "SystemAssigned", "principalId": of["unique"],
            "storageType": "ZoneRedundant", "datastoreType": "VaultStore", "retentionDurationInDays": 14.0,
            "softDeleteState": pandas.Series("On", of.index, dtype="str").mask(off, "Off"),
            "isVaultProtectedByResourceGuard": False, "provisioningState": "Succeeded",
        }
    )  # fmt: skip


def _policies(day: datetime) -> pandas.DataFrame:
    of = _vaults(day)
    rows = of[["subscriptionId", "resourceGroup"]].assign(
        id=of["id"] + "/backupPolicies/four-hourly", name="four-hourly", vaultId=of["id"], vaultName=of["name"]
    )
    return rows.assign(policyRules=[_RULES] * len(of), datasourceTypes=[["Microsoft.Compute/disks"]] * len(of))


def _roles(day: datetime) -> pandas.DataFrame:
    of = _vaults(day)
    sub = "/subscriptions/" + of["subscriptionId"]
    parts = [
        pandas.DataFrame(
            {
                "id": sub + _ROLE.replace("Definitions", "Assignments") + role[:8] + of["principalId"].str[8:],
                "name": role[:8] + of["principalId"].str[8:], "subscriptionId": of["subscriptionId"], "scope": sub,
                "principalId": of["principalId"], "principalType": "ServicePrincipal", "roleName": name,
                "roleDefinitionId": sub + _ROLE + role, "createdOn": pandas.Timestamp(START),
            }
        )
        for role, name in _ROLES.items()
    ]  # fmt: skip
    return pandas.concat(parts, ignore_index=True)


def _subscriptions(day: datetime) -> pandas.DataFrame:
    ids = _static()["sub"].drop_duplicates().reset_index(drop=True)
    return pandas.DataFrame({"id": "/subscriptions/" + ids, "name": "S" + ids.str[:8], "subscriptionId": ids})


def _nothing(day: datetime) -> pandas.DataFrame:
    return pandas.DataFrame()


OF_A_DAY: dict[str, Rows] = {"jobs": _jobs, "changes": _changes}
COMING: dict[str, Rows] = {"snapshots": _snapshots, "recovery_points": _points}
"""What comes each day, and goes a week later."""

STATES: dict[str, Rows] = {
    "subscriptions": _subscriptions, "vaults": _vaults, "policies": _policies, "instances": _instances,
    "disks": _disks, "virtual_machines": _machines, "role_assignments": _roles, "protected_items": _nothing,
    "exemptions": _nothing, "deleted_instances": _nothing, **{name: week(make) for name, make in COMING.items()},
}  # fmt: skip
