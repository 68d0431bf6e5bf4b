"""Frames as an Excel workbook: a sheet each, whose texts stay texts and whose times are UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

import pandas

from dpmagic.errors import InvalidArgument
from dpmagic.frames.columns import DURATION, TIME
from dpmagic.frames.nested import nested_as_json
from dpmagic.frames.times import format_time

ROWS, TEXT = 1_048_576, 32_767
"""Excel's limits: rows of a sheet, characters of a cell."""

_FORMATS = {TIME: "yyyy-mm-dd hh:mm:ss", DURATION: "[h]:mm:ss"}
_LOOKED, _INSTANT, _WIDEST = 200, 19, 48
_ZERO, _DAY = pandas.Timestamp("1899-12-30"), pandas.Timedelta(days=1)  # Excel counts days, from then on
_FIRST = pandas.Timestamp("1900-03-01")  # before it Excel has a day that there never was
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # no characters of XML
_NUMBERS = (int, float)


def xlsx_bytes(frame: pandas.DataFrame) -> bytes:
    """A workbook of one sheet, with filters.  Excel has no time zones: times are UTC, and their headers say so.

    Texts stay texts, also those that start with ``=``.  Raises `InvalidArgument` when there are more rows, or longer
    texts, than a sheet holds, for Excel would leave them out without a word.
    """
    return workbook_bytes({"dpmagic": frame})


def workbook_bytes(frames: Mapping[str, pandas.DataFrame], at: datetime | None = None) -> bytes:
    """A workbook of a sheet a frame, each as in `xlsx_bytes`; the names are those of the sheets, at most 31 letters.

    It says that it was made ``at`` this instant; the same frames then give the same bytes.
    """
    from xlsxwriter import Workbook

    texts = {name: _for_a_sheet(frame) for name, frame in frames.items()}
    stream = BytesIO()
    # Rows go to a file as they come: a large workbook need not fit into memory.
    with Workbook(stream, {"constant_memory": True}) as book:
        if at is not None:
            book.set_properties({"created": at.replace(tzinfo=None)})
        formats = {dtype: book.add_format({"num_format": shape}) for dtype, shape in _FORMATS.items()}
        head = book.add_format({"bold": True})
        for name, frame in texts.items():
            _fill(book.add_worksheet(name), frame, formats, head)
    return stream.getvalue()


def _for_a_sheet(frame: pandas.DataFrame) -> pandas.DataFrame:
    if len(frame) >= ROWS:
        raise InvalidArgument(f"a sheet holds {ROWS - 1:,} rows and a header", "write .parquet or .csv")
    texts = nested_as_json(frame)
    if any(texts[name].str.len().max() > TEXT for name in texts if str(texts[name].dtype) == "str"):
        raise InvalidArgument(f"a cell of a sheet holds {TEXT:,} characters", "write .parquet, .csv or .json")
    return texts


def _fill(sheet: Any, texts: pandas.DataFrame, formats: Mapping[str, Any], bold: Any) -> None:
    sheet.freeze_panes(1, 0)
    dtypes = [str(dtype) for dtype in texts.dtypes]
    heads = [f"{name} (UTC)" if dtype == TIME else str(name) for name, dtype in zip(texts, dtypes, strict=True)]
    columns = [_cells(texts.iloc[:, place], dtype) for place, dtype in enumerate(dtypes)]
    for place, head in enumerate(heads):
        sheet.write_string(0, place, _text(head), bold)
        sheet.set_column(place, place, _width(head, columns[place], formats.get(dtypes[place])))
    if len(texts):
        sheet.autofilter(0, 0, len(texts), len(heads) - 1)
    kinds = [formats.get(dtype) for dtype in dtypes]
    for row, cells in enumerate(zip(*columns, strict=True), 1):
        for place, value in enumerate(cells):
            # Each by its own kind: nothing that looks like a formula, a link or a number is taken for one.
            if isinstance(value, str):
                sheet.write_string(row, place, value)
            elif isinstance(value, bool):
                sheet.write_boolean(row, place, value)
            elif value is not None:
                sheet.write_number(row, place, value, kinds[place])


def _width(head: str, cells: list[Any], kind: Any) -> int:
    """How wide a column is, in letters: all of a head beside its arrow, an instant, a name; an id in part."""
    widest = max((len(str(cell)) for cell in cells[:_LOOKED] if cell is not None), default=0)
    return min(max(len(head) + 3, _INSTANT if kind is not None else widest + 1), _WIDEST)


def _cells(column: pandas.Series, dtype: str) -> list[Any]:
    """The cells of a column as Excel has them, None for what is missing."""
    if dtype == TIME:
        plain = column.dt.tz_localize(None)
        values, early = (plain - _ZERO) / _DAY, plain < _FIRST
        if early.any():
            values = values.astype(object).where(~early, column.map(format_time, na_action="ignore"))
    elif dtype == DURATION:
        values = column.dt.total_seconds() / 86_400
    else:
        values = column
    return [_cell(value) for value in values.to_numpy(object, na_value=None).tolist()]


def _text(text: str) -> str:
    """A text that stays one: XlsxWriter takes what is between ``<r>`` and ``</r>`` for XML, formulae and all.

    >>> _text("<r>a</r>"), _text("<r>a"), _text("a\\x00")
    ('<r>a</r> ', '<r>a', 'a\ufffd')
    """
    if text.startswith("<r>") and text.endswith("</r>"):
        text += " "
    return _ILLEGAL.sub("\ufffd", text) if _ILLEGAL.search(text) else text


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, _NUMBERS) and value in (float("inf"), float("-inf")):
        return str(value)  # no number of Excel's
    return value
