"""Spans whose jobs nobody saw: what was due then is neither missed nor met."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas
import pytest

import dpmagic
from dpmagic.archive.collect import collect
from dpmagic.archive.opening import open_archive
from dpmagic.estate import portions
from dpmagic.estate.estate import Estate
from dpmagic.estate.window import Window
from tests.analysis.byhand import NOW, SUB, instance, job, policies, snapshot

OTHER = "44444444-4444-4444-8444-444444444444"
OURS = SUB.rpartition("/")[2]
DAY = timedelta(days=1)


def moved(row: dict[str, Any]) -> dict[str, Any]:
    """The same in the other subscription."""
    return {name: value.replace(OURS, OTHER) if isinstance(value, str) else value for name, value in row.items()}


def night(day: int, readable: Collection[str] = (OURS, OTHER)) -> Estate:
    """Two instances with a backup each night but that of the 12th day, of which so long as 14 days are shown."""
    now = NOW + day * DAY
    nights = [NOW + (one - 1) * DAY + timedelta(hours=14) for one in range(day - 13, day + 1) if one != 12]
    jobs = [job("a", f"{at:%m-%d %H:%M}") for at in nights]
    disk = {"id": "d", "uniqueId": "u", "subscriptionId": OURS, "tags": {}}
    tables = {"instances": [instance("a")], "jobs": jobs, "disks": [disk], "snapshots": [snapshot("nobody", "1")]}
    both = {name: [*rows, *map(moved, rows)] for name, rows in tables.items() if name != "disks"} | {"disks": [disk]}
    frames = {
        name: pandas.DataFrame([row for row in rows if row["subscriptionId"] in readable])
        for name, rows in both.items()
    }
    both_policies = pandas.concat([policies(), pandas.DataFrame(map(moved, policies().to_dict("records")))])
    subscriptions = [{"id": f"/subscriptions/{one}", "subscriptionId": one} for one in readable]
    frames |= {"policies": both_policies, "subscriptions": pandas.DataFrame(subscriptions)}
    for frame in frames.values():
        frame.attrs = {"dpmagic": {"subscriptions": {"asked": [OURS, OTHER], "answered": list(readable)}}}
    return Estate.of(frames, now=now, window=Window(now - 14 * DAY, now))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of the subscriptions could not be read from the 2nd day on, and again from the 21st."""
    made = tmp_path_factory.mktemp("holes")
    for day in (1, 8, 15, 20, 21):
        collect(night(day, (OURS, OTHER) if day in (1, 21) else (OURS,)), made)
    return made


def asked(folder: Path) -> Estate:
    return open_archive(folder, window=(NOW, NOW + 21 * DAY))


def saved(folder: Path) -> Estate:
    return dpmagic.open(asked(folder).save(folder.parent / "saved", ["instances", "jobs", "policies", "subscriptions"]))


def given(folder: Path) -> Estate:
    estate = asked(folder)
    return Estate.of({name: estate.table(name) for name in ("instances", "jobs", "policies")}, now=estate.now)


@pytest.mark.parametrize("how", [asked, saved, given])
def test_a_run_that_was_due_in_a_hole_is_not_missed(folder: Path, how: Callable[[Path], Estate]) -> None:
    """Jobs of the other are known up to the 1st day, and from the 7th on; nobody ran in the night of the 12th."""
    estate = how(folder)
    told = f"no run saw the jobs of subscription {OTHER} from 2026-03-03T08:00:00Z to 2026-03-09T08:00:00Z"
    found = dpmagic.missed_runs(estate)
    assert set(zip(found["subscriptionId"], found["reason"], found["runs"], strict=True)) == {
        (OURS, "noJob", 1), (OTHER, "noJob", 1), (OTHER, "unverifiable", 6)
    }  # fmt: skip
    assert found.loc[found["reason"].eq("unverifiable"), "detail"].tolist() == [told]
    assert (found.attrs["dpmagic"]["missed"], found.attrs["dpmagic"]["expected"]) == (2, 21 + 15)
    assert told in found.attrs["dpmagic"]["notes"]
    days = dpmagic.adherence(estate).set_index("subscriptionId")
    assert days["due"].to_dict() == {OURS: 21, OTHER: 15} and days["met"].to_dict() == {OURS: 20, OTHER: 14}
    assert dpmagic.coverage_calendar(estate, by="subscription")["due"].sum() == 21 + 15


def test_what_cannot_be_read_still_is_not_gone(tmp_path: Path) -> None:
    for day in (1, 8, 15):
        collect(night(day, (OURS, OTHER) if day == 1 else (OURS,)), tmp_path)
    found = dpmagic.missed_runs(open_archive(tmp_path, window=(NOW, NOW + 15 * DAY)))
    told = found.set_index("subscriptionId")[["reason", "detail"]].fillna("").T.to_dict("list")
    assert told == {OURS: ["noJob", ""], OTHER: ["unverifiable", "the subscription cannot be read"]}


def test_evidence_is_wanting_of_the_members_of_that_subscription_alone(folder: Path) -> None:
    estate = asked(folder)
    found = dpmagic.restore_evidence(estate, "10d")
    assert set(found["verdict"]) == {"not tested"}
    found = dpmagic.restore_evidence(estate, "20d").set_index("subscriptionId")["verdict"]
    assert found.to_dict() == {OURS: "not tested", OTHER: "not verifiable"}


def test_a_large_archive_heeds_holes_a_portion_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [question(asked(folder)) for question in (dpmagic.missed_runs, dpmagic.adherence, dpmagic.rpo)]
    monkeypatch.setattr(portions, "ROWS", 12)
    parts = [question(asked(folder)) for question in (dpmagic.missed_runs, dpmagic.adherence, dpmagic.rpo)]
    for one, other in zip(whole, parts, strict=True):
        pandas.testing.assert_frame_equal(one, other)
        assert any("no run saw the jobs of subscription" in note for note in other.attrs["dpmagic"]["notes"])


def test_nobody_knows_how_old_points_got_in_a_hole(folder: Path) -> None:
    """Nights of 24 hours, and one of 48; the other's are known up to the 3rd at 8, and from the 9th at 8 on."""
    found = dpmagic.rpo(asked(folder), "25h").set_index("subscriptionId")
    assert found["maxGap"].to_dict() == dict.fromkeys((OURS, OTHER), 2 * DAY)
    assert found["breaches"].to_dict() == {OURS: 1, OTHER: 1}
    hours = {OURS: 21 * 24, OTHER: 15 * 24}
    assert found["compliance"].to_dict() == pytest.approx({one: 1 - 23 / hours[one] for one in hours})
