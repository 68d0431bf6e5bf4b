"""Frames as an Excel workbook: a sheet each, whose texts stay texts and whose times are UTC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from io import BytesIO
from typing import Any

import pandas

from dpmagic.errors import InvalidArgument
from dpmagic.frames.columns import DURATION, TIME
from dpmagic.frames.nested import has_longer, nested_as_json
from dpmagic.frames.rows import TEXT, filled, legal
from dpmagic.frames.times import format_time

ROWS = 1_048_576
"""Excel's limit: rows of a sheet."""

_FORMATS = {TIME: "yyyy-mm-dd hh:mm:ss", DURATION: "[h]:mm:ss"}
_LOOKED, _INSTANT, _WIDEST = 200, 19, 48
_SMALL = 2000  # rows of a table whose cells are kept, for they are looked at twice
_PORTION = 10_000  # rows that are written at a time
_ZERO, _DAY = pandas.Timestamp("1899-12-30"), pandas.Timedelta(days=1)  # Excel counts days, from then on
_FIRST = pandas.Timestamp("1900-03-01")  # before it Excel has a day that there never was


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
    with Workbook(stream, {"in_memory": True}) as book:
        if at is not None:
            book.set_properties({"created": at.replace(tzinfo=None)})
        formats = {dtype: book.add_format({"num_format": shape}) for dtype, shape in _FORMATS.items()}
        head = book.add_format({"bold": True})
        small = {name: _columns(frame) for name, frame in texts.items() if len(frame) <= _SMALL}
        for name, frame in texts.items():
            looked = small[name] if name in small else _columns(frame.head(_LOOKED))
            _begin(book.add_worksheet(name), frame, looked, formats, head)
    cells = {name: partial(_portions, frame) for name, frame in texts.items()}
    cells |= {name: partial(iter, [columns]) for name, columns in small.items()}
    return filled(stream.getvalue(), [(frame.shape, cells[name]) for name, frame in texts.items()])


def _for_a_sheet(frame: pandas.DataFrame) -> pandas.DataFrame:
    if len(frame) >= ROWS:
        raise InvalidArgument(f"a sheet holds {ROWS - 1:,} rows and a header", "write .parquet or .csv")
    texts = nested_as_json(frame)
    if any(has_longer(texts[name], TEXT) for name, dtype in texts.dtypes.items() if dtype == "str"):
        raise InvalidArgument(f"a cell of a sheet holds {TEXT:,} characters", "write .parquet, .csv or .json")
    return texts


def _begin(sheet: Any, texts: pandas.DataFrame, looked: list[list[Any]], formats: Mapping[str, Any], bold: Any) -> None:
    """Heads, widths by the cells that are ``looked`` at, and filters; columns have the style of their cells to be."""
    sheet.freeze_panes(1, 0)
    dtypes = [str(dtype) for dtype in texts.dtypes]
    heads = [f"{name} (UTC)" if dtype == TIME else str(name) for name, dtype in zip(texts, dtypes, strict=True)]
    for place, head in enumerate(heads):
        sheet.write_string(0, place, _text(head), bold)
        kind = formats.get(dtypes[place])
        sheet.set_column(place, place, _width(head, looked[place], kind), kind)
    if len(texts):
        sheet.autofilter(0, 0, len(texts), len(heads) - 1)


def _portions(texts: pandas.DataFrame) -> Iterator[list[list[Any]]]:
    """The cells of so many rows at a time: a large table need not be in memory as such."""
    return (_columns(texts.iloc[first : first + _PORTION]) for first in range(0, len(texts), _PORTION))


def _columns(texts: pandas.DataFrame) -> list[list[Any]]:
    return [_cells(column, str(dtype)) for (_, column), dtype in zip(texts.items(), texts.dtypes, strict=True)]


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
    found: list[Any] = values.to_numpy(object, na_value=None).tolist()
    return found


def _text(text: str) -> str:
    """A head that stays a text: XlsxWriter takes what is between ``<r>`` and ``</r>`` for XML, formulae and all.

    >>> _text("<r>a</r>"), _text("<r>a"), _text("a\\x00")
    ('<r>a</r> ', '<r>a', 'a\ufffd')
    """
    if text.startswith("<r>") and text.endswith("</r>"):
        text += " "
    return legal(text)
