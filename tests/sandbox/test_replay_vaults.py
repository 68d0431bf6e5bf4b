"""Recorded exchanges of vaults and policies replayed; and which kinds of exchange are not."""

from __future__ import annotations

import re

from .client import (
    make_vault,
)
from .recordings import cassette, exchanges
from .replaying import (
    EUAP,
    S,
    euap,
    replay,
)

#: Recorded exchanges that are not replayed, and why.
NOT_REPLAYED = {
    "vaulted blob jobs in a recorded list": "only listed, days after they ran: what led to them is not recorded",
    "the size of what a database's dump moved": "the sandbox moves the whole size; all else in those jobs is replayed",
    "managedClusters in full, trustedAccessRoleBindings": "az aks's; the keys that the sandbox has are compared",
    "graph.microsoft.com, Key Vault data plane, storage data plane": "not Resource Manager's",
    "jobs, recovery points and vaults read with api-version 2022": "older shapes with fewer keys; the sandbox answers "
    "every version as 2024-04-01 was answered. Their statuses and headers are replayed",
    "PUT vault 200 (api-version 2022, nothing changed)": "2024 answers 201 to every vault PUT, changed or not",
    "role definitions without a filter": "a tenant's few hundred roles; the sandbox knows eleven",
    "429 FailedIdentityOperation": "the sandbox throttles Resource Graph only",
}


def test_vault_and_policies() -> None:
    client = euap(["clitest-dpp-backuppolicy-000001"])
    assert replay(client, cassette("test_dataprotection_backup_policy_create_and_delete")) == 11


def test_vault_create_list_delete() -> None:
    client = euap(["clitest-dpp-backupvault-000001"])
    assert replay(client, cassette("test_dataprotection_backup_vault_create_and_delete")) == 7


def test_vault_update_and_its_refusals() -> None:
    """Soft delete AlwaysOn, immutability Locked and cross-region restore cannot be taken back."""
    client = euap(["clitest-dpp-backupvault-000001"])
    requests = cassette("test_dataprotection_backup_vault_update")
    assert [request["status"] for request in requests].count(400) == 3
    assert replay(client, requests) == len(requests) > 35


def test_vault_patch() -> None:
    """Recorded with api-version 2022, whose vaults have fewer keys: statuses and headers."""
    group = f"/subscriptions/{S}/resourceGroups/owneralias-rg"
    client = euap(["owneralias-rg"])
    make_vault(client, f"{group}/providers/Microsoft.DataProtection/backupVaults/cli-test-new-vault", EUAP)
    patches = [r for c in exchanges("backup-vault") for r in c["requests"] if r["method"] == "PATCH"]
    assert len(patches) == 2
    assert replay(client, [{**request, "command": "patch"} for request in patches], shapes=False) == 2


def test_recorded_kinds_are_accounted_for() -> None:
    """Whoever adds recordings must replay them or say why not."""
    assert all(NOT_REPLAYED.values())
    files = ("resource-guard", "backup-vault", "backup-policy", "backup-instance", "job", "recovery-point", "other")
    found = set()
    for request in (r for file in files for command in exchanges(file) for r in command["requests"]):
        below = re.fullmatch(r".*/backupVaults/[^/]+/(.*)", request["path"])
        kinds = below[1].split("/")[::2] if below and "Instances" in below[1] else below and below[1].split("/")[:1]
        found |= {f"{request['method']} {part}" for part in kinds or []}
    replayed = {
        "DELETE backupInstances", "DELETE backupPolicies", "GET backupInstances", "GET backupJobs",
        "GET deletedBackupInstances", "GET operationResults", "GET operationStatus", "GET recoveryPoints",
        "POST backup", "POST backupInstances", "POST deletedBackupInstances", "POST restore", "POST resumeProtection",
        "POST stopProtection", "POST suspendBackups", "POST undelete", "POST validateForBackup",
        "DELETE backupResourceGuardProxies", "GET backupResourceGuardProxies", "POST backupResourceGuardProxies",
        "PUT backupResourceGuardProxies", "POST validateRestore", "PUT backupInstances", "PUT backupPolicies",
    }  # fmt: skip
    assert found - replayed - {"GET backupPolicies"} == set()
    assert replayed - found <= {"GET operationResults"}  # it is at the region, not at the vault
