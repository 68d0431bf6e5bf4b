"""When the jobs and changes that a run asks for began: of each table its own, for one is read more often."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from dpmagic.archive.answered import answered, known
from dpmagic.archive.compact import read_parts
from dpmagic.archive.corrected import corrected
from dpmagic.archive.folder import Writer
from dpmagic.errors import InvalidArgument
from dpmagic.estate.columns import tables
from dpmagic.estate.estate import Estate
from dpmagic.estate.window import Window, instant

REMEMBERED = timedelta(days=14)  # how long Resource Graph shows a job
OVERLAP = timedelta(days=1)  # read again: a record may come into Resource Graph after younger ones
_NEAR, _MOST = timedelta(hours=1), 4  # jobs that began so near each other are asked for at once, in so many questions


def spans(writer: Writer, estate: Estate, given: Any, names: Iterable[str]) -> dict[str, list[Window]]:
    """Of each table of ``names`` that tells what happened, the windows to ask for; the last reaches the estate's now.

    That one begins ``given``, or a day before the last run that read the table.  Around each job that began earlier and
    ran when last seen is a short one.  Raises `InvalidArgument` for one that is not in the past.
    """
    begin = None if given is None else _instant(given)
    if begin is not None and begin >= estate.now:
        raise InvalidArgument(f"since {begin.isoformat()} is not in the past", "name an earlier instant")
    found = {}
    for name in names:
        if tables()[name].time:
            newest = Window(_since(writer, estate, name) if begin is None else begin, estate.now)
            found[name] = _with_running(writer, newest) if name == "jobs" else [newest]
    return found


def _instant(given: Any) -> datetime:
    try:
        return instant(given)
    except InvalidArgument as error:
        raise InvalidArgument(f"since {given!r} is not an instant", "write 2026-03-02 or 2026-03-02T09:00Z") from error


def _since(writer: Writer, estate: Estate, name: str) -> datetime:
    """A day before the last run that read the table of every subscription that is there now, if it is remembered."""
    remembered, runs = estate.now - REMEMBERED, writer.manifest.runs
    there, before = {one.lower() for one in estate.source.scope.readable}, known(writer)
    if not runs or there - before:
        return remembered
    last = [max((run.at for run in some if run.read(name)), default=remembered) for some in answered(runs, there)]
    return max(min(last, default=remembered) - OVERLAP, remembered)


def _with_running(writer: Writer, newest: Window) -> list[Window]:
    since, oldest = newest.start, newest.end - REMEMBERED
    began = [one for one in _running(writer, since) if oldest < one < since]
    return _few([*(Window(one, min(one + datetime.resolution, since)) for one in began), newest])


def _few(windows: Iterable[Window]) -> list[Window]:
    """The windows in order of time, those near each other as one; the last, which is asked for in any case, has its
    start as it is, unless there are so many that all is asked for from the first on."""
    *some, newest = sorted(windows, key=lambda one: (one.end, one.start))
    found: list[Window] = []
    for one in sorted(some, key=lambda one: one.start):
        if found and one.start - found[-1].end < _NEAR:
            found[-1] = Window(found[-1].start, max(one.end, found[-1].end))
        else:
            found.append(one)
    return [*found, newest] if len(found) <= _MOST else [Window(found[0].start, newest.end)]


def with_corrected(writer: Writer, estate: Estate, windows: list[Window]) -> list[Window]:
    """The windows to ask jobs for, with the days before the last whose jobs are others now."""
    newest = windows[-1]
    if newest.start <= newest.end - REMEMBERED or not writer.manifest.of("jobs", "rows"):
        return windows
    before = Window(newest.end - REMEMBERED, newest.start)
    days = corrected(writer, estate, before)
    more = [Window(max(day, before.start), min(day + timedelta(days=1), before.end)) for day in days]
    return _few([*more, *windows]) if more else windows


def _running(writer: Writer, since: datetime) -> list[datetime]:
    """When the jobs began that ran when last seen."""
    parts = [part for part in writer.manifest.of("jobs", "latest") if part.first < since]
    if not parts:
        return []
    started: list[datetime] = read_parts(writer.path, parts, columns=["startTime"])["startTime"].to_pylist()
    return started
