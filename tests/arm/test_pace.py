"""The limiter: what answers say of the quota, places in flight, windows, refusals."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.arm.pace import WINDOW, Bucket, Limiter, limiter_of, resets_after
from tests.canned import canned_connection

START = datetime(2026, 3, 1, tzinfo=UTC)


GRAPH = "/providers/Microsoft.ResourceGraph/resources"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def headers(remaining: int, resets: str = "00:00:05") -> dict[str, str]:
    return {"x-ms-user-quota-remaining": str(remaining), "x-ms-user-quota-resets-after": resets}


class Places:
    """Takes places of a limiter and gives them back, the first first."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        self.taken: list[Places] = []

    def take(self, now: datetime) -> datetime | None:
        place = Places(self.limiter)
        until = self.limiter.take(now, place)
        self.taken += [place] if until is None else []
        return until

    def give(self, now: datetime, headers: dict[str, str]) -> None:
        self.limiter.give(self.taken.pop(0), now, headers)


def test_a_place_is_given_back_once_and_goes_with_its_holder() -> None:
    limiter, one, other = Limiter(), Places(Limiter()), Places(Limiter())
    assert limiter.take(at(0), one) is None
    limiter.give(one, at(0), headers(1))
    assert limiter.take(at(0), one) is None
    limiter.let_go(other)
    assert limiter.take(at(0), other) == at(0)
    limiter.let_go(one)
    limiter.let_go(one)
    assert limiter.take(at(0), other) is None
    del other
    assert limiter.in_flight == 0


def test_one_goes_ahead_and_the_others_wait_for_its_answer() -> None:
    limiter = Places(Limiter())
    assert limiter.take(at(0)) is None
    assert limiter.take(at(0)) == at(0), "again as soon as an answer has come"
    limiter.give(at(0.2), headers(2))
    assert [limiter.take(at(0.3)) for _ in range(3)] == [None, None, at(0.3)]
    limiter.give(at(0.4), headers(0))
    limiter.give(at(0.4), headers(1))
    assert limiter.take(at(0.5)) == at(5.2), "the window ends where its first answer said"
    assert limiter.take(at(5.2)) is None


def test_without_headers_nothing_is_known_and_one_goes_at_a_time() -> None:
    limiter = Places(Limiter())
    for second in range(5):
        assert limiter.take(at(second)) is None
        limiter.give(at(second), {})


def test_a_refusal_closes_it_for_all() -> None:
    limiter = Limiter()
    limiter.close(at(7))
    limiter.close(at(3))
    places = Places(limiter)
    assert places.take(at(6)) == at(7)
    assert places.take(at(7)) is None


@given(
    st.integers(1, 40), st.lists(st.tuples(st.sampled_from(["take", "give", "wait"]), st.floats(0, 3)), max_size=200)
)
def test_a_fixed_window_is_never_overdrawn(quota: int, steps: list[tuple[str, float]]) -> None:
    """A service that counts when a request reaches it, which is when its place is given back, in any order."""
    limiter, now, flying, opened, used = Places(Limiter()), 0.0, 0, -100.0, 0
    for step, seconds in steps:
        if step == "wait":
            now += seconds
        elif step == "take":
            flying += limiter.take(at(now)) is None
        elif flying:
            if now >= opened + WINDOW:
                opened, used = now, 0
            used, flying = used + 1, flying - 1
            assert used <= quota
            limiter.give(at(now), headers(quota - used))


@pytest.mark.parametrize(("text", "seconds"), [("00:01:02", 62.0), ("00:00:01.5", 1.5), ("soon", WINDOW), ("", WINDOW)])
def test_when_the_quota_is_back(text: str, seconds: float) -> None:
    assert resets_after({"x-ms-user-quota-resets-after": text}) == seconds


def test_threads_that_wait_for_one_instant_wait_for_it_once() -> None:
    connection, _ = canned_connection([])
    limiter = limiter_of(connection, GRAPH)
    until = connection.now() + timedelta(seconds=5)
    threads = [threading.Thread(target=limiter.sleep, args=(connection, until)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert connection.clock.slept == [pytest.approx(5, rel=0.01)]  # type: ignore[attr-defined]


def test_each_quota_has_a_limiter_of_its_own_whoever_asks() -> None:
    connection, _ = canned_connection([])
    paths = [GRAPH, "/subscriptions/a/resourceGroups/g", "/subscriptions/b", "/subscriptions"]
    assert len({id(limiter_of(connection, path)) for path in paths}) == 4
    assert limiter_of(connection, "/Subscriptions/A/x") is limiter_of(replace(connection), paths[1])
    assert type(limiter_of(connection, GRAPH)) is Limiter
    other, _ = canned_connection([])
    assert limiter_of(other, GRAPH) is not limiter_of(connection, GRAPH), "another clock, another quota"


def test_resource_manager_takes_many_at_once_while_there_is_plenty() -> None:
    bucket = Places(Bucket())
    assert [bucket.take(at(0)) for _ in range(8)] == [None] * 8
    bucket.give(at(0.1), {"x-ms-ratelimit-remaining-subscription-resource-requests": "99"})
    assert bucket.take(at(0.1)) is None
    bucket.give(at(0.2), {"x-ms-ratelimit-remaining-subscription-reads": "3"})
    assert bucket.take(at(0.2)) == at(0.2), "little is left: one at a time"
    for _ in range(7):
        bucket.give(at(0.3), {"x-ms-ratelimit-remaining-subscription-reads": "3"})
    assert bucket.take(at(0.3)) is None
