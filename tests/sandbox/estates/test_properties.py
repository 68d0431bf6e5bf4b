"""What holds of every estate: time may be cut anywhere, and nobody's history is anybody else's business."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpmagic.sandbox.estates import EstateError, generate
from dpmagic.sandbox.times import DAY, SECOND

from .rows import estate, jobs, points

POLICY = {"every": "PT4H", "start": "2024-01-01T23:30:00+00:00", "keep": "P3D", "daily": "P9D", "weekly": "P4W"}
POLICIES = {"q": {"every": "P1D", "timeZone": "Pacific Standard Time", "keep": "P1M"}, "h": {"every": "PT1H"}}
ROWS = [{"name": "a", "count": 4}, {"name": "b", "count": 3, "policy": "q"}, {"name": "c", "policy": "h"}]
PLANT = [
    {"kind": "flaky", "disks": "a-001", "at": "-9d", "rate": 0.4},
    {"kind": "retried", "disks": "a-002", "at": "+1d", "runs": 3},
    {"kind": "late", "disks": "a-003", "at": "+2d", "by": "2h1m", "runs": 4},
    {"kind": "stuck", "disks": "c", "at": "-2d", "lasts": "3d"},
    {"kind": "drift", "disks": "a-004", "at": "-5d", "slope": "10m"},
    {"kind": "diskRecreated", "disks": "b-001", "at": "-1d", "after": "4d"},
    {"kind": "policyChanged", "disks": "b-002", "at": "+3d", "policy": "p"},
    {"kind": "stopped", "disks": "b-003", "at": "+2d"},
    {"kind": "onDemand", "disks": "a-001", "at": "+30h", "jobs": 3, "every": "2m"},
]


def world(rows: Any = None, seed: int = 3) -> Any:
    return estate(rows or ROWS, policy=POLICY, policies=POLICIES, plant=PLANT, seed=seed, days=10)


def told(of: Any) -> Any:
    return jobs(of), points(of), of.planted()


def test_a_week_twice_is_a_fortnight() -> None:
    once, twice = world(), world()
    once.advance(once.now + 14 * DAY)
    for _ in range(2):
        twice.advance(twice.now + 7 * DAY)
    assert told(once) == told(twice)


@given(st.lists(st.integers(1, 30 * 3600), min_size=1, max_size=12))
@settings(max_examples=15, deadline=None)
def test_time_may_be_cut_anywhere(cuts: list[int]) -> None:
    whole, pieces = world(), world()
    end = whole.now + sum(cuts) * SECOND
    for cut in cuts:
        pieces.advance(pieces.now + cut * SECOND)
    whole.advance(end)
    assert told(whole) == told(pieces)


def test_steps_of_three_hours_and_seventeen_minutes() -> None:
    whole, pieces = world(), world()
    end = whole.now + 8 * DAY
    whole.advance(end)
    while pieces.now < end:
        pieces.advance(min(end, pieces.now + (3 * 60 + 17) * 60 * SECOND))
    assert told(whole) == told(pieces)


def test_the_history_is_what_advancing_makes() -> None:
    """Ten days generated and five advanced are the same as fifteen generated to a later end."""
    early = estate([{"name": "d", "count": 5}], policy=POLICY, days=10)
    early.advance(early.now + 5 * DAY)
    late = estate([{"name": "d", "count": 5}], policy=POLICY, days=15, end="2026-03-07T08:00:00Z")
    ours = [{**job, "id": ""} for job in jobs(early)]
    assert ours == [{**job, "id": ""} for job in jobs(late) if job["start"] >= ours[0]["start"]]


def test_a_further_disk_changes_nobody_s_history() -> None:
    more = [{"name": "a", "count": 5}, {"name": "aa"}, *ROWS[1:], {"name": "z", "policy": "h"}]
    few, many = world(), world(more)
    known = {one.id for one in few.instances}
    assert jobs(few) == [job for job in jobs(many) if job["id"] in known]
    assert points(few) == [point for point in points(many) if point["id"] in known]
    assert few.planted() == many.planted()


def test_a_share_falls_on_the_same_disks_however_many_there_are() -> None:
    def lucky(count: int) -> set[str]:
        plant = [{"kind": "flaky", "share": 0.2, "rate": 0.5}, {"kind": "flaky", "share": 0.2, "rate": 0.5}]
        found = estate([{"name": "d", "count": count}], policy=POLICY, plant=plant)
        first, second = found.planted()
        assert first["ids"] != second["ids"]
        return set(first["ids"])

    few, many = lucky(300), lucky(400)
    assert 30 < len(few) < 90
    assert few == {one for one in many if int(one.split("/")[-1].split("-")[1]) <= 300}


def test_the_same_seed_gives_the_same_world_and_another_another() -> None:
    assert told(world()) == told(world())
    assert jobs(world()) != jobs(world(seed=4))


def test_lags_and_durations_are_those_of_azure() -> None:
    """Within two hours, mostly within seconds; about 190 seconds, more for larger disks."""
    rows = [{"name": "s", "count": 300, "size": 128}, {"name": "l", "count": 300, "size": 4096}]
    found = estate(rows, policy={"every": "PT6H"}, days=7)
    runs = found.engine.jobs.everything()
    lag, lasts = runs["start"] - runs["due"], (runs["end"] - runs["start"]) / SECOND
    assert lag.max() < 7200 * SECOND
    assert np.median(lag) < 10 * SECOND
    large = np.array([one.disk.size == 4096 for one in found.instances])[runs["instance"]]
    assert 185 < np.median(lasts[~large]) < 195
    assert 215 < np.median(lasts[large]) < 235


def test_old_jobs_are_forgotten_and_old_points_are_not() -> None:
    found = estate([{"name": "d", "count": 20}], policy={"every": "PT6H", "keep": "P90D"}, days=60)
    assert len(found.engine.jobs) < 20 * 4 * 17
    assert len(points(found)) == 20 * 4 * 60


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("subscriptions:\n  - nme: x\n", "the estate: subscriptions[0] has no member nme", "It has name,"),
        ("subscriptions:\n  - region: x\n", "the estate: subscriptions[0] has no name", "Add `name:`."),
        ("a: [\nb: c\n", "not YAML at line 3", "Correct the file"),
        ("- x\n- y\n", "the estate is not a mapping", "Begin it"),
        ("days: many\nseed: 1\n", "the estate: days cannot be 'many'", "of the type int"),
        ("policies:\n  p: {keep: forever}\nsubscriptions: [{name: S, vaults: {v: {policies: p}}}]\n",
         "the policy p: not an ISO 8601 period: 'forever'", "such as PT4H"),
        ("policies: {}\nsubscriptions: [{name: S, vaults: {v: {policies: q}}}]\n", "no policy is called q", "are"),
        ("policies: {p: {}}\nsubscriptions: [{name: S, disks: [{name: d, vault: w, policy: p}]}]\n",
         "the disks d: no vault is called w", "There are"),
        ("subscriptions: [{name: S, managementGroup: m}]\n\n", "no management group is called m", "List it"),
        ("subscriptions: [{name: S}]\nplant: [{kind: evil}]\n", "plant: no kind is called evil", "There are missed,"),
        ("subscriptions: [{name: S}]\nplant: [{kind: missed, disks: d}]\n", "plant: no disk is called d", "Name one"),
        ("subscriptions: [{name: S}]\nplant: [{kind: late, disks: d}]\n", "plant: late says no by", "Add `by:`."),
        ("subscriptions: [{name: S}]\nplant: [{kind: late, by: soon}]\n", "plant: late: by cannot be 'soon'", "late"),
        ("subscriptions: [{name: S}]\nplant: [{kind: failed, code: Oops}]\n", "plant: failed: code cannot be", "has"),
        ("policies: {p: {}}\nsubscriptions: [{name: S, vaults: {v: {policies: p, softDelete: Off}}, "
         "disks: [{name: d, vault: v, policy: p}]}]\nplant: [{kind: softDeleted, disks: d}]\n",
         "plant: softDeleted: v has no soft delete", "Leave out"),
        ("subscriptions: [{name: S}, {name: S}]\n\n", "two subscriptions have one name", "Give each"),
    ],
)  # fmt: skip
def test_a_wrong_spec_is_one_line_and_a_hint(text: str, message: str, hint: str) -> None:
    with pytest.raises(EstateError) as raised:
        generate(text)
    assert str(raised.value).startswith(message)
    assert hint in raised.value.hint
    assert "\n" not in str(raised.value) + raised.value.hint


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(EstateError, match="cannot be read: No such file") as raised:
        generate("nowhere.yaml")
    assert "default" in raised.value.hint
