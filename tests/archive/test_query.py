"""KQL over an archive gives what pandas gives over its tables."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from pandas.testing import assert_frame_equal

from dpmagic.archive.collect import collect
from dpmagic.archive.opening import open_archive
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
    found = year.query("subscriptions | project a=tolong(tags.a), tags, all=pack_array(tags)")
    assert found.to_dict("list") == {"a": [1], "tags.a": [1], "all": [[{"a": 1}]]}


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
        ("jobs | summarize avg(status == 'Failed')", InvalidArgument, "avg does not take bool"),
        ("jobs | extend next = status + 1", InvalidArgument, r"\+ does not take string and long"),
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


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Estate, Estate]:
    """The default estate, and an archive of it at the same instant."""
    live = open_live(connect_sandbox(estate="default"))
    path = tmp_path_factory.mktemp("both")
    collect(live, path, recovery_points=False)
    live = live.over((live.now - timedelta(days=14), live.now))
    return live, open_archive(path, window=live.window)


ALIKE = [
    "exemptions | extend cascade = description | order by cascade, description asc | project id, cascade",
    "exemptions | top 2 by description asc | project description",
    "jobs | count",
    "jobs | order by id asc | summarize n = array_length(make_list(status, 3)), make_list(vaultName, 1),"
    " s = array_length(make_set(id, 2)), make_list_if(status, status == 'Failed', 1), make_set_if(status, status =="
    " 'Failed', 9) by vaultName | order by vaultName asc",
    """jobs | take 1 | project a = "uni\\u00e9 \\\\u00e9 \\x41\\t", b = @'\\u00e9', c = '\\u00df'""",
    "jobs | where isnotnull(durationSeconds) | summarize percentiles(durationSeconds, 50, 95, 99.9), p = percentile("
    "durationSeconds, 75), avg(durationSeconds), stdev(durationSeconds) by vaultName | order by vaultName asc",
    "jobs | summarize dcount(backupInstanceId), first = min(startTime), last = max(endTime),"
    " countif(status == 'Failed') by policyName | order by policyName asc",
    "jobs | summarize s = make_set(errorCode), l = make_list(errorCode) by vaultName"
    " | project vaultName, array_length(s), array_length(l) | order by vaultName asc",
    "jobs | where status == 'Failed' | summarize arg_max(startTime, errorCode, status) by dataSourceName"
    " | order by dataSourceName asc",
    "jobs | summarize arg_max(startTime, *) by backupInstanceId | project id, status | order by id asc",
    "jobs | summarize failed = countif(status == 'Failed'), n = count() by day = bin(startTime, 1d)"
    " | extend share = todouble(failed) / n | order by day asc",
    "jobs | extend time = startofmonth(startTime), week = startofweek(startTime), wd = dayofweek(startTime)"
    " | summarize n = count() by time, week, wd, hourofday(startTime), week_of_year(startTime)"
    " | order by time asc, week asc, wd asc, Column1 asc",
    "jobs | extend how = case(durationSeconds < 60, 'short', durationSeconds < 600, 'usual', 'long'),"
    " ok = iff(status =~ 'completed', 1, 0) | summarize count(), sum(ok), avg(ok) by how | order by how asc",
    "jobs | where startTime > ago(2d) and status in~ ('failed', 'cancelled') and errorMessage has 'error'"
    " | project id, errorCode, recoveryPointId, startTime, endTime, took = endTime - startTime, s = (endTime -"
    " startTime) / 1s, m = datetime_diff('minute', endTime, startTime), t = format_datetime(startTime, 'yyyy-MM-dd HH')"
    " | order by id asc",
    "jobs | extend fault = tostring(errorDetails[0].code) | where isnotempty(fault) | summarize count() by fault,"
    " errorDetails[0].isUserError == true | order by fault asc",
    "jobs | mv-expand fault = errorDetails | extend code = tostring(fault.code) | summarize count() by code"
    " | order by code asc",
    "jobs | top 5 by durationSeconds desc | project id, round(durationSeconds / 60, 1), bin(durationSeconds, 60)",
    "jobs | where vaultName !in ('bv-dev') and vaultName matches regex '^bv-s' "
    " and dataSourceName has_any ('web', 'erp')"
    " | extend vault = tostring(split(id, '/')[8]), x = extract('bv-([a-z]+)', 1, vaultName), u = toupper(vaultName)"
    " | parse vaultName with 'bv-' rest | distinct vault, x, u, rest, substring(vaultName, 3), indexof(vaultName, '-')"
    " | order by vault asc",
    "jobs | top 5 by id asc | project t = tostring(startTime), day = tostring(bin(startTime, 1d)), startTime, c ="
    " tostring(datetime(2026-03-01 01:02:03)), endTime = strcat(endTime, ''), l = tostring(durationSeconds)",
    "disks | extend owner = tostring(tags.owner), env = tostring(tags['env']) | summarize n = count(), gb = sum("
    "diskSizeGB), make_set(location) by owner, env, sku, tier | order by owner asc, env asc, sku asc, tier asc",
    "snapshots | summarize n = count(), gb = sum(diskSizeGB), oldest = min(timeCreated) by resourceGroup"
    " | order by resourceGroup asc",
    "policies | mv-expand rule = policyRules | extend kind = tostring(rule.objectType) | summarize count() by kind"
    " | order by kind asc",
    "vaults | project name, storageType, retentionDurationInDays, tags, a = isempty(storageType), b = isnull("
    "retentionDurationInDays), c = coalesce(resourceGroup, 'none') | order by name asc",
    "changes | summarize n = count() by changeType, changedByType | order by changeType asc, changedByType asc",
    "virtual_machines | summarize disks = count(), data = countif(isnotnull(lun)) by id | order by id asc",
    "exemptions | project name, exemptionCategory, expiresOn | order by name asc",
]


@pytest.mark.parametrize("kql", ALIKE)
def test_azure_and_an_archive_are_asked_the_same(both: tuple[Estate, Estate], kql: str) -> None:
    live, kept = (one.query(kql) for one in both)
    assert len(live)
    assert_frame_equal(live, kept)


@pytest.mark.parametrize(
    ("kql", "instead"),
    [
        ("jobs | summarize n = count() by bin_at(startTime, 1d, datetime(2026-02-01))", "bin(x - offset, 1d) + offset"),
        ("jobs | summarize make_bag(tags)", "pandas"),
        ("jobs | summarize count() by bin(endTime - startTime, 1m)", "/ 1s"),
        ("jobs | extend took = endTime - startTime | project bin(took, 1m)", "durationSeconds"),
        ("jobs | summarize avg(endTime - startTime)", "/ 1s"),
        ("jobs | summarize sum(endTime - startTime)", "/ 1s"),
        ("jobs | summarize sum(isUserTriggered)", "countif"),
        ("jobs | summarize sumif(status, true)", "tolong"),
        ("jobs | evaluate pivot(status)", "pandas"),
        ("resources | where type =~ 'microsoft.compute/disks'", "it has: subscriptions, vaults"),
    ],
)
def test_what_does_not_run_says_what_to_write(year: Estate, kql: str, instead: str) -> None:
    with pytest.raises((AzureError, InvalidArgument)) as error:
        year.query(kql)
    assert instead in error.value.hint
    assert "\n" not in f"{error.value.message}{error.value.hint}"


def test_what_is_said_to_be_written_instead_runs(both: tuple[Estate, Estate]) -> None:
    live, kept = both
    ours = kept.query("jobs | summarize x = min(iff(status == 'Completed', durationSeconds, real(null))) by vaultName")
    theirs = live.query("jobs | summarize x = minif(durationSeconds, status == 'Completed') by vaultName")
    assert_frame_equal(
        ours.sort_values("vaultName", ignore_index=True), theirs.sort_values("vaultName", ignore_index=True)
    )
    shifted = kept.query("jobs | summarize n = count() by day = bin(startTime - 6h, 1d) + 6h | order by day asc")
    assert set(shifted["day"].dt.hour) == {6}


def test_percentiles_have_the_names_they_are_given(year: Estate) -> None:
    kql = "jobs | summarize (low, high) = percentiles(durationSeconds, 5, 95), n = count()"
    assert list(year.query(kql).columns) == ["low", "high", "n"]


def test_the_magic_asks_an_archive(archive: Path) -> None:
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "dpmagic")
    shell.run_cell(f"%%resourcegraph n << --archive {archive}\nvaults | where softDeleteState == 'Off' | project name")
    assert shell.user_ns["n"]["name"].to_list() == ["a"]
    assert not shell.run_cell(f"%resourcegraph --archive {archive} --scope x vaults | count").success
