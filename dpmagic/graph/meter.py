"""One line of progress for a query: pages, rows, rate, and what is waited for."""

from __future__ import annotations

from dpmagic.connection import Connection
from dpmagic.progress import Observer


class Meter:
    """Counts what comes in and tells an observer, from the calling thread alone."""

    def __init__(self, connection: Connection, observer: Observer) -> None:
        self._connection, self._observer = connection, observer
        self._started = connection.now()
        self._pages = self._rows = 0
        self._why = ""

    def page(self, rows: int, of: int) -> None:
        """A page has come, of an answer of so many rows."""
        self._pages += 1
        self._rows += rows
        self._show()

    def waiting(self, why: str) -> None:
        """It is waited, and why; ``""``: it is not."""
        if why != self._why:
            self._why = why
            self._show()

    def done(self) -> None:
        """Nothing more comes."""
        self._observer.done()

    def _show(self) -> None:
        if self._pages or self._why:
            self._observer.stage(self.line)

    @property
    def line(self) -> str:
        """``Resource Graph: 12 pages, 11,402 rows, 950 a second, waiting for the quota, 4 s``."""
        seconds = (self._connection.now() - self._started).total_seconds()
        rate = [f"{self._rows / seconds:,.0f} a second"] if seconds > 0 else []
        pages = f"{self._pages:,} page{'' if self._pages == 1 else 's'}"
        return ", ".join([f"Resource Graph: {pages}", f"{self._rows:,} rows", *rate, *filter(None, [self._why])])
