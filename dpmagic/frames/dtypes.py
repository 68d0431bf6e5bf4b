"""A column's plain values -> a pandas array of the dtype they all fit.  The order of the values never matters."""

from __future__ import annotations

from typing import Any

import pandas
import pyarrow as pa

from dpmagic.errors import InvalidArgument
from dpmagic.frames.columns import DURATION, TIME, known
from dpmagic.frames.flatten import FieldPath
from dpmagic.frames.times import looks_like_duration, looks_like_time, parse_durations, parse_times

_PARSERS = {TIME: parse_times, DURATION: parse_durations}
SAID = {"string": "str", "integer": "Int64", "number": "Float64", "boolean": "boolean", "datetime": TIME}
"""What Resource Graph says of a column, as a dtype; of an object it says nothing."""
_EXACT = 2**53  # up to here a float holds every integer


def typed(path: FieldPath, cells: list[Any], said: str = "") -> Any:
    """The cells as a pandas array or Series.

    A field known by name gets its dtype if the values fit, and when there are none.  Of other texts, a column is times
    (or durations) when every one has that shape.  Numbers are ``Int64`` or ``Float64``, true and false ``boolean``,
    texts ``str``; lists, and what does not go together, are ``object`` with the values as they came.  ``said`` is the
    dtype that the service has told of, before what the name lets expect.  What it calls a string is no time, which it
    has a word for, as ``tostring(startTime)`` is none; it may be a duration, for which it has none.
    """
    kinds = set(map(type, cells)) - {type(None)}
    field = known(path)
    by_name = field is not None and (not said or (said == "str" and field.dtype != TIME))
    expected = field.dtype if field and by_name else said
    if not kinds:
        return pandas.Series([None] * len(cells), dtype=expected or object)
    if kinds == {str}:
        meant = field.dtype if field else _guess(cells)
        return _texts(cells, said if said == TIME or (said and meant == TIME) else meant)
    if kinds == {bool}:
        return _from_arrow(cells, pa.bool_(), pandas.BooleanDtype())
    if kinds <= {int, float}:
        return _numbers(cells, float in kinds or expected == "Float64")
    return pandas.Series(cells, dtype=object)


def _texts(cells: list[str | None], dtype: str) -> Any:
    try:
        parse = _PARSERS.get(dtype)
        return (parse(cells) if parse else pa.array(cells, pa.string())).to_pandas()
    except InvalidArgument:  # not every one is a time: the column is text
        return pa.array(cells, pa.string()).to_pandas()
    except UnicodeEncodeError:  # half of a surrogate pair is legal in JSON and in no encoding
        return pandas.Series(cells, dtype=object)


def _guess(cells: list[str | None]) -> str:
    """The dtype that the first text has the shape of; whether all the others have it too, parsing will tell."""
    first = next((cell for cell in cells if cell), "")
    return TIME if looks_like_time(first) else DURATION if looks_like_duration(first) else ""


def _numbers(cells: list[Any], floating: bool) -> Any:
    integers = [cell for cell in cells if isinstance(cell, int)]
    if floating and all(abs(cell) <= _EXACT for cell in integers):
        return _from_arrow(cells, pa.float64(), pandas.Float64Dtype())
    if len(integers) == len(cells) - cells.count(None) and all(-(2**63) <= cell < 2**63 for cell in integers):
        return _from_arrow(cells, pa.int64(), pandas.Int64Dtype())
    return pandas.Series(cells, dtype=object)


def _from_arrow(cells: list[Any], arrow: pa.DataType, dtype: Any) -> Any:
    return dtype.__from_arrow__(pa.array(cells, arrow))
