"""What happens while one waits: said as events; who shows them is the observer's business."""

from __future__ import annotations

from typing import Protocol


class Observer(Protocol):
    """Hears what goes on.  A notebook updates one line, a terminal its last, a script nothing."""

    def say(self, text: str) -> None:
        """A line worth keeping: a warning, what a change will touch, the scope of a question."""

    def stage(self, text: str) -> None:
        """What is going on now; each replaces the one before."""

    def done(self) -> None:
        """Nothing goes on any more: the line may go."""


class Silent:
    """Hears and says nothing."""

    def say(self, text: str) -> None: ...

    def stage(self, text: str) -> None: ...

    def done(self) -> None: ...


def elapsed(seconds: float) -> str:
    """Seconds as a person reads them.

    >>> elapsed(7), elapsed(61.4), elapsed(3725)
    ('7 s', '1 min 01 s', '1 h 02 min')
    """
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
