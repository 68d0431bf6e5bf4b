"""What an archive says of itself: which files are part of it, and which runs wrote them.

The manifest is the archive: a file that it does not list is left over from a run that did not end, and means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

FORMAT = 3  # 1 had no `Run.since_of`; up to 2 every file had names, and states no `until`

Kind = Literal["rows", "states", "whole", "latest"]


class NewerFormat(Exception):
    """The manifest is of a format that this version does not know."""


@dataclass(frozen=True)
class Part:
    """A Parquet file of one table.

    ``kind`` is ``rows`` for what happened once (finished jobs), ``states`` for what things turned into since the run
    before, ``whole`` for all that was there at the first run of a month, and ``latest`` for all that was there at the
    last run, which the next one compares with.  ``first`` and ``last`` bound its
    ``startTime`` or ``asOf``.  ``again`` says that it holds other versions of rows that older parts have.
    """

    table: str
    kind: Kind
    file: str
    rows: int
    bytes: int
    sha256: str
    first: datetime
    last: datetime
    again: bool = False


@dataclass(frozen=True)
class Run:
    """One collection: the estate's instant, the jobs it asked for by ``startTime`` and what it added.

    ``since_of`` says from when on it asked for jobs and for changes, ``since`` is the earlier of the two.
    ``subscriptions`` is the estate's completeness: how many were asked and answered, and which were unreadable.
    """

    number: int
    at: datetime
    since: datetime
    target: str
    rows: Mapping[str, int]
    subscriptions: Mapping[str, Any]
    missing: Mapping[str, str]
    since_of: Mapping[str, datetime] = field(default_factory=dict)

    def asked(self, table: str) -> datetime:
        """From when on it asked for all of a table of what happened."""
        return self.since_of.get(table, self.since)

    def read(self, table: str) -> bool:
        """Whether it has read this table: one may be left out, or refused."""
        return table in self.rows


@dataclass(frozen=True)
class Manifest:
    """An archive at one moment.  ``retired`` are files that a reader may still have open; the next run removes them."""

    parts: tuple[Part, ...] = ()
    runs: tuple[Run, ...] = ()
    retired: tuple[str, ...] = ()
    version: int = 0

    def of(self, table: str, *kinds: Kind) -> list[Part]:
        """The parts of ``table``, of these kinds, in the order in which they were written."""
        return [part for part in self.parts if part.table == table and part.kind in kinds]

    @property
    def tables(self) -> list[str]:
        """The tables that have rows, by name."""
        return sorted({part.table for part in self.parts})

    def changed(self, added: Sequence[Part] = (), removed: Iterable[Part] = (), run: Run | None = None) -> Manifest:
        """The next version, with these parts and without those, whose files are now the retired ones."""
        gone = {part.file for part in removed}
        return replace(
            self,
            parts=(*(part for part in self.parts if part.file not in gone), *added),
            runs=self.runs if run is None else (*self.runs, run),
            retired=tuple(sorted(gone)),
            version=self.version + 1,
        )

    def encode(self) -> bytes:
        """As JSON."""
        told = {"format": FORMAT, **{one.name: getattr(self, one.name) for one in fields(self)}}
        return orjson.dumps(told, option=orjson.OPT_INDENT_2)

    @classmethod
    def decode(cls, content: bytes) -> Manifest:
        """From JSON.

        Raises `NewerFormat` for that of a later version, and ValueError, KeyError or TypeError for what is none.
        """
        told = orjson.loads(content)
        if told["format"] > FORMAT:
            raise NewerFormat(told["format"])
        return cls(
            parts=tuple(Part(**_instants(part, "first", "last")) for part in told["parts"]),
            runs=tuple(_run(run) for run in told["runs"]),
            retired=tuple(told["retired"]),
            version=told["version"],
        )


def _run(told: Mapping[str, Any]) -> Run:
    since_of = told.get("since_of", {})
    return Run(**{**_instants(told, "at", "since"), "since_of": _instants(since_of, *since_of)})


def _instants(told: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {**told, **{name: datetime.fromisoformat(told[name]) for name in names}}


def days_without(runs: Sequence[Run], start: datetime, end: datetime) -> list[datetime]:
    """The UTC days, as their midnights, from the first run to ``end`` in which no run looked at the estate."""
    if not runs:
        return []
    seen = {run.at.replace(hour=0, minute=0, second=0, microsecond=0) for run in runs}
    day = max(start, min(seen)).replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    while day + timedelta(days=1) <= end:
        found += [] if day in seen else [day]
        day += timedelta(days=1)
    return found


def days_told(days: Sequence[datetime]) -> str:
    """Days by their names, those in a row by the first and the last.

    >>> days_told([datetime(2026, 3, day) for day in (1, 3, 4, 5, 7, 8)])
    '2026-03-01, 2026-03-03 to 2026-03-05, 2026-03-07, 2026-03-08'
    """
    rows: list[list[datetime]] = []
    for day in days:
        if rows and day - rows[-1][-1] == timedelta(days=1):
            rows[-1].append(day)
        else:
            rows.append([day])
    texts = [[f"{day:%Y-%m-%d}" for day in row] for row in rows]
    return ", ".join(", ".join(row) if len(row) < 3 else f"{row[0]} to {row[-1]}" for row in texts)


def never_seen(
    runs: Sequence[Run], start: datetime, end: datetime, table: str = "jobs"
) -> list[tuple[datetime, datetime]]:
    """The spans of [start, end) whose jobs, or changes, none of these runs has asked for: Azure had forgotten them."""
    reached, holes = start, []
    for since, at in sorted((run.asked(table), run.at) for run in runs):
        if since > reached and reached < end:
            holes.append((reached, min(since, end)))
        reached = max(reached, at)
    return [*holes, (reached, end)] if reached < end else holes
