"""Values of an answer as Resource Graph writes them: dynamics decoded, datetimes and timespans as text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson

from .model import KustoType


def _json(value: Any) -> Any:
    return None if value is None else orjson.loads(value)


def _datetime(value: datetime | None) -> str | None:
    return None if value is None else value.replace(tzinfo=None).isoformat(timespec="microseconds") + "0Z"


def _timespan(micros: int | None) -> str | None:
    """``[-][d.]hh:mm:ss[.fffffff]``, as .NET writes a TimeSpan."""
    if micros is None:
        return None
    seconds, fraction = divmod(abs(micros), 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return ("-" if micros < 0 else "") + (f"{days}." if days else "") + text + (f".{fraction:06}0" if fraction else "")


def _text(value: Any) -> str:
    return "" if value is None else str(value)


#: What makes a value of a type out of what DuckDB gives; any other type is as it comes.
_READERS: dict[KustoType, Callable[[Any], Any]] = {
    "dynamic": _json,
    "datetime": _datetime,
    "timespan": _timespan,
    "string": _text,
}
_ISO = "%Y-%m-%dT%H:%M:%S0Z"  # Arrow writes the microseconds with the seconds


def read(kind: KustoType, values: Any) -> list[Any]:
    """The values of an Arrow column as plain ones; texts and times, which most are, by Arrow itself."""
    import pyarrow
    import pyarrow.compute as pc

    from .. import arrow

    if kind == "string" and pyarrow.types.is_string(values.type):
        found = pc.fill_null(values, arrow.texts([""])[0])
    elif kind == "datetime" and pyarrow.types.is_timestamp(values.type):
        found = pc.strftime(values.cast(pyarrow.timestamp("us", values.type.tz)), _ISO)
    else:
        reader = _READERS.get(kind)
        return list(map(reader, values.to_pylist())) if reader else list(values.to_pylist())
    return list(found.to_pylist())
