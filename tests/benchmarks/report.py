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
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from dpmagic.sandbox.service import START
from tests.benchmarks.estates import spec
from tests.benchmarks.questions import served
from tests.benchmarks.reporting import spent

SIZES = ("default", "3000", "10000")
_BARE, _NOTHING = "nothing", {"subscriptions": [{"name": "nothing"}]}


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
        for (rows, took), (more, longer) in itertools.pairwise(before[-2:]):
            yield f"  {more / rows:.1f} times the rows: {longer / took:.1f} times the processor for the questions"


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
        begun, before = perf_counter(), spent(resource.RUSAGE_CHILDREN)
        kind = "bare" if size == _BARE else "whole"
        child = [sys.executable, "-m", "tests.benchmarks.reporting", kind, *where, START.isoformat(), str(sandbox.pid)]
        said = json.loads(subprocess.check_output([*child, str(begun)], text=True))
        return Ran(perf_counter() - begun, spent(resource.RUSAGE_CHILDREN) - before, said)


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


if __name__ == "__main__":
    for line in _lines(tuple(sys.argv[1:]) or SIZES):
        print(line, flush=True)
