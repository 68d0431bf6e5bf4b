"""Whether a chart was given the frame of its analysis."""

from __future__ import annotations

from collections.abc import Iterable

import pandas

from dpmagic.errors import InvalidArgument


def checked(frame: object, needed: Iterable[str], analysis: str) -> None:
    """Raise `InvalidArgument` for what is no frame, or lacks a column that ``dpmagic.<analysis>`` gives."""
    if not isinstance(frame, pandas.DataFrame):
        raise InvalidArgument(
            f"a chart is drawn of a frame, not of a value of type {type(frame).__name__}",
            f"give what dpmagic.{analysis} gives",
        )
    missing = [name for name in needed if name not in frame]
    if missing:
        there = ", ".join(map(str, frame.columns)) or "no columns"
        raise InvalidArgument(
            f"the frame has no column {missing[0]}", f"give what dpmagic.{analysis} gives; it has {there}"
        )
