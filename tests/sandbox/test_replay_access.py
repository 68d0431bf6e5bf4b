"""What ``update-msi-permissions`` was recorded to ask of key vaults, firewalls and clusters, replayed."""

from __future__ import annotations

from .recordings import cassette, exchanges, normal
from .replaying import S, euap, replay
from .workloads import cluster, server

GROUP = f"/subscriptions/{S}/resourceGroups/oss-clitest-rg"
OSS = "test_dataprotection_update_msi_permissions_oss"


def test_key_vault() -> None:
    """Read twice, then written with one more access policy."""
    client = euap(["oss-clitest-rg"])
    requests = [r for r in cassette(OSS) if "/Microsoft.KeyVault/" in r["path"]]
    assert [r["method"] for r in requests] == ["GET", "GET", "PUT"]
    known = requests[0]["response"]
    client.send("PUT", requests[0]["path"], {key: known[key] for key in ("location", "tags", "properties")})
    assert replay(client, requests) == 3


def test_firewall_rules() -> None:
    client = euap(["oss-clitest-rg"])
    server(client, GROUP, "postgresServer", "oss-clitest-server")
    (request,) = (r for r in cassette(OSS) if r["path"].endswith("/firewallRules"))
    (rule,) = request["response"]["value"]
    answer = client.send("PUT", rule["id"], {"properties": rule["properties"]}, api="2017-12-01")
    assert answer.status == 202
    assert client.wait(answer)["status"] == "Succeeded"
    assert client.send("GET", answer.headers["location"]).body == rule
    assert replay(client, [request]) == 1


def test_cluster_has_its_identity_where_it_was_recorded() -> None:
    """Node pools, networks and profiles are Azure's; what there is agrees in its keys."""
    client = euap(["oss-clitest-rg"])
    arm_id, principal = cluster(client, GROUP, "clitest-cluster1-donotdelete")
    recorded = next(
        r["response"]
        for command in exchanges("backup-instance")
        for r in command["requests"]
        if r["path"].endswith("/managedClusters/clitest-cluster1-donotdelete")
    )
    found = client.get(arm_id)
    assert found["identity"]["principalId"] == principal
    assert normal(found["identity"]) == normal(recorded["identity"])
    assert found["sku"] == recorded["sku"]
    assert found["properties"].keys() <= recorded["properties"].keys()
