"""Mishaps on demand: throttling, failures, broken answers, stuck operations, at the requests that one names.

>>> from dpmagic.sandbox import Sandbox
>>> sandbox = Sandbox(mishaps=Mishaps([Mishap("503", where="GET /subscriptions", times=1)]))
>>> url, headers = "/subscriptions?api-version=2022-12-01", {"authorization": "Bearer t"}
>>> [sandbox.handle("GET", url, headers, None).status for _ in range(2)]
[503, 200]

What is refused (throttled, 500, 503, forbidden, expired, poll-fails) is not carried out. What is spoiled on its way
back (reset, truncated, slow) has been.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from . import faults
from .messages import Request
from .reply import Reply

KINDS: dict[str, str] = {
    "throttled": "429 with a Retry-After of `seconds`",
    "throttled-silently": "429 without Retry-After, which the SDK does not send again where it was a POST",
    "500": "500 InternalServerError",
    "503": "503 ServiceUnavailable",
    "forbidden": "403 AuthorizationFailed: with `text` a query of Resource Graph for one table can be refused",
    "reset": "the connection is reset half-way through the answer",
    "truncated": "the answer ends half-way, and says that this is all of it",
    "slow": "the answer comes `seconds` later, by the client's clock",
    "expired": "401 ExpiredAuthenticationToken, to this request and to all later ones with its token",
    "row-gone": "before a page of Resource Graph's: a row of an earlier page has gone, so that one is never shown",
    "row-came": "before a page of Resource Graph's: there is one row more, so that one is shown twice",
    "row-swapped": "before a page of Resource Graph's: as row-gone, and another row has come, so that the total stays",
    "poll-fails": "500 to the question how a long-running operation stands",
    "endless": "a long-running operation is in progress for ever; what it does is done all the same",
}
_POLL = re.compile(r"/(?:operationstatus|operationresults|diskoperations)/([^/]+)$", re.IGNORECASE)
ROWS = {"row-gone": -1, "row-came": 1, "row-swapped": 0}
"""Mishaps of rows that move between pages, and by how much the total does."""


@dataclass(frozen=True)
class Mishap:
    """One kind of mishap (see `KINDS`) and the requests that it strikes.

    ``where`` is a regular expression, looked for in ``METHOD /path`` without case; ``text`` is looked for in the body,
    such as the table of a query. Of the requests that both find the first ``skip`` are spared; of the others each is
    struck with this ``chance``, ``times`` of them at most. ``seconds`` is a Retry-After or a delay. Raises ValueError
    for a value out of range.
    """

    kind: str
    where: str = ""
    text: str = ""
    chance: float = 1.0
    skip: int = 0
    times: int | None = None
    seconds: int = 5

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no mishap is called {self.kind!r}: one of {', '.join(KINDS)}")
        if not 0 <= self.chance <= 1:
            raise ValueError(f"chance is from 0 to 1, not {self.chance}")
        if min(self.skip, self.seconds, self.times or 0) < 0:
            raise ValueError("skip, times and seconds are not negative")
        for name in ("where", "text"):
            try:
                re.compile(getattr(self, name))
            except re.error as error:
                raise ValueError(f"{name} is not a regular expression: {error}") from error

    def fits(self, request: Request) -> bool:
        """Whether the request is one that this kind can strike, where it is to strike."""
        if self.kind in ("poll-fails", "endless") and not _POLL.search(request.path):
            return False
        if self.kind in ROWS and not page_token(request):
            return False
        if self.text and not re.search(self.text, request.content.decode(errors="replace"), re.IGNORECASE):
            return False
        return bool(re.search(self.where, f"{request.method} {request.path}", re.IGNORECASE))


@dataclass(frozen=True)
class Spoiled(Reply):
    """A reply that does not arrive as it should: ``delay`` seconds late, or ``missing`` the last bytes of its body."""

    delay: float = 0.0
    missing: int = 0


class Mishaps:
    """What goes wrong, and what has: of several mishaps that fit a request the first that strikes is the one.

    The same requests with the same ``seed`` are struck alike. ``happened`` has a ``(kind, "METHOD /path")`` for each
    strike.
    """

    def __init__(self, mishaps: Iterable[Mishap] = (), *, seed: int = 0) -> None:
        self.mishaps = tuple(mishaps)
        self.seed = seed
        self.happened: list[tuple[str, str]] = []
        self._met = [0] * len(self.mishaps)
        self._struck = [0] * len(self.mishaps)
        self._expired: set[str] = set()
        self._endless: set[str] = set()

    def strike(self, request: Request) -> Mishap | None:
        """The mishap that this request meets, or None. Counts as a strike."""
        for number, mishap in enumerate(self.mishaps):
            if self._lasting(mishap, request) or self._drawn(number, mishap, request):
                self.happened.append((mishap.kind, f"{request.method} {request.path}"))
                return mishap
        return None

    def _lasting(self, mishap: Mishap, request: Request) -> bool:
        if mishap.kind == "expired":
            return request.headers.get("authorization", "") in self._expired
        return mishap.kind == "endless" and _operation(request) in self._endless

    def _drawn(self, number: int, mishap: Mishap, request: Request) -> bool:
        if not mishap.fits(request):
            return False
        met, self._met[number] = self._met[number], self._met[number] + 1
        if met < mishap.skip or (mishap.times is not None and self._struck[number] >= mishap.times):
            return False
        digest = hashlib.sha256(f"{self.seed}/{number}/{met}".encode()).digest()
        if int.from_bytes(digest[:8], "big") >= mishap.chance * 2**64:
            return False
        self._struck[number] += 1
        if mishap.kind == "expired":
            self._expired.add(request.headers.get("authorization", ""))
        if mishap.kind == "endless":
            self._endless.add(_operation(request))
        return True

    def to_json(self) -> dict[str, Any]:
        """``seed``, ``mishaps`` and what has ``happened``, for JSON."""
        happened = [{"kind": kind, "request": request} for kind, request in self.happened]
        return {"seed": self.seed, "mishaps": [asdict(one) for one in self.mishaps], "happened": happened}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Mishaps:
        """The mishaps of a document like that of `to_json`; what happened is not read. Raises ValueError."""
        try:
            return cls([Mishap(**one) for one in document.get("mishaps", ())], seed=int(document.get("seed", 0)))
        except (TypeError, AttributeError) as error:
            raise ValueError(f"not a list of mishaps: {error}") from error


def refuse(mishap: Mishap | None, request: Request) -> None:
    """Raise the fault that stands in place of an answer, if the mishap is of such a kind."""
    match mishap:
        case Mishap("throttled" | "throttled-silently"):
            raise _throttled(mishap, request)
        case Mishap("500" | "poll-fails"):
            raise faults.gateway(500, "InternalServerError", "Encountered internal server error.")
        case Mishap("503"):
            raise faults.gateway(503, "ServiceUnavailable", "The service is unavailable now. Please try again later.")
        case Mishap("forbidden"):
            message = "The client does not have authorization to perform action over the scope, or it is invalid."
            raise faults.gateway(403, "AuthorizationFailed", message)
        case Mishap("expired"):
            message = "The access token expiry UTC time is earlier than current UTC time."
            challenge = 'Bearer error="invalid_token", error_description="The access token has expired."'
            headers = {**faults.GATEWAY, "www-authenticate": challenge}
            raise faults.Fault(401, "ExpiredAuthenticationToken", message, headers)


def spoil(mishap: Mishap | None, request: Request, reply: Reply) -> Reply:
    """The reply as the mishap leaves it."""
    match mishap:
        case Mishap("reset"):
            # An answer without a body breaks off as well: it promises a byte that does not come.
            promised = max(1, len(reply.body))
            arrived = reply.body[: promised // 2]
            headers = {**reply.headers, "content-length": str(promised)}
            return Spoiled(reply.status, headers, arrived, missing=promised - len(arrived))
        case Mishap("truncated"):
            body = reply.body[: len(reply.body) // 2]
            return Reply(reply.status, {**reply.headers, "content-length": str(len(body))}, body)
        case Mishap("slow"):
            return Spoiled(reply.status, reply.headers, reply.body, delay=float(mishap.seconds))
        case Mishap("endless") if reply.status in (200, 202, 400):  # 400: the result of one that failed
            return _in_progress(request, reply)
    return reply


def page_token(request: Request) -> str:
    """The ``$skipToken`` of a query of Resource Graph for a further page, "" for any other request."""
    if request.method != "POST" or not request.path.lower().endswith("/microsoft.resourcegraph/resources"):
        return ""
    try:
        body = orjson.loads(request.content)
    except orjson.JSONDecodeError:
        return ""  # the query itself will be refused for it
    options = body.get("options") if isinstance(body, dict) else None
    token = options.get("$skipToken") if isinstance(options, dict) else None
    return token if isinstance(token, str) else ""


def _throttled(mishap: Mishap, request: Request) -> faults.Fault:
    headers = {**faults.GATEWAY}
    if mishap.kind == "throttled":
        headers["retry-after"] = str(mishap.seconds)
    if "/microsoft.resourcegraph/" in request.path.lower():
        headers |= {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:05"}
        return faults.Fault(429, "RateLimiting", "Client application has been throttled.", headers)
    return faults.Fault(429, "TooManyRequests", "The request is being throttled.", headers)


def _operation(request: Request) -> str:
    found = _POLL.search(request.path)
    return found[1] if found else ""


def _in_progress(request: Request, reply: Reply) -> Reply:
    """An operation's status, or its result, as if it had not ended."""
    disk = "/diskoperations/" in request.path.lower()
    headers = {**reply.headers, "retry-after": reply.headers.get("retry-after", "30")}
    body = orjson.loads(reply.body) if reply.body else {}
    if "/operationresults/" in request.path.lower() or request.query.get("monitor") == "true":
        headers |= {"content-length": "0", "location": request.link(request.path, **_others(request))}
        return Reply(202, headers)
    body = {key: value for key, value in body.items() if key not in ("properties", "error")}
    body["status"] = "InProgress" if disk else "Inprogress"
    if disk:
        body.pop("endTime", None)
    else:
        body["endTime"] = "0001-01-01T00:00:00Z"
    content = orjson.dumps(body)
    return Reply(200, {**headers, "content-length": str(len(content))}, content)


def _others(request: Request) -> dict[str, str]:
    return {key: value for key, value in request.query.items() if key != "api-version"}
