"""Requests as handlers see them, and the replies they make: JSON, pages, links back to the caller's endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import orjson

from . import faults
from .reply import Reply

ENDPOINT = "https://management.azure.com"


@dataclass(frozen=True)
class Request:
    """One HTTP request taken apart. ``names`` are the parts of the path that the route names, as sent."""

    method: str
    endpoint: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes = b""
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Request:
        """Take a request apart. Query keys and header names become lower case; a bare path gets ARM's endpoint."""
        parts = urlsplit(url)
        endpoint = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ENDPOINT
        query = {key.lower(): value for key, value in parse_qsl(parts.query, keep_blank_values=True)}
        lower = {key.lower(): value for key, value in headers.items()}
        path = "/" + unquote(parts.path).strip("/")
        return cls(method.upper(), endpoint, path, query, lower, body or b"")

    def __getitem__(self, name: str) -> str:
        return self.names[name]

    def named(self, names: Mapping[str, str]) -> Request:
        """The same request with the route's names filled in."""
        return replace(self, names=names)

    @property
    def api_version(self) -> str:
        """The ``api-version`` asked for; the sandbox answers every version alike."""
        return self.query["api-version"]

    def json(self) -> Any:
        """The body, None if there is none. Raises a 400 fault if it is not JSON."""
        if not self.content.strip():
            return None
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError as error:
            message = f"The request content was invalid and could not be deserialized: '{error}'."
            raise faults.gateway(400, "InvalidRequestContent", message) from error

    def object(self) -> dict[str, Any]:
        """The body, which must be a JSON object. Raises a 400 fault if it is not."""
        body = self.json()
        if not isinstance(body, dict):
            message = "The request content was invalid and could not be deserialized: a JSON object is expected."
            raise faults.gateway(400, "InvalidRequestContent", message)
        return body

    def link(self, path: str, **query: str) -> str:
        """An absolute URL at the caller's endpoint with the caller's api-version."""
        return f"{self.endpoint}{quote(path, safe='/=();')}?" + urlencode(
            {**query, "api-version": self.api_version}, quote_via=quote, safe="$"
        )


def answer(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply with a JSON body, or with none when the body is None."""
    return Reply(status, dict(headers or {}), b"" if body is None else orjson.dumps(body))


def visible(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without what the sandbox keeps for itself, the key ``_``."""
    return {key: value for key, value in document.items() if key != "_"}


def without_nulls(value: Any) -> Any:
    """The value without members that are null, at any depth: ARM leaves out what is not set."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def listing(
    request: Request,
    items: Iterable[Mapping[str, Any]],
    page_size: int,
    *,
    always_link: bool = False,
) -> Reply:
    """One page of a list: ``value``, and ``nextLink`` while there is more.

    ``always_link`` sends ``nextLink`` as null on the last page, as backupJobs does. Raises a 400 fault on a
    ``$skipToken`` that no page handed out.
    """
    everything: Sequence[Mapping[str, Any]] = list(items)
    token = request.query.get("$skiptoken", "0")
    if not token.isdigit():
        raise faults.gateway(400, "InvalidSkipToken", f"The $skipToken '{token}' is not valid.")
    start = int(token)
    body: dict[str, Any] = {"value": [visible(item) for item in everything[start : start + page_size]]}
    if start + page_size < len(everything):
        keep = {key: value for key, value in request.query.items() if key in ("$filter",)}
        body["nextLink"] = request.link(request.path, **keep, **{"$skipToken": str(start + page_size)})
    elif always_link:
        body["nextLink"] = None
    return answer(200, body)
