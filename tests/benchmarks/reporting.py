"""One report in a process that loads no more than it takes, for `tests.benchmarks.report`: what it took, as JSON."""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from dpmagic.connection import connect_endpoint
from dpmagic.estate import Estate, Window
from dpmagic.estate.opening import open_live
from dpmagic.progress import Silent
from dpmagic.reports.report import report

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


def one(bare: bool, url: str, ca: str, at: datetime, sandbox: int, begun: float) -> dict[str, Any]:
    """Write a report as of an instant in this process, which began then; what it took."""
    heard = Stages()
    known = open_live(connect_endpoint(url, ca=Path(ca), token="any"))
    estate = Estate(known.source, at, Window.of("14d", at))
    theirs = _of(sandbox)
    with tempfile.TemporaryDirectory() as name:
        notebook = _bare(Path(name)) if bare else None
        written = report(estate, Path(name) / "report", notebook=notebook, observer=heard)
    return {
        "rows": sum(one["rows"] for one in written.summary["files"] if one["file"].startswith("estate/")),
        "kernel": spent(resource.RUSAGE_CHILDREN),
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
    import nbformat

    opens = "import dpmagic.charts.style\nfrom dpmagic.reports import Report\nreport = Report(**given)"
    cells = ["given = {}", opens, "report.write()"]  # a notebook with charts loads what they take
    made = [nbformat.v4.new_code_cell(text) for text in cells]
    made[0].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=made), folder / "bare.ipynb")
    return folder / "bare.ipynb"


def spent(of: int) -> float:
    used = resource.getrusage(of)
    return used.ru_utime + used.ru_stime


def _most(of: int) -> float:
    return resource.getrusage(of).ru_maxrss / 2**20


def _of(process: int) -> float:
    """Seconds of the processor that another process has had."""
    parts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / _TICKS


if __name__ == "__main__":
    bare, url, ca, at, sandbox, begun = sys.argv[1:]
    print(json.dumps(one(bare == "bare", url, ca, datetime.fromisoformat(at), int(sandbox), float(begun))))
