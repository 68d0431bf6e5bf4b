"""The values of JSON rows, and those of a frame, in a form in which the two can be compared."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pandas

from dpmagic.errors import InvalidArgument
from dpmagic.frames.times import parse_duration, parse_time


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each value that is not an object, with the keys that lead to it; lists are values."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    else:
        yield path, value


def values(rows: list[Any]) -> list[Counter[str]]:
    """For each row, its values that are not missing, however they are spelled."""
    return [Counter(map(canonical, (leaf for _, leaf in leaves(row)))) - MISSING for row in rows]


def found(frame: pandas.DataFrame) -> list[Counter[str]]:
    """The same for each row of a frame."""
    columns = [frame[name].astype(object).tolist() for name in frame.columns]
    rows = zip(*columns, strict=True) if columns else [()] * len(frame)
    return [Counter(canonical(cell) for cell in row if cell != {}) - MISSING for row in rows]


def canonical(value: Any) -> str:
    """A text for the value: one for every spelling of one time or duration, and for all that is missing."""
    if isinstance(value, list | dict):
        return json.dumps(value)
    if pandas.isna(value) or value == "":
        return ""
    if isinstance(value, str):
        for parse in (parse_time, parse_duration):
            try:
                return canonical(parse(value))
            except InvalidArgument:
                continue
        return f"text {value}"
    if isinstance(value, datetime):
        return f"time {value.isoformat()}"
    if isinstance(value, timedelta):
        return f"duration {value // timedelta(microseconds=1)}"
    if isinstance(value, bool):
        return f"truth {value}"
    return f"number {int(value) if value == int(value) else value!r}"  # 1 and 1.0 are one number in JSON


MISSING = Counter({"": 10_000})
