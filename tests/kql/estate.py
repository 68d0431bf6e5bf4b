"""A small estate for Resource Graph's queries: its rows as the service has them, and as typed tables for SQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
SUB = "00000000-0000-0000-0000-000000000001"
OTHER = "00000000-0000-0000-0000-000000000002"


def resource(type_: str, path: str, properties: Any = None, sub: str = SUB, **other: Any) -> dict[str, Any]:
    """A full Resource Graph row of this type at a path below the subscription."""
    parts = path.split("/")
    empty = dict.fromkeys(("sku", "plan", "tags", "identity", "zones", "extendedLocation"))
    return {
        "id": f"/subscriptions/{sub}/resourceGroups/{path}",
        "name": parts[-1],
        "type": type_,
        "tenantId": "t",
        "kind": "",
        "location": "westeurope",
        "resourceGroup": parts[0],
        "subscriptionId": sub,
        "managedBy": "",
        "properties": properties or {},
        **empty,
        **other,
    }


VM = f"/subscriptions/{SUB}/resourceGroups/rg-a/providers/Microsoft.Compute/virtualMachines/vm1"
COMPUTE = "providers/Microsoft.Compute"
WEU = "rg-backup-1/providers/Microsoft.DataProtection/backupVaults/bv-weu-0"
NEU = "rg-backup-2/providers/Microsoft.DataProtection/backupVaults/bv-neu-1"
DISK_IDS = {
    name: f"/subscriptions/{SUB}/resourceGroups/{group}/{COMPUTE}/disks/{name}"
    for name, group in {"d1": "rg-a", "d2": "rg-a", "d3": "rg-b", "d9": "rg-gone"}.items()
}


def disk(path: str, gib: int, tags: dict[str, str] | None, tier: str = "Standard", **other: Any) -> dict[str, Any]:
    group, name = path.split("/")
    properties = {"diskSizeGB": gib, "diskState": "Attached" if "managedBy" in other else "Unattached"}
    sku = {"name": f"{tier}_LRS", "tier": tier}
    where = f"{group}/{COMPUTE}/disks/{name}"
    return resource("microsoft.compute/disks", where, properties, tags=tags, sku=sku, **other)


def snapshot(name: str, source: str, created: str, days: str, gib: int, incremental: bool) -> dict[str, Any]:
    properties = {
        "timeCreated": created,
        "diskSizeBytes": gib * 2**30,
        "incremental": incremental,
        "creationData": {"sourceResourceId": DISK_IDS[source]},
    }
    where = f"rg-snap/{COMPUTE}/snapshots/{name}"
    return resource("microsoft.compute/snapshots", where, properties, tags={"RetentionDays": days})


def policy(vault: str, name: str, rules: dict[str, str]) -> dict[str, Any]:
    retention = [
        {
            "objectType": "AzureRetentionRule",
            "name": rule,
            "isDefault": rule == "Default",
            "lifecycles": [
                {"deleteAfter": {"duration": days}, "sourceDataStore": {"dataStoreType": "OperationalStore"}}
            ],
        }
        for rule, days in rules.items()
    ]
    properties = {"policyRules": [{"objectType": "AzureBackupRule", "name": "BackupDaily"}, *retention]}
    return resource(
        "microsoft.dataprotection/backupvaults/backuppolicies", f"{vault}/backupPolicies/{name}", properties
    )


def instance(vault: str, name: str, source: str, policy_name: str, state: str) -> dict[str, Any]:
    identifier = DISK_IDS[source].replace("/disks/", "/Disks/")
    properties = {
        "currentProtectionState": state,
        "dataSourceInfo": {"resourceID": identifier, "datasourceType": "Microsoft.Compute/disks", "baseUri": None},
        "policyInfo": {
            "policyId": f"/subscriptions/{SUB}/resourceGroups/{vault}/backupPolicies/{policy_name}".upper(),
            "name": policy_name,
        },
    }
    return resource(
        "microsoft.dataprotection/backupvaults/backupinstances", f"{vault}/backupInstances/{name}", properties
    )


def job(vault: str, name: str, of: str, status: str, start: str, end: str | None, **other: Any) -> dict[str, Any]:
    properties = {
        "vaultName": vault.rpartition("/")[2],
        "backupInstanceId": f"/subscriptions/{SUB}/resourceGroups/{vault}/backupInstances/{of}",
        "dataSourceId": DISK_IDS[{"bi1": "d1", "bi2": "d3", "bi3": "d9"}[of]],
        "dataSourceName": {"bi1": "d1", "bi2": "d3", "bi3": "d9"}[of],
        "dataSourceType": "Microsoft.Compute/disks",
        "operationCategory": "Backup",
        "isUserTriggered": False,
        "status": status,
        "startTime": start,
        "duration": "00:03:08.0682064",
        "errorDetails": None,
        "extendedInfo": {"subTasks": [{"taskName": "Trigger Backup", "taskStatus": status}]},
        **({"endTime": end} if end else {}),
        **other,
    }
    return resource("microsoft.dataprotection/backupvaults/backupjobs", f"{vault}/backupJobs/{name}", properties)


RESOURCES = [
    disk("rg-a/d1", 64, {"env": "prod", "backup": "required"}, "Premium", zones=["1"], managedBy=VM),
    disk("rg-a/d2", 128, {"env": "prod", "backup": "Required", "Cost Center": "1003", "owner": "ann"}),
    disk("rg-b/d3", 32, {"env": "dev"}, location="northeurope"),
    disk("rg-c/d4", 256, None, sub=OTHER),
    resource("microsoft.compute/virtualmachines", f"rg-a/{COMPUTE}/virtualMachines/vm1"),
    resource("microsoft.web/sites", "rg-w/providers/Microsoft.Web/sites/web", kind="functionapp"),
    snapshot("s1", "d1", "2026-11-01T01:00:00.1234567+00:00", "7", 1, True),
    snapshot("s2", "d1", "2026-11-09T01:00:00.0000000Z", "7", 2, True),
    snapshot("s3", "d9", "2026-10-01T01:00:00Z", "30", 4, False),
    resource("microsoft.dataprotection/backupvaults", WEU.replace("backupVaults", "BackupVaults")),
    resource("microsoft.dataprotection/backupvaults", NEU.replace("backupVaults", "BackupVaults")),
]
RECOVERY = [
    policy(WEU, "p1", {"Default": "P7D", "Weekly": "P30D"}),
    policy(NEU, "p2", {"Default": "P14D"}),
    instance(WEU, "bi1", "d1", "p1", "ProtectionConfigured"),
    instance(NEU, "bi2", "d3", "p2", "ProtectionConfigured"),
    instance(WEU, "bi3", "d9", "p1", "ProtectionStopped"),
    job(WEU, "j1", "bi1", "Completed", "2026-11-09T01:00:00.1234567Z", "2026-11-09T01:03:00.0000000Z"),
    job(
        WEU,
        "j2",
        "bi1",
        "Failed",
        "2026-11-08T01:00:00.0000000Z",
        "2026-11-08T01:01:00.0000000Z",
        errorDetails=[{"code": "CloudThrottled", "message": "Slow down."}],
    ),
    job(NEU, "j3", "bi2", "Completed", "2026-11-09T05:00:00Z", "2026-11-09T05:10:00Z", isUserTriggered=True),
    job(WEU, "j4", "bi1", "Completed", "2026-11-07T10:00:00Z", "2026-11-07T10:06:00Z", operationCategory="Restore"),
    job(NEU, "j5", "bi2", "InProgress", "2026-11-10T04:00:00Z", None),
    job(WEU, "j6", "bi3", "Completed", "2026-10-30T01:00:00Z", "2026-10-30T01:02:00Z"),
    job(NEU, "j7", "bi2", "CompletedWithWarnings", "2026-11-10T01:00:00Z", "2026-11-10T01:20:00Z"),
]
CONTAINERS = [
    resource("microsoft.resources/subscriptions", "x", name="Production"),
    resource("microsoft.resources/subscriptions", "x", name="Sandbox", sub=OTHER),
]
ROWS = {"resources": RESOURCES, "recoveryservicesresources": RECOVERY, "resourcecontainers": CONTAINERS}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=None)


def _flat_resource(row: dict[str, Any]) -> dict[str, Any]:
    sku = row["sku"] or {}
    plain = ("id", "name", "type", "kind", "location", "resourceGroup", "subscriptionId", "managedBy", "zones")
    return {name: row[name] for name in plain} | {"skuName": sku.get("name"), "skuTier": sku.get("tier")}


def _flat_disk(row: dict[str, Any]) -> dict[str, Any]:
    tags = row["tags"] or {}
    own = {"gib": row["properties"]["diskSizeGB"], "state": row["properties"]["diskState"]}
    flat = {name: tags.get(name) for name in ("env", "backup", "owner")}
    return _flat_resource(row) | own | flat | {"costCenter": tags.get("Cost Center")}


def _flat_snapshot(row: dict[str, Any]) -> dict[str, Any]:
    properties = row["properties"]
    return _flat_resource(row) | {
        "source": properties["creationData"]["sourceResourceId"],
        "created": _time(properties["timeCreated"]),
        "retentionDays": int(row["tags"]["RetentionDays"]),
        "bytes": properties["diskSizeBytes"],
        "incremental": properties["incremental"],
    }


def _flat_instance(row: dict[str, Any]) -> dict[str, Any]:
    properties = row["properties"]
    return {
        **{name: row[name] for name in ("id", "name", "resourceGroup", "subscriptionId")},
        "vault": row["id"].split("/")[8],
        "diskId": properties["dataSourceInfo"]["resourceID"],
        "policyId": properties["policyInfo"]["policyId"],
        "policyName": properties["policyInfo"]["name"],
        "state": properties["currentProtectionState"],
    }


def _flat_job(row: dict[str, Any]) -> dict[str, Any]:
    properties = row["properties"]
    (task,) = properties["extendedInfo"]["subTasks"]
    return {
        **{name: row[name] for name in ("id", "name", "resourceGroup", "subscriptionId")},
        "vault": properties["vaultName"],
        "instanceId": properties["backupInstanceId"],
        "diskId": properties["dataSourceId"],
        "diskName": properties["dataSourceName"],
        "category": properties["operationCategory"],
        "userTriggered": properties["isUserTriggered"],
        "status": properties["status"],
        "started": _time(properties["startTime"]),
        "ended": _time(properties.get("endTime")),
        "duration": properties["duration"],
        "code": (properties["errorDetails"] or [{}])[0].get("code"),
        "task": task["taskName"],
        "taskStatus": task["taskStatus"],
    }


def _flat_rules(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "policyId": row["id"],
            "policy": row["name"],
            "position": position,
            "name": rule["name"],
            "isDefault": rule["isDefault"],
            "duration": cycle["deleteAfter"]["duration"],
            "store": cycle["sourceDataStore"]["dataStoreType"],
        }
        for position, rule in enumerate(row["properties"]["policyRules"])
        for cycle in rule.get("lifecycles", [])
    ]


def _of(table: list[dict[str, Any]], type_: str) -> list[dict[str, Any]]:
    return [row for row in table if row["type"].endswith(f"/{type_}")]


def database() -> duckdb.DuckDBPyConnection:
    """The estate in typed tables, with ``instant()`` for the present: what SQL by hand is written against."""
    connection = duckdb.connect()
    connection.execute("CREATE MACRO instant() AS TIMESTAMP '2026-11-10 12:00:00'")
    every = [{"id": row["id"], "type": row["type"]} for row in [*RESOURCES, *RECOVERY]]
    tables = {
        "resources": [{**_flat_resource(row), "tags": list(row["tags"] or {})} for row in RESOURCES],
        "disks": [_flat_disk(row) for row in _of(RESOURCES, "disks")],
        "snapshots": [_flat_snapshot(row) for row in _of(RESOURCES, "snapshots")],
        "instances": [_flat_instance(row) for row in _of(RECOVERY, "backupinstances")],
        "jobs": [_flat_job(row) for row in _of(RECOVERY, "backupjobs")],
        "rules": [rule for row in _of(RECOVERY, "backuppolicies") for rule in _flat_rules(row)],
        "subscriptions": [{name: row[name] for name in ("name", "subscriptionId")} for row in CONTAINERS],
        "everything": every,
    }
    for name, rows in tables.items():
        connection.register("incoming", pa.Table.from_pylist(rows))
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")
    return connection
