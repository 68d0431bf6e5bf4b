"""A query read to its last page: whole, in order, at the pace of the quota; or an error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpmagic.arm.plans import Manner, carry_out
from dpmagic.connection import connect_sandbox
from dpmagic.errors import AzureError, IncompleteAnswer
from dpmagic.graph.query import rows
from dpmagic.graph.scope import SUBSCRIPTIONS as SCOPE
from dpmagic.progress import Silent
from tests.canned import SUB, Canned, Sent, canned_connection

URL = "Microsoft.ResourceGraph/resources"
KQL = "resources | order by id asc"


def page(numbers: range, total: int, token: str = "") -> dict[str, Any]:
    """An answer as the service writes it: ``resultTruncated`` is a string, and "false" on every page."""
    body = {"totalRecords": total, "count": len(numbers), "data": [{"id": n} for n in numbers], "facets": []}
    return {**body, "resultTruncated": "false", **({"$skipToken": token} if token else {})}


def asked(answers: list[Canned], subscriptions: list[str] | None = None) -> tuple[list[Any], list[Sent], list[float]]:
    """The numbers of the rows, what was sent, and how long it was waited."""
    connection, sent = canned_connection(answers)
    plan = rows(KQL, [SUB] if subscriptions is None else subscriptions)
    value = carry_out(plan, lambda: connection, Manner(Silent())).value
    return [row["id"] for row in value], sent, connection.clock.slept  # type: ignore[attr-defined]


def refusal(status: int, error: dict[str, Any], kql: str = KQL, waits: int = 0) -> AzureError:
    connection, sent = canned_connection([["POST", URL, status, {"x-ms-request-id": "r1"}, {"error": error}]])
    with pytest.raises(AzureError) as caught:
        carry_out(rows(kql, [SUB]), lambda: connection, Manner(Silent()))
    assert len(sent) == waits + 1
    assert len(connection.clock.slept) == waits  # type: ignore[attr-defined]
    return caught.value


def test_one_page_is_asked_for_as_az_does() -> None:
    found, sent, slept = asked([["POST", URL, 200, {}, page(range(3), 3)]])
    options = {"$top": 1000, "$skip": 0, "resultFormat": "objectArray", "allowPartialScopes": False}
    assert found == [0, 1, 2]
    assert [(one.api_version, one.body) for one in sent] == [
        ("2021-03-01", {"subscriptions": [SUB], "query": KQL, "options": options})
    ]
    assert slept == []


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(1, 9))
def test_pages_are_followed_by_their_token_alone(total: int, size: int) -> None:
    def answer(request: Sent) -> dict[str, Any]:
        start = int(request.body["options"].get("$skipToken", 0))
        end = min(start + size, total)
        return page(range(start, end), total, str(end) if end < total else "")

    found, sent, _ = asked([["POST", URL, 200, {}, answer]])
    assert found == list(range(total))
    assert len(sent) == max(1, -(-total // size))
    assert all("$skip" not in one.body["options"] for one in sent[1:])


def test_a_page_that_comes_twice_is_an_error() -> None:
    with pytest.raises(IncompleteAnswer, match="the same page twice"):
        asked([["POST", URL, 200, {}, page(range(2), 9, "again")]])


@pytest.mark.parametrize("total", [2, 4])
def test_rows_that_do_not_add_up_are_an_error(total: int) -> None:
    with pytest.raises(IncompleteAnswer, match=f"there are {total} rows, and gave 3"):
        asked([["POST", URL, 200, {}, page(range(3), total)]])


def test_an_empty_quota_is_waited_for_before_the_next_page_and_not_after_the_last() -> None:
    spent = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:01:02"}
    answers = [["POST", URL, 200, spent, page(range(2), 3, "t"), 1], ["POST", URL, 200, spent, page(range(2, 3), 3)]]
    found, _, slept = asked(answers)
    assert found == [0, 1, 2]
    assert slept == [pytest.approx(62, rel=0.01)]


def test_a_429_without_retry_after_is_waited_out() -> None:
    throttled = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:05"}
    limited = {"error": {"code": "RateLimiting", "message": "…", "details": []}}
    answers = [["POST", URL, 429, throttled, limited, 2], ["POST", URL, 200, {}, page(range(1), 1)]]
    found, sent, slept = asked(answers)
    assert (found, len(sent), slept) == ([0], 3, [pytest.approx(5, rel=0.01)] * 2)


def test_a_429_without_end_is_an_error_that_says_what_to_do() -> None:
    detail = {"code": "RateLimiting", "message": "Client application has been throttled."}
    error = refusal(429, {"code": "RateLimiting", "message": "Please provide …", "details": [detail]}, waits=12)
    assert error.lines() == [
        "QueryError: RateLimiting: Client application has been throttled.",
        "  hint: someone else is using up your quota; run it again in a minute",
        "  request id: r1",
    ]


def test_more_subscriptions_than_a_request_takes_are_asked_in_turn() -> None:
    ids = [f"{number:032x}" for number in range(2 * SCOPE + 1)]
    spent = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:05"}
    found, sent, slept = asked([["POST", URL, 200, spent, page(range(1), 1)]], ids)
    assert [one.body["subscriptions"] for one in sent] == [ids[:SCOPE], ids[SCOPE : 2 * SCOPE], ids[2 * SCOPE :]]
    assert found == [0, 0, 0]
    assert slept == [pytest.approx(5, rel=0.01)] * 2


def test_no_subscription_is_no_question() -> None:
    # Resource Graph takes an empty list for every subscription there is.
    assert asked([], []) == ([], [], [])


def test_a_refused_query_is_told_with_its_place() -> None:
    support = "Please provide below info when asking for support: timestamp = …, correlationId = …."
    invalid = {"code": "InvalidQuery", "message": "Query is invalid."}
    parser = {"code": "ParserFailure", "message": "ParserFailure", "line": 2, "characterPositionInLine": 8}
    token = {"token": "==", "expectedToken": "expression"}
    error = refusal(
        400, {"code": "BadRequest", "message": support, "details": [invalid, parser | token]}, "resources\n| where == 1"
    )
    assert error.lines() == [
        "QueryError: ParserFailure: line 2, position 8, '==' stands where 'expression' is expected",
        "  | where == 1",
        "          ^^",
        "  request id: r1",
    ]


def test_a_place_that_is_none_is_left_out() -> None:
    language = {"code": "InvalidQueryLanguage", "message": "InvalidQueryLanguage", "token": "evaluate"}
    details = [{"code": "InvalidQuery"}, language | {"line": -1, "characterPositionInLine": -1}]
    error = refusal(400, {"code": "BadRequest", "message": "…", "details": details})
    assert error.message == "InvalidQueryLanguage: 'evaluate' is not understood"
    assert error.hint.startswith("plugins are not there")


def test_a_refusal_without_details_keeps_what_it_says() -> None:
    error = refusal(403, {"code": "AuthorizationFailed", "message": "You may not."})
    assert error.message == "AuthorizationFailed: You may not."


@pytest.fixture(scope="module")
def sandbox() -> Any:
    pytest.importorskip("duckdb_kql")
    return connect_sandbox()


def test_the_sandbox_answers_and_refuses_like_the_service(sandbox: Any) -> None:
    from dpmagic.arm.subscriptions import visible

    ids = [one["subscriptionId"] for one in visible(sandbox)]
    found = carry_out(rows("resources | project id | order by id asc", ids), lambda: sandbox, Manner(Silent())).value
    assert found == sorted(found, key=lambda row: row["id"].lower())
    assert len(found) > 1
    with pytest.raises(AzureError, match="line 1, position 12, 'wher' stands where 'where' is expected"):
        carry_out(rows("resources | wher x", ids), lambda: sandbox, Manner(Silent()))


def test_a_long_run_of_queries_is_never_throttled(sandbox: Any) -> None:
    """Fifteen queries a window: those after them wait for the next one on the connection's clock."""
    started = sandbox.now()
    ids = [f"{number:08d}-0000-0000-0000-000000000000" for number in range(20 * SCOPE)]
    ids[::SCOPE] = ["11111111-1111-4111-8111-111111111111"] * 20
    plan = rows("resources | summarize n = count()", ids)
    assert len(carry_out(plan, lambda: sandbox, Manner(Silent())).value) == 20
    assert (sandbox.now() - started).total_seconds() >= 5
