"""1,000 queries at Resource Graph's 15 per 5 s: none fails, and how near the sandbox's time comes to the ideal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dpmagic import sandbox
from dpmagic.connection import Connection
from dpmagic.graph.query import ask, ask_all
from dpmagic.sandbox.resourcegraph import QUOTA, WINDOW
from tests.wire import Wire

QUERIES = 1_000
THREADS = 8
LIMIT = 1.05  # times the ideal
KQL = "resources | where type =~ 'microsoft.compute/disks' | project id, name | order by id asc"


class Counting(Wire):
    """Counts the answers by their status."""

    def __init__(self, behind: sandbox.Sandbox) -> None:
        super().__init__(behind)
        self.statuses: Counter[int] = Counter()

    def send(self, request: Any, **options: Any) -> Any:
        response = super().send(request, **options)
        self.statuses[response.status_code] += 1
        return response


def ideal(queries: int) -> float:
    """Seconds: a window for every full quota before the last one, whose own queries take no waiting."""
    return ((queries - 1) // QUOTA) * WINDOW.total_seconds()


def one_thread(connection: Connection, queries: int) -> int:
    return sum(len(ask(connection, KQL).pages) for _ in range(queries))


def threads(connection: Connection, queries: int) -> int:
    """Callers that know nothing of each other: the limiter is the identity's."""
    share = queries // THREADS
    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(lambda _: one_thread(connection, share), range(THREADS)))


def together(connection: Connection, queries: int) -> int:
    return sum(len(answer.pages) for answer in ask_all(connection, [KQL] * queries))


def paced(way: Callable[[Connection, int], int], queries: int) -> tuple[int, float, Counter[int]]:
    """The answers, the virtual seconds, and how many requests got which status."""
    wire = Counting(sandbox.transport(estate="starter").sandbox)
    connection = wire.connection()
    started = connection.now()
    answers = way(connection, queries)
    return answers, (connection.now() - started).total_seconds(), wire.statuses


def measure() -> Iterator[str]:
    """A line for each way to ask."""
    ways: dict[str, Any] = {
        "one thread": one_thread,
        f"{THREADS} threads of the caller's": threads,
        "all in one call": together,
    }
    for name, way in ways.items():
        answers, seconds, statuses = paced(way, QUERIES)
        assert answers == QUERIES and set(statuses) == {200}, (answers, statuses)
        ratio = seconds / ideal(QUERIES)
        yield (
            f"pacing, {QUERIES:,} queries, {name}: {seconds:.1f} s of the sandbox's, {ratio:.3f} times the ideal "
            f"(at most {LIMIT}), {statuses.total():,} requests, none refused"
        )
        assert ratio <= LIMIT, ratio


if __name__ == "__main__":
    for line in measure():
        print(line, flush=True)
