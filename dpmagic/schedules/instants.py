"""Instants and spans as numpy has them: ``datetime64[us]`` in UTC, ``timedelta64[us]``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpmagic.errors import InvalidArgument

Instants = NDArray[np.datetime64]

DAY, ZERO = np.timedelta64(86_400_000_000, "us"), np.timedelta64(0, "us")
MONTH = np.timedelta64(1, "M")
NEVER = np.datetime64("NaT", "us")


def instant(value: Any) -> np.datetime64:
    """A datetime, or an ISO 8601 text, as ``datetime64[us]``; without an offset it is UTC.

    Raises `InvalidArgument` when it is neither.

    >>> print(instant("2026-03-02T01:00+01:00"), instant(datetime(2026, 3, 2)))
    2026-03-02T00:00:00.000000 2026-03-02T00:00:00.000000
    """
    if isinstance(value, np.datetime64):
        exact: np.datetime64 = value.astype("datetime64[us]")
        return exact
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{value!r} is not an instant", "write 2026-03-02T08:00Z, or give a datetime") from error
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return np.datetime64(aware.astimezone(UTC).replace(tzinfo=None), "us")


def edges(window: Any) -> tuple[np.datetime64, np.datetime64]:
    """The two instants of a window ``[a, b)``: a pair, or something with a ``start`` and an ``end``.

    Raises `InvalidArgument` when it is not two, the first one earlier.
    """
    pair = (window.start, window.end) if hasattr(window, "start") else window
    if isinstance(pair, str) or not isinstance(pair, Iterable):
        raise InvalidArgument(f"{pair!r} is no window of two instants", 'such as ("2026-03-01", "2026-03-08")')
    given = [instant(edge) for edge in pair]
    if len(given) != 2 or given[0] > given[1]:
        raise InvalidArgument("a window is two instants, the earlier one first", 'such as ("2026-03-01", "2026-03-08")')
    return given[0], given[1]


def aware(at: np.datetime64) -> datetime:
    """The same instant as an aware datetime in UTC."""
    found: datetime = at.astype("datetime64[us]").item()
    return found.replace(tzinfo=UTC)
