"""An archive: what collecting a day costs as the folder grows older, and a year of jobs against SQL over its files.

``python -m tests.benchmarks.archive`` measures all; with a folder and a question, what it takes to answer that one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import duckdb

import dpmagic
from dpmagic.archive.collect import collect
from dpmagic.archive.compact import compact
from dpmagic.archive.folder import read_manifest
from dpmagic.archive.opening import open_archive
from dpmagic.estate.columns import tables

from .year import estate, month
from .year_tables import COMING, START


def measure() -> Iterator[str]:
    """Lines of what it costs: a day into a folder of 1 and of 12 months, its size, and questions over the year."""
    yield "archive: 3,000 disks, six backups a day"
    with tempfile.TemporaryDirectory() as folder:
        path, seconds = Path(folder) / "archive", {}
        for number in (1, 12):
            seconds[number] = build(path, number)
            yield f"  a day's collection after {number:>2} months: {seconds[number]:.2f} s of processor"
        yield f"  growth from 1 to 12 months: {seconds[12] / seconds[1]:.2f}x"
        yield from _sizes(path)
        yield from _percentiles(path)
        yield "  a question over the year, each in a process of its own"
        for name in QUESTIONS:
            yield f"    {name}: {_alone(path, name)}"


def build(path: Path, months: int) -> float:
    """The archive after so many months and the first day of the next: that day's seconds of the processor.

    What comes each night and goes a week later has no part in an answer at the year's end but for the last weeks: of
    the months between the first and the last two, it is not made.
    """
    runs = read_manifest(path).runs if path.exists() else ()
    done = runs[-1].at.month if runs else 0
    for number in range(done + (done == 0), months + 1):
        start = runs[-1].at.replace(hour=0) + timedelta(days=1) if runs and number == done else _first(number)
        some = [name for name in tables() if number in (1, 11, 12) or name not in (*COMING, "changes")]
        month(path, start, _first(number + 1), some)
    compact(path, _first(months + 1))  # as the nights before would have
    night = estate(_first(months + 1))
    began = process_time()
    collect(night, path)
    return process_time() - began


def _first(number: int) -> datetime:
    return START.replace(year=START.year + (number - 1) // 12, month=(number - 1) % 12 + 1)


def _sizes(path: Path) -> Iterator[str]:
    """What the year takes: all jobs and states, and of what comes and goes each night twelve times December."""
    sizes: dict[str, float] = {}
    for part in read_manifest(path).parts:
        often = 1
        if part.table in (*COMING, "changes") and part.kind != "latest":
            often = 12 * (part.first.month == 12 and part.first.year == START.year)
        sizes[part.table] = sizes.get(part.table, 0) + often * part.bytes / 2**20
    large = ", ".join(f"{name} {size:,.0f} MiB" for name, size in sizes.items() if size > 50)
    rows = sum(part.rows for part in read_manifest(path).of("jobs", "rows"))
    yield f"  {rows / 1e6:.2f} million jobs: {sizes['jobs'] * 2**20 / rows:.0f} bytes a job"
    yield f"  a year of all tables: {sum(sizes.values()):,.0f} MiB ({large})"


_SQL = """SELECT vaultName, date_trunc('month', startTime) AS month, count(*) AS n,
 quantile_cont(durationSeconds, [0.5, 0.95]) AS q FROM read_parquet({files}) WHERE status = 'Completed'
 GROUP BY ALL ORDER BY ALL"""
_KQL = """jobs | where status == 'Completed'
| extend month = startofmonth(startTime)
| summarize n = count(), p50 = percentile(durationSeconds, 50), p95 = percentile(durationSeconds, 95)
  by vaultName, month
| order by vaultName asc, month asc"""


def _percentiles(path: Path) -> Iterator[str]:
    files = [str(path / part.file) for part in read_manifest(path).parts if part.table == "jobs"]
    of = open_archive(path)
    ours, theirs = [], []
    for _ in range(3):
        began = perf_counter()
        found: Any = of.query(_KQL)
        ours.append(perf_counter() - began)
        began = perf_counter()
        duckdb.connect().sql(_SQL.format(files=files)).to_arrow_table()
        theirs.append(perf_counter() - began)
    yield (
        f"  percentiles by vault and month ({len(found)} rows): {min(ours):.2f} s,"
        f" {min(ours) / min(theirs):.2f}x SQL by hand over the same files"
    )


QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "success rate by month": ("success_rate", {"by": "month"}),
    "durations by vault": ("durations", {}),
    "durations by vault and month": ("durations", {"by": ["vault", "month"]}),
    "durations by vault and day": ("durations", {"by": ["vault", "day"]}),
    "start delays by vault": ("start_delay", {"by": "vaultName"}),
    "start delays of each run": ("start_delay", {}),
    **{
        name.replace("_", " "): (name, {})
        for name in (
            "concurrency", "duration_outliers", "duration_trend", "long_running", "failures", "recoveries", "adherence",
            "missed_runs", "coverage_calendar", "rpo", "latest_points", "rpo_targets", "coverage", "coverage_gaps",
            "exclusions", "retention", "retention_minimum", "retention_points", "restore_evidence", "triage",
            "findings", "controls", "control_members", "posture", "posture_history", "policy_inventory",
            "orphan_instances", "orphan_snapshots", "snapshot_headroom", "churn",
        )
    },
}  # fmt: skip
_BY_HAND = {
    "success rate by month": """SELECT date_trunc('month', startTime) AS month, count(*) AS n,
 count(*) FILTER (status = 'Completed') AS succeeded FROM read_parquet({files}) GROUP BY ALL ORDER BY ALL""",
    "durations by vault": """SELECT vaultId, count(*), max(durationSeconds),
 quantile_cont(durationSeconds, [0.5, 0.9, 0.95, 0.99]) FROM read_parquet({files}) WHERE status = 'Completed'
 GROUP BY ALL ORDER BY ALL""",
    "durations by vault and month": """SELECT vaultId, date_trunc('month', startTime) AS month, count(*),
 max(durationSeconds), quantile_cont(durationSeconds, [0.5, 0.9, 0.95, 0.99]) FROM read_parquet({files})
 WHERE status = 'Completed' GROUP BY ALL ORDER BY ALL""",
}


def _alone(path: Path, name: str) -> str:
    command = [sys.executable, "-m", "tests.benchmarks.archive", str(path), name]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.strip() or told.stderr.strip().splitlines()[-1]


def answer(path: Path, name: str) -> str:
    """What it takes to answer one of `QUESTIONS` over the year: seconds of processor, and the most memory."""
    of = open_archive(path, window=(START, START.replace(year=START.year + 1)))
    question, options = QUESTIONS[name]
    began, wall = process_time(), perf_counter()
    rows = len(getattr(dpmagic, question)(of, **options))
    took, lasted = process_time() - began, perf_counter() - wall
    made = f"{rows:,} rows, {lasted:.1f} s, {took:.1f} s of processor, at most {_most():.2f} GiB"
    if name not in _BY_HAND:
        return made
    files = [str(path / part.file) for part in read_manifest(path).parts if part.table == "jobs"]
    began = process_time()
    duckdb.connect().sql(_BY_HAND[name].format(files=files)).to_arrow_table()
    return f"{made}; {took / (process_time() - began):.1f}x SQL by hand"


def _most() -> float:
    """The most memory that this process has had, in GiB; not what the one that began it had."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 2**20


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(answer(Path(sys.argv[1]), sys.argv[2]))
    else:
        for line in measure():
            print(line, flush=True)
