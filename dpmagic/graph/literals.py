"""Python values as KQL literals: the one place where a value becomes part of a query's text."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from dpmagic.errors import InvalidArgument

NULLS = ("bool", "datetime", "dynamic", "guid", "int", "long", "real", "timespan")
_MISSING = ("NAType", "NaTType")  # pandas'
_ESCAPED = {"'": "\\'", "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
#: All but ASCII's printable characters, of which an apostrophe and a backslash are escaped: ids have none of these.
_ODD = re.compile(r"[^ -&(-\[\]-~]")
_LONG = range(-(2**63), 2**63)


def literal(value: Any, type: str = "dynamic") -> str:
    """``value`` as KQL text of its type: str, bool, int (long), float (real), datetime, timedelta (timespan), None.

    None (also pandas' NA and NaT) is the null of ``type``, one of `NULLS`: KQL's nulls are typed, and its strings have
    none.  numpy's and pandas' scalars are taken for what they hold.  Times are written in UTC to the seventh digit of
    a second, which is Kusto's tick.

    Raises `InvalidArgument` for what has no literal: another type, a time without a zone, an int beyond 64 bits.

    >>> literal("it's"), literal(True), literal(-1), literal(None, "long")
    ("'it\\\\'s'", 'true', 'long(-1)', 'long(null)')
    >>> literal(datetime(2024, 1, 1, tzinfo=UTC)), literal(timedelta(days=1, hours=2))
    ('datetime(2024-01-01T00:00:00.0000000Z)', 'timespan(1.02:00:00.0000000)')
    """
    if type not in NULLS:
        raise InvalidArgument(f"KQL has no null of type {type!r}", f"one of: {', '.join(NULLS)}")
    kind = value.__class__
    if value is None or kind.__name__ in _MISSING:
        return f"{type}(null)"
    if kind.__module__ == "numpy":
        value = value.item()
    match value:
        case str():
            return _string(value)
        case bool():
            return "true" if value else "false"
        case int():
            return _long(value)
        case float():
            return f"real({_real(value)})"
        case datetime():
            return f"datetime({instant(value)})"
        case timedelta():
            return f"timespan({_timespan(value)})"
    raise InvalidArgument(
        f"a {kind.__name__} cannot stand in KQL",
        "give text, a number, a boolean, a time, a duration, or a list of them",
    )


def literals(values: Iterable[Any]) -> str:
    """The literals of ``values`` with commas between, for ``in (...)`` and ``in~ (...)``.

    None at all is an empty dynamic array, which no value is in: KQL has no empty parentheses.

    >>> literals(["v1", "v2"]), literals([])
    ("'v1','v2'", 'dynamic([])')
    """
    return ",".join(map(literal, values)) or "dynamic([])"


def instant(moment: datetime) -> str:
    """A time as Kusto and Data Protection write it: UTC, seven digits of a second, ``Z``.

    Raises `InvalidArgument` when it has no time zone.

    >>> instant(datetime.fromisoformat("2024-01-01T05:30:00.25+05:30"))
    '2024-01-01T00:00:00.2500000Z'
    """
    if moment.tzinfo is None:
        raise InvalidArgument(f"the time {moment.isoformat()} has no time zone", "add Z for UTC, or an offset")
    shown = moment.astimezone(UTC).replace(tzinfo=None)
    tick = getattr(moment, "nanosecond", 0) // 100
    return f"{shown.replace(microsecond=0).isoformat()[:19]}.{shown.microsecond:06d}{tick}Z"


def _string(text: str) -> str:
    return "'" + _ODD.sub(lambda found: _character(found[0]), text) + "'"


def _character(character: str) -> str:
    if character in _ESCAPED:
        return _ESCAPED[character]
    # A control would end the literal or be lost on the way, and half of a surrogate pair is in no encoding.
    if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return f"\\u{ord(character):04x}"
    return character


def _long(value: int) -> str:
    if value not in _LONG:
        raise InvalidArgument(f"{value} does not fit a KQL long", "its bounds are those of 64 bits")
    return str(int(value)) if value >= 0 else f"long({int(value)})"


def _real(value: float) -> str:
    if math.isfinite(value):
        return repr(float(value))
    return "nan" if math.isnan(value) else "+inf" if value > 0 else "-inf"


def _timespan(value: timedelta) -> str:
    ticks = (value.days * 86_400 + value.seconds) * 10**7 + value.microseconds * 10
    ticks += getattr(value, "nanoseconds", 0) // 100
    seconds, tick = divmod(abs(ticks), 10**7)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"{'-' if ticks < 0 else ''}{day}.{hour:02d}:{minute:02d}:{second:02d}.{tick:07d}"
