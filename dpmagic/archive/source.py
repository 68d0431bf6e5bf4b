"""An archive as an estate: the tables as they were at an instant, the jobs of any window, from Parquet."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas

from dpmagic.archive import deltas
from dpmagic.archive.compact import read_parts
from dpmagic.archive.faults import ArchiveDamaged, NotAnArchive
from dpmagic.archive.folder import read_manifest
from dpmagic.archive.forms import to_arrow, to_frame
from dpmagic.archive.manifest import Kind, Manifest, Run, days_without, never_seen
from dpmagic.errors import InvalidArgument
from dpmagic.estate.columns import Table, table, tables
from dpmagic.estate.completeness import KEY, Scope, told
from dpmagic.estate.estate import Estate
from dpmagic.estate.source import at_least, refusal
from dpmagic.estate.window import Window, instant
from dpmagic.frames.declared import conform, declared
from dpmagic.frames.times import format_time
from dpmagic.graph.parameters import bound
from dpmagic.graph.text import Text

if TYPE_CHECKING:
    import pyarrow

    from dpmagic.archive.query import Shelf

# What a job's record says only once it has ended.
_OF_THE_END = (
    "endTime",
    "duration",
    "errorCode",
    "errorMessage",
    "isUserError",
    "recommendedAction",
    "recoveryPointId",
    "errorDetails",
)
_ENDED = ("endTime", "status")  # what tells whether a job had ended
_DAY = timedelta(days=1)
_TRIES = 3  # a run that ends while files are opened may remove them: the manifest then says where the rows are now


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


class Archive:
    """An archive's tables, for `Estate`."""

    def __init__(self, path: Path, now: datetime) -> None:
        self.path, self._now = path, now
        self.target, self.metered = str(path), False
        self._manifest = read_manifest(path)

    @property
    def manifest(self) -> Manifest:
        """What the archive says of itself, as last read."""
        return self._manifest

    @property
    def runs(self) -> list[Run]:
        """The runs until the estate's instant, in order."""
        return [run for run in self._manifest.runs if run.at <= self._now]

    @cached_property
    def scope(self) -> Scope:
        readable = self._rows(table("subscriptions"), None)
        ids = [] if readable is None else readable["subscriptionId"].to_pylist()
        return Scope([*ids, *self.runs[-1].subscriptions["unreadable"]], ids)

    @property
    def refused(self) -> Mapping[str, str]:
        missing = self.runs[-1].missing
        return {name: why for name, why in missing.items() if name in tables() and self.columns(name) is None}

    def columns(self, name: str) -> Collection[str] | None:
        there = any(part.first <= self._now for part in self._manifest.of(name, "rows", "whole", "latest"))
        return list(tables()[name].columns) if there else None

    def table(
        self, name: str, now: datetime, window: Window, columns: Collection[str] | None = None
    ) -> pandas.DataFrame:
        known = table(name)
        wanted = at_least(known, columns)
        rows = self._rows(known, window, None if columns is None else [known.wire[one] for one in wanted])
        if rows is None:
            if name in self.refused:
                raise refusal(name, self.refused[name])
            raise InvalidArgument(
                f"the archive has no table {name!r}", f"it has: {', '.join(self._manifest.tables)}; collect it anew"
            )
        made = _as_known(to_frame(rows), now)
        lacking = declared([], {name: known.dtypes[name] for name in wanted if name not in made})
        made = conform(made.join(lacking)[wanted], known.dtypes)
        says = self.says(name, now, window)
        since = format_time(self._looks(name)[0].asked(name)) if known.time else None
        made.attrs[KEY] = told(
            known, made, target=self.target, now=now, window=window, scope=self.scope, since=since, notes=says["notes"]
        )
        made.attrs[KEY]["holes"] = says["holes"]
        return made

    def says(self, name: str, now: datetime, window: Window) -> Mapping[str, list[Any]]:
        holes = [[_shown(edge) for edge in span] for span in self._spans(window, name)]
        return {"notes": self.holes(window, name) if table(name).time else self._unseen(window, name), "holes": holes}

    def query(self, kql: str, names: Mapping[str, Any], now: datetime, window: Window) -> pandas.DataFrame:
        from dpmagic.archive.query import answer

        shelves = {name: partial(self._shelf, name) for name in tables() if self.columns(name) is not None}
        made = answer(Text(kql, tuple(bound(kql, names))).sent, shelves, now)
        made.attrs[KEY] = {
            "target": self.target,
            "at": format_time(now),
            "kql": kql,
            "rows": len(made),
            "of": len(made),
            "subscriptions": self.scope.told(None),
            "notes": self.holes(Window(self.runs[0].since, now)),
        }
        return made

    def count(self, kql: str, now: datetime) -> pandas.DataFrame | None:
        return None

    def _shelf(self, name: str) -> Shelf:
        """For queries: the files of what ended, where they hold each row once and nothing that came later."""
        from dpmagic.archive.query import Shelf

        known = table(name)
        parts = self._manifest.of(name, "rows")
        if known.time and self._now >= self._manifest.runs[-1].at and not any(part.again for part in parts):
            latest = [self.path / part.file for part in self._manifest.of(name, "latest")]
            return Shelf([*(self.path / part.file for part in parts), *latest])
        whole = Window(self.runs[0].since, self._now + datetime.resolution)
        rows = self._rows(known, whole)
        assert rows is not None  # only tables that are there are asked for
        return Shelf(rows=to_arrow(_as_known(to_frame(rows), self._now)) if known.time else rows)

    def holes(self, window: Window, name: str = "jobs") -> list[str]:
        """The spans of the window whose jobs, or changes, no run has seen, each as a line."""
        spans = self._spans(window, name)
        return [f"no run saw the {name} from {_shown(start)} to {_shown(end)}" for start, end in spans]

    def _looks(self, name: str) -> list[Run]:
        """The runs until the estate's instant that have read a table."""
        return [run for run in self.runs if run.read(name)]

    def _spans(self, window: Window, name: str) -> list[tuple[datetime, datetime]]:
        if not table(name).time:
            name = "jobs"
        return never_seen(self._looks(name), window.start, min(window.end, self._now), name)

    def _unseen(self, window: Window, name: str) -> list[str]:
        """The days on which no run looked at all, and those on which one did, but not at this table."""
        end = min(window.end, self._now)
        none = days_without(self.runs, window.start, end)
        left = [day for day in days_without(self._looks(name), window.start, end) if day not in none]
        notes = [f"no run looked at the estate on {_days(none)}"] if none else []
        return [*notes, f"no run read the {name.replace('_', ' ')} on {_days(left)}"] if left else notes

    def _rows(
        self, known: Table, window: Window | None, columns: Collection[str] | None = None
    ) -> pyarrow.Table | None:
        """The rows, ``columns`` by their names in files, None for all."""
        for left in reversed(range(_TRIES)):
            try:
                if known.time and window:
                    return self._happened(known, window, columns)
                return self._states(known.name, columns)
            except FileNotFoundError as error:
                fresh = read_manifest(self.path)
                if not left or fresh.version == self._manifest.version:
                    raise ArchiveDamaged(
                        f"a file of the archive is gone: {error.filename}", "see `dpmagic archive check`; use a copy"
                    ) from error
                self._manifest = fresh
        raise AssertionError("one try at least")

    def _happened(self, known: Table, window: Window, columns: Collection[str] | None) -> pyarrow.Table | None:
        """What began within the window: what ended is stored once, what had not by the last run is in a list."""
        end = min(window.end, self._now + datetime.resolution)
        between = [(known.time, ">=", window.start), (known.time, "<", end)]
        some = None if columns is None else {*columns, *_ENDED}
        stored = self._within("rows", known, window, between, some)
        going_on = self._within("latest", known, window, between, some)
        if stored is None or going_on is None:
            return going_on if stored is None else stored
        fresh, _ = deltas.unknown(going_on, stored)
        return _together([stored, fresh])

    def _within(
        self, kind: Kind, known: Table, window: Window, between: list[Any], columns: Collection[str] | None
    ) -> pyarrow.Table | None:
        parts = self._manifest.of(known.name, kind)
        chosen = [part for part in parts if part.first < window.end and part.last >= window.start]
        return read_parts(self.path, chosen or parts[:1], between, columns) if parts else None

    def _states(self, name: str, columns: Collection[str] | None) -> pyarrow.Table | None:
        whole = [part for part in self._manifest.of(name, "whole") if part.first <= self._now]
        if not whole:
            return None
        base = whole[-1]
        some = None if columns is None else {*columns, deltas.SLOT}
        rows = read_parts(self.path, [base], columns=some)
        later = [part for part in self._manifest.of(name, "states") if part.last > base.first]
        later = [part for part in later if part.first <= self._now]
        if not later:
            return rows
        between = [(deltas.AS_OF, ">", base.first), (deltas.AS_OF, "<=", self._now)]
        some = None if some is None else {*some, deltas.AS_OF, deltas.GONE}
        return deltas.as_of(rows, read_parts(self.path, later, between, some))


def _together(pieces: list[pyarrow.Table]) -> pyarrow.Table:
    import pyarrow

    return pyarrow.concat_tables(pieces, promote_options="permissive")


def _as_known(rows: pandas.DataFrame, now: datetime) -> pandas.DataFrame:
    """Jobs that ended after ``now`` as they were then: running."""
    if "endTime" not in rows or not (later := rows["endTime"] > now).any():
        return rows
    made = rows.copy()
    for name in _OF_THE_END:
        if name in made:
            made[name] = made[name].mask(later)
    made["status"] = made["status"].mask(later, "InProgress")
    return made


def _shown(moment: datetime) -> str:
    return format_time(moment, "auto")


def _days(days: Sequence[datetime]) -> str:
    """Days by their names, those in a row by the first and the last.

    >>> _days([datetime(2026, 3, day) for day in (1, 3, 4, 5, 7, 8)])
    '2026-03-01, 2026-03-03 to 2026-03-05, 2026-03-07, 2026-03-08'
    """
    rows: list[list[datetime]] = []
    for day in days:
        if rows and day - rows[-1][-1] == _DAY:
            rows[-1].append(day)
        else:
            rows.append([day])
    texts = [[f"{day:%Y-%m-%d}" for day in row] for row in rows]
    return ", ".join(", ".join(row) if len(row) < 3 else f"{row[0]} to {row[-1]}" for row in texts)
