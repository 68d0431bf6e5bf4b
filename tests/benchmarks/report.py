"""The report, by section: of the default estate, of 3,000 and of 10,000 disks with 14 days.

``python -m tests.benchmarks.report default 3000`` is of these sizes.  Each is a process of its own that connects,
reads the estate and writes the report; the sandbox is another's, so that time, processor and memory are the report's.

The start is what the same process takes of a sandbox without any resource, by a notebook without any question: Python
and what it imports, the connection, the notebook's kernel and what that loads, and nbconvert for a page of nothing.
Of the whole, what is no start are reading the estate (while the kernel starts), questions, charts, files and page.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

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
_BARE, _NOTHING = "nothing", {"subscriptions": [{"name": "nothing"}]}
_READING, _PAGE = "reading the estate", "writing the page"
_START = ("starting the notebook", "Backup report", _PAGE)  # waiting for the kernel, what it opens, and nbconvert
_TICKS = os.sysconf("SC_CLK_TCK")


class Stages(Silent):
    """How long each stage took: from when it is told until the next one is."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._now, self._since = "", perf_counter()
        self.asked = 0.0  # when the first question was

    def stage(self, text: str) -> None:
        self._end()
        self._now = re.sub(r" \(\d+ of \d+\)$", "", text.removeprefix("report: "))
        if not self.asked and self._now not in (*_START, _READING):
            self.asked = perf_counter()

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
    start = _run(_BARE)
    before: list[tuple[float, float]] = []
    for size in sizes:
        found = _run(size)
        yield from _told(size, found, start)
        before.append((found.said["rows"], found.said["kernel"] - start.said["kernel"]))
        for (rows, spent), (more, longer) in itertools.pairwise(before[-2:]):
            yield f"  {more / rows:.1f} times the rows: {longer / spent:.1f} times the processor for the questions"


@dataclass(frozen=True)
class Ran:
    """A process that wrote a report: seconds by the clock and of the processor, its kernel's among them, and what it
    said of itself."""

    wall: float
    processor: float
    said: dict[str, Any]


def _run(size: str) -> Ran:
    with served(_NOTHING if size == _BARE else size if size == "default" else spec(int(size))) as where:
        [sandbox] = multiprocessing.active_children()
        begun, before = perf_counter(), _spent(resource.RUSAGE_CHILDREN)
        child = [sys.executable, "-m", "tests.benchmarks.report", size, *where, str(sandbox.pid), str(begun)]
        said = json.loads(subprocess.check_output(child, text=True))
        return Ran(perf_counter() - begun, _spent(resource.RUSAGE_CHILDREN) - before, said)


def _told(size: str, found: Ran, start: Ran) -> list[str]:
    """Lines of one size for people."""
    said, of = found.said, f"{size} disks" if size.isdigit() else "default estate"
    late = found.wall - said["asked"] - said["page"]
    return [
        f"report, {of}: {found.wall:5.1f} s, {found.processor:.1f} s of the processor, {said['rows']:,} rows",
        f"  the start: {start.wall:.1f} s, {start.wall / found.wall:.0%}; {start.processor:.1f} s of the processor, "
        f"{start.processor / found.processor:.0%}",
        f"  until the first question: {said['asked']:.1f} s, {said['asked'] / found.wall:.0%}: the estate is read "
        f"meanwhile, in {said['reading']:.1f} s ({said['sandbox']:.1f} s of the sandbox's processor)",
        f"  questions, charts and files {late:.1f} s, the page {said['page']:.1f} s",
        f"  processor of the kernel: {start.said['kernel']:.1f} s without a question, "
        f"{said['kernel'] - start.said['kernel']:.1f} s for them",
        f"  most memory: {said['to read']:.2f} GiB to read, {said['to ask']:.2f} to ask",
        *(f"    {name:<40} {took:5.2f} s" for name, took in said["sections"].items() if took >= 0.05),
    ]


def one(size: str, url: str, ca: str, sandbox: int, begun: float) -> dict[str, Any]:
    """Write a report in this process, which began then; what it took."""
    heard = Stages()
    known = open_live(connect_endpoint(url, ca=Path(ca), token="any"))
    estate = Estate(known.source, START, Window.of("14d", START))
    theirs = _of(sandbox)
    with tempfile.TemporaryDirectory() as name:
        notebook = _bare(Path(name)) if size == _BARE else None
        written = report(estate, Path(name) / "report", notebook=notebook, observer=heard)
    return {
        "rows": sum(one["rows"] for one in written.summary["files"] if one["file"].startswith("estate/")),
        "kernel": _spent(resource.RUSAGE_CHILDREN),
        "sandbox": _of(sandbox) - theirs,
        "asked": heard.asked - begun,
        "reading": heard.seconds[_READING],
        "page": heard.seconds[_PAGE],
        "to read": _most(resource.RUSAGE_SELF),
        "to ask": _most(resource.RUSAGE_CHILDREN),
        "sections": {name: took for name, took in heard.seconds.items() if name not in (*_START, _READING)},
    }


def _bare(folder: Path) -> Path:
    """A notebook that asks nothing."""
    opens = "import dpmagic.charts.style\nfrom dpmagic.reports import Report\nreport = Report(**given)"
    cells = ["given = {}", opens, "report.write()"]  # a notebook with charts loads what they take
    made = [nbformat.v4.new_code_cell(text) for text in cells]
    made[0].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=made), folder / "bare.ipynb")
    return folder / "bare.ipynb"


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
        case [size, url, ca, sandbox, begun]:
            print(json.dumps(one(size, url, ca, int(sandbox), float(begun))))
        case given:
            for line in _lines(tuple(given) or SIZES):
                print(line, flush=True)
