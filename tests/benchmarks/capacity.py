"""What capacity and what-ifs take: churn, stored and simulate on large estates, and many policies that differ.

``python -m tests.benchmarks.capacity 3000`` does one size. Sizes are of every snapshot over three days, made up.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import pandas

import dpmagic
from dpmagic.connection import connect_sandbox
from dpmagic.estate import Estate
from dpmagic.estate.opening import open_live
from tests.benchmarks.estates import spec
from tests.schedules.policies import DAILY, WEEKLY, policy

SIZES = (1_000, 3_000)
POLICIES = 1_000


def _sizes(estate: Estate) -> pandas.DataFrame:
    ids = estate.snapshots()["id"].to_numpy()
    days = pandas.date_range(estate.now.date() - pandas.Timedelta(days=3), periods=3, tz="UTC")
    used = np.random.default_rng(1).uniform(0.1, 5, len(ids) * 3)
    return pandas.DataFrame({"id": np.tile(ids, 3), "day": np.repeat(days, len(ids)), "usedGiB": used, "cost": used})


def _timed(name: str, ask: Callable[[], Any]) -> str:
    at = perf_counter()
    return f"  {name}: {len(ask()):,} rows in {perf_counter() - at:.2f} s"


def _lines(disks: int) -> list[str]:
    estate = open_live(connect_sandbox(estate=spec(disks)))
    sizes = _sizes(estate)
    dpmagic.churn(estate, sizes.head(0))  # tables are read
    change: dict[str, Any] = {"schedule": "PT2H", "retention": {"Default": "P14D", "Weekly": "P12W"}}
    return [
        f"{disks:,} disks, {len(estate.snapshots()):,} snapshots, {len(sizes):,} rows of sizes",
        _timed("stored by policy", lambda: dpmagic.stored(estate, sizes, by="policy")),
        _timed("churn by disk", lambda: dpmagic.churn(estate, sizes)),
        _timed("simulate with a change, and sizes", lambda: dpmagic.simulate(estate, **change, sizes=sizes)),
        _timed("cost_of what is stopped", lambda: dpmagic.cost_of(estate, sizes, "stopped")),
    ]


def _policies() -> list[str]:
    """Policies that all differ, so that each is gone through."""
    hours = [
        f"R/2024-01-01T{number % 24:02d}:{number // 24 % 60:02d}:00Z/PT{(1, 2, 4)[number % 3]}H"
        for number in range(POLICIES)
    ]
    kept = [
        {"Default": f"P{3 + number % 7}D", "Daily": "P14D", "Weekly": f"P{2 + number % 11}W"}
        for number in range(POLICIES)
    ]
    table = pandas.DataFrame(
        [
            {"name": f"p{number}", **policy(hours[number], tags=[DAILY, WEEKLY], **kept[number])["properties"]}
            for number in range(POLICIES)
        ]
    )
    return [
        _timed(
            f"simulate {POLICIES:,} policies that differ",
            lambda: dpmagic.simulate(table, retention="P10D", by="policy"),
        )
    ]


def measure() -> list[str]:
    """Lines for the report."""
    run = [sys.executable, "-m", "tests.benchmarks.capacity"]
    said = [subprocess.run([*run, str(size)], capture_output=True, text=True, check=True).stdout for size in SIZES]
    return [*(line for text in said for line in text.splitlines()), *_policies()]


if __name__ == "__main__":
    print("\n".join(_lines(int(sys.argv[1])) if len(sys.argv) > 1 else measure()))
