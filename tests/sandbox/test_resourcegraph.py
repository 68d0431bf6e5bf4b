"""The POST of a query: recorded exchanges, pages, scopes, quota and errors."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dpmagic.sandbox.kql.model import TABLE_COLUMNS
from dpmagic.sandbox.resourcegraph import QUOTA, ResourceGraph
from dpmagic.sandbox.resourcegraph_pages import LIFETIME

REFERENCE = Path(__file__).resolve().parents[2] / ".." / "shared" / "reference"
NOW = datetime(2026, 11, 10, 12, 0, 0, 123456, tzinfo=UTC)
SUBS = ("00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b")
QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def row(number: int) -> dict[str, Any]:
    return {
        "id": f"/r/{number:04}",
        "name": f"r{number}",
        "type": "microsoft.compute/disks",
        "subscriptionId": SUBS[number % 2],
        "properties": {"n": number},
    }


ROWS = [row(number) for number in range(25)]


def rows(table: str) -> list[dict[str, Any]]:
    return ROWS if table == "resources" else []


def graph() -> ResourceGraph:
    return ResourceGraph(rows, lambda: SUBS, version=lambda: 1)


SHARED = graph()


def post(query: str, service: ResourceGraph | None = None, at: datetime = NOW, **body: Any) -> tuple[int, Any]:
    """Status and decoded body, each asked by another caller, so that no quota is spent."""
    reply = (service or SHARED).answer({"query": query, **body}, at, caller=str(uuid.uuid4()))
    return reply.status, json.loads(reply.body)


def details(query: str, **body: Any) -> list[dict[str, Any]]:
    status, answer = post(query, **body)
    assert (status, answer["error"]["code"]) == (400, "BadRequest")
    found: list[dict[str, Any]] = answer["error"]["details"]
    return found


def recorded() -> list[dict[str, Any]]:
    return [
        request
        for path in sorted(REFERENCE.glob("wire/*.json"))
        for record in json.loads(path.read_text())
        for request in record["requests"]
        if "Microsoft.ResourceGraph" in request["path"]
    ]


def cli_queries() -> list[str]:
    lines = (REFERENCE / "az-runs.jsonl").read_text().splitlines() if REFERENCE.is_dir() else []
    sent = [exchange for line in lines for exchange in json.loads(line)["http"]]
    facts = (REFERENCE / "wire-facts.md").read_text().splitlines() if REFERENCE.is_dir() else []
    listed = [line for line in facts if line.lower().startswith(("resources | ", "recoveryservicesresources | "))]
    return sorted({one["b"]["query"] for one in sent if "ResourceGraph" in one["u"]} | set(listed))


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the recordings are not beside this checkout")
def test_recorded_exchanges_are_answered_alike() -> None:
    requests = recorded()
    assert requests
    for request in requests:
        body, expected = request["body"], request["response"]
        plain = [{name: one[name] for name in TABLE_COLUMNS} for one in reversed(expected["data"])]
        service = ResourceGraph(lambda table, kept=plain: kept, lambda asked=body: asked["subscriptions"])
        answer = service.answer(body, NOW)
        assert answer.status == 200
        assert json.loads(answer.body) == expected
        assert list(json.loads(answer.body)) == list(expected)
        assert [list(one) for one in json.loads(answer.body)["data"]] == [list(one) for one in expected["data"]]
        quota = {name for name in request["response_headers"] if name.startswith("x-ms-")}
        assert quota <= set(answer.headers)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the recordings are not beside this checkout")
def test_every_query_that_the_cli_sends_runs() -> None:
    queries = cli_queries()
    assert len(queries) >= 7
    for query in queries:
        assert post(query)[0] == 200, query


def test_the_answer_has_the_recorded_keys_in_order() -> None:
    status, answer = post("resources | take 1")
    assert status == 200
    assert list(answer) == ["totalRecords", "count", "data", "facets", "resultTruncated"]
    assert (answer["totalRecords"], answer["count"], answer["facets"], answer["resultTruncated"]) == (1, 1, [], "false")


def test_rows_come_by_id_with_every_column() -> None:
    _, answer = post("resources")
    assert [one["id"] for one in answer["data"]] == [one["id"] for one in ROWS]
    assert list(answer["data"][0]) == list(TABLE_COLUMNS)


def test_the_table_format() -> None:
    columns = "name, properties, n = tolong(properties.n), f = 1.5, b = true, t = now(), s = 1h"
    query = f"resources | project {columns} | top 1 by n"
    _, answer = post(query, options={"resultFormat": "table"})
    assert [(column["name"], column["type"]) for column in answer["data"]["columns"]] == [
        ("name", "string"),
        ("properties", "object"),
        ("n", "integer"),
        ("f", "number"),
        ("b", "boolean"),
        ("t", "datetime"),
        ("s", "string"),
    ]
    assert answer["data"]["rows"] == [["r24", {"n": 24}, 24, 1.5, True, "2026-11-10T12:00:00.1234560Z", "01:00:00"]]


def pages(query: str, top: int, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: str | None = None
    while True:
        status, answer = post(query, options={"$top": top, **options, **({"$skipToken": token} if token else {})})
        assert status == 200
        found.append(answer)
        token = answer.get("$skipToken")
        if token is None:
            return found


@QUICK
@given(top=st.integers(1, 30), skip=st.integers(0, 30))
def test_pages_make_up_the_whole(top: int, skip: int) -> None:
    found = pages("resources | project id, properties.n", top, **{"$skip": skip})
    assert [one["properties_n"] for page in found for one in page["data"]] == list(range(25))[skip:]
    assert {page["resultTruncated"] for page in found} == {"false"}
    assert {page["totalRecords"] for page in found} == {25}
    assert all(page["count"] == len(page["data"]) <= top for page in found)


def test_pages_show_one_instant_and_an_answer_long_pushed_out_is_made_again() -> None:
    service = ResourceGraph(rows, lambda: SUBS)
    _, first = post("resources | project id, now()", service, options={"$top": 2})
    later = NOW + timedelta(minutes=5)
    follow = {"options": {"$top": 2, "$skipToken": first["$skipToken"]}}
    assert post("resources | project id, now()", service, later, **follow)[1]["data"][0]["Column1"].startswith(
        "2026-11-10T12:00:00"
    )
    for _ in range(70):
        post("resources | count", service)
    again = post("resources | project id, now()", service, later, **follow)[1]
    assert [one["id"] for one in again["data"]] == ["/r/0002", "/r/0003"]


def test_tokens_are_the_same_for_the_same_run_of_queries() -> None:
    tokens = [post("resources", graph(), options={"$top": 2})[1]["$skipToken"] for _ in range(2)]
    assert tokens[0] == tokens[1]


@pytest.mark.parametrize(
    "query",
    ["resources | take 20", "resources | limit 20", "resources | sample 20", "resources | project properties, tags"],
)
def test_no_token_where_rows_cannot_be_paged_and_then_truncated_is_true(query: str) -> None:
    _, answer = post(query, options={"$top": 5})
    assert "$skipToken" not in answer
    assert (answer["count"], answer["resultTruncated"]) == (5, "true")


def test_skip_is_ignored_beside_a_limit() -> None:
    assert post("resources | take 3", options={"$skip": 2})[1]["data"] == post("resources | take 3")[1]["data"]


TOKEN: str = post("resources", options={"$top": 5})[1]["$skipToken"]


@QUICK
@given(place=st.integers(0, len(TOKEN) - 1), letter=st.sampled_from("ABCabc019-_=é "))
def test_a_mangled_token_is_refused(place: int, letter: str) -> None:
    mangled = TOKEN[:place] + letter + TOKEN[place + 1 :]
    if mangled != TOKEN:
        assert details("resources", options={"$skipToken": mangled})[0]["code"] == "InvalidSkipToken"


@pytest.mark.parametrize("token", ["x", "AAAA", TOKEN[:-4], TOKEN + "AAAA", 5])
def test_a_forged_token_is_refused(token: Any) -> None:
    assert details("resources", options={"$skipToken": token})[0]["code"] == "InvalidSkipToken"


def test_a_token_belongs_to_its_query_and_scope() -> None:
    for query, scope in (("resources | count", list(SUBS)), ("resources", [SUBS[0]])):
        found = details(query, subscriptions=scope, options={"$skipToken": TOKEN})
        assert found[0]["code"] == "InvalidSkipToken"


def test_a_token_expires() -> None:
    service = graph()
    _, first = post("resources", service, options={"$top": 5})
    follow = {"options": {"$top": 5, "$skipToken": first["$skipToken"]}}
    assert post("resources", service, NOW + LIFETIME, **follow)[0] == 200
    status, late = post("resources", service, NOW + LIFETIME + timedelta(seconds=1), **follow)
    assert (status, late["error"]["details"][0]["code"]) == (400, "InvalidSkipToken")
    assert "expired" in late["error"]["details"][0]["message"]


@pytest.mark.parametrize(("groups", "count", "cut"), [(999, 999, "false"), (1000, 1000, "false"), (1001, 1000, "true")])
def test_a_grouped_answer_stops_at_its_first_page(groups: int, count: int, cut: str) -> None:
    many = [row(number) for number in range(groups)]
    service = ResourceGraph(lambda table: many, lambda: SUBS)
    _, answer = post("resources | summarize count() by name | order by name asc", service)
    assert (answer["count"], answer["totalRecords"], answer["resultTruncated"]) == (count, groups, cut)
    assert "$skipToken" not in answer
    _, whole = post("resources | join kind=leftouter (resources | summarize n = count() by name) on name", service)
    assert ("$skipToken" in whole) == (groups > 1000)


def test_an_answer_may_hold_a_summarize_elsewhere_and_still_pages() -> None:
    _, first = post("resources | where name in ((resources | summarize by name)) | project id", options={"$top": 2})
    assert "$skipToken" in first and first["resultTruncated"] == "false"


def test_unreadable_subscriptions_are_left_out_without_a_sign() -> None:
    _, answer = post("resources | distinct subscriptionId", subscriptions=[SUBS[0].upper(), str(uuid.UUID(int=9))])
    assert answer["data"] == [{"subscriptionId": SUBS[0]}]


def test_none_readable_is_forbidden() -> None:
    status, answer = post("resources", subscriptions=[str(uuid.UUID(int=9))])
    assert (status, answer["error"]["code"]) == (403, "AccessDenied")
    assert answer["error"]["details"] == [
        {
            "code": "AccessDenied",
            "message": "Access is denied to the requested resource. The user might not have enough permission.",
        }
    ]


@pytest.mark.parametrize(
    "options", [{"$top": 0}, {"$top": 1001}, {"$top": "5"}, {"$top": True}, {"$skip": -1}, {"resultFormat": "csv"}]
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert details("resources", options=options)[0]["code"] == "InvalidOptions"


def test_no_page_holds_more_than_a_thousand_rows() -> None:
    many = [row(number) for number in range(1200)]
    service = ResourceGraph(lambda table: many, lambda: SUBS)
    _, first = post("resources | project id", service)
    assert (first["totalRecords"], first["count"]) == (1200, 1000)
    _, second = post("resources | project id", service, options={"$skipToken": first["$skipToken"]})
    assert (second["count"], "$skipToken" in second) == (200, False)


def test_a_payload_over_sixteen_mebibytes_is_refused() -> None:
    heavy = [{"id": "/h", "properties": {"text": "x" * 17_000_000}}]
    service = ResourceGraph(lambda table: heavy, lambda: SUBS)
    status, answer = post("resources", service)
    assert (status, answer["error"]["details"][0]["code"]) == (400, "ResponsePayloadTooLarge")
    assert "has exceeded the limit of 16777216." in answer["error"]["details"][0]["message"]


def test_quota_is_fifteen_queries_in_five_seconds_for_each_caller() -> None:
    service = graph()
    body = {"query": "resources | count"}
    replies = [service.answer(body, NOW + timedelta(milliseconds=100 * n), "a") for n in range(QUOTA)]
    assert [reply.status for reply in replies] == [200] * QUOTA
    assert [reply.headers["x-ms-user-quota-remaining"] for reply in replies] == [str(n) for n in range(14, -1, -1)]
    refused = service.answer(body, NOW + timedelta(seconds=2.5), "a")
    assert (refused.status, refused.headers["retry-after"]) == (429, "3")
    assert refused.headers["x-ms-user-quota-resets-after"] == "00:00:05"
    error = json.loads(refused.body)["error"]
    assert (error["code"], error["details"][0]["code"]) == ("RateLimiting", "RateLimiting")
    assert service.answer(body, NOW + timedelta(seconds=2.5), "b").status == 200
    assert service.answer(body, NOW + timedelta(seconds=5), "a").status == 200


def test_errors_nest_as_recorded() -> None:
    status, answer = post("Resources | where type ==")
    error = answer["error"]
    assert (status, error["code"]) == (400, "BadRequest")
    assert error["message"].startswith(
        "Please provide below info when asking for support: timestamp = 2026-11-10T12:00:00.1234560Z, correlationId = "
    )
    invalid, failure = error["details"]
    assert invalid["code"] == "InvalidQuery" and invalid["message"].startswith("Query is invalid. ")
    assert failure["code"] == failure["message"] == "ParserFailure"
    assert (failure["line"], failure["characterPositionInLine"], failure["token"]) == (1, 25, "<EOF>")
    assert failure["expectedToken"]


def test_an_operator_outside_the_language_as_recorded() -> None:
    assert details("resources | evaluate bag_unpack(tags)")[1] == {
        "code": "InvalidQueryLanguage",
        "message": "InvalidQueryLanguage",
        "line": -1,
        "characterPositionInLine": -1,
        "token": "evaluate",
    }


def test_an_unknown_table_as_recorded() -> None:
    message = "Table Nosuch is invalid, unsupported or disallowed."
    assert details("Nosuch | take 1") == [{"code": "DisallowedLogicalTableName", "message": message}]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": ""},
        {"query": 5},
        {"query": "resources", "facets": {"expression": "name"}},
        {"query": "resources", "facets": [{"expression": " "}]},
        {"query": "resources", "facets": [{"expression": "name", "options": {"$top": 0}}]},
        {"query": "resources", "facets": [{"expression": "name", "options": {"sortOrder": "up"}}]},
        {"query": "resources", "subscriptions": "all"},
        {"query": "resources", "options": ["$top"]},
        {"query": "resources", "options": {"allowPartialScopes": "yes"}},
        {"query": "resources", "options": {"authorizationScopeFilter": "Everywhere"}},
    ],
)
def test_bodies_that_make_no_query(body: dict[str, Any]) -> None:
    assert SHARED.answer(body, NOW, str(uuid.uuid4())).status == 400


def test_the_same_run_gives_the_same_bytes() -> None:
    bodies: list[dict[str, Any]] = [
        {"query": "resources | take 3"},
        {"query": "x |"},
        {"query": "resources", "options": {"$top": 1}},
    ]
    first, second = ([service.answer(body, NOW) for body in bodies] for service in (graph(), graph()))
    assert list(first) == list(second)
