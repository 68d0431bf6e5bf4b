"""Microsoft's tutorial for disks, through the plain Azure SDK: nothing of this project but the transport."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.mgmt.dataprotection import DataProtectionMgmtClient
from azure.mgmt.resourcegraph import ResourceGraphClient

from dpmagic import sandbox
from dpmagic.sandbox.http_transport import SandboxTransport

from .client import (
    BACKUP,
    DISK,
    RESTORED,
    SNAPSHOTS,
    VAULT,
    instance_properties,
    policy_body,
    restore_body,
    vault_body,
)

PLACE = ("testBkpVaultRG", "TestBkpVault")


class Token:
    """A credential that never expires."""

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken("test", 2**32)


class Azure:
    """The SDK's client and a few raw requests through its pipeline."""

    def __init__(self, transport: SandboxTransport) -> None:
        self.transport = transport
        self.client = DataProtectionMgmtClient(Token(), BACKUP, transport=transport)
        self.graph = ResourceGraphClient(Token(), transport=transport)

    def send(self, method: str, url: str, body: Any = None) -> Any:
        response = self.client.send_request(
            HttpRequest(method, f"https://management.azure.com{url}", params={"api-version": "2022-04-01"}, json=body)
        )
        response.raise_for_status()
        return response.json() if response.content else None

    def assign(self, role: str, scope: str, principal: str, name: str) -> None:
        """What the tutorial's permission step sends."""
        where = f"{scope}/providers/Microsoft.Authorization"
        response = self.client.send_request(
            HttpRequest(
                "GET",
                f"https://management.azure.com{where}/roleDefinitions",
                params={"api-version": "2022-04-01", "$filter": f"roleName eq '{role}'"},
            )
        )
        (definition,) = response.json()["value"]
        properties = {
            "roleDefinitionId": definition["id"],
            "principalId": principal,
            "principalType": "ServicePrincipal",
        }
        self.send("PUT", f"{where}/roleAssignments/00000000-0000-4000-8000-{name:0>12}", {"properties": properties})


@pytest.fixture
def azure() -> Iterator[Azure]:
    azure = Azure(sandbox.transport())
    with azure.client, azure.graph:
        yield azure


def _protected(azure: Azure) -> None:
    instances = azure.client.backup_instances
    vault = azure.client.backup_vaults.begin_create_or_update(*PLACE, vault_body()).result()
    assert vault.properties.provisioning_state == "Succeeded"
    azure.client.backup_policies.create_or_update(*PLACE, "mypolicy", policy_body())
    validation = {"backupInstance": instance_properties()}
    with pytest.raises(HttpResponseError) as refused:
        instances.begin_validate_for_backup(*PLACE, validation).result()
    assert refused.value.error.code == "UserErrorDiskAndSnapshotRGOrMSIPermissionsNotPresent"
    azure.assign("Disk Backup Reader", DISK, vault.identity.principal_id, "1")
    azure.assign("Disk Snapshot Contributor", SNAPSHOTS, vault.identity.principal_id, "2")
    done = instances.begin_validate_for_backup(*PLACE, validation).result()
    assert done["objectType"] == "OperationJobExtendedInfo"
    made = instances.begin_create_or_update(*PLACE, "bi", {"properties": instance_properties()}).result()
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.current_protection_state == "ConfiguringProtection"
    azure.transport.sleep(60)
    assert instances.get(*PLACE, "bi").properties.current_protection_state == "ProtectionConfigured"


def _finished(azure: Azure, job_id: str) -> Any:
    name = job_id.rpartition("/")[2]
    while (job := azure.client.jobs.get(*PLACE, name)).properties.status == "InProgress":
        assert job.properties.end_time is None
        azure.transport.sleep(20)
    return job.properties


def _rule(name: str) -> dict[str, Any]:
    return {"backupRuleOptions": {"ruleName": name, "triggerOption": {}}}


def test_from_vault_to_restored_disk(azure: Azure) -> None:
    """Everything in its order; virtual time passes, and hardly any real one."""
    _protected(azure)
    instances = azure.client.backup_instances
    backup = instances.begin_adhoc_backup(*PLACE, "bi", _rule("Default")).result()
    job = _finished(azure, backup.job_id)
    assert (job.status, job.operation_category, job.data_source_name) == ("Completed", "Backup", "CLITestDisk")
    assert timedelta(minutes=2) < job.end_time - job.start_time < timedelta(minutes=4)
    (point,) = azure.client.recovery_points.list(*PLACE, "bi")
    assert point.properties.expiry_time is None
    azure.transport.sleep(300)
    point = azure.client.recovery_points.get(*PLACE, "bi", point.name)
    (store,) = point.properties.recovery_point_data_stores_details
    assert store.expiry_time - store.creation_time == timedelta(days=7)
    (facts,) = json.loads(store.meta_data)
    (snapshot,) = azure.send("GET", f"{SNAPSHOTS}/providers/Microsoft.Compute/snapshots")["value"]
    assert snapshot["name"] == facts["snapshotName"]
    source = azure.send("GET", DISK)
    assert snapshot["properties"]["incremental"] is True
    assert snapshot["properties"]["creationData"]["sourceResourceId"] == source["id"]
    assert snapshot["properties"]["creationData"]["sourceUniqueId"] == source["properties"]["uniqueId"]

    target = f"{RESTORED}/providers/Microsoft.Compute/disks/CLITestDisk-restored"
    order = restore_body(point.name, target)
    with pytest.raises(HttpResponseError) as refused:
        instances.begin_validate_for_restore(*PLACE, "bi", {"restoreRequestObject": order}).result()
    assert refused.value.error.code == "UserErrorDiskBackupRestoreRGOrMSIPermissionsNotPresent"
    principal = azure.client.backup_vaults.get(*PLACE).identity.principal_id
    azure.assign("Disk Restore Operator", RESTORED, principal, "3")
    instances.begin_validate_for_restore(*PLACE, "bi", {"restoreRequestObject": order}).result()
    restore = instances.begin_trigger_restore(*PLACE, "bi", order).result()
    job = _finished(azure, restore.job_id)
    assert (job.status, job.operation_category) == ("Completed", "Restore")
    assert job.extended_info.recovery_destination == target
    disk = azure.send("GET", target)
    assert disk["properties"]["diskSizeGB"] == source["properties"]["diskSizeGB"]
    assert disk["properties"]["uniqueId"] != source["properties"]["uniqueId"]
    assert disk["properties"]["creationData"]["sourceResourceId"] == snapshot["id"]


def test_resource_graph_sees_what_happened(azure: Azure) -> None:
    """The queries that az sends, through Resource Graph's own client."""
    _protected(azure)
    azure.client.backup_instances.begin_adhoc_backup(*PLACE, "bi", _rule("BackupHourly")).result()
    azure.transport.sleep(600)
    instances = (
        "RecoveryServicesResources | where type =~ 'microsoft.dataprotection/backupvaults/backupinstances'"
        "| extend vaultName = split(split(id, '/Microsoft.DataProtection/backupVaults/')[1],'/')[0]"
        "| extend protectionState = properties.currentProtectionState"
        "| extend datasourceId = properties.dataSourceInfo.resourceID "
        "| where properties.dataSourceInfo.datasourceType in~ ('Microsoft.Compute/disks') "
        f"| where datasourceId in~ ('{DISK}')"
    )
    (row,) = _query(azure, instances)
    assert (row["name"], row["vaultName"], row["protectionState"]) == ("bi", "TestBkpVault", "ProtectionConfigured")
    extended = row["properties"]["backupInstanceExtendedProperties"]
    (point,) = azure.client.recovery_points.list(*PLACE, "bi")
    latest = extended["recoveryPointInfo"]["latestRecoveryPointInPrimaryRegion"]
    assert latest == point.properties.recovery_point_time.isoformat()[:23] + "0000Z"
    assert extended["policyExtendedInfo"]["configuredMaximumRetention"] == "7.00:00:00"
    assert extended["policyExtendedInfo"]["configuredRPGenerationFrequency"] == "04:00:00"
    jobs = (
        "RecoveryServicesResources | where type =~ 'microsoft.dataprotection/backupvaults/backupjobs'"
        "| extend vaultName = properties.vaultName| extend status = properties.status"
        "| extend operation = case( tolower(properties.operationCategory) startswith 'backup' and "
        "properties.isUserTriggered == 'true', strcat('OnDemand',properties.operationCategory), "
        "tolower(properties.operationCategory) startswith 'backup' and properties.isUserTriggered == 'false', "
        "strcat('Scheduled', properties.operationCategory), type =~ 'microsoft.dataprotection/backupVaults/backupJobs',"
        " properties.operationCategory, 'Invalid')| extend datasourceId = properties.dataSourceId"
        " | where properties.dataSourceType in~ ('Microsoft.Compute/disks') | where status in~ ('Completed')"
    )
    (row,) = _query(azure, jobs)
    assert (row["operation"], row["vaultName"]) == ("OnDemandBackup", "TestBkpVault")
    vaults = "resources | where type =~ 'microsoft.dataprotection/backupvaults' | where name in~ ('testbkpvault')"
    (row,) = _query(azure, vaults)
    assert row["id"] == VAULT.replace("/backupVaults/", "/BackupVaults/")
    azure.transport.sleep(15 * 86_400)
    assert _query(azure, jobs) == []


def _query(azure: Azure, text: str) -> list[dict[str, Any]]:
    options = {"$top": 1000, "$skip": 0, "resultFormat": "objectArray", "allowPartialScopes": False}
    response = azure.send("POST", "/providers/Microsoft.ResourceGraph/resources", {"query": text, "options": options})
    assert response["count"] == response["totalRecords"] == len(response["data"])
    return response["data"]
