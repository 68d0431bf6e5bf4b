"""Two readings of one policy, ours and the sandbox's, written apart: they agree on every policy and history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dpmagic.sandbox import times
from dpmagic.sandbox.estates import tagging
from dpmagic.sandbox.estates.schedules import plan
from dpmagic.schedules import expected_points
from tests.schedules.policies import policy, tagged

ANCHORS = st.datetimes(datetime(2023, 1, 1), datetime(2026, 6, 1)).map(lambda at: at.replace(microsecond=0))
STEPS = st.sampled_from(["PT1H", "PT2H", "PT4H", "PT6H", "PT8H", "PT12H", "P1D", "P1W", "PT36H"])
OFFSETS = st.sampled_from(["Z", "+00:00", "-08:00", "+05:30", ""])
ZONES = st.sampled_from(["", "UTC", "W. Europe Standard Time", "Pacific Standard Time", "India Standard Time"])
PERIODS = st.sampled_from(["P7D", "P12W", "P1M", "P1Y", "P3M"])
DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
CRITERIA = st.one_of(
    st.sampled_from([{"absoluteCriteria": [f"FirstOf{scope}"]} for scope in ("Day", "Week", "Month", "Year")]),
    st.fixed_dictionaries(
        {"daysOfTheWeek": st.lists(st.sampled_from(DAYS), min_size=1, max_size=3)},
        optional={
            "weeksOfTheMonth": st.lists(
                st.sampled_from(["First", "Second", "Third", "Fourth", "Last"]), min_size=1, max_size=2
            )
        },
    ),
    st.fixed_dictionaries(
        {"daysOfMonth": st.lists(st.integers(1, 28).map(lambda day: {"date": day}), min_size=1, max_size=3)},
        optional={"monthsOfYear": st.just(["March", "April"])},
    ),
)


@st.composite
def policies(draw: st.DrawFn, steps: st.SearchStrategy[str] = STEPS) -> dict[str, Any]:
    intervals = [f"R/{draw(ANCHORS).isoformat()}{draw(OFFSETS)}/{draw(steps)}" for _ in range(draw(st.integers(1, 3)))]
    criteria = draw(st.lists(CRITERIA, max_size=4))
    priorities = draw(st.permutations(range(len(criteria))))
    pairs = enumerate(zip(criteria, priorities, strict=True))
    tags = [tagged(f"T{number}", priority, **criterion) for number, (criterion, priority) in pairs]
    kept = {item["tagInfo"]["tagName"]: draw(PERIODS) for item in tags}
    return policy(*intervals, zone=draw(ZONES), tags=tags, Default=draw(PERIODS), **kept)


@given(policies(), st.integers(0, 500), st.integers(1, 21), st.integers(0, 2**64 - 1))
@settings(max_examples=150, deadline=None)
def test_the_sandbox_reads_the_same(document: dict[str, Any], day: int, days: int, fate: int) -> None:
    start = datetime(2025, 1, 1, 0, 30, tzinfo=UTC) + timedelta(days=day)
    end = start + timedelta(days=days)
    theirs = plan(document)
    dues = theirs.dues(times.ticks(start) - 1, times.ticks(end) - 1)
    succeeded = np.array([fate >> (place % 64) & 1 == 1 for place in range(len(dues))], bool)
    long_ago = start - timedelta(days=800)
    found = expected_points(document, (start, end), succeeded, last_success=long_ago)
    assert found["due"].to_list() == [times.moment(due.at) for due in dues]
    if not dues:
        return
    tags = tagging.Tags()
    choices = np.array([tags.choice(theirs, due.choice) for due in dues])
    local = np.array([due.day for due in dues])
    first = theirs.dues(times.ticks(long_ago) - 40 * times.DAY, times.ticks(long_ago))
    never = np.full(len(dues), first[-1].day if first else -1)
    before = tagging.last_success(np.zeros(len(dues), np.int32), local, succeeded, never)
    chosen = tags.chosen(choices, local, before)
    assert found["retentionTag"].to_list() == [tags.names[number] for number in chosen.tolist()]
    expiries = tags.expiries(chosen, np.array([due.at for due in dues]))
    ours = found["expiryTime"].to_list()
    assert [at for at, done in zip(ours, succeeded, strict=True) if done] == [
        times.moment(at) for at, done in zip(expiries.tolist(), succeeded, strict=True) if done
    ]
