"""A query of Azure Resource Graph read to its last page, at the pace of its quota: all rows, or an error."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from dpmagic.arm.plans import Pause, Step
from dpmagic.arm.requests import Answer, Request, fault_of
from dpmagic.errors import AzureError, IncompleteAnswer

API_VERSION = "2021-03-01"
PAGE = 1_000  # rows: the most that the service gives at once
SCOPE = 1_000  # subscriptions: the most that it takes at once
# Answers that are read here: a refused query, nothing readable, too many queries.
_ANSWERED = (400, 403, 429)
# The SDK sends a 429 again only when it has a Retry-After; the others are waited out here, this many times.
_TRIES = 5
# How often all pages are read when rows come or go meanwhile.
_READINGS = 3
_ADVICE = {
    403: "ask for Reader on one of the subscriptions, or connect as someone who has it",
    429: "someone else is using up your quota; run it again in a minute",
}
_WINDOW = 5.0  # seconds, where an answer does not say when its quota comes back: the documented window

Rows = list[dict[str, Any]]


def rows(kql: str, subscriptions: Sequence[str]) -> Generator[Step, Answer, Rows]:
    """Every row of ``kql`` in the subscriptions of these ids, for ``yield from``; no row when there are no ids.

    The query has to put its rows in an order that is unique (``order by id asc``): otherwise the service's pages may
    overlap.  More subscriptions than a request takes are asked in several, and each has its own order.

    Rows that came or went between two pages make one row be missed or read twice: all is then read again.

    Raises `AzureError` with the place of the fault when the service refuses the query, and `IncompleteAnswer` when
    its pages do not add up to its ``totalRecords``, or that has changed in every reading.
    """
    found: Rows = []
    answer: Answer | None = None
    for start in range(0, len(subscriptions), SCOPE):
        part, answer = yield from _every_page(kql, subscriptions[start : start + SCOPE], answer)
        found += part
    return found


def _every_page(kql: str, scope: Sequence[str], before: Answer | None) -> Generator[Step, Answer, tuple[Rows, Answer]]:
    for _ in range(_READINGS):
        found, before = yield from _reading(kql, scope, before)
        if found is not None:
            return found, before
    raise IncompleteAnswer(
        f"the rows changed while Resource Graph was read, {_READINGS} times over", "run it again at a quieter time"
    )


def _reading(
    kql: str, scope: Sequence[str], before: Answer | None
) -> Generator[Step, Answer, tuple[Rows | None, Answer]]:
    """All pages; None when the service says on one of them that there are more or fewer rows than it said before."""
    # The token alone says whether there is more: resultTruncated is "false" on every page that has one.
    found: Rows = []
    seen: set[str] = set()
    token = ""
    first: int | None = None
    while True:
        if before is not None:
            yield from _pace(before)
        before = answer = yield from _ask(kql, scope, token)
        if first is None:
            first = answer.json["totalRecords"]
        elif answer.json["totalRecords"] != first:
            return None, answer
        found += answer.json["data"]
        token = answer.json.get("$skipToken") or ""
        if not token:
            break
        if token in seen:
            raise IncompleteAnswer("Resource Graph gave the same page twice", "run it again")
        seen.add(token)
    if first != len(found):
        raise IncompleteAnswer(
            f"Resource Graph says there are {first:,} rows, and gave {len(found):,}",
            "run it again; if it stays, ask for fewer subscriptions or columns, or leave `limit` away",
        )
    return found, answer


def _ask(kql: str, scope: Sequence[str], token: str) -> Generator[Step, Answer, Answer]:
    options: dict[str, Any] = {"$top": PAGE, "$skip": 0, "resultFormat": "objectArray", "allowPartialScopes": False}
    if token:
        del options["$skip"]
        options["$skipToken"] = token
    request = Request(
        "POST",
        "/providers/Microsoft.ResourceGraph/resources",
        {"subscriptions": list(scope), "query": kql, "options": options},
        api_version=API_VERSION,
        allow=_ANSWERED,
        purpose="query Resource Graph",
    )
    for left in reversed(range(_TRIES)):
        answer: Answer = yield request
        if answer.status != 429 or not left:
            break
        yield Pause(_resets_after(answer.headers), "waiting for Resource Graph's quota")
    if answer.status >= 400:
        raise refusal(answer, kql)
    return answer


def _pace(answer: Answer) -> Generator[Step, Answer, None]:
    if answer.headers.get("x-ms-user-quota-remaining") == "0":
        yield Pause(_resets_after(answer.headers), "waiting for Resource Graph's quota")


def _resets_after(headers: Mapping[str, str]) -> float:
    """Seconds from the service's ``hh:mm:ss``."""
    found = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", headers.get("x-ms-user-quota-resets-after") or "")
    if not found:
        return _WINDOW
    hours, minutes, seconds = map(float, found.groups())
    return hours * 3600 + minutes * 60 + seconds


def refusal(answer: Answer, kql: str) -> AzureError:
    """The service's refusal of a query: what its last detail says, and the line of the query that it points at.

    The message above the details is left out: it is only about what to tell support.
    """
    body = answer.json if isinstance(answer.json, dict) else {}
    request_id = str(answer.headers.get("x-ms-request-id") or answer.headers.get("x-ms-correlation-request-id") or "")
    details = [one for one in (body.get("error") or {}).get("details") or [] if isinstance(one, dict)]
    if not details:
        return fault_of(answer.status, body, request_id)
    last = details[-1]
    line, column = last.get("line", -1), last.get("characterPositionInLine", -1)
    lines = kql.splitlines()
    read = f"the line reads: {_around(lines[line - 1], column)}" if 0 < line <= len(lines) else ""
    return AzureError(
        str(last.get("code") or details[0].get("code")),
        _told(last, line, column),
        status=answer.status,
        request_id=request_id,
        hint=read or _ADVICE.get(answer.status, ""),
    )


def _told(detail: Mapping[str, Any], line: int, column: int) -> str:
    message = str(detail.get("message") or "")
    said = [] if message == detail.get("code") else [message.strip()]
    said += [f"at line {line}, position {column}"] if line > 0 else []
    said += [f"{detail['token']!r} is not understood"] if detail.get("token") else []
    said += [f"{detail['expectedToken']!r} is expected"] if detail.get("expectedToken") else []
    return ", ".join(said) or "the service gave no reason"


def _around(line: str, column: int) -> str:
    """At most 100 characters of ``line``, those at ``column`` among them."""
    start = max(0, min(column - 50, len(line) - 100))
    return f"{'...' if start else ''}{line[start : start + 100]}{'...' if start + 100 < len(line) else ''}"
