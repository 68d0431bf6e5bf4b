"""Questions about durations on large estates: what the plan says, what it takes, and the most memory.

``python -m tests.benchmarks.questions 3000 60`` is 3,000 disks in 60 subscriptions, from rows; with 20,000 disks or
more the answer is counted at the source. Each size runs in a process of its own, so that memory is its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from time import perf_counter
from typing import Any

import dpmagic
from dpmagic.connection import connect_sandbox
from dpmagic.estate import Estate
from dpmagic.estate.opening import open_live
from dpmagic.estate.plan import PACE
from tests.benchmarks.estates import spec

SIZES = ((3_000, 60),)
QUESTIONS = (
    ("durations", dpmagic.durations),
    ("duration_outliers", dpmagic.duration_outliers),
    ("duration_trend", dpmagic.duration_trend),
    ("concurrency", dpmagic.concurrency),
)


def estate_of(disks: int, subscriptions: int) -> dict[str, Any]:
    """The estate of `estates.spec` with its disks spread over so many subscriptions."""
    made = spec(500)
    each = disks // subscriptions
    [only] = made["subscriptions"]
    rows = [{**row, "count": max(1, row["count"] * each // 500)} for row in only["disks"]]
    made["subscriptions"] = [{**only, "name": f"S{number:03d}", "disks": rows} for number in range(subscriptions)]
    return made


class _Counted:
    """How many requests of Resource Graph a connection sends."""

    def __init__(self, connection: Any) -> None:
        self.sent = 0
        send = connection.transport.send

        def counted(request: Any, **options: Any) -> Any:
            self.sent += "microsoft.resourcegraph" in request.url.lower()
            return send(request, **options)

        connection.transport.send = counted


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _lines(disks: int, subscriptions: int) -> list[str]:
    connection = connect_sandbox(estate=estate_of(disks, subscriptions))
    counted = _Counted(connection)
    known = open_live(connection)
    started = _memory()
    lines = [f"{disks:,} disks in {subscriptions:,} subscriptions (the sandbox itself {started:.2f} GiB)"]
    for by in ("vault", "datasource") if disks >= 20_000 else ("vault",):
        for method in ("buckets", "rows") if disks < 20_000 else ("buckets",):
            fresh = Estate(known.source, known.now, known.window)
            plan = fresh.plan(dpmagic.durations, by=by, method=method)
            before, at = counted.sent, perf_counter()
            found = dpmagic.durations(fresh, by, method=method)
            sent = counted.sent - before
            lines.append(
                f"  durations by {by} from {method}: planned {plan.requests:,} requests, {plan.rows:,} rows,"
                f" {plan.memory / 2**30:.2f} GiB; sent {sent:,} ({sent / PACE:.0f} s of quota), {len(found):,} groups,"
                f" {perf_counter() - at:.1f} s here, peak {_memory():.2f} GiB"
            )
    if disks < 20_000:
        for name, question in QUESTIONS[1:]:
            at = perf_counter()
            rows = len(question(fresh))
            lines.append(f"  {name}: {rows:,} rows in {perf_counter() - at:.1f} s more, peak {_memory():.2f} GiB")
    return lines


def measure() -> list[str]:
    """Lines for the report."""
    run = [sys.executable, "-m", "tests.benchmarks.questions"]
    said = [
        subprocess.run([*run, str(disks), str(subscriptions)], capture_output=True, text=True, check=True).stdout
        for disks, subscriptions in SIZES
    ]
    return [line for text in said for line in text.splitlines()]


if __name__ == "__main__":
    print("\n".join(_lines(int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else measure()))
