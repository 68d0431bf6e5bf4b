"""A frame as the bytes of a CSV, Parquet or Excel file.

Lists, objects and mixed columns are JSON text in all of them: no format keeps them all, and JSON is what they were.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

import pandas

from dpmagic.errors import InvalidArgument
from dpmagic.frames.columns import DURATION, TIME
from dpmagic.frames.times import format_duration, format_time

_SHEET_ROWS, _SHEET_TEXT = 1_048_576, 32_767  # Excel's limits: rows of a sheet, characters of a cell


def csv_bytes(frame: pandas.DataFrame, separator: str = ",") -> bytes:
    """UTF-8 with a header line.  Times end in ``Z``, durations are ``[d.]hh:mm:ss[.ffffff]``, missing is empty."""
    texts = _nested_as_json(frame)
    for name, dtype in texts.dtypes.items():
        if str(dtype) == TIME:
            texts[name] = texts[name].map(format_time, na_action="ignore")
        elif str(dtype) == DURATION:
            texts[name] = texts[name].map(format_duration, na_action="ignore")
    return texts.to_csv(index=False, sep=separator, lineterminator="\n").encode()


def parquet_bytes(frame: pandas.DataFrame) -> bytes:
    """Parquet with the frame's dtypes and its ``attrs``."""
    return _nested_as_json(frame).to_parquet(index=False)


def xlsx_bytes(frame: pandas.DataFrame) -> bytes:
    """A workbook of one sheet.  Excel has no time zones: times are UTC, and their headers say so.

    Texts stay texts, also those that start with ``=``.  Raises `InvalidArgument` when there are more rows, or longer
    texts, than a sheet holds, for Excel would leave them out without a word.
    """
    return workbook_bytes({"dpmagic": frame})


def workbook_bytes(frames: Mapping[str, pandas.DataFrame]) -> bytes:
    """A workbook of a sheet a frame, each as in `xlsx_bytes`; the names are those of the sheets, at most 31 letters."""
    from openpyxl import Workbook

    # Before a sheet is begun: one that is dropped halfway leaves a temporary file behind.
    texts = {name: _for_a_sheet(frame) for name, frame in frames.items()}
    book = Workbook(write_only=True)
    for name, frame in texts.items():
        _fill(book.create_sheet(name), frame)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


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


def _for_a_sheet(frame: pandas.DataFrame) -> pandas.DataFrame:
    if len(frame) >= _SHEET_ROWS:
        raise InvalidArgument(f"a sheet holds {_SHEET_ROWS - 1:,} rows and a header", "write .parquet or .csv")
    texts = _nested_as_json(frame)
    if any(texts[name].str.len().max() > _SHEET_TEXT for name in texts if str(texts[name].dtype) == "str"):
        raise InvalidArgument(f"a cell of a sheet holds {_SHEET_TEXT:,} characters", "write .parquet, .csv or .json")
    return texts


def _fill(sheet: Any, texts: pandas.DataFrame) -> None:
    times = [name for name, dtype in texts.dtypes.items() if str(dtype) == TIME]
    sheet.freeze_panes = "A2"
    sheet.append([_sheet_cell(sheet, f"{name} (UTC)" if name in times else name) for name in texts])
    for row in texts.astype(object).itertuples(index=False, name=None):
        sheet.append([None if pandas.isna(value) else _sheet_cell(sheet, value) for value in row])


def _sheet_cell(sheet: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if not isinstance(value, str):
        return value
    shown = ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)
    if not shown.startswith(("=", "#")):  # neither a formula nor an error: a text as it is, without a cell for it
        return shown
    cell = WriteOnlyCell(sheet, value=shown)
    cell.data_type = "s"
    return cell


def _nested_as_json(frame: pandas.DataFrame) -> pandas.DataFrame:
    """A copy whose ``object`` columns are ``str``: each value that is not missing, as JSON."""
    made = frame.copy()
    for name, dtype in frame.dtypes.items():
        if str(dtype) == "object":
            made[name] = pandas.Series([nested_text(cell) for cell in frame[name]], dtype="str", index=frame.index)
    return made


def nested_text(cell: Any) -> str | None:
    """A list or an object as JSON text, None as None."""
    if cell is None:
        return None
    # Half of a surrogate pair is in no encoding; this is how JSON spells it.
    return json.dumps(cell, ensure_ascii=False).encode(errors="backslashreplace").decode()
