"""Tables asked of Azure, or of the sandbox, while they are: Resource Graph's views, and what only ARM has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas

from dpmagic.arm.paging import uncollected
from dpmagic.connection import Connection
from dpmagic.errors import AzureError, IncompleteAnswer
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
from dpmagic.estate.asked import CALLED, Read, authorization
from dpmagic.estate.columns import table
from dpmagic.estate.completeness import KEY, Scope, told
from dpmagic.estate.excerpts import Excerpt
from dpmagic.estate.reading import Wanted
from dpmagic.estate.window import Window
from dpmagic.frames import table_frame
from dpmagic.frames.declared import Declared
from dpmagic.frames.times import format_time
from dpmagic.graph import scope as graph
from dpmagic.graph.answer import QueryAnswer
from dpmagic.graph.paging import Query
from dpmagic.graph.parts import parts_of
from dpmagic.graph.query import Failure, answers, ask
from dpmagic.graph.text import Text
from dpmagic.progress import Observer

KEPT = timedelta(days=14)
"""How far back Resource Graph remembers jobs and changes."""

_CALLS: Mapping[str, tuple[Calls, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "recovery_points": (RECOVERY_POINTS, recovery_point),
    "deleted_instances": (DELETED_INSTANCES, deleted_instance),
}
_BY_CALLS = (*_CALLS, "protected_items")
"""Tables whose rows, or some of them, take a call of ARM's each once Resource Graph has said which."""


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
        return self._one(Wanted(name, window, None if columns is None else frozenset(columns)), now)

    def excerpt(
        self, wanted: Excerpt, now: datetime, window: Window, columns: Collection[str] | None
    ) -> pandas.DataFrame:
        return self._one(Wanted(wanted.table, window, None if columns is None else frozenset(columns), wanted), now)

    def _one(self, wanted: Wanted, now: datetime) -> pandas.DataFrame:
        [(_, found)] = self.several([wanted], now)
        if not isinstance(found, pandas.DataFrame):
            raise found
        return found

    def several(self, wanted: Sequence[Wanted], now: datetime) -> Iterator[tuple[int, pandas.DataFrame | Failure]]:
        """See `dpmagic.estate.reading.Together`: a query of each at once, and then what takes calls of ARM's."""
        reads = [Read.begun(one, now) for one in wanted]
        there = {read.known.name: number for number, read in enumerate(reads) if not read.clause}
        views: dict[int, Read] = {}
        beginning: dict[int, list[int]] = defaultdict(list)
        for number, read in enumerate(reads):
            # What is wanted itself is not asked for once more for its ids.
            at = there.get(CALLED.get(read.known.name, ""), number)
            views[at] = read.first if at == number else reads[at]
            beginning[at].append(number)
        later: list[tuple[int, pandas.DataFrame]] = []
        for at, found in self._views(views):
            for number in beginning[at]:
                if not isinstance(found, pandas.DataFrame):
                    yield number, found
                elif reads[number].known.name in _BY_CALLS:
                    later.append((number, found if number == at else found[["id"]]))
                else:
                    yield number, self._told(reads[number], found)
            del found
        for number, found in later:
            yield number, self._with_calls(reads[number], found)

    def _views(self, reads: Mapping[int, Read]) -> Iterator[tuple[int, pandas.DataFrame | Failure]]:
        """What Resource Graph has of each, with its number, as it comes."""
        if not self.scope.readable:
            yield from ((number, read.nothing()) for number, read in reads.items())
            return
        numbers = list(reads)
        with uncollected():
            asked = [reads[number].asked(self.scope.readable) for number in numbers]
            for place, answer in answers(self.connection, asked, self._observer):
                number = numbers[place]
                yield number, reads[number].framed(answer) if isinstance(answer, QueryAnswer) else answer

    def _told(self, read: Read, made: pandas.DataFrame) -> pandas.DataFrame:
        name, now, window = read.known.name, read.now, read.window
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
        inherited, kql = authorization(views.at_start(kql)), views.expanded(kql, window)
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
        inherited, kql, found = authorization(views.at_start(kql)), views.expanded(kql, window), []
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

    def _with_calls(self, read: Read, found: pandas.DataFrame) -> pandas.DataFrame | Failure:
        """The table, by a call for each object of which Resource Graph has the ids, or for each that it does not tell
        of."""
        try:
            by_each = read.known.name in _CALLS
            return self._told(read, self._called(read, found["id"]) if by_each else self._excluded(read, found))
        except (AzureError, IncompleteAnswer) as error:
            return error

    def _called(self, read: Read, ids: Iterable[str]) -> pandas.DataFrame:
        calls, row = _CALLS[read.known.name]
        found = calls.read(self.connection, ids, self._observer, self._found.setdefault(read.known.name, {}))
        read.unread = [one for one, items in found.items() if isinstance(items, Unread)]
        if read.unread:
            read.notes.append(f"{len(read.unread):,} of {len(found):,} {calls.unit} could not be read")
        items = [item for answer in found.values() if isinstance(answer, list) for item in answer]
        made = Declared(read.known.dtypes).of_objects([row(item) for item in items])
        self._found.pop(read.known.name)  # all is there: another estate of this source reads anew
        return made

    def _excluded(self, read: Read, items: pandas.DataFrame) -> pandas.DataFrame:
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
