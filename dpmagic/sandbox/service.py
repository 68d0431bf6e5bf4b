"""The sandbox: a local Azure that answers HTTP requests, in this process, on a clock of its own."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import faults, graph_rows, graph_scopes, starter, times
from .clock import Clock
from .layered import LayeredStore
from .messages import Request, answer
from .mishaps import ROWS, Mishap, Mishaps, page_token, refuse, spoil
from .reply import Reply
from .resourcegraph_changes import Recorder
from .router import ACTIONS, Router
from .world import World

if TYPE_CHECKING:
    from .estates.living import Living
    from .resourcegraph import ResourceGraph

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday
DEFAULT_ESTATE = "default"  # what people get who do not say
STEP = 2_031_719  # ticks, about 0.2 s: what every request takes; odd, so that times have seven digits

_GRAPH = "/providers/microsoft.resourcegraph/resources"


class Sandbox:
    """A local Azure: backup vaults, disks, role assignments and Resource Graph behind :meth:`handle`.

    The same requests in the same order get the same answers, to the byte. Every request moves the clock by about
    0.2 s, but for a GET with ``Sec-Purpose: prefetch``, which nobody has asked for yet: it leaves no trace. Beyond
    that time passes in :meth:`sleep` and :meth:`advance` only. Safe to call from several threads; requests run one at
    a time.

    ``state`` names a folder that keeps everything; without it the world lives in memory. ``start`` is the first
    instant of a new world. ``subscriptions`` are ids that exist beside the starter world's two; they need not be
    guids. ``estate`` fills the world with disks, vaults and their history, and has policies run: the name of an estate
    that comes with the sandbox, such as ``default``, a YAML file or its text, or a mapping; its end is then the first
    instant. ``otherwise`` is the estate of a new world if ``estate`` names none.
    ``page_size`` is how many items a list shows before it sends a ``nextLink``. ``mishaps`` is what goes
    wrong, nothing unless one asks for it; it can be set at any time.

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
        mishaps: Mishaps | None = None,
        estate: Any = None,
        otherwise: Any = None,
    ) -> None:
        if page_size < 1:
            raise ValueError("page_size must be at least 1")
        self.mishaps = mishaps or Mishaps()
        self._lock = threading.RLock()
        self._store = LayeredStore(None if state is None else Path(state))
        self._living: Living | None = None
        began = times.ticks(start)
        new = self._store.get("tenant", "", "home") is None
        if estate is None and new:
            estate = otherwise
        if estate is not None or self._store.get("estate", "", "spec"):
            from .estates import living  # numpy is heavy, and a world without an estate does without it

            spec = living.chosen(self._store, estate)
            began = spec.end_ticks
        self._world = World(self._store, Clock(self._store, began), ACTIONS, page_size)
        self._router = Router()
        self._graph: ResourceGraph | None = None
        if new:
            starter.build(self._world)
        if estate is not None or self._store.get("estate", "", "spec"):
            self._living = living.Living(self._world, self._store, spec)
        starter.add_subscriptions(self._world, subscriptions or ())
        self._store.observer = Recorder(self._world)
        self._store.commit()

    @property
    def subscriptions(self) -> list[str]:
        """The ids of the subscriptions that exist."""
        with self._lock:
            return [item["subscriptionId"] for item in self._store.children("subscription", "")]

    @property
    def tenant(self) -> str:
        """The id of the tenant that the subscriptions are in."""
        with self._lock:
            return self._world.tenant

    def now(self) -> datetime:
        """The sandbox's time: aware, UTC."""
        with self._lock:
            return times.moment(self._world.now)

    def sleep(self, seconds: float) -> None:
        """Let time pass, and let what is due in it happen, in due order. Takes no wall time."""
        self._pass(int(seconds * times.SECOND))

    def advance(self, span: str | timedelta) -> None:
        """Let time pass as :meth:`sleep` does: a timedelta, ``14d``, ``6h30m`` or an ISO 8601 period such as ``P7D``.

        Raises ValueError if the text is not a span.
        """
        ticks = times.span(span) if isinstance(span, str) else span // timedelta(microseconds=1) * 10
        self._pass(ticks)

    def planted(self) -> list[dict[str, Any]]:
        """What the estate has wrong with it, up to now: see :func:`.estates.planted.told`. Nothing without one."""
        with self._lock:
            return [] if self._living is None else self._living.planted()

    def churn(self) -> list[dict[str, Any]]:
        """By how much the estate's disks change: see :func:`.estates.costs.churn`. Nothing without an estate."""
        if self._living is None:
            return []
        from .estates import costs

        with self._lock:
            return costs.churn(self._living.estate)

    def export_costs(self, folder: str | Path, first: str, after: str, kind: str = "ea") -> Path:
        """Write what the estate's snapshots used and cost, day by day, as Cost Management would export it.

        ``kind`` is ``ea``, ``mca`` or ``focus``; the days go from ``first`` up to, not including, ``after``. Gives the
        CSV file. Raises :class:`.estates.EstateError` where there is no estate, or no such kind or days.
        """
        from .estates import EstateError, costs

        with self._lock:
            if self._living is None:
                raise EstateError("there is no estate whose snapshots would cost anything", "Name one: estate=...")
            return costs.exported(self._living.estate.spec, kind, Path(folder), (first, after))

    def handle(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Answer one request. ``url`` is absolute or a path with its query; a refusal is an answer too."""
        request = Request.read(method, url, headers, body)
        with self._lock:
            if request.method == "GET" and request.headers.get("sec-purpose") == "prefetch":
                with self._world.untouched():
                    return self._answer(request, None)
            self._move(STEP)
            reply = self._answer(request, self.mishaps.strike(request))
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

    def _answer(self, request: Request, mishap: Mishap | None) -> Reply:
        try:
            refuse(mishap, request)
            reply = self._dispatch(request, mishap)
        except faults.Fault as fault:
            reply = answer(fault.status, fault.body(self._world.guid("activity")), fault.headers)
        return spoil(mishap, request, self._stamped(reply))

    def _pass(self, ticks: int) -> None:
        with self._lock:
            self._move(max(0, ticks))
            self._store.commit()

    def _move(self, ticks: int) -> None:
        self._world.clock.advance(self._world.now + ticks, self._happen)
        if self._living is not None:
            self._living.advance()

    def _happen(self, action: str, args: Mapping[str, object]) -> None:
        if self._living is not None:
            self._living.advance()
        self._world.run(action, args)

    def _dispatch(self, request: Request, mishap: Mishap | None) -> Reply:
        self._authenticate(request)
        if not request.query.get("api-version"):
            message = "The api-version query parameter (?api-version=) is required for all requests."
            raise faults.gateway(400, "MissingApiVersionParameter", message)
        if request.path.lower() == _GRAPH and request.method == "POST":
            try:
                return self._query(request, mishap)
            except ModuleNotFoundError as error:
                told = f"The sandbox's Resource Graph needs {error.name}: pip install 'dpmagic[local]'."
                raise faults.Fault(501, "PackageNotInstalled", told) from error
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

    def _query(self, request: Request, mishap: Mishap | None) -> Reply:
        if self._graph is None:
            from .resourcegraph import ResourceGraph  # the query engine is heavy: loaded by the first query

            self._graph = ResourceGraph(
                self._rows,
                lambda: self.subscriptions,
                version=self._version,
                management_groups=lambda: graph_scopes.management_groups(self._world),
            )
        if mishap is not None and mishap.kind in ROWS:
            self._graph.shift(page_token(request), ROWS[mishap.kind])
        caller = str(uuid.uuid5(uuid.NAMESPACE_URL, request.headers["authorization"]))
        return self._graph.answer(request.object(), self.now(), caller, request.query["api-version"])

    def _rows(self, table: str) -> list[Any]:
        rows: list[Any] = list(graph_rows.rows(self._world, table, None))
        return rows if self._living is None else [*rows, *self._living.rows(table)]

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
