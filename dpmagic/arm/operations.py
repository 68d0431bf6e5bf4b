"""Long-running operations: followed at the server's pace by the SDK's own poller, told in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dpmagic.arm.requests import Answer, Request, decode, exchange, fault, fault_of
from dpmagic.connection import Connection
from dpmagic.errors import AzureError
from dpmagic.progress import Observer, elapsed

# az's own pace where the server names none.
_DEFAULT_PACE = 30.0


@dataclass
class Operation:
    """A change that Azure has accepted and is still at work on."""

    connection: Connection
    request: Request
    poller: Any
    accepted: Answer
    started: datetime

    @property
    def status(self) -> str:
        """Azure's word for where it stands (``Inprogress``, ``Provisioning``, ``Succeeded``, ``Failed``)."""
        return str(self.poller.status())

    def wait(self, observer: Observer) -> Answer:
        """Follow it to its end and give the final answer.

        Raises `AzureError` when the operation failed; a `KeyboardInterrupt` stops the waiting, not the operation.
        """
        from azure.core.exceptions import HttpResponseError

        def tell() -> None:
            waited = (self.connection.now() - self.started).total_seconds()
            observer.stage(f"{self.request.purpose or self.request.method}: {self.status}, {elapsed(waited)}")

        self.poller.tell = tell
        try:
            tell()
            self.poller.run()
        except HttpResponseError as error:
            raise _failed(error) from error
        finally:
            observer.done()
        response = self.poller._pipeline_response.http_response
        return Answer(response.status_code, decode(response.read()), response.headers)

    @property
    def token(self) -> str:
        """What is needed to follow the operation from another process; it holds no bearer token."""
        return str(self.poller.get_continuation_token())


def start(connection: Connection, request: Request) -> Operation:
    """Send the change.  Raises `AzureError` when it is refused."""
    piped = exchange(connection, request.http(connection), _return_pipeline_response=True)
    response = piped.http_response
    if response.status_code >= 400 and response.status_code not in request.allow:
        raise fault(response.status_code, response.read(), response.headers)
    accepted = Answer(response.status_code, decode(response.read()), response.headers)
    poller = _poller(connection, request)
    poller.initialize(connection.client._client, piped, lambda answer: answer)
    return Operation(connection, request, poller, accepted, connection.now())


def _poller(connection: Connection, request: Request) -> Any:
    from azure.mgmt.core.polling.arm_polling import ARMPolling

    class Poller(ARMPolling):
        """The SDK's poller, heard while it waits.

        The SDK takes ``Retry-After: 0`` for no header and sleeps 30 s; the server meant at once.
        """

        tell: Callable[[], None] = staticmethod(lambda: None)

        def _extract_delay(self) -> float:
            if self._pipeline_response.http_response.headers.get("retry-after") == "0":
                return 0.0
            return float(super()._extract_delay())

        def _delay(self) -> None:
            self.tell()
            connection.sleep(self._extract_delay())

    return Poller(_DEFAULT_PACE, lro_options={"final-state-via": request.follow})


def _failed(error: Any) -> AzureError:
    """The operation's own error: Azure reports it with HTTP 200 and ``status: Failed``."""
    response = error.response
    body = decode(response.read())
    request_id = str(response.headers.get("x-ms-request-id") or "")
    if response.status_code >= 400:
        return fault(response.status_code, response.read(), response.headers)
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return fault_of(response.status_code, body, request_id)
    status = body.get("status") if isinstance(body, dict) else None
    return AzureError(
        str(status or "OperationFailed"),
        f"the operation ended as {status or 'failed'} and gave no reason",
        request_id=request_id,
    )
