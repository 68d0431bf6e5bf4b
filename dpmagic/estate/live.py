"""Tables asked of Azure, or of the sandbox, while they are: Resource Graph's views, and what only ARM has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pandas

from dpmagic.arm.paging import uncollected
from dpmagic.connection import Connection
from dpmagic.estate import views
from dpmagic.estate.arm_tables import (
    DELETED_INSTANCES,
    PROTECTED_ITEMS,
    RECOVERY_POINTS,
    Calls,
    Unread,
    deleted_instance,
    exclusion,
    recovery_point,
)
from dpmagic.estate.columns import Table, table
from dpmagic.estate.completeness import KEY, Scope, told
from dpmagic.estate.excerpts import Excerpt
from dpmagic.estate.source import at_least
from dpmagic.estate.window import Window
from dpmagic.frames import table_frame
from dpmagic.frames.declared import Declared
from dpmagic.frames.times import format_time
from dpmagic.graph import scope as graph
from dpmagic.graph.paging import Query
from dpmagic.graph.parts import parts_of
from dpmagic.graph.query import ask
from dpmagic.graph.text import Text
from dpmagic.progress import Observer

KEPT = timedelta(days=14)
"""How far back Resource Graph remembers jobs and changes."""

# Tables that may have many pages are asked in parts at once, as far as the quota goes, when there are subscriptions
# enough for it: each part has pages of its own, the last one not full.
_LARGE, _PARTS, _EACH = ("jobs", "snapshots", "changes"), 4, 10
MANY = (*_LARGE, "disks", "instances")
"""Tables that may have many rows: only the columns that are wanted are asked for."""
# Tables of which a subscription inherits rows from its management groups.
_INHERITED = ("role_assignments", "exemptions")


def _authorization(name: str | None) -> str:
    """Resource Graph's filter for a table, by whose rows a subscription inherits what stands above it."""
    return "AtScopeAboveAndBelow" if name in _INHERITED else ""


def parts(name: str, subscriptions: int) -> int:
    """In how many parts a table of so many subscriptions is asked, at least."""
    return max(1, min(_PARTS, subscriptions // _EACH)) if name in _LARGE else 1


class Live:
    """The source of an estate that asks a connection."""

    def __init__(self, connection: Connection, scope: Scope, observer: Observer) -> None:
        self.connection, self.scope, self._observer = connection, scope, observer
        self.metered = True
        self.refused: Mapping[str, str] = {}  # here a refusal is an error, when it happens
        # What was found one call at a time stays: reading that was stopped goes on from there.
        self._found: dict[str, dict[str, Any]] = {}

    @property
    def target(self) -> str:
        return self.connection.target

    def columns(self, name: str) -> Collection[str] | None:
        return list(table(name).columns)

    def table(
        self, name: str, now: datetime, window: Window, columns: Collection[str] | None = None
    ) -> pandas.DataFrame:
        return self._table(_Read(table(name), now, window, columns if name in MANY else None))

    def excerpt(
        self, wanted: Excerpt, now: datetime, window: Window, columns: Collection[str] | None
    ) -> pandas.DataFrame:
        return self._table(_Read(table(wanted.table), now, window, columns, wanted.clause))

    def _table(self, read: _Read) -> pandas.DataFrame:
        name, now, window = read.known.name, read.now, read.window
        if name in views.VIEWS:
            made = self._view(read)
        elif name == "recovery_points":
            made = self._calls(read, RECOVERY_POINTS, "instances", recovery_point)
        else:
            made = self._calls(read, DELETED_INSTANCES, "vaults", deleted_instance)
        if name == "protected_items":
            made = self._with_exclusions(made, read)
        made.attrs[KEY] = told(
            read.known,
            made,
            target=self.target,
            now=now,
            window=window,
            scope=self.scope,
            of=read.of,
            since=format_time(now - KEPT) if read.known.time else None,
            kql=read.kql,
            notes=[*self.says(name, now, window)["notes"], *read.notes],
            unread=read.unread,
        )
        return made

    def says(self, name: str, now: datetime, window: Window) -> Mapping[str, Any]:
        if not table(name).time:
            return {"notes": []}
        early = [f"{name} are kept for {KEPT.days} days, and the window begins before that"]
        return {"notes": early if window.start < now - KEPT else [], "since": format_time(now - KEPT)}

    def query(self, kql: str, names: Mapping[str, Any], now: datetime, window: Window) -> pandas.DataFrame:
        inherited, kql = _authorization(views.at_start(kql)), views.expanded(kql, window)
        scope = graph.Scope(tuple(self.scope.readable), expected=tuple(self.scope.asked), authorization=inherited)
        with uncollected():
            answer = ask(
                self.connection, kql, scope, names=names, readable=self.scope.readable, observer=self._observer
            )
            attrs = {"target": self.target, "at": format_time(answer.at), **answer.told()}
            return table_frame(answer.table, attrs=attrs)

    def sizes(self, kql: str, names: Mapping[str, Any], now: datetime, window: Window) -> list[int]:
        """How many rows a query has in each part of the scope that it would be asked in.

        Raises what asking it would: `InvalidArgument` where the parts' answers are not its answer.
        """
        inherited, kql, found = _authorization(views.at_start(kql)), views.expanded(kql, window), []
        scope = graph.Scope(tuple(self.scope.readable), authorization=inherited)
        for part in parts_of(Query(Text(kql), scope), 1):
            one = graph.Scope(tuple(part["subscriptions"]), authorization=inherited)
            answer = ask(self.connection, f"{kql}\n| summarize rows = count()", one, names=names, check=False)
            found.append(int(answer.rows[0][0]))
        return found

    def count(self, kql: str, now: datetime) -> pandas.DataFrame | None:
        if not self.scope.readable:
            return pandas.DataFrame()
        return self.query(kql, {}, now, Window(now - KEPT, now))

    def _view(self, read: _Read) -> pandas.DataFrame:
        name, wanted = read.known.name, at_least(read.known, read.columns)
        dtypes, wire = ({column: one[column] for column in wanted} for one in (read.known.dtypes, read.known.wire))
        how = Declared(dtypes, wire)
        some = None if read.columns is None else list(wire.values())
        read.kql = views.query(name, read.window, some, read.clause)
        if not self.scope.readable:
            return how.of_objects([])
        with uncollected():
            answer = ask(
                self.connection,
                read.kql,
                graph.Scope(tuple(self.scope.readable), authorization=_authorization(name)),
                observer=self._observer,
                check=False,
                parts=parts(name, len(self.scope.readable)),
                pack=how.pack,
            )
            made = how.frame([column["name"] for column in answer.columns], answer.pages)
        read.of, read.notes = answer.of, [*read.notes, *answer.notes]
        if name not in _INHERITED:
            return made
        # Subscriptions asked in several parts inherit the same rows.
        once = made.drop_duplicates("id", ignore_index=True)
        read.of -= len(made) - len(once)
        return once

    def _calls(
        self, read: _Read, calls: Calls, of: str, row: Callable[[Mapping[str, Any]], dict[str, Any]]
    ) -> pandas.DataFrame:
        """A call for each object of another table."""
        ids = self._view(_Read(table(of), read.now, read.window, ["id"]))["id"]
        found = calls.read(self.connection, ids, self._observer, self._found.setdefault(read.known.name, {}))
        read.unread = [one for one, items in found.items() if isinstance(items, Unread)]
        if read.unread:
            read.notes.append(f"{len(read.unread):,} of {len(found):,} {calls.unit} could not be read")
        items = [item for answer in found.values() if isinstance(answer, list) for item in answer]
        made = Declared(read.known.dtypes).of_objects([row(item) for item in items])
        self._found.pop(read.known.name)  # all is there: another estate of this source reads anew
        return made

    def _with_exclusions(self, items: pandas.DataFrame, read: _Read) -> pandas.DataFrame:
        """Machines whose list of disks Resource Graph does not have: ARM's word for it, where it gives one."""
        silent = items.index[items["diskExclusion"].isna()]
        ids = items.loc[silent, "id"]
        found = PROTECTED_ITEMS.read(self.connection, ids, self._observer, self._found.setdefault("items", {}))
        said = {place: exclusion(found[one]) for place, one in zip(silent, ids, strict=True)}
        read.unread = [one for one, answer in found.items() if isinstance(answer, Unread)]
        if read.unread:
            read.notes.append(f"which disks {len(read.unread):,} machines' backup leaves out cannot be read")
        for column in ("diskLunList", "isInclusionList", "diskExclusion"):
            cells = list(items[column])
            for place, answer in said.items():
                cells[place] = answer[column]
            items[column] = pandas.Series(cells, dtype=items[column].dtype)
        return items


@dataclass
class _Read:
    """A table that is being read: what of, and what there is to say of it."""

    known: Table
    now: datetime
    window: Window
    columns: Collection[str] | None = None
    clause: str = ""
    kql: str = ""
    of: int | None = None
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
