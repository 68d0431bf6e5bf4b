"""What a question would cost, beforehand: it is rehearsed on an estate of empty tables, which counts what is asked.

So a plan knows no question: whatever an analysis reads, over which window, is what its own code asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas

from dpmagic.errors import InvalidArgument
from dpmagic.estate import views
from dpmagic.estate.asked import CALLED, MANY, parts
from dpmagic.estate.columns import table, tables, unknown_table
from dpmagic.estate.completeness import KEY, Scope, told
from dpmagic.estate.excerpts import Excerpt
from dpmagic.estate.source import Source, at_least
from dpmagic.estate.window import Window
from dpmagic.frames.declared import declared
from dpmagic.graph import between, paging
from dpmagic.graph import scope as graph
from dpmagic.graph.paging import PAGE

if TYPE_CHECKING:
    from dpmagic.estate.estate import Estate

Question = str | Iterable[str] | Callable[..., Any]

PACE = 3.0
"""Requests a second that Resource Graph's quota gives a caller: 15 in 5 seconds, as Microsoft's example has it."""

MOST_SECONDS, MOST_MEMORY = 120.0, 2 * 10**9
"""Rows are too many when they take more than this of quota, or of memory in bytes."""

# Bytes a cell at most, with what questions make of it: 284 was the most that was measured, of rpo, 190 of findings (see
# tests/benchmarks/questions.py); cells that are only grouped take half of it.
_CELL = 300
_FORGOTTEN = "the question was answered from tables that are at hand: it takes no request"


@dataclass(frozen=True)
class Part:
    """One thing that is asked: a table or a grouped query, its rows, and the requests that it takes.

    ``service`` is ``graph`` (Resource Graph, whose quota it spends) or ``arm`` (a call for each instance or vault);
    ``columns`` is how many come.
    """

    what: str
    rows: int
    requests: int
    service: str = "graph"
    columns: int = 10

    @property
    def seconds(self) -> float:
        """Seconds of Resource Graph's quota."""
        return self.requests / PACE if self.service == "graph" else 0.0

    @property
    def memory(self) -> int:
        """Bytes, at most."""
        return self.rows * self.columns * _CELL


@dataclass(frozen=True)
class Plan:
    """What a question takes.  ``print(plan)`` says it in a line, ``plan.frame`` part by part.

    ``counted`` is how many requests it took to find out.
    """

    parts: tuple[Part, ...]
    counted: int = 0

    @property
    def requests(self) -> int:
        """How many requests."""
        return sum(part.requests for part in self.parts)

    @property
    def seconds(self) -> float:
        """Seconds of Resource Graph's quota that they use up."""
        return sum(part.seconds for part in self.parts)

    @property
    def rows(self) -> int:
        """Rows that come."""
        return sum(part.rows for part in self.parts)

    @property
    def memory(self) -> int:
        """Bytes of memory at most, besides what Python has anyway: tables are kept, so they add up.

        A bound by rows and columns, not an estimate: most questions take between half of it and all.
        """
        return sum(part.memory for part in self.parts)

    @property
    def frame(self) -> pandas.DataFrame:
        """One row a part: ``what``, ``service``, ``rows``, ``requests``, ``seconds`` of quota, ``memory`` in bytes."""
        made = [(part.what, part.service, part.rows, part.requests, part.seconds, part.memory) for part in self.parts]
        return pandas.DataFrame(made, columns=["what", "service", "rows", "requests", "seconds", "memory"])

    def __str__(self) -> str:
        if not self.parts:
            return _FORGOTTEN
        asked = ", ".join(dict.fromkeys(part.what for part in self.parts if part.what != "counts")) or "counts"
        requests = "1 request" if self.requests == 1 else f"{self.requests:,} requests"
        return (
            f"{requests} for {self.rows:,} rows ({asked}): {self.seconds:,.1f} s of quota, "
            f"at most {max(self.memory / 2**30, 0.01):.2f} GiB"
        )


def plan(estate: Estate, question: Question, *args: Any, **options: Any) -> Plan:
    """The plan of a question; see `Estate.plan`.  Raises `InvalidArgument` for an unknown table."""
    rehearsal = Rehearsal(estate)
    if callable(question):
        question(rehearsal.estate, *args, **options)
    else:
        if not isinstance(question, Iterable):
            raise InvalidArgument(f"{question!r} is no question", "give a function of dpmagic's, or names of tables")
        for name in [question] if isinstance(question, str) else question:
            if name not in tables():
                raise unknown_table(name, tables())
            rehearsal.estate.table(name)
    again = [Part("counts", 0, rehearsal.counts)] if rehearsal.counts else []
    return Plan((*again, *rehearsal.parts), rehearsal.counted)


def expected(
    source: Source,
    name: str,
    now: datetime,
    window: Window,
    clause: str = "",
    columns: Collection[str] | None = None,
) -> Part | None:
    """Rows and requests of a table, None where it is at hand; found out by a request that counts.

    ``clause`` is the KQL of the rows that are asked for, if not all are.

    Raises `InvalidArgument` for a table that the source does not have.
    """
    if name in CALLED:
        of = expected(source, CALLED[name], now, window)
        return of and Part(name, of.rows, of.rows, "arm", len(table(name).columns))
    if name not in views.VIEWS:
        raise InvalidArgument(f"nobody knows what the table {name} costs", "ask for one of Resource Graph's")
    rows_of = f"{views.view(name, window)}\n{clause}".rstrip()
    counted = source.count(f"{rows_of}\n| summarize rows = count() by subscriptionId", now)
    if counted is None:
        return None
    if not source.scope.readable:
        return Part(name, 0, 0)
    sizes = (
        dict(zip(counted["subscriptionId"].str.lower(), counted["rows"].astype(int), strict=True))
        if len(counted)
        else {}
    )
    asked = graph.Scope(tuple(source.scope.readable)).parts(parts(name, len(source.scope.readable)))
    rows = [sum(sizes.get(one.lower(), 0) for one in part["subscriptions"]) for part in asked]
    pages = [max(1, -(-one // PAGE)) for one in rows]
    width = len(at_least(table(name), columns if name in MANY else None))
    return Part(name, sum(sizes.values()), sum(pages) + sum(map(between.requests, pages)), columns=width)


def too_many(estate: Estate, name: str, columns: Collection[str]) -> str:
    """What these columns of a table would take, if that is too much: `MOST_SECONDS`, `MOST_MEMORY`; ``""`` if not."""
    if any(one.reaches(estate.window) for one in estate.kept.of(name)):
        return ""
    part = expected(estate.source, name, estate.now, estate.window, columns=columns)
    plan = Plan((part,) if part else ())
    return "" if plan.seconds <= MOST_SECONDS and plan.memory <= MOST_MEMORY else str(plan)


def _requests(kql: str, rows: int) -> int:
    """How many requests a query of so many rows takes in one part of its scope."""
    pages = max(1, -(-rows // PAGE))
    if pages == 1:
        return 1
    if paging.groups(kql):  # a grouped answer does not page: it is cut in halves until each is whole
        return 4 * pages - 1
    # Without an order, the first page is asked for once more, in the order of ids.
    return pages + (between.requests(pages) if between.by_id(kql) else 0) + (not paging.ordered(kql))


class Rehearsal:
    """The source of an estate whose tables are empty, which notes what is asked of it in ``parts``."""

    def __init__(self, estate: Estate) -> None:
        from dpmagic.estate.estate import Estate

        self._real, self.metered, self.refused = estate.source, estate.source.metered, estate.source.refused
        self.parts: list[Part] = []
        self.counts = 0  # requests that the question counts with before it asks, and will send again
        self.counted = 0  # those that the rehearsal took in all
        # What was read is at hand here too, without its rows.
        self.estate = Estate(self, estate.now, estate.window, estate.kept.blank())

    @property
    def target(self) -> str:
        return self._real.target

    @property
    def scope(self) -> Scope:
        return self._real.scope

    def columns(self, name: str) -> Collection[str] | None:
        return self._real.columns(name)

    def table(
        self, name: str, now: datetime, window: Window, columns: Collection[str] | None = None
    ) -> pandas.DataFrame:
        if self._real.columns(name) is None:
            return self._real.table(name, now, window)  # which says that there is none
        return self._noted(name, now, window, columns)

    def excerpt(
        self, wanted: Excerpt, now: datetime, window: Window, columns: Collection[str] | None
    ) -> pandas.DataFrame:
        return self._noted(wanted.table, now, window, columns, wanted.clause)

    def _noted(
        self, name: str, now: datetime, window: Window, columns: Collection[str] | None, clause: str = ""
    ) -> pandas.DataFrame:
        """The table without rows, once it is counted."""
        known, part = table(name), expected(self._real, name, now, window, clause, columns)
        self.counted += self._batches if part else 0
        self.parts += [part] if part else []
        made = declared([], {column: known.dtypes[column] for column in at_least(known, columns)})
        made.attrs[KEY] = told(known, made, target=self.target, now=now, window=window, scope=self.scope)
        return made

    def says(self, name: str, now: datetime, window: Window) -> Mapping[str, Any]:
        said = self._real.says(name, now, window)  # from when on there are rows, so that none is read to know it
        return {"notes": [], **{key: said[key] for key in ("since",) if key in said}}

    def query(self, kql: str, names: Mapping[str, Any], now: datetime, window: Window) -> pandas.DataFrame:
        sizes = self._real.sizes(kql, names, now, window) if self.metered else None  # type: ignore[attr-defined]
        if sizes is None:
            return self._real.query(kql, names, now, window)  # which says that there is nobody to ask
        self.counted += len(sizes)
        self.parts.append(Part("query", sum(sizes), sum(_requests(kql, rows) for rows in sizes)))
        return pandas.DataFrame()

    def grouped(self, pieces: Collection[str], rows: int) -> None:
        """Note queries that come in one answer each, and at most how many rows they give or stand for."""
        self.parts.append(Part("grouped", rows, len(pieces) * self._batches))

    def count(self, kql: str, now: datetime) -> pandas.DataFrame | None:
        made = self._real.count(kql, now)
        self.counts += 0 if made is None else self._batches
        self.counted += 0 if made is None else self._batches
        return made

    @property
    def _batches(self) -> int:
        """How many requests a query takes, of subscriptions as many as one may name."""
        return -(-len(self.scope.readable) // graph.SUBSCRIPTIONS)
