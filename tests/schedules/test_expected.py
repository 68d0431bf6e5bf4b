"""Due times, tags and expiries against tables worked out by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from dpmagic.errors import InvalidArgument
from dpmagic.schedules import Period, Schedule, expected_points, zone
from tests.schedules.policies import DAILY, WEEKLY, policy, tagged

MONDAY = ("2026-03-02", "2026-03-03")


def shown(column: pd.Series, form: str = "%d %H:%M") -> list[str]:
    return column.dt.strftime(form).tolist()


@pytest.mark.parametrize(
    ("intervals", "name", "expected"),
    [
        (["R/2024-01-01T01:00:00+00:00/PT4H"], "",
         ["02 01:00", "02 05:00", "02 09:00", "02 13:00", "02 17:00", "02 21:00"]),
        (["R/2020-04-05T13:00:00+00:00/PT4H"], "",
         ["02 01:00", "02 05:00", "02 09:00", "02 13:00", "02 17:00", "02 21:00"]),
        (["R/2024-01-01T00:00Z/PT12H"], "", ["02 00:00", "02 12:00"]),  # no seconds
        (["R/2024-01-01T00:00:00.000Z/PT12H"], "", ["02 00:00", "02 12:00"]),
        (["R/2024-01-01T22:00:00-08:00/P1D"], "", ["02 06:00"]),  # 22:00 at -08:00 is 06:00 in UTC
        (["R/2024-01-01T05:30:00+05:30/P1D"], "", ["02 00:00"]),  # the window's first instant is in it
        (["R/2024-01-01T22:00:00/P1D"], "W. Europe Standard Time", ["02 21:00"]),  # the anchor's winter time
        (["R/2024-07-01T22:00:00/P1D"], "W. Europe Standard Time", ["02 20:00"]),  # the anchor's summer time
        (["R/2024-01-01T22:00:00Z/P1D"], "W. Europe Standard Time", ["02 22:00"]),  # an offset beats the zone
        (["R/2024-01-01T05:30:00/P1D"], "India Standard Time", ["02 00:00"]),
        (["R/2024-01-01T08:00:00Z/P1W"], "", ["02 08:00"]),  # 2024-01-01 was a Monday, as 2026-03-02 is
        (["R/2024-01-02T08:00:00Z/P1W"], "", []),
        (["R/2024-01-01T06:00:00Z/P1D", "R/2024-01-01T18:00:00Z/P1D", "R/2024-01-01T00:00:00Z/PT6H"], "",
         ["02 00:00", "02 06:00", "02 12:00", "02 18:00"]),  # several; two at one instant are one
        (["R/2026-03-02T07:00:00Z/PT6H"], "", ["02 07:00", "02 13:00", "02 19:00"]),  # nothing before the anchor
        (["R/2026-03-03T00:00:00Z/PT6H"], "", []),  # the window's end is not in it
        ([], "", []),
    ],
)  # fmt: skip
def test_due_times_of_a_monday(intervals: list[str], name: str, expected: list[str]) -> None:
    assert shown(expected_points(policy(*intervals, zone=name), MONDAY)["due"]) == expected


def test_four_runs_a_day_and_three_tags() -> None:
    """Weeks begin on Sunday 1 March. The runs of Sunday 00:00 and Monday 06:00 fail.

    Weekly has the lower priority number, so of Sunday's first success, which is also the first of its day, it wins.
    """
    worked = [  # due, succeeds, tag, expiry
        ("01 00:00", False, "Weekly", None),  # what it would have been
        ("01 06:00", True, "Weekly", "2026-05-24 06:00"),  # 12 weeks
        ("01 12:00", True, "Default", "2026-03-08 12:00"),
        ("01 18:00", True, "Default", "2026-03-08 18:00"),
        ("02 00:00", True, "Daily", "2026-04-02 00:00"),  # a month
        ("02 06:00", False, "Default", None),
        ("02 12:00", True, "Default", "2026-03-09 12:00"),
        ("02 18:00", True, "Default", "2026-03-09 18:00"),
    ]
    given = policy("R/2024-01-01T00:00:00Z/PT6H", tags=[DAILY, WEEKLY], Daily="P1M", Weekly="P12W")
    found = expected_points(given, ("2026-03-01", "2026-03-03"), [row[1] for row in worked])
    assert shown(found["due"]) == [row[0] for row in worked]
    assert found["retentionTag"].tolist() == [row[2] for row in worked]
    expiries = found["expiryTime"].dt.strftime("%Y-%m-%d %H:%M")
    assert [None if pd.isna(text) else text for text in expiries] == [row[3] for row in worked]
    assert found["retention"].tolist()[:3] == ["P12W", "P12W", "P7D"]


def test_the_run_before_the_window_counts() -> None:
    """At 06:00 the day's first run is over, unless it failed and the last success was the day before."""
    given, window = policy("R/2024-01-01T00:00:00Z/PT6H", tags=[DAILY]), ("2026-03-03T06:00Z", "2026-03-03T07:00Z")
    assert expected_points(given, window)["retentionTag"].tolist() == ["Default"]
    since = expected_points(given, window, last_success="2026-03-02T18:00Z")
    assert since["retentionTag"].tolist() == ["Daily"]
    assert since["expiryTime"].isna().all()  # no retention rule for Daily


@pytest.mark.parametrize(
    ("criteria", "days"),
    [
        ({"daysOfTheWeek": ["Sunday"]}, ["01", "08", "15", "22", "29"]),
        ({"daysOfTheWeek": ["Friday"], "weeksOfTheMonth": ["Last"]}, ["27"]),
        # March 2026 begins on a Sunday, so rows of its calendar and its nth weekdays are the same
        ({"daysOfTheWeek": ["Sunday"], "weeksOfTheMonth": ["Fourth"]}, ["22"]),
        ({"daysOfTheWeek": ["Saturday"], "weeksOfTheMonth": ["First", "Second"]}, ["07", "14"]),
        ({"daysOfMonth": [{"date": 13}, {"isLast": True}]}, ["13", "31"]),
        ({"daysOfTheWeek": ["Friday"], "daysOfMonth": [{"date": 13}, {"isLast": True}]}, ["13"]),
        ({"monthsOfYear": ["April"]}, []),
        ({"monthsOfYear": ["march"], "daysOfMonth": [{"date": 2}]}, ["02"]),
        ({"absoluteCriteria": ["FirstOfMonth"]}, ["01"]),
        ({"absoluteCriteria": ["FirstOfWeek"]}, ["01", "08", "15", "22", "29"]),
        ({"absoluteCriteria": ["FirstOfYear"]}, []),
        ({"absoluteCriteria": ["AllBackup"], "daysOfTheWeek": ["Monday"]}, ["02", "09", "16", "23", "30"]),
        ({"scheduleTimes": ["2024-01-01T02:00:00Z"], "daysOfMonth": [{"date": 5}]}, ["05"]),
        ({"scheduleTimes": ["2024-01-01T03:00:00Z"]}, []),
    ],
)
def test_criteria_of_the_calendar(criteria: dict[str, Any], days: list[str]) -> None:
    given = policy("R/2024-01-01T02:00:00Z/P1D", tags=[tagged("T", 15, **criteria)], T="P1Y")
    march = expected_points(given, ("2026-03-01", "2026-04-01"))
    assert shown(march.loc[march["retentionTag"] == "T", "due"], "%d") == days


def test_the_fourth_sunday_is_in_the_calendar_s_fourth_row() -> None:
    """April 2026 begins on a Wednesday: its rows from Sunday are 1-4, 5-11, 12-18, 19-25, 26-30.

    The one run that was ever reported, of a "Fourth Sunday" rule, was that of the 19th, the third Sunday.
    """
    fourth = tagged("M", 15, daysOfTheWeek=["Sunday"], weeksOfTheMonth=["Fourth"])
    april = expected_points(policy("R/2024-01-01T02:00:00Z/P1D", tags=[fourth]), ("2026-04-01", "2026-05-01"))
    assert shown(april.loc[april["retentionTag"] == "M", "due"], "%d") == ["19"]


def test_the_lowest_number_wins_and_any_criterion_will_do() -> None:
    """Yearly 10 before monthly 15 before daily 25; a tag of two criteria is met by either."""
    tags = [
        DAILY,
        tagged("Monthly", 15, {"daysOfMonth": [{"date": 1}]}, {"daysOfMonth": [{"date": 3}]}),
        tagged("Yearly", 10, absoluteCriteria=["FirstOfYear"]),
    ]
    given = policy("R/2024-01-01T12:00:00Z/P1D", tags=tags)
    new_year = expected_points(given, ("2025-12-31", "2026-01-05"))
    assert new_year["retentionTag"].tolist() == ["Daily", "Yearly", "Daily", "Monthly", "Daily"]


def test_the_day_is_the_zone_s() -> None:
    """23:30 UTC is the next day in Berlin: with runs at 11:30 and 23:30 UTC, the latter is the first of the day."""
    given = policy("R/2024-01-01T23:30:00Z/PT12H", zone="W. Europe Standard Time", tags=[DAILY])
    found = expected_points(given, MONDAY)
    assert shown(found["localTime"]) == ["02 12:30", "03 00:30"]
    assert found["retentionTag"].tolist() == ["Default", "Daily"]


def test_clocks_change_and_due_times_do_not() -> None:
    """Berlin's clocks go forward on 29 March 2026 at 01:00 UTC: the run at 22:00 on the wall is then at 23:00."""
    given = policy("R/2024-01-01T22:00:00/P1D", zone="W. Europe Standard Time")
    found = expected_points(given, ("2026-03-28", "2026-03-30"))
    assert shown(found["due"]) == ["28 21:00", "29 21:00"]
    assert shown(found["localTime"]) == ["28 22:00", "29 23:00"]
    assert found.attrs["schedule"] == {
        "timeZone": "Europe/Berlin",
        "clocks": "due times stay fixed in UTC though clocks change at 2026-03-29T01:00Z",
    }
    assert "do not change" in expected_points(given, MONDAY).attrs["schedule"]["clocks"]


@pytest.mark.parametrize(
    ("period", "created", "expiry"),
    [
        ("P7D", "2026-03-02T01:00:05", "2026-03-09T01:00:05"),
        ("P12W", "2026-03-02T01:00:05", "2026-05-25T01:00:05"),
        ("P1M", "2026-01-31T01:00:05", "2026-02-28T01:00:05"),
        ("P1M", "2024-01-31T01:00:05", "2024-02-29T01:00:05"),
        ("P3M", "2025-11-30T23:59:59", "2026-02-28T23:59:59"),
        ("P1Y", "2024-02-29T12:00:00", "2025-02-28T12:00:00"),
        ("P1Y2M3DT4H5M6S", "2026-01-31T00:00:00", "2027-04-03T04:05:06"),
    ],
)
def test_expiries_go_by_the_calendar(period: str, created: str, expiry: str) -> None:
    assert str(Period.parse(period).after(np.array([created], "datetime64[us]"))[0]) == f"{expiry}.000000"


@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata"])
@pytest.mark.parametrize("minutes", [30, 4 * 60, 7 * 24 * 60])
def test_clocks_of_many_instants_are_those_of_each(name: str, minutes: int) -> None:
    due = np.datetime64("2024-03-01T00:07", "us") + np.arange(4000) * np.timedelta64(minutes, "m")
    each = [datetime.fromtimestamp(at / 1e6, ZoneInfo(name)).replace(tzinfo=None) for at in due.astype(int).tolist()]
    assert Schedule(zone=zone(name)).walls(due).tolist() == each
    assert Schedule(zone=zone(name)).walls(due[::-1]).tolist() == each[::-1]


@pytest.mark.parametrize(
    ("intervals", "tags", "hours", "kept"),
    [
        (["R/2024-01-01T01:00:00Z/P1D"], [], 24, 7),
        (["R/2024-01-01T01:00:00Z/PT4H"], [], 4, 42),
        (["R/2024-01-01T01:00:00Z/PT4H"], [DAILY], 4, 42 + 7),  # 14 daily points, of which 7 in the first week
        (["R/2024-01-07T01:00:00Z/P1W"], [], 168, 1),
        (["R/2024-01-01T16:00:00Z/P1D", "R/2024-01-01T20:00:00Z/P1D", "R/2024-01-01T01:00:00Z/P1D"], [], 15, 21),
    ],
)
def test_the_longest_gap_and_the_points_of_a_steady_state(
    intervals: list[str], tags: list[Any], hours: int, kept: int
) -> None:
    schedule = Schedule.of(policy(*intervals, tags=tags, Daily="P14D"))
    assert schedule.gap() == np.timedelta64(hours, "h")
    assert schedule.kept(np.datetime64("2026-03-02T08:00", "us")) == kept


def test_policies_without_a_schedule() -> None:
    """Blobs are backed up all the time: no due times, a retention of their own."""
    blobs = {"policyRules": policy(Default="P30D")["properties"]["policyRules"][1:]}
    schedule = Schedule.of(blobs)
    assert (schedule.gap(), schedule.kept(np.datetime64("2026-03-02", "us"))) == (None, 0)
    assert schedule.period("DEFAULT") == Period.parse("P30D")
    assert expected_points(blobs["policyRules"], MONDAY).empty


def test_the_store_that_backups_go_to_says_how_long() -> None:
    given = policy("R/2024-01-01T01:00:00Z/P1D", Default="P7D")
    rule = given["properties"]["policyRules"][1]
    vaulted = {"deleteAfter": {"duration": "P1Y"}, "sourceDataStore": {"dataStoreType": "VaultStore"}}
    rule["lifecycles"].insert(0, vaulted)
    assert Schedule.of(given).period("Default") == Period.parse("P7D")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Schedule.of(policy("R/20240101T010000Z/P1D")), "is not a repeating interval"),
        (lambda: Schedule.of(policy("R/2024-01-01/P1D")), "is not a repeating interval"),
        (lambda: Schedule.of(policy("PT4H")), "is not a repeating interval"),
        (lambda: Schedule.of(policy("R/2024-02-30T00:00:00Z/P1D")), "does not begin with a day"),
        (lambda: Schedule.of(policy("R/2024-01-01T00:00:00Z/P1M")), "does not repeat by hours, days or weeks"),
        (lambda: Schedule.of(policy("R/2024-01-01T00:00:00Z/PT0H")), "does not repeat by hours, days or weeks"),
        (lambda: Schedule.of(policy("R/2024-01-01T00:00:00Z/P1D", Default="7 days")), "not an ISO 8601 period"),
        (lambda: Schedule.of({"name": "p"}), "has no policyRules"),
        (lambda: Schedule.of(policy(tags=[tagged("T", 1, absoluteCriteria=["FirstOfDays"])])), "is none of the"),
        (lambda: zone("Middle Earth Standard Time"), "is not a time zone"),
        (lambda: expected_points(policy(), ("2026-03-03", "2026-03-02")), "two instants"),
        (lambda: expected_points(policy(), ("yesterday", "2026-03-02")), "is not an instant"),
        (lambda: expected_points(policy(), MONDAY, [True]), "1 values, and 0 runs"),
    ],
)
def test_what_cannot_be_read_is_one_line(call: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as caught:
        call()
    assert caught.value.hint


def test_near_spellings_are_named() -> None:
    with pytest.raises(InvalidArgument) as caught:
        zone("W Europe Standard Time")
    assert caught.value.hint == "did you mean W. Europe Standard Time?"
