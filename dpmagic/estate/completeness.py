"""What an answer covers and what it does not: said with every table, as JSON in ``attrs["dpmagic"]``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas

from dpmagic.estate.columns import Table
from dpmagic.estate.window import Window
from dpmagic.frames.times import format_time
from dpmagic.frames.told import Told

KEY = "dpmagic"
"""Where in a frame's ``attrs`` it is said."""


@dataclass(frozen=True)
class Scope:
    """The subscriptions that a question covers, by id: those asked for and those that could be read."""

    asked: Sequence[str] = ()
    readable: Sequence[str] = ()

    @property
    def unreadable(self) -> list[str]:
        """Those asked for that nobody could read: nothing is known of what is in them."""
        seen = {one.lower() for one in self.readable}
        return [one for one in self.asked if one.lower() not in seen]

    def told(self, with_rows: Iterable[str] | None) -> dict[str, list[str]]:
        """As JSON; ``with_rows`` are the subscriptions of the rows, None where rows say nothing of theirs."""
        found = {one.lower() for one in with_rows or ()}
        empty = [] if with_rows is None else [one for one in self.readable if one.lower() not in found]
        return {
            "asked": list(self.asked),
            "answered": list(self.readable),
            "unreadable": self.unreadable,
            "empty": empty,
        }


def told(
    table: Table,
    rows: pandas.DataFrame,
    *,
    target: str,
    now: datetime,
    window: Window,
    scope: Scope,
    of: int | None = None,
    since: str | None = None,
    kql: str = "",
    notes: Sequence[str] = (),
    unread: Sequence[str] = (),
) -> Told:
    """The completeness of one table: JSON values only.

    ``target`` is where it was asked, ``at`` when, ``window`` the two instants, ``subscriptions`` which were asked,
    answered, are unreadable, or answered and have no row; ``rows`` of how many the source says there are; ``oldest``
    is the first instant of a table that has a window, None where it has none; ``since`` is from when on the source
    remembers such rows, None where it forgets none; ``kql`` is the query, ``""`` without;
    ``unread`` are the ids of objects that take a call each and could not be read.
    """
    return Told(
        table=table.name,
        target=target,
        at=format_time(now),
        window=window.texts(),
        subscriptions=scope.told(_owners(rows)),
        rows=len(rows),
        of=len(rows) if of is None else of,
        oldest=_oldest(table, rows),
        since=since,
        kql=kql,
        notes=list(notes),
        unread=list(unread),
    )


def narrowed(
    table: Table,
    rows: pandas.DataFrame,
    before: Mapping[str, Any],
    window: Window,
    said: Sequence[str],
    says: Mapping[str, Sequence[Any]],
) -> Told:
    """The completeness of the ``rows`` of a part of the window that a table was read for.

    ``before`` is that of all of it, ``said`` the notes in it that are about its window; ``says`` is what there is to
    say of this window in their place.  ``kql`` is what was asked: the wider window.
    """
    scope = before["subscriptions"]
    found = {
        "window": window.texts(),
        "subscriptions": Scope(scope["asked"], scope["answered"]).told(_owners(rows)),
        "rows": len(rows),
        "of": before["of"] - before["rows"] + len(rows),
        "oldest": _oldest(table, rows),
        **says,
        "notes": [*says["notes"], *(note for note in before["notes"] if note not in said)],
    }
    return Told({**before, **found})


def _owners(rows: pandas.DataFrame) -> Iterable[str] | None:
    return rows["subscriptionId"].dropna().unique() if "subscriptionId" in rows else None


def _oldest(table: Table, rows: pandas.DataFrame) -> str | None:
    oldest = rows[table.time].min() if table.time in rows and len(rows) else None
    return None if oldest is None or pandas.isna(oldest) else format_time(oldest.to_pydatetime(warn=False))


def merged(parts: Mapping[str, Mapping[str, Any]], **known: Any) -> Told:
    """The completeness of several tables as one: subscriptions are unreadable where one table could not read them,
    and empty where none has a row of theirs."""
    scopes = [part["subscriptions"] for part in parts.values() if part.get("subscriptions")]
    united = {key: _union(scope[key] for scope in scopes) for key in ("asked", "answered", "unreadable")}
    empties = [set(scope["empty"]) for scope in scopes]
    united["empty"] = [one for one in united["answered"] if empties and all(one in empty for empty in empties)]
    keys = ("rows", "of", "oldest", "since", "notes", "unread")
    tables = {name: {key: part.get(key) for key in keys} for name, part in parts.items()}
    return Told(known, subscriptions=united, tables=tables)


def _union(lists: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(one for ones in lists for one in ones))
