"""A grouped question put to Resource Graph, whose grouped answers have no second page.

It is split along one axis after another (of jobs by subscription, then vault, then stretches of the window) until no
answer can have more rows than one page holds: sizes are counted first. Pieces are put together by whoever asks, so they
must be sums, counts and extremes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas

from dpmagic.errors import IncompleteAnswer
from dpmagic.estate import views
from dpmagic.estate.columns import table
from dpmagic.estate.completeness import told
from dpmagic.frames.told import Told
from dpmagic.graph.literals import literal, literals
from dpmagic.graph.paging import PAGE
from dpmagic.graph.scope import SUBSCRIPTIONS

if TYPE_CHECKING:
    from dpmagic.estate.estate import Estate

Body = Callable[[Sequence[str]], str]
"""The query behind a view, up to its ``summarize``, grouped by some columns more: it is given their KQL."""


@dataclass(frozen=True)
class Axis:
    """What a question is split along: an expression that its rows are told apart by, and the clause for some values.

    ``least`` is what is left of it where it is the last one, in words.
    """

    kql: str
    clause: Callable[[Sequence[Any]], str]
    least: str = "rows"


def among(column: str) -> Axis:
    """By the values of a column of texts, in any case."""
    return Axis(f"tolower({column})", lambda values: f"tolower({column}) in ({literals(values)})")


def between(column: str) -> Axis:
    """By ranges of a column of texts with many values, in any case."""
    return Axis(
        f"tolower({column})",
        lambda values: (
            f"strcmp(tolower({column}), {literal(values[0])}) >= 0 and "
            f"strcmp(tolower({column}), {literal(values[-1])}) <= 0"
        ),
        f"rows of one {column}",
    )


def _stretch(column: str, step: timedelta) -> Axis:
    def clause(values: Sequence[Any]) -> str:
        first, last = pandas.Timestamp(values[0]), pandas.Timestamp(values[-1])
        return f"{column} >= {literal(first)} and {column} < {literal(last + step)}"

    return Axis(f"bin({column}, {literal(step)})", clause, "five minutes of one vault")


_AXES = (
    among("subscriptionId"),
    among("vaultId"),
    *(_stretch("startTime", timedelta(minutes=minutes)) for minutes in (1440, 60, 5)),
)


def grouped(
    estate: Estate, table: str, body: Body, axes: Sequence[Axis] = _AXES, weight: str = "count()", rows: int = 0
) -> tuple[pandas.DataFrame, list[str]]:
    """The rows of a grouped question over a table, in pieces, and the queries that they answer.

    ``weight`` is the KQL of how much of an answer, of `PAGE`, some rows of ``body`` take: each 1, if they are small;
    ``rows`` is how many they stand for, if it is more than they are.
    Raises `AzureError` when the service refuses it, `IncompleteAnswer` when even the last of ``axes`` (five minutes of
    one vault) leaves more groups than one answer holds.
    """
    asked = dict(_pieces(estate, views.view(table, estate.window), body, axes, weight))
    rehearse = getattr(estate.source, "grouped", None)  # a rehearsal notes what would be asked
    if rehearse is not None:
        rehearse(asked, rows or sum(asked.values()))
        return pandas.DataFrame(), list(asked)
    found = [estate.query(kql) for kql in asked]
    filled = [rows for rows in found if len(rows)]
    return pandas.concat(filled, ignore_index=True) if filled else pandas.DataFrame(), list(asked)


def _pieces(estate: Estate, view: str, body: Body, axes: Sequence[Axis], weight: str) -> Iterator[tuple[str, int]]:
    """Queries, each with the most rows that it can give."""
    # What several requests answer has to say whose each row is.
    whose = ["subscriptionId"] if len(estate.source.scope.readable) > SUBSCRIPTIONS else []
    axis, *others = axes
    keys = ", ".join(["axis", *whose])
    counted = estate.source.count(
        f"{view}\n{body([*whose, f'axis = {axis.kql}'])}\n| summarize rows = {weight} by {keys}", estate.now
    )
    assert counted is not None  # who has its tables at hand is not asked
    sizes = sorted(counted.groupby("axis")["rows"].sum().astype(int).items()) if len(counted) else []
    for values in _packed(sizes):
        narrowed = (
            f"{view}\n| where {axis.clause([value for value, _ in values])}" if len(values) < len(sizes) else view
        )
        rows = sum(rows for _, rows in values)
        if rows <= PAGE:
            yield f"{narrowed}\n{body(whose)}", rows
        elif others:
            yield from _pieces(estate, narrowed, body, others, weight)
        else:
            raise IncompleteAnswer(
                f"{axis.least} have more than {PAGE:,} groups", 'ask for method="rows", or group by less'
            )


def _packed(sizes: Sequence[tuple[Any, int]]) -> Iterator[list[tuple[Any, int]]]:
    """Neighbours together as long as their rows fit one answer; what does not fit by itself stays alone.

    >>> list(_packed([("a", 600), ("b", 400), ("c", 1), ("d", 2000), ("e", 3)]))
    [[('a', 600), ('b', 400)], [('c', 1)], [('d', 2000)], [('e', 3)]]
    """
    pack: list[tuple[Any, int]] = []
    for one in sizes:
        if pack and sum(rows for _, rows in pack) + one[1] > PAGE:
            yield pack
            pack = []
        pack.append(one)
    if pack:
        yield pack


def told_of(estate: Estate, name: str, rows: pandas.DataFrame, asked: Sequence[str], notes: Sequence[str] = ()) -> Told:
    """The completeness of rows that were made of grouped answers to the queries ``asked``."""
    source = estate.source
    return told(
        table(name),
        rows,
        target=source.target,
        now=estate.now,
        window=estate.window,
        scope=source.scope,
        kql="\n\n".join(asked),
        notes=notes,
    )
