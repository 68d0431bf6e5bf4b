"""The sandbox's clock and its spellings of time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dpmagic.sandbox import Sandbox, times
from dpmagic.sandbox.clock import Clock
from dpmagic.sandbox.store import Store

INSTANTS = st.integers(times.ticks(datetime(2000, 1, 1, tzinfo=UTC)), times.ticks(datetime(2100, 1, 1, tzinfo=UTC)))
SPANS = st.integers(0, 400 * times.DAY)


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 50)), max_size=40), st.lists(st.integers(1, 400)))
def test_what_is_due_happens_in_due_order(asked: list[tuple[int, int]], moves: list[int]) -> None:
    """In any sequence of moves, also where events ask for further events; none is lost, none comes early or late."""
    store = Store()
    clock = Clock(store, 0)
    ran: list[tuple[int, int]] = []
    order = iter(range(10_000))

    def run(action: str, args: dict[str, Any]) -> None:
        assert action == "tick"
        assert clock.now == args["due"]
        ran.append((args["due"], args["order"]))
        if args["again"]:
            due = clock.now + args["again"]
            clock.at(due, "tick", {"due": due, "order": next(order), "again": 0})

    for due, again in asked:
        clock.at(due, "tick", {"due": due, "order": next(order), "again": again})
    for move in moves:
        clock.advance(clock.now + move, run)
        assert all(due <= clock.now for due, _ in ran)
        assert clock.next_due is None or clock.next_due > clock.now
    clock.advance(5000, run)
    assert ran == sorted(ran)
    assert len(ran) == len(asked) + sum(1 for _, again in asked if again)
    assert clock.next_due is None


def test_the_clock_never_goes_back() -> None:
    clock = Clock(Store(), 100)
    clock.advance(50, lambda action, args: None)
    assert clock.now == 100


def test_requests_take_a_fixed_time() -> None:
    sandbox = Sandbox()
    before = sandbox.now()
    for _ in range(10):
        sandbox.handle("GET", "/subscriptions?api-version=1", {}, None)
    assert sandbox.now() - before == timedelta(microseconds=2_031_719)
    sandbox.sleep(-5)
    assert sandbox.now() - before == timedelta(microseconds=2_031_719)


def test_dates_are_the_clock_s() -> None:
    sandbox = Sandbox(start=datetime(2030, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert sandbox.handle("GET", "/", {}, None).headers["date"] == "Tue, 31 Dec 2030 23:59:59 GMT"
    sandbox.sleep(1)
    assert sandbox.handle("GET", "/", {}, None).headers["date"] == "Wed, 01 Jan 2031 00:00:00 GMT"


@given(INSTANTS)
def test_spellings_of_an_instant_read_back(instant: int) -> None:
    for spell in (times.full, times.trimmed, times.compute):
        assert times.parse(spell(instant)) == instant
    assert times.parse(times.seconds(instant)) == instant - instant % times.SECOND
    assert len(times.full(instant)) == 28
    assert not times.trimmed(instant).endswith("0Z") or instant % times.SECOND == 0


@given(SPANS)
def test_spellings_of_a_span(span: int) -> None:
    match = re.fullmatch(r"(?:(\d+)\.)?(\d\d):(\d\d):(\d\d)(?:\.(\d{7}))?", times.timespan(span))
    assert match
    days, hours, minutes, whole, fraction = (int(part or 0) for part in match.groups())
    assert ((days * 24 + hours) * 60 + minutes) * 60 + whole == span // times.SECOND
    assert fraction == span % times.SECOND
    assert times.later(0, times.iso_span(span - span % times.SECOND)) == span - span % times.SECOND


@given(INSTANTS, st.integers(1, 48))
def test_months_go_by_the_calendar(instant: int, months: int) -> None:
    start, end = times.moment(instant), times.moment(times.later(instant, f"P{months}M"))
    assert (end.year - start.year) * 12 + end.month - start.month == months
    assert end.day == start.day or (end + timedelta(days=1)).day == 1
    assert times.later(instant, f"P{months}W") - instant == months * 7 * times.DAY


def test_the_unset_instant() -> None:
    assert times.seconds(times.UNSET) == "0001-01-01T00:00:00Z"
    assert times.full(times.UNSET) == "0001-01-01T00:00:00.0000000Z"
    assert times.trimmed(times.UNSET) == "0001-01-01T00:00:00Z"
