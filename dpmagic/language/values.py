"""How a Python value is written as one word of a command line.

Frames and arrays are recognised by what they offer; pandas and NumPy are not imported here.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from os import PathLike, fspath
from typing import Any
from uuid import UUID

from dpmagic.errors import LanguageError


def is_frame(value: Any) -> bool:
    """Whether ``value`` is a DataFrame."""
    kind = type(value)  # asked of the type: a row answers to its fields, and one may be called "columns"
    return hasattr(kind, "to_dict") and hasattr(kind, "columns")


def is_keyed(value: Any) -> bool:
    """Whether ``value`` has fields that go by key: a mapping, a DataFrame, or a row of one."""
    return isinstance(value, Mapping) or hasattr(type(value), "iloc")


def items(value: Any) -> list[Any] | None:
    """What a lone ``$name`` spreads into: the items of a list, Series or array, a set's sorted; else None."""
    if isinstance(value, str | bytes | bytearray | Mapping) or is_frame(value):
        return None
    try:
        parts = iter(value)
    except TypeError:  # not iterable; a NumPy scalar says so only when asked
        return None
    return sorted(parts, key=str) if isinstance(value, Set) else list(parts)


def to_text(value: Any) -> str:
    """``value`` as one word.

    Text and paths as they are, numbers and booleans as JSON has them, times in UTC (``2024-05-01T10:00:00Z``; one
    without a time zone is taken for UTC), durations in ISO 8601 (``PT4H``), a mapping as a JSON object, a DataFrame as
    the JSON list of its rows.  Raises `LanguageError` for a missing value and for what has no such form; the message
    does not show the value.
    """
    if is_frame(value) or isinstance(value, Mapping):
        return _json(value)
    plain = _scalar(value)
    if plain is None:
        raise LanguageError("has no value (None or missing)", "give it one, or leave the option out")
    if isinstance(plain, bool):
        return "true" if plain else "false"
    return plain if isinstance(plain, str) else repr(plain)


def _json(value: Any) -> str:
    """JSON text: a DataFrame is a list of records, missing values are null."""
    import json

    try:
        return json.dumps(_plain(value), ensure_ascii=False)
    except RecursionError:
        raise LanguageError("contains itself", "JSON cannot say that") from None


def _plain(value: Any) -> Any:
    """``value`` in the types that JSON has."""
    if is_frame(value):
        return _plain(value.to_dict("records"))
    if isinstance(value, Mapping):
        return {to_text(key): _plain(field) for key, field in value.items()}
    parts = items(value)
    return _scalar(value) if parts is None else [_plain(part) for part in parts]


def _scalar(value: Any) -> str | bool | int | float | None:
    """A single value as text, boolean, number or None; subclasses (an enum's member, NumPy's float) lose theirs."""
    if _is_missing(value):
        return None
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _finite(float(value))
    if isinstance(value, datetime | date | time | timedelta):
        return _moment(value)
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, PathLike):
        return str(fspath(value))
    if hasattr(value, "dtype") and value.ndim == 0:  # a NumPy scalar
        kind = value.dtype.kind
        plain = (value.astype(f"{kind}8[us]") if kind in "mM" else value).item()  # its nanoseconds would be an int
        if type(plain) is not type(value):
            return _scalar(plain)
    raise LanguageError(f"is a {type(value).__name__}, which cannot be a word", "pass text: str(...) or a field of it")


def _is_missing(value: Any) -> bool:
    """None, NaN, and pandas' NA and NaT."""
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def _finite(value: float) -> float:
    if value in (float("inf"), float("-inf")):
        raise LanguageError("is infinite", "no option takes that")
    return value


def _moment(value: date | time | timedelta) -> str:
    """ISO 8601; an instant in UTC with a Z."""
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return aware.isoformat().removesuffix("+00:00") + "Z"
    return value.isoformat()


def _duration(value: timedelta) -> str:
    """ISO 8601, in days, hours, minutes and seconds: ``P7D``, ``PT4H``, ``P1DT12H``."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    days = f"{value.days}D" if value.days else ""
    parts = [f"{hours}H" if hours else "", f"{minutes}M" if minutes else ""]
    clock = "".join(parts) + (f"{seconds}{fraction}S" if seconds or fraction else "")
    return f"{sign}P{days}T{clock}" if clock else f"{sign}P{days or '0D'}"
