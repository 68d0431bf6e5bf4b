"""Completion: static names (groups, commands, options, choices), and those of an estate that does not answer."""

from __future__ import annotations

import statistics
import threading
from time import perf_counter

from dpmagic.commands.table import commands
from dpmagic.completion import candidates
from dpmagic.live_names import LiveNames
from dpmagic.session import Session
from tests.wire import Wire


def measure() -> list[str]:
    """Lines for the report: 95th percentiles, over every prefix of every command and its options, and of 40 Tabs."""
    texts = [text for command in commands().values() for text in _typed(command.name, command.by_name)]
    candidates(texts[0], ())
    spent = []
    for text in texts:
        started = perf_counter()
        candidates(text, ())
        spent.append(1000 * (perf_counter() - started))
    p95 = statistics.quantiles(spent, n=20)[-1]
    return [
        f"completion of static names: p95 {p95:.3f} ms over {len(texts):,} texts (under 1 ms)",
        f"a Tab that nothing answers: p95 {_unanswered():.0f} ms (under 150 ms)",
    ]


def _unanswered() -> float:
    """Milliseconds of a Tab while every request hangs, each with names and threads of its own."""
    release, spent = threading.Event(), []
    for _ in range(40):
        wire = Wire()
        wire.before = lambda request: release.wait(60)
        live = LiveNames(Session(wire.connection()))
        started = perf_counter()
        candidates("backup-vault show -g ", {}, live.tab())
        spent.append(1000 * (perf_counter() - started))
    release.set()
    return statistics.quantiles(spent, n=20)[-1]


def _typed(name: str, options: dict[str, object]) -> list[str]:
    prefixes = [name[: end + 1] for end in range(len(name))]
    return [
        *prefixes,
        *(f"{name} {option[: len(option) // 2]}" for option in options),
        *(f"{name} {option} " for option in options),
    ]
