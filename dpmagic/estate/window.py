"""A window: two instants in UTC, the first within, the second not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dpmagic.errors import InvalidArgument
from dpmagic.frames.times import format_time, parse_time

_SPAN = re.compile(r"([1-9][0-9]{0,4})\s*([hdw])", re.IGNORECASE)
_HOURS = {"h": 1, "d": 24, "w": 168}
_HINT = "write 14d for the last 14 whole days (UTC), 36h for the hours until now, or give (start, end)"


@dataclass(frozen=True)
class Window:
    """The instants from ``start`` on and before ``end``, both in UTC.

    Raises `InvalidArgument` when one has no time zone, or the window holds nothing.

    >>> Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    Window(2026-03-01T00:00:00Z, 2026-03-02T00:00:00Z)
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            object.__setattr__(self, name, instant(getattr(self, name)))
        if self.start >= self.end:
            raise InvalidArgument(f"the window ends at {_shown(self.end)}, before it begins", _HINT)

    @classmethod
    def of(cls, given: Any, now: datetime) -> Window:
        """The window that is meant, seen from ``now``.

        - ``"14d"``, ``"2w"``, a timedelta of whole days: so many whole days in UTC, up to the last midnight. The day
          that is not over is left out, as in Azure's own backup reports.
        - ``"36h"``, any other timedelta: so long until now.
        - ``(start, end)``: two instants, each a datetime or a text such as ``2026-03-01`` or ``2026-03-01T08:00Z``.

        Raises `InvalidArgument` for anything else.

        >>> Window.of("14d", datetime(2026, 3, 16, 8, 30, tzinfo=UTC))
        Window(2026-03-02T00:00:00Z, 2026-03-16T00:00:00Z)
        >>> Window.of("12h", datetime(2026, 3, 16, 8, 30, tzinfo=UTC))
        Window(2026-03-15T20:30:00Z, 2026-03-16T08:30:00Z)
        >>> Window.of(("2026-03-01", "2026-03-02T12:00:00+02:00"), datetime(2026, 3, 16, tzinfo=UTC))
        Window(2026-03-01T00:00:00Z, 2026-03-02T10:00:00Z)
        """
        if isinstance(given, Window):
            return given
        if isinstance(given, str) and (match := _SPAN.fullmatch(given.strip())):
            span = int(match[1]) * timedelta(hours=_HOURS[match[2].lower()])
            return _back(now, span, whole_days=match[2] not in "hH")
        if isinstance(given, timedelta) and given > timedelta(0):
            return _back(now, given, whole_days=not given % timedelta(days=1))
        if isinstance(given, Sequence) and not isinstance(given, str) and len(given) == 2:
            return cls(*map(instant, given))
        raise InvalidArgument(f"{given!r} is no window", _HINT)

    @property
    def span(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    def contains(self, other: Window) -> bool:
        """Whether every instant of ``other`` is in this window."""
        return self.start <= other.start and other.end <= self.end

    def texts(self) -> list[str]:
        """Both instants as ARM writes them."""
        return [_shown(self.start), _shown(self.end)]

    def __repr__(self) -> str:
        return f"Window({', '.join(self.texts())})"


def instant(given: Any) -> datetime:
    """A datetime with a time zone, or an ISO 8601 text, as an instant in UTC; a date is its first instant.

    Raises `InvalidArgument` when it is neither.

    >>> instant("2026-03-01")
    datetime.datetime(2026, 3, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    if isinstance(given, datetime):
        if given.tzinfo is None:
            raise InvalidArgument(f"{given.isoformat()} has no time zone", "add Z for UTC, or an offset")
        utc = given.astimezone(UTC)
        # A plain datetime, also of pandas' Timestamp, which has nanoseconds: instants go into texts and comparisons.
        return datetime(utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond, UTC)
    if isinstance(given, str):
        try:
            read = datetime.fromisoformat(given.strip())
        except ValueError:
            read = parse_time(given.strip()) or datetime.min
        if read.replace(tzinfo=None) != datetime.min:
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    raise InvalidArgument(f"{given!r} is no instant", "write 2026-03-01T08:00:00Z, or give a datetime with a time zone")


def _back(now: datetime, span: timedelta, *, whole_days: bool) -> Window:
    end = now.astimezone(UTC)
    if whole_days:
        end = end.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        return Window(end - span, end)
    except OverflowError as error:
        raise InvalidArgument("the window begins before the first year", _HINT) from error


def _shown(moment: datetime) -> str:
    return format_time(moment, "auto")
