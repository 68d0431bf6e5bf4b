"""When the jobs and changes that a run asks for began."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from dpmagic.archive.compact import read_parts
from dpmagic.archive.folder import Writer
from dpmagic.errors import InvalidArgument
from dpmagic.estate.columns import tables
from dpmagic.estate.estate import Estate
from dpmagic.estate.window import Window, instant

REMEMBERED = timedelta(days=14)  # how long Resource Graph shows a job
OVERLAP = timedelta(days=1)  # read again: a record may come into Resource Graph after younger ones
_NEAR, _MOST = timedelta(hours=1), 4  # jobs that began so near each other are asked for at once, in so many questions


def spans(writer: Writer, estate: Estate, given: Any, names: Iterable[str]) -> list[Window]:
    """Around each older job that ran when last seen a short one, and at last the one of which all is asked for.

    ``given`` is where that begins; without it a day before the last run that read these tables.  Raises
    `InvalidArgument` for one that is not in the past.
    """
    since = _since(writer, estate, given, names)
    newest, oldest = Window(since, estate.now), estate.now - REMEMBERED
    found: list[Window] = []
    for start in sorted(one for one in _running(writer, since) if oldest < one < since):
        end = min(start + datetime.resolution, since)
        if found and start - found[-1].end < _NEAR:
            found[-1] = Window(found[-1].start, end)
        else:
            found.append(Window(start, end))
    return [*found, newest] if len(found) <= _MOST else [Window(found[0].start, estate.now)]


def _since(writer: Writer, estate: Estate, given: Any, names: Iterable[str]) -> datetime:
    remembered = estate.now - REMEMBERED
    if given is not None:
        start = instant(given)
        if start >= estate.now:
            raise InvalidArgument(f"since {start.isoformat()} is not in the past", "name an earlier instant")
        return start
    reached = []
    for name in names:
        if tables()[name].time:
            last = max((run.at for run in writer.manifest.runs if run.read(name)), default=remembered + OVERLAP)
            reached.append(last - OVERLAP)
    return max(min(reached, default=remembered), remembered)


def _running(writer: Writer, since: datetime) -> list[datetime]:
    """When the jobs began that ran when last seen."""
    parts = [part for part in writer.manifest.of("jobs", "latest") if part.first < since]
    if not parts:
        return []
    started: list[datetime] = read_parts(writer.path, parts, columns=["startTime"])["startTime"].to_pylist()
    return started
