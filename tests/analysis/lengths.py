"""Durations naively: the raw job documents one by one, and pandas' own quantiles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import pandas

from dpmagic.estate import Estate
from dpmagic.estate.opening import open_live
from tests.analysis.raw import DISKS, JOBS, Record, connection
from tests.analysis.worlds import records
from tests.estate.raw import at, instant

SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32767, 65536)


@cache
def estate(name: str) -> Estate:
    """The estate as it is now; its tables are read once.

    The window keeps off its edges: while one asks, time passes, the oldest jobs go and the newest end.
    """
    made = open_live(connection(name))
    return made.over((made.now - timedelta(days=13), made.now - timedelta(hours=1)))


def fresh(name: str) -> Estate:
    """The same, of which nothing has been read."""
    known = estate(name)
    return Estate(known.source, known.now, known.window)


def began(record: Record) -> datetime:
    found = instant(at(record, "properties.startTime"))
    assert found is not None
    return found


def jobs(name: str, category: str = "backup") -> list[Record]:
    """The documents of the jobs that began within the window."""
    window = estate(name).window
    mine = [one for one in records(name, JOBS) if at(one, "properties.operationCategory").lower() == category]
    return [one for one in mine if window.start <= began(one) < window.end]


def seconds(record: Record) -> float | None:
    """From start to end, in whole microseconds; None while it runs."""
    ended = instant(at(record, "properties.endTime"))
    if ended is None:
        return None
    raw = [at(record, f"properties.{name}") for name in ("startTime", "endTime")]
    ticks = [int((text.rstrip("Z").partition(".")[2]).ljust(7, "0")[6]) for text in raw]
    return ((ended - began(record)).total_seconds() * 1e7 + ticks[1] - ticks[0]) // 10 / 1e6


@cache
def sizes(name: str) -> dict[str, int]:
    return {one["id"].lower(): at(one, "properties.diskSizeGB") for one in records(name, DISKS)}


def key_of(name: str, by: str) -> Callable[[Record], Any]:
    """What a job is grouped by."""
    paths = {
        "policy": "policyId", "datasource": "dataSourceId", "region": "dataSourceLocation",
        "datasourceType": "dataSourceType",
    }  # fmt: skip
    if by == "vault":
        return lambda record: "/".join(record["id"].split("/")[:9]).lower()
    if by == "subscription":
        return lambda record: record["subscriptionId"].lower()
    if by in ("day", "week", "month"):
        return lambda record: _period(began(record).date(), by).isoformat()
    if by == "sizeClass":
        return lambda record: _class(sizes(name).get(at(record, "properties.dataSourceId").lower()))
    return lambda record: at(record, f"properties.{paths[by]}").lower()


def _period(day: date, by: str) -> date:
    if by == "week":
        return day - timedelta(days=day.isoweekday() - 1)
    return day.replace(day=1) if by == "month" else day


def _class(size: int | None) -> int | None:
    return None if size is None else next(one for one in SIZES if size <= one)


def reference(name: str, by: str) -> dict[Any, dict[str, Any]]:
    """By group: how many jobs succeeded and the percentiles of how long they took, how many failed, and run."""
    found: dict[Any, list[Record]] = {}
    for record in jobs(name):
        found.setdefault(key_of(name, by)(record), []).append(record)
    return {key: _figures(mine) for key, mine in found.items()}


def _figures(mine: list[Record]) -> dict[str, Any]:
    def of(*statuses: str) -> list[Record]:
        return [one for one in mine if at(one, "properties.status") in statuses]

    took = pandas.Series([seconds(one) for one in of("Completed", "CompletedWithWarnings")], dtype=float)
    shares = {f"p{share}": took.quantile(share / 100) for share in (50, 90, 95, 99)}
    return {
        "n": len(took),
        **shares,
        "max": took.max(),
        "warnings": len(of("CompletedWithWarnings")),
        "failed": len(of("Failed", "Cancelled")),
        "running": len(of("InProgress")),
    }
