"""Jobs of a vault, and of its paired region."""

from __future__ import annotations

from typing import Any

import pytest

from dpmagic.commands import job
from dpmagic.commands.model import Command
from dpmagic.errors import NotFound
from tests.canned import NO_REFERENCE, REFERENCE, SUB, az
from tests.commands.estate import AT, NAME, Estate
from tests.commands.surface import check_examples, option_differences

GROUP = f"/subscriptions/{SUB}/resourceGroups/rg1/providers/Microsoft.DataProtection"
VAULT = f"{GROUP}/backupVaults/v1"
ROW = {"id": VAULT, "location": "eastus", "properties": {"replicatedRegions": ["westus"]}}
GRAPH = ["POST", "ResourceGraph", 200, {}, {"totalRecords": 1, "count": 1, "data": [ROW]}]


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=NO_REFERENCE)
def test_options_are_those_of_az() -> None:
    assert option_differences(job.COMMANDS) == []


@pytest.mark.parametrize("command", job.COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_itself(command: Command) -> None:
    check_examples(command)
    assert command.permission


def jobs(*names: str, next_link: str = "") -> dict[str, Any]:
    return {"value": [{"name": name} for name in names], "nextLink": next_link or None}


def test_a_list_is_whole_or_as_long_as_asked() -> None:
    more = f"{VAULT}/backupJobs?api-version=2024-04-01&$skipToken=2"
    answers = [
        ["GET", r"skipToken", 200, {}, jobs("j3")],
        ["GET", "backupJobs", 200, {}, jobs("j1", "j2", next_link=f"https://canned.invalid{more}")],
    ]
    run = az("job list -g rg1 -v v1", answers)
    assert [one["name"] for one in run.result] == ["j1", "j2", "j3"]
    run = az("job list -g rg1 -v v1 --max-items 2", answers)
    assert ([one["name"] for one in run.result], len(run.http)) == (["j1", "j2"], 1)
    token = run.said[0].rpartition(" ")[2]
    run = az(f"job list -g rg1 -v v1 --next-token {token}", answers)
    assert ([one["name"] for one in run.result], run.said) == (["j3"], [])


def test_jobs_of_the_paired_region() -> None:
    run = az(
        "job list -g rg1 -v v1 --use-secondary-region",
        [GRAPH, ["POST", "fetchCrossRegionRestoreJobs", 200, {}, jobs("j1")]],
    )
    assert run.result == [{"name": "j1"}]
    assert [(one.method, one.path, one.body) for one in run.http[1:]] == [
        (
            "POST",
            f"{GROUP}/locations/westus/fetchCrossRegionRestoreJobs",
            {"sourceBackupVaultId": VAULT, "sourceRegion": "eastus"},
        )
    ]


def test_a_job_of_the_paired_region() -> None:
    run = az(
        "job show -g rg1 -v v1 --job-id j1 --use-secondary-region true",
        [GRAPH, ["POST", "fetchCrossRegionRestoreJob", 200, {}, {"name": "j1"}]],
    )
    assert run.result == {"name": "j1"}
    assert run.http[1].path == f"{GROUP}/locations/westus/fetchCrossRegionRestoreJob"
    assert run.http[1].body == {"jobId": "j1", "sourceBackupVaultId": VAULT, "sourceRegion": "eastus"}
    run = az("job show -g rg1 -v v1 --job-id j1 --use-secondary-region false", [["GET", "Jobs/j1", 200, {}, {}]])
    assert [one.path for one in run.http] == [f"{VAULT}/backupJobs/j1"]


def test_reading_elsewhere_changes_nothing() -> None:
    """The reads that Azure takes as POST are sent in a dry run and on a read-only connection."""
    answers = [GRAPH, ["POST", "fetchCrossRegionRestoreJobs", 200, {}, jobs("j1")]]
    run = az("job list -g rg1 -v v1 --use-secondary-region --dry-run", answers, read_only=True)
    assert (run.rc, run.result) == (0, [{"name": "j1"}])


def test_the_sandbox_has_a_job_of_each_backup() -> None:
    estate = Estate()
    estate.protect()
    started = estate.run(f"backup-instance adhoc-backup {AT} -n {NAME} --rule-name BackupHourly")
    estate.connection.sleep(3600)
    listed = estate.run(f"job list {AT}")
    mine = next(one for one in listed if one["id"].lower() == started["jobId"].lower())
    shown = estate.run(f"job show {AT} --job-id {mine['name']}")
    assert shown["properties"]["operationCategory"] == mine["properties"]["operationCategory"] == "Backup"
    assert estate.run(f"job show --ids {mine['id']}") == shown
    with pytest.raises(NotFound):
        estate.run(f"job show {AT} --job-id 00000000-0000-4000-8000-000000000000")
