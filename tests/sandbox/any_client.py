"""Microsoft's tutorial for disks as anybody would write it: the Azure SDKs, requests, a clock on the wall.

Run as a program of its own against a served sandbox: the endpoint, the CA file and a subscription are its arguments.
Nothing of dpmagic is imported. What it has seen is printed as one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import requests
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.dataprotection import DataProtectionMgmtClient
from azure.mgmt.resourcegraph import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions

WORKLOADS = "/subscriptions/22222222-2222-4222-8222-222222222222"
DISK = f"{WORKLOADS}/resourceGroups/diskrg/providers/Microsoft.Compute/disks/CLITestDisk"
SNAPSHOTS = f"{WORKLOADS}/resourceGroups/snapshotrg"
RESTORED = f"{WORKLOADS}/resourceGroups/restoredrg"
TARGET = f"{RESTORED}/providers/Microsoft.Compute/disks/CLITestDisk-restored"
VAULT = ("testBkpVaultRG", "TestBkpVault")

VAULT_BODY = {
    "location": "westus",
    "identity": {"type": "SystemAssigned"},
    "properties": {"storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}]},
}
STORE = {"dataStoreType": "OperationalStore", "objectType": "DataStoreInfoBase"}
TAG = {"isDefault": True, "tagInfo": {"id": "Default_", "tagName": "Default"}, "taggingPriority": 99}
POLICY = {
    "datasourceTypes": ["Microsoft.Compute/disks"],
    "objectType": "BackupPolicy",
    "policyRules": [
        {
            "name": "BackupHourly",
            "objectType": "AzureBackupRule",
            "backupParameters": {"backupType": "Incremental", "objectType": "AzureBackupParams"},
            "dataStore": STORE,
            "trigger": {
                "objectType": "ScheduleBasedTriggerContext",
                "schedule": {"repeatingTimeIntervals": ["R/2020-04-05T13:00:00+00:00/PT4H"]},
                "taggingCriteria": [TAG],
            },
        },
        {
            "name": "Default",
            "isDefault": True,
            "objectType": "AzureRetentionRule",
            "lifecycles": [
                {
                    "deleteAfter": {"duration": "P7D", "objectType": "AbsoluteDeleteOption"},
                    "sourceDataStore": STORE,
                }
            ],
        },
    ],
}
SOURCE = {
    "datasourceType": "Microsoft.Compute/disks",
    "objectType": "Datasource",
    "resourceID": DISK,
    "resourceLocation": "westus",
    "resourceName": "CLITestDisk",
    "resourceType": "Microsoft.Compute/disks",
    "resourceUri": "",
}
JOBS = (
    "recoveryservicesresources | where type =~ 'microsoft.dataprotection/backupvaults/backupjobs' "
    "| project operation = tostring(properties.operationCategory), status = tostring(properties.status) "
    "| order by operation asc"
)


def instance(policy: str) -> dict[str, Any]:
    """What protects the disk with a policy."""
    store = {
        "dataStoreType": "OperationalStore",
        "objectType": "AzureOperationalStoreParameters",
        "resourceGroupId": SNAPSHOTS,
    }
    return {
        "friendlyName": "CLITestDisk",
        "objectType": "BackupInstance",
        "dataSourceInfo": SOURCE,
        "policyInfo": {"policyId": policy, "policyParameters": {"dataStoreParametersList": [store]}},
    }


def restore_order(point: str) -> dict[str, Any]:
    """What restores a recovery point to a new disk."""
    return {
        "objectType": "AzureBackupRecoveryPointBasedRestoreRequest",
        "recoveryPointId": point,
        "sourceDataStoreType": "OperationalStore",
        "restoreTargetInfo": {
            "objectType": "RestoreTargetInfo",
            "recoveryOption": "FailIfExists",
            "restoreLocation": "westus",
            "datasourceInfo": {**SOURCE, "resourceID": TARGET},
        },
    }


def until(met: Callable[[], Any]) -> Any:
    """Ask as a script does, with a pause, until there is something to give back."""
    for _ in range(60):
        if found := met():
            return found
        time.sleep(1)  # noqa: TID251 (the wall's clock is the point)
    raise TimeoutError(met.__name__)


class Anybody:
    """The SDKs' clients of one endpoint, and requests for what has no SDK here: compute and authorization."""

    def __init__(self, endpoint: str, ca: str, subscription: str) -> None:
        credential = ClientSecretCredential(
            "any-tenant",
            "any-app",
            "any-secret",
            authority=endpoint,
            disable_instance_discovery=True,
            connection_verify=ca,
        )
        scope = f"{endpoint}/.default"
        options: dict[str, Any] = {"credential_scopes": [scope], "connection_verify": ca}
        self.endpoint = endpoint
        self.client = DataProtectionMgmtClient(credential, subscription, endpoint, **options)
        self.graph = ResourceGraphClient(credential, endpoint, **options)
        self.session = requests.Session()
        self.session.trust_env = False  # or a REQUESTS_CA_BUNDLE of the environment would come before the next line
        self.session.verify = ca
        self.session.headers["Authorization"] = f"Bearer {credential.get_token(scope).token}"

    def arm(self, method: str, path: str, version: str, body: Any = None, **query: str) -> Any:
        url, query = f"{self.endpoint}{path}", {"api-version": version, **query}
        response = self.session.request(method, url, params=query, json=body)
        response.raise_for_status()
        return response.json()

    def assign(self, role: str, scope: str, principal: str, number: int) -> None:
        where = f"{scope}/providers/Microsoft.Authorization"
        found = self.arm("GET", f"{where}/roleDefinitions", "2022-04-01", **{"$filter": f"roleName eq '{role}'"})
        (definition,) = found["value"]
        properties = {
            "roleDefinitionId": definition["id"],
            "principalId": principal,
            "principalType": "ServicePrincipal",
        }
        name = f"{where}/roleAssignments/{number:08}-0000-4000-8000-000000000000"
        self.arm("PUT", name, "2022-04-01", {"properties": properties})

    def finished(self, job_id: str) -> Any:
        def ended() -> Any:
            job = self.client.jobs.get(*VAULT, job_id.rpartition("/")[2]).properties
            return job if job.status != "InProgress" else None

        return until(ended)

    def protect(self, seen: dict[str, Any]) -> str:
        """Vault, policy, roles, instance; gives the vault's principal."""
        instances = self.client.backup_instances
        vault = self.client.backup_vaults.begin_create_or_update(*VAULT, VAULT_BODY).result()
        seen["vault"] = vault.properties.provisioning_state
        policy = self.client.backup_policies.create_or_update(*VAULT, "mypolicy", {"properties": POLICY})
        seen["policy"] = policy.name
        request = {"backupInstance": instance(policy.id)}
        try:
            instances.begin_validate_for_backup(*VAULT, request).result()
        except HttpResponseError as error:
            seen["refused"] = error.error.code
        principal: str = vault.identity.principal_id
        self.assign("Disk Backup Reader", DISK, principal, 1)
        self.assign("Disk Snapshot Contributor", SNAPSHOTS, principal, 2)
        seen["validated"] = instances.begin_validate_for_backup(*VAULT, request).result()["objectType"]
        made = instances.begin_create_or_update(*VAULT, "bi", {"properties": request["backupInstance"]}).result()
        seen["instance"] = made.name

        def protected() -> bool:
            return instances.get(*VAULT, "bi").properties.current_protection_state == "ProtectionConfigured"

        until(protected)
        return principal

    def back_up_and_restore(self, principal: str, seen: dict[str, Any]) -> None:
        """An on-demand backup, its job and recovery point, a restore to a new disk."""
        instances = self.client.backup_instances
        rule = {"backupRuleOptions": {"ruleName": "BackupHourly", "triggerOption": {}}}
        job = self.finished(instances.begin_adhoc_backup(*VAULT, "bi", rule).result().job_id)
        seen["backup"] = [job.operation_category, job.status, (job.end_time - job.start_time).total_seconds()]
        (point,) = self.client.recovery_points.list(*VAULT, "bi")
        order = restore_order(point.name)
        self.assign("Disk Restore Operator", RESTORED, principal, 3)
        instances.begin_validate_for_restore(*VAULT, "bi", {"restoreRequestObject": order}).result()
        job = self.finished(instances.begin_trigger_restore(*VAULT, "bi", order).result().job_id)
        seen["restore"] = [job.operation_category, job.status]
        disk = self.arm("GET", TARGET, "2023-04-02")
        seen["disk"] = [disk["name"], disk["properties"]["diskSizeGB"]]


def main(endpoint: str, ca: str, subscription: str) -> None:
    anybody, seen = Anybody(endpoint, ca, subscription), dict[str, Any]()
    anybody.back_up_and_restore(anybody.protect(seen), seen)
    options = QueryRequestOptions(result_format="objectArray")
    answer = anybody.graph.resources(QueryRequest(query=JOBS, subscriptions=[subscription], options=options))
    seen["jobs"] = answer.data
    seen["dpmagic"] = sorted(name for name in sys.modules if name.partition(".")[0] == "dpmagic")
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
