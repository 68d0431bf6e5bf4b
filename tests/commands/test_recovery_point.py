"""Recovery points and restorable times: what is asked, and what the sandbox answers."""

from __future__ import annotations

import pytest

from dpmagic.commands import recovery_point
from dpmagic.commands.model import Command
from dpmagic.errors import InvalidArgument, InvalidChoice
from tests.canned import NO_REFERENCE, REFERENCE, SUB, az
from tests.commands.estate import AT, NAME, Estate
from tests.commands.surface import check_examples, option_differences

GROUP = f"/subscriptions/{SUB}/resourceGroups/rg1/providers/Microsoft.DataProtection"
INSTANCE = f"{GROUP}/backupVaults/v1/backupInstances/b1"
ON = "-g rg1 -v v1 --backup-instance-name b1"
KNOWN = {"protectedPrimaryRegion": "eastus2euap", "protectedSecondaryRegion": "centraluseuap"}
ROW = {"id": INSTANCE, "properties": {"backupInstanceExtendedProperties": KNOWN}}
GRAPH = ["POST", "ResourceGraph", 200, {}, {"totalRecords": 1, "count": 1, "data": [ROW]}]
POINTS = {"value": [{"name": "p1"}]}


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=NO_REFERENCE)
def test_options_are_those_of_az() -> None:
    assert option_differences(recovery_point.COMMANDS) == []


@pytest.mark.parametrize("command", recovery_point.COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_itself(command: Command) -> None:
    check_examples(command)
    assert command.permission


@pytest.mark.parametrize(
    ("times", "query"),
    [
        ("", {}),
        ("--start-time 2024-01-01", {"$filter": "startDate eq '2024-01-01T00:00:00.0000000Z'"}),
        ("--end-time 2024-01-01T01:00:00+02:00", {"$filter": "endDate eq '2023-12-31T23:00:00.0000000Z'"}),
        (
            "--end-time 2024-02-01T00:00:00.25Z --start-time 2024-01-01T00:00:00",
            {"$filter": "startDate eq '2024-01-01T00:00:00.0000000Z' and endDate eq '2024-02-01T00:00:00.2500000Z'"},
        ),
    ],
)
def test_times_filter_and_no_times_do_not(times: str, query: dict[str, str]) -> None:
    run = az(f"recovery-point list {ON} {times}", [["GET", "recoveryPoints", 200, {}, POINTS]])
    assert (run.rc, run.result) == (0, POINTS["value"])
    assert [(one.path, one.query) for one in run.http] == [(f"{INSTANCE}/recoveryPoints", query)]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (f"recovery-point list {ON}", ["GET", "recoveryPoints", 200, {}, {"value": []}]),
        (
            f"restorable-time-range find {ON} --source-data-store-type OperationalStore",
            ["POST", "findRestorableTimeRanges", 200, {}, {}],
        ),
        (
            f"job list-from-resourcegraph --subscriptions {SUB}",
            ["POST", "ResourceGraph", 200, {}, {"totalRecords": 0, "count": 0, "data": []}],
        ),
    ],
)
def test_times_between_which_nothing_lies_are_asked_and_told(line: str, answer: list[object]) -> None:
    run = az(f"{line} --start-time 2024-02-01 --end-time 2024-01-01T12:00:00", [answer])
    assert (run.rc, len(run.http)) == (0, 1)
    told = "nothing lies between: --start-time 2024-02-01T00:00:00Z is after --end-time 2024-01-01T12:00:00Z"
    assert run.said[0] == told
    assert told not in az(f"{line} --start-time 2024-01-01 --end-time 2024-01-01T12:00:00", [answer]).said


def test_points_of_the_paired_region() -> None:
    answers = [GRAPH, ["POST", "fetchSecondaryRecoveryPoints", 200, {}, POINTS]]
    run = az(f"recovery-point list {ON} --use-secondary-region --start-time 2024-01-01", answers)
    assert run.result == POINTS["value"]
    assert run.http[1].path == f"{GROUP}/locations/centraluseuap/fetchSecondaryRecoveryPoints"
    assert run.http[1].body == {"sourceBackupInstanceId": INSTANCE, "sourceRegion": "eastus2euap"}
    assert run.said == [
        "--start-time and --end-time do not count in the secondary region: these are all recovery points"
    ]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("recovery-point list {ON} --start-time tomorrow", InvalidArgument),
        ("restorable-time-range find {ON} --source-data-store-type CloudStore", InvalidChoice),
        ("restorable-time-range find {ON} --source-data-store-type VaultStore --end-time 1.2.2024", InvalidArgument),
    ],
)
def test_bad_values_are_refused_before_anything_is_sent(line: str, error: type[Exception]) -> None:
    run = az(line.format(ON=ON), [])
    assert isinstance(run.error, error)
    assert run.http == []


@pytest.mark.parametrize(
    ("times", "body"),
    [
        ("", {}),
        ("--end-time 2024-02-01", {"endTime": "2024-02-01T00:00:00.0000000Z"}),
        ("--start-time 2024-01-01T12:00:00.5+02:00", {"startTime": "2024-01-01T10:00:00.5000000Z"}),
    ],
)
def test_times_of_a_restorable_range(times: str, body: dict[str, str]) -> None:
    line = f"restorable-time-range find {ON} --source-data-store-type operationalstore {times}"
    run = az(line, [["POST", "findRestorableTimeRanges", 200, {}, {"id": "x"}]])
    assert run.result == {"id": "x"}
    assert run.http[0].body == {"sourceDataStoreType": "OperationalStore", **body}


def test_the_sandbox_has_a_point_after_a_backup() -> None:
    estate = Estate()
    estate.protect()
    on = f"{AT} --backup-instance-name {NAME}"
    before = estate.connection.now()
    estate.run(f"backup-instance adhoc-backup {AT} -n {NAME} --rule-name BackupHourly")
    estate.connection.sleep(3600)
    point = estate.run(f"recovery-point list {on} --start-time {before.isoformat()}")[-1]
    shown = estate.run(f"recovery-point show {on} --recovery-point-id {point['name']}")
    assert shown["properties"]["recoveryPointTime"] == point["properties"]["recoveryPointTime"]
    assert estate.run(f"recovery-point show --ids {shown['id']}") == shown
    assert estate.run(f"recovery-point list {on} --end-time 2020-01-01") == []
