"""What policies come to: against tables worked out by hand, and against counting each point by itself."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpmagic.errors import InvalidArgument
from dpmagic.sandbox import times
from dpmagic.sandbox.estates import tagging
from dpmagic.sandbox.estates.schedules import plan
from dpmagic.schedules import Schedule, changed, most, steady
from tests.schedules.policies import DAILY, WEEKLY, policy, tagged
from tests.schedules.test_independent import policies

FOUR_HOURLY = "R/2024-01-01T01:00:00+00:00/PT4H"
NIGHTLY = "R/2024-01-01T22:00:00Z/P1D"
SELDOM = st.sampled_from(["PT8H", "P1D", "P1W", "PT36H"])  # hourly runs over decades take their time
MONTHLY = tagged("Monthly", 15, absoluteCriteria=["FirstOfMonth"])


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        # Six runs a day: five get Default and are there for 7 days. One a day is Daily for 30 days, of which at least
        # four are a Sunday's, and that one is Weekly for twelve weeks.
        (policy(FOUR_HOURLY, tags=[DAILY, WEEKLY], Daily="P30D", Weekly="P12W"),
         {"Default": 35, "Daily": 26, "Weekly": 12}),
        (policy(NIGHTLY), {"Default": 7}),
        # Two nights of three weeks are Weekly while the other nineteen run off after 7 days: six and a Sunday's.
        (policy(NIGHTLY, tags=[WEEKLY], Weekly="P3W"), {"Default": 6, "Weekly": 3}),
        # Hourly for 18 days, and twice a day for 225, are what Microsoft's overview says fits a policy.
        (policy("R/2024-01-01T00:00:00Z/PT1H", Default="P18D"), {"Default": 432}),
        (policy("R/2024-01-01T00:00:00Z/PT12H", Default="P225D"), {"Default": 450}),
        # P1M is 31 days at most: from 1 August to 1 September. All nights but one a month are Default.
        (policy(NIGHTLY, Default="P1M"), {"Default": 31}),
        (policy(NIGHTLY, tags=[MONTHLY], Default="P7D", Monthly="P1Y"), {"Default": 7, "Monthly": 12}),
        # Every run is the first of its day: Default has nothing.
        (policy(NIGHTLY, tags=[DAILY], Daily="P10D"), {"Default": 0, "Daily": 10}),
        # Daily wins over Weekly if its number is lower.
        (policy(NIGHTLY, tags=[tagged("Daily", 5, absoluteCriteria=["FirstOfDay"]), WEEKLY], Daily="P9D", Weekly="P4W"),
         {"Default": 0, "Weekly": 0, "Daily": 9}),
        (policy(), {"Default": 0}),
    ],
)  # fmt: skip
def test_by_hand(document: dict[str, Any], expected: dict[str, int]) -> None:
    found = steady(Schedule.of(document))
    assert found.counts() == expected
    assert list(found.counts()) == list(expected)
    assert len(found.due) == sum(expected.values())


def counted(document: dict[str, Any]) -> int:
    """The most points at a time, one point after the other, by the sandbox's reading of the policy."""
    theirs, tags = plan(document), tagging.Tags()
    first = max(Schedule.of(document).intervals, key=lambda one: one.anchor).anchor.item().replace(tzinfo=UTC)
    settled = first + timedelta(days=367)
    due = theirs.dues(times.ticks(first) - 1, times.ticks(settled + timedelta(days=10_228)))
    days = np.array([one.day for one in due])
    chosen = tags.chosen(np.array([tags.choice(theirs, one.choice) for one in due]), days, np.append(-1, days[:-1]))
    starts = [one.at for one in due]
    events = [(at, 1) for at in starts] + [(at, -1) for at in tags.expiries(chosen, np.array(starts)).tolist()]
    now = most = 0
    for at, step in sorted(events):  # what goes at an instant goes before what comes
        now += step
        if at >= times.ticks(settled):
            most = max(most, now)
    return most


@given(policies(SELDOM))
@settings(max_examples=20, deadline=None)
def test_it_is_the_most_that_one_counts(document: dict[str, Any]) -> None:
    schedule = Schedule.of(document)
    assert len(steady(schedule).due) == most(schedule) == counted(document)


@given(policies(SELDOM))
@settings(max_examples=20, deadline=None)
def test_there_are_as_many_as_at_that_instant(document: dict[str, Any]) -> None:
    schedule = Schedule.of(document)
    found = steady(schedule)
    assert len(found.due) == schedule.kept(found.at + np.timedelta64(1, "us"))
    assert (found.due[1:] > found.due[:-1]).all()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"Default": 35, "Daily": 26, "Weekly": 12}),
        ({"retention": "P14D"}, {"Default": 70, "Daily": 26, "Weekly": 12}),
        ({"retention": {"default": "P14D", "WEEKLY": "P2W"}}, {"Default": 70, "Daily": 26, "Weekly": 2}),
        # Without Daily its runs are Default's, but for those of Sundays.
        ({"retention": {"Daily": None}}, {"Default": 41, "Weekly": 12}),
        ({"due": "P1D"}, {"Default": 0, "Daily": 26, "Weekly": 12}),
        ({"due": "PT12H"}, {"Default": 7, "Daily": 26, "Weekly": 12}),
        ({"due": ["R/2026-01-01T00:00:00Z/P1D", "R/2026-01-01T12:00:00Z/P1D"], "retention": {"Weekly": None}},
         {"Default": 7, "Daily": 30}),
        # From the 2nd to the 31st of a month there are thirty days, none of them a first.
        ({"retention": {"Monthly": "P1Y"}}, {"Default": 35, "Daily": 26, "Weekly": 12, "Monthly": 12}),
    ],
)  # fmt: skip
def test_changes_by_hand(change: dict[str, Any], expected: dict[str, int]) -> None:
    schedule = Schedule.of(policy(FOUR_HOURLY, tags=[DAILY, WEEKLY], Daily="P30D", Weekly="P12W"))
    assert steady(changed(schedule, **change)).counts() == expected


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"retention": {"Weakly": "P7D"}}, "did you mean Weekly"),
        ({"retention": {"Default": None}}, "cannot be removed"),
        ({"retention": {"Monthly": None}}, "no retention rule Monthly"),
        ({"retention": {"Default": 14}}, "14 is not an ISO 8601 period"),
        ({"retention": "P0D"}, "keeps nothing"),
        ({"retention": 14}, "14 says no retention"),
        ({"due": "4h"}, "'4h' is not a repeating interval"),
        ({"due": "P1M"}, "does not repeat by hours"),
        ({"due": []}, "is no schedule"),
        ({"due": 4}, "is no schedule"),
        ({"due": "PT1S"}, "runs within its longest retention"),
        ({"retention": "P9999Y"}, "runs within its longest retention"),
    ],
)
def test_changes_that_are_none(change: dict[str, Any], told: str) -> None:
    schedule = Schedule.of(policy(FOUR_HOURLY, tags=[WEEKLY], Weekly="P12W"))
    with pytest.raises(InvalidArgument) as error:
        steady(changed(schedule, **change))
    assert told in f"{error.value.message} {error.value.hint}"
    assert error.value.hint


def test_no_schedule_and_no_rule() -> None:
    with pytest.raises(InvalidArgument, match="does not say when it begins"):
        changed(Schedule.of(policy()), due="PT4H")
    with pytest.raises(InvalidArgument, match="the tag Weekly has no retention rule"):
        steady(Schedule.of(policy(NIGHTLY, tags=[WEEKLY])))


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([{"objectType": "AzureRetentionRule"}], "has no lifecycles|has no name"),
        ([{"objectType": "AzureRetentionRule", "name": "Default", "lifecycles": []}], "not in its shape"),
        ([{"objectType": "AzureRetentionRule", "name": "Default", "lifecycles": [{"deleteAfter": {}}]}], "no duration"),
        ([{"objectType": "AzureRetentionRule", "name": None, "lifecycles": [{}]}], "not in its shape|no deleteAfter"),
        ([{"objectType": "AzureBackupRule", "trigger": {"taggingCriteria": [{}]}}], "has no tagInfo"),
        ([{"objectType": "AzureBackupRule", "trigger": "daily"}], "not in its shape"),
        ([{"objectType": "AzureBackupRule", "trigger": {"schedule": {"repeatingTimeIntervals": 4}}}], "shape"),
        ({"policyRules": None}, "no policyRules"),
        (None, "no policyRules"),
        (4, "no policyRules"),
    ],
)
def test_policies_that_are_none(rules: Any, told: str) -> None:
    with pytest.raises(InvalidArgument, match=told) as error:
        Schedule.of(rules)
    assert error.value.hint
