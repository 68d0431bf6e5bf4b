"""Long-running operations: followed at the server's pace by the SDK's own poller, told in one line, resumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from dpmagic.arm.faults import SIGN_IN, advised, fault, fault_of
from dpmagic.arm.requests import Answer, Request, decode, exchange, reaching, renewing, tried_before
from dpmagic.connection import Connection
from dpmagic.errors import AzureError, ConnectionFailed, Interrupted, InvalidArgument, NotFound, OutOfTouch
from dpmagic.progress import Observer, elapsed

# az's own pace where the server names none.
_DEFAULT_PACE = 30.0
# Where Azure says how an operation stands, and where its result is.
_LINKS = ("azure-asyncoperation", "location")
# Statuses of a look that say nothing about the operation: no right to look, too fast, not now.
_NO_WORD = frozenset({401, 403, 404, 408, 429})


@dataclass
class Operation:
    """A change that Azure has accepted and is at work on, or was.

    ``accepted`` is Azure's first answer, ``started`` the connection's instant when it came.
    """

    connection: Connection
    request: Request
    poller: Any
    accepted: Answer
    started: datetime
    _answer: Answer | None = field(default=None, repr=False)

    @property
    def what(self) -> str:
        """What it does, in words: ``create vault TestBkpVault``."""
        return self.request.purpose or f"{self.request.method} {urlsplit(self.request.path).path}"

    @property
    def status(self) -> str:
        """Azure's word for where it stood when last asked (``Inprogress``, ``Provisioning``, ``Succeeded``)."""
        return str(self.poller.status())

    @property
    def done(self) -> bool:
        """Whether it had ended when last asked, well or not."""
        return bool(self.poller.finished())

    def look(self) -> None:
        """Ask Azure once where it stands, unless it is known to have ended.

        Raises `ConnectionFailed` when there is no word, `NotFound` when Azure knows no such operation.
        """
        from azure.core.polling.base_polling import BadResponse, BadStatus

        if self.done:
            return
        try:
            renewing(self.connection, self._ask)
        except BadStatus:
            response = self.poller._pipeline_response.http_response
            if response.status_code in _NO_WORD or response.status_code >= 500:
                raise self._no_word(response) from None
            self.poller._status = "Failed"
        except AzureError as error:
            raise self._unknown(error) from None
        except BadResponse as error:
            raise ConnectionFailed(f"the status of {self.what} cannot be read: {error}", "ask again") from error

    def _ask(self) -> None:
        from azure.core.polling.base_polling import BadStatus

        self.poller._client = self.connection.client._client  # it may have a newer token than at the start
        try:
            with reaching(self.connection):
                self.poller.update_status()
        except BadStatus:
            response = self.poller._pipeline_response.http_response
            if response.status_code == 401:
                raise fault(401, response.content, response.headers) from None
            raise

    def wait(self, observer: Observer) -> Answer:
        """Follow it to its end and give the final answer; a second time the same one.

        Raises `AzureError` when the operation failed.  What stops the waiting does not stop the operation: Ctrl-C is
        `Interrupted`, and `OutOfTouch` says that Azure does not answer; after both, wait again.
        """
        if self._answer is not None:
            return self._answer
        try:
            self._tell(observer)
            self.look()
            while not self.done:
                self._tell(observer)
                self.connection.sleep(self.poller.pace())
                self.look()
            self._answer = self._end()
        except KeyboardInterrupt:
            raise Interrupted(f"stopped waiting: Azure goes on to {self.what}", operation=self) from None
        except ConnectionFailed as error:
            message = f"lost sight of what Azure goes on with ({self.what}): {error.message}"
            raise OutOfTouch(message, SIGN_IN if error.hint == SIGN_IN else "", operation=self) from error
        finally:
            observer.done()
        return self._answer

    def _tell(self, observer: Observer) -> None:
        waited = (self.connection.now() - self.started).total_seconds()
        observer.stage(f"{self.what}: {self.status}, {elapsed(waited)}")

    def _end(self) -> Answer:
        """The final answer of an operation that has ended: asked for, where Azure keeps it elsewhere."""
        from azure.core.exceptions import HttpResponseError

        status = self.status
        try:
            renewing(self.connection, lambda: self._finish(status))
        except HttpResponseError as error:
            if status.lower() != "succeeded":
                raise _failed(error.response) from error
            self.poller._status = status  # the result could not be had; the operation is none the worse for it
            raise self._no_word(error.response) from error
        except AzureError as error:
            self.poller._status = status
            raise self._unknown(error) from None
        response = self.poller._pipeline_response.http_response
        return Answer(response.status_code, decode(response.content), response.headers)

    def _finish(self, status: str) -> None:
        from azure.core.exceptions import HttpResponseError

        self.poller._status = status  # of a try before this one it thinks that the operation failed
        self.poller._client = self.connection.client._client
        try:
            with reaching(self.connection):
                self.poller.run()
        except HttpResponseError as error:
            response: Any = error.response
            if response is None or response.status_code != 401:
                raise
            raise fault(401, response.content, response.headers) from None

    def _no_word(self, response: Any) -> ConnectionFailed | NotFound:
        return self._unknown(fault(response.status_code, response.content, response.headers))

    def _unknown(self, error: AzureError) -> ConnectionFailed | NotFound:
        if error.status != 404:
            return ConnectionFailed(f"Azure did not say how it stands: {error.message}", error.hint or "ask again")
        hint = "this is another sandbox or account, or Azure has forgotten it by now: see with `show` what came of it"
        return NotFound(error.code, error.service_message, status=404, request_id=error.request_id, hint=hint)

    def state(self) -> dict[str, Any]:
        """What another process needs to go on with it, see `restored`: what was sent where and when, and Azure's links
        to ask at.  No token, no body.  A link may be signed; the signature shows Azure that it made the link and opens
        nothing without the caller's own token.
        """
        response = self.poller._initial_response.http_response
        return {
            "method": self.request.method,
            "url": response.request.url,
            "request_id": response.request.headers["x-ms-client-request-id"],
            "links": {name: response.headers[name] for name in _LINKS if name in response.headers},
            "follow": self.request.follow,
            "purpose": self.request.purpose,
            "accepted": self.started.isoformat(),
        }


def start(connection: Connection, request: Request) -> Operation:
    """Send the change.  Raises `AzureError` when it is refused."""
    return renewing(connection, lambda: _start(connection, request))


def _start(connection: Connection, request: Request) -> Operation:
    piped = exchange(connection, request.http(connection), _return_pipeline_response=True)
    response = piped.http_response
    if response.status_code >= 400 and response.status_code not in request.allow:
        error = fault(response.status_code, response.content, response.headers)
        raise advised(error, changing=request.changes)
    return _operation(connection, request, piped, connection.now())


def restored(connection: Connection, state: Mapping[str, Any]) -> Operation:
    """The operation whose `Operation.state` this is, to be followed through ``connection``.  Sends nothing.

    Raises `InvalidArgument` when it is no such state, or when it leads elsewhere than to the connection's endpoint:
    whoever is asked gets to see the caller's token.
    """
    from azure.core.pipeline import PipelineContext, PipelineResponse
    from azure.core.rest import HttpRequest

    try:
        plain = ("method", "url", "follow", "purpose", "request_id")
        method, url, follow, purpose, sent_as = (str(state[key]) for key in plain)
        links = {name: str(state["links"][name]) for name in _LINKS if name in state["links"]}
        asked = {_origin(link): link for link in (url, *links.values())}
        started = datetime.fromisoformat(state["accepted"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidArgument("the token holds no operation", "give the whole of a handle's .token") from error
    for origin, link in asked.items():
        if origin != _origin(connection.cloud.endpoint):
            raise InvalidArgument(
                f"the token leads to {urlsplit(link).netloc}, this connection to {connection.cloud.endpoint}",
                "connect to where the operation was begun, then resume",
            )
    if not links and method not in ("PUT", "PATCH"):
        raise InvalidArgument("it had ended when Azure accepted it: nothing is left to wait for")
    request = Request(method, url, api_version="", follow=follow, purpose=purpose)  # type: ignore[arg-type]
    sent = HttpRequest(method, url, headers={"x-ms-client-request-id": sent_as})
    first = _Accepted(sent, links)
    # The SDK has no open constructor for this: its own continuation tokens hold whole bodies, and pickles before 1.38.
    piped: Any = PipelineResponse(sent, first, PipelineContext(None))
    return _operation(connection, request, piped, started)


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or 443


class _Accepted:
    """As much of Azure's first answer as the poller needs to go on: that it was a 202, and the links."""

    status_code = 202
    content = b""

    def __init__(self, request: Any, headers: Mapping[str, str]) -> None:
        self.request, self.headers = request, headers


def _operation(connection: Connection, request: Request, piped: Any, started: datetime) -> Operation:
    poller = _poller(connection, request)
    poller.initialize(connection.client._client, piped, lambda answer: answer)
    first = piped.http_response
    again = tried_before(piped)
    accepted = Answer(first.status_code, decode(first.content), first.headers, again=again)
    return Operation(connection, request, poller, accepted, started)


def _poller(connection: Connection, request: Request) -> Any:
    from azure.mgmt.core.polling.arm_polling import ARMPolling

    class Poller(ARMPolling):
        """The SDK's poller, paced by us: it takes ``Retry-After: 0`` for no header and the server meant at once."""

        def pace(self) -> float:
            """Seconds that the server wants between two looks."""
            if self._pipeline_response.http_response.headers.get("retry-after") == "0":
                return 0.0
            return float(self._extract_delay())

    return Poller(_DEFAULT_PACE, lro_options={"final-state-via": request.follow})


def _failed(response: Any) -> AzureError:
    """The operation's own error: Azure reports it with HTTP 200 and ``status: Failed``."""
    body = decode(response.content)
    request_id = str(response.headers.get("x-ms-request-id") or "")
    if response.status_code >= 400:
        return fault(response.status_code, response.content, response.headers)
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return fault_of(response.status_code, body, request_id)
    status = body.get("status") if isinstance(body, dict) else None
    return AzureError(
        str(status or "OperationFailed"),
        f"the operation ended as {status or 'failed'} and gave no reason",
        request_id=request_id,
    )
