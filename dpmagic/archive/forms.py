"""A table as Parquet holds it, and back: flat, typed, its nested values as JSON text and its durations as seconds.

What a column was in the frame is written beside it, so that a file is read back without knowing who wrote it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import pandas
    import pyarrow

_JSON, _DURATION = b"json", b"duration"
_MARK = b"dpmagic"
_LONG = re.compile(r"\d{19}")  # of a number perhaps, that beyond 64 bits would lose its last digits
SECONDS = "Seconds"  # what a duration's column is called beyond its own name, as in the views


def to_arrow(frame: pandas.DataFrame) -> pyarrow.Table:
    """The frame's columns: lists and objects as JSON text, ``duration`` as ``durationSeconds``; all others as they are.

    >>> import pandas
    >>> to_arrow(pandas.DataFrame({"tags": [{"env": "prod"}], "duration": [pandas.Timedelta("90s")]})).to_pydict()
    {'tags': ['{"env":"prod"}'], 'durationSeconds': [90.0]}
    """
    import pyarrow

    fields, columns = [], []
    for name, column in frame.items():
        field, values = _column(str(name), column)
        fields.append(field)
        columns.append(values)
    return pyarrow.Table.from_arrays(columns, schema=pyarrow.schema(fields))


def _column(name: str, column: pandas.Series[Any]) -> tuple[pyarrow.Field, pyarrow.Array]:
    import pandas
    import pyarrow

    if column.dtype == object:
        texts = [None if value is None else _text(value) for value in column]
        return pyarrow.field(name, pyarrow.string(), metadata={_MARK: _JSON}), pyarrow.array(texts, pyarrow.string())
    if pandas.api.types.is_timedelta64_dtype(column.dtype):
        seconds = pyarrow.array(column.dt.total_seconds(), pyarrow.float64(), from_pandas=True)
        return pyarrow.field(name + SECONDS, pyarrow.float64(), metadata={_MARK: _DURATION}), seconds
    values = pyarrow.array(column, from_pandas=True)
    if pyarrow.types.is_large_string(values.type) or pyarrow.types.is_null(values.type):
        values = values.cast(pyarrow.string())
    return pyarrow.field(name, values.type), values


def _text(value: Any) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    except TypeError:  # half of a surrogate pair, or a number beyond 64 bits
        return json.dumps(value)


def _value(text: str) -> Any:
    """What `_text` was given."""
    if _LONG.search(text):
        return json.loads(text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # half of a surrogate pair, or what only Python takes for JSON
        return json.loads(text)


def _values(texts: pyarrow.ChunkedArray) -> Any:
    """What the JSON texts stand for, None where there is none."""
    import numpy as np
    import pyarrow

    if not pyarrow.types.is_dictionary(texts.type):
        return [None if text is None else _value(text) for text in texts.to_pylist()]
    coded = texts.combine_chunks()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    values = np.full(len(coded.dictionary) + 1, None, object)  # the last is of what is missing
    for code in np.unique(codes[codes >= 0]).tolist():
        values[code] = _value(coded.dictionary[code].as_py())
    return values[codes]


def to_frame(rows: pyarrow.Table, coded: Collection[str] = ()) -> pandas.DataFrame:
    """What `to_arrow` was given: ``str``, ``datetime64[us, UTC]``, ``timedelta64[us]``, nullable numbers, objects.

    Columns of ``coded`` that are dictionaries become categoricals, with those categories that there are, in order.
    Of a dictionary of JSON texts rows that are alike have one and the same value, which is not to be changed then.
    Raises ValueError when a column is not what its mark says.
    """
    import pandas
    import pyarrow

    marks = {field.name: (field.metadata or {}).get(_MARK) for field in rows.schema}
    apart = [one.name for one in rows.schema if one.name in coded and pyarrow.types.is_dictionary(one.type)]
    nested = [name for name in marks if marks[name] == _JSON]
    frame = plain_frame(rows.drop_columns([*apart, *nested]))
    columns: dict[str, Any] = {}
    for name in marks:
        if name in apart:
            columns[name] = _categorical(rows[name])
        elif name in nested:
            columns[name] = pandas.Series(_values(rows[name]), dtype=object, index=frame.index)
        elif marks[name] == _DURATION:
            seconds = frame[name].astype("Float64")
            columns[name.removesuffix(SECONDS)] = (seconds * 1e6).round().astype("Int64").astype("timedelta64[us]")
        else:
            columns[name] = frame[name]
    return pandas.DataFrame(columns, index=frame.index)


def _categorical(texts: pyarrow.ChunkedArray) -> pandas.Categorical:
    import numpy as np
    import pandas

    coded = texts.combine_chunks()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    used = np.flatnonzero(np.bincount(codes[codes >= 0], minlength=len(coded.dictionary)))
    numbers, known = pandas.factorize(pandas.Series(coded.dictionary.take(used).to_pylist(), dtype="str"), sort=True)
    places = np.full(len(coded.dictionary) + 1, -1)  # the last is of what is missing
    places[used] = numbers
    return pandas.Categorical.from_codes(places[codes], known)


def plain_frame(rows: pyarrow.Table) -> pandas.DataFrame:
    """Arrow's columns in pandas' dtypes that can be missing."""
    import pandas
    import pyarrow

    kinds = {
        pyarrow.int64(): pandas.Int64Dtype(),
        pyarrow.float64(): pandas.Float64Dtype(),
        pyarrow.bool_(): pandas.BooleanDtype(),
    }
    made: pandas.DataFrame = _unpacked(rows).to_pandas(types_mapper=kinds.get)
    return made


def _unpacked(rows: pyarrow.Table) -> pyarrow.Table:
    """With texts for dictionaries of texts."""
    import pyarrow

    if not any(pyarrow.types.is_dictionary(field.type) for field in rows.schema):
        return rows
    plain = [
        field.with_type(field.type.value_type) if pyarrow.types.is_dictionary(field.type) else field
        for field in rows.schema
    ]
    return rows.cast(pyarrow.schema(plain, rows.schema.metadata))
