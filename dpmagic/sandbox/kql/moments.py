"""Instants written in a query, taken out of it, so that queries that differ in them alone are translated once.

A report asks the same question of another window each day.  An instant that is written whole, as in
``datetime(2026-03-02T08:00:00Z)``, becomes a stand-in before the parser sees it, and a parameter of the SQL, which each
run binds to what was written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .tokens import STRINGS

#: What is skipped, and the instants; spelled as the stand-in, so that they can only mean the like.
_WRITTEN = re.compile(
    rf"//[^\n]*|{STRINGS}|\bdatetime\((?P<moment>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{{1,7}})?Z)\)",
    re.DOTALL,
)
_STAND_IN = "1871-02-03T04:05:06.{:06}Z"
_SIGN = _STAND_IN.partition(".")[0]


def apart(query: str) -> tuple[str, tuple[str, ...]]:
    """The query with stand-ins, and the instants that they stand for; the query as it is where there are none.

    >>> apart("a > datetime(2026-03-02T08:00:00Z) // datetime(2026-03-02T08:00:00Z)")
    ('a > datetime(1871-02-03T04:05:06.000000Z) // datetime(2026-03-02T08:00:00Z)', ('2026-03-02T08:00:00Z',))
    """
    if _SIGN in query:
        return query, ()
    found: list[str] = []

    def stand_in(match: re.Match[str]) -> str:
        if match["moment"] is None:
            return match.group()
        found.append(match["moment"])
        return f"datetime({_STAND_IN.format(len(found) - 1)})"

    return _WRITTEN.sub(stand_in, query), tuple(found)


def bound(sql: str, count: int) -> str | None:
    """The SQL with parameters for so many stand-ins; None where one has become something else than an instant."""
    for number in range(count):
        sql = sql.replace(_rendered(_STAND_IN.format(number)), f"CAST(${_name(number)} AS TIMESTAMP)")
    return None if _SIGN in sql else sql


def values(sql: str, moments: Sequence[str]) -> dict[str, str]:
    """The SQL of what the parameters are bound to, for those that are in ``sql``."""
    return {_name(number): _rendered(one) for number, one in enumerate(moments) if f"${_name(number)} " in sql}


def _name(number: int) -> str:
    return f"moment{number}"


def _rendered(moment: str) -> str:
    """The SQL of ``datetime(moment)``, which takes every form that todatetime() does."""
    from duckdb_kql import ir
    from duckdb_kql.translate import render_literal

    return render_literal(ir.Literal(moment, "datetime"))
