"""The report, by section: of the default estate and of 3,000 disks with 14 days.

``python -m tests.benchmarks.report default 3000 10000`` is of these sizes.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from dpmagic.connection import connect_sandbox
from dpmagic.estate.opening import open_live
from dpmagic.progress import Silent
from dpmagic.reports.report import report
from tests.benchmarks.estates import spec

SIZES = ("default", "3000")
_START = ("starting the notebook", "Backup report", "writing the page")  # the kernel, what it loads, and nbconvert


class Stages(Silent):
    """How long each stage took: from when it is told until the next one is."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._now, self._since = "", perf_counter()

    def stage(self, text: str) -> None:
        self._end()
        self._now = re.sub(r" \(\d+ of \d+\)$", "", text.removeprefix("report: "))

    def done(self) -> None:
        self._end()
        self._now = ""

    def _end(self) -> None:
        if self._now:
            self.seconds[self._now] = self.seconds.get(self._now, 0.0) + perf_counter() - self._since
        self._since = perf_counter()


def measure(sizes: tuple[str, ...] = SIZES) -> list[str]:
    """Lines for the report: each size in a process of its own, and how time grows against rows."""
    lines: list[str] = []
    totals = []
    for size in sizes:
        child = [sys.executable, "-m", "tests.benchmarks.report", size, "--one"]
        said = subprocess.check_output(child, text=True).splitlines()
        totals.append([float(part) for part in said[0].split()])
        lines += said[1:]
    for (rows, asked), (more, longer) in itertools.pairwise(totals):
        lines.append(f"  {more / rows:.1f} times the rows: {longer / asked:.1f} times the time of the questions")
    return lines


def one(size: str) -> list[str]:
    """First the rows and the seconds of all questions, then lines for people."""
    heard = Stages()
    given: Any = size if size == "default" else spec(int(size))
    with tempfile.TemporaryDirectory() as folder:
        estate = open_live(connect_sandbox(estate=given))
        start = perf_counter()
        written = report(estate, Path(folder) / "report", observer=heard)
        whole = perf_counter() - start
        files = written.summary["files"]
    rows = sum(one["rows"] for one in files if one["file"].startswith("estate/"))
    own = sum(heard.seconds[name] for name in _START)
    read = heard.seconds["reading the estate"]
    asked = whole - own - read
    sections = {name: took for name, took in heard.seconds.items() if name not in (*_START, "reading the estate")}
    return [
        f"{rows} {asked}",
        f"report, {size} disks".replace("default disks", "default estate") + f": {whole:5.1f} s, {rows:,} rows",
        f"  the notebook's own start {own:.1f} s ({own / whole:.0%}), reading {read:.1f} s, questions {asked:.1f} s",
        *(f"    {name:<40} {took:5.2f} s" for name, took in sections.items() if took >= 0.05),
    ]


if __name__ == "__main__":
    _, *given = sys.argv
    print("\n".join(one(given[0]) if "--one" in given else measure(tuple(given) or SIZES)))
