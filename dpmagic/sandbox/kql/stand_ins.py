"""Instants and ids written in a query, taken out of it, so that queries that differ in them alone are translated once.

A report asks the same question of another window each day, and a client what lies between the ids at its pages' ends.
An instant that is written whole, as in ``datetime(2026-03-02T08:00:00Z)``, and an id of plain characters become
stand-ins before the parser sees them, and parameters of the SQL, which each run binds to what was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .tokens import STRINGS

#: What is skipped, and what is taken out; spelled as the stand-in, so that it can only mean the like.
_WRITTEN = re.compile(
    r"//[^\n]*|\bdatetime\((?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,7})?Z)\)"
    rf"|'(?P<id>/subscriptions/[A-Za-z0-9/._-]+)'|{STRINGS}",
    re.DOTALL,
)
_MOMENT, _ID = "1871-02-03T04:05:06.{:06}Z", "/subscriptions/Stand-In_%/{:03}"
#: What is left of a stand-in that the translation has changed: folded, escaped, or made a part of something else.
_SIGN = re.compile(r"1871-02-03T04:05:06|stand-in_|stand-in\\_", re.IGNORECASE)
#: More ids are a list to look things up in, which DuckDB prepares, and not of parameters.
_MOST = 128


@dataclass(frozen=True)
class Apart:
    """A query with stand-ins in ``text``, and what they stand for by the names of their parameters."""

    text: str
    moments: dict[str, str]
    ids: dict[str, str]

    def bound(self, sql: str) -> str | None:
        """The SQL of ``text`` with parameters for its stand-ins; None where one has become something else."""
        for number, name in enumerate(self.moments):
            sql = sql.replace(_moment(_MOMENT.format(number)), f"CAST(${name} AS TIMESTAMP)")
        for number, name in enumerate(self.ids):
            sql = sql.replace(_text(_ID.format(number)), f"CAST(${name} AS VARCHAR)")
        return None if _SIGN.search(sql) else sql

    def values(self, sql: str) -> dict[str, str]:
        """The SQL of what the parameters that are in ``sql`` are bound to."""
        made = {name: _moment(one) for name, one in self.moments.items()}
        made |= {name: _text(one) for name, one in self.ids.items()}
        return {name: value for name, value in made.items() if f"${name} " in sql}


def ways(query: str) -> Iterator[Apart]:
    """The query with as much as can be taken out of it, and with less: the last is the query as it is.

    >>> [way.text for way in ways("a > datetime(2026-03-02T08:00:00Z) // datetime(2026-03-02T08:00:00Z)")][0]
    'a > datetime(1871-02-03T04:05:06.000000Z) // datetime(2026-03-02T08:00:00Z)'
    >>> list(ways("id == '/subscriptions/1/x' or id has @'/subscriptions/1/x'"))[0].text
    "id == '/subscriptions/Stand-In_%/000' or id has @'/subscriptions/1/x'"
    """
    if not _SIGN.search(query):
        both = _apart(query, ids=True)
        if 0 < len(both.ids) <= _MOST:
            yield both
        if (moments := _apart(query, ids=False)).moments:
            yield moments
    yield Apart(query, {}, {})


def _apart(query: str, *, ids: bool) -> Apart:
    moments: dict[str, str] = {}
    found: dict[str, int] = {}  # each id once: what is written twice is one thing twice

    def stand_in(match: re.Match[str]) -> str:
        if match["moment"] is not None:
            moments[f"moment{len(moments)}"] = match["moment"]
            return f"datetime({_MOMENT.format(len(moments) - 1)})"
        if ids and match["id"] is not None:
            return f"'{_ID.format(found.setdefault(match['id'], len(found)))}'"
        return match.group()

    text = _WRITTEN.sub(stand_in, query)
    return Apart(text, moments, {f"id{number}": one for one, number in found.items()})


def _moment(written: str) -> str:
    """The SQL of ``datetime(written)``, which takes every form that todatetime() does."""
    from duckdb_kql import ir
    from duckdb_kql.translate import render_literal

    return render_literal(ir.Literal(written, "datetime"))


def _text(written: str) -> str:
    """The SQL of a text without a quote."""
    return f"'{written}'"
