"""KQL over an archive gives what pandas gives over its tables."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from pandas.testing import assert_frame_equal

from dpmagic.archive.collect import collect
from dpmagic.archive.source import open_archive
from dpmagic.connection import connect_sandbox
from dpmagic.errors import AzureError, InvalidArgument
from dpmagic.estate.estate import Estate
from dpmagic.estate.opening import open_live

from .test_collect import START, SUB, estate, jobs_every


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive")
    jobs = jobs_every(4, 10, minutes=300)
    for day in range(1, 9):
        collect(estate(jobs, {"a": "On" if day < 4 else "Off", "b": "On"}, START + timedelta(days=day)), path)
    return path


@pytest.fixture
def year(archive: Path) -> Estate:
    return open_archive(archive, window=(START, START + timedelta(days=8)))


def test_counts_by_day(year: Estate) -> None:
    found = year.query(
        "jobs | where isnotnull(endTime) | extend day=bin(startTime, 1d)\n"
        "| summarize n=count(), s=sum(durationSeconds) by day | order by day asc"
    )
    jobs = year.jobs()
    ended = jobs[jobs["endTime"].notna()]
    want = ended.groupby(ended["startTime"].dt.floor("D")).size()
    assert found["n"].to_list() == want.to_list()
    assert found["day"].to_list() == want.index.to_list()
    assert str(found["day"].dtype) == "datetime64[us, UTC]"
    assert found["s"].sum() == ended["duration"].dt.total_seconds().sum()
    assert found.attrs["dpmagic"]["rows"] == len(found)


def test_a_state_and_its_nested_values(year: Estate) -> None:
    found = year.query("vaults | project name, softDeleteState | order by name asc")
    assert found.to_dict("list") == {"name": ["a", "b"], "softDeleteState": ["Off", "On"]}
    assert year.query("subscriptions | project a=tolong(tags.a), tags").to_dict("list") == {
        "a": [1],
        "tags": [{"a": 1}],
    }


def test_as_it_was_at_an_earlier_instant(archive: Path) -> None:
    past = open_archive(archive, at=START + timedelta(days=3))
    assert set(past.query("vaults | project softDeleteState")["softDeleteState"]) == {"On"}
    running = past.query("jobs | where status == 'InProgress' | project id")
    assert running["id"].to_list() == [f"/subscriptions/{SUB}/backupJobs/{number}" for number in (17, 18)]
    ended = past.query("jobs | where isnotnull(endTime) | summarize latest=max(endTime)")["latest"][0]
    assert ended <= past.now


def test_now_is_the_archive_s(year: Estate) -> None:
    assert year.query("jobs | where startTime > ago(1d) | count")["Count"][0] == 5


@pytest.mark.parametrize(
    ("kql", "kind", "told"),
    [
        ("jbos | count", InvalidArgument, "no table 'jbos'"),
        ("jobs | where nope == 1", InvalidArgument, "does not fit the tables"),
        ("jobs | wher status == 1", AzureError, "ParserFailure"),
        ("jobs |", AzureError, "ParserFailure"),
    ],
)
def test_a_query_that_does_not_go(year: Estate, kql: str, kind: type[InvalidArgument], told: str) -> None:
    with pytest.raises(kind, match=told) as error:
        year.query(kql)
    assert error.value.hint


def test_names_become_literals(year: Estate) -> None:
    kql = "jobs | where status in~ ($states) and startTime >= $since | count"
    found = year.query(kql, states=["completed"], since=START)
    assert found["Count"][0] == (year.jobs()["status"] == "Completed").sum()
    hostile = year.query("jobs | where status == $state | count", state="x' or 1 == 1 //")
    assert hostile["Count"][0] == 0


def test_azure_and_an_archive_are_asked_the_same(tmp_path: Path) -> None:
    connection = connect_sandbox(estate="default")
    live = open_live(connection)
    collect(live, tmp_path, recovery_points=False)
    kept = open_archive(tmp_path, at=None, window=live.window)
    kql = (
        "jobs | where startTime >= $start and startTime < $end\n"
        "| summarize n=count(), seconds=sum(durationSeconds) by vaultName, status | order by vaultName asc, status asc"
    )
    window = {"start": live.window.start, "end": live.window.end}
    assert_frame_equal(live.query(kql, **window), kept.query(kql, **window))
    kql = "vaults | project name, storageType, days=tolong(retentionDurationInDays) | order by name asc"
    assert_frame_equal(live.query(kql), kept.query(kql))


def test_the_magic_asks_an_archive(archive: Path) -> None:
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "dpmagic")
    shell.run_cell(f"%%resourcegraph n << --archive {archive}\nvaults | where softDeleteState == 'Off' | project name")
    assert shell.user_ns["n"]["name"].to_list() == ["a"]
    assert not shell.run_cell(f"%resourcegraph --archive {archive} --scope x vaults | count").success
