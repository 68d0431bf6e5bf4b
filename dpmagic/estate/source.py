"""Where an estate's tables come from, and how an analysis takes whatever it is given as an estate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import pandas

from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.columns import Table, table, tables, unknown_table
from dpmagic.estate.completeness import KEY, Scope, told
from dpmagic.estate.excerpts import Excerpt
from dpmagic.estate.window import Window, instant
from dpmagic.frames.declared import conform
from dpmagic.frames.times import format_time

if TYPE_CHECKING:
    from dpmagic.estate.estate import Estate


_UNNAMED = ("changes",)
"""Tables with rows without an id: an archive keeps none of routine changes."""
_SEVERAL = ("virtual_machines",)
"""Tables with several rows of an id: a machine has one for each of its disks."""


class Source(Protocol):
    """Live, saved or given tables, or an archive: nothing above it knows which."""

    @property
    def target(self) -> str:
        """Where it asks: ``azure``, ``sandbox``, ``tables``, a folder."""

    @property
    def scope(self) -> Scope:
        """The subscriptions it covers."""

    @property
    def refused(self) -> Mapping[str, str]:
        """The tables that are not here because Azure refused them when the others were read, and its words."""

    def columns(self, name: str) -> Collection[str] | None:
        """The columns of a table, None where there is no such table here."""

    @property
    def metered(self) -> bool:
        """Whether reading spends a quota, so that nothing should be read more than once."""

    def table(
        self, name: str, now: datetime, window: Window, columns: Collection[str] | None = None
    ) -> pandas.DataFrame:
        """The table, typed, its rows of the window, its completeness in ``attrs``; ``name`` is one of the tables.

        It has these ``columns`` and those that `at_least` adds; a source to which more is no effort gives all.
        """

    def says(self, name: str, now: datetime, window: Window) -> Mapping[str, list[Any]]:
        """What the completeness of a table says of the window, whatever its rows: ``notes``, and keys of its own."""

    def query(self, kql: str, names: Mapping[str, Any], now: datetime, window: Window) -> pandas.DataFrame:
        """The answer to a query of Resource Graph's.  Raises `InvalidArgument` where there is nobody to ask."""

    def count(self, kql: str, now: datetime) -> pandas.DataFrame | None:
        """The answer to a query that only counts, for plans; None where tables are at hand and reading them is free."""


class Picking(Source, Protocol):
    """A source that gives excerpts: whose reading spends a quota, or that has very much."""

    def excerpt(
        self, wanted: Excerpt, now: datetime, window: Window, columns: Collection[str] | None
    ) -> pandas.DataFrame:
        """As `Source.table`, the rows of an excerpt that is not grouped."""


class Given:
    """Tables from somewhere: made by hand, read from a file, taken from another estate."""

    def __init__(self, given: Mapping[str, pandas.DataFrame], target: str = "tables") -> None:
        for name, rows in given.items():
            if name not in tables():
                raise unknown_table(name, tables())
            if not isinstance(rows, pandas.DataFrame):
                raise InvalidArgument(f"table {name!r} is {type(rows).__name__}, not a DataFrame", "give DataFrames")
        self.target, self.metered = target, False
        self.refused: Mapping[str, str] = {}
        self._tables = {name: _told_apart(name, conform(rows, table(name).dtypes)) for name, rows in given.items()}

    @property
    def scope(self) -> Scope:
        known = [said for rows in self._tables.values() if (said := _told(rows).get("subscriptions"))]
        if known:
            asked, answered = ([one for scope in known for one in scope[key]] for key in ("asked", "answered"))
            return Scope(list(dict.fromkeys(asked)), list(dict.fromkeys(answered)))
        first = [self._tables["subscriptions"]] if "subscriptions" in self._tables else list(self._tables.values())
        owners = [rows["subscriptionId"].dropna() for rows in first if "subscriptionId" in rows]
        seen = sorted({str(one) for column in owners for one in column.unique()})
        return Scope(seen, seen)

    def columns(self, name: str) -> Collection[str] | None:
        return list(self._tables[name].columns) if name in self._tables else None

    def table(
        self, name: str, now: datetime, window: Window, columns: Collection[str] | None = None
    ) -> pandas.DataFrame:
        if name not in self._tables:
            raise InvalidArgument(
                f"there is no table {name!r} here",
                f"there are: {', '.join(self._tables) or 'none'}; give it as Estate.of({{{name!r}: frame, ...}})",
            )
        known, before = table(name), _told(self._tables[name])
        rows = of_window(known, self._tables[name], window)
        rows.attrs[KEY] = told(
            known,
            rows,
            target=before.get("target", self.target),
            now=now,
            window=window,
            scope=self.scope,
            since=before.get("since"),
            unread=before.get("unread", ()),
        )
        says = self.says(name, now, window)
        rows.attrs[KEY].update({**says, "notes": [*before.get("notes", ()), *says["notes"]]})
        return rows

    def says(self, name: str, now: datetime, window: Window) -> Mapping[str, list[Any]]:
        """Also ``until``, where the rows were read for a window that ends before this one does, and ``holes``."""
        before = _told(self._tables[name])
        said, holes = before.get("window") if table(name).time else None, holes_of(before, window)
        if not said or Window.of(said, now).end + datetime.resolution >= window.end:
            return {"notes": [], **holes}
        return {"notes": [f"{name} are there for {' to '.join(said)} only"], "until": [said[1]], **holes}

    def seen(self, name: str) -> datetime | None:
        """When the rows were so, if whoever read them says so: an archive, of an earlier run."""
        said = _told(self._tables[name]).get("seen") if name in self._tables else None
        return instant(said) if said else None

    def query(self, kql: str, names: Mapping[str, Any], now: datetime, window: Window) -> pandas.DataFrame:
        raise InvalidArgument("tables answer no query", "ask an estate that dpmagic.open() gives, or use pandas")

    def count(self, kql: str, now: datetime) -> pandas.DataFrame | None:
        return None

    def said(self, key: str) -> list[Any]:
        """What the tables' own completeness says under ``key``, that of jobs first."""
        order = sorted(self._tables, key=lambda name: name != "jobs")
        return [found[key] for found in map(_told, map(self._tables.__getitem__, order)) if found.get(key)]

    def instants(self) -> list[datetime]:
        """When the work that the tables tell of began and ended: the first instant and the last, none without any."""
        wanted = [("jobs", "startTime"), ("jobs", "endTime"), ("changes", "timestamp")]
        found = [self._tables[name][column].dropna() for name, column in wanted if column in self._tables.get(name, ())]
        ends = [edge.to_pydatetime(warn=False) for times in found if len(times) for edge in (times.min(), times.max())]
        return [min(ends), max(ends)] if ends else []


def _told_apart(name: str, rows: pandas.DataFrame) -> pandas.DataFrame:
    """The rows.  Raises `InvalidArgument` where they are not told apart by the id that all analyses go by."""
    lacking = int(rows["id"].isna().sum()) if "id" in rows and name not in _UNNAMED else 0
    if lacking:
        raise InvalidArgument(
            f"{lacking:,} of {len(rows):,} rows of {name} have no id",
            'give them one, or leave them out: dropna(subset="id")',
        )
    ids = rows["id"].dropna() if "id" in rows and name not in _SEVERAL else rows.index
    again = int(ids.duplicated().sum())
    if again:
        raise InvalidArgument(
            f"{again:,} of {len(rows):,} rows of {name} have the id of another", 'drop_duplicates("id") keeps the first'
        )
    return rows


def at_least(known: Table, columns: Collection[str] | None) -> list[str]:
    """Which columns to read where some are wanted, None for all: those that windows, pages and completeness go by, too.

    >>> at_least(table("snapshots"), {"timeCreated", "name"})
    ['id', 'name', 'subscriptionId', 'timeCreated']
    """
    always = ("id", "subscriptionId", known.time)
    return [name for name in known.columns if columns is None or name in columns or name in always]


def of_window(known: Table, rows: pandas.DataFrame, window: Window) -> pandas.DataFrame:
    """The rows of a table that are of the window: all of one that says how things are; always another frame."""
    if known.time not in rows:
        return rows.copy(deep=False)
    times = rows[known.time]
    return rows[(times >= window.start) & (times < window.end)].reset_index(drop=True)


def holes_of(told: Mapping[str, Any], window: Window) -> dict[str, list[list[str]]]:
    """Of the ``holes`` that a table says it has, what lies in the window; nothing of one that says none of them."""
    found = []
    for first, last, *whose in told.get("holes") or ():
        start, end = max(instant(first), window.start), min(instant(last), window.end)
        found += [[format_time(start, "auto"), format_time(end, "auto"), *whose]] if start < end else []
    return {"holes": found} if "holes" in told else {}


def _told(rows: pandas.DataFrame) -> dict[str, Any]:
    found = rows.attrs.get(KEY)
    return found if isinstance(found, dict) else {}


def estate_of(
    given: Any, first: str, *, needs: Mapping[str, Sequence[str]] | None = None, now: Any = None, window: Any = None
) -> Estate:
    """What an analysis was given, as an estate: an `Estate`, a mapping of tables, or the frame of its ``first`` table.

    ``needs`` are the columns without which it cannot answer, by table; ``now`` and ``window`` as in `Estate.of`.
    Raises `InvalidArgument` when it is none of these, or a table or column is missing: one line that names what is
    missing and what is there; and what reading those tables raises, where an estate reads them together.
    """
    from dpmagic.estate.estate import Estate
    from dpmagic.estate.reading import read_needed

    if isinstance(given, pandas.DataFrame):
        given = {first: given}
    if isinstance(given, Mapping):
        require(Given(given), needs or {})
        made = Estate.of(given, now=now, window=window)
    elif isinstance(given, Estate):
        made = given if window is None else given.over(window)
    else:
        raise InvalidArgument(
            f"{type(given).__name__} is no estate and no table",
            f"give what dpmagic.open() gives, the {first} frame, or a dict of frames by table",
        )
    if made.window.start > made.now:
        raise InvalidArgument(
            f"the window begins at {made.window.texts()[0]}, and it is {format_time(made.now, 'auto')} now",
            "name an earlier window",
        )
    require(made.source, needs or {})
    read_needed(made, needs or {})
    return made


def refusal(name: str, why: str) -> InvalidArgument:
    """What is said where a table is needed that Azure refused."""
    return InvalidArgument(f"the table {name} could not be read: {why}", "read it again, or with more rights")


def require(source: Source, needs: Mapping[str, Sequence[str]]) -> None:
    """Raises `InvalidArgument` when the source lacks a table or a column of these."""
    for name, wanted in needs.items():
        there = source.columns(name)
        if there is None:
            if name in source.refused:
                raise refusal(name, source.refused[name])
            tables_there = [other for other in tables() if source.columns(other) is not None]
            raise InvalidArgument(
                f"the table {name} is missing", f"there are: {', '.join(tables_there) or 'none'}; it needs {name} too"
            )
        missing = [column for column in wanted if column not in there]
        if missing:
            raise InvalidArgument(
                f"the table {name} has no column {', '.join(missing)}",
                f"{did_you_mean(missing[0], there)} it has: {', '.join(map(str, there)) or 'none'}".strip(),
            )
