"""How old a point may get, and how old the newest one is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from dpmagic.analysis.targets import rpo_targets, span
from dpmagic.errors import InvalidArgument
from tests.analysis.byhand import disks, estate, instance, job, nightly, policies
from tests.schedules.policies import policy


def targets(given: Any, *arguments: Any, **options: Any) -> list[tuple[str, Any, str]]:
    found = rpo_targets(given, *arguments, **options)
    return [
        (row.id.rpartition("/")[2], None if pd.isna(row.rpo) else row.rpo.to_pytimedelta(), row.rpoSource)
        for row in found.itertuples()
    ]


def test_an_interval_two_hours_and_the_usual_duration() -> None:
    """Of durations of 1, 2 ... 21 minutes the 95th percentile is 20; failures and running jobs do not count."""
    ran = [job("a", f"{day} 22:00:05", minutes=day) for day in range(16, 29)]
    ran += [job("a", f"3-01 {hour}:00:00", minutes=hour, isUserTriggered=True) for hour in range(1, 9)]
    ran += [job("a", f"3-01 {hour}:30:00", minutes=9 + hour) for hour in range(0, 7)]
    lengths = sorted(one["duration"] for one in ran)
    ran += [job("a", "3-01 21:00:00", minutes=500, status="Failed"), job("a", "3-01 22:00:05", status="InProgress")]
    expected = timedelta(hours=26) + pd.Series(lengths).quantile(0.95).to_pytimedelta()
    assert targets(estate([instance("a")], ran)) == [("a", expected, "policy")]


def test_the_longest_gap_of_several_intervals() -> None:
    thrice = policy("R/2024-01-01T16:00:00Z/P1D", "R/2024-01-01T20:00:00Z/P1D", "R/2024-01-01T01:00:00Z/P1D")
    given = estate([instance("a", "q")], nightly("b", "20"), policies=policies(q=thrice))
    assert targets(given) == [("a", timedelta(hours=17), "policy")]


def test_nothing_says_one() -> None:
    """The policy is gone, has no schedule, or cannot be read."""
    blobs = policy()
    blobs["properties"]["policyRules"] = blobs["properties"]["policyRules"][1:]
    wrong = policy("every night")
    given = estate([instance(name, name) for name in ("gone", "q", "r")], nightly("b", "20"),
                   policies=policies(q=blobs, r=wrong))  # fmt: skip
    assert targets(given) == [(name, None, "unverifiable") for name in ("gone", "q", "r")]
    assert targets(given, "1d")[0] == ("gone", timedelta(days=1), "argument")


def test_what_is_said_closest_wins() -> None:
    """An argument beats a tag, a tag a control, a control the policy; in a mapping the closest name."""
    tagged = pd.concat([disks("a", tags={"RPO": "8h"}), disks("b", "c")])
    given = estate([instance(name) for name in "abc"], nightly("a", "20"), disks=tagged)
    by_tag = ("a", timedelta(hours=8), "tag")
    policy_b = ("b", timedelta(hours=26), "policy")
    assert targets(given)[:2] == [by_tag, policy_b]
    assert targets(given, control="24h") == [by_tag] + [(name, timedelta(hours=24), "control") for name in "bc"]
    mapping = {"V": "36h", "b": "P2D"}
    expected = [("a", timedelta(hours=36), "argument"), ("b", timedelta(days=2), "argument")]
    assert targets(given, mapping)[:2] == expected
    assert targets(given, {"c": timedelta(hours=1)}) == [by_tag, policy_b, ("c", timedelta(hours=1), "argument")]
    assert targets(given, tag=None)[0][2] == "policy"


@pytest.mark.parametrize("text", ["", "h", "yesterday", "P1M", "-1h", "1h30"])
def test_a_span_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        span(text)
    assert caught.value.hint


def test_tables_without_what_is_needed_are_one_line() -> None:
    given = {"instances": pd.DataFrame([instance("a")]), "policies": policies()}
    with pytest.raises(InvalidArgument, match="the table jobs is missing"):
        rpo_targets(given)
    without = {**given, "jobs": pd.DataFrame(nightly("a", "20")).drop(columns="status"), "disks": disks("a")}
    with pytest.raises(InvalidArgument, match="the table jobs has no column status"):
        rpo_targets(without)
