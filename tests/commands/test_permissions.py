"""Roles for backup and restore: in the sandbox, and for the types it does not have against canned answers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.commands.role_assignments import widened
from dpmagic.errors import AzureError, InvalidArgument
from tests.canned import SUB, Run, az
from tests.commands.estate import AT, DISK, SNAPSHOTS, Estate

VAULT_MSI, CLUSTER_MSI = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
SERVER = f"/subscriptions/{SUB}/resourceGroups/pgrg/providers/Microsoft.DBforPostgreSQL/servers/pg1"
KEY_VAULT = f"/subscriptions/{SUB}/resourceGroups/kvrg/providers/Microsoft.KeyVault/vaults/kv"
CLUSTER = f"/subscriptions/{SUB}/resourceGroups/aksrg/providers/Microsoft.ContainerService/managedClusters/aks1"
GROUP = f"/subscriptions/{SUB}/resourceGroups/snaprg"
ROLE = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/"


def test_a_disk_gets_its_roles_once() -> None:
    estate = Estate()
    made = estate.permit()
    assert [sorted(one) for one in made] == [["Name", "Properties", "ResourceType"]] * 2
    assert [one["Properties"]["scope"].lower() for one in made] == [DISK.lower(), SNAPSHOTS.lower()]
    assert {one["Properties"]["principalType"] for one in made} == {"ServicePrincipal"}
    assert estate.permit() == []
    assert [line.rpartition(": ")[2] for line in estate.heard.said] == ["already there"] * 2


def test_a_role_held_above_is_enough() -> None:
    estate = Estate()
    assert len(estate.permit("--yes --permissions-scope Subscription")) == 2
    assert estate.permit("--yes --permissions-scope Resource") == []


def test_dry_run_shows_the_assignments_and_what_would_wait_for_them() -> None:
    estate = Estate()
    steps = estate.permit("--dry-run --permissions-scope Resource")
    assert [(step["method"], step["later"]) for step in steps] == [("PUT", False)] * 2 + [("GET", True)] * 2
    assert estate.heard.said == []
    assert len(estate.permit()) == 2


def test_without_an_answer_nothing_is_assigned() -> None:
    estate = Estate()
    with pytest.raises(Exception, match="Disk Backup Reader on DataSource, Disk Snapshot Contributor on SnapshotRG"):
        estate.permit("--permissions-scope Resource")
    assert len(estate.permit()) == 2


def test_another_region_is_refused_before_anything_is_assigned() -> None:
    estate = Estate()
    instance: Any = estate.instance()
    instance["properties"]["data_source_info"]["resource_location"] = "West US"
    assert len(estate.run(_PERMIT, instance=instance)) == 2
    instance["properties"]["data_source_info"]["resource_location"] = "eastus"
    with pytest.raises(InvalidArgument, match="the datasource is in eastus, vault v1 in westus"):
        estate.run(_PERMIT, instance=instance)


_PERMIT = (
    f"backup-instance update-msi-permissions {AT} --datasource-type AzureDisk --operation Backup "
    "--permissions-scope Resource --backup-instance $instance --yes"
)


def world(*first: Any, **documents: Any) -> list[Any]:
    """Answers of a vault in eastus, a cluster, a key vault, a server and roles; those of ``first`` are tried first."""
    found = {
        "identity": {"principalId": VAULT_MSI, "tenantId": "t"},
        "cluster": {"principalId": CLUSTER_MSI},
        "key_vault": {"vaultUri": "https://kv.vault.azure.net/", "enableRbacAuthorization": True},
        "server": {"publicNetworkAccess": "Enabled"},
        "rules": [],
        **documents,
    }
    key_vault = {"id": KEY_VAULT, "name": "kv", "type": "Microsoft.KeyVault/vaults", "properties": found["key_vault"]}
    made = {"name": "n", "type": "Microsoft.Authorization/roleAssignments"}
    rule = {"properties": {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"}}
    return [
        *first,
        ["GET", r"/backupVaults/v1\?", 200, {}, {"location": "eastus", "identity": found["identity"]}],
        ["GET", r"/roleAssignments\?", 200, {}, {"value": []}],
        ["GET", "/roleDefinitions", 200, {}, lambda sent: {"value": [{"id": ROLE + sent.query["$filter"]}]}],
        ["PUT", "/roleAssignments/", 201, {}, lambda sent: {**sent.body, **made}],
        ["GET", "/roleAssignments/", 200, {}, made],
        ["GET", r"/managedClusters/aks1\?", 200, {}, {"identity": found["cluster"]}],
        ["GET", r"/vaults/kv\?", 200, {}, key_vault],
        ["GET", r"/vaults/kv/secrets/s\?", 200, {}, {"name": "s"}],
        ["PUT", "/accessPolicies/add", 200, {}, lambda sent: sent.body],
        ["PATCH", "/vaults/kv", 200, {}, lambda sent: sent.body],
        ["GET", r"/servers/pg1\?", 200, {}, {"properties": found["server"]}],
        ["GET", "/firewallRules", 200, {}, {"value": found["rules"]}],
        ["PUT", "/firewallRules/AllowAllWindowsAzureIps", 200, {}, rule],
    ]


def error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": "no"}}


AKS = {
    "recovery_point_id": "r",
    "restore_target_info": {
        "datasource_info": {
            "datasource_type": "Microsoft.ContainerService/managedClusters",
            "resource_id": CLUSTER,
            "resource_location": "eastus",
        }
    },
}
DATABASE = {
    "backup_instance_name": "b",
    "properties": {
        "data_source_info": {
            "datasource_type": "Microsoft.DBforPostgreSQL/servers/databases",
            "resource_id": f"{SERVER}/databases/db1",
            "resource_location": "East US",
        },
        "datasource_auth_credentials": {
            "secret_store_resource": {"uri": "https://kv.vault.azure.net/secrets/s/1", "value": None}
        },
    },
}


def grant(type_: str, document: Any, answers: list[Any], words: str = "") -> Run:
    operation = (
        "--operation Restore --restore-request-object"
        if "restore_target_info" in document
        else ("--operation Backup --backup-instance")
    )
    return az(
        f"backup-instance update-msi-permissions -g rg1 -v v1 -y --datasource-type {type_} "
        f"--permissions-scope Resource {operation} '{json.dumps(document)}' {words}",
        answers,
    )


def cluster(*first: Any, words: str = f"--snapshot-rg-id {GROUP}", **documents: Any) -> Run:
    return grant("AzureKubernetesService", AKS, world(*first, **documents), words)


def database(*first: Any, **documents: Any) -> Run:
    words = f"--keyvault-id {KEY_VAULT}"
    return grant("AzureDatabaseForPostgreSQL", DATABASE, world(*first, **documents), words)


def changes(run: Run) -> list[tuple[str, Any]]:
    """Where something was changed, and the properties sent."""
    return [
        (re.sub("/[0-9a-f-]{36}$", "", one.path), one.body["properties"]) for one in run.http if one.method != "GET"
    ]


def assigned(run: Run) -> list[tuple[str, str, str]]:
    """Who got which role where."""
    return [
        (
            sent["principalId"],
            re.findall("'(.*)'", sent["roleDefinitionId"])[0],
            path.partition("/providers/Microsoft.Auth")[0],
        )
        for path, sent in changes(run)
        if path.endswith("roleAssignments")
    ]


def test_restore_of_a_cluster_finishes() -> None:
    run = cluster()
    assert run.rc == 0
    assert assigned(run) == [
        (VAULT_MSI, "Reader", CLUSTER),
        (VAULT_MSI, "Reader", GROUP),
        (CLUSTER_MSI, "Contributor", GROUP),
    ]
    assert len(run.result) == 3


def test_a_cluster_with_identities_assigned_to_it() -> None:
    run = cluster(
        cluster={"type": "UserAssigned", "userAssignedIdentities": {"/a": {"principalId": "first"}, "/b": {}}}
    )
    assert assigned(run)[-1][0] == "first"


def test_without_the_snapshot_group_its_roles_are_left_out_and_told() -> None:
    run = cluster(words="")
    assert assigned(run) == [(VAULT_MSI, "Reader", CLUSTER)]
    assert [line for line in run.said if "is left out: give --snapshot-resource-group-id" in line] == run.said[:2]


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ({"identity": {"type": "None"}}, "vault v1 has no system-assigned identity"),
        ({"cluster": {"type": "None"}}, "aks1 has no managed identity"),
    ],
)
def test_a_missing_identity_shows_before_anything_is_assigned(documents: Any, message: str) -> None:
    run = cluster(**documents)
    assert run.error
    assert message in run.error.message
    assert changes(run) == []


def test_an_error_midway_says_what_was_assigned() -> None:
    run = cluster(["PUT", "/resourceGroups/snaprg/.*/roleAssignments/", 403, {}, error("AuthorizationFailed")])
    assert isinstance(run.error, AzureError)
    assert (run.rc, run.error.code) == (1, "AuthorizationFailed")
    assert f"done before this: Reader at {CLUSTER}; run it again to go on." in run.error.hint


def test_an_error_of_the_first_says_nothing_was() -> None:
    run = cluster(["PUT", "/roleAssignments/", 403, {}, error("AuthorizationFailed")])
    assert run.error
    assert "done before this" not in run.error.hint


def test_an_assignment_that_exists_is_success() -> None:
    run = cluster(["PUT", "/roleAssignments/", 409, {}, error("RoleAssignmentExists")])
    assert (run.rc, run.result) == (0, [])
    run = cluster(["PUT", "/roleAssignments/", 409, {}, error("RoleAssignmentLimitExceeded")])
    assert run.rc == 1


def test_waits_until_the_assignment_is_seen() -> None:
    run = cluster(["GET", "/roleAssignments/[^?]", 404, {}, error("RoleAssignmentNotFound"), 3])
    assert run.rc == 0
    looks = [one.path for one in run.http if one.method == "GET" and re.search("/roleAssignments/.", one.path)]
    assert len(looks) == 3 + 3
    run = cluster(["GET", "/roleAssignments/[^?]", 404, {}, error("RoleAssignmentNotFound")])
    assert (run.rc, len(run.result)) == (0, 3)
    assert [line for line in run.said if "Azure does not show it yet" in line] == run.said[:3]


def test_the_name_of_an_assignment_follows_from_what_it_assigns() -> None:
    names = [[one.path for one in cluster().http if one.method == "PUT"] for _ in range(2)]
    assert names[0] == names[1]
    assert len(set(names[0])) == 3


def test_a_role_that_is_not_there() -> None:
    run = cluster(["GET", "/roleDefinitions", 200, {}, {"value": []}])
    assert run.error
    assert "no role is named 'Reader'" in run.error.message


def test_single_server_with_roles_in_the_key_vault() -> None:
    run = database()
    assert run.rc == 0
    assert assigned(run) == [(VAULT_MSI, "Reader", SERVER), (VAULT_MSI, "Key Vault Secrets User", KEY_VAULT)]
    assert changes(run)[2:] == [
        (f"{SERVER}/firewallRules/AllowAllWindowsAzureIps", {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"})
    ]
    assert run.result[-1] == {
        "Name": "AllowAllWindowsAzureIps",
        "Properties": {
            "description": "AllowAllWindowsAzureIps",
            "endIpAddress": "0.0.0.0",
            "startIpAddress": "0.0.0.0",
        },
        "ResourceType": "Microsoft.DBforPostgreSQL/servers/firewallRules",
    }
    assert "server pg1: its firewall will let through every address of Azure (0.0.0.0)" in run.said


def test_single_server_with_access_policies_and_a_closed_key_vault() -> None:
    run = database(
        key_vault={
            "vaultUri": "https://kv.vault.azure.net/",
            "accessPolicies": [{"objectId": VAULT_MSI, "permissions": {"secrets": ["get"]}}],
            "networkAcls": {"bypass": "None", "defaultAction": "Deny"},
        },
        rules=[{"properties": {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"}}],
    )
    policy = {"tenantId": "t", "objectId": VAULT_MSI, "permissions": {"secrets": ["Get", "List"]}}
    assert changes(run)[1:] == [
        (f"{KEY_VAULT}/accessPolicies/add", {"accessPolicies": [policy]}),
        (KEY_VAULT, {"networkAcls": {"bypass": "AzureServices", "defaultAction": "Deny"}}),
    ]
    assert [one["Name"] for one in run.result] == ["n", "kv", "kv"]


def test_an_access_policy_that_allows_all_is_enough() -> None:
    policies = [{"objectId": VAULT_MSI.upper(), "permissions": {"secrets": ["all"]}}]
    run = database(key_vault={"vaultUri": "https://kv.vault.azure.net/", "accessPolicies": policies})
    assert "access policy of key vault kv: already there" in run.said
    assert len(changes(run)) == 2


@pytest.mark.parametrize(
    ("first", "documents", "message"),
    [
        ([], {"key_vault": {"vaultUri": "https://other.vault.azure.net/"}}, "is not in key vault kv"),
        (["GET", "/secrets/s", 404, {}, error("SecretNotFound")], {}, "there is no secret 's' in key vault kv"),
        ([], {"server": {"publicNetworkAccess": "Disabled"}}, "server pg1 takes no public connections"),
    ],
)
def test_what_cannot_work_for_a_database_shows_first(first: Any, documents: Any, message: str) -> None:
    run = database(*([first] if first else []), **documents)
    assert run.error
    assert message in run.error.message
    assert changes(run) == []


def test_a_secret_that_may_not_be_read_is_told() -> None:
    run = database(["GET", "/secrets/s", 403, {}, error("Forbidden")])
    assert run.rc == 0
    assert run.said[0] == "whether secret s is there could not be read: Forbidden"


FILES = {
    "restore_target_info": {
        "target_details": {"target_resource_arm_id": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/sa"}
    }
}


def test_restore_as_files_takes_the_storage_account_of_the_request() -> None:
    run = grant("AzureDatabaseForMySQL", FILES, world())
    assert assigned(run) == [
        (VAULT_MSI, "Storage Blob Data Contributor", f"{GROUP}/providers/Microsoft.Storage/storageAccounts/sa")
    ]


@pytest.mark.parametrize(
    ("type_", "document", "message"),
    [
        ("AzureDatabaseForMySQL", {"restore_target_info": {}}, "needs --target-storage-account-id"),
        ("AzureDisk", {"restore_target_info": {}}, "no roles are known for a restore of AzureDisk"),
        (
            "AzureDisk",
            DATABASE,
            "the JSON is of Microsoft.DBforPostgreSQL/servers/databases, --datasource-type is AzureDisk",
        ),
        ("AzureDatabaseForPostgreSQL", DATABASE, "needs --keyvault-id"),
        ("AzureDisk", {"properties": {"data_source_info": {}}}, "the JSON is of no datasource type"),
    ],
)
def test_arguments_that_do_not_go_together(type_: str, document: Any, message: str) -> None:
    run = grant(type_, document, world())
    assert run.error
    assert message in run.error.message
    assert changes(run) == []


@pytest.mark.parametrize(
    ("operation", "needed"), [("Backup", "--backup-instance"), ("Restore", "--restore-request-object")]
)
def test_the_json_of_the_operation_is_needed(operation: str, needed: str) -> None:
    run = az(
        "backup-instance update-msi-permissions -g rg1 -v v1 -y --datasource-type AzureKubernetesService "
        f"--permissions-scope Resource --operation {operation}",
        [],
    )
    assert run.error
    assert f"needs {needed}" in run.error.message


@given(st.lists(st.from_regex(r"[a-zA-Z0-9_.()-]{1,12}", fullmatch=True), min_size=5, max_size=7))
def test_scopes_hold_one_another(names: list[str]) -> None:
    sub, group, namespace, type_, name, *below = names
    text = "/".join([f"/subscriptions/{sub}/resourceGroups/{group}/providers/{namespace}/{type_}/{name}", *below])
    scopes = [widened(text, scope) for scope in ("Resource", "ResourceGroup", "Subscription")]
    assert scopes[0].endswith(f"/{type_}/{name}")
    assert scopes[1] == f"/subscriptions/{sub}/resourceGroups/{group}"
    assert scopes[2] == f"/subscriptions/{sub}"
    assert all(text.startswith(scope) for scope in scopes)
