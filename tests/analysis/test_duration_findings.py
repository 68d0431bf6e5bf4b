"""Outliers, trends, jobs that run for too long and how many run at once: as their definitions say, on raw documents."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, theilslopes

import dpmagic
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from tests.analysis.lengths import began, estate, jobs, seconds
from tests.analysis.raw import Record, planted
from tests.estate.raw import at

ESTATES = ("default", "0", "13")
GOOD = ("Completed", "CompletedWithWarnings")
START = datetime(2026, 3, 1, tzinfo=UTC)


def instances(name: str) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in sorted(jobs(name), key=began):
        found.setdefault(at(record, "properties.backupInstanceId").lower(), []).append(record)
    return found


def lengths(mine: list[Record]) -> list[float]:
    return [seconds(one) or 0.0 for one in mine if at(one, "properties.status") in GOOD]


def outliers(name: str) -> dict[str, float]:
    """By job, the modified z of its logarithm."""
    found = {}
    for mine in instances(name).values():
        logs = [math.log(one) for one in lengths(mine)]
        if len(logs) < 8:
            continue
        centre = median(logs)
        away = median([abs(one - centre) for one in logs])
        for record in mine:
            score = 0.6745 * (math.log(seconds(record) or 1.0) - centre) / away
            if at(record, "properties.status") in GOOD and score > 3.5:
                found[record["id"].lower()] = score
    return found


@pytest.mark.parametrize("name", ESTATES)
def test_outliers_are_those_of_the_documents(name: str) -> None:
    found = dpmagic.duration_outliers(estate(name))
    assert dict(zip(found["id"].str.lower(), found["score"], strict=True)) == pytest.approx(outliers(name))


def test_what_was_planted_as_long_is_on_top() -> None:
    found = dpmagic.duration_outliers(estate("default"))
    long = {id.rsplit("/", 1)[-1] for one in planted("default") if one["kind"] == "long" for id in one["dataSourceIds"]}
    assert long == {"data-lake-010", "shop-queue-005"}
    assert set(found["dataSourceName"].head(2)) == long
    failed = dpmagic.duration_outliers(estate("default"), failed=True)
    assert "data-hot-010" in set(failed["dataSourceName"].head(3))  # timed out after a day and a half


@pytest.mark.parametrize("name", ESTATES)
def test_trends_are_those_of_the_documents(name: str) -> None:
    found = dpmagic.duration_trend(estate(name)).set_index("backupInstanceId")
    found.index = found.index.str.lower()
    wanted = {key: mine for key, mine in instances(name).items() if len(lengths(mine)) >= 14}
    assert set(found.index) == set(wanted)
    for key, mine in list(wanted.items())[:40]:
        good = [one for one in mine if at(one, "properties.status") in GOOD]
        days = [began(one).timestamp() / 86_400 for one in good]
        slope, _, low, high = theilslopes(lengths(good), days)
        row = found.loc[key]
        assert (row["secondsPerDay"], row["low"], row["high"]) == pytest.approx((slope, low, high), rel=1e-4, abs=1e-5)
        assert row["p"] == pytest.approx(kendalltau(days, lengths(good)).pvalue)


def test_the_drift_that_was_planted_is_the_steepest_trend() -> None:
    first = dpmagic.duration_trend(estate("default")).iloc[0]
    assert (first["dataSourceName"], first["trend"]) == ("shop-db-010", "longer")
    assert first["low"] <= 9 <= first["high"] + 0.5


def test_what_runs_too_long_is_what_is_stuck() -> None:
    [row] = dpmagic.long_running(estate("default")).to_dict("records")
    assert (row["dataSourceName"], row["verdict"]) == ("data-lake-012", "long")
    assert row["runningFor"] > timedelta(hours=12) or row["runningFor"] > row["limit"]


def table(rows: list[tuple[float, float | None]], instance: str = "/i") -> pandas.DataFrame:
    """Jobs that began so many minutes after the start and took so many seconds; None runs."""
    return pandas.DataFrame(
        {
            "id": [f"/jobs/{number}" for number in range(len(rows))],
            "backupInstanceId": instance, "dataSourceName": "d", "dataSourceId": "/d", "vaultName": "v",
            "vaultId": "/v", "subscriptionId": "s", "operationCategory": "Backup",
            "startTime": pandas.to_datetime([START + timedelta(minutes=minutes) for minutes, _ in rows]),
            "status": ["InProgress" if took is None else "Completed" for _, took in rows],
            "duration": pandas.to_timedelta([took for _, took in rows], unit="s"),
        }
    )  # fmt: skip


@pytest.mark.parametrize(("minutes", "verdicts"), [(3.0, []), (3.0 + 1e-4, ["long"])])
def test_three_times_the_median_is_still_in_time(minutes: float, verdicts: list[str]) -> None:
    usual: list[tuple[float, float | None]] = [(-60.0 * (n + 2), 60.0) for n in range(8)]
    given = Estate.of(
        {"jobs": table([*usual, (0, None)])},
        now=START + timedelta(minutes=minutes),
        window=(START - timedelta(days=1), START + timedelta(hours=1)),
    )
    assert dpmagic.long_running(given)["verdict"].tolist() == verdicts


def test_without_a_history_nobody_can_tell() -> None:
    given = Estate.of({"jobs": table([(-60, 60.0), (0, None)])}, now=START + timedelta(minutes=1), window="1d")
    [row] = dpmagic.long_running(given).to_dict("records")
    assert row["verdict"] == "unverifiable" and pandas.isna(row["limit"]) and row["n"] == 1


@pytest.mark.parametrize(
    ("every", "days", "points", "n"), [(4, 60, "job", 60), (1, 25, "day", 25), (4, 140, "week", 20)]
)
def test_many_jobs_are_a_day_or_a_week_each(every: int, days: int, points: str, n: int) -> None:
    """Ten seconds longer each day, and a job of each day that takes far longer: no median minds it."""
    hours = range(0, 24 * days, every)
    told = [(60.0 * hour, 100.0 + 10 * (hour // 24) + (7_000 if hour % 24 == 4 else 0)) for hour in hours]
    [row] = dpmagic.duration_trend(table(told)).to_dict("records")
    assert (row["points"], row["n"], row["trend"]) == (points, len(told), "longer")
    if points != "job":
        alone = [(1440.0 * (7 if points == "week" else 1) * one, 100.0 + one) for one in range(n)]
        [same] = dpmagic.duration_trend(table(alone)).to_dict("records")
        assert row["secondsPerDay"] == pytest.approx(10) and row["p"] == pytest.approx(same["p"])


def test_equal_lengths_have_neither_outliers_nor_a_trend() -> None:
    same = table([(60.0 * n, 60.0) for n in range(20)])
    assert not len(dpmagic.duration_outliers(same))
    assert dpmagic.duration_trend(same)["trend"].tolist() == ["none"]
    one = dpmagic.duration_outliers(table([*((60.0 * n, 60.0) for n in range(20)), (1300.0, 6000.0)]))
    assert one["id"].tolist() == ["/jobs/20"] and one["times"].tolist() == [pytest.approx(100)]


spans = st.tuples(st.integers(0, 2879), st.none() | st.floats(0, 90_000))


@settings(max_examples=60, deadline=None)
@given(st.lists(spans, min_size=1, max_size=40))
def test_as_many_run_at_once_as_overlap_a_quarter(rows: list[tuple[float, float | None]]) -> None:
    now = START + timedelta(days=2)
    made = dpmagic.concurrency(Estate.of({"jobs": table(rows)}, now=now, window=(START, now)))
    found = dict(zip(made["time"], made["jobs"], strict=True))
    for number in range(4 * 48):
        low = START + number * timedelta(minutes=15)
        high = low + timedelta(minutes=15)
        overlapping = 0
        for minutes, took in rows:
            start = START + timedelta(minutes=minutes)
            end = now if took is None else start + timedelta(seconds=took)
            overlapping += low <= start < high or (start < high and end > low)
        assert found.get(pandas.Timestamp(low), 0) == overlapping


def test_what_is_over_does_not_run_until_now() -> None:
    """Nobody wrote down when the first one ended: it ran in its first quarter at least, and does not any more."""
    jobs = table([(5, None), (65, None)]).assign(status=["Failed", "InProgress"])
    now = START + timedelta(hours=3)
    made = dpmagic.concurrency(Estate.of({"jobs": jobs}, now=now, window=(START, now)), ())
    assert made["time"].tolist() == [START, *(START + timedelta(minutes=one) for one in range(60, 180, 15))]
    assert made["jobs"].tolist() == [1] * 9


def test_jobs_of_another_category_do_not_change_whose_quarters_these_are() -> None:
    jobs = table([(0, 60.0), (5, 60.0), (10, 60.0), (65, 60.0)])
    jobs = jobs.assign(operationCategory=["Restore", "Backup", "Backup", "Backup"])
    jobs = jobs.assign(vaultName=["a", "b", "c", "b"], vaultId=["/v/a", "/v/b", "/v/c", "/v/b"])
    now = START + timedelta(hours=3)
    made = dpmagic.concurrency(Estate.of({"jobs": jobs}, now=now, window=(START, now)))
    found = list(zip(made["vaultName"], made["time"], made["jobs"], strict=True))
    assert found == [("b", START, 1), ("b", START + timedelta(hours=1), 1), ("c", START, 1)]


def test_concurrency_of_groups_adds_up() -> None:
    known = estate("default")
    whole = dpmagic.concurrency(known, ()).set_index("time")["jobs"]
    for by in ("vault", "subscription", "region"):
        pandas.testing.assert_series_equal(dpmagic.concurrency(known, by).groupby("time")["jobs"].sum(), whole)


FINDINGS: list[Any] = [
    dpmagic.duration_outliers, dpmagic.duration_trend, dpmagic.long_running, dpmagic.concurrency,
]  # fmt: skip


@pytest.mark.parametrize("finding", FINDINGS)
def test_nothing_is_an_empty_answer_of_the_same_columns(finding: Any) -> None:
    known = estate("default")
    none = finding(known, category="Restore")
    assert not len(none) and none.dtypes.equals(finding(known).dtypes)


@pytest.mark.parametrize("finding", FINDINGS)
def test_saved_or_as_a_frame_the_answer_is_the_same(finding: Any, tmp_path: Any) -> None:
    known = estate("default")
    saved = Estate.load(known.save(tmp_path / "saved", ["jobs", "subscriptions"]))
    pandas.testing.assert_frame_equal(finding(saved), finding(known))


@pytest.mark.parametrize("finding", FINDINGS)
def test_bad_input_says_what_is_missing(finding: Any) -> None:
    with pytest.raises(InvalidArgument, match="no column startTime"):
        finding(table([(0, 60.0)]).drop(columns="startTime"))
    with pytest.raises(InvalidArgument, match="no job began from 2020"):
        finding(table([(0, 60.0)]), over=("2020-01-01", "2020-01-02"))


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_concurrency_is_not_by_day(period: str) -> None:
    with pytest.raises(InvalidArgument, match="quarter"):
        dpmagic.concurrency(estate("default"), period)
