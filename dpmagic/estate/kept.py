"""What an estate has read: tables over windows, some columns of each or all, and what was made of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import pandas

from dpmagic.estate.columns import Table
from dpmagic.estate.completeness import KEY, narrowed
from dpmagic.estate.excerpts import Excerpt
from dpmagic.estate.window import Window
from dpmagic.frames.told import Told

Columns = frozenset[str] | None
"""Names of columns, None for all that there are."""
Says = Callable[[Window], Mapping[str, list[Any]]]


@dataclass
class Kept:
    """A table as it was read: over a window, where it has one, which of its columns; all of it or an excerpt."""

    known: Table
    window: Window
    columns: Columns
    rows: pandas.DataFrame
    excerpt: Excerpt | None = None
    _told: dict[Window, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows.attrs[KEY] = Told(self.rows.attrs[KEY])  # pandas copies it with every step

    def covers(self, window: Window, columns: Columns) -> bool:
        """Whether all of this is there."""
        enough = self.columns is None or (columns is not None and columns <= self.columns)
        return enough and self.reaches(window)

    def reaches(self, window: Window) -> bool:
        """Whether the rows of this window are there, with some columns or all."""
        return not self.known.time or self.window.contains(window)

    def part(self, window: Window, columns: Columns, says: Says) -> pandas.DataFrame:
        """These columns of the window's rows, with their completeness: another frame, whose changes are its own."""
        some = (
            self.rows.copy(deep=False) if columns is None else self.rows[[one for one in self.rows if one in columns]]
        )
        if not self.known.time or window == self.window:
            return some
        times = self.rows[self.known.time]
        inside = (times >= window.start) & (times < window.end)
        made = some.copy(deep=False) if inside.all() else some[inside].reset_index(drop=True)  # texts take long to copy
        if window not in self._told:
            mine = self.rows.loc[inside, [name for name in self.rows if name in ("subscriptionId", self.known.time)]]
            self._told[window] = Told(
                narrowed(self.known, mine, self.rows.attrs[KEY], window, says(self.window)["notes"], says(window))
            )
        made.attrs = deepcopy({**self.rows.attrs, KEY: self._told[window]})
        return made

    def told(self, window: Window) -> dict[str, Any]:
        """The completeness of the window's rows, where they were asked for, else of all."""
        found: dict[str, Any] = self._told.get(window, self.rows.attrs[KEY])
        return found


@dataclass
class Memory:
    """What was read, and what was made of it: shared by the windows of an estate.

    ``said`` is the completeness of tables that were read and not kept, for they are large.
    """

    tables: list[Kept] = field(default_factory=list)
    made: dict[Hashable, Any] = field(default_factory=dict)
    said: dict[str, dict[str, Any]] = field(default_factory=dict)

    def find(self, name: str, window: Window, columns: Columns, excerpt: Excerpt | None = None) -> Kept | None:
        """What has these columns of a table, or of an excerpt, over the window: of the very window, else of a wider."""
        able = [one for one in self.of(name, excerpt) if one.covers(window, columns)]
        return min(able, key=lambda one: one.window != window, default=None)

    def of(self, name: str, excerpt: Excerpt | None = None) -> list[Kept]:
        """All that was read of a table, or of an excerpt of it, in the order in which it was."""
        return [one for one in self.tables if one.known.name == name and one.excerpt == excerpt]

    def keep(self, kept: Kept) -> Kept:
        """Keep a table, in place of what it has more of."""
        mine = self.of(kept.known.name, kept.excerpt)
        less = [one for one in mine if kept.covers(one.window, one.columns)]
        self.tables = [one for one in self.tables if one not in less] + [kept]
        return kept

    def blank(self) -> Memory:
        """The same without rows, for those who want to know what is there."""
        return Memory([replace(one, rows=one.rows.head(0)) for one in self.tables])
