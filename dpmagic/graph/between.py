"""Rows that no page showed: between two pages a row before them went, and one behind them came.

A page shows one instant, and the next begins so many rows further on.  When a row that was shown already goes, the
first row of the next page moves up and is passed over; when another comes behind it, the total stays as it was.  In
the order of ids every row that was there all the time is on a page, or lies between the last id of one page and the
first of the next.  So what lies there is asked for once the last page is in: one request for `EDGES` ends of pages.

What is not seen: what came or went where pages were read already (the page told what was so at its instant); rows of
one id on both sides of a page's end; and anything in a query whose rows are in another order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from dpmagic.errors import AzureError
from dpmagic.graph.literals import literal
from dpmagic.graph.paging import Query, Reading, Rows, Task, groups, id_key, limits, not_all, reading
from dpmagic.graph.tokens import operators, tokens

EDGES = 25
"""Ends of pages that one request asks about; each takes a kilobyte of its text."""


def requests(pages: int) -> int:
    """How many requests an answer of so many pages takes beside those for the pages.

    >>> [requests(pages) for pages in (0, 1, 2, 26, 27)]
    [0, 0, 1, 1, 2]
    """
    return max(0, -(-(pages - 1) // EDGES))


def filled(query: Query, part: Mapping[str, Any], found: Reading, kql: str = "") -> Task[Reading]:
    """The reading of ``kql``, by itself the query's, with the rows between its pages, and a note of how many.

    Nothing is asked, and the reading is as it was, for one page and where rows are not in the order of ids.
    """
    kql = kql or query.kql
    edges = None if limits(kql) or groups(kql) or not by_id(kql) else _Edges.of(found)
    if edges is None:
        return found
    passed: list[Any] = []
    quiet = replace(query, heard=lambda rows, of: None, pack=None)
    for start in range(0, len(edges.pairs), EDGES):
        narrowed = f"{kql}\n| where {edges.between(edges.pairs[start : start + EDGES])}"
        try:
            more = yield from reading(quiet, part, narrowed)
        except AzureError as error:
            if error.status != 400:
                raise
            found.notes.append(f"whether rows were passed over between pages cannot be asked: {error.message}")
            return found
        if not more.whole:
            raise not_all(more)
        if _unseen(found, more.rows, edges.key):  # else a second look would find nothing either
            more = yield from filled(quiet, part, more, narrowed)
        found.requests += more.requests
        passed += more.rows
    return _with(found, _unseen(found, passed, edges.key), edges, query)


def by_id(kql: str) -> bool:
    """Whether a query's rows come by ascending id: because it says so, or says nothing and is given that order.

    >>> [by_id(kql) for kql in ("t", "t | order by id asc, x asc", "t | order by id", "t | sort by x asc")]
    [True, True, False, False]
    """
    found = tokens(kql)
    last = max((token.start for token in found if token.text == ";"), default=-1)
    orders = [
        token
        for depth, token in operators(kql)
        if not depth and token.start > last and token.text.lower() in ("order", "sort", "top")
    ]
    if not orders:
        return True
    return [token.text for token in found if token.start > orders[-1].start][:3] == ["by", "id", "asc"]


@dataclass(frozen=True)
class _Edges:
    """The ends of pages: ``pairs`` of the last id of one and the first of the next; ``key`` is where a row has its id.

    Nobody says whether the service minds the case of ids when it orders them: what lies between is so in either order.
    """

    key: Any
    pairs: Sequence[tuple[str, str]]

    @classmethod
    def of(cls, found: Reading) -> _Edges | None:
        """None for one page, and where ids are no texts or in neither order."""
        if len(found.ends) < 2 or not all(isinstance(one, str) for ends in found.ends for one in ends):
            return None
        pairs = [(one, other) for (_, one), (other, _) in pairwise(found.ends)]
        return cls(id_key(found), pairs) if any(_ordered(pairs, fold) for fold in (str, str.lower)) else None

    def between(self, pairs: Sequence[tuple[str, str]]) -> str:
        """The condition that rows between these pairs meet, and none on a page does."""
        clauses = [
            f"(strcmp({column}, {literal(fold(one))}) > 0 and strcmp({column}, {literal(fold(other))}) < 0)"
            for one, other in pairs
            for column, fold in (("id", str), ("tolower(id)", str.lower))
            if fold(one) < fold(other)
        ]
        return " or ".join(clauses) or "false"

    def place(self, row: Any) -> int:
        """The number of the page that the row comes after."""
        fold = str if _ordered(self.pairs, str) else str.lower
        # One that is between only in the other order came after its page: it has no place, and takes the first.
        return max(1, bisect_right([fold(one) for one, _ in self.pairs], fold(row[self.key])))


def _ordered(pairs: Sequence[tuple[str, str]], fold: Callable[[str], str]) -> bool:
    return all(fold(one) <= fold(other) for one, other in pairs)


def _unseen(found: Reading, rows: Sequence[Any], key: Any) -> list[Any]:
    if not rows:
        return []
    seen = {row[key] for page in found.pages for row in page}
    return list({row[key]: row for row in rows if row[key] not in seen}.values())


def _with(found: Reading, rows: Sequence[Any], edges: _Edges, query: Query) -> Reading:
    if not rows:
        return found
    pages: list[Rows] = []
    for number, page in enumerate(page for page in found.pages if len(page)):
        pages.append(page)
        here: Rows = [row for row in rows if edges.place(row) == number + 1]
        if here and query.pack is not None:
            here = query.pack([column["name"] for column in found.columns], here)
        pages += [here] if here else []
    found.pages, found.of = pages, found.count + len(rows)
    told = "1 row was" if len(rows) == 1 else f"{len(rows):,} rows were"
    found.notes.append(f"{told} passed over, for others came and went between two pages: asked for by id")
    return found
