"""Recorded reads replayed: jobs, recovery points, time ranges, Resource Graph rows."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from dpmagic.sandbox import graph_rows

from .recordings import exchanges, normal
from .replaying import (
    EUAP,
    S,
    euap,
    named_vault,
    protected_blobs,
    replay,
    scheduled,
)


def test_job_list_and_show() -> None:
    """The recorded list also has blob jobs, which the sandbox has not: the disk's are compared."""
    client = euap()
    scheduled(client)
    (listed,) = (r for c in exchanges("job") for r in c["requests"] if r["path"].endswith("/backupJobs"))
    disks = [item for item in listed["response"]["value"] if "/disks/" in item["properties"]["dataSourceId"]]
    assert len(disks) == 14
    only_disks = {**listed, "response": {**listed["response"], "value": disks}, "command": "job list"}
    (show,) = (
        {**r, "command": "job show"}
        for c in exchanges("job")
        if c["cassette"] == "test_dataprotection_job_list_and_show"
        for r in c["requests"]
        if "/backupJobs/" in r["path"]
    )
    job = client.get(listed["path"])["value"][0]["name"]
    shown = {**show, "path": re.sub(r"[^/]+$", job, show["path"])}
    assert replay(client, [only_disks, shown]) == 2


def test_recovery_point_list_and_show() -> None:
    """Empty, wide, and reversed filters."""
    client = euap(start=datetime(2024, 5, 1, 12, tzinfo=UTC))
    instance = scheduled(client)
    requests = [
        {**r, "command": c["command"]}
        for c in exchanges("recovery-point")
        if c["cassette"] == "test_dataprotection_recovery_point_list"
        for r in c["requests"]
        if r["method"] == "GET"
    ]
    assert replay(client, requests) == 6
    point = client.get(instance + "/recoveryPoints")["value"][0]["name"]
    shown = client.get(f"{instance}/recoveryPoints/{point}")
    assert normal(shown["properties"]["recoveryPointDataStoresDetails"][0]["metaData"]) == [
        {
            "diskName": "clitest-disk-persistent-bi-donotdelete",
            "sizeBytes": 4294967296,
            "diskSnapshotConsistency": "CrashConsistent",
            "subscriptionId": "<guid>",
            "location": EUAP,
            "resourceGroupName": "clitest-dpp-rg",
            "skuName": "StandardSSD_LRS",
            "osType": "",
            "managedBy": None,
            "snapshotSubscriptionId": "<guid>",
            "snapshotRGName": "clitest-dpp-rg",
            "snapshotName": "AzureBackup_<guid>_<instant.fraction>",
        }
    ]


def test_restorable_time_ranges() -> None:
    """Every recorded form of the two times, with its oddities."""
    client = euap(start=datetime(2024, 3, 1, tzinfo=UTC))
    protected = protected_blobs(client)
    requests = [{**r, "command": c["command"]} for c in exchanges("restorable-time-range") for r in c["requests"]]
    assert {request["path"].rpartition("/")[0] for request in requests} == {protected}
    client.sandbox.sleep(40 * 86_400)
    assert replay(client, requests) == len(requests) == 22


def _recorded_rows(kind: str) -> list[dict[str, Any]]:
    files = ("resourcegraph", "job", "recovery-point")
    rows = [
        row
        for file in files
        for command in exchanges(file)
        for request in command["requests"]
        if request["path"].endswith("ResourceGraph/resources")
        for row in request["response"]["data"]
    ]
    return [row for row in rows if row["type"] == kind]


def test_resource_graph_job_rows() -> None:
    """Columns in order, and every value; ``location`` and the columns that the query adds are the estate's."""
    client = euap()
    scheduled(client)
    recorded = [
        row
        for row in _recorded_rows("microsoft.dataprotection/backupvaults/backupjobs")
        if row["properties"]["status"] == "Completed"
    ]
    assert recorded
    (found,) = [
        row
        for row in graph_rows.rows(client.sandbox._world, "recoveryservicesresources", [S])
        if row["type"].endswith("/backupjobs")
    ]
    same = [row for row in recorded if row["properties"]["operation"] == "Backup" and row["location"] == ""]
    for row in same:
        columns = list(row)[:16]
        assert columns == list(found)
        properties = {**row["properties"]}
        size = properties["extendedInfo"]["subTasks"][0]["additionalDetails"]["OriginalDatasourceSizeInBytes"]
        assert size in ("0", "4294967296")  # both are recorded for one and the same disk
        properties["extendedInfo"]["subTasks"][0]["additionalDetails"]["OriginalDatasourceSizeInBytes"] = "4294967296"
        properties["extendedInfo"].pop("warningDetails", None)  # present in half of the recorded rows
        assert normal({**{key: row[key] for key in columns}, "properties": properties}) == normal(found)


def test_resource_graph_vault_rows() -> None:
    client = euap()
    named_vault(client, "clitest-bkp-vault-persistent-bi-donotdelete", "diskpolicy")
    (row, *_) = [
        row
        for row in _recorded_rows("microsoft.dataprotection/backupvaults")
        if row["name"].endswith("persistent-bi-donotdelete")
    ]
    (found,) = [
        row
        for row in graph_rows.rows(client.sandbox._world, "resources", [S])
        if row["type"] == "microsoft.dataprotection/backupvaults"
    ]
    assert list(row) == list(found)
    assert "/BackupVaults/" in row["id"] and "/BackupVaults/" in found["id"]
    for key in ("type", "kind", "managedBy", "sku", "plan", "zones", "extendedLocation", "resourceGroup", "id"):
        assert normal(row[key]) == normal(found[key])
    assert row["properties"].keys() <= found["properties"].keys()
    assert found["properties"].keys() - row["properties"].keys() <= {"bcdrSecurityLevel"}  # newer, in half of the rows


def test_resource_graph_instance_rows() -> None:
    """The recording at hand is of a database: keys and what is null are compared, not what databases are called."""
    client = euap()
    scheduled(client)
    (row, *_) = _recorded_rows("microsoft.dataprotection/backupvaults/backupinstances")
    (found,) = [
        row
        for row in graph_rows.rows(client.sandbox._world, "recoveryservicesresources", [S])
        if row["type"].endswith("/backupinstances")
    ]
    assert list(row)[:16] == list(found)
    for key in ("kind", "managedBy", "sku", "plan", "tags", "identity", "zones", "extendedLocation", "type"):
        assert row[key] == found[key]
    recorded, simulated = row["properties"], found["properties"]
    assert recorded.keys() == simulated.keys()
    for key in ("dataSourceInfo", "protectionStatus", "backupInstanceExtendedProperties"):
        assert recorded[key].keys() == simulated[key].keys()
    for key, value in recorded["backupInstanceExtendedProperties"].items():
        if isinstance(value, dict):
            assert value.keys() == simulated["backupInstanceExtendedProperties"][key].keys()
    nulls = {key for key, value in recorded.items() if value is None}
    of_databases = {"dataSourceSetInfo", "datasourceAuthCredentials"}
    assert {key for key, value in simulated.items() if value is None} == nulls | of_databases
    policy = simulated["backupInstanceExtendedProperties"]["policyExtendedInfo"]
    assert policy["configuredRPGenerationFrequency"] == "04:00:00"
    assert policy["rpoWarningThresholdInPrimaryRegion"] == "06:00:00"
    assert policy["configuredMaximumRetention"] == "7.00:00:00"
    points = simulated["backupInstanceExtendedProperties"]["recoveryPointInfo"]
    assert normal(points["latestRecoveryPointInPrimaryRegion"]) == "<instant.fraction>Z"
    assert points["latestRecoveryPointInSecondaryRegion"] == "0001-01-01T00:00:00.0000000Z"
