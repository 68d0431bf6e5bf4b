"""Parts of a table in DuckDB: where their rows come from, and the SQL of what Resource Graph shows of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from . import typed
from .conversions import Shape, Shred
from .conversions import columns as members
from .model import TABLE_COLUMNS, KustoType
from .typed import Path

_OWNER = "subscriptionId"
_NAME = re.compile(r"\w+")
_WRITTEN = re.compile(r"\bproperties((?:\.[A-Za-z_]\w*)+)")
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
        return [name for name in (*TABLE_COLUMNS, *members(self.shape)) if self.reads(name)]


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
        for name, sql in _member(part, path, shred):
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


def narrowed(shape: Shape, query: str) -> Shape:
    """The members that a query may read: those whose names stand in it, and as dynamics others that it writes out."""
    known = {path: shred for path, shred in shape.items() if path[-1] in query}
    others = sorted({tuple(_NAME.findall(found[1])) for found in _WRITTEN.finditer(query)} - known.keys())
    named = [f"shred~other~{number}" for number in range(len(others))]
    return known | {path: Shred("dynamic", name, name) for path, name in zip(others, named, strict=True)}


def _member(part: Part, path: Path, shred: Shred) -> list[tuple[str, str]]:
    """The columns of a member, and the SQL of its value and of its JSON."""
    if shred.kind == "dynamic":
        return [(shred.json, f"nullif({_dynamic(part, path)}, CAST('null' AS JSON))")]
    native = typed.NATIVE[shred.kind]
    if path in part.members:
        value, json = typed.as_native(*part.members[path]), typed.as_json(*part.members[path])
    elif part.typed:
        value, json = f"CAST(NULL AS {native})", "CAST(NULL AS JSON)"
    else:
        found = f'json_extract("properties", {typed.pointer(path)})'
        value, json = f"TRY_CAST({found} ->> '$' AS {native})", f"nullif({found}, CAST('null' AS JSON))"
    return [(shred.native, value), (shred.json, json)]


def _dynamic(part: Part, path: Path) -> str:
    """The SQL of what a document has at a path, of as little of the document as will do."""
    if not part.typed:
        return f'json_extract("properties", {typed.pointer(path)})'
    leaves = {other: typed.as_json(*member) for other, member in part.members.items()}
    for length in range(1, len(path) + 1):
        if path[:length] in leaves:
            whole, below = leaves[path[:length]], path[length:]
            return f"json_extract({whole}, {typed.pointer(below)})" if below else whole
    inside = {other[len(path) :]: sql for other, sql in leaves.items() if other[: len(path)] == path}
    return typed.document(inside) if inside else "CAST(NULL AS JSON)"


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
