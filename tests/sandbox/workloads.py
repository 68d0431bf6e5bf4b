"""Storage accounts, clusters, databases and key vaults for the tests, and policies for them."""

from __future__ import annotations

import copy
from typing import Any

from dpmagic.sandbox import databases, starter, storage, tracked
from dpmagic.sandbox.world import World

from .client import Client, policy_body

BLOBS = "Microsoft.Storage/storageAccounts/blobServices"


def _place(client: Client, group: str) -> tuple[World, dict[str, Any]]:
    world = client.sandbox._world  # these cannot be made by requests
    found = world.find("group", group)
    assert found is not None
    return world, found


def account(client: Client, group: str, name: str, *containers: str) -> str:
    """A storage account in the region of its group; returns its id."""
    world, place = _place(client, group)
    storage.add_account(world, place, {"name": name, "containers": list(containers)})
    return f"{place['id']}/providers/Microsoft.Storage/storageAccounts/{name}"


def cluster(client: Client, group: str, name: str) -> tuple[str, str]:
    """A cluster in the region of its group; returns its id and its principal."""
    world, place = _place(client, group)
    principal = "da0c0942-0000-4000-8000-000000000001"
    starter.add_cluster(world, place, {"name": name, "version": "1.25.6", "principalId": principal})
    return f"{place['id']}/providers/Microsoft.ContainerService/managedClusters/{name}", principal


def server(client: Client, group: str, kind: str, name: str, **item: Any) -> str:
    """A database server in the region of its group; returns its id."""
    world, place = _place(client, group)
    databases.add_server(world, kind, place, {"name": name, "version": "1", **item})
    return f"{place['id']}/providers/{tracked.TYPES[kind]}/{name}"


def blob_source(account: str, location: str) -> dict[str, Any]:
    """A storage account as a datasource."""
    return {
        "datasourceType": BLOBS,
        "objectType": "Datasource",
        "resourceID": account,
        "resourceLocation": location,
        "resourceName": account.rpartition("/")[2],
        "resourceType": "Microsoft.Storage/storageAccounts",
        "resourceUri": account,
    }


def blob_policy() -> dict[str, Any]:
    """Operational backup of blobs for thirty days: nothing but a retention rule."""
    keep = {
        "name": "Default",
        "isDefault": True,
        "objectType": "AzureRetentionRule",
        "lifecycles": [
            {
                "deleteAfter": {"duration": "P30D", "objectType": "AbsoluteDeleteOption"},
                "sourceDataStore": {"dataStoreType": "OperationalStore", "objectType": "DataStoreInfoBase"},
            }
        ],
    }
    return policy_body(BLOBS, policyRules=[keep])


def weekly(kind: str) -> dict[str, Any]:
    """A policy that backs up to the vault each week and keeps that for three months."""
    body = copy.deepcopy(policy_body(kind))
    backup, keep = body["properties"]["policyRules"]
    backup |= {"name": "BackupWeekly", "dataStore": {"dataStoreType": "VaultStore", "objectType": "DataStoreInfoBase"}}
    backup["trigger"]["schedule"]["repeatingTimeIntervals"] = ["R/2021-08-15T06:30:00+00:00/P1W"]
    keep["lifecycles"][0]["sourceDataStore"]["dataStoreType"] = "VaultStore"
    keep["lifecycles"][0]["deleteAfter"]["duration"] = "P3M"
    body["properties"]["policyRules"] = [backup, keep, {**keep, "name": "Weekly", "isDefault": False}]
    return body


def open_firewall(client: Client, arm_id: str) -> None:
    """Let Azure's services reach a single server."""
    rule = {"properties": {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"}}
    answer = client.send("PUT", f"{arm_id}/firewallRules/AllowAllWindowsAzureIps", rule, api="2017-12-01")
    assert answer.status == 202
    assert client.wait(answer)["status"] == "Succeeded"


def secret_for(client: Client, group: str, name: str, secret: str, principal: str, location: str) -> None:
    """A key vault with a secret that the principal may read."""
    url = f"{group}/providers/Microsoft.KeyVault/vaults/{name}"
    policy = {"objectId": principal, "tenantId": "t", "permissions": {"secrets": ["Get", "List"]}}
    body = {"location": location, "properties": {"accessPolicies": [policy]}}
    assert client.send("PUT", url, body, api="2023-02-01").status == 200
    world = client.sandbox._world  # secrets are made at the data plane, which the sandbox has not
    document = world.find("keyVault", url)
    document["_"]["secrets"].append(secret)
    world.store.put("keyVault", group, name, document)
