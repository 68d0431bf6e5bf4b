"""The sandbox as a transport of the Azure SDK: requests never leave the process, waiting takes no time."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from azure.core.exceptions import (
    HttpResponseError,
    IncompleteReadError,
    ResponseNotReadError,
    ServiceRequestError,
    ServiceResponseTimeoutError,
    StreamClosedError,
    StreamConsumedError,
)
from azure.core.pipeline.transport import HttpRequest as LegacyRequest
from azure.core.pipeline.transport import HttpResponse as LegacyResponse
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest, HttpResponse
from azure.core.utils import CaseInsensitiveDict

from .mishaps import Spoiled
from .reply import Reply
from .service import Sandbox

_BLOCK = 65_536
_READ_TIMEOUT = 300.0  # seconds, where neither client nor request says: azure-core's own


class SandboxTransport(HttpTransport[Any, Any]):
    """``transport=`` for Azure SDK clients, in front of a :class:`~.service.Sandbox`.

    Retries and pollers wait by :meth:`sleep`, so by the sandbox's clock.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def send(self, request: Any, **kwargs: Any) -> Any:
        """Answer a request of either kind of the SDK with a response of the same kind."""
        legacy = isinstance(request, LegacyRequest)
        reply = self.sandbox.handle(
            request.method, request.url, request.headers, _content(request.data if legacy else request.content)
        )
        self._await(reply, kwargs.get("read_timeout", _READ_TIMEOUT))
        if legacy:
            _complete(reply)
            return SandboxLegacyResponse(request, reply)
        response = SandboxResponse(request, reply)
        if not kwargs.get("stream"):
            response.read()
        return response

    def _await(self, reply: Reply, timeout: float) -> None:
        """Let the time of a slow answer pass, as much as the client has."""
        delay = reply.delay if isinstance(reply, Spoiled) else 0.0
        if delay:
            self.sleep(min(delay, timeout))
        if delay > timeout:
            raise ServiceResponseTimeoutError(f"Read timed out. (read timeout={timeout:g})")

    def now(self) -> datetime:
        """The sandbox's time."""
        return self.sandbox.now()

    def sleep(self, duration: float) -> None:
        """Let the sandbox's time pass; takes no wall time."""
        self.sandbox.sleep(duration)

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """The sandbox outlives the client: several may share it."""

    def __enter__(self) -> SandboxTransport:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class SandboxResponse(HttpResponse):
    """A reply as ``azure.core.rest`` has it: nothing to look at until it is read."""

    def __init__(self, request: HttpRequest, reply: Reply) -> None:
        self._request = request
        self._reply = reply
        self._headers: MutableMapping[str, str] = CaseInsensitiveDict(reply.headers)
        self._content: bytes | None = None
        self._encoding: str | None = None
        self._closed = False
        self._consumed = False

    @property
    def request(self) -> HttpRequest:
        return self._request

    @property
    def status_code(self) -> int:
        return self._reply.status

    @property
    def headers(self) -> MutableMapping[str, str]:
        return self._headers

    @property
    def reason(self) -> str:
        return _reason(self._reply.status)

    @property
    def content_type(self) -> str | None:
        return self._headers.get("content-type")

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def is_stream_consumed(self) -> bool:
        return self._consumed

    @property
    def encoding(self) -> str | None:
        return self._encoding

    @encoding.setter
    def encoding(self, value: str | None) -> None:
        self._encoding = value

    @property
    def url(self) -> str:
        return str(self._request.url)

    @property
    def content(self) -> bytes:
        if self._content is None:
            raise ResponseNotReadError(self)
        return self._content

    def body(self) -> bytes:
        """The content: how older generated clients tell a response from data."""
        return self.content

    def text(self, encoding: str | None = None) -> str:
        return self.content.decode(encoding or self._encoding or "utf-8-sig")

    def json(self) -> Any:
        return json.loads(self.text())

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise HttpResponseError(response=self)

    def read(self) -> bytes:
        if self._content is None:
            self._content = b"".join(self.iter_bytes())
        return self._content

    def iter_raw(self, **kwargs: Any) -> Iterator[bytes]:
        if self._consumed:
            raise StreamConsumedError(self)
        if self._closed:
            raise StreamClosedError(self)
        self._consumed = True
        yield from _blocks(self._reply.body)
        self.close()
        _complete(self._reply)

    def iter_bytes(self, **kwargs: Any) -> Iterator[bytes]:
        if self._content is not None:
            yield from _blocks(self._content)
        else:
            yield from self.iter_raw()

    def close(self) -> None:
        self._closed = True

    def __enter__(self) -> SandboxResponse:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class SandboxLegacyResponse(LegacyResponse):
    """A reply as clients generated for older azure-core have it."""

    def __init__(self, request: LegacyRequest, reply: Reply) -> None:
        super().__init__(request, None)
        self.status_code = reply.status
        self.headers = CaseInsensitiveDict(reply.headers)
        self.reason = _reason(reply.status)
        self.content_type = self.headers.get("content-type")
        self._body = reply.body

    def body(self) -> bytes:
        """The whole body."""
        return self._body

    def stream_download(self, pipeline: Any, **kwargs: Any) -> Iterator[bytes]:
        """The body in blocks."""
        return _blocks(self._body)


def _content(data: Any) -> bytes | None:
    """The bytes of a request's body. The SDK hands over text, bytes or a stream of bytes."""
    if data is None or isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return data.encode()
    try:
        return b"".join(data)
    except TypeError as error:
        raise ServiceRequestError(f"the sandbox cannot send a body of type {type(data).__name__}") from error


def _complete(reply: Reply) -> None:
    """Raise what the SDK's own transport raises if the connection broke before the whole body had come."""
    if isinstance(reply, Spoiled) and reply.missing:
        raise IncompleteReadError(
            f"Connection broken: IncompleteRead({len(reply.body)} bytes read, {reply.missing} more expected)"
        )


def _blocks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), _BLOCK):
        yield body[start : start + _BLOCK]


def _reason(status: int) -> str:
    return HTTPStatus(status).phrase
