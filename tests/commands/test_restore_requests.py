"""Restore requests: az's JSON in camelCase, and every check before anything is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.commands import restore_criteria
from dpmagic.commands.camel import camel
from dpmagic.commands.restore_requests import COMMANDS
from dpmagic.errors import DpmagicError, InvalidArgument, MissingArgument
from tests.canned import NO_REFERENCE, Run, az, recorded
from tests.commands.estate import AT, Estate
from tests.commands.estate import DISK as SANDBOX_DISK
from tests.commands.surface import check_examples, option_differences

SUB = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups"
DISK = f"{SUB}/diskrg/providers/Microsoft.Compute/disks/disk1"
ACCOUNT = f"{SUB}/sarg/providers/Microsoft.Storage/storageAccounts/sa1"
CLUSTER = f"{SUB}/aksrg/providers/Microsoft.ContainerService/managedClusters/aks1"
DATABASE = f"{SUB}/pgrg/providers/Microsoft.DBforPostgreSQL/servers/pg1/databases/db1"
INSTANCE = f"{SUB}/rg1/providers/Microsoft.DataProtection/backupVaults/v1/backupInstances/bi1"
CRITERIA = {"objectType": "KubernetesClusterRestoreCriteria", "namespaceMappings": {"my_a": "b"}}
TO_DISK = f"AzureDisk --source-datastore OperationalStore --target-resource-id {DISK}"
TO_CLUSTER = f"AzureKubernetesService --source-datastore OperationalStore --target-resource-id {CLUSTER}"
TO_DATABASE = f"AzureDatabaseForPostgreSQL --source-datastore ArchiveStore --target-resource-id {DATABASE}"
BLOBS = f"AzureBlob --source-datastore OperationalStore --target-resource-id {ACCOUNT}"
IN_TIME, OF_POINT = "--point-in-time 2024-01-01T00:00:00", "--recovery-point-id rp1"


def run(words: str) -> Run:
    answers = [["GET", r"/backupInstances/bi1\?", 200, {}, {"properties": {"dataSourceInfo": {"resourceID": ACCOUNT}}}]]
    return az(f"backup-instance restore initialize-for-{words}", answers)


def restore(words: str) -> Any:
    """The request for a restore to East US."""
    done = run(words.replace(" ", " --restore-location 'East US' --datasource-type ", 1))
    if done.error:
        assert done.http == []
        raise done.error
    return done.result


def items(words: str) -> Any:
    return restore(f"item-recovery {BLOBS} {words}")["restoreTargetInfo"]["restoreCriteria"]


def path(container: str, *prefixes: str) -> dict[str, Any]:
    criteria = {"objectType": "ItemPathBasedRestoreCriteria", "itemPath": container, "isPathRelativeToBackupItem": True}
    return {**criteria, "subItemPathPrefix": list(prefixes)} if prefixes else criteria


def between(start: str, end: str) -> dict[str, Any]:
    return {"objectType": "RangeBasedItemLevelRestoreCriteria", "minMatchingValue": start, "maxMatchingValue": end}


@pytest.mark.skipif(not recorded("az-surface.json"), reason=NO_REFERENCE)
def test_options_are_az_s() -> None:
    assert option_differences(COMMANDS) == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_examples_parse(command: Any) -> None:
    check_examples(command)


@pytest.mark.skipif(not recorded("az-runs.jsonl"), reason=NO_REFERENCE)
def test_requests_are_az_s_in_camel_case() -> None:
    runs = [run for run in recorded("az-runs.jsonl") if "restore initialize-for" in run["cmd"]]
    runs = [run for run in runs if "--target-resource-id /x" not in run["cmd"]]  # no id: refused here
    assert len(runs) > 10
    for one in runs:
        done = az(one["cmd"])
        assert done.rc == one["rc"], one["cmd"]
        assert done.result == camel(one["result"], resource_id="resourceId")
        # What cannot be is refused before the backup instance is read; az reads it first.
        assert [(sent.method, sent.path) for sent in done.http] == [
            (http["m"], http["u"].partition("?")[0]) for http in one["http"] if one["rc"] == 0
        ]


def test_a_disk_from_a_recovery_point() -> None:
    assert restore(f"data-recovery {TO_DISK} {OF_POINT}") == {
        "objectType": "AzureBackupRecoveryPointBasedRestoreRequest",
        "recoveryPointId": "rp1",
        "sourceDataStoreType": "OperationalStore",
        "restoreTargetInfo": {
            "objectType": "RestoreTargetInfo",
            "recoveryOption": "FailIfExists",
            "restoreLocation": "eastus",
            "datasourceInfo": {
                "datasourceType": "Microsoft.Compute/disks",
                "objectType": "Datasource",
                "resourceId": DISK,
                "resourceLocation": "eastus",
                "resourceName": "disk1",
                "resourceType": "Microsoft.Compute/disks",
                "resourceUri": DISK,
            },
        },
    }


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2024-01-01T00:00:00", "2024-01-01T00:00:00.0000000Z"),
        ("2024-01-01T05:30:00.123456+05:30", "2024-01-01T00:00:00.1234560Z"),
    ],
)
def test_a_point_in_time_is_written_as_azure_writes_it(given: str, written: str) -> None:
    request = restore(f"data-recovery {BLOBS} --point-in-time {given}")
    assert request["objectType"] == "AzureBackupRecoveryTimeBasedRestoreRequest"
    assert request["recoveryPointTime"] == written


def test_rehydration() -> None:
    rehydrated = f"data-recovery {TO_DATABASE} {OF_POINT} --rehydration-priority Standard"
    request = restore(rehydrated)
    assert request["objectType"] == "AzureBackupRestoreWithRehydrationRequest"
    assert (request["rehydrationPriority"], request["rehydrationRetentionDuration"]) == ("Standard", "P15D")
    assert restore(f"{rehydrated} --rehydration-duration 30")["rehydrationRetentionDuration"] == "P30D"
    for days in (9, 31):
        with pytest.raises(InvalidArgument, match=f"cannot be {days} days"):
            restore(f"{rehydrated} --rehydration-duration {days}")


def test_a_database_has_its_server_and_its_secret() -> None:
    secret = "--secret-store-type AzureKeyVault --secret-store-uri https://kv/secrets/s"
    target = restore(f"data-recovery {TO_DATABASE} {OF_POINT} {secret}")["restoreTargetInfo"]
    assert target["datasourceSetInfo"]["resourceId"] == DATABASE.removesuffix("/databases/db1")
    assert target["datasourceAuthCredentials"]["secretStoreResource"]["uri"] == "https://kv/secrets/s"
    assert "datasourceAuthCredentials" not in restore(f"data-recovery {TO_DATABASE} {OF_POINT}")["restoreTargetInfo"]


@pytest.mark.parametrize("what", ["data-recovery", "item-recovery"])
def test_a_cluster_is_restored_by_its_configuration(what: str) -> None:
    configuration = f"--restore-configuration '{json.dumps(CRITERIA)}'"
    target = restore(f"{what} {TO_CLUSTER} {OF_POINT} {configuration}")["restoreTargetInfo"]
    assert (target["objectType"], target["restoreCriteria"]) == ("ItemLevelRestoreTargetInfo", [CRITERIA])
    assert target["datasourceSetInfo"]["objectType"] == "DatasourceSet"
    with pytest.raises(MissingArgument, match="needs --restore-configuration"):
        restore(f"{what} {TO_CLUSTER} {OF_POINT}")
    with pytest.raises(InvalidArgument, match="not that of AzureKubernetesService"):
        restore(f"{what} {TO_CLUSTER} {OF_POINT} --restore-configuration a=b")


def test_to_where_the_data_came_from() -> None:
    blobs = "--datasource-type AzureBlob --source-datastore OperationalStore --restore-location eastus"
    words = f"data-recovery {blobs} {IN_TIME}"
    done = run(f"{words} --backup-instance-id {INSTANCE}")
    assert done.result["restoreTargetInfo"]["datasourceInfo"]["resourceId"] == ACCOUNT
    assert [sent.path for sent in done.http] == [INSTANCE]
    wrong = run(f"{words} --backup-instance-id {ACCOUNT}")
    assert isinstance(wrong.error, InvalidArgument) and wrong.http == []


def test_a_disk_has_no_use_for_a_restore_configuration() -> None:
    words = f"--restore-location eastus --datasource-type {TO_DISK} {OF_POINT} --restore-configuration a=b"
    done = run(f"data-recovery {words}")
    assert done.result["restoreTargetInfo"]["objectType"] == "RestoreTargetInfo"
    assert done.said == ["--restore-configuration is left out: AzureDisk has no use for it"]


def test_what_is_restored_as_files_only_is_told_so() -> None:
    server = DISK.replace("Microsoft.Compute/disks", "Microsoft.DBforMySQL/flexibleServers")
    place = "--source-datastore VaultStore --restore-location eastus"
    done = run(
        f"data-recovery --datasource-type AzureDatabaseForMySQL {place} --target-resource-id {server} {OF_POINT}"
    )
    assert done.result["restoreTargetInfo"]["datasourceInfo"]["resourceId"] == server  # as az writes it
    assert done.said == [
        "Azure restores AzureDatabaseForMySQL as files only: see initialize-for-data-recovery-as-files"
    ]


def test_as_files() -> None:
    words = "data-recovery-as-files AzureDatabaseForMySQL --source-datastore VaultStore --recovery-point-id rp1 "
    target = restore(f"{words} --target-blob-container-url https://sa/c --target-file-name f")["restoreTargetInfo"]
    details = {"filePrefix": "f", "restoreTargetLocationType": "AzureBlobs", "url": "https://sa/c"}
    assert (target["objectType"], target["targetDetails"]) == ("RestoreFilesTargetInfo", details)


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (f"data-recovery {TO_DISK}", MissingArgument, "give one of --recovery-point-id"),
        (f"data-recovery {TO_DISK} {OF_POINT} {IN_TIME}", InvalidArgument, "give only one of"),
        (f"data-recovery {TO_DISK} {IN_TIME}", InvalidArgument, "cannot be restored to a point in time"),
        (f"data-recovery {TO_DISK} --point-in-time noon", InvalidArgument, "is not a time"),
        (f"data-recovery {TO_DISK} {OF_POINT} --backup-instance-id {INSTANCE}", InvalidArgument, "give only one of"),
        (f"data-recovery AzureDisk --source-datastore OperationalStore {OF_POINT}", InvalidArgument, "give one of"),
        (
            f"data-recovery AzureDisk --source-datastore VaultStore --target-resource-id {DISK} {OF_POINT}",
            InvalidArgument,
            "AzureDisk has no VaultStore",
        ),
        (
            f"data-recovery AzureDisk --source-datastore OperationalStore --target-resource-id {ACCOUNT} {OF_POINT}",
            InvalidArgument,
            "not of a Microsoft.Compute/disks",
        ),
        (f"data-recovery {TO_DATABASE} {OF_POINT} --secret-store-uri https://x", MissingArgument, "go together"),
        (
            f"data-recovery-as-files AzureDisk --source-datastore OperationalStore {OF_POINT} "
            "--target-blob-container-url https://x --target-file-name f",
            InvalidArgument,
            "AzureDisk cannot be restored as files",
        ),
        (f"item-recovery {TO_DISK} {OF_POINT} --container-list abc", InvalidArgument, "restored as a whole"),
        (f"item-recovery {BLOBS} {IN_TIME}", MissingArgument, "which items to restore is not said"),
        (f"item-recovery {TO_CLUSTER} {OF_POINT} --container-list abc", InvalidArgument, "does not go with"),
        (
            f"item-recovery {BLOBS} {IN_TIME} --container-list abc --from-prefix-pattern abc",
            InvalidArgument,
            "does not go with --from-prefix-pattern",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(words: str, error: type[DpmagicError], message: str) -> None:
    with pytest.raises(error, match=message):
        restore(words)


def test_items() -> None:
    assert items(f"{OF_POINT} --container-list c1 c2") == [path("c1"), path("c2")]
    assert items(f"{IN_TIME} --container-list c1") == [between("c1", "c1-0")]
    assert items(f"{IN_TIME} --from-prefix-pattern abc def/x --to-prefix-pattern abd def/y") == [
        between("abc", "abd"),
        between("def/x", "def/y"),
    ]
    pattern = "{containers:[{name:c1,prefixmatch:[a,b]},{name:c2}]}"
    assert items(f"{OF_POINT} --vaulted-blob-prefix {pattern}") == [path("c1", "a", "b"), path("c2")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (f"{IN_TIME} --container-list {' '.join(f'c{n}' for n in range(11))}", "takes 10"),
        (f"{OF_POINT} --container-list {' '.join(f'c{n}' for n in range(101))}", "takes 100"),
        (f"{IN_TIME} --container-list '$web'", r"the container \$web cannot be restored"),
        (f"{OF_POINT} --vaulted-blob-prefix '{{containers:[{{name:$logs}}]}}'", r"the container \$logs"),
        (f"{OF_POINT} --vaulted-blob-prefix {{containers:[]}}", "not the right shape"),
        (f"{OF_POINT} --vaulted-blob-prefix {{containers:[{{name:a,prefixmatch:b}}]}}", "not the right shape"),
        (f"{OF_POINT} --vaulted-blob-prefix a=b", "not the right shape"),
    ],
)
def test_items_that_cannot_be(words: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        items(words)


@pytest.mark.parametrize(
    ("starts", "ends", "message"),
    [
        (["abc"], None, "go together"),
        (None, ["abc"], "go together"),
        (["abc", "def"], ["abd"], "has 2 patterns"),
        ([f"a{n:02}" for n in range(11)], [f"a{n:02}-0" for n in range(11)], "takes 10 prefix ranges"),
        (["ab"], ["abd"], "'ab' is not a prefix"),
        (["a" * 64], ["b" * 64], "is not a prefix"),
        (["ABC"], ["abd"], "'ABC' is not a prefix"),
        (["a--b"], ["abd"], "'a--b' is not a prefix"),
        (["-abc"], ["abd"], "is not a prefix"),
        (["abc-"], ["abd"], "is not a prefix"),
        (["abc/"], ["abd"], "is not a prefix"),
        (["$web"], ["abd"], "cannot be restored"),
        (["abd"], ["abc"], "is empty"),
        (["abc"], ["abc"], "is empty"),
        (["abc", "abd"], ["abf", "abe"], "overlap"),
        (["abc", "abe"], ["abe", "abf"], "overlap"),
    ],
)
def test_ranges_that_cannot_be(starts: Any, ends: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        restore_criteria.of_prefixes(starts, ends)


NAME = st.from_regex(r"[a-z0-9]{3,10}(-[a-z0-9]{1,5}){0,2}", fullmatch=True)


@given(st.sets(NAME, min_size=2, max_size=20).map(sorted))
def test_ranges_side_by_side_are_all_there(bounds: list[str]) -> None:
    bounds = bounds[: len(bounds) // 2 * 2]
    starts, ends = bounds[::2], bounds[1::2]
    assert restore_criteria.of_prefixes(starts, ends) == [between(*pair) for pair in zip(starts, ends, strict=True)]


@given(st.lists(st.text(max_size=8), max_size=3), st.lists(st.text(max_size=8), max_size=3))
def test_garbage_is_an_invalid_argument(starts: list[str], ends: list[str]) -> None:
    try:
        assert len(restore_criteria.of_prefixes(starts, ends)) == len(starts)
    except InvalidArgument as error:
        assert error.hint


def test_the_whole_way() -> None:
    """A disk is protected with what initialize writes, backed up, and restored with what a request says."""
    estate = Estate()
    estate.permit()
    instance = estate.run(
        f"backup-instance initialize --datasource-type AzureDisk -l 'West US' --datasource-id {SANDBOX_DISK} "
        f"--policy-id {estate.id('backupPolicies', 'p1')} --snapshot-rg snapshotrg"
    )
    created = estate.run(f"backup-instance create {AT} --backup-instance $instance", instance=instance)
    assert created["name"] == instance["backupInstanceName"]
    estate.connection.sleep(3600)
    estate.run(f"backup-instance adhoc-backup {AT} -n {created['name']} --rule-name BackupHourly")
    estate.connection.sleep(3600)
    [point, *_] = estate.run(f"recovery-point list {AT} --backup-instance-name {created['name']}")
    words = (
        "backup-instance restore initialize-for-data-recovery --datasource-type AzureDisk --restore-location westus "
        f"--source-datastore OperationalStore --recovery-point-id {point['name']}"
    )
    to_origin = estate.run(f"{words} --backup-instance-id {created['id']}")
    assert to_origin["restoreTargetInfo"]["datasourceInfo"]["resourceId"] == SANDBOX_DISK
    request = estate.run(f"{words} --target-resource-id {SANDBOX_DISK}-restored")
    started = estate.run(
        f"backup-instance restore trigger {AT} -n {created['name']} --restore-request-object $request", request=request
    )
    assert "/backupJobs/" in started["jobId"]
