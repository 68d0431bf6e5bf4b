"""Any query over any scope: whole, or an error; split where the service cuts, steady where the estate moves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpmagic.connection import Connection, connect_sandbox
from dpmagic.errors import AzureError, DpmagicError, IncompleteAnswer, InvalidArgument, QueryError
from dpmagic.graph import paging
from dpmagic.graph.query import ask, ask_all, readable
from dpmagic.graph.refusals import instead
from dpmagic.graph.scope import REACH, SUBSCRIPTIONS, Scope
from dpmagic.queries import query
from dpmagic.sandbox import Mishap, Mishaps
from dpmagic.sandbox.kql.functions import FOREIGN_FUNCTIONS
from dpmagic.sandbox.kql.tokens import FOREIGN_OPERATORS
from tests.canned import SUB, Canned, Heard, Sent, canned_connection

URL = "Microsoft.ResourceGraph/resources"
IDS = "resources | project id, subscriptionId | order by id asc"
WORKLOADS = "22222222-2222-4222-8222-222222222222"
NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def estate() -> Connection:
    """The sandbox's default estate, which nothing here changes."""
    return connect_sandbox()


@pytest.fixture
def moving(estate: Connection) -> Any:
    """A way to make things go wrong with it."""

    def goes_wrong(*mishaps: Mishap) -> Mishaps:
        estate.sandbox.mishaps = Mishaps(mishaps)
        found: Mishaps = estate.sandbox.mishaps
        return found

    yield goes_wrong
    estate.sandbox.mishaps = Mishaps()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PAGE", 50)


def answered(rows: list[list[Any]], total: int | None = None, columns: str = "id", **more: Any) -> dict[str, Any]:
    """A body in table format; columns are texts but for those that end in ``:type``."""
    named = [name.partition(":") for name in columns.split()]
    data = {"columns": [{"name": name, "type": type_ or "string"} for name, _, type_ in named], "rows": rows}
    return {"totalRecords": len(rows) if total is None else total, "count": len(rows), "data": data, **more}


# Scopes


def test_without_a_scope_all_that_can_be_seen_is_asked(estate: Connection) -> None:
    answer = ask(estate, IDS)
    assert answer.count == answer.of == len({row[0].lower() for row in answer.rows}) > 8_000
    assert answer.covered is None
    assert answer.notes == ()


def test_unreadable_is_told_from_empty(estate: Connection) -> None:
    every = readable(estate)
    with_disks = {row[1] for row in ask(estate, IDS).rows}
    covered = ask(estate, IDS, [*every, NOBODYS]).covered
    assert covered is not None
    assert covered.unreadable == (NOBODYS,)
    assert set(covered.answered) == set(every)
    assert set(covered.empty) == set(every) - with_disks != set()
    below = ask(estate, IDS, Scope(management_groups=("landing-zones",), expected=(WORKLOADS, NOBODYS))).covered
    assert below is not None and below.unreadable == (NOBODYS,)


def test_what_is_readable_may_be_known_already() -> None:
    connection, sent = canned_connection([["POST", URL, 200, {}, answered([["a", SUB]], columns="id subscriptionId")]])
    covered = ask(connection, IDS, [SUB.upper(), NOBODYS, WORKLOADS], readable=[SUB, WORKLOADS]).covered
    assert len(sent) == 1
    assert covered is not None
    assert covered.to_json() == {
        "asked": [SUB.upper(), NOBODYS, WORKLOADS],
        "answered": [SUB.upper(), WORKLOADS],
        "unreadable": [NOBODYS],
        "empty": [WORKLOADS],
    }


def test_what_is_readable_is_looked_up_once_a_minute() -> None:
    def answer(request: Sent) -> dict[str, Any]:
        return answered([["a", SUB]], columns="id subscriptionId")

    connection, sent = canned_connection([["POST", URL, 200, {}, answer]])
    for _ in range(5):
        covered = ask(connection, IDS, [SUB, NOBODYS]).covered
        assert covered is not None and covered.unreadable == (NOBODYS,)
    assert len(sent) == 6
    connection.sleep(61)
    ask(connection, IDS, [SUB, NOBODYS])
    assert len(sent) == 8


def test_many_subscriptions_go_in_batches_and_an_unreadable_batch_is_no_failure(estate: Connection) -> None:
    many = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(2 * SUBSCRIPTIONS)]
    many[1500] = WORKLOADS
    answer = ask(estate, IDS, many)
    assert answer.count == ask(estate, IDS, WORKLOADS).count == 11
    assert answer.notes == ("1 of 2 parts of the scope cannot be read",)
    assert answer.covered is not None
    assert len(answer.covered.unreadable) == len(many) - 1
    with pytest.raises(InvalidArgument, match="2,000 subscriptions take 2 requests") as caught:
        ask(estate, "resources | summarize count() by type", many)
    assert "group by subscriptionId" in caught.value.hint
    grouped = ask(estate, "resources | summarize n = count() by type, subscriptionId", many)
    assert sum(row[2] for row in grouped.rows) == 11
    with pytest.raises(QueryError, match="AccessDenied"):
        ask(estate, IDS, many[:3])


def test_the_limit_of_a_tenant_is_reported() -> None:
    headers = {"x-ms-tenant-subscription-limit-hit": "true"}
    connection, sent = canned_connection([["POST", URL, 200, headers, answered([["a"]])]])
    assert ask(connection, IDS).notes == (
        f"the scope has more than {REACH:,} subscriptions: those beyond were not asked",
    )
    assert sent[0].body["options"]["allowPartialScopes"] is True
    assert "subscriptions" not in sent[0].body and "managementGroups" not in sent[0].body


def test_whose_assignments_are_seen_is_asked_with_a_version_that_knows_it() -> None:
    connection, sent = canned_connection([["POST", URL, 200, {}, answered([["a"]])]])
    ask(connection, IDS, Scope((SUB,), authorization="AtScopeAboveAndBelow"), check=False)
    assert sent[0].body["options"]["authorizationScopeFilter"] == "AtScopeAboveAndBelow"
    assert sent[0].api_version > "2021-06"


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ({"subscriptions": ()}, "there is no subscription to ask"),
        ({"subscriptions": (SUB,), "management_groups": ("g",)}, "not to both"),
        ({"management_groups": tuple("abcdefghijk")}, "10 management groups at most"),
        ({"authorization": "AtScopeAndBlow"}, "no scope filter"),
    ],
)
def test_a_scope_that_cannot_be(scope: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said) as caught:
        Scope(**scope)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"kql": None}, "a query is text, not NoneType"),
        ({"scope": 3}, "a scope is text or a list of texts, not int"),
        ({"scope": [None]}, "a scope is text or a list of texts, not a list with NoneType"),
        ({"top": 0}, "the first 0 rows are none"),
        ({"top": 1.5}, "top is a whole number, not 1.5"),
        ({"top": "5"}, "top is a whole number, not '5'"),
    ],
)
def test_what_is_asked_otherwise_than_it_can_be(estate: Connection, asked: dict[str, Any], said: str) -> None:
    kql = asked.pop("kql", "resources | count")
    with pytest.raises(InvalidArgument) as caught:
        query(kql, connection=estate, **asked)
    assert caught.value.message == said and caught.value.hint


def test_several_queries_go_at_once_and_each_gets_its_rows(estate: Connection) -> None:
    kinds = ["microsoft.compute/disks", "microsoft.compute/snapshots", "microsoft.dataprotection/backupvaults"]
    answers = ask_all(estate, [f"resources | where type =~ '{one}' | project id, type" for one in kinds])
    assert [{row[1] for row in answer.rows} for answer in answers] == [{one} for one in kinds]
    parts = ask(estate, IDS, readable(estate), parts=4)
    assert [note for note in parts.notes if "in order within each part" in note]
    assert sorted(row[0] for row in parts.rows) == sorted(row[0] for row in ask(estate, IDS, readable(estate)).rows)


# Pages


def test_pages_that_are_too_large_are_halved() -> None:
    def answer(request: Sent) -> dict[str, Any]:
        start, top = int(request.body["options"].get("$skipToken", 0)), request.body["options"]["$top"]
        rows = [[f"{number:05}"] for number in range(start, min(start + top, 900))]
        more = {"$skipToken": str(start + top)} if start + top < 900 else {}
        return answered(rows, 900, **more)

    large = {"error": {"code": "BadRequest", "message": "…", "details": [{"code": "ResponsePayloadTooLarge"}]}}
    connection, sent = canned_connection([["POST", URL, 400, {}, large, 2], ["POST", URL, 200, {}, answer]])
    assert [row[0] for row in ask(connection, IDS).rows] == [f"{number:05}" for number in range(900)]
    assert [one.body["options"]["$top"] for one in sent] == [1000, 500, 250, 250, 250, 250, 1000]


def test_a_row_that_is_too_large_alone_is_an_error() -> None:
    large = {"error": {"code": "BadRequest", "message": "…", "details": [{"code": "ResponsePayloadTooLarge"}]}}
    connection, _ = canned_connection([["POST", URL, 400, {}, large]])
    with pytest.raises(QueryError, match="ResponsePayloadTooLarge") as caught:
        ask(connection, IDS)
    assert "project" in caught.value.hint


@pytest.mark.usefixtures("small_pages")
def test_pages_without_an_order_of_their_own_get_one(estate: Connection) -> None:
    unordered = ask(estate, "resources | where type =~ 'microsoft.compute/disks' | project name, id  // all")
    assert [row[1] for row in unordered.rows] == sorted((row[1] for row in unordered.rows), key=str.lower)
    assert len(unordered.rows) == 289


@pytest.mark.usefixtures("small_pages")
@settings(max_examples=10, deadline=None)
@given(top=st.integers(1, 300))
def test_the_first_rows_are_those_of_the_whole(estate: Connection, top: int) -> None:
    kql = "resources | where type =~ 'microsoft.compute/disks' | project id | order by id asc"
    first = ask(estate, kql, top=top)
    assert first.rows == ask(estate, kql).rows[:top]
    assert first.of == 289
    assert first.requests == -(-min(top, 289) // 50)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("kind", ["row-gone", "row-came"])
@pytest.mark.parametrize("times", [1, 2, None])
def test_an_estate_that_moves_is_read_again_and_nothing_is_lost(
    estate: Connection, moving: Any, kind: str, times: int | None
) -> None:
    kql = "resources | where type =~ 'microsoft.compute/disks' | project id, name | order by id asc"
    whole = ask(estate, kql)
    happened = moving(Mishap(kind, times=times, skip=1)).happened
    again = ask(estate, kql)
    assert happened
    assert again.rows == whole.rows
    assert again.of == 289
    assert again.notes[0].startswith("rows changed while they were read: read ")
    assert len(again.notes) == (2 if times is None else 1)


@pytest.mark.usefixtures("small_pages")
def test_rows_without_an_id_that_never_rest_are_an_error(estate: Connection, moving: Any) -> None:
    moving(Mishap("row-gone"))
    with pytest.raises(IncompleteAnswer, match="3 times over"):
        ask(estate, "resources | project name | order by name asc")


@pytest.mark.usefixtures("small_pages")
def test_rows_that_repeat_by_themselves_are_no_movement(estate: Connection) -> None:
    kql = "resources | where type =~ 'microsoft.compute/disks' | extend x = dynamic([1,2,3]) | mv-expand x | project id"
    answer = ask(estate, f"{kql} | order by id asc")
    assert answer.count == answer.of == 3 * 289


# Answers that do not page


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    "by",
    [
        "id",
        "subscriptionId, name",
        "gb = toint(properties.diskSizeGB), name",
        "bin(todatetime(properties.timeCreated), 1m), id",
    ],
)
def test_grouped_answers_are_split_until_each_piece_is_whole(estate: Connection, by: str) -> None:
    kql = "resources | where type =~ 'microsoft.compute/disks'"
    answer = ask(estate, f"{kql} | summarize n = count() by {by}")
    assert sum(row[-1] for row in answer.rows) == 289
    keys = [tuple(row[:-1]) for row in answer.rows]
    assert len(keys) == len(set(keys)) == answer.of > 50
    assert "do not page" in answer.notes[0]


@pytest.mark.usefixtures("small_pages")
def test_a_grouped_answer_as_long_as_a_page_is_not_trusted() -> None:
    """The service may well say that these are all."""
    every = [[f"v{number:03}", 1] for number in range(120)]

    def answer(request: Sent) -> dict[str, Any]:
        import re

        rows = every
        for less, text in re.findall(r"strcmp\(\['v'\], '(v\d+)'\) (<|>=) 0", request.body["query"]):
            rows = [row for row in rows if (row[0] < less) == (text == "<")]
        return answered(rows[:50], min(50, len(rows)), "v n:integer")

    connection, sent = canned_connection([["POST", URL, 200, {}, answer]])
    found = ask(connection, "resources | summarize n = count() by v = tostring(tags.v)")
    assert sorted(found.rows) == every
    assert found.of == 120 and found.requests == len(sent) > 3


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    ("kql", "said"),
    [
        ("resources | take 70", "take or limit does not page"),
        ("resources | project properties", "without one plain column"),
        ("resources | summarize by name | project x = todynamic(name)", "cannot be told apart"),
    ],
)
def test_what_cannot_be_had_whole_is_refused_with_the_reason(estate: Connection, kql: str, said: str) -> None:
    with pytest.raises(DpmagicError, match=said) as caught:
        ask(estate, kql)
    assert len(caught.value.lines()) == 2


def test_missing_rows_are_an_error_whatever_the_answer_says() -> None:
    answers: list[Canned] = [["POST", URL, 200, {}, answered([["a"]], 3, resultTruncated="false")]]
    connection, _ = canned_connection(answers)
    with pytest.raises(IncompleteAnswer, match="there are 3 rows, and gave 1"):
        ask(connection, IDS)


# Faults of queries


@pytest.mark.parametrize(
    ("kql", "place", "hint"),
    [
        ("resources\n| wher name == 'x'", "wher", "did you mean where?"),
        ("resources\n| where nme == 'x'", "nme", "did you mean name?"),
        ("resources\n| extend x = tostrng(name)", "tostrng", "did you mean tostring?"),
        ("resources\n| evaluate bag_unpack(tags)", "evaluate", "plugins are not there"),
        ("resources\n| join kind=leftanti (resourcecontainers | project id) on id", "leftanti", "isempty"),
        ("resources\n| where (name == 'x'\n", "", ""),
        ("disks | take 1", "disks", "resources | where type =~ 'microsoft.compute/disks'"),
        ("resourcs | take 1", "resourcs", "did you mean resources?"),
        ("resources | join hint.strategy=broadcast (resources | take 1) on id", "hint.strategy", "leave the hint away"),
        ("resources | extend x = geo_point_to_s2cell(1, 2)", "geo_point_to_s2cell", "coordinates"),
        ("resources | order by name ascending", "ascending", "asc"),
        ("resources where name == 'x'", "where", "a | stands before it"),
        ("SELECT * FROM resources", "resources", "KQL starts with the table"),
        ("resources | where name == 'x", "", "the text that it begins has no end"),
        ("resources" + " | join kind=leftouter (resourcecontainers | project id) on id" * 4, "", "three joins"),
    ],
)
def test_a_refused_query_points_at_the_place_and_says_what_to_write(
    estate: Connection, kql: str, place: str, hint: str
) -> None:
    with pytest.raises(QueryError) as caught:
        ask(estate, kql)
    error = caught.value
    assert hint in error.hint
    if place and error.line:
        at = error.caret.index("^")
        assert error.line[at : at + error.caret.count("^")] == place


def test_whatever_of_kusto_is_lacking_there_is_something_to_write_instead(estate: Connection) -> None:
    asked = [f"resources | {operator} x" for operator in FOREIGN_OPERATORS]
    asked += [f"resources | extend x = {function}()" for function in FOREIGN_FUNCTIONS]
    for kql in asked:
        with pytest.raises(QueryError) as caught:
            ask(estate, kql)
        assert caught.value.caret and caught.value.hint, kql


def test_a_long_line_is_shown_around_the_place(estate: Connection) -> None:
    with pytest.raises(QueryError) as caught:
        ask(estate, f"resources | where name in ({', '.join(['1'] * 200)}) and nme == 1 and name in ({'2, ' * 99}3)")
    assert len(caught.value.line) <= 106
    at = caught.value.caret.index("^^^")
    assert caught.value.line[at : at + 3] == "nme"


def test_what_to_write_instead_is_a_line_each() -> None:
    assert len(instead()) > 50
    assert all(text and "\n" not in text and len(text) < 130 for text in instead().values())


def test_progress_is_one_line(estate: Connection) -> None:
    heard = Heard()
    ask(estate, IDS, observer=heard)
    assert heard.said == []
    assert all(line.startswith("Resource Graph: ") for line in heard.stages)
    assert " 9 pages, 8," in heard.stages[-1] and " a second" in heard.stages[-1]


def test_a_refusal_for_the_quota_without_end_is_the_services_error() -> None:
    busy = {"error": {"code": "RateLimiting", "message": "…", "details": [{"code": "RateLimiting", "message": "…"}]}}
    connection, _ = canned_connection([["POST", URL, 429, {}, busy]])
    heard = Heard()
    with pytest.raises(AzureError, match="RateLimiting"):
        ask(connection, IDS, observer=heard)
    assert any("waiting for the quota" in line for line in heard.stages)
