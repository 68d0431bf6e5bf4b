"""Jobs that DuckDB groups in an archive give to the microsecond what rows give, whatever is collected when."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import dpmagic
from dpmagic.archive.collect import collect
from dpmagic.archive.faults import ArchiveDamaged
from dpmagic.archive.folder import read_manifest
from dpmagic.archive.opening import open_archive
from dpmagic.estate import Estate, portions
from dpmagic.estate.tallies import Wanted, tallied
from dpmagic.estate.window import Window

FIRST = {
    **{"began": 0, "vault": "a", "upper": False, "lasts": 10**7, "status": "Completed", "revised": False},
    **{"timed": True, "category": "Backup"},
}
START = datetime(2026, 1, 30, tzinfo=UTC)  # a month ends soon, and a week; later parts are not merged yet
RUNS = [START + timedelta(days=days, hours=6) for days in (2, 3, 6)]
SUBSCRIPTION = "33333333-3333-4333-8333-333333333333"


def moment(hours: range) -> st.SearchStrategy[int]:
    """Microseconds: of a span as long as this, integers alone would be near to nothing."""
    return st.builds(lambda hour, rest: hour * 3_600_000_000 + rest, st.sampled_from(hours), st.integers(0, 10**9))


job = st.fixed_dictionaries(
    {
        "vault": st.sampled_from(["a", "b"]),
        "upper": st.booleans(),
        "began": moment(range(144)),
        "lasts": st.one_of(st.integers(0, 3_000_000), moment(range(80))),
        "status": st.sampled_from(
            ["Completed", "completed", "CompletedWithWarnings", "Failed", "Cancelled", "Odd", None]
        ),
        "revised": st.booleans(),
        "timed": st.sampled_from([True, True, True, False]),
        "category": st.sampled_from(["Backup", "Backup", "backup", "Restore"]),
    }
)


def table(jobs: list[dict[str, Any]], now: datetime) -> pandas.DataFrame:
    """What Azure says of these jobs: it is read a little after ``now``, and some have ended meanwhile."""
    rows = []
    for number, one in enumerate(jobs):
        began = START + timedelta(microseconds=one["began"])
        if began >= now:
            continue
        over = began + timedelta(microseconds=one["lasts"]) <= now + timedelta(minutes=2)
        name = one["vault"].upper() if one["upper"] else one["vault"]
        vault = f"/subscriptions/{SUBSCRIPTION}/{'X' if one['upper'] else 'x'}/{name}"
        status = "Failed" if one["revised"] and now == RUNS[-1] else one["status"]
        rows.append(
            {
                "id": f"{vault}/jobs/{number}", "subscriptionId": SUBSCRIPTION, "vaultId": vault, "vaultName": name,
                "dataSourceId": f"/disks/{name}{number % 3}", "dataSourceName": f"{name}{number % 3}",
                "policyId": None if number % 4 else vault, "policyName": "p", "isUserTriggered": number % 3 == 0,
                "operationCategory": one["category"], "status": status if over else "InProgress", "startTime": began,
                "endTime": began + timedelta(microseconds=one["lasts"]) if over else None,
                "duration": timedelta(microseconds=one["lasts"]) if over and one["timed"] else None,
            }
        )  # fmt: skip
    columns = list(rows[0]) if rows else ["id", "startTime"]
    return pandas.DataFrame(rows, columns=columns)


def made(folder: Path, jobs: list[dict[str, Any]]) -> None:
    disks = pandas.DataFrame({"id": ["/disks/A0", "/disks/a1", "/disks/b2"], "diskSizeGB": [4, 100, None]})
    subscriptions = pandas.DataFrame({"id": ["/s/1"], "subscriptionId": [SUBSCRIPTION], "name": ["Shop"]})
    for now in RUNS:
        tables = {"jobs": table(jobs, now), "disks": disks, "subscriptions": subscriptions}
        collect(Estate.of(tables, now=now, window=Window(START, now)), folder, since=START if now == RUNS[0] else None)


QUESTIONS: list[tuple[Any, dict[str, Any]]] = [
    *((dpmagic.durations, {"by": by}) for by in ((), "vault", "month", ("week", "vault"), ("day", "month"), "policy")),
    *((dpmagic.durations, {"by": by, "failed": True}) for by in ("sizeClass", ("subscription", "datasource"))),
    (dpmagic.durations, {"by": "vault", "category": "restore"}),
    *((dpmagic.success_rate, {"by": by}) for by in ((), "month", ("vault", "week"), ["isUserTriggered", "policyId"])),
]


def answered(folder: Path, rows: int, question: Any, options: dict[str, Any], **opened: Any) -> pandas.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portions, "ROWS", rows)
        found: pandas.DataFrame = question(open_archive(folder, **opened), **options)
        return found


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    jobs=st.lists(job, min_size=10, max_size=25),
    at=st.sampled_from([*RUNS, RUNS[0] + timedelta(hours=3), RUNS[1] + timedelta(hours=9)]),
    hours=st.one_of(st.just(144), st.integers(55, 144)),
    questions=st.lists(st.sampled_from(range(len(QUESTIONS))), min_size=4, max_size=4, unique=True),
)
def test_grouped_answers_are_those_of_rows(
    jobs: list[dict[str, Any]], at: datetime, hours: int, questions: list[int]
) -> None:
    jobs = [FIRST, *jobs]
    opened = {"at": at, "window": (START, START + timedelta(hours=hours))}
    with tempfile.TemporaryDirectory() as folder:
        made(Path(folder), jobs)
        for question, options in map(QUESTIONS.__getitem__, questions):
            grouped, wanted = (answered(Path(folder), rows, question, options, **opened) for rows in (1, 10**6))
            assert_frame_equal(grouped, wanted, check_index_type=False)
            assert grouped.attrs["dpmagic"] == wanted.attrs["dpmagic"]


def test_they_are_grouped_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [
        {"began": hour * 3_600_000_000, "vault": "ab"[hour % 2], "upper": hour % 5 == 0, "lasts": hour * 10**9}
        | {"status": "Completed", "revised": revised and hour % 7 == 0, "timed": True, "category": "Backup"}
        for hour in range(72)
        for revised in (False, True)
    ]
    made(tmp_path, jobs)
    estate = open_archive(tmp_path, window=(START, RUNS[-1]))
    assert tallied(estate, Wanted(["status"])) is None, "they are few"
    monkeypatch.setattr(portions, "ROWS", 10)
    assert tallied(estate, Wanted(["status", "startTime"])) is None, "they are not compared by when they began"
    found = tallied(estate, Wanted(["status", "vaultId"]))
    assert found is not None and not estate.kept.of("jobs")
    counts = estate.jobs().groupby(["status", "vaultId"]).size()
    assert found.rows.set_index(["status", "vaultId"])["n"].sort_index().to_dict() == counts.to_dict()
    assert tallied(estate, Wanted(["status"])) is None, "they are at hand"


def hurt(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:4] + b"x" * 2000 + content[2004:])


@pytest.mark.parametrize("harm", [Path.unlink, hurt, lambda file: file.write_bytes(file.read_bytes()[:-40])])
def test_damage_is_told(tmp_path: Path, harm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, [FIRST | {"began": hour * 3_600_000_000} for hour in range(48)])
    monkeypatch.setattr(portions, "ROWS", 10)
    estate = open_archive(tmp_path, window=(START, RUNS[-1]))
    file = tmp_path / read_manifest(tmp_path).of("jobs", "rows")[0].file
    harm(file)
    with pytest.raises(ArchiveDamaged, match=file.name):
        dpmagic.durations(estate)
