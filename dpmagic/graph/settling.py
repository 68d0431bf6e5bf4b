"""An estate that moves while it is read: pages read again until nothing has moved, or by ranges of ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dpmagic.errors import IncompleteAnswer
from dpmagic.graph.between import filled
from dpmagic.graph.paging import Query, Reading, Task, groups, id_key, limits, reading
from dpmagic.graph.splitting import by_ids

_READINGS = 3


def settled(query: Query, part: Mapping[str, Any]) -> Task[Reading]:
    """All rows of a part, however it moves: read again when rows came or went between two pages, and what one reading
    passed over without a sign is asked for (see `dpmagic.graph.between`).

    When it never rests, it is read by ranges of ids, each small enough for one page: a page is of one instant, so no
    row falls between two.  Raises `IncompleteAnswer` where rows have no id to tell them apart by.
    """
    readings: list[Reading] = []
    for _ in range(_READINGS):
        found = yield from reading(query, part)
        readings.append(found)
        if found.steady or (len(readings) > 1 and _alike(*readings[-2:])):
            break
    else:
        if id_key(found) is None or limits(query.kql) or groups(query.kql):
            raise IncompleteAnswer(
                f"the rows changed while Resource Graph was read, {_READINGS} times over",
                "run it again at a quieter time, or project id: by it rows are told apart",
            )
        found = yield from by_ids(query, part, found)
    found.requests += sum(one.requests for one in readings if one is not found)
    if len(readings) > 1:
        found.notes.insert(0, _moved(readings))
    return (yield from filled(query, part, found)) if found is readings[-1] and found.steady else found


def _alike(one: Reading, other: Reading) -> bool:
    """Whether two readings show the same rows and as many as there are: then rows that repeat are the query's own."""
    return one.constant and other.constant and one.count == one.of == other.of and one.rows == other.rows


def _moved(readings: list[Reading]) -> str:
    totals = [f"{one.of:,}" for one in readings]
    return f"rows changed while they were read: read {len(readings)} times, of {', '.join(totals)} rows"
