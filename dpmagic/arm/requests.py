"""One request and its answer: raw JSON through the SDK's pipeline, errors as our own."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from dpmagic.arm.faults import UNSURE, advised, expired, fault
from dpmagic.clouds import refusals
from dpmagic.connection import Connection, changes_state
from dpmagic.errors import AzureError, ConnectionFailed
from dpmagic.progress import elapsed, watching

if TYPE_CHECKING:
    from azure.core.rest import HttpRequest, HttpResponse

_T = TypeVar("_T")

API_VERSION = "2024-04-01"

# How often a read is sent whose answer cannot be read.
_TRIES = 3
FinalState = Literal["", "location", "azure-async-operation"]


@dataclass(frozen=True)
class Request:
    """A request that a plan wants sent.

    ``follow`` marks a long-running operation and where its result is found; ``no_wait`` that ``--no-wait`` leaves it
    once it is accepted; ``every_page`` a list to be read to its last page; ``allow`` error statuses that are answers
    here, not errors; ``auxiliary_tenant`` another tenant in which the caller must be known too (a resource guard's);
    ``purpose`` is for progress and previews.
    """

    method: str
    path: str
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    api_version: str = API_VERSION
    follow: FinalState = ""
    no_wait: bool = False
    every_page: bool = False
    allow: Collection[int] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    auxiliary_tenant: str = ""
    purpose: str = ""

    @property
    def url(self) -> str:
        """The path with its query; an absolute URL is left as it is."""
        if not self.api_version:
            return self.path
        query = urlencode({**self.query, "api-version": self.api_version}, quote_via=quote, safe="$'(),:")
        return f"{self.path}{'&' if '?' in self.path else '?'}{query}"

    @property
    def changes(self) -> bool:
        """Whether it may change something in Azure."""
        return changes_state(self.method, self.path)

    def http(self, connection: Connection) -> HttpRequest:
        """The SDK's request, ready for this connection.  Raises `NotConnected` when the other tenant gives no token."""
        from azure.core.rest import HttpRequest

        headers = dict(self.headers)
        if self.auxiliary_tenant:
            token = connection.token_for(self.auxiliary_tenant)
            headers["x-ms-authorization-auxiliary"] = f"Bearer {token}"
        if self.body is None:
            return HttpRequest(self.method, self.url, headers=headers)
        return HttpRequest(self.method, self.url, headers=headers, json=self.body)


@dataclass(frozen=True)
class Answer:
    """Status, decoded body (None when there is none) and headers.

    ``withheld``: a dry run did not send it.  ``again``: it answers a later try, and an earlier one whose answer
    was lost may have done what was asked.
    """

    status: int
    json: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    withheld: bool = False
    again: bool = False


def send(connection: Connection, request: Request) -> Answer:
    """The answer to one request, its first page only.

    A read whose answer broke off is sent again, as the SDK does where it does not stream.

    Raises `AzureError` (`NotFound` for a 404) for an error status that the request does not allow, and
    `ConnectionFailed` when there is no readable answer.
    """
    return renewing(connection, lambda: _send(connection, request))


def _send(connection: Connection, request: Request) -> Answer:
    for left in reversed(range(1 if request.changes else _TRIES)):
        piped = exchange(connection, request.http(connection), stream=True, _return_pipeline_response=True)
        try:
            answer = read(piped.http_response, allow=request.allow)
            return replace(answer, again=tried_before(piped))
        except AzureError as error:
            raise advised(error, changing=request.changes) from error.__cause__
        except ConnectionFailed as error:
            if request.changes:
                raise ConnectionFailed(error.message, UNSURE) from error
            if not left:
                raise
    raise AssertionError("one try at least")


def renewing(connection: Connection, act: Callable[[], _T]) -> _T:
    """What ``act`` gives; once more, with a new token, where Azure says that the token is too old and did nothing."""
    try:
        return act()
    except AzureError as error:
        if not expired(error):
            raise
    connection.renew()
    return act()


def tried_before(piped: Any) -> bool:
    """Whether the SDK had sent the request before, and got no answer or one that the service failed."""
    return any(
        one.http_response is None or one.http_response.status_code >= 500 for one in piped.context.get("history", ())
    )


def attempt(connection: Connection, request: Request, **options: Any) -> Answer:
    """The answer to one request, sent once; ``options`` are the SDK's own.  Raises what `send` does."""
    return read(exchange(connection, request.http(connection), stream=True, **options), allow=request.allow)


def exchange(connection: Connection, request: HttpRequest, **options: Any) -> Any:
    """Send, with what goes wrong below HTTP told as `ConnectionFailed`; waits that Azure asks for are told too."""
    observer, waits = watching(), []

    def heard(piped: Any) -> None:
        response = piped.http_response
        after = str(response.headers.get("retry-after") or "")
        if response.status_code in (429, 503) and after.isdigit():
            waits.append(after)
            observer.stage(f"Azure takes no more just now: waiting {elapsed(int(after))}")

    try:
        with reaching(connection, changing=changes_state(request.method, request.url)):
            return connection.send(request, raw_response_hook=heard, **options)
    finally:
        if waits:
            observer.done()


@contextmanager
def reaching(connection: Connection, *, changing: bool = False) -> Iterator[None]:
    """What goes wrong below HTTP in the block is told as `ConnectionFailed`.

    ``changing`` says that the block changes something: without an answer nobody knows whether it was done.
    """
    from azure.core.exceptions import (
        ClientAuthenticationError,
        HttpResponseError,
        ServiceRequestError,
        ServiceResponseError,
    )

    host = urlsplit(connection.cloud.endpoint).netloc
    hint = "check the network, the endpoint and --ca; then run it again"
    try:
        yield
    except ClientAuthenticationError as error:
        raise ConnectionFailed(f"sign-in failed: {refusals(error)}", "run `az login`, then connect again") from error
    except ServiceRequestError as error:
        raise ConnectionFailed(f"no answer from {host}: {_first_line(error)}", hint) from error
    except ServiceResponseError as error:
        told = f"no answer from {host}: {_first_line(error)}"
        raise ConnectionFailed(told, UNSURE if changing else hint) from error
    except HttpResponseError as error:
        if not _unreadable(error):
            raise
        told = f"the answer of {host} cannot be read: {_first_line(error)}"
        raise ConnectionFailed(told, UNSURE if changing else "run it again") from error


def _unreadable(error: Any) -> bool:
    """Whether the SDK means that a body broke off or is not JSON: it says so by errors that look like the service's."""
    from azure.core.exceptions import DecodeError

    return isinstance(error, DecodeError) or error.response is None


def read(response: HttpResponse, *, allow: Collection[int] = ()) -> Answer:
    """The response as an `Answer`, or the error it holds."""
    from azure.core.exceptions import HttpResponseError, ServiceResponseError

    try:
        content = response.read()
    except (ServiceResponseError, HttpResponseError) as error:
        raise ConnectionFailed(f"the answer broke off: {_first_line(error)}", "run it again") from error
    if response.status_code >= 400 and response.status_code not in allow:
        raise fault(response.status_code, content, response.headers)
    return Answer(response.status_code, decode(content), response.headers)


def decode(content: bytes) -> Any:
    """JSON bytes as Python objects; None when there are none.  Raises `ConnectionFailed` when they are not JSON."""
    if not content.strip():
        return None
    try:
        import orjson

        return orjson.loads(content)
    except ImportError:
        pass  # orjson has no wheel for every platform; json gives the same, slower
    except orjson.JSONDecodeError as error:
        raise ConnectionFailed(
            f"the answer is not JSON: {error}", "run it again; see it whole with %xmode Verbose"
        ) from error
    return json.loads(content)


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
