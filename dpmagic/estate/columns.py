"""What is known of every table and column, from ``columns.toml``: what frames, files and documents go by."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from dpmagic.errors import InvalidArgument, did_you_mean


@dataclass(frozen=True)
class Column:
    """A column: its dtype in frames, its unit (``""`` for none), where it comes from and what it means.

    ``wire`` is what the view calls it: another name where the value travels in another form.
    """

    name: str
    dtype: str
    source: str
    what: str
    unit: str = ""
    wire: str = ""


@dataclass(frozen=True)
class Table:
    """A table: what one row is, where the records come from, its columns in order.

    ``time`` is the column that a window goes by, ``""`` for a table that says how things are now.
    """

    name: str
    what: str
    origin: str
    columns: Mapping[str, Column]
    time: str = ""

    @property
    def dtypes(self) -> dict[str, str]:
        """Each column's dtype, in order.

        >>> table("subscriptions").dtypes["managementGroups"]
        'object'
        """
        return {name: column.dtype for name, column in self.columns.items()}

    @property
    def wire(self) -> dict[str, str]:
        """What each column is called on the way, in order.

        >>> table("jobs").wire["duration"]
        'durationSeconds'
        """
        return {name: column.wire for name, column in self.columns.items()}


@cache
def tables() -> Mapping[str, Table]:
    """All tables by name, in the order of the file.

    >>> list(tables())[:3]
    ['subscriptions', 'vaults', 'policies']
    """
    text = files("dpmagic.estate").joinpath("columns.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: _table(name, **told) for name, told in tomllib.loads(text).items()})


def _table(name: str, *, what: str, columns: Mapping[str, dict[str, str]], time: str = "", **more: str) -> Table:
    made = {column: _column(column, **told) for column, told in columns.items()}
    return Table(name, what, more["from"], MappingProxyType(made), time)


def _column(name: str, *, type: str, source: str, what: str, unit: str = "", wire: str = "") -> Column:
    return Column(name, type, source, what, unit, wire or name)


def table(name: str) -> Table:
    """The table of this name.  Raises `InvalidArgument` with the nearest name when there is none."""
    try:
        return tables()[name]
    except KeyError:
        raise unknown_table(name, tables()) from None


def unknown_table(name: str, there: Iterable[str]) -> InvalidArgument:
    """The error that says that there is no such table, and which there are."""
    there = list(there)
    return InvalidArgument(
        f"there is no table {name!r}", did_you_mean(name, there, f"there are: {', '.join(there) or 'none'}")
    )
