"""What to look at first: each reason by itself, and what does not show."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd

from dpmagic.analysis.triage import triage
from tests.analysis.byhand import at, disks, estate, instance, job, nightly, snapshot

DAYS = [str(day) for day in range(16, 29)]


def shown(jobs: list[Any], instances: Any = None, **tables: Any) -> dict[str, tuple[str, set[str]]]:
    """Of each instance that is shown, the reason and all that apply."""
    found = triage(given(jobs, instances, **tables))
    marks = ("failed", "stuck", "missed", "stale")
    return {
        row.name: (row.reason, {mark for mark in marks if getattr(row, mark)}) for row in found.itertuples(index=False)
    }


def given(jobs: list[Any], instances: Any = None, **tables: Any) -> Any:
    """One instance, ``a``, with a snapshot of last night unless others are given."""
    rows = instances or [instance("a")]
    made = {"snapshots": [snapshot(one["name"], "3-01 22:01") for one in rows], **tables}
    return estate(rows, jobs, **made)


def test_what_is_fine_does_not_show() -> None:
    """Runs that failed, were missed or late, and were followed by one that succeeded."""
    failed = [job("a", "20 22:00:05", status="Failed"), job("a", "21 22:00:05", status="Failed")]
    assert shown([*nightly("a", *DAYS[:4], "22", "25", "3-01"), *failed]) == {}
    retried = [job("a", "3-01 22:00:05", status="Failed"), job("a", "3-01 22:20:05")]
    assert shown([*nightly("a", *DAYS), *retried]) == {}
    by_hand = [job("a", "3-02 06:00:00", isUserTriggered=True)]
    assert shown([*nightly("a", *DAYS), *by_hand]) == {}
    assert shown(nightly("a", *DAYS, "3-01", status="CompletedWithWarnings")) == {}


def test_failures_in_a_row() -> None:
    errors = {"errorCode": "UserErrorX", "isUserError": True, "recommendedAction": ["Do this.", "Then that."]}
    last = [job("a", f"{day} 22:00:05", status="Failed", **errors) for day in ("27", "28", "3-01")]
    tables = {"snapshots": [snapshot("a", "26 22:01")], "disks": disks("a", tags={"Owner": "dba"})}
    ran = nightly("a", *DAYS[:4]) + nightly("a", "20", status="Failed") + nightly("a", *DAYS[5:-2])
    (row,) = triage(given([*ran, *last], **tables)).itertuples(index=False)
    assert (row.reason, row.failures, row.since, row.sinceIs) == ("failed", 3, at("27 22:00:05"), "at")
    assert (row.stale, row.latestPoint, row.age) == (True, at("26 22:01"), at("3-02 08:00") - at("26 22:01"))
    assert (row.errorCode, row.fault, row.owner) == ("UserErrorX", "user", "dba")
    assert row.recommendedAction == "Do this. Then that."
    assert row.lastJobId.endswith("3-01 22:00:05")


def test_cancelled_is_not_fine_and_the_service_may_be_at_fault() -> None:
    (row,) = triage(given([*nightly("a", *DAYS), job("a", "3-01 22:00:05", status="Failed")])).itertuples(index=False)
    assert (row.errorCode, row.fault, row.failures) == ("InternalServerError", "service", 1)
    assert shown([*nightly("a", *DAYS), job("a", "3-01 22:00:05", status="Cancelled")]) == {"a": ("failed", {"failed"})}


def test_a_backup_that_does_not_end() -> None:
    """Ten hours where four minutes are usual; not if it has been going for three times the median."""
    going = [*nightly("a", *DAYS), job("a", "3-01 22:00:00", status="InProgress")]
    (row,) = triage(given(going, snapshots=[snapshot("a", "28 22:01")])).itertuples(index=False)
    assert (row.reason, row.runningFor, row.since) == ("stuck", timedelta(hours=10), at("3-01 22:00:00"))
    assert shown([*nightly("a", *DAYS, minutes=200), job("a", "3-01 22:00:00", status="InProgress")]) == {}
    assert shown([*nightly("a", *DAYS, minutes=199), job("a", "3-01 22:00:00", status="InProgress")])
    assert (
        shown([job("a", "3-01 22:00:00", status="InProgress")]) == {}
    )  # less than a day, and nothing to compare it to


def test_the_last_runs_are_missing() -> None:
    (row,) = triage(given(nightly("a", *DAYS[:-1]), snapshots=[snapshot("a", "27 22:01")])).itertuples(index=False)
    assert (row.reason, row.missedRuns, row.since, row.sinceIs) == ("missed", 2, at("28 22:00"), "at")
    assert row.stale
    assert pd.isna(row.errorCode)
    assert pd.isna(row.fault)


def test_points_that_are_old_or_gone_though_jobs_succeed() -> None:
    """Someone deletes snapshots: the newest that is left is four days old, or there is none."""
    ran = nightly("a", *DAYS, "3-01")
    assert shown(ran, snapshots=[snapshot("a", "26 22:01")]) == {"a": ("stale", {"stale"})}
    assert shown(ran, snapshots=[snapshot("b", "26 22:01")]) == {"a": ("stale", {"stale"})}
    (row,) = triage(given(ran, snapshots=[snapshot("a", "26 22:01")])).itertuples(index=False)
    assert (row.since, row.sinceIs) == (at("3-01 22:00:05"), "after"), "that backup's point was there"
    (row,) = triage(given(ran, snapshots=[snapshot("b", "26 22:01")])).itertuples(index=False)
    assert (row.since, row.sinceIs) == (at("3-01 22:00:05"), "after")
    (row,) = triage(given(ran, snapshots=[snapshot("a", "28 21:00")]), rpo="12h").itertuples(index=False)
    assert (row.since, row.sinceIs) == (at("3-01 22:00:05"), "after")
    (row,) = triage(given(ran, snapshots=[snapshot("a", "3-01 22:01")]), rpo="2h").itertuples(index=False)
    assert (row.since, row.sinceIs) == (row.latestPoint + row.rpo, "at")


def test_what_began_before_there_are_jobs() -> None:
    """No backup in sight was fine: it may have failed, or been missed, for as long as one likes."""
    failing = [job("a", f"{day} 22:00:05", status="Failed") for day in (*DAYS, "3-01")]
    (row,) = triage(given(failing)).itertuples(index=False)
    assert (row.reason, row.since, row.sinceIs) == ("failed", at("16 22:00:05"), "before")
    (row,) = triage(given(nightly("b", *DAYS), [instance("a")])).itertuples(index=False)
    assert (row.reason, row.sinceIs) == ("missed", "before")


def test_protection_that_is_off_is_not_looked_at_and_in_error_it_is() -> None:
    """Stopped and suspended ones are gaps in coverage; the note says how many there are."""
    states = {"a": "ProtectionStopped", "b": "BackupsSuspended", "c": "ProtectionError", "d": "ProtectionConfigured"}
    rows = [instance(name, currentProtectionState=state, errorCode="UserErrorGone") for name, state in states.items()]
    rows[2]["protectionErrorDetails"] = {"isUserError": True, "recommendedAction": ["Make it anew."]}
    ran = [one for name in "abc" for one in nightly(name, *DAYS[:5])] + nightly("d", *DAYS, "3-01")
    tables = {"snapshots": [*(snapshot(name, "20 22:01") for name in "abc"), snapshot("d", "3-01 22:01")]}
    assert shown(ran, rows, **tables) == {"c": ("stale", {"stale"})}
    found = triage(given(ran, rows, **tables))
    assert found.attrs["dpmagic"]["notes"] == ["2 instances are stopped or suspended"]
    assert found.loc[0, ["errorCode", "fault", "recommendedAction"]].tolist() == [
        "UserErrorGone",
        "user",
        "Make it anew.",
    ]


def test_those_longest_without_a_point_come_first() -> None:
    rows = [instance(name) for name in "abc"]
    ran = [one for name in "abc" for one in nightly(name, *DAYS)]
    found = triage(given(ran, rows, snapshots=[snapshot("a", "28 22:01"), snapshot("b", "20 22:01")]))
    assert found["name"].tolist() == ["c", "b", "a"]
    assert found["missedRuns"].tolist() == [1, 1, 1]
