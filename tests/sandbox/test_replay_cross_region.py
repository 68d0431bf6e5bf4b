"""Recorded reads of the paired region replayed: recovery points and restores of a database there."""

from __future__ import annotations

from typing import Any

from dpmagic.sandbox import graph_rows

from .client import Client, soft_delete, vault_body
from .recordings import exchanges
from .replaying import EAST, EUAP, RG, VAULTS, S, euap, replay
from .workloads import open_firewall, secret_for, server, weekly

VAULT = f"{VAULTS}/clitest-bkp-vault-crr-donotdelete"
INSTANCE = f"{VAULT}/backupInstances/clitestcrr-ecy-postgres-8f1f81c9-8869-48c5-8b07-ef587f1b5052"
SERVER = f"{RG}/providers/Microsoft.DBforPostgreSQL/servers/clitestcrr-ecy"
THERE = f"/subscriptions/{S}/resourceGroups/cli-dpp-bugbash-oss-rg"
TARGET = f"{THERE}/providers/Microsoft.DBforPostgreSQL/servers/cli-dpp-bugbash-server1"
REGION = f"{RG}/providers/Microsoft.DataProtection/locations/{EUAP}"


def source(server_id: str, database: str) -> dict[str, Any]:
    """A database of a single server, and the server, as a datasource and its set."""
    kind = "Microsoft.DBforPostgreSQL/servers/databases"
    common = {"datasourceType": kind, "resourceLocation": EAST, "resourceUri": ""}
    info = {**common, "objectType": "Datasource", "resourceID": f"{server_id}/databases/{database}"}
    info |= {"resourceName": database, "resourceType": kind}
    whole = {
        **common,
        "objectType": "DatasourceSet",
        "resourceID": server_id,
        "resourceName": server_id.rpartition("/")[2],
    }
    return {"dataSourceInfo": info, "dataSourceSetInfo": {**whole, "resourceType": kind.rpartition("/")[0]}}


def replicated() -> Client:
    """The recorded vault with a database backed up on schedule some days ago."""
    client = euap(["clitest-dpp-rg"], location=EAST)
    assert client.send("PUT", THERE, {"location": EUAP}).status == 201
    enabled = {"crossRegionRestoreSettings": {"state": "Enabled"}}
    stores = [{"datastoreType": "VaultStore", "type": "GeoRedundant"}]
    settings = {"featureSettings": enabled, "storageSettings": stores, **soft_delete("Off")}
    client.done("PUT", VAULT, vault_body(EAST, **settings))
    policy = f"{VAULT}/backupPolicies/crrclitestbackuppolicy"
    client.send("PUT", policy, weekly("Microsoft.DBforPostgreSQL/servers/databases"))
    principal = client.get(VAULT)["identity"]["principalId"]
    server(client, RG, "postgresServer", "clitestcrr-ecy", databases=["postgres"], bytes=1000)
    server(client, THERE, "postgresServer", "cli-dpp-bugbash-server1")
    for arm_id in (SERVER, TARGET):
        client.grant("Reader", arm_id, principal)
        open_firewall(client, arm_id)
    secret_for(client, RG, "kv", "secret", principal, EAST)
    properties = {
        **source(SERVER, "postgres"),
        "friendlyName": "clitestcrr-ecy\\postgres",
        "objectType": "BackupInstance",
        "policyInfo": {"policyId": policy},
        "datasourceAuthCredentials": {
            "objectType": "SecretStoreBasedAuthCredentials",
            "secretStoreResource": {
                "secretStoreType": "AzureKeyVault",
                "uri": "https://kv.vault.azure.net/secrets/secret",
            },
        },
    }
    client.done("PUT", INSTANCE, {"properties": properties})
    client.sandbox.sleep(120)
    world = client.sandbox._world  # policies do not run on their own yet
    world.run("backup.begin", {"instance": INSTANCE, "tag": "Default", "user_triggered": False})
    client.sandbox.sleep(86_400)
    return client


def order(client: Client) -> dict[str, Any]:
    """A restore of the newest point to a server in the paired region."""
    details = {"sourceBackupInstanceId": INSTANCE, "sourceRegion": EAST}
    (point,) = client.send("POST", f"{REGION}/fetchSecondaryRecoveryPoints", details).body["value"]
    target = source(TARGET, "postgres-restored")["dataSourceInfo"]
    request = {
        "objectType": "AzureBackupRecoveryPointBasedRestoreRequest",
        "recoveryPointId": point["name"],
        "sourceDataStoreType": "VaultStore",
        "restoreTargetInfo": {
            "objectType": "RestoreTargetInfo",
            "recoveryOption": "FailIfExists",
            "restoreLocation": EUAP,
            "datasourceInfo": target,
        },
    }
    return {"objectType": request["objectType"], "restoreRequestObject": request, "crossRegionRestoreDetails": details}


def test_points_and_jobs_of_the_paired_region() -> None:
    client = replicated()
    body = order(client)
    client.done("POST", f"{REGION}/validateCrossRegionRestore", body)
    answer = client.send("POST", f"{REGION}/crossRegionRestore", body)
    where = f"https://management.azure.com/subscriptions/{S}/providers/Microsoft.DataProtection/locations/{EUAP}/"
    assert answer.status == 202
    assert answer.headers["azure-asyncoperation"].startswith(f"{where}operationStatus/")
    assert answer.headers["location"].startswith(f"{where}operationResults/")
    job = client.wait(answer)["properties"]["jobId"]
    assert "/" not in job
    requests = [
        {**r, "command": command["command"]}
        for file in ("recovery-point", "job")
        for command in exchanges(file)
        for r in command["requests"]
        if f"/locations/{EUAP}/fetch" in r["path"]
    ]
    assert replay(client, requests) == len(requests) == 3
    client.sandbox.sleep(300)
    vault = {"sourceBackupVaultId": VAULT, "sourceRegion": EAST}
    done = client.send("POST", f"{REGION}/fetchCrossRegionRestoreJob", {**vault, "jobId": job}).body["properties"]
    assert (done["status"], done["operationCategory"]) == ("Completed", "CrossRegionRestore")
    assert client.get(f"{TARGET}/databases")["value"][0]["name"] == "postgres-restored"
    assert [job["properties"]["operation"] for job in client.get(f"{VAULT}/backupJobs")["value"]] == ["Backup"]


def test_resource_graph_instance_row_of_a_replicated_vault() -> None:
    client = replicated()
    recorded = next(
        row
        for command in exchanges("resourcegraph") + exchanges("recovery-point")
        for request in command["requests"]
        if request["path"].endswith("ResourceGraph/resources")
        for row in request["response"]["data"]
        if row["type"].endswith("/backupinstances") and row["id"] == INSTANCE
    )["properties"]["backupInstanceExtendedProperties"]
    (found,) = [
        row["properties"]["backupInstanceExtendedProperties"]
        for row in graph_rows.rows(client.sandbox._world, "recoveryservicesresources", [S])
        if row["type"].endswith("/backupinstances")
    ]
    for key in ("policyExtendedInfo", "protectedPrimaryRegion", "protectedSecondaryRegion"):
        assert found[key] == recorded[key]
    for key in ("protectionStateInSecondaryRegion", "dataSourceExtendedInfo"):
        assert found[key] == recorded[key]
    points = found["recoveryPointInfo"]
    assert points["latestRecoveryPointInSecondaryRegion"] == points["latestRecoveryPointInPrimaryRegion"]
