"""Success, adherence, failures, restores and policies: against plain loops over the documents, and by hand."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.stats import binomtest

from dpmagic.analysis.adherence import adherence
from dpmagic.analysis.controls import control_members
from dpmagic.analysis.failures import failures, recoveries
from dpmagic.analysis.policy_inventory import policy_inventory
from dpmagic.analysis.restore_evidence import restore_evidence
from dpmagic.analysis.simulate import simulate
from dpmagic.analysis.snapshot_headroom import snapshot_headroom
from dpmagic.analysis.success_rate import success_rate, wilson
from dpmagic.connection import connect_sandbox
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from dpmagic.estate.opening import open_live

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def estate() -> Estate:
    return open_live(connect_sandbox(estate="default"))


@pytest.fixture(scope="module")
def documents(estate: Estate) -> list[dict[str, Any]]:
    """Every backup job until now that began in the window or after it, as plain values, by start."""
    jobs = estate.over((estate.window.start, estate.now)).jobs()
    names = ["id", "backupInstanceId", "vaultName", "status", "startTime", "endTime", "errorCode"]
    rows: Any = jobs[names].to_dict("records")
    return sorted(rows, key=lambda row: row["startTime"])


def test_success_rate_is_that_of_a_plain_count(estate: Estate, documents: list[dict[str, Any]]) -> None:
    want: dict[str, Counter[str]] = defaultdict(Counter)
    for row in documents:
        if row["startTime"] < estate.window.end:
            want[row["vaultName"]][row["status"]] += 1
    found = success_rate(estate, by="vault").set_index("vaultName")
    assert set(found.index) == set(want)
    for vault, counts in want.items():
        row = found.loc[vault]
        assert row["n"] == counts["Completed"] + counts["Failed"]
        assert (row["succeeded"], row["failed"], row["running"]) == (
            counts["Completed"],
            counts["Failed"],
            counts["InProgress"],
        )
        assert row["low"] < row["rate"] < row["high"] or row["failed"] == 0
    whole = success_rate(estate).iloc[0]
    assert whole["n"] == found["n"].sum()
    by_day = success_rate(estate, by=["vault", "day"])
    assert by_day["n"].sum() == whole["n"]
    assert str(by_day["day"].dtype) == "datetime64[us, UTC]"


def test_warnings_are_successes_and_shown() -> None:
    states = ["Completed", "CompletedWithWarnings", "Failed", "Cancelled", "InProgress"]
    jobs = pandas.DataFrame(
        {"status": states, "operationCategory": "Backup", "startTime": [NOW - timedelta(hours=5)] * 5}
    )
    [row] = success_rate(jobs).to_dict("records")
    assert (row["n"], row["succeeded"], row["withWarnings"]) == (4, 2, 1)
    assert (row["failed"], row["cancelled"], row["running"], row["rate"]) == (1, 1, 1, 0.5)
    nothing = Estate.of({"jobs": jobs.head(0)}, now=NOW, window="14d")
    assert len(success_rate(nothing, by="day")) == 0
    assert pandas.isna(success_rate(nothing)["rate"][0])


@given(some.integers(1, 10**6), some.floats(0, 1))
def test_wilson_is_that_of_scipy(n: int, share: float) -> None:
    k = round(n * share)
    low, high = wilson(k, n)
    found = binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert low == pytest.approx(found.low, abs=1e-9)
    assert high == pytest.approx(found.high, abs=1e-9)


def test_adherence_names_the_days_that_were_planted(estate: Estate) -> None:
    found = adherence(estate).set_index("name")
    assert found.loc["data-lake-002", "missed"] == ["2026-02-25", "2026-02-26"]  # two nights without a job
    assert found.loc["data-lake-005", "missed"] == ["2026-02-28"]  # failed
    assert found.loc["shop-web-001", "missed"] == []  # one run of six is missing that day
    assert found.loc["shop-archive-002", "due"] == 2  # weekly
    told = found.attrs["dpmagic"]
    assert told["due"] == found["due"].sum()
    assert told["met"] == told["due"] - sum(map(len, found["missed"]))
    assert told["adherence"] == pytest.approx(told["met"] / told["due"])


def test_failures_add_up(estate: Estate, documents: list[dict[str, Any]]) -> None:
    want = Counter(
        row["errorCode"] for row in documents if row["status"] == "Failed" and row["startTime"] < estate.window.end
    )
    found = failures(estate)
    assert dict(zip(found["errorCode"], found["n"], strict=True)) == want
    assert found["n"].is_monotonic_decreasing
    assert found["cumulative"].iloc[-1] == pytest.approx(1)
    assert found.set_index("errorCode").loc["InternalServerError", "fault"] == "service"


def episodes_by_loop(documents: list[dict[str, Any]], end: datetime) -> list[tuple[Any, ...]]:
    by_instance: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in documents:
        if row["status"] in ("Completed", "Failed"):
            by_instance[row["backupInstanceId"].lower()].append(row)
    made = []
    for rows in by_instance.values():
        rows.sort(key=lambda row: row["endTime"])
        going: list[dict[str, Any]] = []
        for row in [*rows, None]:
            if row is not None and row["status"] == "Failed":
                going.append(row)
            elif going:
                again = any(one["errorCode"] == other["errorCode"] for one, other in pairwise(going))
                until = None if row is None else row["endTime"]
                if going[0]["startTime"] < end:
                    made.append((going[0]["endTime"], len(going), again, until))
                going = []
    return sorted(made, key=lambda one: (one[0], one[1]))


def test_episodes_are_those_of_a_plain_loop(estate: Estate, documents: list[dict[str, Any]]) -> None:
    found = recoveries(estate)
    got = [
        (row["failed"], row["failures"], row["persistent"], None if pandas.isna(row["recovered"]) else row["recovered"])
        for row in found.to_dict("records")
    ]
    want = episodes_by_loop(documents, estate.window.end)
    assert sorted(got, key=lambda one: (one[0], one[1])) == want
    assert found.attrs["dpmagic"]["open"] == sum(one[3] is None for one in want)


def job(number: int, category: str, status: str, days_ago: float, instance: str = "/i/a") -> dict[str, Any]:
    start = NOW - timedelta(days=days_ago)
    return {
        "id": f"/j/{number}", "backupInstanceId": instance, "operationCategory": category, "status": status,
        "startTime": start, "endTime": start + timedelta(minutes=5), "subscriptionId": "s",
    }  # fmt: skip


def failed(number: int, days_ago: float, code: str, instance: str = "/i/a", **more: Any) -> dict[str, Any]:
    return {**job(number, "Backup", "Failed", days_ago, instance), "errorCode": code, **more}


def test_a_code_is_persistent_and_open_where_it_came_in_the_window() -> None:
    blank = {"endTime": pandas.NaT}  # over, and nobody wrote down when
    rows = [
        failed(1, 9, "A"), failed(2, 8, "B", **blank), failed(3, 7, "B"),
        failed(4, 9, "A", "/i/b"), {**job(5, "Backup", "Completed", 8, "/i/b"), **blank},
        failed(6, 0.5, "A", "/i/b"), failed(7, 0.4, "A", "/i/b"),
    ]  # fmt: skip
    jobs = pandas.DataFrame([{"isUserError": None, "recommendedAction": None, "errorCode": None} | row for row in rows])
    window = (NOW - timedelta(days=10), NOW - timedelta(days=1))
    made = failures(Estate.of({"jobs": jobs}, now=NOW, window=window)).set_index("errorCode")
    counts = made[["n", "instances", "persistent", "open"]].apply(tuple, axis=1).to_dict()
    # On b it came twice in a row and is open only since the window; a has not succeeded since either code.
    assert counts == {"A": (2, 2, 0, 1), "B": (2, 1, 1, 1)}
    assert made.loc["A", "medianTimeToRecover"] == timedelta(days=1) - timedelta(minutes=5)


INSTANCES = pandas.DataFrame(
    {
        "id": ["/I/A", "/i/b", "/i/c"], "friendlyName": ["a", "b", "c"], "dataSourceName": ["a", "b", "c"],
        "dataSourceId": ["/d/a", "/d/b", "/d/c"], "dataSourceType": "Microsoft.Compute/disks", "vaultName": "v",
        "subscriptionId": "s",
    }
)  # fmt: skip


@pytest.mark.parametrize(("span", "c"), [(10, "not verifiable"), (120, "not tested")])
def test_restore_evidence_by_hand(span: int, c: str) -> None:
    jobs = [
        job(1, "Restore", "Completed", 5),
        job(2, "Restore", "Failed", 3),
        job(3, "Backup", "Completed", 1),
        job(4, "Restore", "Failed", 2, "/i/b"),
        job(5, "Restore", "CompletedWithWarnings", 8, "/i/b"),
        {**job(6, "Restore", "Cancelled", 2, "/i/b"), "endTime": pandas.NaT},
        {**job(7, "Restore", "Completed", 9), "endTime": pandas.NaT},
        {**job(8, "Restore", "InProgress", 0.1), "endTime": pandas.NaT},
    ]
    window = (NOW - timedelta(days=span), NOW)
    made = Estate.of({"jobs": pandas.DataFrame(jobs), "instances": INSTANCES}, now=NOW, window=window)
    found = restore_evidence(made).set_index("name")
    assert found["verdict"].to_dict() == {"a": "tested", "b": "tested", "c": c}
    assert found.loc["a", "age"] == timedelta(days=5) - timedelta(minutes=5)
    assert (found.loc["a", "restores"], found.loc["a", "failed"], found.loc["a", "jobId"]) == (2, 1, "/j/1")
    assert (found.loc["b", "restores"], found.loc["b", "failed"]) == (1, 2)
    assert restore_evidence(made, within="4d").set_index("name").loc["a", "verdict"] == "not tested"


def test_nobody_knows_how_long_a_restore_took_whose_end_nobody_wrote_down() -> None:
    rows = [job(1, "Restore", "Completed", 5), {**job(2, "Restore", "Completed", 5, "/i/b"), "endTime": pandas.NaT}]
    rows += [{**job(3, "Restore", "InProgress", 2, "/i/c"), "endTime": pandas.NaT}]
    made = Estate.of({"jobs": pandas.DataFrame(rows), "instances": INSTANCES}, now=NOW, window=timedelta(days=10))
    found = control_members(made, {"quick": {"kind": "restoreTime", "atMost": "4h"}})
    assert dict(zip(found["name"], found["verdict"], strict=True)) == {"a": "pass", "b": "not verifiable", "c": "fail"}


def test_policies_by_what_follows_them(estate: Estate) -> None:
    found = policy_inventory(estate).set_index(["vaultName", "name"])
    assert found.loc[("bv-shop", "hourly"), "finding"] == "unused"
    assert found["instances"].sum() == len(estate.instances())
    nightly = found.loc[("bv-data", "nightly")]
    assert (nightly["instances"], nightly["provisionedGiB"], nightly["pointsKept"]) == (40, 40 * 4096, 30)
    # Blobs have no disk whose size is known; what nothing follows holds nothing.
    assert pandas.isna(found.loc[("bv-data", "blobs"), "provisionedGiB"])
    assert found.loc[("bv-shop", "hourly"), "provisionedGiB"] == 0
    assert found["finding"].notna().sum() == 1  # nobody said what is needed
    strict = policy_inventory(estate, rpo={"bv-data": "50h"}, retention="30d").set_index(["vaultName", "name"])
    assert strict.loc[("bv-data", "six-hourly"), "finding"] == "finer than needed"
    assert pandas.isna(strict.loc[("bv-shop", "four-hourly"), "finding"])
    assert strict.loc[("bv-data", "nightly"), "finding"] == "finer than needed"  # 2 x 24 h and two hours to begin
    looser = policy_inventory(estate, rpo={"bv-data": "49h"}).set_index(["vaultName", "name"])
    assert pandas.isna(looser.loc[("bv-data", "nightly"), "finding"])
    assert strict.loc[("bv-shop-legacy", "weekly"), "finding"] == "kept longer than needed"


def test_what_policies_keep_is_one_figure_wherever_it_is_told(estate: Estate) -> None:
    """Of three months by the week there are thirteen points at times, fourteen at others: room is for fourteen."""
    most = simulate(estate, by="policy").set_index(["vaultName", "policyName"])["pointsBefore"]
    kept = policy_inventory(estate).set_index(["vaultName", "name"])["pointsKept"].reindex(most.index)
    assert kept.tolist() == most.tolist() and most[("bv-shop-legacy", "weekly")] == 14
    room = snapshot_headroom(estate).set_index("name")
    assert room.loc["shop-archive-001", ["steadyState", "expected"]].tolist() == [14, 508]


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda estate: success_rate(estate, by="valut"), "did you mean vault"),
        (lambda estate: success_rate(estate.jobs().drop(columns="status")), "it has:"),
        (lambda estate: restore_evidence(estate, within="soon"), "write 24h"),
        (lambda estate: policy_inventory({"policies": estate.policies()}, rpo="1d"), "instances"),
        (lambda estate: adherence({"jobs": estate.jobs()}), "instances"),
    ],
)
def test_bad_input(estate: Estate, ask: Any, told: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        ask(estate)
    assert told in f"{error.value.message} {error.value.hint}"


def test_restore_evidence_reads_no_jobs_that_are_forgotten(estate: Estate, tmp_path: Path) -> None:
    saved = Estate.load(estate.save(tmp_path / "saved", ["jobs", "instances"]))
    found = restore_evidence(saved, within="90d")
    assert set(found["verdict"]) <= {"tested", "not verifiable"}
    assert [one.window.start for one in saved.kept.of("jobs")] == [saved.window.start]
    assert not [note for note in found.attrs["dpmagic"]["tables"]["jobs"]["notes"] if "saved for" in note]
