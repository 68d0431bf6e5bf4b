"""A large archive is read a portion at a time, and gives the answers that it gives read whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas
import pytest
from pandas.testing import assert_frame_equal

import dpmagic
from dpmagic.archive.faults import ArchiveDamaged
from dpmagic.archive.opening import open_archive
from dpmagic.estate import portions

_QUESTIONS: list[tuple[Callable[..., pandas.DataFrame], dict[str, Any]]] = [
    *((dpmagic.success_rate, {"by": by}) for by in ((), "day", ("vault", "backupInstanceId"), "status")),
    *((dpmagic.durations, {"by": by}) for by in ((), "vault", "day", ("subscription", "sizeClass"), "datasource")),
    (dpmagic.durations, {"by": ("policy", "region"), "failed": True}),
    (dpmagic.durations, {"by": ("policy", "datasourceType"), "method": "buckets"}),
    *((dpmagic.concurrency, {"by": by}) for by in ((), "vault", ("datasource", "subscription"))),
    (dpmagic.duration_outliers, {"limit": 1.5}),
    (dpmagic.duration_outliers, {"failed": True}),
    (dpmagic.duration_trend, {}),
    (dpmagic.long_running, {}),
    (dpmagic.failures, {}),
    (dpmagic.recoveries, {}),
    (dpmagic.adherence, {}),
    (dpmagic.missed_runs, {}),
    (dpmagic.restore_evidence, {"within": "7d"}),
    (dpmagic.coverage_calendar, {}),
    (dpmagic.coverage, {"by": "subscription"}),
    (dpmagic.coverage_gaps, {}),
    (dpmagic.rpo, {}),
    (dpmagic.triage, {}),
    (dpmagic.retention_points, {}),
    (dpmagic.findings, {}),
    *((dpmagic.start_delay, {"by": by}) for by in (None, "vaultName", "day")),
]


@pytest.mark.parametrize(("question", "options"), _QUESTIONS)
@pytest.mark.parametrize("end", [datetime(2026, 3, 3, 8, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)])
def test_portions_give_the_answer_of_the_whole(
    archive: Path, question: Any, options: dict[str, Any], end: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = (datetime(2026, 2, 18, tzinfo=UTC), end)
    whole = question(open_archive(archive, window=window), **options)
    monkeypatch.setattr(portions, "ROWS", 100)
    estate = open_archive(archive, window=window)
    made = question(estate, **options)
    assert_frame_equal(made, whole, check_index_type=False)
    assert made.attrs["dpmagic"] == whole.attrs["dpmagic"]
    assert not estate.kept.of("jobs"), "not read whole"


@pytest.mark.parametrize(
    "question", [dpmagic.orphan_instances, dpmagic.posture, dpmagic.posture_history, dpmagic.findings]
)
def test_of_very_many_changes_only_those_that_tell_are_read(
    archive: Path, question: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate = open_archive(archive)
    whole = question(estate)
    assert len(estate.changes()) > 2
    monkeypatch.setattr("dpmagic.estate.estate.MUCH", 1)
    picking = open_archive(archive)
    assert_frame_equal(question(picking), whole)
    read = [one for one in picking.kept.tables if one.known.name == "changes"]
    assert all(one.excerpt is not None and 0 < len(one.rows) < len(estate.changes()) for one in read)
    noted = [note for note in picking.completeness["tables"].get("changes", {}).get("notes", []) if "only" in note]
    assert len(noted) == bool(read)


def test_portions_are_all_rows_once_and_instances_stay_together(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    window = (datetime(2026, 2, 18, tzinfo=UTC), datetime(2026, 3, 3, 8, tzinfo=UTC))
    jobs = open_archive(archive, window=window).jobs()
    monkeypatch.setattr(portions, "ROWS", 100)
    for together in (False, True):
        parts = list(portions.portions(open_archive(archive, window=window), ["id", "status"], together=together))
        read = [part.jobs() for part in parts]
        assert sorted(pandas.concat(read)["id"]) == sorted(jobs["id"])
        assert len(parts) > 3 and all(len(rows) <= (200 if together else 100) for rows in read)
        if together:
            of = [set(rows["backupInstanceId"].dropna().str.lower()) for rows in read]
            assert sum(map(len, of)) == len(set().union(*of))
            assert sum(len(part.instances()) for part in parts) == len(open_archive(archive).instances())


def test_instances_that_tell_nothing_are_left_out(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = open_archive(archive).jobs()
    telling = set(jobs.loc[jobs["status"] != "Completed", "backupInstanceId"].dropna().str.lower())
    monkeypatch.setattr(portions, "ROWS", 100)
    parts = portions.portions(open_archive(archive), ["status"], together=True, unless=("completed",))
    ids = pandas.concat([part.jobs() for part in parts])["backupInstanceId"].str.lower()
    assert 0 < len(telling) < jobs["backupInstanceId"].nunique()
    assert set(ids.dropna()) == telling
    whole = jobs["backupInstanceId"].str.lower()
    assert len(ids) == whole.isin(telling).sum() + whole.isna().sum()


def test_columns_that_only_failures_are_asked_for_are_theirs(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = open_archive(archive).jobs().set_index("id").sort_index()
    done = jobs["status"] == "Completed"
    monkeypatch.setattr(portions, "ROWS", 100)
    names = ["id", "status", "policyName"]
    parts = portions.portions(open_archive(archive), names, unless=("completed",), bare=("policyName",))
    read = pandas.concat([part.jobs() for part in parts]).set_index("id").sort_index()
    assert jobs.loc[done, "policyName"].notna().any() and jobs.loc[~done, "policyName"].notna().any()
    assert read["policyName"].fillna("").tolist() == jobs["policyName"].mask(done).fillna("").tolist()


def test_what_is_at_hand_is_not_read_again(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "ROWS", 100)
    estate = open_archive(archive)
    assert len(list(portions.portions(estate, ["status"]))) > 1
    estate.jobs()
    assert list(portions.portions(estate, ["status"])) == [estate]


def test_an_instance_without_jobs_in_the_window_is_in_a_portion(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    window = (datetime(2026, 3, 2, 20, 30, tzinfo=UTC), datetime(2026, 3, 3, 8, tzinfo=UTC))
    estate = open_archive(archive, window=window)
    ran = set(estate.jobs()["backupInstanceId"].str.lower())
    monkeypatch.setattr(portions, "ROWS", 10)
    parts = list(portions.portions(open_archive(archive, window=window), ["status"], together=True))
    ids = sorted(one for part in parts for one in part.instances()["id"])
    assert len(parts) > 1 and ids == sorted(estate.instances()["id"])
    assert set(estate.instances()["id"].str.lower()) - ran


def test_ids_of_a_portion_are_numbers_until_they_are_spelled(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = open_archive(archive).jobs()
    monkeypatch.setattr(portions, "ROWS", 100)
    for together in (False, True):
        found = []
        for part in portions.portions(open_archive(archive), ["id", "startTime"], together=together, numbers=True):
            rows = part.jobs().assign(text=lambda rows, part=part: portions.spelled(part, rows["id"]))
            some = rows["id"].where(rows.index % 2 == 0)
            assert portions.spelled(part, some).equals(rows["text"].where(some.notna()))
            found.append(rows)
        made = pandas.concat(found)
        assert len(found) > 1 and pandas.api.types.is_integer_dtype(made["id"])
        times = jobs.set_index("id")["startTime"].sort_index()
        assert made.set_index("text")["startTime"].sort_index().tolist() == times.tolist()
        assert sorted(made["text"]) == sorted(jobs["id"])
    assert portions.spelled(open_archive(archive), jobs["id"]).equals(jobs["id"]), "texts stay what they are"


def test_jobs_that_several_questions_take_are_read_from_files_once(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(archive, tmp_path / "copy"))
    monkeypatch.setattr(portions, "ROWS", 100)
    window = (datetime(2026, 2, 18, tzinfo=UTC), datetime(2026, 3, 3, 8, tzinfo=UTC))
    estate = open_archive(copy, window=window)
    shorter = estate.over((window[0], datetime(2026, 3, 1, tzinfo=UTC)))
    wanted = {len(pandas.concat([part.jobs() for part in portions.portions(one, ["id"])])) for one in (estate, shorter)}
    with portions.reading_once(estate, ["id", "status"]):
        shutil.rmtree(copy / "parts")
        found = {
            len(pandas.concat([part.jobs() for part in portions.portions(one, ["id"])])) for one in (estate, shorter)
        }
        assert found == wanted and len(found) == 2
        with pytest.raises(ArchiveDamaged):
            list(portions.portions(estate, ["policyId"]))
    with pytest.raises(ArchiveDamaged):
        list(portions.portions(estate, ["id"]))
