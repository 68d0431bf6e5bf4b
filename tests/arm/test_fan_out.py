"""Several reads at once: results as they come, failures that pass, errors that do not, Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

import pytest

from dpmagic.arm.fan_out import WORKERS, fan_out, only
from dpmagic.arm.pace import Limiter, limiter_of
from dpmagic.arm.requests import Answer, Request
from dpmagic.errors import AzureError, ConnectionFailed, NotFound
from tests.canned import Canned, canned_connection

Task = Generator[Request, Answer, Any]


def reads(*paths: str) -> Task:
    """A task that reads these in turn and gives what they hold."""
    found = []
    for path in paths:
        answer = yield Request("GET", path)
        found.append(answer.json["n"])
    return found


def numbered(count: int) -> list[Canned]:
    return [["GET", f"/{number}[?]", 200, {}, {"n": number}] for number in range(count)]


def test_every_task_gets_its_own_answers() -> None:
    connection, sent = canned_connection(numbered(20))
    tasks = [reads(f"/{number}", f"/{number + 1}") for number in range(19)]
    assert dict(fan_out(connection, tasks)) == {number: [number, number + 1] for number in range(19)}
    assert len(sent) == 38


def test_workers_are_as_many_as_may_be_and_never_wait_on_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    connection, _ = canned_connection([["GET", "", 200, {"x-ms-user-quota-remaining": "99"}, {"n": 1}]])
    caller, senders = threading.current_thread(), set()
    clock: Any = connection.clock
    send, sleep = clock.send, clock.sleep

    def sending(*args: Any, **options: Any) -> Any:
        senders.add(threading.current_thread())
        return send(*args, **options)

    def sleeping(seconds: float) -> None:
        assert threading.current_thread() is caller
        sleep(seconds)

    monkeypatch.setattr(clock, "send", sending)
    monkeypatch.setattr(clock, "sleep", sleeping)
    assert len(list(fan_out(connection, [reads("/a", "/b") for _ in range(40)]))) == 40
    assert caller not in senders and 1 < len(senders) <= WORKERS


@pytest.mark.parametrize(
    ("status", "headers", "waits"),
    [
        (429, {"retry-after": "7"}, [7.0] * 3),
        (429, {"retry-after": "1", "x-ms-user-quota-resets-after": "00:00:03"}, [3.0] * 3),
        (429, {}, [5.0] * 3),
        (503, {}, [1.0, 2.0, 4.0]),
    ],
)
def test_what_passes_is_waited_out(status: int, headers: dict[str, str], waits: list[float]) -> None:
    refused = {"error": {"code": "Busy", "message": "…"}}
    answers: list[Canned] = [["GET", "", status, headers, refused, 3], ["GET", "", 200, {}, {"n": 5}]]
    connection, sent = canned_connection(answers)
    told: list[str] = []
    assert only(connection, reads("/a"), told.append) == [5]
    assert len(sent) == 4
    assert connection.clock.slept == [pytest.approx(seconds, rel=0.02) for seconds in waits]  # type: ignore[attr-defined]
    assert any(told)


def test_what_does_not_pass_is_the_tasks_to_catch() -> None:
    answers: list[Canned] = [
        ["GET", "/gone", 404, {}, {"error": {"code": "ResourceNotFound", "message": "…"}}],
        *numbered(2),
    ]

    def careful() -> Task:
        try:
            yield from reads("/gone")
        except NotFound:
            return (yield from reads("/1"))

    connection, _ = canned_connection(answers)
    assert sorted(fan_out(connection, [reads("/0"), careful()])) == [(0, [0]), (1, [1])]
    with pytest.raises(NotFound):
        list(fan_out(connection, [reads("/0"), reads("/gone")]))
    assert only(connection, reads("/0")) == [0], "the connection is as usable as before"


def test_a_service_that_stays_broken_is_an_error_in_the_end() -> None:
    broken = {"error": {"code": "InternalServerError", "message": "…"}}
    connection, sent = canned_connection([["GET", "", 500, {}, broken]])
    with pytest.raises(AzureError, match="InternalServerError"):
        only(connection, reads("/a"))
    assert len(sent) == 6


@pytest.mark.parametrize("tasks", [1, 5])
def test_ctrl_c_while_it_waits_leaves_the_connection_usable(tasks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = {"error": {"code": "RateLimiting", "message": "…"}}
    answers: list[Canned] = [["GET", "/1[?]", 429, {}, busy, tasks], *numbered(3)]
    connection, _ = canned_connection(answers)
    clock: Any = connection.clock

    def interrupted(seconds: float) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(clock, "sleep", interrupted)
    closed = []

    def task() -> Task:
        try:
            return (yield from reads("/1"))
        finally:
            closed.append(True)

    with pytest.raises(KeyboardInterrupt):
        list(fan_out(connection, [task() for _ in range(tasks)]))
    assert closed == [True] * tasks
    clock.sleep(60)
    assert [found for _, found in sorted(fan_out(connection, [reads("/0"), reads("/2")]))] == [[0], [2]]


@pytest.mark.parametrize(("where", "tasks"), [("take", 1), ("take", 3), ("give", 1)])
def test_ctrl_c_at_the_limiter_leaves_no_place_taken(where: str, tasks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a place is taken and nothing sent, or just before it is given back: else all others would wait for ever."""
    connection, _ = canned_connection([["GET", "", 200, {}, {"n": 1}]])
    take = Limiter.take

    def interrupted(self: Limiter, *args: Any) -> Any:
        if where == "take":
            take(self, *args)
        raise KeyboardInterrupt

    path = "/providers/Microsoft.ResourceGraph/resources"  # one at a time, where no answer tells of a quota
    monkeypatch.setattr(Limiter, where, interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(fan_out(connection, [reads(path) for _ in range(tasks)]))
    monkeypatch.undo()
    assert limiter_of(connection, path).in_flight == 0
    assert only(connection, reads(path)) == [1]


def test_a_failed_sign_in_is_not_tried_again() -> None:
    from azure.core.exceptions import ClientAuthenticationError

    connection, sent = canned_connection(numbered(1))

    class Refused:
        def get_token(self, *scopes: str, **options: Any) -> Any:
            raise ClientAuthenticationError("please run az login")

    from dataclasses import replace

    with pytest.raises(ConnectionFailed, match="sign-in failed"):
        only(replace(connection, credential=Refused()), reads("/0"))
    assert sent == []
    assert connection.clock.slept == []  # type: ignore[attr-defined]
