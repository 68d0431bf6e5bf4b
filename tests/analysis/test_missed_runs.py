"""Runs that did not happen, or began late: those that were planted, and no others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dpmagic.analysis.missed_runs import missed_runs
from dpmagic.analysis.start_delay import start_delay
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from tests.analysis import estates
from tests.analysis.byhand import at, estate, instance, job, nightly, policies
from tests.schedules.policies import policy

HOURLY = policy("R/2024-01-01T00:30:00Z/PT1H")
DAYS = [str(day) for day in range(16, 29)]


def rows(given: Any) -> list[tuple[str, str, str, int]]:
    """Instance, due time, reason and runs."""
    found = missed_runs(given)
    dues = found["due"].dt.strftime("%m-%d %H:%M").fillna("")
    return list(zip(found["name"], dues, found["reason"], found["runs"], strict=True))


def test_a_night_without_a_job() -> None:
    given = estate(
        [instance("a"), instance("b")], nightly("a", *DAYS[:6], *DAYS[7:], "3-01") + nightly("b", *DAYS, "3-01")
    )
    assert rows(given) == [("a", "02-22 22:00", "noJob", 1)]
    assert missed_runs(given).attrs["dpmagic"]["expected"] == 2 * 14


@pytest.mark.parametrize(
    ("clock", "reason"), [("23:59:59", None), ("24:00:00", None), ("24:00:01", "late"), ("24:01:00", "late")]
)
def test_two_hours_to_the_second(clock: str, reason: str | None) -> None:
    hours, rest = clock.split(":", 1)
    start = f"{22 + int(hours) // 24} {int(hours) % 24:02d}:{rest}"
    given = estate([instance("a")], [*nightly("a", *DAYS[:6], *DAYS[7:], "3-01"), job("a", start)])
    assert rows(given) == ([("a", "02-22 22:00", reason, 1)] if reason else [])
    delay = start_delay(given).set_index("due")["delay"][at("22 22:00")]
    assert delay == timedelta(hours=int(hours) - 22, minutes=int(rest[:2]), seconds=int(rest[3:]))


def test_a_job_that_was_still_going() -> None:
    """From the 26th on for 30 hours: the next night is missed because of it, and so is the one after, for no reason."""
    ran = [*nightly("a", *DAYS[:10], "3-01"), job("a", "26 22:00:05", minutes=30 * 60)]
    found = missed_runs(estate([instance("a")], ran))
    assert rows(estate([instance("a")], ran)) == [("a", "02-28 22:00", "noJob", 1), ("a", "02-27 22:00", "blocked", 1)]
    assert found["detail"].tolist()[1] == "the job a 26 22:00:05 was still going"


def test_a_job_that_is_over_is_in_nobodys_way() -> None:
    """Whether or not anybody wrote down since when; one that runs is."""
    for status, reason in (("Failed", "noJob"), ("InProgress", "blocked")):
        ran = [*nightly("a", *DAYS[:10], *DAYS[11:], "3-01"), job("a", "25 22:00:30", status=status, endTime=None)]
        assert rows(estate([instance("a")], ran)) == [("a", "02-26 22:00", reason, 1)]


def test_the_last_two_hours_are_left_out() -> None:
    """At 23:59:59 the run of 22:00 may still come; at midnight it is missed."""
    ran = nightly("a", *DAYS)
    for minutes, expected in ((119, []), (120, [("a", "03-01 22:00", "noJob", 1)])):
        now = at("3-01 22:00") + timedelta(minutes=minutes)
        given = estate([instance("a")], ran, now=now, window=(at("16").to_pydatetime(), now.to_pydatetime()))
        assert rows(given) == expected


def test_several_runs_within_two_hours() -> None:
    """Hourly: one missed, one late by almost two hours, and one that failed and was tried again."""
    missed, late, tried = 5, 11, 17
    ran = [job("a", f"20 {hour:02d}:30:05", policy="h") for hour in range(24) if hour not in (missed, late)]
    ran += [job("a", f"20 {late + 2:02d}:29:55", policy="h"), job("a", f"20 {tried:02d}:50:00", policy="h")]
    ran[[one["startTime"] for one in ran].index(at(f"20 {tried}:30:05"))]["status"] = "Failed"
    window = (at("20").to_pydatetime(), at("21").to_pydatetime())
    given = estate([instance("a", "h")], ran, policies=policies(h=HOURLY), window=window)
    assert rows(given) == [("a", f"02-20 {missed:02d}:30", "noJob", 1)]
    delays = start_delay(given)
    assert (len(delays), delays["delay"].max()) == (23, timedelta(hours=1, minutes=59, seconds=55))


def test_what_nobody_can_tell() -> None:
    """The policy is gone, changed, or protection is off, the instance is gone, or new: unverifiable, not guessed."""
    half = DAYS[:6]
    nightly_until = {"off": half, "gone": half, "moved": half, "orphan": DAYS, "new": DAYS[6:]}
    ran = [
        one
        for name, days in nightly_until.items()
        for one in nightly(name, *days, policy="x" if name == "orphan" else "p")
    ]
    ran += [job("moved", f"{day} 10:00:05", policy="q") for day in (*DAYS[8:], "3-01")] + nightly("new", "3-01")
    rows_of = [
        instance("off", currentProtectionState="ProtectionStopped"),
        instance("moved", "q"),
        instance("orphan", "x"),
        instance("new", oldestRecoveryPoint=at("22 22:01")),
    ]
    given = estate(rows_of, ran, policies=policies(q=policy("R/2024-01-01T10:00:00Z/P1D")))
    assert rows(given) == [
        ("new", "02-16 22:00", "unverifiable", 6),
        ("moved", "02-22 10:00", "unverifiable", 2),  # of the new policy
        ("gone", "02-22 22:00", "unverifiable", 8),
        ("moved", "02-22 22:00", "unverifiable", 2),  # of the old one
        ("off", "02-22 22:00", "unverifiable", 8),
        ("orphan", "", "unverifiable", 0),
    ]
    assert dict(zip(missed_runs(given)["name"], missed_runs(given)["detail"], strict=True)) == {
        "new": "nothing shows that the instance was there by then",
        "gone": "the instance is gone; since when is not recorded",
        "moved": "the policy changed; when is not recorded",
        "off": "protection is ProtectionStopped; since when is not recorded",
        "orphan": "the policy is gone",
    }


def test_an_instance_without_any_job_follows_its_policy() -> None:
    """If something shows that it was there: a weekly policy may be due but once in the window."""
    weekly = policies(w=policy("R/2024-01-07T04:00:00Z/P1W"))
    given = estate(
        [instance("a", "w"), instance("b", "w", oldestRecoveryPoint=None)], nightly("c", "20"), policies=weekly
    )
    expected = [
        ("a", "02-22 04:00", "noJob", 1),
        ("a", "03-01 04:00", "noJob", 1),
        ("b", "02-22 04:00", "unverifiable", 2),
    ]
    assert [row for row in rows(given) if row[0] != "c"] == expected


def test_restores_and_backups_on_demand_are_no_runs() -> None:
    more = [job("a", "22 22:00:05", isUserTriggered=True), job("a", "22 22:10:05", operationCategory="Restore")]
    given = estate([instance("a")], nightly("a", *DAYS[:6], *DAYS[7:], "3-01") + more)
    assert rows(given) == [("a", "02-22 22:00", "noJob", 1)]
    assert len(start_delay(given)) == 13


@pytest.mark.parametrize("column", ["backupInstanceId", "policyId"])
def test_jobs_that_do_not_say_whose_they_are(column: str) -> None:
    ran = nightly("a", *DAYS, "3-01")
    unsaid = [{**one, column: None, "id": f"{one['id']}-{column}"} for one in nightly("a", "20", "21", minute=30)]
    assert rows(estate([instance("a")], [*ran, *unsaid])) == rows(estate([instance("a")], ran)) == []


@pytest.mark.filterwarnings("error")
def test_jobs_of_instances_that_are_all_gone() -> None:
    given = estate([instance("a")], nightly("b", "26", "27", "28"))
    tables = {name: given.table(name) for name in ("jobs", "policies", "disks")}
    gone = Estate.of({**tables, "instances": given.instances().head(0)}, now=given.now, window=given.window)
    assert set(missed_runs(gone)["reason"]) == {"unverifiable"}
    assert start_delay(gone)["late"].tolist() == [False, False, False]


def test_delays_by_group() -> None:
    given = estate([instance("a"), instance("b")], nightly("a", "20", second=5) + nightly("b", "20", "21", second=15))
    found = start_delay(given, by="dataSourceName")
    assert found[["dataSourceName", "n", "late"]].to_numpy().tolist() == [["a", 1, 0], ["b", 2, 0]]
    assert found["p50"].tolist() == [timedelta(seconds=5), timedelta(seconds=15)]
    assert start_delay(given, by="day")["n"].tolist() == [2, 1]
    with pytest.raises(InvalidArgument, match="does not group by 'vault'") as caught:
        start_delay(given, by="vault")
    assert caught.value.hint == "did you mean vaultName?"


def test_a_window_that_jobs_do_not_reach_is_refused() -> None:
    live = estates.estate("default")
    with pytest.raises(InvalidArgument, match=r"the window begins at 2026-01-31T00:00:00Z, and there are jobs from"):
        missed_runs(live.over("30d"))
    assert len(missed_runs(live.over("2d"))) > 0
