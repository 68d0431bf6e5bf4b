"""In which parts a scope is asked, and which queries' answers to the parts make up the answer."""

from __future__ import annotations

from typing import Any

from dpmagic.errors import InvalidArgument
from dpmagic.graph.paging import Query
from dpmagic.graph.tokens import outside_brackets, tokens

# Operators whose answer for several parts of a scope is not the parts' answers one after another.
_ACROSS = frozenset({"summarize", "distinct", "count", "top", "limit", "take", "sample"})


def parts_of(query: Query, wanted: int) -> list[dict[str, Any]]:
    """The parts of the query's scope; refuses a query whose parts' answers do not make up the answer."""
    by_row = _by_row(query.kql)
    parts = query.scope.parts(wanted if by_row and query.top is None else 1)
    if len(parts) > 1 and not by_row:
        raise InvalidArgument(
            f"{len(query.scope.asked or ()):,} subscriptions take {len(parts)} requests, and this query's answers to "
            "each are not its answer to all",
            "group by subscriptionId too, or ask a management group or the whole tenant (no scope)",
        )
    return parts


def _by_row(kql: str) -> bool:
    """Whether the answer for several subscriptions is the answers for each, one after another."""
    across = _ACROSS.intersection(outside_brackets(kql))
    if not across:
        return True
    found = [token.text for token in tokens(kql)]
    keyed = "subscriptionId" in found[max(i for i, text in enumerate(found) if text.lower() in _ACROSS) :]
    return keyed and across <= {"summarize", "distinct"}
