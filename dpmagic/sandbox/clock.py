"""The sandbox's time: an instant that moves only when told to, and the queue of what is to happen.

Events are documents, so a state folder keeps them. They run in the order of their due times, and those due at the same
instant in the order in which they were asked for. An event may ask for others; one that falls due before the end of
the same move runs in that move.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import Any

from .store import Store


class Clock:
    """``now`` is in ticks (see :mod:`.times`). ``start`` counts only where the store has no time yet."""

    def __init__(self, store: Store, start: int) -> None:
        self._store = store
        state = store.get("clock", "", "now") or {"now": start, "asked": 0}
        self.now: int = state["now"]
        self._asked: int = state["asked"]
        self._queue = [(event["due"], event["order"]) for event in store.below("event")]
        heapq.heapify(self._queue)

    def at(self, due: int, action: str, args: Mapping[str, Any]) -> None:
        """Ask for an action at an instant; one already past happens at the next move."""
        self._asked += 1
        event = {"due": due, "order": self._asked, "action": action, "args": dict(args)}
        self._store.put("event", "", str(self._asked), event)
        heapq.heappush(self._queue, (due, self._asked))

    def advance(self, until: int, run: Callable[[str, dict[str, Any]], None]) -> None:
        """Move to an instant, running everything due on the way with ``now`` at its due time. Never moves back."""
        while self._queue and self._queue[0][0] <= until:
            due, order = heapq.heappop(self._queue)
            event = self._store.get("event", "", str(order))
            assert event is not None, "the queue and the store hold the same events"
            self._store.drop("event", "", str(order))
            self.now = max(self.now, due)
            run(event["action"], event["args"])
        self.now = max(self.now, until)
        self._store.put("clock", "", "now", {"now": self.now, "asked": self._asked})

    @property
    def next_due(self) -> int | None:
        """When the next event is due, or None."""
        return self._queue[0][0] if self._queue else None
