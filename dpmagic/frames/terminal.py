"""A frame as text for a terminal: columns side by side, nothing left out that a line can hold."""

from __future__ import annotations

import re
from typing import Any

import pandas

from dpmagic.frames.columns import DURATION, TIME
from dpmagic.frames.times import format_duration, format_time

_GAP = "  "
_NARROWEST = 8
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_RIGHT = {"Int64", "Float64", DURATION}


def terminal_table(frame: pandas.DataFrame, width: int | None = None) -> str:
    """The frame's rows below a header, without a newline at the end; ``""`` when there is nothing to show.

    Shown is every column that has a value and holds no lists or objects.  Times are in UTC to the second, durations
    ``[d.]hh:mm:ss``.  Nothing is cut unless ``width`` says how many characters a line has: then the widest columns
    give way first, and at last the end of the line.

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
    widths = _fitted([max(map(len, column)) for column in texts], width)
    right = [str(frame[name].dtype) in _RIGHT for name in shown]
    for column, space in zip(texts, widths, strict=True):
        column.insert(1, "-" * space)
    lines = []
    for cells in zip(*texts, strict=True):
        aligned = [_cell(*each) for each in zip(cells, widths, right, strict=True)]
        lines.append(_GAP.join(aligned).rstrip()[:width])
    return "\n".join(lines)


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


def _fitted(widths: list[int], width: int | None) -> list[int]:
    """The widths, the widest made narrower until they fit into ``width`` or none is wider than the narrowest."""
    widths = list(widths)
    gaps = len(_GAP) * (len(widths) - 1)
    while width and sum(widths) + gaps > width and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def _cell(text: str, width: int, right: bool) -> str:
    text = text if len(text) <= width else text[: width - 1] + "…"
    return text.rjust(width) if right else text.ljust(width)
