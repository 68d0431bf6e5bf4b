"""The sandbox as an ASGI application: signing in, control and time around :meth:`~.service.Sandbox.handle`.

Time in a served sandbox. A second of the wall is ``pace`` seconds there, and every wait that an answer asks for is
shortened alike, to a whole second at least: so a client that waits as it is told waits as long as it would in Azure, by
the sandbox's clock, and a job of three minutes takes three seconds at the default pace of 60. A silence counts for an
hour at most: nothing runs out over lunch. At pace 0 the wall does not count: time passes with requests, with the waits
that answers ask for (as soon as they are asked for: a quota that is used up is back at once) and by ``POST
/sandbox/clock``; the same requests then get the same answers.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from . import faults
from .listening import ServeError
from .messages import Request, answer
from .mishaps import KINDS, Mishaps, Spoiled
from .reply import Reply
from .service import Sandbox
from .tokens import Tokens

PACE = 60.0
_SILENCE = 3600.0  # seconds of the sandbox's: the most that passes between two requests
_QUOTA = "x-ms-user-quota-resets-after"

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Application:
    """Answers HTTP over ASGI; ``wall`` gives seconds that only grow, from any start.

    Beside Azure's own paths there are, for the holder of any token, ``/sandbox/clock`` (GET; POST ``{"seconds": N}``
    lets time pass) and ``/sandbox/mishaps`` (GET; PUT ``{"seed": N, "mishaps": [...]}``; DELETE), see :mod:`.mishaps`.
    """

    def __init__(self, sandbox: Sandbox, wall: Callable[[], float], pace: float = PACE) -> None:
        if not 0 <= pace < math.inf:
            raise ServeError(f"a pace of {pace} is none", "give the sandbox's seconds in one of yours: 0 or more")
        self.sandbox = sandbox
        self.tokens = Tokens(sandbox.tenant)
        self._wall, self._pace = wall, pace
        self._last = wall()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """One request. They come one at a time: nothing here waits between the last byte in and the answer."""
        if scope["type"] != "http":
            raise ValueError(f"the sandbox speaks HTTP, not {scope['type']}")
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        url = f"https://{headers.get('host', 'localhost')}{scope['raw_path'].decode('latin-1')}"
        if scope["query_string"]:
            url += f"?{scope['query_string'].decode('latin-1')}"
        await _send(self.answer(scope["method"], url, headers, bytes(body)), send)

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """The answer to one request to an absolute URL."""
        self._catch_up()
        request = Request.read(method, url, headers, body)
        reply = self.tokens.answer(request)
        holder = request.headers.get("authorization", "").lower().startswith("bearer ")
        if reply is None and holder and request.path.lower().startswith("/sandbox/"):
            reply = self._control(request)
        if reply is None:
            return self._shortened(self.sandbox.handle(method, url, headers, body))
        length, kind = str(len(reply.body)), "application/json; charset=utf-8"
        return Reply(reply.status, {"content-length": length, "content-type": kind, **reply.headers}, reply.body)

    def _catch_up(self) -> None:
        wall = self._wall()
        passed, self._last = wall - self._last, wall
        if self._pace:
            self.sandbox.sleep(min(passed * self._pace, _SILENCE))

    def _shortened(self, reply: Reply) -> Reply:
        """The reply with its waits in seconds of the wall, as whole ones: the SDK takes no other and none of 0."""
        wait, quota = _seconds(reply.headers.get("retry-after")), _seconds(reply.headers.get(_QUOTA))
        back = not self._pace and reply.headers.get("x-ms-user-quota-remaining") == "0"
        if not self._pace:
            self.sandbox.sleep(wait or (quota if back else 0))
        short = {"retry-after": f"{self._wait(wait)}"} if wait else {}
        short |= {_QUOTA: f"00:00:{0 if back else self._wait(quota):02d}"} if 0 < quota < 60 else {}
        if not short:
            return reply
        headers = {**reply.headers, **short}
        if isinstance(reply, Spoiled):
            return Spoiled(reply.status, headers, reply.body, reply.delay, reply.missing)
        return Reply(reply.status, headers, reply.body)

    def _wait(self, seconds: float) -> int:
        return max(1, math.ceil(seconds / self._pace)) if self._pace else 1

    def _control(self, request: Request) -> Reply:
        try:
            match request.method, request.path.lower():
                case "GET", "/sandbox/clock":
                    return self._now()
                case "POST", "/sandbox/clock":
                    seconds = request.object().get("seconds")
                    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
                        raise ValueError("seconds is a number, 0 or more")
                    self.sandbox.sleep(seconds)
                    return self._now()
                case "GET", "/sandbox/planted":
                    return answer(200, {"value": self.sandbox.planted()})
                case "GET", "/sandbox/mishaps":
                    return answer(200, {**self.sandbox.mishaps.to_json(), "kinds": KINDS})
                case "PUT", "/sandbox/mishaps":
                    self.sandbox.mishaps = Mishaps.from_json(request.object())
                    return answer(200, self.sandbox.mishaps.to_json())
                case "DELETE", "/sandbox/mishaps":
                    self.sandbox.mishaps = Mishaps()
                    return answer(204)
        except ValueError as error:
            return answer(400, {"error": {"code": "InvalidMishaps", "message": str(error)}})
        except faults.Fault as fault:
            return answer(fault.status, fault.body(""))
        return answer(404, {"error": {"code": "NotFound", "message": f"There is no {request.method} {request.path}."}})

    def _now(self) -> Reply:
        return answer(200, {"now": self.sandbox.now().isoformat()})


async def _send(reply: Reply, send: Send) -> None:
    """Send the reply; what is missing of a spoiled one is not sent, and the server then closes the connection."""
    missing = 0
    if isinstance(reply, Spoiled):
        await asyncio.sleep(reply.delay)
        missing = reply.missing
    await send({"type": "http.response.start", "status": reply.status, "headers": _encoded(reply.headers.items())})
    await send({"type": "http.response.body", "body": reply.body, "more_body": missing > 0})


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _seconds(text: str | None) -> float:
    """A wait in seconds or as ``hh:mm:ss``; 0 where there is none."""
    if not text or not re.fullmatch(r"[\d:.]+", text):
        return 0.0
    seconds = 0.0
    for part in text.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds
