"""A query of Azure Resource Graph read to its last page, at the pace of its quota: all rows, or an error."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from numbers import Integral
from typing import Any

from dpmagic.arm.fan_out import fan_out
from dpmagic.arm.paging import uncollected
from dpmagic.arm.plans import Call, Step
from dpmagic.connection import Connection
from dpmagic.errors import AzureError, InvalidArgument
from dpmagic.graph.meter import Meter
from dpmagic.graph.paging import Pack, Query, Reading, Rows, Task, not_all, reading
from dpmagic.graph.parameters import bound
from dpmagic.graph.parts import parts_of
from dpmagic.graph.remembered import recall, remember
from dpmagic.graph.scope import REACH, Covered, Scope
from dpmagic.graph.settling import settled
from dpmagic.graph.splitting import split
from dpmagic.graph.text import Text, frozen
from dpmagic.graph.tokens import outside_brackets, tokens, top_level
from dpmagic.progress import Observer, Silent

_CONTAINERS = (
    "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project id, subscriptionId"
    " | order by id asc"
)
# Those whose answer is the first rows of another: who has none among them may have some.
_FIRST = frozenset({"top", "limit", "take", "sample"})
_ORDERING = frozenset({"order", "sort"})


@dataclass(frozen=True)
class QueryAnswer:
    """A query's whole answer, decoded and not yet typed.

    ``columns`` are ``{"name", "type"}`` as Resource Graph has them (string, integer, number, boolean, datetime,
    object), ``pages`` lists of rows, each row a list in the columns' order; a timespan is a string, and dynamics are
    decoded.  ``of`` is how many rows the service says there are, ``requests`` how many it took, ``at`` the instant that
    ``now()`` meant.  ``covered`` says which subscriptions answered, None where nobody looked; ``notes`` what moved
    while it was read, what was split, and where the scope was cut.
    """

    kql: str
    columns: list[dict[str, str]]
    pages: list[Rows] = field(repr=False)
    of: int
    requests: int
    at: datetime
    covered: Covered | None = None
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many rows there are here: fewer than ``of`` only where ``top`` asked for fewer."""
        return sum(map(len, self.pages))

    @property
    def rows(self) -> list[Any]:
        """All rows."""
        return [row for page in self.pages for row in page]

    @property
    def table(self) -> dict[str, Any]:
        """``{"columns": [...], "rows": [...]}``: what `dpmagic.frames.table_frame` takes."""
        return {"columns": self.columns, "rows": self.rows}

    def told(self) -> dict[str, Any]:
        """What it covers, as JSON: ``kql``, ``rows``, ``of``, ``requests``, ``subscriptions`` (None where nobody
        looked) and ``notes``."""
        return {
            "kql": self.kql,
            "rows": self.count,
            "of": self.of,
            "requests": self.requests,
            "subscriptions": None if self.covered is None else self.covered.to_json(),
            "notes": list(self.notes),
        }


def ask(
    connection: Connection,
    kql: str,
    scope: Scope | str | Iterable[str] | None = None,
    *,
    names: Mapping[str, Any] | None = None,
    top: int | None = None,
    observer: Observer | None = None,
    readable: Iterable[str] | None = None,
    check: bool = True,
    parts: int = 1,
    pack: Pack | None = None,
) -> QueryAnswer:
    """Every row of a query over a scope, or the first ``top``; see `ask_all`."""
    many = ask_all(
        connection,
        [kql],
        scope,
        names=names,
        top=top,
        observer=observer,
        readable=readable,
        check=check,
        parts=parts,
        pack=pack,
    )
    return many[0]


def ask_all(
    connection: Connection,
    queries: Sequence[str],
    scope: Scope | str | Iterable[str] | None = None,
    *,
    names: Mapping[str, Any] | None = None,
    top: int | None = None,
    observer: Observer | None = None,
    readable: Iterable[str] | None = None,
    check: bool = True,
    parts: int = 1,
    pack: Pack | None = None,
) -> list[QueryAnswer]:
    """The answers to several queries over one scope, several requests at once as far as the quota goes.

    ``scope`` is a `Scope`, ids of subscriptions, or None for all that the caller can see.  ``names`` are the values of
    ``$name``.  ``now()`` and ``ago()`` mean the connection's instant at the start.  ``parts`` is in how many parts a
    list of subscriptions may be asked at once where the query goes row by row; each has an order of its own.
    ``pack`` makes of the columns' names and a page's rows a sequence of the same rows that takes less memory.

    Which of the subscriptions that were asked for can be read is looked up in one query more, unless ``readable`` says
    so, it was looked up within the last minute, ``check`` is False, or the scope names none.

    Raises `InvalidArgument` for an empty query, a ``$name`` without a value, and a query that cannot be asked in parts
    where the scope takes several; `QueryError` with the place of the fault when the service refuses it;
    `IncompleteAnswer` when the rows do not add up or cannot all be had.
    """
    scope, at = Scope.of(scope), connection.now()
    meter = Meter(connection, observer or Silent())
    top = _whole(top)
    made = [Query(_text(kql, names or {}, at), scope, top=top, heard=meter.page, pack=pack) for kql in queries]
    known = None if readable is None else tuple(readable)
    if known is None and check and scope.asked is not None:
        known = recall(connection, scope)
    found, seen = _found(connection, made, parts, meter, look=check and known is None and scope.asked is not None)
    known = known if seen is None else seen
    return [_answer(query, of_query, known, at) for query, of_query in zip(made, found, strict=True)]


def _found(
    connection: Connection, made: Sequence[Query], parts: int, meter: Meter, look: bool
) -> tuple[list[list[Reading]], tuple[str, ...] | None]:
    """What each query gave, part by part; the subscriptions that can be read, where they are looked up too."""
    jobs = [(number, part) for number, query in enumerate(made) for part in parts_of(query, parts)]
    scope = made[0].scope if made else Scope()
    looks = [_read(Query(Text(_CONTAINERS), scope), part) for part in (scope.parts() if look else [])]
    found = _carried(connection, [*(_read(made[number], part) for number, part in jobs), *looks], meter)
    of_query: list[list[Reading]] = [[] for _ in made]
    for (number, _), one in zip(jobs, found, strict=False):
        of_query[number].append(one)
    if not looks:
        return of_query, None
    seen = tuple(row[1] for one in found[len(jobs) :] for row in one.rows)
    remember(connection, scope, seen)
    return of_query, seen


def readable(connection: Connection, scope: Scope | str | Iterable[str] | None = None) -> list[str]:
    """The ids of the subscriptions of a scope that the caller can read."""
    answer = ask(connection, _CONTAINERS, scope, check=False)
    return [row[1] for row in answer.rows]


def rows(kql: str, subscriptions: Sequence[str]) -> Generator[Step, Any, list[dict[str, Any]]]:
    """Every row of ``kql`` in the subscriptions of these ids as a dict, for ``yield from`` in a plan; none for no ids.

    The query has to put its rows in an order that is unique (``order by id asc``): otherwise the service's pages may
    overlap.  More subscriptions than a request takes are asked in several, and each has its own order.

    Raises what `ask` does.
    """
    if not subscriptions:
        return []
    query = Query(Text(kql), Scope(tuple(subscriptions)), form="objectArray")

    def read(connection: Connection, observer: Observer) -> list[dict[str, Any]]:
        meter = Meter(connection, observer)
        heard = Query(query.text, query.scope, query.form, heard=meter.page)
        found = _carried(connection, [_read(heard, part) for part in query.scope.parts()], meter)
        return [row for one in _answered(found) for row in one.rows]

    found: list[dict[str, Any]] = yield Call(read, "query Resource Graph")
    return found


def _text(kql: str, names: Mapping[str, Any], at: datetime) -> Text:
    if not isinstance(kql, str):
        raise InvalidArgument(f"a query is text, not {type(kql).__name__}", 'give KQL: "resources | take 5"')
    if not tokens(kql):
        raise InvalidArgument("there is no query", "a query starts with a table: resources | take 5")
    return Text(kql, tuple(sorted([*bound(kql, names), *frozen(kql, at)])))


def _whole(top: int | None) -> int | None:
    if top is not None and (not isinstance(top, Integral) or isinstance(top, bool)):
        raise InvalidArgument(f"top is a whole number, not {top!r}", "give how many rows you want: top=10")
    if top is not None and top < 1:
        raise InvalidArgument(f"the first {top} rows are none", "give a whole number from 1")
    return None if top is None else int(top)


def _read(query: Query, part: Mapping[str, Any]) -> Task[Reading]:
    """One part of a scope, whole; `Reading.denied` where nothing of it can be read."""
    try:
        found = yield from (settled(query, part) if query.top is None else reading(query, part))
    except AzureError as error:
        if error.status != 403:
            raise
        return Reading(denied=error)  # of several parts some may be: that is for the whole to say
    if query.top is not None and found.count >= query.top:
        return found
    if not found.whole:
        return (yield from split(query, part, found))
    if found.of != found.count:
        raise not_all(found)
    return found


def _answered(found: Sequence[Reading]) -> list[Reading]:
    """The parts that answered.  Raises the refusal when there is none."""
    answered = [one for one in found if one.denied is None]
    for one in found[: 0 if answered else 1]:
        assert one.denied is not None
        raise one.denied
    return answered


def _answer(query: Query, found: Sequence[Reading], seen: tuple[str, ...] | None, at: datetime) -> QueryAnswer:
    answered = _answered(found)
    columns = next((one.columns for one in answered if one.columns), [])
    pages = [page for one in answered for page in one.pages]
    notes = [note for one in answered for note in one.notes]
    if not all(one.reached for one in answered):
        notes.append(f"the scope has more than {REACH:,} subscriptions: those beyond were not asked")
    if denied := len(found) - len(answered):
        notes.append(f"{denied} of {len(found)} parts of the scope cannot be read")
    if len(answered) > 1 and "join" in top_level(query.kql):
        notes.append(f"asked in {len(answered)} parts: what is joined comes from the same part")
    if len(answered) > 1 and query.pack is None and not _ORDERING.isdisjoint(top_level(query.kql)):
        notes.append(f"asked in {len(answered)} parts: rows are in order within each part")
    if query.top is not None:
        pages = _first(pages, query.top)
    covered = None
    asked = query.scope.asked if query.scope.asked is not None else seen
    if seen is not None and asked is not None:
        first = query.top is not None or not _FIRST.isdisjoint(outside_brackets(query.kql))
        covered = Covered.of(asked, seen, None if first else _owners(columns, pages))
    of, requests = sum(one.of for one in answered), sum(one.requests for one in found)
    return QueryAnswer(query.text.typed, columns, pages, of, requests, at, covered, tuple(notes))


def _first(pages: list[Rows], top: int) -> list[Rows]:
    kept = []
    for page in pages:
        kept.append(page[:top])
        top -= len(kept[-1])
    return [page for page in kept if page]


def _owners(columns: Sequence[Mapping[str, str]], pages: Iterable[Rows]) -> set[str] | None:
    """The lower-case subscriptions of the rows; None where rows do not say."""
    names = [column["name"] for column in columns]
    if "subscriptionId" not in names:
        return None
    index = names.index("subscriptionId")
    return {str(row[index]).lower() for page in pages for row in page}


def _carried(connection: Connection, tasks: Sequence[Task[Reading]], meter: Meter) -> list[Reading]:
    found: list[Reading | None] = [None] * len(tasks)
    try:
        with uncollected():
            for number, made in fan_out(connection, tasks, meter.waiting):
                found[number] = made
    finally:
        meter.done()
    return [one for one in found if one is not None]
