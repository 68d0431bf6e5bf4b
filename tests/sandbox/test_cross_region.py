"""Cross-region restore: when it is possible, and what it is told when it is not."""

from __future__ import annotations

from typing import Any

import pytest

from .client import VAULT, VAULT_GROUP, Client, soft_delete, vault_body
from .test_refusals import code
from .test_workloads import FLEXIBLE, GROUP, INSTANCE, backed_up, files, instance, order
from .workloads import weekly

KIND = "Microsoft.DBforMySQL/flexibleServers"
EAST = f"{VAULT_GROUP}/providers/Microsoft.DataProtection/locations/eastus"
TARGET = "https://strestoreseast.blob.core.windows.net/restored"
DETAILS = {"sourceBackupInstanceId": INSTANCE, "sourceRegion": "westus"}


def replicating(client: Client, redundancy: str = "GeoRedundant", state: str = "Enabled") -> str:
    """A server backed up to a vault; returns the recovery point's name."""
    server, role = FLEXIBLE[KIND]
    stores = [{"datastoreType": "VaultStore", "type": redundancy}]
    features = {"crossRegionRestoreSettings": {"state": state}}
    body = vault_body(storageSettings=stores, featureSettings=features, **soft_delete("Off"))
    client.done("PUT", VAULT, body)
    assert client.send("PUT", f"{VAULT}/backupPolicies/p", weekly(KIND)).status == 200
    principal = client.get(VAULT)["identity"]["principalId"]
    for name in ("Reader", role, "Storage Blob Data Contributor"):
        client.grant(name, GROUP, principal)
    _, point = backed_up(client, instance(server, KIND), "BackupWeekly")
    return str(point["name"])


def elsewhere(point: str, location: str = "eastus") -> dict[str, Any]:
    """A restore in the paired region."""
    request = order(point, "VaultStore", files(TARGET) | {"restoreLocation": location})
    return {"objectType": request["objectType"], "restoreRequestObject": request, "crossRegionRestoreDetails": DETAILS}


def test_files_in_the_paired_region(client: Client) -> None:
    point = replicating(client)
    assert client.get(VAULT)["properties"]["replicatedRegions"] == ["eastus"]
    assert client.send("POST", f"{EAST}/fetchSecondaryRecoveryPoints", DETAILS).body == {"value": []}
    assert code(client.send("POST", f"{EAST}/crossRegionRestore", elsewhere(point))) == "UserErrorRecoveryPointNotFound"
    client.sandbox.sleep(3600)
    (found,) = client.send("POST", f"{EAST}/fetchSecondaryRecoveryPoints", DETAILS).body["value"]
    assert found["name"] == point
    client.done("POST", f"{EAST}/validateCrossRegionRestore", elsewhere(point))
    client.done("POST", f"{EAST}/crossRegionRestore", elsewhere(point))
    client.sandbox.sleep(300)
    vault = {"sourceBackupVaultId": VAULT, "sourceRegion": "West US"}
    (job,) = client.send("POST", f"{EAST}/fetchCrossRegionRestoreJobs", vault).body["value"]
    assert job["properties"]["status"] == "Completed"
    assert "errorDetails" not in job["properties"]
    unknown = client.send("POST", f"{EAST}/fetchCrossRegionRestoreJob", {**vault, "jobId": "none"})
    assert (unknown.status, code(unknown)) == (404, "UserErrorGenericResourceNotFound")


def test_the_target_must_be_there(client: Client) -> None:
    point = replicating(client)
    client.sandbox.sleep(3600)
    here = elsewhere(point, "westus")
    assert code(client.send("POST", f"{EAST}/crossRegionRestore", here)) == "BMSUserErrorInvalidInput"
    body = elsewhere(point)
    west = files("https://strestores.blob.core.windows.net/restored")
    body["restoreRequestObject"]["restoreTargetInfo"] |= west
    failed = client.wait(client.send("POST", f"{EAST}/validateCrossRegionRestore", body))
    assert code(failed) == "UserErrorVaultAndDatasourceRegionMismatch"


@pytest.mark.parametrize(("redundancy", "state"), [("LocallyRedundant", "Enabled"), ("GeoRedundant", "Disabled")])
def test_vaults_that_cannot(client: Client, redundancy: str, state: str) -> None:
    replicating(client, redundancy, state)
    refused = client.send("POST", f"{EAST}/fetchSecondaryRecoveryPoints", DETAILS)
    assert (refused.status, code(refused)) == (400, "UserErrorCrossRegionRestoreNotEnabled")


def test_regions_and_ids_that_are_wrong(client: Client) -> None:
    replicating(client)
    url = f"{EAST}/fetchSecondaryRecoveryPoints"
    assert code(client.send("POST", url, DETAILS | {"sourceRegion": "eastus"})) == "BMSUserErrorInvalidInput"
    assert client.send("POST", url, DETAILS | {"sourceBackupInstanceId": INSTANCE + "x"}).status == 404
    far = url.replace("/eastus/", "/westeurope/")
    assert code(client.send("POST", far, DETAILS)) == "UserErrorCrossRegionRestoreNotEnabled"


def test_a_guard_protects_the_restore_there_too(client: Client) -> None:
    point = replicating(client)
    client.sandbox.sleep(3600)
    guard = f"{VAULT_GROUP}/providers/Microsoft.DataProtection/resourceGuards/guard"
    client.send("PUT", guard, {"location": "westus"})
    proxy = f"{VAULT}/backupResourceGuardProxies/DppResourceGuardProxy"
    assert client.send("PUT", proxy, {"properties": {"resourceGuardResourceId": guard}}).status == 200
    body = elsewhere(point)
    missing = "UserErrorResourceGuardOperationRequestMissing"
    assert code(client.send("POST", f"{EAST}/crossRegionRestore", body)) == missing
    requests = [f"{guard}/dppTriggerRestoreRequests/default"]
    body["restoreRequestObject"]["resourceGuardOperationRequests"] = requests
    client.done("POST", f"{EAST}/crossRegionRestore", body)
