"""Due times, tags and expiries of policies, against tables worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.sandbox import times
from dpmagic.sandbox.estates import streams, tagging
from dpmagic.sandbox.estates.schedules import Plan, period, plan
from dpmagic.sandbox.estates.zones import offset, zone
from dpmagic.sandbox.times import DAY, SECOND

HOUR = 3600 * SECOND
FIRST, GUID = 4931518308264127296, "a75f031e-5735-4292-8795-5aad85bcc75b"


def document(*intervals: str, zone: str = "", taggings: Any = (), **kept: str) -> dict[str, Any]:
    """A policy; ``kept`` are retentions by tag."""
    rules: list[dict[str, Any]] = [
        {
            "objectType": "AzureRetentionRule",
            "name": name,
            "lifecycles": [{"deleteAfter": {"duration": duration}}],
        }
        for name, duration in {"Default": "P7D", **kept}.items()
    ]
    schedule = {"repeatingTimeIntervals": list(intervals), **({"timeZone": zone} if zone else {})}
    default = {"taggingPriority": 99, "tagInfo": {"tagName": "Default"}, "isDefault": True}
    trigger = {"schedule": schedule, "taggingCriteria": [default, *taggings]}
    rules.append({"objectType": "AzureBackupRule", "name": "B", "trigger": trigger})
    return {"name": "p", "properties": {"policyRules": rules}}


def tagging_of(tag: str, priority: int, **criteria: Any) -> dict[str, Any]:
    return {"taggingPriority": priority, "tagInfo": {"tagName": tag}, "criteria": [criteria]}


def dues(policy: Plan, start: str, end: str) -> list[str]:
    found = policy.dues(times.parse(start) - 1, times.parse(end))
    return [f"{times.moment(due.at):%d %H:%M}" for due in found]


@pytest.mark.parametrize(
    ("intervals", "zone", "expected"),
    [
        (["R/2024-01-01T01:00:00+00:00/PT4H"], "",
         ["02 01:00", "02 05:00", "02 09:00", "02 13:00", "02 17:00", "02 21:00"]),
        (["R/2024-01-01T00:00:00Z/PT12H"], "", ["02 00:00", "02 12:00"]),
        (["R/2024-01-01T22:00:00-08:00/P1D"], "", ["02 06:00"]),  # 22:00 at -08:00 is 06:00 UTC
        (["R/2024-01-01T22:00:00/P1D"], "W. Europe Standard Time", ["02 21:00"]),  # the anchor's winter time
        (["R/2024-07-01T22:00:00/P1D"], "W. Europe Standard Time", ["02 20:00"]),  # the anchor's summer time
        (["R/2024-01-01T05:30:00/P1D"], "India Standard Time", ["02 00:00"]),
        (["R/2024-01-01T08:00:00Z/P1W"], "", ["02 08:00"]),  # 2024-01-01 was a Monday, as 2026-03-02 is
        (["R/2024-01-02T08:00:00Z/P1W"], "", []),
        (["R/2024-01-01T06:00:00Z/P1D", "R/2024-01-01T18:00:00Z/P1D", "R/2024-01-01T00:00:00Z/PT6H"], "",
         ["02 00:00", "02 06:00", "02 12:00", "02 18:00"]),
        (["R/2026-03-02T07:00:00Z/PT6H"], "", ["02 07:00", "02 13:00", "02 19:00"]),  # nothing before the anchor
    ],
)  # fmt: skip
def test_due_times_of_a_monday(intervals: list[str], zone: str, expected: list[str]) -> None:
    policy = plan(document(*intervals, zone=zone))
    assert dues(policy, "2026-03-02T00:00:00Z", "2026-03-02T23:59:59Z") == expected


@given(
    st.integers(0, 100_000), st.integers(1, 200), st.integers(0, 100_000), st.lists(st.integers(1, 5000), max_size=6)
)
def test_due_times_do_not_depend_on_how_time_is_cut(anchor: int, hours: int, start: int, cuts: list[int]) -> None:
    policy = plan(document(f"R/{times.full(times.parse('2024-01-01T00:00:00Z') + anchor * SECOND)[:19]}Z/PT{hours}H"))
    at = whole = times.parse("2024-01-01T00:00:00Z") + start * SECOND
    found = []
    for cut in cuts:
        until = at + cut * 600 * SECOND
        found += policy.dues(at, until)
        assert policy.next_due(at) > at  # type: ignore[operator]
        at = until
    assert found == policy.dues(whole, at)
    assert all((due.at - found[0].at) % (hours * HOUR) == 0 for due in found)


# Two days of a policy every six hours: which runs succeed, and the tag of each. The week began on Sunday 1 March.
WORKED = (
    # due          succeeds  tag        why
    ("01 00:00", False, "Weekly"),  # what it would have got
    ("01 06:00", True, "Weekly"),  # the first success of day and week: the lower priority number wins
    ("01 12:00", True, "Default"),
    ("01 18:00", True, "Default"),
    ("02 00:00", True, "Daily"),
    ("02 06:00", False, "Default"),
    ("02 12:00", True, "Default"),
)


def test_the_first_success_gets_the_tag() -> None:
    """As in :data:`WORKED`; the day before, a Saturday, succeeded."""
    taggings = [
        tagging_of("Daily", 25, absoluteCriteria=["FirstOfDay"]),
        tagging_of("Weekly", 20, absoluteCriteria=["FirstOfWeek"]),
    ]
    policy = plan(document("R/2024-01-01T00:00:00Z/PT6H", taggings=taggings, Daily="P14D", Weekly="P12W"))
    found = policy.dues(times.parse("2026-03-01T00:00:00Z") - 1, times.parse("2026-03-02T12:00:00Z"))
    assert [f"{times.moment(due.at):%d %H:%M}" for due in found] == [row[0] for row in WORKED]
    tags = tagging.Tags()
    choices = np.array([tags.choice(policy, due.choice) for due in found])
    days = np.array([due.day for due in found])
    succeeded = np.array([row[1] for row in WORKED])
    before = tagging.last_success(np.zeros(7, np.int32), days, succeeded, np.full(7, days[0] - 1))
    chosen = tags.chosen(choices, days, before)
    assert [tags.names[number] for number in chosen.tolist()] == [row[2] for row in WORKED]
    created = np.array([due.at for due in found])
    spans = (tags.expiries(chosen, created) - created) // DAY
    assert spans.tolist() == [84, 84, 7, 7, 14, 7, 7]


@pytest.mark.parametrize(
    ("criteria", "tagged"),
    [
        ({"daysOfTheWeek": ["Sunday"]}, ["01", "08", "15", "22", "29"]),
        ({"daysOfTheWeek": ["Friday"], "weeksOfTheMonth": ["Last"]}, ["27"]),
        # March 2026 begins on a Sunday, so the fourth week of the calendar is that of the 22nd
        ({"daysOfTheWeek": ["Sunday"], "weeksOfTheMonth": ["Fourth"]}, ["22"]),
        ({"daysOfTheWeek": ["Saturday"], "weeksOfTheMonth": ["First", "Second"]}, ["07", "14"]),
        ({"daysOfMonth": [{"date": 13}, {"isLast": True}]}, ["13", "31"]),
        ({"monthsOfYear": ["April"]}, []),
    ],
)
def test_criteria_of_the_calendar(criteria: dict[str, Any], tagged: list[str]) -> None:
    policy = plan(document("R/2024-01-01T02:00:00Z/P1D", taggings=[tagging_of("T", 15, **criteria)], T="P1Y"))
    march = policy.dues(times.parse("2026-03-01T00:00:00Z"), times.parse("2026-03-31T23:00:00Z"))
    assert [f"{times.moment(due.at):%d}" for due in march if due.choice[0] == (15, "T")] == tagged


def test_the_fourth_row_of_a_month_that_begins_on_wednesday() -> None:
    """The one report there is: a "Fourth Sunday" rule of April 2026 took the run of the 19th."""
    fourth = tagging_of("M", 15, daysOfTheWeek=["Sunday"], weeksOfTheMonth=["Fourth"])
    policy = plan(document("R/2024-01-01T02:00:00Z/P1D", taggings=[fourth], M="P1Y"))
    april = policy.dues(times.parse("2026-04-01T00:00:00Z"), times.parse("2026-04-30T23:00:00Z"))
    assert [f"{times.moment(due.at):%d}" for due in april if due.choice[0] == (15, "M")] == ["19"]


def test_the_day_is_the_zone_s() -> None:
    """23:30 UTC is the next day in Berlin and the same day in New York."""
    at = times.parse("2026-03-01T23:30:00Z")
    assert offset(zone("W. Europe Standard Time"), at) == HOUR
    assert offset(zone("Eastern Standard Time"), at) == -5 * HOUR
    assert offset(zone("W. Europe Standard Time"), times.parse("2026-07-01T00:00:00Z")) == 2 * HOUR
    for name, expected in (("", 1), ("Europe/Berlin", 2), ("Eastern Standard Time", 1)):
        (due,) = plan(document("R/2024-01-01T23:30:00Z/P1D", zone=name)).dues(at - 1, at)
        assert due.day == times.parse(f"2026-03-{expected:02d}T00:00:00Z") // DAY
    with pytest.raises(ValueError, match="not a time zone"):
        zone("Middle Earth Standard Time")


@given(st.integers(0, 2_000), st.sampled_from(["P1M", "P3M", "P1Y", "P7D", "P12W", "P1M2D"]))
def test_expiries_go_by_the_calendar(day: int, text: str) -> None:
    """The same as one at a time."""
    created = times.ticks(datetime(2024, 1, 1, 13, 5, tzinfo=UTC)) + day * DAY + 7
    policy = plan(document("R/2024-01-01T00:00:00Z/P1D", Default=text))
    tags = tagging.Tags()
    found = tags.expiries(np.array([tags.tag(policy, "Default")]), np.array([created]))
    assert found.tolist() == [times.later(created, text)]
    assert period(text) == policy.periods["default"]


@pytest.mark.parametrize("text", ["R/2024-01-01/", "PT4H", "R/2024-01-01T00:00:00Z/P1M", "R/x/P1D"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        plan(document(text))


def test_streams_are_the_same_on_every_machine() -> None:
    """Numbers written down once."""
    bits = streams.draw(7, streams.keys(["/subscriptions/s/disks/A", "/subscriptions/S/disks/a"]), "lag", 5)
    assert bits[0] == bits[1]
    assert bits.tolist()[0] == FIRST
    assert streams.guid(7, "a", "job") == GUID
    assert streams.guid(7, "a", "job", 1) != GUID


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
def test_spreads_stay_within_their_quantiles(bits: list[int]) -> None:
    spread = streams.seconds((0, 2), (50, 6), (100, 2400))
    drawn = spread.pick(np.array(sorted(bits), np.uint64))
    assert (np.diff(drawn) >= 0).all()
    assert drawn.min() >= 2 * SECOND
    assert drawn.max() < 2400 * SECOND


@given(st.integers(0, 2**40), st.text(max_size=8), st.text(max_size=8), st.integers(0, 2**62))
def test_one_guid_is_that_of_many(seed: int, name: str, purpose: str, at: int) -> None:
    of = streams.keys([name])
    halves = (streams.draw(seed, of, part, at) for part in (purpose, f"{purpose}/low"))
    assert streams.texts(streams.guids(*halves)) == [streams.guid(seed, name, purpose, at)]
