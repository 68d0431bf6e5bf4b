"""Recorded exchanges of clusters and databases replayed, from validation to restore and deletion."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from .client import Client, policy_body, soft_delete, vault_body
from .recordings import cassette
from .replaying import EAST, EUAP, VAULTS, S, euap, replay, replay_life
from .workloads import account, cluster, open_firewall, secret_for, server, weekly

ECY = f"/subscriptions/{S}/resourceGroups/clitest-dpp-ecy-rg"
OSS = f"/subscriptions/{S}/resourceGroups/oss-clitest-rg"
ECY_VAULT = f"{ECY}/providers/Microsoft.DataProtection/backupVaults/clitest-bkp-vault-ecy-donotdelete"
SERVERS = {
    "mysql": ("mysqlFlexibleServer", "clitest-mysql-server", "Microsoft.DBforMySQL/flexibleServers", 616490449),
    "pgflex": (
        "postgresFlexibleServer",
        "clitest-pgflex-server-2",
        "Microsoft.DBforPostgreSQL/flexibleServers",
        7844323,
    ),
}


def flexible() -> Client:
    """The two recorded flexible servers, a vault with a policy for either, and every role."""
    client = euap(["clitest-dpp-ecy-rg"], location=EAST)
    client.done("PUT", ECY_VAULT, vault_body(EAST, **soft_delete("Off")))
    principal = client.get(ECY_VAULT)["identity"]["principalId"]
    target = account(client, ECY, "clitestecysa", "clitestmysqlblob", "clitestpgflexblob")
    client.grant("Storage Blob Data Contributor", target, principal)
    client.grant("Reader", ECY, principal)
    for name, (kind, host, datasource, size) in SERVERS.items():
        server(client, ECY, kind, host, bytes=size)
        url = f"{ECY_VAULT}/backupPolicies/{name}policy"
        assert client.send("PUT", url, weekly(datasource)).status == 200
    for role in ("MySQL Backup And Export Operator", "PostgreSQL Flexible Server Long Term Retention Backup Role"):
        client.grant(role, ECY, principal)
    return client


def whole(requests: list[dict[str, Any]], size: int) -> list[dict[str, Any]]:
    """The recordings as if the whole database had been moved: the sandbox does not know what a dump leaves out."""
    changed = copy.deepcopy(requests)
    for request in changed:
        details = ((request["response"] or {}).get("properties") or {}).get("extendedInfo")
        if details and details["dataTransferredInBytes"] is not None:
            details["dataTransferredInBytes"] = float(size)
        for task in details["subTasks"] if details else ():
            if (task["additionalDetails"] or {}).get("DataTransferredInBytes"):
                task["additionalDetails"]["DataTransferredInBytes"] = str(size)
    return changed


@pytest.mark.parametrize("name", SERVERS)
def test_flexible_servers(name: str) -> None:
    client = flexible()
    requests = cassette(f"test_dataprotection_backup_and_restore_{name}")
    if name == "mysql":  # its recorded list shows the other server's instance beside it
        create = cassette("test_dataprotection_backup_and_restore_pgflex")
        put = next(r for r in create if r["method"] == "PUT")
        client.done("PUT", put["path"], put["body"])
        client.sandbox.sleep(120)
    count = replay(client, whole(requests, SERVERS[name][3]))
    assert count == len(requests) > 25
    assert {"validateForBackup", "backup", "validateRestore", "restore"} <= {
        r["path"].rpartition("/")[2] for r in requests
    }


def clustered(group: str, vault: str, policy: str) -> Client:
    """The recorded cluster, a vault with a policy for it, and every role."""
    client = euap([group] if group == "oss-clitest-rg" else [group, "oss-clitest-rg"], location=EAST)
    client.done("PUT", vault, vault_body(EAST, **soft_delete("Off")))
    principal = client.get(vault)["identity"]["principalId"]
    arm_id, own = cluster(client, OSS, "clitest-cluster1-donotdelete")
    snapshots = f"/subscriptions/{S}/resourceGroups/{group}"
    client.grant("Reader", arm_id, principal)
    client.grant("Reader", snapshots, principal)
    client.grant("Contributor", snapshots, own)
    url = f"{vault}/backupPolicies/{policy}"
    assert client.send("PUT", url, policy_body("Microsoft.ContainerService/managedClusters")).status == 200
    return client


def test_cluster() -> None:
    client = clustered("clitest-dpp-rg", f"{VAULTS}/clitest-bkp-vault-aks-donotdelete", "akspolicy")
    requests = cassette("test_dataprotection_backup_and_restore_aks")
    assert replay(client, requests) == len(requests) > 25


def test_cluster_of_2023() -> None:
    """With permissions and an older shape: the backup service's own exchanges, by status and headers."""
    vault = f"{OSS}/providers/Microsoft.DataProtection/backupVaults/clitest-aks-bv"
    client = clustered("oss-clitest-rg", vault, "AKSPolicyCLI1")
    requests = [
        r
        for r in cassette("test_dataprotection_aks@d2bc3c4e3")
        if "/backupVaults/clitest-aks-bv/" in r["path"] and "/backupPolicies/" not in r["path"]
    ]
    first = next(i for i, r in enumerate(requests) if r["path"].endswith("/validateForBackup"))
    requests = requests[first:]
    assert replay_life(client, requests) == len(requests) > 25


def single_server() -> Client:
    """The recorded single server, its key vault, a vault with two policies, and every permission."""
    client = euap(["oss-clitest-rg"])
    vault = f"{OSS}/providers/Microsoft.DataProtection/backupVaults/oss-clitest-vault"
    client.done("PUT", vault, vault_body(EUAP, **soft_delete("Off")))
    principal = client.get(vault)["identity"]["principalId"]
    arm_id = server(client, OSS, "postgresServer", "oss-clitest-server", databases=["postgres"], bytes=1000)
    client.grant("Reader", arm_id, principal)
    open_firewall(client, arm_id)
    secret_for(client, OSS, "oss-clitest-keyvault", "oss-clitest-secret", principal, EUAP)
    target = account(client, OSS, "ossclitestsa", "oss-clitest-blob-container")
    client.grant("Storage Blob Data Contributor", target, principal)
    for policy in ("oss-clitest-policy1", "oss-clitest-policy2", "oss-clitest-policy"):
        body = weekly("Microsoft.DBforPostgreSQL/servers/databases")
        assert client.send("PUT", f"{vault}/backupPolicies/{policy}", body).status == 200
    return client


def test_single_server_of_2022() -> None:
    """Stop, resume, suspend, another policy, both ways of restore; an older shape: statuses and headers."""
    client = single_server()
    requests = [
        r
        for r in cassette("test_dataprotection_oss@f128de53f")
        if "/backupVaults/" in r["path"] or "/locations/" in r["path"]
    ]
    assert replay_life(client, requests) == len(requests) > 40
