"""The report, by section: of the default estate, of 3,000 and of 10,000 disks with 14 days.

``python -m tests.benchmarks.report default 3000`` is of these sizes.  The sandbox is another process's, so that time
and memory are the report's own; what the sandbox takes of its processor is said beside the reading.  The notebook's own
start is what a notebook without a question takes: its kernel, what is imported, and nbconvert.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import nbformat

from dpmagic.connection import connect_endpoint
from dpmagic.estate import Estate, Window
from dpmagic.estate.opening import open_live
from dpmagic.progress import Silent
from dpmagic.reports.report import report
from dpmagic.sandbox.service import START
from tests.benchmarks.estates import spec
from tests.benchmarks.questions import served

SIZES = ("default", "3000", "10000")
_READING, _PAGE = "reading the estate", "writing the page"
_START = ("starting the notebook", "Backup report", _PAGE)  # waiting for the kernel, what it opens, and nbconvert
_TICKS = os.sysconf("SC_CLK_TCK")


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
    """Lines for the report: each size in processes of its own, and how time grows against rows."""
    return list(_lines(sizes))


def _lines(sizes: tuple[str, ...]) -> Iterator[str]:
    totals: list[list[float]] = []
    for size in sizes:
        with served(size if size == "default" else spec(int(size))) as where:
            [sandbox] = multiprocessing.active_children()
            child = [sys.executable, "-m", "tests.benchmarks.report", size, *where, str(sandbox.pid)]
            said = subprocess.check_output(child, text=True).splitlines()
        totals.append([float(part) for part in said[0].split()])
        yield from said[1:]
        for (rows, spent), (more, longer) in itertools.pairwise(totals[-2:]):
            yield f"  {more / rows:.1f} times the rows: {longer / spent:.1f} times the processor for the questions"


def one(size: str, url: str, ca: str, sandbox: int) -> list[str]:
    """First the rows and the seconds of the processor for all questions, then lines for people."""
    heard = Stages()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare, bare_cpu = _bare(folder)
        known = open_live(connect_endpoint(url, ca=Path(ca), token="any"))
        estate = Estate(known.source, START, Window.of("14d", START))
        start, before, theirs = perf_counter(), _spent(resource.RUSAGE_CHILDREN), _of(sandbox)
        written = report(estate, folder / "report", observer=heard)
        whole, kernel = perf_counter() - start, _spent(resource.RUSAGE_CHILDREN) - before
        theirs = _of(sandbox) - theirs
        files = written.summary["files"]
    rows = sum(one["rows"] for one in files if one["file"].startswith("estate/"))
    own = sum(heard.seconds[name] for name in _START)
    read = heard.seconds[_READING]
    asked = whole - own - read
    sections = {name: took for name, took in heard.seconds.items() if name not in (*_START, _READING)}
    of = f"{size} disks" if size.isdigit() else "default estate"
    return [
        f"{rows} {kernel - bare_cpu}",
        f"report, {of}: {whole:5.1f} s, {rows:,} rows",
        f"  reading {read:.1f} s while the kernel starts ({theirs:.1f} s of the sandbox's processor), then the rest of "
        f"its start, and the page {own:.1f} s, questions {asked:.1f} s",
        f"  processor of the kernel: {bare_cpu:.1f} s without a question, {kernel - bare_cpu:.1f} s for them",
        f"  a notebook without a question takes {bare:.1f} s",
        f"  most memory: {_most(resource.RUSAGE_SELF):.2f} GiB to read, {_most(resource.RUSAGE_CHILDREN):.2f} to ask",
        *(f"    {name:<40} {took:5.2f} s" for name, took in sections.items() if took >= 0.05),
    ]


def _bare(folder: Path) -> tuple[float, float]:
    """The seconds of a report that asks nothing, and those of its kernel's processor."""
    opens = "import dpmagic.charts.style\nfrom dpmagic.reports import Report\nreport = Report(**given)"
    cells = ["given = {}", opens, "report.write()"]  # a notebook with charts loads what they take
    made = [nbformat.v4.new_code_cell(text) for text in cells]
    made[0].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=made), folder / "bare.ipynb")
    start, before = perf_counter(), _spent(resource.RUSAGE_CHILDREN)
    report(Estate.of({}, now=START), folder / "bare", notebook=folder / "bare.ipynb", worst=0)
    return perf_counter() - start, _spent(resource.RUSAGE_CHILDREN) - before


def _spent(of: int) -> float:
    used = resource.getrusage(of)
    return used.ru_utime + used.ru_stime


def _most(of: int) -> float:
    return resource.getrusage(of).ru_maxrss / 2**20


def _of(process: int) -> float:
    """Seconds of the processor that another process has had."""
    parts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / _TICKS


if __name__ == "__main__":
    match sys.argv[1:]:
        case [size, url, ca, sandbox]:
            print("\n".join(one(size, url, ca, int(sandbox))))
        case given:
            for line in _lines(tuple(given) or SIZES):
                print(line, flush=True)
