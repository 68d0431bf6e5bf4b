"""Bringing a sandbox to the state before a recorded exchange, and replaying the exchange."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from dpmagic.sandbox import Sandbox

from .client import (
    Client,
    allow,
    instance_properties,
    policy_body,
    soft_delete,
    vault_body,
)
from .recordings import learn, normal, normal_headers, renamed
from .workloads import account, blob_policy, blob_source

S = "00000000-0000-0000-0000-000000000000"

RG = f"/subscriptions/{S}/resourceGroups/clitest-dpp-rg"
VAULTS = f"{RG}/providers/Microsoft.DataProtection/backupVaults"
DISKS = f"{RG}/providers/Microsoft.Compute/disks"
EUAP, EAST = "centraluseuap", "eastus2euap"
PATIENCE = 250  # how often a GET is repeated, five seconds apart: the longest recorded job took sixteen minutes


def euap(groups: Iterable[str] = ("clitest-dpp-rg",), start: datetime | None = None, location: str = EUAP) -> Client:
    """A sandbox with the recorded subscription and groups."""
    sandbox = Sandbox(subscriptions=[S], **({"start": start} if start else {}))
    client = Client(sandbox)
    for group in groups:
        url = f"/subscriptions/{S}/resourceGroups/{group}"
        assert client.send("PUT", url, {"location": location}).status == 201
    return client


def disk(client: Client, name: str, size: int = 4, group: str = RG) -> str:
    """A disk as in the recordings; returns its id."""
    arm_id = f"{group}/providers/Microsoft.Compute/disks/{name}"
    body = {
        "location": EUAP,
        "sku": {"name": "StandardSSD_LRS"},
        "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": size},
    }
    assert client.send("PUT", arm_id, body).status == 202
    client.sandbox.sleep(10)
    return arm_id


def named_vault(client: Client, name: str, policy: str, state: str = "Off") -> str:
    """A recorded vault with a disk policy; returns its principal."""
    vault = f"{VAULTS}/{name}"
    client.done("PUT", vault, vault_body(EUAP, **soft_delete(state)))
    assert client.send("PUT", f"{vault}/backupPolicies/{policy}", policy_body()).status == 200
    return client.get(vault)["identity"]["principalId"]


def recorded_instance(name: str, vault: str, policy: str) -> dict[str, Any]:
    """The properties of the recorded instances of a disk."""
    properties = instance_properties(f"{DISKS}/{name}", f"{VAULTS}/{vault}", RG)
    properties["policyInfo"]["policyId"] = f"{VAULTS}/{vault}/backupPolicies/{policy}"
    properties["dataSourceInfo"]["resourceLocation"] = EUAP
    return properties


def recorded_blob(client: Client) -> None:
    """The blob instance that is in the recorded vault beside the disk."""
    vault = f"{VAULTS}/clitest-bkp-vault-donotdelete"
    client.send("PUT", f"{vault}/backupPolicies/blobpolicy", blob_policy())
    arm_id = account(client, RG, "clitestsadonotdelete", "testcontainer")
    client.grant("Storage Account Backup Contributor", arm_id, client.get(vault)["identity"]["principalId"])
    containers = [{"objectType": "BlobBackupDatasourceParameters", "containersList": ["testcontainer"]}]
    properties = {
        "objectType": "BackupInstance",
        "dataSourceInfo": blob_source(arm_id, EUAP),
        "policyInfo": {
            "policyId": f"{vault}/backupPolicies/blobpolicy",
            "policyParameters": {"backupDatasourceParametersList": containers},
        },
    }
    name = "clitestsadonotdelete-clitestsadonotdelete-b7e6f082-b310-11eb-8f55-9cfce85d4fa1"
    tags = {"Owner": "owner-alias", "Purpose": "Testing"}
    client.done("PUT", f"{vault}/backupInstances/{name}", {"properties": properties, "tags": tags})


def protected_blobs(client: Client) -> str:
    """The recorded storage account under operational backup in its vault; returns the instance's id."""
    vault = f"{VAULTS}/clitest-bkp-vault-persistent-bi-donotdelete"
    client.done("PUT", vault, vault_body(EUAP, **soft_delete("Off")))
    for policy in ("blobpolicy", "altblobpolicy"):
        assert client.send("PUT", f"{vault}/backupPolicies/{policy}", blob_policy()).status == 200
    arm_id = account(client, RG, "clitestsabidonotdelete", "container1")
    client.grant("Storage Account Backup Contributor", arm_id, client.get(vault)["identity"]["principalId"])
    source = {**blob_source(arm_id, EUAP), "resourceUri": ""}  # as this one is recorded
    info = {"policyId": f"{vault}/backupPolicies/blobpolicy"}
    body = {"properties": {"dataSourceInfo": source, "policyInfo": info, "objectType": "BackupInstance"}}
    name = "clitestsabidonotdelete-clitestsabidonotdelete-887c3538-0bfc-11ee-acd3-002b670b472e"
    client.done("PUT", f"{vault}/backupInstances/{name}", body)
    client.sandbox.sleep(120)
    return f"{vault}/backupInstances/{name}"


def replay(client: Client, requests: Iterable[dict[str, Any]], *, shapes: bool = True) -> int:
    """Send recorded requests one after the other and compare each answer; returns how many.

    A GET may be repeated while virtual time passes, five seconds at a time, until its answer is the recorded one:
    people polled. Without ``shapes`` only statuses and headers are compared.
    """
    names: dict[str, str] = {}
    count = 0
    for request in requests:
        path = renamed(request["path"], names)
        query = {**request.get("query", {}), "api-version": request["api_version"]}
        expected = answer = None
        for _ in range(PATIENCE if request["method"] == "GET" else 1):
            body = renamed(request["body"], names)
            answer = client.send(request["method"], path, body, api=query["api-version"], **_other(query))
            learn(request["response_headers"], answer.headers, names)
            learn(request["response"], answer.body, names)
            expected = view(request["status"], request["response_headers"], request["response"], request, shapes)
            found = view(answer.status, answer.headers, answer.body, request, shapes)
            if found == expected:
                break
            client.sandbox.sleep(5)
        assert found == expected, f"{request['command']}: {request['method']} {request['path']}"
        count += 1
    return count


def _other(query: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in query.items() if key != "api-version"}


def view(status: int, headers: dict[str, str], body: Any, request: dict[str, Any], shapes: bool) -> tuple[Any, ...]:
    compared = normal_headers(headers, request["api_version"])
    return status, compared, _records(normal(body)) if shapes else None


def _records(body: Any) -> Any:
    """A list of records compares as the set of them: how many there were depends on the recorded estate's age."""
    if isinstance(body, dict) and isinstance(body.get("value"), list):
        distinct = []
        for item in body["value"]:
            if item not in distinct:
                distinct.append(item)
        return {**body, "value": sorted(distinct, key=repr)}
    return body


def scheduled(client: Client, name: str = "clitest-disk-persistent-bi-donotdelete") -> str:
    """A disk backed up on schedule, its point complete; returns the instance's id."""
    disk(client, name)
    vault = "clitest-bkp-vault-persistent-bi-donotdelete"
    allow(client, named_vault(client, vault, "diskpolicy"), f"{DISKS}/{name}", RG)
    instance = f"{VAULTS}/{vault}/backupInstances/{name}-{name}-e33c80ba-0bf8-11ee-aaa6-002b670b472e"
    properties = recorded_instance(name, vault, "diskpolicy")
    client.done("PUT", instance, {"properties": properties})
    client.sandbox.sleep(120)
    world = client.sandbox._world  # policies do not run on their own yet
    world.run("backup.begin", {"instance": instance, "tag": "Default", "user_triggered": False})
    client.sandbox.sleep(600)
    return instance


def replay_life(client: Client, requests: list[dict[str, Any]]) -> int:
    """As :func:`replay`, with one table of names: operations in full, the rest by status and headers."""
    names: dict[str, str] = {}
    for request in requests:
        in_full = "/operation" in request["path"]
        if request["path"].endswith(("/stopProtection", "/backup")):
            client.sandbox.sleep(120)  # protection had been configured by then
        if "ValidateRestore".lower() in request["path"].lower():
            point = client.get(request["path"].rpartition("/")[0] + "/recoveryPoints")["value"][0]["name"]
            names[request["body"]["restoreRequestObject"]["recoveryPointId"]] = point
        for _ in range(PATIENCE if request["method"] == "GET" else 1):
            path, body = renamed(request["path"], names), renamed(request["body"], names)
            answer = client.send(request["method"], path, body, api=request["api_version"])
            learn(request["response_headers"], answer.headers, names)
            learn(request["response"], answer.body, names)
            found = view(answer.status, answer.headers, answer.body, request, in_full)
            status = (answer.body or {}).get("properties", {}).get("status")
            expected = view(request["status"], request["response_headers"], request["response"], request, in_full)
            wanted = ((request["response"] or {}).get("properties") or {}).get("status")
            if found == expected and status == wanted:
                break
            client.sandbox.sleep(5)
        assert found == expected and status == wanted, request["path"]
    return len(requests)
