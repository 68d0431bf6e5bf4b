"""A frame as the bytes of a CSV or Parquet file, and as JSON values; `dpmagic.frames.sheets` has Excel.

Lists, objects and mixed columns are JSON text in all of them: no format keeps them all, and JSON is what they were.
"""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.frames.columns import DURATION, TIME
from dpmagic.frames.nested import nested_as_json
from dpmagic.frames.times import format_duration, format_time

_ACTIVE = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = r"[+-][0-9]+(?:\.[0-9]+)?"  # begins as formulae do, and is none


def csv_bytes(frame: pandas.DataFrame, separator: str = ",") -> bytes:
    """UTF-8 with a header line.  Times end in ``Z``, durations are ``[d.]hh:mm:ss[.ffffff]``, missing is empty.

    A text that a spreadsheet would take for a formula begins with an apostrophe; JSON and Parquet have it as it is.
    """
    texts = nested_as_json(inert(frame))
    for name, dtype in texts.dtypes.items():
        if str(dtype) == TIME:
            texts[name] = texts[name].map(format_time, na_action="ignore")
        elif str(dtype) == DURATION:
            texts[name] = texts[name].map(format_duration, na_action="ignore")
    # What ends lines is quoted: a carriage return in a text would else begin a row of its own for those who read it.
    ends = "\r\n" if _returns(texts) else "\n"
    return texts.to_csv(index=False, sep=separator, lineterminator=ends).encode()


def inert(frame: pandas.DataFrame) -> pandas.DataFrame:
    """The frame, in which a text that a spreadsheet would take for a formula begins with an apostrophe.

    >>> inert(pandas.DataFrame({"name": ["=1+1", "vault", None], "n": [-1, 0, 1]})).to_dict("list")
    {'name': ["'=1+1", 'vault', nan], 'n': [-1, 0, 1]}
    """
    made = frame.rename(columns=lambda name: f"'{name}" if str(name).startswith(_ACTIVE) else name)
    for place, dtype in enumerate(made.dtypes):
        if str(dtype) != "str":
            continue
        texts = made.iloc[:, place].reset_index(drop=True)
        active = texts.str.startswith(_ACTIVE).fillna(False).astype(bool)
        if active.any():
            active[active] = ~texts[active].str.fullmatch(_NUMBER).astype(bool)
            made.isetitem(place, texts.mask(active, "'" + texts).array)
    return made


def _returns(texts: pandas.DataFrame) -> bool:
    words = [name for name, dtype in texts.dtypes.items() if str(dtype) == "str"]
    held = any(texts[name].str.contains("\r", regex=False).any() for name in words)
    return held or any("\r" in str(name) for name in texts.columns)


def parquet_bytes(frame: pandas.DataFrame) -> bytes:
    """Parquet with the frame's dtypes and its ``attrs``."""
    return nested_as_json(frame).to_parquet(index=False)


def records(frame: pandas.DataFrame) -> list[dict[str, Any]]:
    """The rows as JSON values: times end in ``Z``, durations are ``[d.]hh:mm:ss[.ffffff]``, missing is null.

    >>> records(pandas.DataFrame({"n": [1, None], "tags": [{"a": 1}, None]}))
    [{'n': 1.0, 'tags': {'a': 1}}, {'n': None, 'tags': None}]
    """
    columns: dict[Any, Any] = {}
    for name, column in frame.items():
        shape: Any = {TIME: format_time, DURATION: format_duration}.get(str(column.dtype))
        values = column if shape is None else column.map(shape, na_action="ignore")
        cells = values.astype(object)
        columns[name] = cells.where(column.notna(), None).to_list()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
