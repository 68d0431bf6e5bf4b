"""Durations equal a naive reference over the raw job documents, pulled, counted at the source or saved."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas
import pytest

import dpmagic
from dpmagic.errors import AzureError, InvalidArgument
from dpmagic.estate import Estate, grouped
from tests.analysis.lengths import estate, fresh, reference

ESTATES = ("default", "0", "21")
BY = ("vault", "policy", "datasource", "datasourceType", "subscription", "region", "sizeClass", "day", "week", "month")
LABELS = {
    "vault": "vaultId", "policy": "policyId", "datasource": "dataSourceId", "datasourceType": "dataSourceType",
    "subscription": "subscriptionId", "region": "dataSourceLocation", "sizeClass": "sizeClass", "day": "day",
    "week": "week", "month": "month",
}  # fmt: skip
SHARES = ["p50", "p90", "p95", "p99"]
EXACT = ["n", "max", "warnings", "failed", "running", "runningFor"]


def by_key(frame: pandas.DataFrame, by: str) -> dict[Any, dict[str, Any]]:
    return {
        value.lower() if isinstance(value, str)
        else value.date().isoformat() if isinstance(value, pandas.Timestamp)
        else None if pandas.isna(value)
        else int(value): row
        for value, row in zip(frame[LABELS[by]], frame.to_dict("records"), strict=True)
    }  # fmt: skip


def same(one: pandas.DataFrame, other: pandas.DataFrame) -> None:
    """The same groups and figures, whatever the spelling of ids."""
    labels = [name for name in one if name not in (*EXACT, *SHARES)]
    frames = []
    for frame in (one, other):
        texts = {name: frame[name].str.lower() for name in labels if frame[name].dtype == "str"}
        frames.append(frame.assign(**texts).sort_values(labels, ignore_index=True))
    pandas.testing.assert_frame_equal(frames[0][[*labels, *EXACT]], frames[1][[*labels, *EXACT]])
    for share in SHARES:
        near(frames[0][share], frames[1][share])


def near(one: pandas.Series, other: pandas.Series, error: float = 0.032) -> None:
    """Within the error that is said."""
    assert one.isna().equals(other.isna())
    assert ((one - other).abs() <= error * other + pandas.Timedelta("1us")).where(other.notna(), True).all()


@pytest.mark.parametrize("name", ESTATES)
@pytest.mark.parametrize("by", BY)
def test_they_are_those_of_the_documents(name: str, by: str) -> None:
    frame, wanted = dpmagic.durations(estate(name), by), reference(name, by)
    found = by_key(frame, by)
    assert set(found) == set(wanted)
    for key, figures in wanted.items():
        for column, value in figures.items():
            if column in (*SHARES, "max"):
                assert found[key][column].total_seconds() == pytest.approx(value, abs=2e-6, nan_ok=True), (key, column)
            else:
                assert found[key][column] == value, (key, column)


AT_SOURCE = [("default", by) for by in ("vault", "datasource", "day", (), ("policy", "sizeClass"), ("week", "month"))]
AT_SOURCE += [("7", by) for by in ("policy", "sizeClass", "subscription", "region", "datasourceType")]


@pytest.mark.parametrize(("name", "by"), AT_SOURCE)
def test_counted_at_the_source_they_are_the_same(name: str, by: Any) -> None:
    counted = dpmagic.durations(fresh(name), by, method="buckets")
    same(counted, dpmagic.durations(estate(name), by))
    assert counted.attrs["dpmagic"]["method"] == "buckets" and counted.attrs["dpmagic"]["error"] == 0.032
    told = counted.attrs["dpmagic"]["tables"]["jobs"]
    assert {**told, "answers": 0} == {**told, "answers": 0, "rows": len(estate(name).jobs())}


@pytest.mark.parametrize(("most", "by", "answers"), [(30, "day", 2), (40, "datasource", 4)])
def test_in_many_answers_they_are_the_same(most: int, by: str, answers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = estate("0").over((estate("0").now - timedelta(hours=40), estate("0").now - timedelta(hours=20)))
    monkeypatch.setattr(grouped, "PAGE", most)  # as if the service gave no more rows at once
    split = dpmagic.durations(Estate(whole.source, whole.now, whole.window), by, method="buckets")
    assert split.attrs["dpmagic"]["tables"]["jobs"]["answers"] >= answers
    same(split, dpmagic.durations(whole, by))


def test_in_many_batches_they_are_the_same() -> None:
    whole = estate("default")
    jobs = whole.jobs()
    parts = [jobs[jobs["subscriptionId"] == one] for one in jobs["subscriptionId"].unique()]
    again = Estate.of({"jobs": pandas.concat(parts[::-1])}, now=whole.now, window=whole.window)
    pandas.testing.assert_frame_equal(dpmagic.durations(again, "policy"), dpmagic.durations(whole, "policy"))


def test_saved_they_are_the_same(tmp_path: Path) -> None:
    saved = Estate.load(estate("default").save(tmp_path / "saved", ["jobs", "disks", "subscriptions"]))
    for by in BY:
        pandas.testing.assert_frame_equal(dpmagic.durations(saved, by), dpmagic.durations(estate("default"), by))
        same(dpmagic.durations(saved, by, method="buckets"), dpmagic.durations(estate("default"), by))


def test_a_frame_is_enough() -> None:
    whole = estate("default")
    pandas.testing.assert_frame_equal(dpmagic.durations(whole.jobs(), "vault"), dpmagic.durations(whole, "vault"))
    assert dpmagic.durations(whole.jobs(), "subscription")["subscriptionName"].isna().all()
    assert set(dpmagic.durations(whole, "subscription")["subscriptionName"]) == {"Shop", "Data", "Development"}


def test_over_another_window() -> None:
    day = ("2026-02-20", "2026-02-21")
    one = dpmagic.durations(estate("default"), "datasource", day)
    every = dpmagic.durations(estate("default"), ("day", "datasource"))
    mine = every[every["day"] == pandas.Timestamp("2026-02-20", tz="UTC")]
    assert one["n"].sum() == mine["n"].sum() > 0
    assert one.attrs["dpmagic"]["window"] == ["2026-02-20T00:00:00Z", "2026-02-21T00:00:00Z"]


def test_a_running_job_is_no_duration() -> None:
    start = pandas.to_datetime(["2026-03-01T00:00Z", "2026-03-01T01:00Z", "2026-03-01T02:00Z"])
    spans = [pandas.Timedelta("60s"), pandas.NaT, pandas.Timedelta("5s")]
    jobs = pandas.DataFrame(
        {
            "vaultName": "v", "vaultId": ["/V", "/v", "/v"], "operationCategory": "Backup", "startTime": start,
            "status": ["Completed", "InProgress", "Cancelled"], "duration": spans,
        }
    )  # fmt: skip
    [row] = dpmagic.durations(Estate.of({"jobs": jobs}, now="2026-03-01T03:00Z", window="3h")).to_dict("records")
    assert (row["n"], row["running"], row["failed"]) == (1, 1, 1)
    assert row["p50"] == row["max"] == pandas.Timedelta("60s")
    assert row["runningFor"] == pandas.Timedelta("2h")
    [row] = dpmagic.durations(jobs, failed=True).to_dict("records")
    assert (row["n"], row["failed"], row["max"]) == (2, 1, pandas.Timedelta("60s"))


@pytest.mark.parametrize("method", ["rows", "buckets"])
def test_nothing_is_an_empty_answer(method: str) -> None:
    nothing = fresh("0")
    for by in [*BY, ()]:
        found = dpmagic.durations(nothing, by, category="Restore", method=method)
        assert not len(found)
        assert list(found.columns) == list(dpmagic.durations(estate("0"), by).columns)


def test_a_refusal_is_answered_with_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AzureError("DisallowedOperator", "summarize is not for you", status=400)

    monkeypatch.setattr("dpmagic.analysis.durations.pieces_at_source", refuse)
    found = dpmagic.durations(fresh("0"), method="buckets")
    assert found.attrs["dpmagic"]["method"] == "rows" and found.attrs["dpmagic"]["error"] == 0
    assert "Resource Graph refused" in found.attrs["dpmagic"]["notes"][0]
    pandas.testing.assert_frame_equal(found, dpmagic.durations(estate("0")))


def test_groups_too_fine_for_the_service_are_answered_with_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouped, "PAGE", 1)
    hours = (estate("0").now - timedelta(hours=40), estate("0").now - timedelta(hours=34))
    found = dpmagic.durations(fresh("0").over(hours), "datasource", method="buckets")
    assert found.attrs["dpmagic"]["method"] == "rows"
    assert "five minutes of one vault" in found.attrs["dpmagic"]["notes"][0]


def test_rows_that_are_too_many_are_counted_at_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dpmagic.estate.plan.MOST_SECONDS", 0.1)
    found = dpmagic.durations(fresh("0"))
    assert found.attrs["dpmagic"]["method"] == "buckets"
    assert found.attrs["dpmagic"]["notes"][0].startswith("from buckets: rows would take")


LONG_AGO = ("2020-01-01", "2020-02-01")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: dpmagic.durations(estate("0"), "valut"), "jobs are not grouped by 'valut' | did you mean vault?"),
        (lambda: dpmagic.durations(estate("0"), "colour"), "there are: vault, policy, datasource"),
        (lambda: dpmagic.durations(estate("0"), method="row"), "'row' is no method | did you mean rows?"),
        (lambda: dpmagic.durations(estate("0").jobs().drop(columns="duration")), "no column duration"),
        (lambda: dpmagic.durations(estate("0").jobs(), "sizeClass"), "the table disks is missing | there are: jobs"),
        (lambda: dpmagic.durations(estate("0"), over=LONG_AGO), "jobs are remembered from"),
        (lambda: dpmagic.durations(fresh("0"), over=LONG_AGO, method="buckets"), "jobs are remembered"),
        (lambda: dpmagic.durations(estate("0").jobs(), over=LONG_AGO), "jobs are remembered from"),
        (lambda: dpmagic.durations(_plain(), over=LONG_AGO), "those of the table began from 2026"),
        (lambda: dpmagic.durations("jobs.csv"), "str is no estate and no table"),
    ],
)  # fmt: skip
def test_bad_input_says_what_is_missing_and_what_is_there(call: Any, said: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        call()
    told = f"{caught.value.message} | {caught.value.hint}"
    assert said in told and "\n" not in told


def _plain() -> pandas.DataFrame:
    made = estate("default").jobs().copy()
    made.attrs = {}
    return made
