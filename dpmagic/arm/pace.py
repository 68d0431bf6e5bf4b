"""The pace of requests: as fast as the quota lasts, never faster; one limiter for an identity, whoever asks.

Resource Graph counts an identity's queries by windows (`Limiter`), Resource Manager its requests for a subscription by
buckets that fill steadily (`Bucket`).
"""

from __future__ import annotations

import random
import re
import threading
import weakref
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from dpmagic.connection import Connection, SystemClock

WINDOW = 5.0
"""Seconds in which a quota comes back, where no answer says: Resource Graph's documented window."""
# What waits are longer than they need to be, at most: so that two programs of one person do not go on at one instant.
_JITTER = 0.01
# Seconds in which another thread's answer is waited for before one looks again.
_PATIENCE = 0.1
_REMAINING, _RESETS = "x-ms-user-quota-remaining", "x-ms-user-quota-resets-after"
_BUCKETS = tuple(
    f"x-ms-ratelimit-remaining-{of}" for of in ("subscription-reads", "subscription-resource-requests", "tenant-reads")
)
_LITTLE = 32  # requests: more than are ever in flight of one call
_GRAPH = "/providers/microsoft.resourcegraph/"
_SUBSCRIPTION = re.compile(r"/subscriptions/[^/?]+")
_SPAN = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")


class Limiter:
    """What is left of one identity's windows, as its answers say; all methods may be called from any thread.

    A request takes a place before it is sent (`take`) and gives it back with its answer (`give`).  Requests in flight
    count as spent, for nobody knows yet whether they are.  A place is its holder's: one that is not there any more has
    none, and one that was interrupted lets go of whatever it may have (`let_go`).
    """

    def __init__(self, jitter: random.Random | None = None) -> None:
        self._random = jitter or random.Random()
        # A lock of C's: Ctrl-C comes before or behind taking it, and never between.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._turn = threading.Lock()
        self._holders: weakref.WeakSet[Any] = weakref.WeakSet()
        self._left: int | None = None  # None before the first answer of a window
        self._resets: datetime | None = None
        self._closed_until: datetime | None = None

    @property
    def in_flight(self) -> int:
        """How many places are taken."""
        return len(self._holders)

    def take(self, now: datetime, holder: object) -> datetime | None:
        """Take a place: None when there was one, else when to try again, which is ``now`` itself where that hangs on
        an answer that is under way (see `answer`)."""
        with self._lock:
            if self._closed_until is not None and now < self._closed_until:
                return self._closed_until
            if self._resets is not None and now >= self._resets:
                self._left = self._resets = None
            if self._allowed() > self.in_flight:
                self._holders.add(holder)
                return None
            if self.in_flight:
                return now
            return self._resets or now + timedelta(seconds=WINDOW)

    def _allowed(self) -> int:
        """How many may be in flight."""
        # Nobody knows the quota, nor when it began, before its first answer: one request goes ahead.
        return 1 if self._left is None else self._left

    def give(self, holder: object, now: datetime, headers: Mapping[str, str]) -> None:
        """Give the place back; ``headers`` are the answer's, empty where none came."""
        with self._lock:
            self._holders.discard(holder)
            self._hear(now, headers)
            self._changed.notify_all()

    def let_go(self, holder: object) -> None:
        """Give the place back, if there is one, without an answer."""
        with self._lock:
            self._holders.discard(holder)
            self._changed.notify_all()

    def _hear(self, now: datetime, headers: Mapping[str, str]) -> None:
        if not (text := headers.get(_REMAINING, "")).isdigit():
            return
        remaining, resets = int(text), now + timedelta(seconds=resets_after(headers))
        # Answers overtake each other: within a window the lowest is the latest, and the window ends at the earliest
        # of what they say (some services always name the window's whole length).
        self._left = remaining if self._left is None else min(self._left, remaining)
        self._resets = resets if self._resets is None else min(self._resets, resets)

    def close(self, until: datetime) -> None:
        """Let nobody pass until then: the service has refused a request for its quota."""
        with self._lock:
            self._closed_until = max(until, self._closed_until or until)
            self._left = self._resets = None

    def answer(self) -> None:
        """Wait until some answer has come, or a moment has passed."""
        with self._changed:
            self._changed.wait(_PATIENCE)

    def sleep(self, connection: Connection, until: datetime) -> None:
        """Let time pass until then.  Threads wait in turn: the second finds that the first has waited for it, too."""
        with self._turn:
            seconds = (until - connection.now()).total_seconds()
            if seconds > 0:
                connection.sleep(seconds * (1 + _JITTER * self._random.random()))


class Bucket(Limiter):
    """Resource Manager's: plenty at once while there is plenty, one at a time where little is left."""

    def _allowed(self) -> int:
        return 1 if self._left is not None and self._left < _LITTLE else _LITTLE

    def _hear(self, now: datetime, headers: Mapping[str, str]) -> None:
        left = [int(text) for name in _BUCKETS if (text := headers.get(name, "")).isdigit()]
        self._left = min(left, default=None)


def resets_after(headers: Mapping[str, str]) -> float:
    """Seconds until the quota is back, from the service's ``hh:mm:ss``; `WINDOW` where it does not say."""
    found = _SPAN.fullmatch(headers.get(_RESETS) or "")
    if not found:
        return WINDOW
    hours, minutes, seconds = map(float, found.groups())
    return hours * 3600 + minutes * 60 + seconds


_Limiters = dict[str, Limiter]
_of_clocks: weakref.WeakKeyDictionary[object, _Limiters] = weakref.WeakKeyDictionary()
_of_identities: dict[tuple[str, str], _Limiters] = {}
_making = threading.Lock()


def limiter_of(connection: Connection, path: str) -> Limiter:
    """The limiter of requests for a path by who the connection speaks for, shared by all their connections.

    On a clock of its own (the sandbox's) time is nobody else's, and waits are the same in every run.
    """
    real = isinstance(connection.clock, SystemClock)
    identity = (connection.cloud.endpoint, connection.principal) if real else ("", "")
    lowered = path.lower()
    found = _SUBSCRIPTION.search(lowered)
    quota = _GRAPH if lowered.startswith(_GRAPH) else found[0] if found else ""
    with _making:
        limiters = _of_identities.setdefault(identity, {}) if real else _of_clocks.setdefault(connection.clock, {})
        if quota not in limiters:
            kind = Limiter if quota == _GRAPH else Bucket
            limiters[quota] = kind(None if real else random.Random(0))
        return limiters[quota]
