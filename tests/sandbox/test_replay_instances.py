"""Recorded exchanges of backup instances of disks replayed, from validation to restore and deletion."""

from __future__ import annotations

from typing import Any

from .client import (
    allow,
    soft_delete,
    vault_body,
)
from .recordings import cassette
from .replaying import (
    DISKS,
    EUAP,
    RG,
    S,
    disk,
    euap,
    named_vault,
    recorded_blob,
    recorded_instance,
    replay,
    replay_life,
)

_HOME = ("clitest-bkp-vault-donotdelete", "diskpolicy")


def test_disk_protected_backed_up_and_deleted() -> None:
    client = euap()
    name = "clitest-disk-donotdelete"
    disk(client, name)
    principal = named_vault(client, "clitest-bkp-vault-donotdelete", "diskpolicy")
    allow(client, principal, f"{DISKS}/{name}", RG)
    recorded_blob(client)
    requests = cassette("test_dataprotection_backup_instance_create_backup_delete_disk")
    client.done("PUT", requests[0]["path"], {"properties": recorded_instance(name, *_HOME)})  # it deletes it first
    assert replay(client, requests) == len(requests) == 25


def test_disk_protected_and_deleted_in_2023() -> None:
    """Begins with a resource group that does not exist: ARM's gateway answers."""
    client = euap()
    name = "clitest-disk-donotdelete"
    disk(client, name)
    principal = named_vault(client, *_HOME)
    allow(client, principal, f"{DISKS}/{name}", RG)
    requests = cassette("test_dataprotection_backup_instance_create_and_delete_disk")
    assert requests[0]["response"]["error"]["code"] == "ResourceGroupNotFound"
    assert replay(client, requests) == len(requests)


def test_soft_delete() -> None:
    """Delete, undelete, resume; refused while another vault has the disk."""
    client = euap()
    name = "clitest-disk-sd-donotdelete"
    disk(client, name)
    for vault, policy, state in (
        ("clitest-bkp-vault-sd1-donotdelete", "diskpol", "On"),
        ("clitest-bkp-vault-persistent-bi-donotdelete", "diskpolicy", "Off"),
    ):
        allow(client, named_vault(client, vault, policy, state), f"{DISKS}/{name}", RG)
    requests = cassette("test_dataprotection_backup_instance_softdelete")
    home = next(r["path"] for r in requests if r["path"].endswith("resumeProtection")).removesuffix("/resumeProtection")
    properties = recorded_instance(name, "clitest-bkp-vault-sd1-donotdelete", "diskpol")
    source = properties["dataSourceInfo"]
    source["resourceID"] = source["resourceID"].replace("resourceGroups", "resourcegroups")  # as recorded
    client.done("PUT", home, {"properties": properties})
    client.sandbox.sleep(120)
    assert replay(client, requests) == len(requests) == 33


def test_protection_restore_and_delete_of_2022() -> None:
    """Stop, resume, suspend, back up, restore: recorded with an older shape, so statuses and headers only.

    The bodies of the operations, which have not changed, are compared in full.
    """
    client, requests = euap(["owneralias-rg"]), cassette("test_dataprotection_Scenario@f128de53f")
    group = f"/subscriptions/{S}/resourceGroups/owneralias-rg"
    place = disk(client, "cli-test-disk-new", group=group)
    vault = f"{group}/providers/Microsoft.DataProtection/backupVaults/cli-test-new-vault"
    client.done("PUT", vault, vault_body(EUAP, **soft_delete("Off")))
    principal = client.get(vault)["identity"]["principalId"]
    allow(client, principal, place, group)
    client.grant("Disk Restore Operator", group, principal)
    provider = [r for r in requests if "/Microsoft.DataProtection/" in r["path"]]
    first = next(i for i, r in enumerate(provider) if "/backupPolicies/" in r["path"])
    last = max(i for i, r in enumerate(provider) if "/backupInstances/" in r["path"] and r["method"] == "DELETE")
    life = _followed(provider[first : last + 3])
    assert {"stopProtection", "suspendBackups", "resumeProtection", "backup", "validateRestore", "restore"} <= {
        r["path"].rpartition("/")[2] for r in life
    }
    assert replay_life(client, life) == len(life)


def _followed(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [r for r in requests if r["method"] != "GET" or "/operation" in r["path"] or "/backupJobs/" in r["path"]]
