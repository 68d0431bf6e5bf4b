"""The sandbox: a local Azure that answers HTTP requests, in this process, on a clock of its own."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from . import faults, graph_rows, starter, times
from .clock import Clock
from .messages import Request, answer
from .reply import Reply
from .router import ACTIONS, Router
from .store import Store
from .world import World

if TYPE_CHECKING:
    from .resourcegraph import ResourceGraph

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday
STEP = 2_031_719  # ticks, about 0.2 s: what every request takes; odd, so that times have seven digits

_GRAPH = "/providers/microsoft.resourcegraph/resources"


class Sandbox:
    """A local Azure: backup vaults, disks, role assignments and Resource Graph behind :meth:`handle`.

    The same requests in the same order get the same answers, to the byte. Every request moves the clock by about
    0.2 s; beyond that time passes in :meth:`sleep` only. Safe to call from several threads; requests run one at a
    time.

    ``state`` names a folder that keeps everything; without it the world lives in memory. ``start`` is the first
    instant of a new world. ``subscriptions`` are ids that exist beside the starter world's two; they need not be
    guids. ``page_size`` is how many items a list shows before it sends a ``nextLink``.

    Raises :class:`~.store.StateError` if the folder cannot be used.

    >>> sandbox = Sandbox()
    >>> sandbox.now().isoformat()
    '2026-03-02T08:00:00+00:00'
    >>> sandbox.handle("GET", "/subscriptions?api-version=2022-12-01", {}, None).status
    401
    """

    def __init__(
        self,
        state: Path | None = None,
        *,
        start: datetime = START,
        subscriptions: Sequence[str] | None = None,
        page_size: int = 1000,
    ) -> None:
        if page_size < 1:
            raise ValueError("page_size must be at least 1")
        self._lock = threading.RLock()
        self._store = Store(None if state is None else Path(state))
        self._world = World(self._store, Clock(self._store, times.ticks(start)), ACTIONS, page_size)
        self._router = Router()
        self._graph: ResourceGraph | None = None
        if self._store.get("tenant", "", "home") is None:
            starter.build(self._world)
        starter.add_subscriptions(self._world, subscriptions or ())
        self._store.commit()

    @property
    def subscriptions(self) -> list[str]:
        """The ids of the subscriptions that exist."""
        with self._lock:
            return [item["subscriptionId"] for item in self._store.children("subscription", "")]

    def now(self) -> datetime:
        """The sandbox's time: aware, UTC."""
        with self._lock:
            return times.moment(self._world.now)

    def sleep(self, seconds: float) -> None:
        """Let time pass, and let what is due in it happen, in due order. Takes no wall time."""
        with self._lock:
            self._world.clock.advance(self._world.now + max(0, int(seconds * times.SECOND)), self._happen)
            self._store.commit()

    def handle(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Answer one request. ``url`` is absolute or a path with its query; a refusal is an answer too."""
        with self._lock:
            self._world.clock.advance(self._world.now + STEP, self._happen)
            request = Request.read(method, url, headers, body)
            try:
                reply = self._dispatch(request)
            except faults.Fault as fault:
                reply = answer(fault.status, fault.body(self._world.guid("activity")), fault.headers)
            reply = self._stamped(reply)
            self._store.commit()
            return reply

    def close(self) -> None:
        """Let go of the state folder; in memory there is nothing to do."""
        with self._lock:
            self._store.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _happen(self, action: str, args: Mapping[str, object]) -> None:
        self._world.run(action, args)

    def _dispatch(self, request: Request) -> Reply:
        self._authenticate(request)
        if not request.query.get("api-version"):
            message = "The api-version query parameter (?api-version=) is required for all requests."
            raise faults.gateway(400, "MissingApiVersionParameter", message)
        if request.path.lower() == _GRAPH and request.method == "POST":
            return self._query(request)
        handler, names, limit = self._router.find(request)
        try:
            reply = handler(self._world, request.named(names))
        except faults.Fault as fault:
            if fault.headers.get("x-ms-failure-cause") != "gateway":
                fault.headers |= limit
            raise
        return Reply(reply.status, {**limit, **reply.headers}, reply.body)

    def _authenticate(self, request: Request) -> None:
        """Any bearer token will do."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return
        challenge = (
            f'Bearer authorization_uri="https://login.windows.net/{self._world.tenant}", error="invalid_token", '
            "error_description=\"The authentication failed because of missing 'Authorization' header.\""
        )
        message = "Authentication failed. The 'Authorization' header is missing."
        headers = {**faults.GATEWAY, "www-authenticate": challenge}
        raise faults.Fault(401, "AuthenticationFailed", message, headers)

    def _query(self, request: Request) -> Reply:
        if self._graph is None:
            from .resourcegraph import ResourceGraph  # the query engine is heavy: loaded by the first query

            self._graph = ResourceGraph(
                lambda table, chosen: graph_rows.rows(self._world, table, chosen),
                lambda: self.subscriptions,
                version=self._version,
            )
        caller = str(uuid.uuid5(uuid.NAMESPACE_URL, request.headers["authorization"]))
        return self._graph.answer(request.object(), self.now(), caller)

    def _version(self) -> int:
        """Changes whenever rows may: with every write, and with the minute, as old jobs drop out."""
        return (self._store.version << 40) + self._world.now // (60 * times.SECOND)

    def _stamped(self, reply: Reply) -> Reply:
        """The reply with the headers that every answer has."""
        request_id = self._world.guid("request")
        moment = times.moment(self._world.now)
        headers = {
            "cache-control": "no-cache",
            "pragma": "no-cache",
            "date": times.http_date(self._world.now),
            "x-ms-request-id": request_id,
            "x-ms-correlation-request-id": request_id,
            "x-ms-routing-request-id": f"WESTUS:{moment:%Y%m%dT%H%M%SZ}:{request_id}",
            "strict-transport-security": "max-age=31536000; includeSubDomains",
            "x-content-type-options": "nosniff",
            "content-length": str(len(reply.body)),
        }
        if reply.body:
            headers["content-type"] = "application/json; charset=utf-8"
        return Reply(reply.status, {**headers, **reply.headers}, reply.body)
