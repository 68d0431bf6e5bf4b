"""What a page passed over because a row went before it and another came behind: asked for, and by nothing else seen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dpmagic.connection import Connection, connect_sandbox
from dpmagic.frames.declared import Declared
from dpmagic.graph import between, paging
from dpmagic.graph.query import ask
from dpmagic.sandbox import Mishap, Mishaps
from tests.canned import SUB, Canned, Sent, canned_connection

DISKS = "resources | where type =~ 'microsoft.compute/disks' | project id, name"
URL = "Microsoft.ResourceGraph/resources"
_BETWEEN = re.compile(r"\(strcmp\((id|tolower\(id\)), '([^']*)'\) > 0 and strcmp\(\1, '([^']*)'\) < 0\)")


@pytest.fixture(scope="module")
def estate() -> Connection:
    """The sandbox's default estate, which nothing here changes."""
    return connect_sandbox()


@pytest.fixture
def swapping(estate: Connection, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The estate on pages of five; given a mishap, before each page a row has gone and another has come."""
    monkeypatch.setattr(paging, "PAGE", 5)

    def goes_wrong(**options: Any) -> list[tuple[str, str]]:
        estate.sandbox.mishaps = Mishaps([Mishap("row-swapped", **options)])
        return list[tuple[str, str]](estate.sandbox.mishaps.happened)

    yield goes_wrong
    estate.sandbox.mishaps = Mishaps()


@pytest.mark.parametrize("order", ["", " | order by id asc"])
@pytest.mark.parametrize("pack", [None, Declared({"id": "str", "name": "str"}).pack])
def test_what_was_passed_over_is_asked_for(estate: Connection, swapping: Any, order: str, pack: Any) -> None:
    whole = ask(estate, DISKS + order)
    assert (whole.count, whole.notes) == (289, ())
    swapping()
    again = ask(estate, DISKS + order, pack=pack)
    rows = [list(row) for row in again.rows]
    assert [row for row in rows if not row[0].endswith("~")] == whole.rows, "in order, and no row is lost"
    assert again.of == again.count > whole.count
    (note,) = again.notes
    assert re.match(r"5\d rows were passed over, for others came and went between two pages: asked for by id$", note)


def test_the_price_is_a_request_for_many_pages(estate: Connection, swapping: Any) -> None:
    several = ask(estate, f"{DISKS} | order by id asc")
    assert several.requests == 58 + 3 == len(several.pages) + between.requests(58)
    assert ask(estate, "resources | project id | order by id asc", top=20).requests == 4
    assert ask(estate, f"{DISKS} | where name endswith '-0001' | order by id asc | take 5").requests == 1


def test_one_row_is_one_row(estate: Connection, swapping: Any) -> None:
    swapping(times=1, skip=3)
    assert ask(estate, DISKS).notes == (
        "1 row was passed over, for others came and went between two pages: asked for by id",
    )


@settings(deadline=None)
@example(["B", "11", "1A", "111", "1", "a", "b1"], [(0, 0)], False, 3)  # in order, but not where pages end
@example(["B", "1", "A", "-", "a1"], [(0, 0)], True, 2)  # passed over in one order alone
@given(
    st.lists(st.text("aAbB1-", min_size=1, max_size=3), unique_by=str.lower, min_size=4, max_size=14),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=2),
    st.booleans(),
    st.integers(1, 4),
)
def test_no_row_that_was_there_all_the_time_is_lost(
    ids: list[str], swaps: list[tuple[int, int]], folded: bool, size: int
) -> None:
    """Before a page one row goes and another comes, anywhere; ids are ordered with or without regard to case."""
    half = len(ids) // 2
    now, coming, gone, left = ids[half:], ids[:half], set[str](), list(swaps)

    def answer(request: Sent) -> dict[str, Any]:
        kql, token = request.body["query"], request.body["options"].get("$skipToken")
        if token and left:
            leaves, comes = left.pop()
            gone.add(now.pop(leaves % len(now)))
            now.append(coming.pop(comes % len(coming)))
        rows = sorted(now, key=str.lower if folded else str)
        for clause in kql.split("| where")[1:]:
            pairs = [(str if column == "id" else str.lower, *ends) for column, *ends in _BETWEEN.findall(clause)]
            rows = [one for one in rows if any(low < fold(one) < high for fold, low, high in pairs)]
        start = int(token or 0)
        shown = rows[start : start + size]
        more = {"$skipToken": str(start + size)} if start + size < len(rows) else {}
        cells = {"columns": [{"name": "id", "type": "string"}], "rows": [[one] for one in shown]}
        return {"totalRecords": len(rows), "count": len(shown), "data": cells, **more}

    always: Canned = ["POST", URL, 200, {}, answer]
    connection, sent = canned_connection([always])
    found = ask(connection, "t | project id | order by id asc", [SUB], check=False)
    assert len(sent) < 100
    assert set(ids[half:]) - gone <= {row[0] for row in found.rows}


def test_a_service_that_answers_more_than_was_asked_is_no_reason_to_go_on() -> None:
    """Whatever is asked, all of it comes: rows that were on pages already say nothing new."""

    def answer(request: Sent) -> dict[str, Any]:
        start = int(request.body["options"].get("$skipToken") or 0)
        cells = {"columns": [{"name": "id", "type": "string"}], "rows": [[f"{start:03}"]]}
        more = {"$skipToken": str(start + 1)} if start < 4 else {}
        return {"totalRecords": 5, "count": 1, "data": cells, **more}

    always: Canned = ["POST", URL, 200, {}, answer]
    connection, sent = canned_connection([always])
    found = ask(connection, "t | project id | order by id asc", [SUB], check=False)
    assert (found.count, found.notes, len(sent)) == (5, (), 10)
