"""``list-from-resourcegraph``: az's queries, whole answers, values that stay values, a scope that is said."""

from __future__ import annotations

from typing import Any

import pytest

from dpmagic.commands import from_resourcegraph
from dpmagic.commands.model import Command
from dpmagic.errors import InvalidArgument, InvalidChoice
from tests.canned import NO_REFERENCE, REFERENCE, SUB, Canned, Run, az
from tests.commands.estate import BACKUP, NAME, WORKLOADS, Estate
from tests.commands.surface import check_examples, option_differences

ID = "/subscriptions/s/resourceGroups/g/providers/P/t/"
OTHER = "00000000-0000-0000-0000-000000000002"
SUBSCRIPTIONS: Canned = [
    "GET",
    r"/subscriptions\?",
    200,
    {},
    {
        "value": [
            {"subscriptionId": SUB, "displayName": "Backup"},
            {"subscriptionId": OTHER, "displayName": "Work loads"},
        ]
    },
]


def graph(*rows: dict[str, Any]) -> Canned:
    body = {"totalRecords": len(rows), "count": len(rows), "data": list(rows), "resultTruncated": "false"}
    return ["POST", "ResourceGraph/resources", 200, {}, body]


def asked(line: str, *rows: dict[str, Any]) -> Run:
    return az(line, [graph(*rows), SUBSCRIPTIONS])


def filters(line: str) -> str:
    """What the query has beyond az's base and our order."""
    query: str = asked(line).http[-1].body["query"]
    kind = {"backup-instance": "_INSTANCES", "job": "_JOBS", "backup-vault": "_VAULTS"}[line.split()[0]]
    base = getattr(from_resourcegraph, kind)
    assert query.startswith(base)
    assert query.endswith("| order by id asc")
    return query.removeprefix(base).removesuffix("| order by id asc")


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=NO_REFERENCE)
def test_options_are_those_of_az() -> None:
    assert option_differences(from_resourcegraph.COMMANDS) == []


@pytest.mark.parametrize("command", from_resourcegraph.COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_itself(command: Command) -> None:
    check_examples(command)
    assert command.permission


def test_filters_come_in_the_order_of_az() -> None:
    line = (
        f"backup-instance list-from-resourcegraph --backup-instance-name n1 --backup-instance-id {ID}i "
        f"--datasource-id {ID}d --protection-status ProtectionError --vaults v1 v2 --resource-groups rg1 "
        "--datasource-type azuredisk"
    )
    assert filters(line) == (
        " | where properties.dataSourceInfo.datasourceType in~ ('Microsoft.Compute/disks')"
        " | where resourceGroup in~ ('rg1') | where vaultName in~ ('v1','v2')"
        f" | where protectionState in~ ('ProtectionError') | where datasourceId in~ ('{ID}d')"
        f" | where id in~ ('{ID}i') | where name in~ ('n1')"
    )
    line = f"backup-vault list-from-resourcegraph --vault-id {ID}v --vaults v1 --resource-groups rg1"
    assert filters(line) == f" | where resourceGroup in~ ('rg1') | where name in~ ('v1') | where id in~ ('{ID}v')"


def test_jobs_end_by_the_end_time() -> None:
    """az asks for those that ended after it, and appends a Z to a time that has one."""
    line = (
        "job list-from-resourcegraph --datasource-type AzureBlob --operation Restore ScheduledBackup --status Failed "
        "--start-time 2024-01-01T05:30:00+05:30 --end-time 2024-01-02"
    )
    assert filters(line) == (
        " | where properties.dataSourceType in~ ('Microsoft.Storage/storageAccounts/blobServices')"
        " | where operation in~ ('Restore','ScheduledBackup') | where status in~ ('Failed')"
        "| where properties.startTime > datetime(2024-01-01T00:00:00Z)"
        "| where properties.endTime <= datetime(2024-01-02T00:00:00Z)"
    )


@pytest.mark.parametrize("line", ["job list-from-resourcegraph --start-time yesterday"])
def test_what_is_no_time_is_refused(line: str) -> None:
    run = asked(line)
    assert (run.rc, run.http) == (1, [])
    assert isinstance(run.error, InvalidArgument)


@pytest.mark.parametrize("status", ["Cancelled", "CompletedWithWarnings"])
def test_states_are_those_of_az(status: str) -> None:
    assert isinstance(asked(f"job list-from-resourcegraph --status {status}").error, InvalidChoice)
    assert filters("job list-from-resourcegraph --status inprogress") == " | where status in~ ('InProgress')"


def test_a_quote_injects_nothing() -> None:
    found = filters("""backup-vault list-from-resourcegraph --vaults "x') | take 0 //" 'back\\slash'""")
    assert found == r" | where name in~ ('x\') | take 0 //','back\\slash')"


def test_the_scope_is_the_subscription_of_every_command_and_is_said() -> None:
    run = asked("backup-vault list-from-resourcegraph", {"id": "/a"})
    assert run.http[0].body["subscriptions"] == [SUB]
    assert run.said == [f"asked subscription {SUB}: 1 row"]
    run = asked("backup-vault list-from-resourcegraph --subscription 'work loads'")
    assert run.http[-1].body["subscriptions"] == [OTHER]
    assert run.said == [f"asked subscription {OTHER}: 0 rows"]


def test_subscriptions_are_given_by_id_or_name() -> None:
    run = asked(f"job list-from-resourcegraph --subscriptions {OTHER} {SUB} {OTHER}", {"id": "/a"}, {"id": "/b"})
    assert [one.body["subscriptions"] for one in run.http] == [[OTHER, SUB]]
    assert run.said == ["asked 2 subscriptions: 2 rows"]
    run = asked(f"job list-from-resourcegraph --subscriptions 'Work Loads' {SUB} backup")
    assert run.http[0].path == "/subscriptions"
    assert run.http[-1].body["subscriptions"] == [OTHER, SUB]


def test_an_unknown_subscription_is_told_with_the_nearest_name() -> None:
    run = asked("job list-from-resourcegraph --subscriptions Bakcup")
    assert run.rc == 1
    assert run.error
    assert run.error.lines() == [
        "InvalidArgument: no subscription is called 'Bakcup'",
        "  hint: did you mean Backup?",
    ]


def test_every_page_is_read() -> None:
    """az reads the first 1,000 rows and says nothing of the others."""

    def page(request: Any) -> dict[str, Any]:
        start = int(request.body["options"].get("$skipToken", 0))
        data = [{"id": f"/{number:05}"} for number in range(start, min(start + 1000, 2500))]
        more = {"$skipToken": str(start + 1000)} if start + 1000 < 2500 else {}
        return {"totalRecords": 2500, "count": len(data), "data": data, "resultTruncated": "false", **more}

    run = az("job list-from-resourcegraph", [["POST", "ResourceGraph/resources", 200, {}, page]])
    assert [row["id"] for row in run.result] == [f"/{number:05}" for number in range(2500)]
    assert run.said == [f"asked subscription {SUB}: 2,500 rows"]


def test_the_sandbox_answers_all_three() -> None:
    estate = Estate()
    estate.protect()
    estate.run(f"backup-instance adhoc-backup -g testBkpVaultRG -v v1 -n {NAME} --rule-name BackupHourly")
    estate.connection.sleep(6 * 3600)
    [vault] = estate.run("backup-vault list-from-resourcegraph --vaults v1")
    assert vault["id"].lower() == estate.id().lower()
    instances = "backup-instance list-from-resourcegraph --datasource-type AzureDisk --vaults V1"
    [instance] = estate.run(f"{instances} --subscriptions {BACKUP} {WORKLOADS}")
    assert (instance["name"], instance["protectionState"]) == (NAME, "ProtectionConfigured")
    assert estate.heard.said == ["asked 2 subscriptions: 1 row"]
    jobs = estate.run("job list-from-resourcegraph --status Completed --operation OnDemandBackup")
    assert [job["operation"] for job in jobs] == ["OnDemandBackup"]
    ended = jobs[0]["properties"]["endTime"]
    assert estate.run(f"job list-from-resourcegraph --operation OnDemandBackup --end-time {ended}") == jobs
    before = "2024-01-01T00:00:00Z"
    assert estate.run(f"job list-from-resourcegraph --end-time {before}") == []
