"""Rows of a sheet in Excel's XML, column by column, put into a workbook that has their heads.

XlsxWriter writes one cell after another, each through ten calls: rows written so take a third of its time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

TEXT = 32_767
"""Excel's limit: characters of a cell, of which those beyond Unicode's first plane count twice."""

Cells = list[Any]
"""Of a column: texts, numbers and truth values, None for nothing."""
_NO_NUMBERS = (float("inf"), float("-inf"))  # none of Excel's
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # no characters of XML
_SPECIAL = re.compile(r"[&<>]")
_ESCAPE = re.compile(r"_x[0-9a-fA-F]{4}_")  # which Excel takes for the character of that number
_SHEET = re.compile(r"xl/worksheets/sheet(\d+)\.xml")
_COLUMNS = re.compile(r'<col min="(\d+)" max="(\d+)"[^>]* style="(\d+)"')
_SPAN = re.compile(r'<dimension ref="[A-Z0-9:]+"')
_END = "</sheetData>"
_ZIP64 = 10_000_000  # cells, which may be more than what other archives hold


def filled(book: bytes, sheets: Sequence[tuple[tuple[int, int], Callable[[], Iterable[list[Cells]]]]]) -> bytes:
    """The workbook with its sheets' rows, below the one that each has.

    Of each sheet how many rows and columns there are, and what gives them: portions of rows, each a list of columns.
    """
    from xlsxwriter.utility import xl_col_to_name

    stream = BytesIO()
    with ZipFile(BytesIO(book)) as made, ZipFile(stream, "w", ZIP_DEFLATED) as full:
        for part in made.infolist():
            found = _SHEET.fullmatch(part.filename)
            (rows, columns), portions = sheets[int(found[1]) - 1] if found else ((0, 0), None)
            if portions is None or not rows * columns:
                full.writestr(part, made.read(part), ZIP_DEFLATED)
                continue
            begins, _, ends = made.read(part).decode().partition(_END)
            named = ZipInfo(part.filename, part.date_time)
            named.compress_type, named.external_attr = ZIP_DEFLATED, part.external_attr
            with full.open(named, "w", force_zip64=rows * columns > _ZIP64) as file:
                file.write(_SPAN.sub(f'<dimension ref="A1:{xl_col_to_name(columns - 1)}{rows + 1}"', begins).encode())
                for text in _rows(portions(), _styles(begins)):
                    file.write(text.encode())
                file.write(f"{_END}{ends}".encode())
    return stream.getvalue()


def _styles(begins: str) -> dict[int, str]:
    """The style that the sheet's columns have been given, by their place, as their cells repeat it."""
    spans = [tuple(map(int, one)) for one in _COLUMNS.findall(begins)]
    return {place - 1: f' s="{style}"' for low, high, style in spans for place in range(low, high + 1)}


def _rows(portions: Iterable[list[Cells]], styles: dict[int, str]) -> Iterator[str]:
    from xlsxwriter.utility import xl_col_to_name

    first = 2
    for columns in portions:
        cells = [_column(one, xl_col_to_name(at), styles.get(at, ""), first) for at, one in enumerate(columns)]
        yield "".join([f'<row r="{row}">{"".join(of)}</row>' for row, of in enumerate(zip(*cells, strict=True), first)])
        first += len(columns[0])


def _column(values: Cells, letters: str, style: str, first: int) -> list[str]:
    known = {one: "" if one is None else _cell(one) for one in set(values)}
    begins = f'<c r="{letters}'
    return [known[one] and f'{begins}{row}"{style}{known[one]}' for row, one in enumerate(values, first)]


def _cell(value: Any) -> str:
    """A cell from its kind on: nothing that looks like a formula, a link or a number is taken for one."""
    if isinstance(value, str):
        space = ' xml:space="preserve"' if value != value.strip() or "\n" in value else ""
        return f' t="inlineStr"><is><t{space}>{_escaped(value)}</t></is></c>'
    if isinstance(value, bool):
        return f' t="b"><v>{value:d}</v></c>'
    return _cell(str(value)) if value in _NO_NUMBERS else f"><v>{value:.16G}</v></c>"


def legal(text: str) -> str:
    """The text with a sign in place of what is no character of XML."""
    return _ILLEGAL.sub("\ufffd", text) if _ILLEGAL.search(text) else text


def _escaped(text: str) -> str:
    if len(text) > TEXT // 2:
        text = text.encode("utf-16-le")[: 2 * TEXT].decode("utf-16-le", "ignore")
    if "_x" in text:
        text = _ESCAPE.sub(r"_x005F\g<0>", text)
    if _SPECIAL.search(text):
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return legal(text)
