"""What the sandbox refuses, and with which of Azure's words."""

from __future__ import annotations

from typing import Any

import pytest

from dpmagic.sandbox import MODELLED, Sandbox, faults

from .client import (
    BACKUP,
    DISK,
    RESTORED,
    SNAPSHOTS,
    VAULT,
    VAULT_GROUP,
    WORKLOADS,
    Client,
    allow,
    back_up,
    instance_properties,
    make_vault,
    policy_body,
    protect,
    restore_body,
    soft_delete,
    vault_body,
)


def code(answer: Any) -> str:
    """The code of a refusal, the outcome of an operation, or "" if it went well."""
    body = answer if isinstance(answer, dict) else answer.body
    return ((body or {}).get("error") or {}).get("code", "")


@pytest.mark.parametrize("name", ["bad%20name!", "a_b", "a.b", "b%C3%BC", "x" * 51])
def test_what_nothing_may_be_called(client: Client, name: str) -> None:
    refused = client.send("PUT", VAULT.replace("TestBkpVault", name), vault_body())
    assert (refused.status, code(refused)) == (400, "BMSUserErrorInvalidInput")
    make_vault(client)
    policy = client.send("PUT", f"{VAULT}/backupPolicies/{name * 3}", policy_body())
    assert (policy.status, code(policy)) == (400, "BMSUserErrorInvalidInput")


def validated(client: Client, vault: str = VAULT, **changes: Any) -> str:
    """The code with which validateForBackup ends."""
    answer = client.send(
        "POST", f"{vault}/validateForBackup", {"backupInstance": instance_properties(vault=vault) | changes}
    )
    return code(answer) or code(client.wait(answer))


def test_no_token() -> None:
    reply = Sandbox().handle("GET", f"{VAULT}?api-version=2024-04-01", {}, None)
    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith('Bearer authorization_uri="https://login.windows.net/')
    assert b'"code":"AuthenticationFailed"' in reply.body


@pytest.mark.parametrize(
    ("method", "url", "status", "expected"),
    [
        ("GET", "/subscriptions/nobody/resourceGroups", 404, "SubscriptionNotFound"),
        ("GET", f"/subscriptions/{BACKUP}/resourceGroups/none", 404, "ResourceGroupNotFound"),
        ("GET", VAULT, 404, "ResourceNotFound"),
        ("GET", f"{VAULT}/backupPolicies", 404, "ResourceNotFound"),
        ("GET", f"{VAULT_GROUP}/providers/Microsoft.DataProtection/resourceGuards/none", 404, "ResourceNotFound"),
        ("GET", f"{VAULT_GROUP}/providers/Microsoft.DataProtection/deletedVaults", 404, "InvalidResourceType"),
        ("GET", f"{VAULT}/backupResourceGuardProxies/DppResourceGuardProxy", 404, "ResourceNotFound"),
        ("GET", f"{VAULT}/somethingElse/x", 404, "InvalidResourceType"),
        ("POST", "/subscriptions/x/providers/Microsoft.DataProtection/locations/l/y", 404, "InvalidResourceType"),
        ("GET", "/nowhere", 404, "NotFound"),
        ("PATCH", DISK, 405, "MethodNotAllowed"),
        ("GET", f"{DISK}-none", 404, "ResourceNotFound"),
    ],
)
def test_what_is_not_there(client: Client, method: str, url: str, status: int, expected: str) -> None:
    answer = client.send(method, url)
    assert (answer.status, code(answer)) == (status, expected)


def test_no_api_version(client: Client) -> None:
    reply = client.sandbox.handle("GET", "/subscriptions", {"authorization": "Bearer t"}, None)
    assert reply.status == 400 and b"MissingApiVersionParameter" in reply.body


def test_a_body_that_is_not_json(client: Client) -> None:
    reply = client.sandbox.handle("PUT", f"{VAULT}?api-version=1", {"authorization": "Bearer t"}, b"{no")
    assert reply.status == 400 and b"InvalidRequestContent" in reply.body


def test_each_missing_permission_has_its_code(client: Client) -> None:
    principal = make_vault(client)
    assert validated(client) == "UserErrorDiskAndSnapshotRGOrMSIPermissionsNotPresent"
    client.grant("Disk Backup Reader", DISK, principal)
    assert validated(client) == "UserErrorDiskBackupSnapshotRGOrMSIPermissionsNotPresent"
    client.grant("Disk Snapshot Contributor", SNAPSHOTS, principal)
    assert validated(client) == ""


def test_only_the_disk_is_out_of_reach(client: Client) -> None:
    client.grant("Disk Snapshot Contributor", SNAPSHOTS, make_vault(client))
    assert validated(client) == "UserErrorDiskBackupDiskOrMSIPermissionsNotPresent"


def test_roles_are_inherited(client: Client) -> None:
    principal = make_vault(client)
    subscription = f"/subscriptions/{WORKLOADS}"
    for role in ("Disk Backup Reader", "Disk Snapshot Contributor"):
        assert client.grant(role, subscription, principal).status in (201, 400)
    client.grant("Disk Snapshot Contributor", SNAPSHOTS, principal)
    assert validated(client) == ""


def test_roles_of_others_do_not_count(client: Client) -> None:
    make_vault(client)
    allow(client, "33333333-3333-4333-8333-333333333333")
    assert validated(client) == "UserErrorDiskAndSnapshotRGOrMSIPermissionsNotPresent"


def test_a_vault_without_an_identity(client: Client) -> None:
    client.done("PUT", VAULT, {**vault_body(), "identity": {"type": "None"}})
    client.send("PUT", f"{VAULT}/backupPolicies/mypolicy", policy_body())
    assert "identity" not in client.get(VAULT)
    assert validated(client) == "UserErrorDiskAndSnapshotRGOrMSIPermissionsNotPresent"


def test_places(client: Client) -> None:
    """A disk, a snapshot group, a region that are not what they must be."""
    principal = make_vault(client)
    client.grant("Disk Backup Reader", DISK.rpartition("/providers")[0], principal)
    client.grant("Disk Snapshot Contributor", SNAPSHOTS, principal)
    gone = instance_properties(DISK + "-gone")["dataSourceInfo"]
    assert validated(client, dataSourceInfo=gone) == "UserErrorManagedDiskNotFound"
    client.grant("Disk Snapshot Contributor", VAULT_GROUP, principal)
    elsewhere = instance_properties(snapshots=VAULT_GROUP)["policyInfo"]
    assert validated(client, policyInfo=elsewhere) == "UserErrorSnapshotRGSubscriptionMismatch"
    nowhere = instance_properties(snapshots="snapshotrg")["policyInfo"]
    assert validated(client, policyInfo=nowhere) == "UserErrorInvalidOperationalStoreResourceGroup"
    nothing = {"policyId": f"{VAULT}/backupPolicies/mypolicy"}
    assert validated(client, policyInfo=nothing) == "UserErrorOperationalStoreParametersNotProvided"
    other = {**nothing, "policyId": f"{VAULT}/backupPolicies/other"}
    assert validated(client, policyInfo=other) == "UserErrorPolicyNotFound"
    far = VAULT + "East"
    client.grant("Disk Backup Reader", DISK, make_vault(client, far, "eastus"))
    client.grant("Disk Snapshot Contributor", SNAPSHOTS, client.get(far)["identity"]["principalId"])
    assert validated(client, far) == "UserErrorVaultAndDatasourceRegionMismatch"


def test_a_disk_has_one_instance(protected: tuple[Client, str]) -> None:
    client, instance = protected
    again = client.send("POST", f"{VAULT}/validateForBackup", {"backupInstance": instance_properties()})
    assert (again.status, code(again)) == (400, "UserErrorDatasourceAlreadyPresentInTheSameVault")
    other = VAULT + "2"
    allow(client, make_vault(client, other))
    assert validated(client, other) == "UserErrorDppDatasourceAlreadyHasBackupInstance"
    client.done("POST", f"{instance}/stopProtection")
    assert validated(client, other) == ""


def test_protection_without_permissions_ends_in_an_error(client: Client) -> None:
    make_vault(client)
    instance = f"{VAULT}/backupInstances/bi"
    client.done("PUT", instance, {"properties": instance_properties()})
    client.sandbox.sleep(120)
    properties = client.get(instance)["properties"]
    assert properties["currentProtectionState"] == properties["protectionStatus"]["status"] == "ProtectionError"
    expected = "UserErrorDiskAndSnapshotRGOrMSIPermissionsNotPresent"
    assert properties["protectionErrorDetails"]["code"] == expected
    backup = client.send("POST", f"{instance}/backup", {"backupRuleOptions": {"ruleName": "BackupHourly"}})
    assert (backup.status, code(backup)) == (400, "UserErrorInvalidProtectionState")
    assert "ProtectionError" in backup.body["error"]["message"]


def test_a_backup_of_a_disk_that_went(protected: tuple[Client, str]) -> None:
    client, instance = protected
    assert client.send("DELETE", DISK).status == 202
    client.sandbox.sleep(5)
    job = client.get(back_up(client, instance))["properties"]
    assert job["status"] == "Failed"
    assert [error["code"] for error in job["errorDetails"]] == ["UserErrorManagedDiskNotFound"]
    assert client.get(f"{instance}/recoveryPoints") == {"value": []}


def test_one_backup_at_a_time(protected: tuple[Client, str]) -> None:
    client, instance = protected
    body = {"backupRuleOptions": {"ruleName": "BackupHourly", "triggerOption": {}}}
    client.done("POST", f"{instance}/backup", body)
    second = client.wait(client.send("POST", f"{instance}/backup", body))
    assert code(second) == "UserErrorMaxConcurrentOperationLimitReached"
    client.sandbox.sleep(300)
    client.done("POST", f"{instance}/backup", body)


def test_rules_and_tags_of_a_backup(protected: tuple[Client, str]) -> None:
    client, instance = protected
    for options in ({"ruleName": "None"}, {}, {"ruleName": "Default", "triggerOption": {"retentionTagOverride": "No"}}):
        answer = client.send("POST", f"{instance}/backup", {"backupRuleOptions": options})
        assert (answer.status, code(answer)) == (400, "BMSUserErrorInvalidInput")
    job = client.get(back_up(client, instance))
    assert job["properties"]["extendedInfo"]["additionalDetails"] == {"RetentionTag": "default"}
    job = client.get(back_up(client, instance, retentionTagOverride="Default"))
    assert job["properties"]["extendedInfo"]["additionalDetails"] == {"RetentionTag": "Default"}


def test_restores_that_cannot_be(protected: tuple[Client, str]) -> None:
    client, instance = protected
    back_up(client, instance)
    point = client.get(f"{instance}/recoveryPoints")["value"][0]["name"]
    target = f"{RESTORED}/providers/Microsoft.Compute/disks/copy"

    def tried(order: dict[str, Any]) -> str:
        answer = client.send("POST", f"{instance}/validateRestore", {"restoreRequestObject": order})
        return code(answer) or code(client.wait(answer))

    principal = client.get(VAULT)["identity"]["principalId"]
    assert tried(restore_body(point, target)) == "UserErrorDiskBackupRestoreRGOrMSIPermissionsNotPresent"
    job = client.done("POST", f"{instance}/restore", restore_body(point, target))["properties"]["jobId"]
    client.sandbox.sleep(500)
    failed = client.get(job)["properties"]
    assert failed["status"] == "Failed"
    assert failed["errorDetails"][0]["code"] == "UserErrorDiskBackupRestoreRGOrMSIPermissionsNotPresent"
    client.grant("Disk Restore Operator", RESTORED, principal)
    client.grant("Disk Restore Operator", f"/subscriptions/{WORKLOADS}/resourceGroups/diskrg", principal)
    assert tried(restore_body(point, target)) == ""
    assert tried(restore_body(point, DISK)) == "UserErrorSameNameDiskAlreadyExists"
    assert tried(restore_body("0" * 32, target)) == "UserErrorRecoveryPointNotFound"
    other = restore_body(point, target) | {"objectType": "AzureBackupRecoveryTimeBasedRestoreRequest"}
    assert tried(other) == "UserErrorRestoreRequestNotSupported"
    (snapshot,) = client.get(f"{SNAPSHOTS}/providers/Microsoft.Compute/snapshots")["value"]
    client.send("DELETE", snapshot["id"])
    client.sandbox.sleep(5)
    assert tried(restore_body(point, target)) == "UserErrorDiskSnapshotNotFound"


def test_deleting_what_is_in_use(protected: tuple[Client, str]) -> None:
    client, instance = protected
    policy = f"{VAULT}/backupPolicies/mypolicy"
    assert code(client.send("DELETE", policy)) == "UserErrorDppPolicyObjectInUse"
    assert code(client.send("DELETE", VAULT)) == "UserErrorBackupVaultNotEmpty"
    back_up(client, instance)
    snapshots = f"{SNAPSHOTS}/providers/Microsoft.Compute/snapshots"
    assert len(client.get(snapshots)["value"]) == 1
    client.done("DELETE", instance)
    assert client.get(snapshots) == {"value": []}
    assert code(client.send("DELETE", VAULT)) == "UserErrorBackupVaultNotEmpty"
    assert client.send("DELETE", policy).status == 200
    assert client.send("DELETE", policy).status == 204
    client.done("DELETE", VAULT)
    assert client.send("GET", VAULT).status == 404
    assert client.send("DELETE", VAULT).status == 204


def test_soft_deleted_data_outlives_its_instance_by_fourteen_days(client: Client) -> None:
    allow(client, make_vault(client, **soft_delete("On")))
    instance = protect(client)
    back_up(client, instance)
    client.done("DELETE", instance)
    assert client.send("GET", instance).status == 404
    (deleted,) = client.get(f"{VAULT}/deletedBackupInstances")["value"]
    assert deleted["properties"]["currentProtectionState"] == "SoftDeleted"
    assert code(client.send("DELETE", VAULT)) == "UserErrorBackupVaultNotEmpty"
    assert client.send("POST", f"{deleted['id']}/undelete").status == 200
    assert client.get(instance)["properties"]["currentProtectionState"] == "ProtectionStopped"
    client.done("DELETE", instance)
    client.sandbox.sleep(15 * 86_400)
    assert client.get(f"{VAULT}/deletedBackupInstances") == {"value": []}
    assert client.get(f"{SNAPSHOTS}/providers/Microsoft.Compute/snapshots") == {"value": []}


def test_stopping_and_resuming_twice(protected: tuple[Client, str]) -> None:
    client, instance = protected
    assert client.send("POST", f"{instance}/resumeProtection").status == 200
    client.done("POST", f"{instance}/suspendBackups")
    assert client.get(instance)["properties"]["currentProtectionState"] == "BackupsSuspended"
    assert client.send("POST", f"{instance}/suspendBackups").status == 200
    client.done("POST", f"{instance}/stopProtection")
    assert client.send("POST", f"{instance}/stopProtection").status == 200
    assert code(client.send("POST", f"{instance}/suspendBackups")) == "UserErrorInvalidProtectionState"
    client.done("POST", f"{instance}/resumeProtection")
    assert client.get(instance)["properties"]["currentProtectionState"] == "ProtectionConfigured"


def test_another_policy(protected: tuple[Client, str]) -> None:
    """The answer to the PUT shows the old policy, as recorded; the new one comes with the end of the operation."""
    client, instance = protected
    assert client.send("PUT", f"{VAULT}/backupPolicies/other", policy_body()).status == 200
    properties = instance_properties()
    properties["policyInfo"]["policyId"] = f"{VAULT}/backupPolicies/other"
    answer = client.send("PUT", instance, {"properties": properties})
    assert answer.status == 201
    assert answer.body["properties"]["currentProtectionState"] == "UpdatingProtection"
    assert answer.body["properties"]["policyInfo"]["policyId"].endswith("/mypolicy")
    client.wait(answer)
    after = client.get(instance)["properties"]
    assert after["policyInfo"]["policyId"].endswith("/other")
    assert after["currentProtectionState"] == "ProtectionConfigured"


BAD_POLICIES = {
    "datasourceTypes": {"datasourceTypes": []},
    "list of rules": {"policyRules": None},
    "named Default": {"policyRules": policy_body()["properties"]["policyRules"][:1]},
    "exactly one backup rule": {"policyRules": policy_body()["properties"]["policyRules"][1:]},
    "objectType": {"policyRules": [{"name": "x", "objectType": "Other"}]},
}


@pytest.mark.parametrize("reason", BAD_POLICIES)
def test_bad_policies(client: Client, reason: str) -> None:
    make_vault(client)
    answer = client.send("PUT", f"{VAULT}/backupPolicies/bad", policy_body(**BAD_POLICIES[reason]))
    assert (answer.status, code(answer)) == (400, "BMSUserErrorInvalidInput")
    assert reason in answer.body["error"]["message"]


@pytest.mark.parametrize(
    ("interval", "duration"),
    [("2020-04-05T13:00:00Z/PT4H", "P7D"), ("R/2020-04-05T13:00:00Z/4h", "P7D"), ("R/2020-04-05T13:00:00Z/PT4H", "7d")],
)
def test_bad_times_of_policies(client: Client, interval: str, duration: str) -> None:
    make_vault(client)
    body = policy_body()
    backup, keep = body["properties"]["policyRules"]
    backup["trigger"]["schedule"]["repeatingTimeIntervals"] = [interval]
    keep["lifecycles"][0]["deleteAfter"]["duration"] = duration
    assert code(client.send("PUT", f"{VAULT}/backupPolicies/bad", body)) == "BMSUserErrorInvalidInput"


def test_regions_do_not_change(client: Client) -> None:
    make_vault(client)
    assert code(client.send("PUT", VAULT, vault_body("eastus"))) == "InvalidResourceLocation"
    assert code(client.send("PUT", VAULT_GROUP, {"location": "eastus"})) == "InvalidResourceGroupLocation"
    assert client.send("PUT", VAULT_GROUP, {"location": "West US", "tags": {"a": "b"}}).status == 200


def test_ids_have_no_case_and_keep_theirs(client: Client) -> None:
    make_vault(client)
    shouted = client.send("GET", VAULT.upper())
    assert shouted.status == 200
    assert shouted.body["id"] == VAULT


def test_every_refusal_says_where_it_comes_from() -> None:
    for name, entry in faults.catalogue().items():
        assert entry["source"] in ("recorded", "documented", "modelled"), name
        assert entry["message"] and entry["recommendedAction"], name
    assert all(MODELLED.values())
