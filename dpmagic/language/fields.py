"""Where the steps of ``${name.field[0]}`` lead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dpmagic.language.values import is_frame, is_keyed

_INDEX = re.compile(r"-?\d+", re.ASCII)


class NoField(LookupError):
    """A step that leads nowhere, and the ``known`` ones in its place."""

    def __init__(self, step: str, known: list[str]) -> None:
        super().__init__(step)
        self.step, self.known = step, known


def field(value: Any, steps: tuple[str | int, ...]) -> Any:
    """The value that ``steps`` lead to: keys, attributes and indexes, one after another.

    A DataFrame's column is its value when there is one row, else the list of its values.  Dotted keys, as nested
    objects have in a DataFrame, are found first.  Attributes are those of other objects, and only public ones.  Raises
    `NoField`.
    """
    while steps:
        value, steps = _by_key(value, steps) or (_by_index_or_attribute(value, steps), steps[1:])
    return value


def _by_key(value: Any, steps: tuple[str | int, ...]) -> tuple[Any, tuple[str | int, ...]] | None:
    """The value under the longest key that the steps make when joined, and the steps left."""
    if not is_keyed(value):
        return None
    for count in range(len(steps), 0, -1):
        key = ".".join(map(str, steps[:count]))
        if key in value:
            found = value[key]
            if is_frame(value):
                found = found.iloc[0] if len(found) == 1 else list(found)
            return found, steps[count:]
    return None


def _by_index_or_attribute(value: Any, steps: tuple[str | int, ...]) -> Any:
    step = str(steps[0])
    if _INDEX.fullmatch(step):
        rows = value.iloc if hasattr(value, "iloc") else value
        if hasattr(rows, "__getitem__") and not isinstance(value, Mapping | str | bytes):
            try:
                return rows[int(step)]
            except (IndexError, KeyError, TypeError):
                raise NoField(step, []) from None
    elif not is_keyed(value) and not step.startswith("_") and hasattr(value, step):
        return getattr(value, step)
    if is_keyed(value):
        raise NoField(".".join(map(str, steps)), [key for key in value.keys() if isinstance(key, str)])  # noqa: SIM118
    raise NoField(step, [])
