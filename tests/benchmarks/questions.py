"""Questions on large estates: what the plan says, what it takes, and the most memory.

``python -m tests.benchmarks.questions 3000 60`` is 3,000 disks in 60 subscriptions, from rows; with 20,000 disks or
more the answer is counted at the source. Each size runs in a process of its own, so that memory is its own.
``python -m tests.benchmarks.questions 3000 60 each`` asks one question a process of a sandbox that another process
serves: memory is then that of the question alone.  Its estate is dense: six or twelve backups a day of each disk, which
are 250,000 jobs of 3,000 disks in 14 days.  With ``design`` at the end it has the design's 130,000; names of questions
before that are those to ask.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

import dpmagic
from dpmagic.connection import connect_endpoint, connect_sandbox
from dpmagic.estate import Estate, Window
from dpmagic.estate.opening import open_live
from dpmagic.estate.plan import PACE
from dpmagic.sandbox import Sandbox
from dpmagic.sandbox.application import Application
from dpmagic.sandbox.certificates import certificates
from dpmagic.sandbox.listening import listen
from dpmagic.sandbox.server import Server, describe
from dpmagic.sandbox.service import START
from tests.benchmarks.estates import spec

SIZES = ((3_000, 60),)
DENSE, DESIGN = "dense", "design"
DEAREST = ("coverage", "findings")
QUESTIONS = (
    ("durations", dpmagic.durations),
    ("duration_outliers", dpmagic.duration_outliers),
    ("duration_trend", dpmagic.duration_trend),
    ("concurrency", dpmagic.concurrency),
)


def estate_of(disks: int, subscriptions: int, density: str = DENSE) -> dict[str, Any]:
    """The estate of `estates.spec` with its disks spread over so many subscriptions.

    In the design's density, two in five disks are backed up every four hours, one in five every twelve, the rest daily.
    """
    made = spec(500)
    each = disks // subscriptions
    [only] = made["subscriptions"]
    if density == DESIGN:
        often = made["policies"]["every-4h-0"]
        rarer = {"every-4h-2": "PT12H", "every-4h-3": "P1D", "hourly": "P1D"}
        made["policies"] |= {name: often | {"every": every} for name, every in rarer.items()}
    rows = [{**row, "count": max(1, row["count"] * each // 500)} for row in only["disks"]]
    made["subscriptions"] = [{**only, "name": f"S{number:03d}", "disks": rows} for number in range(subscriptions)]
    return made


EACH: tuple[str, ...] = ("durations", "missed_runs", "rpo", "triage", "coverage", "retention", "findings", "controls")


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


def _each(disks: int, subscriptions: int, density: str, names: Sequence[str]) -> Iterator[str]:
    """A line a question, each asked by a process of its own of one sandbox."""
    yield f"{disks:,} disks in {subscriptions:,} subscriptions, {density}, served by another process"
    with served(estate_of(disks, subscriptions, density)) as where:
        for name in names:
            run = [sys.executable, "-m", "tests.benchmarks.questions", name, *where]
            yield subprocess.run(run, stdout=subprocess.PIPE, text=True, check=True).stdout.rstrip()


@contextmanager
def served(estate: Any, pace: float = 0) -> Iterator[tuple[str, str]]:
    """The URL and the file of the CA of a sandbox of this estate, served by a process until the block ends; at a
    ``pace`` of 1 its quota takes the seconds that Azure's does, at 0 none."""
    context = multiprocessing.get_context("spawn")
    told, tells = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        child = context.Process(target=_serve, args=(estate, folder, tells, pace), daemon=True)
        child.start()
        tells.close()  # so that its death is heard of
        try:
            yield told.recv()
        finally:
            child.terminate()
            child.join()


def _serve(estate: Any, folder: str, tells: Connection, pace: float) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # DuckDB draws bars of its progress there
    # Without a pace the wall stands still: the sandbox's time passes with what is asked.
    application = Application(Sandbox(estate=estate), perf_counter if pace else lambda: 0.0, pace)
    trust = certificates(Path(folder), "localhost")
    with listen("127.0.0.1", 0) as listener:
        found = describe(application, trust, "localhost", listener)
        server = Server(application, trust, lambda: tells.send((found.endpoint, str(found.ca))))
        server.run(sockets=[listener])


def _question(name: str, url: str, ca: str) -> str:
    """One question of what is served: planned and sent, and the most memory of this process."""
    known = open_live(connect_endpoint(url, ca=Path(ca), token="any"))
    counted = _Counted(known.source.connection)  # type: ignore[attr-defined]
    started, question = _memory(), getattr(dpmagic, name)
    estate = Estate(known.source, START, Window.of("14d", START))
    plan = estate.plan(question)
    before, at = counted.sent, perf_counter()
    rows = len(question(estate))
    sent = counted.sent - before
    off = (plan.seconds * PACE - sent) / sent
    return (
        f"  {name:<12} planned {plan.seconds:5.0f} s of quota, took {sent / PACE:5.0f} s ({off:+.1%}), {rows:,} rows "
        f"in {perf_counter() - at:.0f} s here; at most {plan.memory / 2**30:.2f} GiB planned, peak {_memory():.2f} GiB "
        f"({started:.2f} at the start)"
    )


def measure() -> list[str]:
    """Lines for the report."""
    run = [sys.executable, "-m", "tests.benchmarks.questions"]
    how = [[], *(["each", *DEAREST, density] for density in (DESIGN, DENSE))]
    said = [
        subprocess.run([*run, str(disks), str(subscriptions), *more], capture_output=True, text=True, check=True).stdout
        for disks, subscriptions in SIZES
        for more in how
    ]
    return [line for text in said for line in text.splitlines()]


if __name__ == "__main__":
    match sys.argv[1:]:
        case [disks, subscriptions]:
            print("\n".join(_lines(int(disks), int(subscriptions))))
        case [disks, subscriptions, "each", *names]:
            density = DESIGN if DESIGN in names else DENSE
            names = [name for name in names if name not in (DENSE, DESIGN)] or list(EACH)
            for line in _each(int(disks), int(subscriptions), density, names):
                print(line, flush=True)
        case [name, url, ca]:
            print(_question(name, url, ca))
        case _:
            print("\n".join(measure()))
