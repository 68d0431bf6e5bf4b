"""Tables by hand: a few instances of one vault, and what happened to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from dpmagic.estate import Estate
from tests.schedules.policies import policy

SUB = "/subscriptions/33333333-3333-4333-8333-333333333333"
VAULT = f"{SUB}/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/v"
GROUP = f"{SUB}/resourceGroups/rg-snapshots"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
NIGHTLY = policy("R/2024-01-01T22:00:00Z/P1D")


def at(text: str) -> pd.Timestamp:
    """``27 22:00`` as an instant of February 2026, ``3-01 22:00`` as one of March; seconds may follow."""
    date, _, clock = text.partition(" ")
    month, _, day = date.rpartition("-")
    return pd.Timestamp(f"2026-{int(month or 2):02d}-{int(day):02d}T{clock or '00:00'}Z").as_unit("us")


def disk(name: str) -> str:
    return f"{SUB}/resourceGroups/rg-data/providers/Microsoft.Compute/disks/{name}"


def instance(name: str, policy: str = "p", **more: Any) -> dict[str, Any]:
    return {
        "id": f"{VAULT}/backupInstances/{name}",
        "name": name,
        "friendlyName": name,
        "subscriptionId": SUB.rpartition("/")[2],
        "vaultId": VAULT,
        "vaultName": "v",
        "dataSourceId": disk(name),
        "dataSourceName": name,
        "dataSourceType": "Microsoft.Compute/disks",
        "policyId": f"{VAULT}/backupPolicies/{policy}",
        "policyName": policy,
        "resourceGroupId": GROUP,
        "currentProtectionState": "ProtectionConfigured",
        "latestRecoveryPoint": None,
        "oldestRecoveryPoint": at("1"),
        **more,
    }


def job(name: str, start: str, *, minutes: float = 4, status: str = "Completed", policy: str = "p", **more: Any) -> Any:
    """A scheduled backup; ``status="InProgress"`` has no end."""
    begins = at(start)
    ends = None if status == "InProgress" else begins + timedelta(minutes=minutes)
    return {
        "id": f"{VAULT}/backupJobs/{name} {start}",
        "backupInstanceId": f"{VAULT}/backupInstances/{name}",
        "backupInstanceFriendlyName": name,
        "dataSourceId": disk(name),
        "dataSourceName": name,
        "vaultName": "v",
        "subscriptionId": SUB.rpartition("/")[2],
        "policyId": f"{VAULT}/backupPolicies/{policy}",
        "policyName": policy,
        "operationCategory": "Backup",
        "status": status,
        "isUserTriggered": False,
        "startTime": begins,
        "endTime": ends,
        "duration": None if ends is None else ends - begins,
        "errorCode": "InternalServerError" if status == "Failed" else None,
        "retentionTag": "Default",
        **more,
    }


def snapshot(name: str, made: str, **more: Any) -> dict[str, Any]:
    """A snapshot that Azure Backup made of the instance's disk."""
    stamp = f"AzureBackup_{name}_{made.replace(' ', 'T').replace(':', '-')}"
    return {
        "id": f"{GROUP}/providers/Microsoft.Compute/snapshots/{stamp}",
        "name": stamp,
        "subscriptionId": SUB.rpartition("/")[2],
        "incremental": True,
        "sourceResourceId": disk(name),
        "sourceUniqueId": f"u-{name}",
        "timeCreated": at(made),
        "tags": {},
        **more,
    }


def disks(*names: str, **more: Any) -> pd.DataFrame:
    rows = [{"id": disk(name), "name": name, "uniqueId": f"u-{name}", "tags": {}, "diskSizeGB": 8} for name in names]
    return pd.DataFrame([{**row, "subscriptionId": SUB.rpartition("/")[2], **more} for row in rows])


def policies(**documents: Any) -> pd.DataFrame:
    found = {"p": NIGHTLY, **documents}
    return pd.DataFrame(
        [
            {"id": f"{VAULT}/BackupPolicies/{name}", "name": name, "policyRules": document["properties"]["policyRules"]}
            for name, document in found.items()
            if document
        ]
    )


def estate(instances: list[Any], jobs: list[Any], *, window: Any = "14d", now: datetime = NOW, **tables: Any) -> Estate:
    """An estate of these instances and jobs; other tables by name."""
    names = [one["name"] for one in instances]
    given = {"instances": instances, "jobs": jobs, "policies": policies(), "disks": disks(*names), **tables}
    given = {"snapshots": [snapshot("nobody", "1")], **given}
    frames = {name: rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows) for name, rows in given.items()}
    return Estate.of(frames, now=now, window=window)


def nightly(name: str, *days: str, minute: int = 0, second: int = 5, **more: Any) -> list[Any]:
    """Jobs that began at 22:00:05, or a bit later, on the days."""
    return [job(name, f"{day} 22:{minute:02d}:{second:02d}", **more) for day in days]
