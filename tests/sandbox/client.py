"""A small HTTP client for the tests: JSON in, JSON out, straight into a sandbox."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from dpmagic.sandbox import Sandbox

API = "2024-04-01"
BACKUP = "11111111-1111-4111-8111-111111111111"
WORKLOADS = "22222222-2222-4222-8222-222222222222"
VAULT_GROUP = f"/subscriptions/{BACKUP}/resourceGroups/testBkpVaultRG"
VAULT = f"{VAULT_GROUP}/providers/Microsoft.DataProtection/backupVaults/TestBkpVault"
DISK = f"/subscriptions/{WORKLOADS}/resourceGroups/diskrg/providers/Microsoft.Compute/disks/CLITestDisk"
SNAPSHOTS = f"/subscriptions/{WORKLOADS}/resourceGroups/snapshotrg"
RESTORED = f"/subscriptions/{WORKLOADS}/resourceGroups/restoredrg"

ROLES = {
    "Disk Backup Reader": "3e5e47e6-65f7-47ef-90b5-e5dd4d455f24",
    "Disk Snapshot Contributor": "7efff54f-a5b4-42b5-a1c5-5411624893ce",
    "Disk Restore Operator": "b50d9833-a0cb-478e-945f-707fcc997c13",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Storage Account Backup Contributor": "e5e2a7ff-d759-4cd2-bb51-3152d37e2eb1",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "PostgreSQL Flexible Server Long Term Retention Backup Role": "c088a766-074b-43ba-90d4-1fb21feae531",
    "MySQL Backup And Export Operator": "d18ad5f3-1baf-4119-b49b-d944edb1f9d0",
}


@dataclass
class Answer:
    """One reply, decoded."""

    status: int
    headers: dict[str, str]
    body: Any
    raw: bytes


class Client:
    """Sends requests to ``sandbox``."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def send(self, method: str, url: str, body: Any = None, api: str = API, **query: str) -> Answer:
        """Send a request; api-version is added to what has none."""
        if "api-version=" not in url:
            url += "?" + urlencode({"api-version": api, **query})
        headers = {"Authorization": "Bearer test", "Content-Type": "application/json"}
        reply = self.sandbox.handle(method, url, headers, None if body is None else json.dumps(body).encode())
        decoded = json.loads(reply.body) if reply.body else None
        return Answer(reply.status, dict(reply.headers), decoded, reply.body)

    def get(self, url: str, **query: str) -> Any:
        """The body of a GET that must be answered with 200."""
        answer = self.send("GET", url, **query)
        assert answer.status == 200, answer
        return answer.body

    def wait(self, answer: Answer) -> dict[str, Any]:
        """Follow Azure-AsyncOperation to its end; returns the last status."""
        assert answer.status in (200, 201, 202), answer
        if "azure-asyncoperation" not in answer.headers:
            return {"status": "Succeeded"}
        while True:
            status = self.send("GET", answer.headers["azure-asyncoperation"])
            assert status.status == 200, status
            if status.body["status"].lower() != "inprogress":
                return status.body
            assert int(status.headers["retry-after"]) > 0
            self.sandbox.sleep(int(status.headers["retry-after"]))

    def done(self, method: str, url: str, body: Any = None) -> dict[str, Any]:
        """Send a request and wait; it must succeed."""
        status = self.wait(self.send(method, url, body))
        assert status["status"] == "Succeeded", status
        return status

    def grant(self, role: str, scope: str, principal: str) -> Answer:
        """Assign one of ROLES."""
        subscription = scope.strip("/").split("/")[1]
        definition = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}"
        name = f"{ROLES[role][:24]}{abs(sum(map(ord, scope + principal))):012d}"
        url = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
        properties = {
            "roleDefinitionId": definition,
            "principalId": principal,
            "principalType": "ServicePrincipal",
        }
        return self.send("PUT", url, {"properties": properties}, api="2022-04-01")


def vault_body(location: str = "westus", **settings: Any) -> dict[str, Any]:
    """A vault with an identity; ``settings`` are added to its properties."""
    stores = [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}]
    return {
        "location": location,
        "identity": {"type": "SystemAssigned"},
        "properties": {"storageSettings": stores, **settings},
    }


def soft_delete(state: str) -> dict[str, Any]:
    """Vault properties with the soft-delete state."""
    return {"securitySettings": {"softDeleteSettings": {"state": state, "retentionDurationInDays": 14.0}}}


def policy_body(kind: str = "Microsoft.Compute/disks", **changes: Any) -> dict[str, Any]:
    """The tutorial's policy: every four hours, seven days."""
    properties = {
        "datasourceTypes": [kind],
        "objectType": "BackupPolicy",
        "policyRules": [
            {
                "name": "BackupHourly",
                "objectType": "AzureBackupRule",
                "backupParameters": {"backupType": "Incremental", "objectType": "AzureBackupParams"},
                "dataStore": {"dataStoreType": "OperationalStore", "objectType": "DataStoreInfoBase"},
                "trigger": {
                    "objectType": "ScheduleBasedTriggerContext",
                    "schedule": {"repeatingTimeIntervals": ["R/2020-04-05T13:00:00+00:00/PT4H"]},
                    "taggingCriteria": [
                        {
                            "isDefault": True,
                            "tagInfo": {"id": "Default_", "tagName": "Default"},
                            "taggingPriority": 99,
                        }
                    ],
                },
            },
            {
                "name": "Default",
                "isDefault": True,
                "objectType": "AzureRetentionRule",
                "lifecycles": [
                    {
                        "deleteAfter": {"duration": "P7D", "objectType": "AbsoluteDeleteOption"},
                        "sourceDataStore": {
                            "dataStoreType": "OperationalStore",
                            "objectType": "DataStoreInfoBase",
                        },
                    }
                ],
            },
        ],
        **changes,
    }
    return {"properties": properties}


def instance_properties(disk: str = DISK, vault: str = VAULT, snapshots: str = SNAPSHOTS) -> dict[str, Any]:
    """What protects a disk with the vault's policy ``mypolicy``."""
    store = {
        "dataStoreType": "OperationalStore",
        "objectType": "AzureOperationalStoreParameters",
        "resourceGroupId": snapshots,
    }
    return {
        "friendlyName": disk.rpartition("/")[2],
        "objectType": "BackupInstance",
        "dataSourceInfo": {
            "datasourceType": "Microsoft.Compute/disks",
            "objectType": "Datasource",
            "resourceID": disk,
            "resourceLocation": "westus",
            "resourceName": disk.rpartition("/")[2],
            "resourceType": "Microsoft.Compute/disks",
            "resourceUri": "",
        },
        "policyInfo": {
            "policyId": f"{vault}/backupPolicies/mypolicy",
            "policyParameters": {"dataStoreParametersList": [store]},
        },
    }


def restore_body(point: str, target: str) -> dict[str, Any]:
    """A restore of a recovery point to a new disk."""
    source = {**instance_properties()["dataSourceInfo"], "resourceID": target}
    return {
        "objectType": "AzureBackupRecoveryPointBasedRestoreRequest",
        "recoveryPointId": point,
        "sourceDataStoreType": "OperationalStore",
        "restoreTargetInfo": {
            "objectType": "RestoreTargetInfo",
            "recoveryOption": "FailIfExists",
            "restoreLocation": "westus",
            "datasourceInfo": source,
        },
    }


def make_vault(client: Client, vault: str = VAULT, location: str = "westus", **settings: Any) -> str:
    """A vault with ``mypolicy``; returns its principal."""
    client.done("PUT", vault, vault_body(location, **settings))
    assert client.send("PUT", f"{vault}/backupPolicies/mypolicy", policy_body()).status == 200
    return client.get(vault)["identity"]["principalId"]


def allow(client: Client, principal: str, disk: str = DISK, snapshots: str = SNAPSHOTS) -> None:
    """What the tutorial's permission step does."""
    for role, scope in (("Disk Backup Reader", disk), ("Disk Snapshot Contributor", snapshots)):
        assert client.grant(role, scope, principal).status in (201, 409)


def protect(client: Client, vault: str = VAULT, disk: str = DISK, name: str = "bi") -> str:
    """A protected disk in an existing vault; returns the instance's id."""
    instance = f"{vault}/backupInstances/{name}"
    client.done("PUT", instance, {"properties": instance_properties(disk, vault)})
    client.sandbox.sleep(90)
    assert client.get(instance)["properties"]["currentProtectionState"] == "ProtectionConfigured"
    return instance


def back_up(client: Client, instance: str, **option: str) -> str:
    """An on-demand backup, its job finished and its point's expiry filled; returns the job's id."""
    options = {"backupRuleOptions": {"ruleName": "BackupHourly", "triggerOption": option}}
    job = client.done("POST", f"{instance}/backup", options)["properties"]["jobId"]
    client.sandbox.sleep(600)
    return job
