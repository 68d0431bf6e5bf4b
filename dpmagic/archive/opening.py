"""An archive's folder opened as an estate, as it was known at an instant."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from dpmagic.archive.faults import NotAnArchive
from dpmagic.archive.folder import read_manifest
from dpmagic.archive.source import Archive
from dpmagic.errors import InvalidArgument
from dpmagic.estate.estate import Estate
from dpmagic.estate.window import Window, instant
from dpmagic.frames.times import format_time


def open_archive(directory: str | Path, *, at: Any = None, window: Any = "14d") -> Estate:
    """The archive in ``directory`` as an estate, as it was known ``at`` an instant: the last run's, or an earlier one.

    Tables that say how things are say how they were at the last run until then; jobs that had not ended by then
    are shown running.  Days without a run, and spans whose jobs nobody saw, are in ``notes`` of each table.

    Raises `NotAnArchive`, and `InvalidArgument` for an instant, or a window that ends, before the first run saw
    anything.
    """
    path = Path(directory).expanduser()
    manifest = read_manifest(path)
    if not manifest.runs:
        raise NotAnArchive(f"the archive {str(path)!r} is empty", "fill it with `dpmagic collect DIR`")
    first = manifest.runs[0]
    now = manifest.runs[-1].at if at is None else instant(at)
    if now < first.at:
        told = f"the archive begins at {_shown(first.at)}, after {_shown(now)}"
        raise InvalidArgument(told, "name a later instant")
    made = Window.of(window, now)
    if made.end <= first.since:
        raise InvalidArgument(
            f"the window ends at {made.texts()[1]}; the archive knows of jobs from {_shown(first.since)} on",
            "name a later window",
        )
    return Estate(Archive(path, now), now, made)


def _shown(moment: datetime) -> str:
    return format_time(moment, "auto")
