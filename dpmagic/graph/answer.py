"""The answer to a query, put together from what the parts of its scope gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dpmagic.graph.paging import Query, Reading, Rows
from dpmagic.graph.scope import REACH, Covered
from dpmagic.graph.tokens import outside_brackets, top_level

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


def answered(found: Sequence[Reading]) -> list[Reading]:
    """The parts that answered.  Raises the refusal when there is none."""
    answered = [one for one in found if one.denied is None]
    for one in found[: 0 if answered else 1]:
        assert one.denied is not None
        raise one.denied
    return answered


def answer_of(query: Query, found: Sequence[Reading], seen: tuple[str, ...] | None, at: datetime) -> QueryAnswer:
    """The answer from the parts that answered; ``seen`` are the subscriptions that can be read, None where nobody has
    looked.

    Raises the refusal when no part answered.
    """
    whole = answered(found)
    columns = next((one.columns for one in whole if one.columns), [])
    pages = [page for one in whole for page in one.pages]
    notes = [note for one in whole for note in one.notes]
    if not all(one.reached for one in whole):
        notes.append(f"the scope has more than {REACH:,} subscriptions: those beyond were not asked")
    if denied := len(found) - len(whole):
        notes.append(f"{denied} of {len(found)} parts of the scope cannot be read")
    if len(whole) > 1 and "join" in top_level(query.kql):
        notes.append(f"asked in {len(whole)} parts: what is joined comes from the same part")
    if len(whole) > 1 and query.pack is None and not _ORDERING.isdisjoint(top_level(query.kql)):
        notes.append(f"asked in {len(whole)} parts: rows are in order within each part")
    if query.top is not None:
        pages = _first(pages, query.top)
    covered = None
    asked = query.scope.asked if query.scope.asked is not None else seen
    if seen is not None and asked is not None:
        first = query.top is not None or not _FIRST.isdisjoint(outside_brackets(query.kql))
        covered = Covered.of(asked, seen, None if first else _owners(columns, pages))
    of, requests = sum(one.of for one in whole), sum(one.requests for one in found)
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
