"""The default estate's tables read together, at Azure's pace, where each request takes as long as one of Azure's may.

``python -m tests.benchmarks.reading 0.3 1`` is of requests that take so many seconds besides what the sandbox takes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import dpmagic
from dpmagic.connection import connect_endpoint
from dpmagic.estate import Estate, Window, reading
from dpmagic.estate.columns import tables
from dpmagic.estate.opening import open_live
from dpmagic.sandbox.service import START
from tests.benchmarks.questions import served

LATE = (0.3, 1.0)
_NAMES = [name for name in tables() if name != "recovery_points"]  # as a report reads them


def _saved(estate: Estate) -> None:
    with tempfile.TemporaryDirectory() as folder:
        estate.save(folder, _NAMES, keep=False)


WAYS: tuple[tuple[str, Callable[[Estate], Any]], ...] = (("Estate.save", _saved), ("findings", dpmagic.findings))


def _took(late: float, asked: Callable[[Estate], Any], together: bool) -> tuple[float, int]:
    """Seconds by the clock, and how many requests of Resource Graph."""
    with served("default", pace=1) as (url, ca):
        known = open_live(connect_endpoint(url, ca=Path(ca), token="any"))
        transport, sent = known.source.connection.transport, [0]  # type: ignore[attr-defined]
        send = transport.send

        def slowly(request: Any, **options: Any) -> Any:
            sent[0] += "microsoft.resourcegraph" in request.url.lower()
            time.sleep(late)
            return send(request, **options)

        transport.send = slowly
        can_wait = reading._can_wait
        reading._can_wait = can_wait if together else lambda estate, one: False
        try:
            begun = perf_counter()
            asked(Estate(known.source, START, Window.of("14d", START)))
            return perf_counter() - begun, sent[0]
        finally:
            reading._can_wait = can_wait


def measure(lates: Sequence[float] = LATE) -> Iterator[str]:
    """A line for each way to read and each time that a request takes."""
    for late in lates:
        for name, asked in WAYS:
            (apart, _), (at_once, sent) = (_took(late, asked, together) for together in (False, True))
            yield (
                f"reading, {name}, each request {late:g} s more: {apart:.1f} s one after another, {at_once:.1f} s "
                f"together, {at_once / apart:.2f} of it ({sent} queries: {(sent - 1) // 15 * 5} s by their quota alone)"
            )


if __name__ == "__main__":
    for line in measure([float(one) for one in sys.argv[1:]] or LATE):
        print(line, flush=True)
