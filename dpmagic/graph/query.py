"""A query of Azure Resource Graph read to its last page, at the pace of its quota: all rows, or an error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from numbers import Integral
from typing import Any

from dpmagic.arm.fan_out import fan_out
from dpmagic.arm.paging import uncollected
from dpmagic.arm.plans import Call, Step
from dpmagic.connection import Connection
from dpmagic.errors import AzureError, IncompleteAnswer, InvalidArgument
from dpmagic.graph.answer import QueryAnswer, answer_of, answered
from dpmagic.graph.meter import Meter
from dpmagic.graph.paging import Pack, Query, Reading, Task, not_all, reading
from dpmagic.graph.parameters import bound
from dpmagic.graph.parts import parts_of
from dpmagic.graph.remembered import recall, remember
from dpmagic.graph.scope import Scope
from dpmagic.graph.settling import settled
from dpmagic.graph.splitting import split
from dpmagic.graph.text import Text, frozen
from dpmagic.graph.tokens import tokens
from dpmagic.progress import Observer, Silent

_CONTAINERS = (
    "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project id, subscriptionId"
    " | order by id asc"
)
Failure = AzureError | IncompleteAnswer
"""Why one query has no answer where others may have theirs."""


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
    return [answer_of(query, of_query, known, at) for query, of_query in zip(made, found, strict=True)]


@dataclass(frozen=True)
class Asked:
    """A query to be asked with others, each of a scope of its own: ``kql``, ``parts`` and ``pack`` as of `ask_all`."""

    kql: str
    scope: Scope
    parts: int = 1
    pack: Pack | None = None


def answers(
    connection: Connection, asked: Sequence[Asked], observer: Observer | None = None
) -> Iterator[tuple[int, QueryAnswer | Failure]]:
    """The answer to each of several queries with its number, as they come: what they ask at once, as far as the quota
    goes.

    Where one is refused, or not all of its rows can be had, the error is in place of its answer, and the others are
    answered all the same.  What ails all of them alike, such as a network that stays down, is raised.
    """
    at, meter = connection.now(), Meter(connection, observer or Silent())
    made = [Query(_text(one.kql, {}, at), one.scope, heard=meter.page, pack=one.pack) for one in asked]
    tasks = [(number, part) for number, query in enumerate(made) for part in parts_of(query, asked[number].parts)]
    found: dict[int, dict[int, Reading | Failure]] = defaultdict(dict)
    try:
        for place, one in fan_out(connection, [_caught(made[number], part) for number, part in tasks], meter.waiting):
            number = tasks[place][0]
            found[number][place] = one
            if len(found[number]) == sum(number == other for other, _ in tasks):
                come = found.pop(number)
                del one
                yield number, _outcome(made[number], [come[place] for place in sorted(come)], at)
    finally:
        meter.done()


def _caught(query: Query, part: Mapping[str, Any]) -> Task[Reading | Failure]:
    """One part of a scope, or why it cannot be had."""
    try:
        return (yield from _read(query, part))
    except (AzureError, IncompleteAnswer) as error:
        return error


def _outcome(query: Query, found: Sequence[Reading | Failure], at: datetime) -> QueryAnswer | Failure:
    """The answer that the parts make up, or why there is none."""
    whole = [one for one in found if isinstance(one, Reading)]
    failed = [one for one in found if not isinstance(one, Reading)]
    try:
        return failed[0] if failed else answer_of(query, whole, None, at)
    except AzureError as refused:
        return refused


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
        return [row for one in answered(found) for row in one.rows]

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


def _carried(connection: Connection, tasks: Sequence[Task[Reading]], meter: Meter) -> list[Reading]:
    found: list[Reading | None] = [None] * len(tasks)
    try:
        with uncollected():
            for number, made in fan_out(connection, tasks, meter.waiting):
                found[number] = made
    finally:
        meter.done()
    return [one for one in found if one is not None]
