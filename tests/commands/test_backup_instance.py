"""Backup instances: the whole way in the sandbox; bodies and refusals against canned answers."""

from __future__ import annotations

from typing import Any

import pytest

from dpmagic.commands.instance_body import body_of, container_list, containers, with_containers, without_nulls, writable
from dpmagic.errors import AzureError, InvalidArgument, MissingArgument, NotFound
from dpmagic.handles import Handle
from tests.canned import az
from tests.commands.estate import AT, DISK, NAME, Estate

ON = f"{AT} -n {NAME}"


@pytest.fixture
def estate() -> Estate:
    return Estate()


def state(estate: Estate) -> Any:
    return estate.run(f"backup-instance show {ON}")["properties"]["currentProtectionState"]


def test_from_protection_to_undelete(estate: Estate) -> None:
    created = estate.protect()
    assert (created["name"], created["properties"]["dataSourceInfo"]["resourceID"]) == (NAME, DISK)
    assert state(estate) == "ProtectionConfigured"
    assert [one["name"] for one in estate.run(f"backup-instance list {AT}")] == [NAME]
    job = estate.run(f"backup-instance adhoc-backup {ON} --rule-name BackupHourly --retention-tag-override Default")
    assert "/backupJobs/" in job["jobId"]
    estate.connection.sleep(3600)

    assert estate.run(f"backup-instance suspend-backup {ON}") is None
    assert "go on expiring as the policy says; it has 1 recovery point" in estate.heard.said[0]
    assert estate.run(f"backup-instance resume-protection {ON}") is None
    assert state(estate) == "ProtectionConfigured"
    assert estate.run(f"backup-instance stop-protection {ON}") is None
    assert "kept until someone deletes them; it has 1 recovery point" in estate.heard.said[0]
    assert state(estate) == "ProtectionStopped"

    assert estate.run(f"backup-instance delete {ON} --yes") is None
    assert "1 recovery point; soft delete keeps what is deleted for 14 days" in estate.heard.said[0]
    deleted = "backup-instance deleted-backup-instance"
    [kept] = estate.run(f"{deleted} list {AT}")
    assert estate.run(f"{deleted} show {ON}")["properties"]["deletionInfo"] == kept["properties"]["deletionInfo"]
    assert estate.run(f"{deleted} undelete {ON}") is None
    assert state(estate) == "ProtectionStopped"


def test_create_validates_before_anything_is_made(estate: Estate) -> None:
    """Without roles Azure's own check refuses, and nothing was created."""
    with pytest.raises(AzureError, match="UserErrorDiskAndSnapshotRGOrMSIPermissionsNotPresent"):
        estate.run(f"backup-instance create {AT} --backup-instance $instance", instance=estate.instance())
    assert estate.run(f"backup-instance list {AT}") == []


def test_create_without_waiting_creates(estate: Estate) -> None:
    """az posts the validation and no PUT; here the PUT is sent and the handle follows it."""
    estate.permit()
    line = f"backup-instance create {AT} --backup-instance $instance --no-wait"
    handle = estate.run(line, instance=estate.instance())
    assert isinstance(handle, Handle)
    assert estate.run(f"backup-instance wait {ON} --created") is None
    assert estate.run(f"backup-instance show {ON}")["properties"]["provisioningState"] == "Succeeded"


def test_dry_run_of_create_validates_and_shows_the_put(estate: Estate) -> None:
    line = f"backup-instance create {AT} --backup-instance $instance --dry-run"
    with pytest.raises(AzureError, match="UserErrorDiskAndSnapshotRGOrMSIPermissionsNotPresent"):
        estate.run(line, instance=estate.instance())
    estate.permit()
    [step] = estate.run(line, instance=estate.instance())
    assert (step["method"], f"/backupInstances/{NAME}?" in step["url"]) == ("PUT", True)
    assert estate.run(f"backup-instance list {AT}") == []


def test_a_policy_that_keeps_for_a_shorter_time_is_said(estate: Estate) -> None:
    estate.protect()
    line = f"backup-instance update-policy {AT} --backup-instance-name {NAME} --policy-id "
    changed = estate.run(line + estate.id("backupPolicies", "p2"))
    assert changed["properties"]["policyInfo"]["policyId"] == estate.id("backupPolicies", "p2")
    assert (
        "retention rule Default (OperationalStore) goes from P7D to P2D; it has 0 recovery points"
        in estate.heard.said[0]
    )
    estate.run(line + estate.id("backupPolicies", "p1"))
    assert estate.heard.said == []


def test_a_misspelt_name_is_told(estate: Estate) -> None:
    estate.protect()
    with pytest.raises(NotFound) as missing:
        estate.run(f"backup-instance show {AT} -n {NAME[:-1]}2")
    assert NAME in missing.value.hint
    assert missing.value.exit_code == 3


def test_ids_name_the_instance(estate: Estate) -> None:
    estate.protect()
    assert estate.run(f"backup-instance show --ids {estate.id('backupInstances', NAME)}")["name"] == NAME


def test_delete_asks_and_without_an_answer_nothing_goes(estate: Estate) -> None:
    estate.protect()
    with pytest.raises(Exception, match="Nobody is there to answer"):
        estate.run(f"backup-instance delete {ON}")
    assert state(estate) == "ProtectionConfigured"


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"properties": {"data_source_info": {}}}, MissingArgument, "no backup_instance_name"),
        ({"backup_instance_name": "x"}, InvalidArgument, "it has no properties"),
        ("[{a:b}]", InvalidArgument, "is a list, not an object"),
    ],
)
def test_what_is_no_backup_instance(estate: Estate, given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        estate.run(f"backup-instance create {AT} --backup-instance $given", given=given)


@pytest.mark.parametrize("key", ["resource_id", "resourceId", "resourceID", "resource-id"])
def test_the_body_has_one_spelling_and_no_nulls(key: str) -> None:
    given = {
        "backup-instance-name": "x",
        "properties": {"data_source_info": {key: "/d"}, "nothing": None},
        "tags": {"a_b": "c"},
    }
    assert body_of(given) == {"properties": {"dataSourceInfo": {"resourceID": "/d"}}, "tags": {"a_b": "c"}}


STORED = {
    "id": "/b",
    "name": "b",
    "tags": {"k": "v"},
    "properties": {
        "friendlyName": "sa1",
        "provisioningState": "Succeeded",
        "currentProtectionState": "ProtectionConfigured",
        "protectionStatus": {"status": "ProtectionConfigured"},
        "policyInfo": {"policyId": "/p", "policyVersion": "3"},
    },
}
CONFIGURATION = {"object_type": "BlobBackupDatasourceParameters", "containers_list": ["c1"]}


def test_writable_is_what_may_be_put() -> None:
    assert writable(STORED) == {
        "tags": {"k": "v"},
        "properties": {"friendlyName": "sa1", "policyInfo": {"policyId": "/p"}},
    }


def test_containers_are_set_where_there_were_no_policy_parameters() -> None:
    body = with_containers(writable(STORED), container_list(CONFIGURATION))
    assert containers(body) == ["c1"]
    assert containers(writable(STORED)) == []
    with pytest.raises(InvalidArgument, match="has no containersList"):
        container_list({"containers": ["c1"]})


def test_update_says_which_containers_are_no_longer_backed_up() -> None:
    stored = with_containers(STORED, {"containersList": ["c1", "c2"]})
    answers = [["GET", "", 200, {}, stored], ["PUT", "", 200, {}, lambda sent: sent.body]]
    run = az(
        "backup-instance update -g rg1 -v v1 --backup-instance-name b "
        "--vaulted-blob-container-list '{containers_list:[c2,c3]}'",
        answers,
    )
    assert run.said == ["backup instance b: no longer backed up to the vault: c1"]
    assert containers(run.http[-1].body) == ["c2", "c3"]


def test_guarded_operations_carry_all_requests_and_the_tenant() -> None:
    answers = [
        ["GET", "recoveryPoints", 403, {}, {"error": {"code": "AuthorizationFailed", "message": "no"}}],
        ["POST", "(stopProtection|suspendBackups)", 200, {}, None],
    ]
    for command in ("stop-protection", "suspend-backup"):
        run = az(f"backup-instance {command} -g rg1 -v v1 -n b --operation-requests /a /b --tenant-id t1", answers)
        assert (run.rc, run.result) == (0, None)
        assert run.http[-1].body == {"resourceGuardOperationRequests": ["/a", "/b"]}
        assert run.http[-1].headers.get("x-ms-authorization-auxiliary")
        assert "recovery points: could not count: AuthorizationFailed" in run.said[0]


def test_update_policy_wants_an_id() -> None:
    run = az("backup-instance update-policy -g rg1 -v v1 --backup-instance-name b --policy-id p2", [])
    assert run.error
    assert "'p2' is not a resource id" in run.error.message


def test_nulls_go_at_every_depth() -> None:
    assert without_nulls({"a": [{"b": None, "c": [None, 0, ""]}], "d": False}) == {
        "a": [{"c": [None, 0, ""]}],
        "d": False,
    }
