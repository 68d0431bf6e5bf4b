"""What happens while one waits: said as events; who shows them is the observer's business."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TextIO


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


_watching: ContextVar[Observer] = ContextVar("watching")


@contextmanager
def watched(observer: Observer) -> Iterator[None]:
    """What is sent in the block has this observer; in threads that it starts nobody is."""
    before = _watching.set(observer)
    try:
        yield
    finally:
        _watching.reset(before)


def watching() -> Observer:
    """Who hears of what is sent just now."""
    return _watching.get(Silent())


class Terminal:
    """Shows what goes on, on standard error: lines always, progress as its last line and only to a person.

    ``takes_time`` says whether waiting is real: where it is not, as in the sandbox, there is nothing to watch.
    """

    def __init__(self, takes_time: Callable[[], bool], stream: TextIO | None = None) -> None:
        self._takes_time, self._given = takes_time, stream
        self._width = 0

    @property
    def _stream(self) -> TextIO:
        return self._given or sys.stderr  # as it is now: IPython and tests put their own in its place

    def say(self, text: str) -> None:
        self.done()
        print(text, file=self._stream, flush=True)

    def stage(self, text: str) -> None:
        if self._stream.isatty() and self._takes_time():
            self.done()
            # A line that wraps cannot be taken back.
            shown = text[: shutil.get_terminal_size().columns - 1]
            self._stream.write(shown)
            self._stream.flush()
            self._width = len(shown)

    def done(self) -> None:
        if self._width:
            self._stream.write(f"\r{'':{self._width}}\r")
            self._stream.flush()
            self._width = 0


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
