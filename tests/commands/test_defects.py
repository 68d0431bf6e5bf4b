"""What az gets wrong, row by row of the list of its defects: here it is right.

`row` names the row of a test by how the row begins; a row without a test fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import pytest

from dpmagic.commands.table import commands
from dpmagic.datasources import manifest
from dpmagic.errors import AzureError, IncompleteAnswer, InvalidArgument, MissingArgument
from dpmagic.execute import one
from dpmagic.handles import Handle
from dpmagic.session import Session
from tests.canned import NO_REFERENCE, REFERENCE, SUB, Canned, Heard, Run, Sent, az, canned_connection
from tests.commands.estate import AT, NAME, WORKLOADS, Estate
from tests.commands.test_permissions import AKS, CLUSTER, CLUSTER_MSI, GROUP, VAULT_MSI, error, world

Test = TypeVar("Test", bound=Callable[..., None])
TESTED: set[str] = set()
VAULT = f"/subscriptions/{SUB}/resourceGroups/rg1/providers/Microsoft.DataProtection/backupVaults/v1"
INSTANCE = f"{VAULT}/backupInstances/b"
DISK, BLOB = (manifest(name).policy_template() for name in ("AzureDisk", "AzureBlob"))
DISK_ID = f"/subscriptions/{SUB}/resourceGroups/g/providers/Microsoft.Compute/disks/d"
ANYTHING: Canned = [".*", "", 200, {}, {"id": "x", "properties": {}, "value": []}]


def row(start: str) -> Callable[[Test], Test]:
    """The row that a test is about."""
    TESTED.add(start)
    return lambda test: test


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=NO_REFERENCE)
def test_every_row_has_a_test() -> None:
    lines = (REFERENCE / "az-defects.md").read_text("utf-8").splitlines()
    rows = [line.removeprefix("| ") for line in lines if line.startswith("| ")][1:]
    assert len(rows) >= 25
    assert [line for line in rows if not line.startswith(tuple(TESTED))] == []
    assert [start for start in TESTED if sum(line.startswith(start) for line in rows) != 1] == []


def run(words: str, answers: Sequence[Canned] = (ANYTHING,), **values: Any) -> Run:
    """A command that does well; ``values`` are its JSON options."""
    options = (f"--{key.replace('_', '-')} '{json.dumps(value)}'" for key, value in values.items())
    done = az(" ".join([words, *options]), answers)
    if done.error:
        raise done.error
    return done


def changes(done: Run) -> list[tuple[str, Any]]:
    """What was sent beside reads: the last word of the path, and the body."""
    return [(sent.path.rpartition("/")[2], sent.body) for sent in done.http if sent.method != "GET"]


def timed(words: list[str], answers: Sequence[Canned]) -> tuple[list[Sent], list[float]]:
    """What a command sends, and the seconds of its waits."""
    connection, sent = canned_connection(answers)
    one(words, Session(connection, observer=Heard(), output="json"))
    return sent, connection.clock.slept  # type: ignore[attr-defined]


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from keys(item)


@pytest.fixture(scope="module")
def estate() -> Estate:
    """A sandbox with a disk that was backed up once; tests only read it."""
    estate = Estate()
    estate.protect()
    estate.run(f"backup-instance adhoc-backup {AT} -n {NAME} --rule-name BackupHourly")
    estate.connection.sleep(3600)
    return estate


@row("`backup-instance create --no-wait`")
def test_create_without_waiting_creates() -> None:
    estate = Estate()
    estate.permit()
    line = f"backup-instance create {AT} --backup-instance $instance --no-wait"
    handle = estate.run(line, instance=estate.instance())
    assert isinstance(handle, Handle)
    estate.connection.sleep(3600)
    shown = estate.run(f"backup-instance show {AT} -n {NAME}")
    assert shown["properties"]["currentProtectionState"] == "ProtectionConfigured"


@row("`--operation-requests a b`")
@pytest.mark.parametrize(
    "words",
    [
        "backup-instance suspend-backup -n b",
        "backup-instance stop-protection -n b",
        "backup-vault update --tags a=b",
        "resource-guard unlock -n DppResourceGuardProxy",
        f"backup-instance update-policy --backup-instance-name b --policy-id {VAULT}/backupPolicies/p",
        """backup-instance restore trigger -n b --restore-request-object '{"objectType": "x"}'""",
    ],
)
def test_all_operation_requests_are_sent(words: str) -> None:
    vault: Canned = ["GET", r"/backupVaults/v1\?", 200, {}, {"location": "eastus", "properties": {}}]
    done = run(f"{words} -g rg1 -v v1 --operation-requests /a /b", [vault, ANYTHING])
    [(_, body)] = changes(done)
    assert '"resourceGuardOperationRequests": ["/a", "/b"]' in json.dumps(body)


@row("`--operation-requests a b`")
def test_operation_requests_are_a_list_everywhere() -> None:
    options = [command.by_name.get("--operation-requests") for command in commands().values()]
    assert {option.kind for option in options if option} == {"texts"}


@row("`--storage-settings type=.. datastore-type=..`")
@pytest.mark.parametrize(
    "settings",
    [
        "--storage-settings type=GeoRedundant datastore-type=VaultStore type=ZoneRedundant datastore-type=ArchiveStore",
        "--storage-settings '[{type:GeoRedundant,datastore-type:VaultStore},"
        "{type:ZoneRedundant,datastore-type:ArchiveStore}]'",
    ],
)
def test_storage_settings_of_two_stores(settings: str) -> None:
    done = run(f"backup-vault create -g rg1 -v v1 -l eastus {settings}")
    assert changes(done)[0][1]["properties"]["storageSettings"] == [
        {"type": "GeoRedundant", "datastoreType": "VaultStore"},
        {"type": "ZoneRedundant", "datastoreType": "ArchiveStore"},
    ]


@row("`restore trigger --use-secondary-region`")
def test_a_restore_in_the_other_region_takes_the_guard_s_requests_along() -> None:
    regions = {"protectedPrimaryRegion": "eastus", "protectedSecondaryRegion": "westus"}
    found = {"id": INSTANCE, "properties": {"backupInstanceExtendedProperties": regions}}
    graph: Canned = ["POST", "ResourceGraph", 200, {}, {"totalRecords": 1, "count": 1, "data": [found]}]
    done = run(
        "backup-instance restore trigger -g rg1 -v v1 -n b --use-secondary-region --operation-requests /a /b "
        "--tenant-id t1",
        [graph, ANYTHING],
        restore_request_object={"objectType": "x"},
    )
    name, body = changes(done)[-1]
    assert name == "crossRegionRestore"
    assert body["restoreRequestObject"]["resourceGuardOperationRequests"] == ["/a", "/b"]
    assert done.http[-1].headers["x-ms-authorization-auxiliary"]


_PERMIT = (
    "backup-instance update-msi-permissions -g rg1 -v v1 --yes --datasource-type AzureKubernetesService "
    f"--operation Restore --permissions-scope Resource --snapshot-resource-group-id {GROUP}"
)


@row("AKS `update-msi-permissions --operation Restore`")
def test_permissions_for_the_restore_of_a_cluster_are_all_given() -> None:
    done = run(_PERMIT, world(), restore_request_object=AKS)
    given = [(one["Properties"]["principalId"], one["Properties"]["roleDefinitionId"]) for one in done.result]
    assert [(who, what.rpartition("eq ")[2]) for who, what in given] == [
        (VAULT_MSI, "'Reader'"),
        (VAULT_MSI, "'Reader'"),
        (CLUSTER_MSI, "'Contributor'"),
    ]


@row("AKS `update-msi-permissions --operation Restore`")
def test_permissions_that_are_refused_midway_say_what_was_given() -> None:
    refused: Canned = ["PUT", "/resourceGroups/snaprg/.*/roleAssignments/", 403, {}, error("AuthorizationFailed")]
    with pytest.raises(AzureError) as stopped:
        run(_PERMIT, world(refused), restore_request_object=AKS)
    assert f"done before this: Reader at {CLUSTER}" in stopped.value.hint


def _pages(total: int, told: int) -> Canned:
    """A Resource Graph with ``total`` rows, of which it says that there are ``told``."""

    def page(sent: Sent) -> Any:
        start = int(sent.body["options"].get("$skipToken", 0))
        data = [{"id": f"/{number:05}"} for number in range(start, min(start + 1000, total))]
        more = {"$skipToken": str(start + 1000)} if start + 1000 < total else {}
        return {"totalRecords": told, "count": len(data), "data": data, **more}

    return ["POST", "ResourceGraph/resources", 200, {}, page]


_FROM_GRAPH = [f"{group} list-from-resourcegraph" for group in ("backup-instance", "backup-vault", "job")]


@row("`list-from-resourcegraph`: one page")
@pytest.mark.parametrize("command", _FROM_GRAPH)
def test_all_pages_of_resource_graph_are_read(command: str) -> None:
    assert len({one["id"] for one in run(command, [_pages(2345, 2345)]).result}) == 2345
    with pytest.raises(IncompleteAnswer, match="2,400 rows, and gave 2,345"):
        run(command, [_pages(2345, 2400)])


@row("`list-from-resourcegraph`: values unescaped")
@pytest.mark.parametrize("value", ["v1') or 1 == 1 //", "'", "\\", "v1\\' or 1==1", "x') | union (resources) //"])
def test_a_value_is_no_kql(value: str, estate: Estate) -> None:
    line = f"backup-instance list-from-resourcegraph --subscriptions {WORKLOADS} {estate.id().split('/')[2]} --vaults "
    assert len(estate.run(f"{line} v1")) == 1
    assert estate.run(f"{line} $value", value=value) == []


@row("`job list-from-resourcegraph --end-time`")
def test_jobs_that_ended_by_a_time(estate: Estate) -> None:
    line = f"job list-from-resourcegraph --subscription {estate.id().split('/')[2]}"
    [job] = estate.run(line)
    assert job["properties"]["endTime"] == job["properties"]["endTime"].rstrip("Z") + "Z"
    assert estate.run(f"{line} --end-time {job['properties']['endTime']}") == [job]
    assert estate.run(f"{line} --end-time {job['properties']['startTime']}") == []


@row("`job list-from-resourcegraph --end-time`")
def test_times_of_jobs_are_read() -> None:
    done = run(
        "job list-from-resourcegraph --start-time 2024-01-01T01:00:00+01:00 --end-time 2024-01-02", [_pages(0, 0)]
    )
    query = done.http[0].body["query"]
    assert "properties.startTime > datetime(2024-01-01T00:00:00Z)" in query
    assert "properties.endTime <= datetime(2024-01-02T00:00:00Z)" in query
    refused = az("job list-from-resourcegraph --end-time yesterday", [])
    assert (type(refused.error), refused.http) == (InvalidArgument, [])


@row("`list-from-resourcegraph` ignores `--subscription`")
@pytest.mark.parametrize("command", _FROM_GRAPH)
def test_the_scope_of_resource_graph_is_as_told_and_said(command: str) -> None:
    other = "00000000-0000-0000-0000-000000000002"
    done = run(f"{command} --subscription {other}", [_pages(1, 1)])
    assert done.http[-1].body["subscriptions"] == [other]
    assert done.said == [f"asked subscription {other}: 1 row"]


@row("`backup-policy update --policy`")
def test_one_json_makes_and_changes_a_policy() -> None:
    estate = Estate()
    made = estate.run(f"backup-policy create {AT} -n p3 --policy $policy", policy=DISK)
    assert estate.run(f"backup-policy update {AT} -n p3 --policy $policy", policy=DISK) == made


@row("`tag set` twice")
def test_a_tag_that_is_set_twice_has_one_criteria() -> None:
    policy: Any = DISK
    for first in ("FirstOfDay", "FirstOfWeek"):
        criteria = {"objectType": "ScheduleBasedBackupCriteria", "absoluteCriteria": [first]}
        policy = run("backup-policy tag set --name Weekly", policy=policy, criteria=criteria).result
    [tag] = [one for one in _tags(policy) if one["tagInfo"]["tagName"] == "Weekly"]
    assert [key for key in tag if key.lower() == "criteria"] == ["criteria"]
    assert tag["criteria"][0]["absoluteCriteria"] == ["FirstOfWeek"]


def _tags(policy: Any) -> Any:
    [rule] = [rule for rule in policy["policyRules"] if rule["objectType"] == "AzureBackupRule"]
    return rule["trigger"]["taggingCriteria"]


@row("AzureBlob: `retention-rule set --name Default`")
@pytest.mark.parametrize("store", ["OperationalStore", "VaultStore"])
def test_of_two_rules_named_default_the_store_picks(store: str) -> None:
    words = f"backup-policy retention-rule create-lifecycle --source-datastore {store} --count 99 --type Days"
    policy = run("backup-policy retention-rule set --name Default", policy=BLOB, lifecycles=run(words).result).result
    kept = {
        rule["lifecycles"][0]["sourceDataStore"]["dataStoreType"]: rule["lifecycles"][0]["deleteAfter"]["duration"]
        for rule in policy["policyRules"]
        if rule["name"] == "Default"
    }
    assert kept == {"OperationalStore": "P30D", "VaultStore": "P7D", store: "P99D"}


@row("`retention-rule remove` of an unknown name")
def test_a_rule_that_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(InvalidArgument) as refused:
        run("backup-policy retention-rule remove --name Weekly", policy=DISK)
    assert "Weekly" in refused.value.message
    assert "Default" in f"{refused.value.message} {refused.value.hint}"


@row("`create-lifecycle` emits")
def test_copies_of_a_lifecycle_are_a_list() -> None:
    words = "backup-policy retention-rule create-lifecycle --source-datastore VaultStore --count 3 --type Months"
    copy = "--target-datastore ArchiveStore --copy-option CopyOnExpiryOption"
    assert run(words).result["targetDataStoreCopySettings"] == []
    assert len(run(f"{words} {copy}").result["targetDataStoreCopySettings"]) == 1
    with pytest.raises(MissingArgument, match="--copy-option"):
        run(f"{words} --target-datastore ArchiveStore")


@row("a policy with no backup rule")
def test_a_policy_without_a_backup_rule_is_told_so() -> None:
    policy = {**DISK, "policyRules": [rule for rule in DISK["policyRules"] if rule["objectType"] != "AzureBackupRule"]}
    with pytest.raises(InvalidArgument, match="no backup rule"):
        run("backup-policy trigger set --schedule R/2024-01-01T02:00:00+00:00/P1D", policy=policy)


_POLICY = f"{VAULT}/backupPolicies/p"
_HELPERS = [
    f"initialize --datasource-type AzureDisk --datasource-id {DISK_ID} -l eastus --policy-id {_POLICY} --snapshot-rg g",
    "initialize-backupconfig --datasource-type AzureKubernetesService --snapshot-volumes true",
    "initialize-restoreconfig --datasource-type AzureKubernetesService",
    "restore initialize-for-data-recovery --datasource-type AzureDisk --restore-location eastus "
    f"--source-datastore OperationalStore --recovery-point-id r --target-resource-id {DISK_ID}",
    "restore initialize-for-item-recovery --datasource-type AzureBlob --restore-location eastus "
    f"--source-datastore OperationalStore --point-in-time 2024-01-01T00:00:00Z --backup-instance-id {INSTANCE} "
    "--container-list c1",
]


@row("some helpers print snake_case")
@pytest.mark.parametrize("words", _HELPERS, ids=lambda words: words.split(" -")[0])
def test_helpers_print_camel_case(words: str) -> None:
    source = {"resourceID": DISK_ID, "resourceType": "x", "resourceName": "d", "resourceUri": DISK_ID}
    answer = {"id": INSTANCE, "properties": {"dataSourceInfo": source}}
    printed = run(f"backup-instance {words}", [["GET", "", 200, {}, answer]]).result
    assert [key for key in keys(printed) if "_" in key] == []


@row("some helpers print snake_case")
@pytest.mark.parametrize("spelled", [str, lambda key: key.replace("_", "-"), lambda key: _camel(key)])
def test_every_spelling_is_accepted(spelled: Callable[[str], str], estate: Estate) -> None:
    instance = _respelled(estate.instance(), spelled)
    [(_, body), *_] = changes(run("backup-instance validate-for-backup -g rg1 -v v1", backup_instance=instance))
    assert body["backupInstance"]["dataSourceInfo"]["datasourceType"] == "Microsoft.Compute/disks"
    assert body["backupInstance"]["policyInfo"]["policyId"] == estate.id("backupPolicies", "p1")


def _camel(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(map(str.capitalize, rest))


def _respelled(value: Any, spelled: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {spelled(key): _respelled(one, spelled) for key, one in value.items()}
    return [_respelled(one, spelled) for one in value] if isinstance(value, list) else value


@row("`backup-instance update --vaulted-blob-container-list`")
def test_containers_are_set_where_there_were_no_parameters() -> None:
    stored = {"id": INSTANCE, "properties": {"policyInfo": {"policyId": _POLICY}, "friendlyName": "sa"}}
    containers = {"objectType": "BlobBackupDatasourceParameters", "containersList": ["c1"]}
    done = run(
        "backup-instance update -g rg1 -v v1 --backup-instance-name b",
        [["GET|PUT", "", 200, {}, stored]],
        vaulted_blob_container_list=containers,
    )
    [(_, body)] = changes(done)
    assert body["properties"]["policyInfo"]["policyParameters"] == {"backupDatasourceParametersList": [containers]}


@row("`create` sends resourceID")
@pytest.mark.parametrize("spelled", ["resource_id", "resourceId", "resourceID"])
@pytest.mark.parametrize("command", ["create", "validate-for-backup"])
def test_a_resource_has_one_spelling(command: str, spelled: str, estate: Estate) -> None:
    instance = _respelled(estate.instance(), lambda key: spelled if key == "resource_id" else key)
    for _, body in changes(run(f"backup-instance {command} -g rg1 -v v1", backup_instance=instance)):
        assert [key for key in keys(body) if key.lower() == "resourceid"] == ["resourceID"]


@row("`recovery-point list` without times")
def test_without_times_there_is_no_filter() -> None:
    done = run("recovery-point list -g rg1 -v v1 --backup-instance-name b", [["GET", "", 200, {}, {"value": []}]])
    assert done.http[0].query == {}


@row("`-o table` drops everything under properties")
def test_a_frame_shows_what_is_under_properties(estate: Estate) -> None:
    words = ["backup-instance", "list", *AT.split()]
    frame = one(words, Session(estate.connection)).value
    assert frame["currentProtectionState"].tolist() == ["ProtectionConfigured"]
    assert {"friendlyName", "dataSourceInfo.resourceName", "policyInfo.policyId"} <= set(frame.columns)


@row("any finished long-running operation costs")
@pytest.mark.parametrize("seconds", [0, 7])
def test_operations_are_polled_when_the_server_says(seconds: int) -> None:
    headers = {"Retry-After": str(seconds), "Azure-AsyncOperation": "{endpoint}/op", "Location": "{endpoint}/result"}
    _, slept = timed(
        ["backup-instance", "adhoc-backup", "-g", "rg1", "-v", "v1", "-n", "b", "--rule-name", "BackupDaily"],
        [
            ["POST", "/backup", 202, headers, None],
            ["GET", "/op", 200, {"Retry-After": str(seconds)}, {"status": "Inprogress"}, 2],
            ["GET", "/op", 200, {}, {"status": "Succeeded"}],
            ["GET", "/result", 200, {}, {"jobId": "/j"}],
        ],
    )
    assert slept == [seconds] * 2  # the first look is at once


@row('`-l "East US"`')
@pytest.mark.parametrize("location", ["East US", "EASTUS", "eastus"])
def test_a_region_has_one_spelling(location: str) -> None:
    settings = "--storage-settings type=GeoRedundant datastore-type=VaultStore"
    created = run(f"backup-vault create -g rg1 -v v1 -l '{location}' {settings}")
    assert changes(created)[0][1]["location"] == "eastus"
    instance = run(f"backup-instance {_HELPERS[0].replace('-l eastus', f'''-l '{location}' ''')}").result
    assert instance["properties"]["dataSourceInfo"]["resourceLocation"] == "eastus"


@row("`trigger create-schedule`: the day")
@pytest.mark.parametrize("day", ["noday", "2024-02-30T02:00:00", "2024-13-01T02:00:00", "30/01/2024"])
def test_the_day_of_a_schedule_is_checked(day: str) -> None:
    words = "backup-policy trigger create-schedule --interval-type Daily --interval-count 1 --schedule-days"
    assert run(f"{words} 2024-01-31T02:00:00").result == ["R/2024-01-31T02:00:00+00:00/P1D"]
    with pytest.raises(InvalidArgument, match=day):
        run(f"{words} {day}")


@row("`update-msi-permissions` sleeps 60 s")
@pytest.mark.parametrize("looks", [0, 2])
def test_permissions_are_waited_for_until_they_are_seen(looks: int) -> None:
    unseen: list[Canned] = [["GET", "/roleAssignments/[^?]", 404, {}, error("NotFound"), looks]] if looks else []
    _, slept = timed([*_PERMIT.split(), "--restore-request-object", json.dumps(AKS)], world(*unseen))
    assert len(slept) == looks
    assert sum(slept) < 60


@row("paging of `Get-AzDataProtectionBackupInstance`")
def test_every_page_of_a_list_is_read() -> None:
    def page(sent: Sent) -> Any:
        start = int(sent.query.get("$skipToken", 0))
        more = {"nextLink": f"https://canned.invalid{INSTANCE}?$skipToken={start + 200}"} if start < 800 else {}
        return {"value": [{"name": f"b{number}"} for number in range(start, start + 200)], **more}

    done = run("backup-instance list -g rg1 -v v1", [["GET", "/backupInstances", 200, {}, page]])
    assert [one["name"] for one in done.result] == [f"b{number}" for number in range(1000)]
