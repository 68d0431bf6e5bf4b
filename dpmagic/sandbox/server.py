"""A served sandbox: TLS on a port of this machine, and how to point a client at it."""

from __future__ import annotations

import json
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn

from .application import PACE, Application
from .certificates import Certificates, certificates
from .listening import is_loopback, listen
from .service import DEFAULT_ESTATE, Sandbox

PORT = 10443

# What uvicorn takes for errors and is none: an answer cut off on purpose (see mishaps), a client still connected in the
# end.
_UNREMARKABLE = ("ASGI callable returned without completing response.", "Cancel 0 running task(s)")


@dataclass(frozen=True)
class Served:
    """Where a sandbox is served. ``str()`` tells a person how to point az and the SDKs at it."""

    endpoint: str
    ca: Path
    subscriptions: tuple[str, ...]
    token: str
    tenant: str

    def line(self) -> str:
        """One line of JSON: ``endpoint``, ``caFile``, ``subscriptions`` (ids), ``token``."""
        shown = {
            "endpoint": self.endpoint,
            "caFile": str(self.ca),
            "subscriptions": list(self.subscriptions),
            "token": self.token,
        }
        return json.dumps(shown)

    def __str__(self) -> str:
        return _TOLD.format(
            endpoint=self.endpoint,
            ca=self.ca,
            subscriptions=" ".join(self.subscriptions),
            first=self.subscriptions[0],
            tenant=self.tenant,
        )


_TOLD = """\
A local Azure at {endpoint}; Ctrl-C ends it.
  subscriptions  {subscriptions}
  trust          {ca}
  token          any: nobody is kept out

dpmagic:
  dpmagic run --endpoint {endpoint} --ca {ca} --token sandbox --subscription {first} -- backup-vault list

az:
  export REQUESTS_CA_BUNDLE={ca} IDENTITY_ENDPOINT={endpoint}/msi IDENTITY_HEADER=sandbox
  az cloud register --name sandbox --endpoint-resource-manager {endpoint}
  az cloud set --name sandbox
  az login --identity

Python:
  trust = {{"connection_verify": "{ca}"}}
  credential = azure.identity.ClientSecretCredential(
      "{tenant}", "any-app", "any-secret",
      authority="{endpoint}", disable_instance_discovery=True, **trust)
  client = azure.mgmt.dataprotection.DataProtectionMgmtClient(
      credential, "{first}", "{endpoint}",
      credential_scopes=["{endpoint}/.default"], **trust)

With any token: POST {endpoint}/sandbox/clock {{"seconds": 3600}} lets an hour pass,
GET {endpoint}/sandbox/planted tells what is wrong with the estate,
GET {endpoint}/sandbox/mishaps what else can be made to go wrong."""


class Server(uvicorn.Server):
    """uvicorn for one application. ``announce`` is called when it listens and a signal would end it well."""

    def __init__(self, application: Application, trust: Certificates, announce: Callable[[], None]) -> None:
        logging.getLogger("uvicorn.error").addFilter(_remarkable)
        options: dict[str, Any] = {
            "ssl_certfile": trust.server,
            "timeout_graceful_shutdown": 1,  # seconds: clients keep their connections open for ever
            "lifespan": "off",
            "ws": "none",
            "http": "h11",
            "log_config": None,
            "log_level": "warning",
            "access_log": False,
            "server_header": False,
            "date_header": False,  # the sandbox's answers have its own
        }
        super().__init__(uvicorn.Config(application, **options))
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM end the serving; uvicorn would then end the process by them, too."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(
    announce: Callable[[Served], None],
    wall: Callable[[], float],
    *,
    state: Path | None = None,
    estate: str | None = None,
    pace: float = PACE,
    host: str = "127.0.0.1",
    port: int = PORT,
    reachable_by_anyone: bool = False,
) -> None:
    """Serve a sandbox until SIGINT or SIGTERM; ``announce`` is called once it can be reached.

    ``state`` is the folder that keeps the world and the certificates; without it both are gone in the end. ``estate``
    is that of :class:`~.service.Sandbox`, the default one for a new world if it is not given. ``wall`` and
    ``pace`` are those of :class:`~.application.Application`; port 0 is any free one.

    Raises `ServeError` for an address that cannot be had or is not meant to be, and :class:`~.store.StateError` if the
    folder cannot be used.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(listen(host, port, reachable_by_anyone=reachable_by_anyone))
        sandbox = stack.enter_context(Sandbox(state, estate=estate, otherwise=DEFAULT_ESTATE))
        folder = state or Path(stack.enter_context(TemporaryDirectory(prefix="dpmagic-sandbox-")))
        application = Application(sandbox, wall, pace)
        trust = certificates(folder.resolve(), host)
        served = describe(application, trust, "localhost" if is_loopback(host) else host, listener)
        Server(application, trust, lambda: announce(served)).run(sockets=[listener])


def describe(application: Application, trust: Certificates, host: str, listener: socket.socket) -> Served:
    """What to tell of an application behind a socket that listens."""
    shown = f"[{host}]" if ":" in host else host
    endpoint = f"https://{shown}:{listener.getsockname()[1]}"
    sandbox = application.sandbox
    token = application.tokens.token(endpoint, f"{endpoint}/{sandbox.tenant}/", upn="you@sandbox.invalid")
    return Served(endpoint, trust.ca, tuple(sandbox.subscriptions), token, sandbox.tenant)


def _remarkable(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_UNREMARKABLE)
