"""An archive as an estate: the tables as they were at an instant, the jobs of any window, from Parquet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas

from dpmagic.archive import deltas
from dpmagic.archive.answered import lost as lost_of
from dpmagic.archive.compact import read_parts
from dpmagic.archive.faults import gone
from dpmagic.archive.folder import read_manifest
from dpmagic.archive.forms import to_arrow, to_frame
from dpmagic.archive.happened import Happened, touches
from dpmagic.archive.known import as_known, nothing, shaped
from dpmagic.archive.looks import Looks
from dpmagic.archive.manifest import Manifest, Run
from dpmagic.archive.owners import outside
from dpmagic.archive.packed import Held, Packed, in_one_piece
from dpmagic.archive.tallies import tally
from dpmagic.errors import InvalidArgument
from dpmagic.estate.columns import Table, table, tables
from dpmagic.estate.completeness import KEY, Scope, told
from dpmagic.estate.excerpts import Excerpt
from dpmagic.estate.plan import MOST_MEMORY
from dpmagic.estate.source import at_least, refusal
from dpmagic.estate.tallies import Tally, Wanted
from dpmagic.estate.window import Window
from dpmagic.frames.times import format_time
from dpmagic.graph.parameters import bound
from dpmagic.graph.text import Text

if TYPE_CHECKING:
    import pyarrow

    from dpmagic.archive.query import Shelf

_Read = TypeVar("_Read")
_PACKED = 130  # bytes a job in memory, by all columns that several questions take
_TRIES = 3  # a run that ends while files are opened may remove them: the manifest then says where the rows are now


class Archive:
    """An archive's tables, for `Estate`.

    How things are in a subscription that nobody could read by then is not among them, as it is not live; with
    ``last_seen`` it is, as it was when it was last seen.
    """

    def __init__(self, path: Path, now: datetime, *, last_seen: bool = False) -> None:
        self.path, self._now, self._last_seen = path, now, last_seen
        self.target, self.metered = str(path), False
        self._manifest = read_manifest(path)
        self._held: Held | None = None

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
        found = self._read(lambda: self._states("subscriptions", None))
        ids = [] if found is None else found["subscriptionId"].to_pylist()
        never = Scope(self.runs[-1].subscriptions["unreadable"], ids).unreadable
        lost = {*lost_of(self.runs, ids, self._now)}
        return Scope([*ids, *never], [one for one in ids if one not in lost])

    @property
    def refused(self) -> Mapping[str, str]:
        missing = self.runs[-1].missing
        return {name: why for name, why in missing.items() if name in tables() and self.columns(name) is None}

    def columns(self, name: str) -> Collection[str] | None:
        there = any(part.first <= self._now for part in self._manifest.of(name, "rows", "whole", "latest"))
        return list(tables()[name].columns) if there or self._nothing_yet(name) else None

    def _nothing_yet(self, name: str) -> bool:
        """Whether a table of what happened was read, and nothing had: there are no files of it then."""
        return bool(tables()[name].time) and self._looks.last(name) is not None

    def table(
        self, name: str, now: datetime, window: Window, columns: Collection[str] | None = None
    ) -> pandas.DataFrame:
        known = table(name)
        wanted = at_least(known, columns)
        rows = self._rows(known, window, None if columns is None else [known.wire[one] for one in wanted])
        return self._made(known, wanted, rows, now, window)

    def excerpt(
        self, wanted: Excerpt, now: datetime, window: Window, columns: Collection[str] | None
    ) -> pandas.DataFrame:
        """As `table`, the rows that hold what those of the excerpt do; of a table of what happened."""
        known = table(wanted.table)
        names = at_least(known, columns)
        happened = self._happened(known, window, [known.wire[one] for one in names])
        sifted = replace(happened, holding=[[(known.wire[name], text) for name, text in one] for one in wanted.holding])
        return self._made(known, names, self._or_nothing(known, self._read(sifted.rows)), now, window)

    def _made(
        self, known: Table, wanted: Sequence[str], rows: pyarrow.Table | None, now: datetime, window: Window
    ) -> pandas.DataFrame:
        name = known.name
        if rows is None:
            if name in self.refused:
                raise refusal(name, self.refused[name])
            raise InvalidArgument(
                f"the archive has no table {name!r}", f"it has: {', '.join(self._manifest.tables)}; collect it anew"
            )
        made = shaped(known, wanted, rows, now)
        made.attrs[KEY] = self._told(known, made, now, window)
        return made

    def packed(
        self, now: datetime, window: Window, columns: Collection[str], most: int
    ) -> tuple[pyarrow.Table, Packed] | None:
        """The window's jobs where they are more than ``most``, in little memory, and what makes tables of them; None of
        fewer.

        These are no more than ``columns``, ``subscriptionId`` and ``startTime``.
        """
        known = table("jobs")
        if self.at_most(window) <= most:
            return None
        wanted = [name for name in known.columns if name in {*columns, "subscriptionId", known.time}]
        rows = self._held.part(known, self._until_now(window), wanted) if self._held else None
        if rows is None:
            rows = self._rows(known, window, [known.wire[one] for one in wanted], packed=True)
            rows = None if rows is None else in_one_piece(rows)
        if rows is None or rows.num_rows <= most:
            return None
        return rows, Packed(known, wanted, self._told_packed(known, rows, now, window), now)

    @contextmanager
    def holding(self, now: datetime, window: Window, columns: Collection[str], most: int) -> Iterator[None]:
        """Within it what `packed` gives of these columns is read from files once, unless it takes very much memory."""
        large = self.at_most(window) * _PACKED > MOST_MEMORY
        found = None if self._held or large else self.packed(now, window, columns, most)
        if found is None:
            yield
            return
        self._held = Held(self._until_now(window), found[1].wanted, found[0])
        del found
        try:
            yield
        finally:
            self._held = None

    def at_most(self, window: Window, name: str = "jobs") -> int:
        """How many jobs, or changes, the window may have, from what the archive says of itself."""
        return sum(part.rows for part in self._manifest.of(name, "rows") if touches(part, window))

    def tallied(self, now: datetime, window: Window, wanted: Wanted, most: int) -> tuple[Tally, dict[str, Any]] | None:
        """The window's jobs, grouped, where they are more than ``most``, and what they cover; None of fewer."""
        known = table("jobs")
        if self.at_most(window) <= most:
            return None
        columns = [known.wire[one] for one in (*wanted.columns, "subscriptionId", known.time, "duration")]
        made = self._read(lambda: tally(self._happened(known, window, columns, packed=True), wanted, now))
        rows = int(made.rows["n"].sum())
        owners, first = made.rows["subscriptionId"].unique().tolist(), made.rows["oldest"].min()
        return (made, self._told_counted(known, owners, first, rows, now, window)) if rows > most else None

    def _told_packed(self, known: Table, rows: pyarrow.Table, now: datetime, window: Window) -> dict[str, Any]:
        import pyarrow.compute as pc

        owners, first = pc.unique(rows["subscriptionId"]).to_pylist(), pc.min(rows[known.time]).as_py()
        return self._told_counted(known, owners, first, rows.num_rows, now, window)

    def _told_counted(
        self, known: Table, owners: list[Any], first: Any, rows: int, now: datetime, window: Window
    ) -> dict[str, Any]:
        each = pandas.DataFrame({"subscriptionId": pandas.Series(owners, dtype="str"), known.time: first})
        return self._told(known, each, now, window) | {"rows": rows, "of": rows}

    def _told(self, known: Table, rows: pandas.DataFrame, now: datetime, window: Window) -> dict[str, Any]:
        says = self.says(known.name, now, window)
        since = says.get("since")
        made = told(
            known, rows, target=self.target, now=now, window=window, scope=self.scope, since=since, notes=says["notes"]
        )
        seen = {} if known.time else {"seen": format_time(self.seen(known.name) or now)}
        return made | {"holes": says["holes"], **seen}

    @property
    def _looks(self) -> Looks:
        return Looks(self.runs, self._now)

    def seen(self, name: str) -> datetime | None:
        """When the last run until the estate's instant read a table."""
        return self._looks.last(name)

    def says(self, name: str, now: datetime, window: Window) -> Mapping[str, Any]:
        return self._looks.says(name, window)

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
            "notes": self._looks.unseen("jobs", Window(self.runs[0].since, now)),
        }
        return made

    def count(self, kql: str, now: datetime) -> pandas.DataFrame | None:
        return None

    def _shelf(self, name: str) -> Shelf:
        """For queries: the files of what ended, where they hold each row once and nothing that came later."""
        from dpmagic.archive.query import Shelf

        known = table(name)
        parts = self._manifest.of(name, "rows")
        files = [self.path / part.file for part in (*parts, *self._manifest.of(name, "latest"))]
        now = self._now >= self._manifest.runs[-1].at and not any(part.again for part in parts)
        if known.time and files and now:
            return Shelf(files)
        whole = Window(self.runs[0].since, self._now + datetime.resolution)
        rows = self._rows(known, whole)
        assert rows is not None  # only tables that are there are asked for
        return Shelf(rows=to_arrow(as_known(to_frame(rows), self._now)) if known.time else rows)

    def _rows(
        self, known: Table, window: Window | None, columns: Collection[str] | None = None, *, packed: bool = False
    ) -> pyarrow.Table | None:
        """The rows, ``columns`` by their names in files, None for all; texts ``packed`` as dictionaries."""
        if known.time and window:
            return self._or_nothing(known, self._read(lambda: self._happened(known, window, columns, packed).rows()))
        rows = self._read(lambda: self._states(known.name, columns))
        return rows if rows is None or self._last_seen else outside(rows, self.scope.unreadable)

    def _or_nothing(self, known: Table, rows: pyarrow.Table | None) -> pyarrow.Table | None:
        return nothing(known) if rows is None and self._nothing_yet(known.name) else rows

    def _read(self, read: Callable[[], _Read]) -> _Read:
        for left in reversed(range(_TRIES)):
            try:
                return read()
            except FileNotFoundError as error:
                fresh = read_manifest(self.path)
                if not left or fresh.version == self._manifest.version:
                    raise gone(error.filename) from error
                self._manifest = fresh
        raise AssertionError("one try at least")

    def _happened(
        self, known: Table, window: Window, columns: Collection[str] | None = None, packed: bool = False
    ) -> Happened:
        return Happened(self.path, self._manifest, known, self._until_now(window), columns, packed)

    def _until_now(self, window: Window) -> Window:
        end = min(window.end, self._now + datetime.resolution)
        return Window(window.start, max(window.start, end))

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
            return deltas.ordered(rows)
        some = None if some is None else {*some, deltas.AS_OF, deltas.GONE, deltas.UNTIL}
        return deltas.as_of(rows, read_parts(self.path, later, columns=some), base.first, self._now)
