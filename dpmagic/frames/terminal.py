"""A frame as text for a terminal: columns side by side where a line holds them, else one field a line."""

from __future__ import annotations

import re
from typing import Any

import pandas

from dpmagic.frames.columns import DURATION, TIME
from dpmagic.frames.times import format_duration, format_time

_GAP = "  "
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_RIGHT = {"Int64", "Float64", DURATION}


def terminal_table(frame: pandas.DataFrame, width: int | None = None) -> str:
    """The frame's rows below a header, without a newline at the end; ``""`` when there is nothing to show.

    Shown is every column that has a value and holds no lists or objects.  Times are in UTC to the second, durations
    ``[d.]hh:mm:ss``.  Nothing is ever cut: where ``width`` says how many characters a line has and a row needs more,
    each row is shown as lines of ``column  value``, as psql does.

    >>> print(terminal_table(pandas.DataFrame({"name": ["v1", "vault2"], "jobs": [3, 14]}).convert_dtypes()))
    name    jobs
    ------  ----
    v1         3
    vault2    14
    """
    shown = [name for name in frame.columns if _is_plain(frame[name])]
    if not shown or frame.empty:
        return ""
    texts = [[str(name), *_texts(frame[name])] for name in shown]
    widths = [max(map(len, column)) for column in texts]
    if width and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        return _records(texts)
    right = [str(frame[name].dtype) in _RIGHT for name in shown]
    for column, space in zip(texts, widths, strict=True):
        column.insert(1, "-" * space)
    lines = []
    for cells in zip(*texts, strict=True):
        aligned = [_aligned(*each) for each in zip(cells, widths, right, strict=True)]
        lines.append(_GAP.join(aligned).rstrip())
    return "\n".join(lines)


def _records(columns: list[list[str]]) -> str:
    """Each row as a block of lines, one for each column that has a value in it."""
    heads, *rows = zip(*columns, strict=True)
    wide = max(map(len, heads))
    blocks = [[f"{head:<{wide}}{_GAP}{cell}" for head, cell in zip(heads, row, strict=True) if cell] for row in rows]
    return "\n\n".join("\n".join(block) for block in blocks)


def _is_plain(column: pandas.Series[Any]) -> bool:
    values = column.dropna()
    return len(values) > 0 and not (str(column.dtype) == "object" and values.map(type).isin((list, dict)).any())


def _texts(column: pandas.Series[Any]) -> list[str]:
    kind = str(column.dtype)
    if kind == TIME:
        return ["" if pandas.isna(cell) else format_time(cell, "seconds") for cell in column]
    if kind == DURATION:
        return ["" if pandas.isna(cell) else format_duration(cell, fraction=False) for cell in column]
    # A line break would break the table, and an escape sequence in a tag would reach the terminal;
    # half of a surrogate pair cannot even be printed.
    return ["" if pandas.isna(cell) else _CONTROL.sub(" ", str(cell)) for cell in column]


def _aligned(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)
