"""Resource guards: az's bodies, what no longer gets protected is said, and deleting asks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.canned import Run, az

GUARD = {
    "location": "eastus",
    "name": "g1",
    "tags": {"a": "b"},
    "properties": {
        "provisioningState": "Succeeded",
        "allowAutoApprovals": True,
        "vaultCriticalOperationExclusionList": ["Microsoft.DataProtection/backupVaults/backupInstances/delete"],
        "resourceGuardOperations": [
            {"vaultCriticalOperation": "Microsoft.DataProtection/backupVaults/backupInstances/write"},
            {"vaultCriticalOperation": "Microsoft.RecoveryServices/vaults/backupconfig/write"},
        ],
    },
}
VAULTS = [{"properties": {"isVaultProtectedByResourceGuard": guarded}} for guarded in (True, False, True)]
ANSWERS: list[Any] = [
    ["GET", r"/resourceGuards/g1\?", 200, {}, GUARD],
    ["PUT", r"/resourceGuards/g1\?", 200, {}, lambda sent: sent.body],
    ["DELETE", r"/resourceGuards/g1\?", 200, {}, None],
    ["GET", r"/backupVaults\?", 200, {}, {"value": VAULTS}],
    ["GET", r"/resourceGroups/rgg\?", 200, {}, {"location": "eastus"}],
    ["POST", "/unlockDelete", 200, {}, {"unlockDeleteExpiryTime": "2024-01-02T00:00:00Z"}],
]
VAULT = "/subscriptions/s/resourceGroups/rg1/providers/Microsoft.DataProtection/backupVaults/v1"
BACKUP_VAULTS = "--resource-type Microsoft.DataProtection/backupVaults"


def run(words: str, **options: Any) -> Run:
    return az(f"resource-guard {words} -g rgg -n g1", ANSWERS, **options)


def test_create_takes_the_groups_region_or_the_given_one() -> None:
    assert run("create").http[-1].body == {"location": "eastus"}
    assert run("create -l 'West US' --tags a=b --e-tag 1").http[-1].body == {
        "location": "westus",
        "tags": {"a": "b"},
        "eTag": "1",
    }


def test_list_protected_operations_of_one_kind_of_vault() -> None:
    [operation] = run(f"list-protected-operations {BACKUP_VAULTS}").result
    assert operation == {"vaultCriticalOperation": "Microsoft.DataProtection/backupVaults/backupInstances/write"}


def test_what_is_no_longer_protected_is_said() -> None:
    done = run(
        f"update {BACKUP_VAULTS} --tags x=y "
        "--critical-operation-exclusion-list DeleteBackupInstance DataProtectionRestore"
    )
    assert done.http[-1].body == {
        "location": "eastus",
        "tags": {"a": "b", "x": "y"},
        "properties": {
            "vaultCriticalOperationExclusionList": [
                "Microsoft.DataProtection/backupVaults/backupInstances/delete",
                "Microsoft.DataProtection/backupVaults/backupInstances/restore/action",
            ]
        },
    }
    assert done.said == [
        "resource guard g1: it no longer protects "
        "Microsoft.DataProtection/backupVaults/backupInstances/restore/action; "
        "2 vaults of this subscription under a resource guard, this one or another"
    ]


def test_protecting_more_or_tagging_says_nothing() -> None:
    done = run("update --set tags.n=1")
    assert (done.said, done.http[-1].body["tags"]) == ([], {"a": "b", "n": "1"})
    assert done.http[-1].body["properties"] == {
        "vaultCriticalOperationExclusionList": ["Microsoft.DataProtection/backupVaults/backupInstances/delete"]
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--critical-operation-exclusion-list DeleteBackupInstance", "needs --resource-type"),
        (
            f"{BACKUP_VAULTS} --critical-operation-exclusion-list DeleteBackup",
            "'DeleteBackup' is no critical operation",
        ),
        (
            f"{BACKUP_VAULTS} --critical-operation-exclusion-list getSecurityPIN",
            "'getSecurityPIN' is no critical operation",
        ),
    ],
)
def test_exclusions_that_cannot_be(words: str, message: str) -> None:
    refused = run(f"update {words}")
    assert refused.error
    assert message in refused.error.message
    assert refused.http == []


def test_delete_says_and_asks() -> None:
    refused = run("delete", ask=lambda question: "resource guard g1" not in question)
    assert (refused.rc, [one.method for one in refused.http]) == (1, ["GET"])
    assert "2 vaults of this subscription under a resource guard" in refused.said[0]
    assert run("delete --yes").http[-1].method == "DELETE"


def test_unlock_sends_every_request_from_the_guards_tenant() -> None:
    done = az(
        "resource-guard unlock -g rg1 -v v1 --operation-requests /a /b --tenant-id t1 "
        f"--resource-to-be-deleted {VAULT}",
        ANSWERS,
    )
    assert done.result == {"unlockDeleteExpiryTime": "2024-01-02T00:00:00Z"}
    assert done.http[-1].body == {"resourceGuardOperationRequests": ["/a", "/b"], "resourceToBeDeleted": VAULT}
    assert done.http[-1].headers.get("x-ms-authorization-auxiliary")
    assert done.said == [f"vault v1: for a while its resource guard lets {VAULT} be deleted"]
