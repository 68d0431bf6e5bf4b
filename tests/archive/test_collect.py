"""Collecting an estate night by night, and asking the folder what the estate was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas
import pytest
from pandas.testing import assert_frame_equal

import dpmagic
from dpmagic.analysis.coverage import coverage
from dpmagic.archive.collect import collect
from dpmagic.archive.compact import check, compact
from dpmagic.archive.faults import ArchiveDamaged, NotAnArchive
from dpmagic.archive.folder import read_manifest
from dpmagic.archive.opening import open_archive
from dpmagic.connection import connect_sandbox
from dpmagic.errors import InvalidArgument
from dpmagic.estate.estate import Estate
from dpmagic.estate.opening import open_live
from dpmagic.estate.source import Given
from dpmagic.estate.window import Window
from dpmagic.sandbox import Mishap, Mishaps, Sandbox
from tests.analysis.handwritten import HAND_WRITTEN
from tests.archive.conftest import SPEC
from tests.wire import Wire

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
SUB = "11111111-1111-4111-8111-111111111111"


def job(number: int, start: datetime, minutes: float | None, status: str = "Completed") -> dict[str, Any]:
    end = None if minutes is None else start + timedelta(minutes=minutes)
    return {
        "id": f"/subscriptions/{SUB}/backupJobs/{number}",
        "subscriptionId": SUB,
        "status": status if end else "InProgress",
        "startTime": start,
        "endTime": end,
        "duration": None if end is None else end - start,
    }


def estate(jobs: list[dict[str, Any]], vaults: dict[str, str], now: datetime) -> Estate:
    """Jobs as they are at ``now``, of the last 14 days, as the service would show them."""
    seen = []
    for one in jobs:
        if now - timedelta(days=14) < one["startTime"] <= now:
            unended = one["endTime"] is None or one["endTime"] > now
            seen.append(job(int(one["id"].split("/")[-1]), one["startTime"], None) if unended else one)
    tables = {
        "subscriptions": pandas.DataFrame(
            {"id": [f"/subscriptions/{SUB}"], "subscriptionId": [SUB], "tags": [{"a": 1}]}
        ),
        "vaults": pandas.DataFrame(
            [
                {"id": f"/v/{name}", "name": name, "subscriptionId": SUB, "softDeleteState": state}
                for name, state in vaults.items()
            ],
            columns=["id", "name", "subscriptionId", "softDeleteState"],
        ),
        "jobs": pandas.DataFrame(seen, columns=["id", "subscriptionId", "status", "startTime", "endTime", "duration"]),
    }
    return Estate.of(tables, now=now, window=Window(now - timedelta(days=14), now))


def jobs_every(hours: float, days: float, minutes: float = 30) -> list[dict[str, Any]]:
    count = int(days * 24 / hours)
    return [job(number, START + timedelta(hours=number * hours), minutes) for number in range(count)]


def ids(frame: pandas.DataFrame) -> set[str]:
    return set(frame["id"])


def test_a_second_run_adds_nothing(tmp_path: Path) -> None:
    now = START + timedelta(days=2)
    first = collect(estate(jobs_every(4, 3), {"a": "On"}, now), tmp_path).set_index("table")
    assert first.loc["jobs", "new"] == 13 - 1  # one of them runs
    again = collect(estate(jobs_every(4, 3), {"a": "On"}, now), tmp_path)
    assert again[["new", "changed", "gone"]].to_numpy().sum() == 0
    before = [part.file for part in read_manifest(tmp_path).parts]
    collect(estate(jobs_every(4, 3), {"a": "On"}, now), tmp_path)
    assert [part.file for part in read_manifest(tmp_path).parts] == before


def test_every_job_once_however_runs_overlap(tmp_path: Path) -> None:
    jobs = jobs_every(4, 40, minutes=200)
    for hours in (0.5, 30, 31, 100, 300, 420, 421, 700, 900, 960):
        collect(estate(jobs, {"a": "On"}, START + timedelta(hours=hours)), tmp_path)
    asked = open_archive(tmp_path, window=(START, START + timedelta(hours=960)))
    assert sorted(asked.jobs()["id"]) == sorted(one["id"] for one in jobs)
    assert asked.jobs()["endTime"].notna().sum() == len(jobs) - 1 + (asked.now >= jobs[-1]["endTime"])
    assert asked.jobs().attrs["dpmagic"]["notes"] == []


def test_as_it_was_known_at_every_earlier_run(tmp_path: Path) -> None:
    jobs, nights = jobs_every(4, 10, minutes=300), []
    for day in range(1, 10):
        vaults = {"a": "On" if day < 4 else "Off", **({"b": "On"} if 2 <= day < 7 else {}), "c": "On"}
        now = START + timedelta(days=day)
        nights.append(estate(jobs, vaults, now))
        collect(nights[-1], tmp_path)
    for live in nights:
        window = Window(START, live.now)
        past = open_archive(tmp_path, at=live.now, window=window)
        for name in ("vaults", "jobs"):
            want = live.over(window).table(name)
            got = past.table(name)[list(want.columns)].sort_values("id", ignore_index=True)
            assert_frame_equal(got, want.sort_values("id", ignore_index=True))
        assert past.source.scope.readable == [SUB]


def test_missed_nights_are_named(tmp_path: Path) -> None:
    jobs = jobs_every(4, 40)
    for day in (1, 2, 4, 5, 25):
        collect(estate(jobs, {"a": "On"}, START + timedelta(days=day)), tmp_path)
    asked = open_archive(tmp_path, window=(START, START + timedelta(days=25)))
    [note] = asked.jobs().attrs["dpmagic"]["notes"]
    assert note == "no run saw the jobs from 2026-03-07T08:00:00Z to 2026-03-13T08:00:00Z"
    lost = {one["id"] for one in jobs if START + timedelta(days=5) < one["startTime"] < START + timedelta(days=11)}
    assert ids(asked.jobs()).isdisjoint(lost - {jobs[-1]["id"]})
    [note] = asked.vaults().attrs["dpmagic"]["notes"]
    assert note == "no run looked at the estate on 2026-03-05, 2026-03-08 to 2026-03-26"


def test_a_table_that_some_runs_leave_out(tmp_path: Path) -> None:
    jobs = jobs_every(4, 20)

    def night(day: int, *only: str) -> None:
        collect(
            estate(jobs, {"a": "On" if day < 4 else "Off"}, START + timedelta(days=day)), tmp_path, only=only or None
        )

    night(1)
    for day in (2, 3, 4):
        night(day, "vaults")
    blind = open_archive(tmp_path, window=(START, START + timedelta(days=4)))
    assert blind.jobs().attrs["dpmagic"]["notes"] == [
        "no run saw the jobs from 2026-03-03T08:00:00Z to 2026-03-06T08:00:00Z"
    ]
    assert blind.vaults().attrs["dpmagic"]["notes"] == []
    for day in (5, 6, 7):
        night(day, "jobs")
    asked = open_archive(tmp_path, window=(START, START + timedelta(days=7)))
    # The first run that reads jobs again looks back to the last one that did.
    assert asked.jobs().attrs["dpmagic"]["notes"] == []
    assert ids(asked.jobs()) == {one["id"] for one in jobs if one["startTime"] < asked.now}
    assert list(asked.vaults()["softDeleteState"]) == ["Off"]
    assert asked.vaults().attrs["dpmagic"]["notes"] == ["no run read the vaults on 2026-03-07, 2026-03-08"]


def test_each_table_is_read_from_its_own_last_run_on(tmp_path: Path) -> None:
    def night(day: int, *only: str, since: datetime | None = None) -> dict[str, int]:
        now = START + timedelta(days=day)
        times = [START + timedelta(hours=6 * number) for number in range(4 * day)]
        changes = pandas.DataFrame({"id": [f"/c/{at:%d-%H}" for at in times], "timestamp": times})
        tables = {"subscriptions": estate([], {}, now).subscriptions(), "changes": changes}
        tables["jobs"] = estate(jobs_every(6, day), {}, now).jobs()
        live = Estate.of(tables, now=now, window=Window(now - timedelta(days=14), now))
        return dict(collect(live, tmp_path, only=only, since=since).set_index("table")["read"])

    night(1, "jobs", "changes")
    for day in range(2, 8):
        night(day, "jobs")
    assert night(8, "jobs", "changes") == {"subscriptions": 1, "jobs": 8, "changes": 32}
    night(12, "jobs", since=START + timedelta(days=11))
    night(13, "jobs", "changes")  # changes of all the days since the eighth, jobs of no more than the last two
    asked = open_archive(tmp_path, window=(START, START + timedelta(days=13)))
    told = "no run saw the jobs from 2026-03-10T08:00:00Z to 2026-03-13T08:00:00Z"
    assert asked.jobs().attrs["dpmagic"]["notes"] == [told]
    assert asked.changes().attrs["dpmagic"]["notes"] == []
    assert (len(asked.jobs()), len(asked.changes())) == (52 - 12, 52)


def test_only_tables_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="no table 'job'") as refused:
        collect(estate([], {}, START), tmp_path, only=["job"])
    assert "jobs" in refused.value.hint
    assert not (tmp_path / "archive.json").exists()
    told = collect(estate(jobs_every(4, 1), {"a": "On"}, START + timedelta(days=1)), tmp_path, only="jobs")
    assert list(told["table"]) == ["subscriptions", "jobs"]


def test_a_job_that_ran_for_long_is_there_once_it_has_ended(tmp_path: Path) -> None:
    long = [job(1, START, 5 * 24 * 60)]
    for day in (1, 3, 4, 6):
        collect(estate(long, {"a": "On"}, START + timedelta(days=day)), tmp_path)
    [row] = open_archive(tmp_path, window=(START, START + timedelta(days=6))).jobs().to_dict("records")
    assert row["duration"] == timedelta(days=5)
    [row] = (
        open_archive(tmp_path, at=START + timedelta(days=4), window=(START, START + timedelta(days=4)))
        .jobs()
        .to_dict("records")
    )
    assert row["status"] == "InProgress"


def test_a_job_that_azure_corrects(tmp_path: Path) -> None:
    for status in ("Failed", "Completed"):
        told = collect(estate([job(1, START, 30, status)], {"a": "On"}, START + timedelta(days=1)), tmp_path)
    assert told.set_index("table").loc["jobs", "changed"] == 1
    for act in (lambda: None, lambda: compact(tmp_path, START + timedelta(days=60))):
        act()
        assert list(open_archive(tmp_path, window=(START, START + timedelta(days=1))).jobs()["status"]) == ["Completed"]


def test_compaction_changes_no_answer(tmp_path: Path) -> None:
    jobs = jobs_every(6, 50)
    for day in range(1, 50, 3):
        vaults = {str(one): "On" for one in range(day % 5 + 1)}
        collect(estate(jobs, vaults, START + timedelta(days=day)), tmp_path)

    def answers() -> list[pandas.DataFrame]:
        found = []
        for day in (10, 30, 49):
            asked = open_archive(tmp_path, at=START + timedelta(days=day), window=f"{day}d")
            found += [asked.table(name).sort_values("id", ignore_index=True) for name in ("jobs", "vaults")]
        return found

    before, files = answers(), len(read_manifest(tmp_path).parts)
    assert compact(tmp_path, START + timedelta(days=70)) > 0
    assert len(read_manifest(tmp_path).parts) < files
    for got, want in zip(answers(), before, strict=True):
        assert_frame_equal(got, want)
    assert set(check(tmp_path)["found"]) == {"sound"}


def test_check_names_what_is_wrong(tmp_path: Path) -> None:
    collect(estate(jobs_every(4, 3), {"a": "On"}, START + timedelta(days=2)), tmp_path)
    parts = read_manifest(tmp_path).parts
    (tmp_path / parts[0].file).unlink()
    (tmp_path / parts[1].file).write_bytes(b"PAR1")
    found = check(tmp_path).set_index("file")["found"]
    assert found[parts[0].file] == "missing"
    assert found[parts[1].file] == "changed"


@pytest.mark.parametrize("hurt", [Path.unlink, lambda file: file.write_bytes(file.read_bytes()[:-40])])
def test_a_damaged_archive_says_which_file(tmp_path: Path, hurt: Callable[[Path], object]) -> None:
    now = START + timedelta(days=2)
    live = estate(jobs_every(4, 3), {"a": "On"}, now)
    collect(live, tmp_path)
    [part] = read_manifest(tmp_path).of("jobs", "rows")
    hurt(tmp_path / part.file)
    asked = open_archive(tmp_path)
    for act in (asked.jobs, lambda: asked.query("jobs | count"), lambda: collect(live, tmp_path)):
        with pytest.raises(ArchiveDamaged, match=part.file.rpartition("/")[2]) as refused:
            act()
        assert "archive check" in refused.value.hint
    assert list(asked.vaults()["name"]) == ["a"]
    assert len(read_manifest(tmp_path).runs) == 1


def test_what_is_refused(tmp_path: Path) -> None:
    now = START + timedelta(days=2)
    collect(estate(jobs_every(4, 3), {"a": "On"}, now), tmp_path)
    with pytest.raises(InvalidArgument, match="already reaches 2026-03-04T08:00"):
        collect(estate(jobs_every(4, 3), {"a": "On"}, now - timedelta(hours=1)), tmp_path)
    with pytest.raises(InvalidArgument, match="begins at 2026-03-04"):
        open_archive(tmp_path, at=START)
    with pytest.raises(InvalidArgument, match="knows of jobs from 2026-02-18"):
        open_archive(tmp_path, window=("2026-01-01", "2026-02-01"))
    with pytest.raises(InvalidArgument, match="not in the past"):
        collect(estate([], {}, now), tmp_path, since="2027-01-01")
    with pytest.raises(InvalidArgument, match="since 'yesterday' is not an instant"):
        collect(estate([], {}, now), tmp_path, since="yesterday")
    with pytest.raises(NotAnArchive, match="no folder"):
        open_archive(tmp_path / "nowhere")
    assert len(read_manifest(tmp_path).runs) == 1


def test_a_job_that_azure_corrects_just_after_a_month_began(tmp_path: Path) -> None:
    """It was stored with those of the month before; merging this month's files keeps the newer one in its place."""
    begin = datetime(2026, 4, 1, 10, tzinfo=UTC)
    jobs = [job(number, begin + timedelta(hours=12 * number), 30) for number in range(-4, 40)]
    jobs[4] = job(0, begin, 30, "Failed")
    for day in range(1, 14):
        jobs[4] = job(0, begin, 30, "Failed" if day < 2 else "Completed")
        collect(estate(jobs, {"a": "On"}, datetime(2026, 4, 1, 8, tzinfo=UTC) + timedelta(days=day)), tmp_path)
    for act in (lambda: None, lambda: compact(tmp_path, START + timedelta(days=90))):
        act()
        found = open_archive(tmp_path, window=("2026-03-20", "2026-04-10")).jobs()
        assert list(found.loc[found["startTime"] == begin, "status"]) == ["Completed"]
        assert not found["id"].duplicated().any()


@pytest.mark.parametrize("kind", ["rows", "latest"])
def test_damage_is_not_written_anew_as_sound(tmp_path: Path, kind: Any) -> None:
    """A bit of a comment of the file's own, which every reader passes over, stands for one that is read as another."""
    jobs = jobs_every(12, 40, minutes=14 * 60)
    for day in (10, 12, 14):
        collect(estate(jobs, {"a": "On"}, START + timedelta(days=day)), tmp_path)
    before = read_manifest(tmp_path)
    file = tmp_path / before.of("jobs", kind)[0].file
    content = file.read_bytes()
    assert b"parquet-cpp-arrow" in content
    file.write_bytes(content.replace(b"parquet-cpp-arrow", b"parquet-cpp-errow"))
    assert len(open_archive(tmp_path).jobs())
    with pytest.raises(ArchiveDamaged, match=file.name):
        collect(estate(jobs, {"a": "On"}, START + timedelta(days=15)), tmp_path)
        compact(tmp_path, START + timedelta(days=90))
    assert list(check(tmp_path).set_index("found").loc[["changed"], "file"]) == [f"parts/jobs/{file.name}"]


def test_a_job_that_azure_corrects_days_later(tmp_path: Path) -> None:
    """Its day is read again, and so is that of one that came late; the others are not."""
    jobs, late = jobs_every(6, 8), job(1_000, START + timedelta(days=2, hours=3), 30)

    def night(day: int) -> dict[str, int]:
        told = collect(estate(jobs, {"a": "On"}, START + timedelta(days=day)), tmp_path).set_index("table")
        return dict(told.loc["jobs", ["read", "new", "changed"]])

    for day in range(1, 6):
        assert night(day)["read"] == (8 if day > 1 else 4)
    jobs[2] = job(2, jobs[2]["startTime"], 30, "Failed")
    jobs.append(late)
    assert night(6) == {"read": 8 + 3 + 5, "new": 4 + 1, "changed": 1}
    jobs[9] = job(9, jobs[9]["startTime"], 35)
    assert night(7) == {"read": 8 + 5, "new": 4, "changed": 1}
    assert night(8)["read"] == 8
    found = open_archive(tmp_path, window=(START, START + timedelta(days=8))).jobs().set_index("id")
    assert len(found) == len(jobs) and found["status"].eq("Failed").sum() == 1
    assert found.loc[late["id"], "status"] == "Completed"


def test_a_job_is_asked_for_until_its_status_is_final(tmp_path: Path) -> None:
    """One that is being cancelled says when its work ended."""
    for day, status in ((1, "Cancelling"), (4, "Cancelling"), (6, "Cancelled"), (9, "Cancelled")):
        collect(estate([job(1, START, 30, status)], {"a": "On"}, START + timedelta(days=day)), tmp_path)
        found = open_archive(tmp_path, window=(START, START + timedelta(days=1))).jobs()
        assert list(found["status"]) == [status]
    assert not read_manifest(tmp_path).of("jobs", "latest")


def test_what_was_corrected_is_found_by_one_grouped_question(tmp_path: Path) -> None:
    """Of the sandbox, whose jobs stay: the archive was told otherwise of how one ended, and why another one failed."""
    vault = {"v": {"policies": ["p"]}}
    disks = [{"name": "d", "count": 2, "vault": "v", "policy": "p"}]
    policy = {"p": {"every": "P1D", "start": "2024-01-01T01:00:00Z", "keep": "P7D"}}
    there = [{"name": "S", "id": SUB, "vaults": vault, "disks": disks}]
    bad = [{"kind": "failed", "disks": "d-002", "at": "-7d", "runs": 4}]
    spec = {"days": 9, "policies": policy, "subscriptions": there, "plant": bad}
    sandbox = dpmagic.connect_sandbox(estate=spec).sandbox
    live = dpmagic.open()
    until_now = live.over((START - timedelta(days=9), live.now))
    tables = {name: until_now.table(name) for name in ("subscriptions", "jobs")}
    jobs = tables["jobs"]
    jobs.loc[jobs.index[jobs["status"] == "Completed"][3], "status"] = "Failed"
    jobs.loc[jobs.index[jobs["errorMessage"].notna()][1], "errorMessage"] = "Nobody knows."
    told = Estate(Given(tables, live.source.target), live.now, live.window)
    collect(told, tmp_path, only=["jobs"])
    sandbox.advance("3d")
    found = collect(dpmagic.open(), tmp_path, only=["jobs"]).set_index("table").loc["jobs"]
    assert (found["read"], found["new"], found["changed"]) == (2 * 4 + 2 * 2, 2 * 3, 2)
    kept, now = (of.jobs().sort_values("id", ignore_index=True) for of in (open_archive(tmp_path), dpmagic.open()))
    assert_frame_equal(kept.drop(columns="errorDetails"), now.drop(columns="errorDetails"))
    sandbox.advance("1d")
    assert collect(dpmagic.open(), tmp_path, only=["jobs"]).set_index("table").loc["jobs", "read"] == 4


def test_an_archive_before_the_first_job(tmp_path: Path) -> None:
    """Jobs were read, and there were none: that is an answer, no table that is missing."""
    live = dpmagic.open(connection=connect_sandbox(estate=HAND_WRITTEN["spec"]))
    collect(live, tmp_path)
    kept = open_archive(tmp_path)
    assert kept.jobs().empty and kept.jobs().dtypes.equals(live.jobs().dtypes)
    assert coverage(kept).equals(coverage(live))
    assert kept.source.query("jobs | count", {}, kept.now, kept.window)["Count"].tolist() == [0]


def test_a_night_leaves_out_what_azure_refuses_and_reads_the_rest_at_once(tmp_path: Path) -> None:
    wire = Wire(Sandbox(estate=SPEC))
    wire.sandbox.mishaps = Mishaps([Mishap("forbidden", text="backupjobs|compute/snapshots'|policyexemptions")])
    night = open_live(wire.connection())
    told = collect(night, tmp_path, recovery_points=False).set_index("table")["missing"].dropna()
    assert list(told.index) == ["jobs", "snapshots", "exemptions"], "in the order of the tables"
    assert told.str.startswith("AuthorizationFailed").all()
    assert [*read_manifest(tmp_path).runs[-1].missing] == list(told.index)
    wire.sandbox.mishaps = Mishaps()
    wire.sent.clear()
    assert collect(night, tmp_path, recovery_points=False)["missing"].isna().all()
    asked = [url for _, url in wire.sent if "ResourceGraph" in url]
    assert len(asked) == 3, "only what the first did not give is read for the second"
