"""Azure Resource Graph in the sandbox: the POST of a query, its pages, its quota and its errors.

Recorded: the order of the keys and columns, the quota headers, the 429, the nesting of query errors, the 403
and the payload limit. Modelled: the text of errors about options and tokens, one window of quota a caller
that opens with the first query, and management groups (one, holding every readable subscription).
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import orjson

from .kql import Engine, Tables, iso
from .kql.model import INVALID_QUERY, TABLES, Answer, KqlError
from .reply import Reply
from .resourcegraph_pages import Pages, TokenError

QUOTA = 15
WINDOW = timedelta(seconds=5)
MAX_PAGE = 1_000
MAX_SUBSCRIPTIONS = 1_000
MAX_BYTES = 16_777_216

Rows = Callable[[str, Collection[str] | None], Sequence[Mapping[str, Any]]]

#: Kusto types as the ``table`` format names them.
_TABLE_TYPES = {
    "long": "integer",
    "int": "integer",
    "real": "number",
    "bool": "boolean",
    "datetime": "datetime",
    "dynamic": "object",
}


class _BadRequest(Exception):
    """A refusal with its status, outer code and details."""

    def __init__(self, details: list[dict[str, Any]], status: int = 400, code: str = "BadRequest") -> None:
        super().__init__(details[0]["message"])
        self.status, self.code, self.details = status, code, details


@dataclass(frozen=True)
class _Request:
    query: str
    subscriptions: tuple[str, ...]
    top: int
    skip: int
    token: str | None
    table: bool


class ResourceGraph:
    """Answers Resource Graph queries over rows that someone else owns.

    ``rows(table, subscriptions)`` gives the full records of a table (lower-case name), ``subscriptions()``
    the ids the caller may read. ``version()``, when given, changes whenever rows would; the loaded tables are
    then used again while it does not.
    """

    def __init__(
        self,
        rows: Rows,
        subscriptions: Callable[[], Sequence[str]],
        *,
        version: Callable[[], int] | None = None,
    ) -> None:
        self._rows = rows
        self._subscriptions = subscriptions
        self._version = version
        self._engine = Engine()
        self._pages = Pages()
        self._windows: dict[str, tuple[datetime, int]] = {}
        self._asked = 0
        self._lock = threading.Lock()

    def answer(self, body: Mapping[str, Any], now: datetime, caller: str = "") -> Reply:
        """Handle one ``POST /providers/Microsoft.ResourceGraph/resources`` at the instant ``now``.

        A refusal is a reply too (400, 403, 429); nothing is raised for what a client may send.
        """
        with self._lock:
            self._asked += 1
            remaining, wait = self._spend(caller, now)
            headers = _quota_headers(remaining)
            if wait:
                headers["retry-after"] = str(wait)
                return self._refuse(429, "RateLimiting", [_THROTTLED], now, headers)
            try:
                payload = self._page(_read(body, self._readable(body)), now)
            except _BadRequest as error:
                return self._refuse(error.status, error.code, error.details, now, headers)
            except KqlError as error:
                return self._refuse(400, "BadRequest", _details(error), now, headers)
        return Reply(200, headers, payload)

    def _spend(self, caller: str, now: datetime) -> tuple[int, int]:
        """Take one unit of quota: what remains, and the whole seconds to wait when there was none."""
        opened, used = self._windows.get(caller, (now, 0))
        if not opened <= now < opened + WINDOW:
            opened, used = now, 0
        if used >= QUOTA:
            return 0, max(1, ceil((opened + WINDOW - now).total_seconds()))
        self._windows[caller] = (opened, used + 1)
        return QUOTA - used - 1, 0

    def _readable(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        """The subscriptions of the request that can be read; unreadable ones are left out without a sign."""
        readable = list(self._subscriptions())
        asked = body.get("subscriptions")
        if asked:
            if body.get("managementGroups"):
                raise _BadRequest([_detail("InvalidScope", "Give subscriptions or managementGroups, not both.")])
            if len(asked) > MAX_SUBSCRIPTIONS:
                raise _BadRequest([_detail("InvalidScope", f"At most {MAX_SUBSCRIPTIONS} subscriptions.")])
            wanted = {str(one).lower() for one in asked}
            readable = [one for one in readable if one.lower() in wanted]
        if not readable:
            raise _BadRequest([_ACCESS_DENIED], status=403, code="AccessDenied")
        return tuple(sorted(readable))

    def _page(self, request: _Request, now: datetime) -> bytes:
        scope = repr((request.query, request.subscriptions))
        if request.token is None:
            serial, offset = self._pages.keep(self._run(request, now)), request.skip
        else:
            try:
                serial, offset = self._pages.open(request.token, scope)
            except TokenError as error:
                raise _BadRequest([_detail("InvalidSkipToken", str(error))]) from error
        answer = self._pages.get(serial)
        if answer is None:
            answer = self._run(request, now)
            self._pages.put(serial, answer)
        rows = answer.rows[0 if answer.limited else offset :][: request.top]
        end = (0 if answer.limited else offset) + len(rows)
        token = self._pages.token(serial, scope, end) if _pageable(answer) and end < len(answer.rows) else None
        payload = _encode(answer, rows, token, cut=token is None and end < len(answer.rows), table=request.table)
        if len(payload) > MAX_BYTES:
            raise _BadRequest([_too_large(len(payload))])
        return payload

    def _run(self, request: _Request, now: datetime) -> Answer:
        def rows(table: str) -> Sequence[Mapping[str, Any]]:
            return self._rows(table, frozenset(request.subscriptions))

        version = None if self._version is None else (self._version(), request.subscriptions)
        return self._engine.run(request.query, Tables(TABLES, rows), now, version=version)

    def _refuse(
        self, status: int, code: str, details: list[dict[str, Any]], now: datetime, headers: dict[str, str]
    ) -> Reply:
        seed = f"{self._asked} {now.isoformat()}"
        correlation = uuid.UUID(bytes=hashlib.sha256(seed.encode()).digest()[:16], version=4)
        message = (
            f"Please provide below info when asking for support: timestamp = {iso(now)}, correlationId = {correlation}."
        )
        body = orjson.dumps({"error": {"code": code, "message": message, "details": details}})
        return Reply(status, headers, body)


def _detail(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}


_THROTTLED = _detail(
    "RateLimiting",
    "Client application has been throttled and should not attempt to repeat the request until an amount of "
    "time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help.",
)
_ACCESS_DENIED = _detail(
    "AccessDenied", "Access is denied to the requested resource. The user might not have enough permission."
)


def _too_large(size: int) -> dict[str, Any]:
    return _detail(
        "ResponsePayloadTooLarge",
        f"Response payload size is {size}, and has exceeded the limit of {MAX_BYTES}. "
        "Please consider querying less data at a time and make paginated call if needed.",
    )


def _details(error: KqlError) -> list[dict[str, Any]]:
    """A query error as the service nests it: ``InvalidQuery`` first, then what is wrong and where."""
    if error.code.startswith("Disallowed"):
        return [_detail(error.code, error.message)]
    wrong = _detail(error.code, error.message)
    wrong |= {"line": error.line, "characterPositionInLine": error.position}
    if error.token is not None:
        wrong["token"] = error.token
    if error.expected is not None:
        wrong["expectedToken"] = error.expected
    return [_detail("InvalidQuery", INVALID_QUERY), wrong]


def _quota_headers(remaining: int) -> dict[str, str]:
    return {
        "content-type": "application/json; charset=utf-8",
        "x-ms-user-quota-remaining": str(remaining),
        "x-ms-user-quota-resets-after": "00:00:05",
        "x-ms-ratelimit-remaining-tenant-resource-requests": str(remaining),
        "x-ms-resource-graph-request-duration": "0:00:00:00.0100000",
    }


def _read(body: Mapping[str, Any], subscriptions: tuple[str, ...]) -> _Request:
    query = body.get("query")
    if not isinstance(query, str) or not query.strip():
        raise _BadRequest([_detail("InvalidQuery", INVALID_QUERY)])
    if body.get("facets"):
        raise _BadRequest([_detail("SandboxUnsupported", "the sandbox does not compute facets yet.")])
    options = body.get("options") or {}
    form = options.get("resultFormat", "objectArray")
    if form not in ("objectArray", "table"):
        raise _BadRequest([_detail("InvalidOptions", f"resultFormat is objectArray or table, not {form!r}.")])
    token = options.get("$skipToken") or None
    if token is not None and not isinstance(token, str):
        raise _BadRequest([_detail("InvalidSkipToken", "$skipToken is not a string.")])
    return _Request(
        query,
        subscriptions,
        top=_whole(options, "$top", MAX_PAGE, 1, MAX_PAGE),
        skip=_whole(options, "$skip", 0, 0, 2**31 - 1),
        token=token,
        table=form == "table",
    )


def _whole(options: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = options.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _BadRequest([_detail("InvalidOptions", f"{name} is a whole number from {least} to {most}.")])
    return value


def _pageable(answer: Answer) -> bool:
    """No token for a query that cuts its own rows, nor when no column is a scalar to order pages by."""
    return not answer.limited and any(column.type != "dynamic" for column in answer.columns)


def _encode(answer: Answer, rows: list[tuple[Any, ...]], token: str | None, *, cut: bool, table: bool) -> bytes:
    data: Any
    if table:
        columns = [{"name": c.name, "type": _TABLE_TYPES.get(c.type, "string")} for c in answer.columns]
        data = {"columns": columns, "rows": rows}
    else:
        names = [column.name for column in answer.columns]
        data = [dict(zip(names, row, strict=True)) for row in rows]
    payload = {
        "totalRecords": len(answer.rows),
        "count": len(rows),
        "data": data,
        "facets": [],
        "resultTruncated": "true" if cut else "false",
    }
    if token is not None:
        payload["$skipToken"] = token
    return orjson.dumps(payload)
