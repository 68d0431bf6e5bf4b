"""Parts of a table in DuckDB: where their rows come from, and the SQL of what Resource Graph shows of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from . import typed
from .conversions import Shape
from .model import TABLE_COLUMNS, KustoType
from .typed import Path

_OWNER = "subscriptionId"
_CONSTANT = re.compile("'[^']*'")


@dataclass(frozen=True, eq=False)
class Part:
    """Where rows come from, and the SQL of each column and of each member that has a type.

    ``given`` are the expressions that it was made of.
    """

    source: str
    columns: Mapping[str, str]
    members: Mapping[Path, tuple[str, str]]  # expression and DuckDB type
    given: tuple[Mapping[str, str], Mapping[str, str]] | None = None

    @property
    def typed(self) -> bool:
        """Whether it is an Arrow table's, not that of the records."""
        return self.given is not None


@dataclass(frozen=True)
class Reading:
    """What a query reads of a table: its shredded members, and the rows of ``types`` and the ``columns`` alone.

    None is any type (they are in lower case), or all columns, those of the members among them.
    """

    shape: Shape
    types: frozenset[str] | None = None
    columns: frozenset[str] | None = None

    def reads(self, column: str) -> bool:
        """Whether a column is read. A row has an id, even where rows are only counted."""
        return column == "id" or self.columns is None or column in self.columns

    def names(self) -> list[str]:
        """The columns that are read, in order."""
        members = [name for shred in self.shape.values() for name in (shred.native, shred.json)]
        return [name for name in (*TABLE_COLUMNS, *members) if self.reads(name)]


class Held:
    """An Arrow table under a name in DuckDB, which asks for it anew each time it reads it.

    ``types`` are those that its rows may have, in lower case; None when any.
    """

    def __init__(self, table: Any, types: frozenset[str] | None) -> None:
        self.table = table
        self.types = types

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def select(part: Part, read: Reading, subscriptions: Collection[str] | None) -> str:
    """The SQL of a part's rows as far as they are read, and of subscriptions (lower-case ids), None for all."""
    # DuckDB takes longer to plan columns that nobody reads than to run over small tables.
    chosen = [f'{sql} AS "{column}"' for column, sql in part.columns.items() if read.reads(column)]
    for path, shred in read.shape.items():
        for name, sql in zip((shred.native, shred.json), _member(part, path, shred.kind), strict=True):
            if read.reads(name):
                chosen.append(f'{sql} AS "{name}"')
    if subscriptions is None:
        return f'SELECT {", ".join(chosen)} FROM "{part.source}"'
    listed = ", ".join(_quoted(one) for one in sorted(subscriptions))
    owner = "" if read.reads(_OWNER) else f', {part.columns[_OWNER]} AS "{_OWNER}"'
    inner = f'SELECT {", ".join(chosen)}{owner} FROM "{part.source}"'
    names = ", ".join(f'"{name}"' for name in read.names())
    return f'SELECT {names} FROM ({inner}) WHERE lower("{_OWNER}") IN ({listed})'


def constant(sql: str | None) -> frozenset[str] | None:
    """The one text, in lower case, that an expression always is; None when it may be several.

    >>> constant("'Microsoft.Compute/disks'"), constant("kind || '/disks'")
    (frozenset({'microsoft.compute/disks'}), None)
    """
    if sql is None:
        return frozenset({""})
    return frozenset({sql[1:-1].lower()}) if _CONSTANT.fullmatch(sql) else None


def _member(part: Part, path: Path, kind: KustoType) -> tuple[str, str]:
    """The SQL of a member's value and of its JSON."""
    if path in part.members:
        return typed.as_native(*part.members[path]), typed.as_json(*part.members[path])
    native = typed.NATIVE[kind]
    if part.typed:
        return f"CAST(NULL AS {native})", "CAST(NULL AS JSON)"
    value = f'json_extract("properties", {typed.pointer(path)})'
    return f"TRY_CAST({value} ->> '$' AS {native})", f"nullif({value}, CAST('null' AS JSON))"


def typed_column(sql: str | None, kind: KustoType) -> str:
    """The SQL of a column of Resource Graph from that of a typed one, which may be left out."""
    if kind == "dynamic":
        return "CAST(NULL AS JSON)" if sql is None else f"to_json({sql})"
    return "''" if sql is None else f"coalesce(CAST({sql} AS VARCHAR), '')"


def texts(rows: Iterable[Mapping[str, Any]], name: str, dynamic: bool) -> list[str | None]:
    """A column of records as texts, dynamics as their JSON."""
    if dynamic:
        return [None if row.get(name) is None else orjson.dumps(row[name]).decode() for row in rows]
    return [str(row.get(name) or "") for row in rows]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
