"""The estate: a frozen value that says where to ask, what time it is, and over which window."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas

from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.columns import table, tables, unknown_table
from dpmagic.estate.completeness import KEY, merged
from dpmagic.estate.excerpts import MUCH, Excerpt
from dpmagic.estate.kept import Memory
from dpmagic.estate.named import Named
from dpmagic.estate.reading import read
from dpmagic.estate.source import Given, Source
from dpmagic.estate.window import Window, instant
from dpmagic.frames.times import format_time

if TYPE_CHECKING:
    from dpmagic.estate.plan import Plan, Question

Made = TypeVar("Made")


@dataclass(frozen=True, repr=False)
class Estate(Named):
    """Where to ask, what time it is there, and the window: what analyses take.

    ``now`` is one instant, however long one goes on asking; ``window`` is what jobs and changes are taken from.  Tables
    are read when they are first asked for, and kept.
    """

    source: Source
    now: datetime
    window: Window
    kept: Memory = field(default_factory=Memory, compare=False)

    def __repr__(self) -> str:
        return f"Estate({self.source.target}, now={format_time(self.now, 'auto')}, window={self.window!r})"

    @classmethod
    def of(cls, given: Mapping[str, pandas.DataFrame], *, now: Any = None, window: Any = None) -> Estate:
        """An estate of tables that are there: ``Estate.of({"jobs": frame, "policies": other})``.

        Columns that `dpmagic.estate.columns` knows get their dtypes; others stay as they are.  ``now`` is when the
        tables were read; without it, when they say so themselves, else the end of ``window``, else the last instant at
        which a job began or ended.  ``window`` as in `Window.of`; without it, the one they were read for, else all
        jobs that are there.

        Raises `InvalidArgument` for an unknown table, values of another type, and when nothing says what time it is.
        """
        source = Given(given)
        seen = source.instants()
        at = _first(now, *source.said("at"), _end_of(window), *seen[-1:])
        if at is None:
            raise InvalidArgument("the tables do not say when they were read", 'give now="2026-03-01T08:00:00Z"')
        at = instant(at)
        meant = _first(window, *source.said("window"))
        if meant is not None:
            return cls(source, at, Window.of(meant, at))
        # Half-open, and the last one belongs to it.
        whole = Window(seen[0], seen[-1] + datetime.resolution) if seen else Window.of("14d", at)
        return cls(source, at, whole)

    @classmethod
    def load(cls, folder: str | Path) -> Estate:
        """The estate that `save` kept in ``folder``: its tables, its ``now``, its window.

        Raises `InvalidArgument` for a folder that is none, is damaged, or was written by a newer version.
        """
        from dpmagic.estate.saved import load

        return cls(*load(folder))

    def save(
        self, folder: str | Path, tables: Iterable[str] | None = None, *, partial: bool = False, keep: bool = True
    ) -> Path:
        """Keep the tables in ``folder``, as Parquet, for `load`; gives the folder back.

        ``tables`` are the names of those to keep; without it all that there are, but for recovery points that nobody
        has read yet, which take a call for each instance.  What an earlier `save` left there is replaced.
        ``partial`` leaves out a table that Azure refuses, and keeps why: answers that need it then say so.  Without
        ``keep`` what is read for the folder alone is not kept in memory too.

        Raises `InvalidArgument` for a folder that holds anything else, and what reading the tables raises; with
        ``partial`` the first refusal when Azure refuses all of them.
        """
        from dpmagic.estate.saved import save

        return save(self, folder, self._to_save() if tables is None else list(tables), partial, keep)

    def _to_save(self) -> list[str]:
        read = bool(self.kept.of("recovery_points"))
        return [name for name in tables() if self.has(name) and (name != "recovery_points" or read)]

    def reach(self, name: str = "jobs") -> Window | None:
        """The part of the window whose rows of a table are still remembered: Azure forgets jobs and changes after 14
        days, so that the default window's first day is there in part.  None when all of it is forgotten.
        """
        said = self.remembers(name).get("since")
        since = instant(said) if said else self.window.start
        return Window(max(since, self.window.start), self.window.end) if since < self.window.end else None

    def seen(self, name: str) -> datetime:
        """When the rows of a table that says how things are were so: now, or when an archive's run last read them."""
        said = getattr(self.source, "seen", None)
        found = said(name) if said else None
        return min(self.now, found) if found else self.now

    def remembers(self, name: str = "jobs") -> Mapping[str, Any]:
        """What the completeness of a table says of the window, ``since`` and ``holes`` among it; the table is read only
        where its source cannot tell without."""
        told = self.source.says(name, self.now, self.window) if self.has(name) else {}  # why not, reading it says
        found: Mapping[str, Any] = told if "since" in told else self.table(name, ()).attrs.get(KEY, {})
        return found

    def over(self, window: Any) -> Estate:
        """The same estate over another window; see `Window.of`.  Tables that were read are kept."""
        return replace(self, window=Window.of(window, self.now))

    def table(self, name: str, columns: Iterable[str] | None = None) -> pandas.DataFrame:
        """A table by its name; ``estate.table("jobs")`` is ``estate.jobs()``.

        ``columns`` are the names of those to give, in the table's own order, which takes less memory and time: no more
        of a large table is asked for or read from files than these, ``id``, ``subscriptionId`` and the table's time.
        What was read, with more columns or over a wider window, is not read again.  Where reading spends a quota, a
        table that has to be read anew for its columns is read with all of them.

        Raises `InvalidArgument` when there is no table or column of this name, and what reading raises.
        """
        if name not in tables():
            raise unknown_table(name, tables())
        wanted = None if columns is None else self._columns(name, columns)
        found = self.kept.find(name, self.window, wanted) or read(self, name, wanted)
        return found.part(self.window, wanted, partial(self.source.says, name, self.now))

    def excerpt(self, wanted: Excerpt, columns: Iterable[str]) -> pandas.DataFrame:
        """These columns of the rows that are meant, or of more: of the whole table, where it is at hand.

        What is asked for depends on what was read before, so an answer must not: see `dpmagic.estate.excerpts`.
        """
        some = self._columns(wanted.table, columns)
        if not self.picks(wanted) or self.kept.find(wanted.table, self.window, some):
            return self.table(wanted.table, some)
        from dpmagic.estate import excerpting

        found = self.kept.find(wanted.table, self.window, some, wanted) or excerpting.read(self, wanted, some)
        return found.part(self.window, some, partial(self.source.says, wanted.table, self.now))

    def picks(self, wanted: Excerpt) -> bool:
        """Whether an excerpt is read without the rest: where that spends a quota, or of files that have very much."""
        at_most = getattr(self.source, "at_most", None) if wanted.holding else None
        return self.source.metered or (at_most is not None and at_most(self.window, wanted.table) > MUCH)

    def _columns(self, name: str, columns: Iterable[str]) -> frozenset[str]:
        """The columns that are meant and are here.  Raises `InvalidArgument` for one that no such table has."""
        there = self.source.columns(name) or ()
        known = dict.fromkeys([*table(name).columns, *there])
        asked = list(columns)
        for column in asked:
            if column not in known:
                hint = did_you_mean(column, known, f"it has: {', '.join(known)}")
                raise InvalidArgument(f"the table {name} has no column {column!r}", hint)
        return frozenset(asked).intersection(there)

    def once(self, made: Callable[..., Made], *args: Hashable) -> Made:
        """``made(estate, *args)``, which several questions build upon: made once over each window, and kept.

        What it gives is everybody's, and not to be changed.  Arguments that cannot be told apart, such as a list, are
        no reason to keep it.
        """
        key = (made, self.window, args)
        try:
            known = key in self.kept.made
        except TypeError:  # an argument that has no hash
            return made(self, *args)
        if not known:
            self.kept.made[key] = made(self, *args)
        found: Made = self.kept.made[key]
        return found

    def has(self, name: str) -> bool:
        """Whether this table can be had here."""
        return self.source.columns(name) is not None

    def query(self, kql: str, /, **names: Any) -> pandas.DataFrame:
        """All rows of a query of Azure Resource Graph's over the estate's scope, typed.

        ``$name`` in it is looked up in ``names`` and becomes a literal.  A table's name at its start (``jobs | count``)
        is that table's view over the window; in an archive it is all that the archive has of it.  Raises `AzureError`
        when the service refuses the query.
        """
        return self.source.query(kql, names, self.now, self.window)

    def plan(self, question: Question, /, *args: Any, **options: Any) -> Plan:
        """What it would take to answer a question: requests, seconds of quota, rows and memory; see `Plan`.

        ``question`` is what would be called with the estate, ``estate.plan(dpmagic.durations, by="vault")``, or the
        name of a table, or names of tables. Tables that were read already cost nothing.  It is found out by counting,
        a request a table; nothing else is read.
        """
        from dpmagic.estate.plan import plan

        return plan(self, question, *args, **options)

    @property
    def completeness(self) -> dict[str, Any]:
        """What the tables that were read cover, together: the subscriptions ``asked``, ``answered``, ``unreadable``
        and ``empty``, and for each table its rows, of how many, its oldest instant and notes; and which tables were
        ``refused``, and why."""
        # Of a table that was read whole, too, an excerpt is nothing more.
        order = sorted(self.kept.tables, key=lambda one: one.excerpt is None)
        parts = self.kept.said | {one.known.name: one.told(self.window) for one in order}
        scope = self.source.scope
        made = merged(parts, target=self.source.target, at=format_time(self.now), window=self.window.texts())
        made["refused"] = dict(self.source.refused)
        if not parts:
            made["subscriptions"] = scope.told(None)
        return made


def _first(*candidates: Any) -> Any:
    return next((one for one in candidates if one is not None), None)


def _end_of(window: Any) -> Any:
    """The end of a window that says so without knowing what time it is."""
    if isinstance(window, Window):
        return window.end
    return window[1] if isinstance(window, (tuple, list)) and len(window) == 2 else None
