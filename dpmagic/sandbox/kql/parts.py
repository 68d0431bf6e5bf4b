"""Parts of a table in DuckDB: where their rows come from, and the SQL of what Resource Graph shows of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from . import typed
from .conversions import Shape
from .model import KustoType
from .typed import Path


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


class Held:
    """An Arrow table under a name in DuckDB, which asks for it anew each time it reads it."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def select(part: Part, shape: Shape) -> str:
    """The SQL of a part's rows with these shredded members."""
    chosen = [f'{sql} AS "{column}"' for column, sql in part.columns.items()]
    for path, shred in shape.items():
        native, json = _member(part, path, shred.kind)
        chosen += [f'{native} AS "{shred.native}"', f'{json} AS "{shred.json}"']
    return f'SELECT {", ".join(chosen)} FROM "{part.source}"'


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
