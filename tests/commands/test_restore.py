"""Restores and their validation: the request that is sent, here and in the paired region."""

from __future__ import annotations

import json
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from dpmagic.arm.requests import Request, send
from dpmagic.commands import restore
from dpmagic.commands.model import Command
from dpmagic.errors import InvalidArgument
from tests.canned import NO_REFERENCE, REFERENCE, SUB, Canned, Run, az
from tests.commands.estate import AT, DISK, NAME, SNAPSHOTS, WORKLOADS, Estate
from tests.commands.surface import check_examples, option_differences

GROUP = f"/subscriptions/{SUB}/resourceGroups/rg1/providers/Microsoft.DataProtection"
INSTANCE = f"{GROUP}/backupVaults/v1/backupInstances/b1"
KNOWN = {"protectedPrimaryRegion": "eastus", "protectedSecondaryRegion": "westus"}
ROW = {"id": INSTANCE, "properties": {"backupInstanceExtendedProperties": KNOWN}}
GUARD = {
    "properties": {
        "resourceGuardOperationDetails": [
            {
                "vaultCriticalOperation": "Microsoft.DataProtection/backupVaults/backupInstances/restore/action",
                "defaultResourceRequest": "/guard/restore",
            }
        ]
    }
}
ANSWERS: list[Canned] = [
    ["POST", "ResourceGraph", 200, {}, {"totalRecords": 1, "count": 1, "data": [ROW]}],
    ["GET", "backupResourceGuardProxies", 200, {}, GUARD],
    ["POST", "estore", 202, {"Location": "{endpoint}/operationResults/1", "Retry-After": "30"}, None],
    ["GET", "operationResults", 200, {}, {"jobId": "/jobs/1", "objectType": "OperationJobExtendedInfo"}],
]
REQUEST = {
    "object_type": "AzureBackupRecoveryPointBasedRestoreRequest",
    "recovery_point_id": "rp1",
    "restore_target_info": {"datasource_info": {"resource_id": "/d"}},
}
BODY = {
    "objectType": "AzureBackupRecoveryPointBasedRestoreRequest",
    "recoveryPointId": "rp1",
    "restoreTargetInfo": {"datasourceInfo": {"resourceId": "/d"}},
}
ELSEWHERE = {"sourceBackupInstanceId": INSTANCE, "sourceRegion": "eastus"}


def run(command: str, more: str = "", request: Any = REQUEST) -> Run:
    text = json.dumps(request)
    return az(f"backup-instance {command} -g rg1 -v v1 -n b1 --restore-request-object '{text}' {more}", ANSWERS)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=NO_REFERENCE)
def test_options_are_those_of_az() -> None:
    assert option_differences(restore.COMMANDS) == []


@pytest.mark.parametrize("command", restore.COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_itself(command: Command) -> None:
    check_examples(command)
    assert command.permission


@pytest.mark.parametrize("request_object", [REQUEST, BODY])
def test_a_restore_is_posted_and_followed(request_object: Any) -> None:
    done = run("restore trigger", request=request_object)
    assert done.result == {"jobId": "/jobs/1", "objectType": "OperationJobExtendedInfo"}
    assert (done.http[0].path, done.http[0].body) == (f"{INSTANCE}/restore", BODY)
    done = run("validate-for-restore", request=request_object)
    assert (done.http[0].path, done.http[0].body) == (f"{INSTANCE}/validateRestore", {"restoreRequestObject": BODY})


def test_a_restore_that_nobody_waits_for_is_posted_only() -> None:
    done = run("restore trigger", "--no-wait")
    assert [one.path for one in done.http] == [f"{INSTANCE}/restore"]


def test_a_restore_with_leave_of_the_resource_guard() -> None:
    done = run("restore trigger", "--operation-requests DataProtectionRestore /raw --tenant-id t1")
    post = done.http[1]
    assert post.body == {**BODY, "resourceGuardOperationRequests": ["/guard/restore", "/raw"]}
    assert post.headers["x-ms-authorization-auxiliary"]


def test_a_restore_in_the_paired_region_keeps_the_leave_of_the_guard() -> None:
    """az drops it without a word."""
    done = run("restore trigger", "--use-secondary-region --operation-requests DataProtectionRestore --tenant-id t1")
    [post] = [one for one in done.http if one.path.endswith("/crossRegionRestore")]
    assert post.path == f"{GROUP}/locations/westus/crossRegionRestore"
    assert post.body == {
        "objectType": BODY["objectType"],
        "restoreRequestObject": {**BODY, "resourceGuardOperationRequests": ["/guard/restore"]},
        "crossRegionRestoreDetails": ELSEWHERE,
    }
    assert post.headers["x-ms-authorization-auxiliary"]
    assert done.result["jobId"] == "/jobs/1"


def test_a_validation_in_the_paired_region() -> None:
    done = run("validate-for-restore", "--use-secondary-region")
    assert done.http[1].path == f"{GROUP}/locations/westus/validateCrossRegionRestore"
    assert done.http[1].body == {
        "objectType": "ValidateRestoreRequestObject",
        "restoreRequestObject": BODY,
        "crossRegionRestoreDetails": ELSEWHERE,
    }


@pytest.mark.parametrize("command", ["restore trigger", "validate-for-restore"])
@pytest.mark.parametrize("request_object", [{}, {"restoreRequestObject": BODY}])
def test_what_is_no_restore_request_is_refused(command: str, request_object: Any) -> None:
    done = run(command, request=request_object)
    assert isinstance(done.error, InvalidArgument)
    assert "objectType" in done.error.message
    assert done.http == []


def test_dry_run_shows_the_restore_and_sends_nothing() -> None:
    done = run("restore trigger", "--dry-run")
    assert [(step["method"], step["body"]) for step in done.result] == [("POST", BODY)]
    assert done.http == []


def allow(estate: Estate, role: str, scope: str) -> None:
    """Give the vault a role, as `az role assignment create` does."""
    definition = f"/subscriptions/{WORKLOADS}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    principal = estate.run(f"backup-vault show {AT}")["identity"]["principalId"]
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid5(NAMESPACE_URL, scope)}"
    body = {"properties": {"roleDefinitionId": definition, "principalId": principal}}
    send(estate.connection, Request("PUT", path, body, api_version="2022-04-01"))


def test_the_sandbox_restores_a_disk() -> None:
    estate = Estate()
    estate.protect()
    estate.run(f"backup-instance adhoc-backup {AT} -n {NAME} --rule-name BackupHourly")
    estate.connection.sleep(3600)
    point = estate.run(f"recovery-point list {AT} --backup-instance-name {NAME}")[-1]
    target = f"{SNAPSHOTS}/providers/Microsoft.Compute/disks/data-01-restored"
    disk = estate.instance()["properties"]["data_source_info"]
    request = {
        "object_type": "AzureBackupRecoveryPointBasedRestoreRequest",
        "recovery_point_id": point["name"],
        "source_data_store_type": "OperationalStore",
        "restore_target_info": {
            "object_type": "RestoreTargetInfo",
            "recovery_option": "FailIfExists",
            "restore_location": "westus",
            "datasource_info": {**disk, "resource_id": target, "resource_uri": target, "resource_name": "data-01-r"},
        },
    }
    assert disk["resource_id"] == DISK
    allow(estate, "b50d9833-a0cb-478e-945f-707fcc997c13", SNAPSHOTS)  # Disk Restore Operator
    line = f"{AT} -n {NAME} --restore-request-object $request"
    validated = estate.run(f"backup-instance validate-for-restore {line}", request=request)
    assert validated["objectType"] == "OperationJobExtendedInfo"
    started = estate.run(f"backup-instance restore trigger {line}", request=request)
    estate.connection.sleep(3600)
    job = estate.run(f"job show --ids {started['jobId']}")
    assert (job["properties"]["operationCategory"], job["properties"]["status"]) == ("Restore", "Completed")
