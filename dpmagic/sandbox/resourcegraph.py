"""Azure Resource Graph in the sandbox: the POST of a query, its pages, its quota and its errors.

Recorded: the order of the keys and columns, the quota headers, the 429, the nesting of query errors, the 403
and the payload limit. Modelled: the text of errors about options and tokens, how long a token lives, and one window
of quota a caller that opens with the first query.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import orjson

from .kql import Engine, Tables, TypedRows, iso
from .kql.model import INVALID_QUERY, TABLES, Answer, KqlError
from .reply import Reply
from .resourcegraph_facets import facet
from .resourcegraph_pages import Pages, TokenError
from .resourcegraph_request import MAX_SUBSCRIPTIONS, BadRequest, Query, detail, names, read, refuse, scope_filter
from .resourcegraph_scope import SCOPED_TABLES, Hierarchy, ManagementGroup, Reach

QUOTA = 15
WINDOW = timedelta(seconds=5)
MAX_BYTES = 16_777_216

Rows = Callable[[str], Sequence[Mapping[str, Any] | TypedRows]]

#: Kusto types as the ``table`` format names them.
_TABLE_TYPES = {
    "long": "integer",
    "int": "integer",
    "real": "number",
    "bool": "boolean",
    "datetime": "datetime",
    "dynamic": "object",
}


class ResourceGraph:
    """Answers Resource Graph queries over rows that someone else owns.

    ``rows(table)`` gives all rows of a table (lower-case name): full records, and for large tables
    :class:`~.kql.TypedRows` among them. ``subscriptions()`` gives the ids the caller may read; a row is seen through
    its ``subscriptionId``, one without by everybody. ``version()``, when given, changes whenever rows would; the
    loaded tables are then used again while it does not. ``management_groups()`` gives the hierarchy, without which no
    request can name a group.
    """

    def __init__(
        self,
        rows: Rows,
        subscriptions: Callable[[], Sequence[str]],
        *,
        version: Callable[[], int] | None = None,
        management_groups: Callable[[], Iterable[ManagementGroup]] = tuple,
    ) -> None:
        self._rows = rows
        self._subscriptions = subscriptions
        self._version = version
        self._groups = management_groups
        self._engine = Engine()
        self._pages = Pages()
        self._windows: dict[str, tuple[datetime, int]] = {}
        self._asked = 0
        self._known: tuple[int | None, Sequence[str], Hierarchy] | None = None
        self._lock = threading.Lock()

    def answer(self, body: Mapping[str, Any], now: datetime, caller: str = "", api_version: str | None = None) -> Reply:
        """Handle one ``POST /providers/Microsoft.ResourceGraph/resources`` at the instant ``now``.

        Without an ``api_version`` the newest one's options are known. A refusal is a reply too (400, 403, 429);
        nothing is raised for what a client may send.
        """
        with self._lock:
            self._asked += 1
            remaining, wait = self._spend(caller, now)
            headers = _quota_headers(remaining)
            if wait:
                headers["retry-after"] = str(wait)
                return self._refuse(429, "RateLimiting", [_THROTTLED], now, headers)
            try:
                reach = self._reach(body, scope_filter(body, api_version))
                payload = self._page(read(body, reach), now)
            except BadRequest as error:
                return self._refuse(error.status, error.code, error.details, now, headers)
            except KqlError as error:
                return self._refuse(400, "BadRequest", _details(error), now, headers)
        if reach.cut:
            headers["x-ms-tenant-subscription-limit-hit"] = "true"
        return Reply(200, headers, payload)

    def shift(self, token: str, rows: int) -> None:
        """Move the rows behind a page's token: by 1, as when one has come before them, by -1, as when one went.

        By 0, as when one went and another came at the end.
        """
        with self._lock:
            self._pages.shift(token, rows)

    def _spend(self, caller: str, now: datetime) -> tuple[int, int]:
        """Take one unit of quota: what remains, and the whole seconds to wait when there was none."""
        opened, used = self._windows.get(caller, (now, 0))
        if not opened <= now < opened + WINDOW:
            opened, used = now, 0
        if used >= QUOTA:
            return 0, max(1, ceil((opened + WINDOW - now).total_seconds()))
        self._windows[caller] = (opened, used + 1)
        return QUOTA - used - 1, 0

    def _reach(self, body: Mapping[str, Any], scope_filter: str) -> Reach:
        """What the request may read of what it asks for; what is unreadable is left out without a sign."""
        readable, hierarchy = self._tenant()
        asked, groups = names(body, "subscriptions"), names(body, "managementGroups")
        if asked and groups:
            raise refuse("InvalidScope", "Give subscriptions or managementGroups, not both.")
        if len(asked) > MAX_SUBSCRIPTIONS:
            raise refuse("InvalidScope", f"At most {MAX_SUBSCRIPTIONS} subscriptions.")
        if asked:
            wanted = {one.lower() for one in asked}
            reach = hierarchy.of_subscriptions([one for one in readable if one.lower() in wanted], scope_filter)
        elif groups:
            reach = hierarchy.of_groups(groups, readable, scope_filter)
        else:
            reach = hierarchy.of_tenant(readable, scope_filter)
        if not reach.subscriptions:
            raise BadRequest([_ACCESS_DENIED], status=403, code="AccessDenied")
        return reach

    def _tenant(self) -> tuple[Sequence[str], Hierarchy]:
        """The subscriptions that the caller may read and the groups, found out once while nothing changes."""
        version = None if self._version is None else self._version()
        if version is None or self._known is None or self._known[0] != version:
            self._known = version, tuple(self._subscriptions()), Hierarchy(self._groups())
        return self._known[1:]

    def _page(self, query: Query, now: datetime) -> bytes:
        scope = repr((query.text, query.reach.subscriptions, sorted(query.reach.exact), query.reach.filter))
        if query.token is None:
            answer = self._run(query.text, query.reach, now)
            serial, offset = self._pages.keep(answer), query.skip
        else:
            try:
                serial, offset = self._pages.open(query.token, scope, now)
            except TokenError as error:
                raise refuse("InvalidSkipToken", str(error)) from error
            kept = self._pages.get(serial)
            answer = self._run(query.text, query.reach, now) if kept is None else kept
            if kept is None:
                self._pages.put(serial, answer)
        start = 0 if answer.limited else offset
        rows = answer.slice(start, query.top)
        more = start + len(rows) < answer.count
        token = self._pages.token(serial, scope, start + len(rows), now) if more and _pageable(answer) else None

        def run(text: str) -> Answer:
            return self._run(text, query.reach, now)

        facets = [facet(one, query.text, answer, run) for one in query.facets]
        payload = _encode(answer, rows, token, facets, cut=more and token is None, table=query.table)
        if len(payload) > MAX_BYTES:
            raise BadRequest([_too_large(len(payload))])
        return payload

    def _run(self, text: str, reach: Reach, now: datetime) -> Answer:
        def rows(table: str) -> Sequence[Mapping[str, Any] | TypedRows]:
            found = self._rows(table)
            if table not in SCOPED_TABLES:
                return found
            return [row for row in found if not isinstance(row, TypedRows) and reach.sees(row)]

        narrowed = dict.fromkeys(SCOPED_TABLES, reach)
        tables = Tables(TABLES, rows, frozenset(reach.subscriptions), narrowed)
        return self._engine.run(text, tables, now, version=None if self._version is None else self._version())

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


_THROTTLED = detail(
    "RateLimiting",
    "Client application has been throttled and should not attempt to repeat the request until an amount of "
    "time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help.",
)
_ACCESS_DENIED = detail(
    "AccessDenied", "Access is denied to the requested resource. The user might not have enough permission."
)


def _too_large(size: int) -> dict[str, Any]:
    return detail(
        "ResponsePayloadTooLarge",
        f"Response payload size is {size}, and has exceeded the limit of {MAX_BYTES}. "
        "Please consider querying less data at a time and make paginated call if needed.",
    )


def _details(error: KqlError) -> list[dict[str, Any]]:
    """A query error as the service nests it: ``InvalidQuery`` first, then what is wrong and where."""
    if error.code.startswith("Disallowed"):
        return [detail(error.code, error.message)]
    wrong = detail(error.code, error.message)
    wrong |= {"line": error.line, "characterPositionInLine": error.position}
    if error.token is not None:
        wrong["token"] = error.token
    if error.expected is not None:
        wrong["expectedToken"] = error.expected
    return [detail("InvalidQuery", INVALID_QUERY), wrong]


def _quota_headers(remaining: int) -> dict[str, str]:
    return {
        "content-type": "application/json; charset=utf-8",
        "x-ms-user-quota-remaining": str(remaining),
        "x-ms-user-quota-resets-after": "00:00:05",
        "x-ms-ratelimit-remaining-tenant-resource-requests": str(remaining),
        "x-ms-resource-graph-request-duration": "0:00:00:00.0100000",
    }


def _pageable(answer: Answer) -> bool:
    """No token for a query that cuts its own rows or groups them, nor without a scalar column to order pages by."""
    alone = answer.limited or answer.grouped
    return not alone and any(column.type != "dynamic" for column in answer.columns)


def _encode(
    answer: Answer,
    rows: list[tuple[Any, ...]],
    token: str | None,
    facets: list[dict[str, Any]],
    *,
    cut: bool,
    table: bool,
) -> bytes:
    data: Any
    if table:
        columns = [{"name": c.name, "type": _TABLE_TYPES.get(c.type, "string")} for c in answer.columns]
        data = {"columns": columns, "rows": rows}
    else:
        keys = [column.name for column in answer.columns]
        data = [dict(zip(keys, row, strict=True)) for row in rows]
    payload = {
        "totalRecords": answer.count,
        "count": len(rows),
        "data": data,
        "facets": facets,
        "resultTruncated": "true" if cut else "false",
    }
    if token is not None:
        payload["$skipToken"] = token
    return orjson.dumps(payload)
