"""Estates of a thousand, ten thousand and, when asked for, a hundred thousand disks: made, and moved by a day.

``DPMAGIC_BENCH_DISKS=100000``, or the number as an argument of ``python -m tests.benchmarks.estates``, adds the large
one: 200 subscriptions and about seven million jobs in 14 days.
"""

from __future__ import annotations

import os
import resource
import sys
from time import process_time
from typing import Any

from dpmagic.sandbox.estates import Estate, generate
from dpmagic.sandbox.times import DAY

SIZES = (1_000, 10_000)
ROWS = 100  # disks of one row of the spec


def spec(disks: int) -> dict[str, Any]:
    """An estate of 500 disks a subscription, four in five protected every four hours, with a few defects."""
    policies = {
        f"every-4h-{hour}": {
            "every": "PT4H",
            "start": f"2024-01-01T0{hour}:00:00+00:00",
            "keep": "P7D",
            "daily": "P14D",
        }
        for hour in range(4)
    }
    policies["hourly"] = {"every": "PT2H", "keep": "P5D"}
    names = list(policies)
    subscriptions = []
    for number in range(max(1, disks // 500)):
        rows = [
            {
                "name": f"disk-{row}",
                "count": ROWS,
                "size": 64 << row,
                "vault": "v",
                "policy": names[row],
                "group": f"rg{row}",
            }
            for row in range(5)
        ]
        rows[4] |= {"policy": "hourly", "count": ROWS // 2}
        rows.append({"name": "scratch", "count": ROWS // 2, "group": "rg0"})
        subscriptions.append({"name": f"S{number:03d}", "vaults": {"v": {"policies": names}}, "disks": rows})
    plant = [
        {"kind": "flaky", "share": 0.01, "at": "-14d", "rate": 0.2},
        {"kind": "missed", "share": 0.001, "at": "-3d", "runs": 2},
        {"kind": "stopped", "share": 0.01, "at": "-5d"},
    ]
    return {"seed": 1, "days": 14, "policies": policies, "subscriptions": subscriptions, "plant": plant}


def _timed(work: Any) -> tuple[Any, float]:
    started = process_time()
    made = work()
    return made, process_time() - started


def _lines(disks: int) -> list[str]:
    estate, seconds = _timed(lambda: generate(spec(disks)))
    count = len(estate.engine.jobs)
    held = (estate.engine.jobs.nbytes + estate.engine.points.nbytes) / count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    _, day = _timed(lambda: estate.advance(estate.now + DAY))
    _, idle = _timed(lambda: _steps(estate))
    return [
        f"estate of {disks:,} disks, 14 days: {count:,} jobs in {seconds:.2f} s, {count / seconds:,.0f} a second,"
        f" {held:.0f} bytes a job with its point, at most {peak:.2f} GiB",
        f"  a day more: {day * 1000:.0f} ms, {day / count * 14e6:.2f} us a job; a step in which nothing happens:"
        f" {idle * 1000:.1f} us",
    ]


def _steps(estate: Estate) -> None:
    """A thousand steps of a tenth of a second right after a due time's runs have begun, long before the next."""
    for _ in range(1000):
        estate.advance(estate.now + 1_000_000)


def measure() -> list[str]:
    """Lines for the report."""
    asked = os.environ.get("DPMAGIC_BENCH_DISKS") or (sys.argv[1] if sys.argv[1:] and sys.argv[1].isdigit() else "")
    sizes = sorted({*SIZES, *([int(asked)] if asked else [])})
    return [line for size in sizes for line in _lines(size)]


if __name__ == "__main__":
    print("\n".join(measure()))
