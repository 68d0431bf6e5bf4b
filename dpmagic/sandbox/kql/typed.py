"""Rows given as typed columns, for tables of millions: no document is built that nobody asks for.

A large table of jobs is an Arrow table with a column for the status, one for the start, and so on. What Resource Graph
shows of it is a set of expressions over those columns: its sixteen columns, and the members of ``properties`` by
their JSON path. A query that reads ``properties.status`` then reads the column, and ``properties`` itself is made only
for the rows that show it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .model import TABLE_COLUMNS, KustoType

if TYPE_CHECKING:
    import pyarrow as pa

Path = tuple[str, ...]

_STEP = re.compile(r'\.(?:"([^"]*)"|([A-Za-z_][A-Za-z0-9_]*))')
#: DuckDB's types as Kusto's; a text is a string, and what is not here cannot be a member.
_KINDS: dict[str, KustoType] = {
    "VARCHAR": "string",
    "BIGINT": "long",
    "INTEGER": "long",
    "SMALLINT": "long",
    "TINYINT": "long",
    "UINTEGER": "long",
    "DOUBLE": "real",
    "FLOAT": "real",
    "BOOLEAN": "bool",
    "TIMESTAMP": "datetime",
    "TIMESTAMP_NS": "datetime",
    "TIMESTAMP WITH TIME ZONE": "datetime",
    "JSON": "dynamic",
}


@dataclass(frozen=True, eq=False)
class TypedRows:
    """Many rows of a table of Resource Graph as one Arrow table; stands among the records of :class:`~.Tables`.

    ``columns`` gives a Resource Graph column by a DuckDB expression over the Arrow table's, a column's name being the
    simplest; one that is left out is empty, a string, or null. ``members`` gives what ``properties`` holds, by JSON
    path (``$.status``, ``$.extendedInfo."odd name"``), in the order in which the document has it. Dictionary columns
    keep texts that repeat small. Timestamps are UTC; of nanoseconds, texts show seven digits. Rows come in the order
    of their ids, which ``make_list`` and the like keep.

    >>> import pyarrow as pa
    >>> jobs = pa.table({"job": ["j1"], "state": ["Completed"], "start": pa.array([0], pa.timestamp("us"))})
    >>> typed = TypedRows(
    ...     jobs, {"id": "'/jobs/' || job", "type": "'t/jobs'"}, {"$.status": "state", "$.times.start": "start"}
    ... )
    >>> from datetime import UTC, datetime
    >>> from . import run
    >>> answer = run("resources | project id, properties", {"resources": [typed]}, datetime(2026, 1, 1, tzinfo=UTC))
    >>> answer.rows
    [('/jobs/j1', {'status': 'Completed', 'times': {'start': '1970-01-01T00:00:00.0000000Z'}})]
    """

    table: pa.Table
    columns: Mapping[str, str]
    members: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        strange = sorted(set(self.columns) - set(TABLE_COLUMNS)) + [
            column for column in ("properties",) if column in self.columns
        ]
        if strange:
            raise ValueError(f"not a column of Resource Graph, or given by members: {', '.join(strange)}")
        for path in self.members:
            steps(path)


def steps(path: str) -> Path:
    """The names in a JSON path of members.

    >>> steps('$.extendedInfo."odd name"')
    ('extendedInfo', 'odd name')
    """
    found = _STEP.findall(path[1:])
    if not path.startswith("$") or not found or "".join(match.group() for match in _STEP.finditer(path)) != path[1:]:
        raise ValueError(f"not a path of members: {path!r}")
    return tuple(quoted or plain for quoted, plain in found)


def pointer(path: Path) -> str:
    """A path as a JSON pointer in an SQL text, which takes any name.

    >>> pointer(("a/b", "it's"))
    "'/a~1b/it''s'"
    """
    text = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
    return "'" + text.replace("'", "''") + "'"


def kind(duckdb_type: str) -> KustoType:
    """The Kusto type of a DuckDB type. Raises ValueError for one that a member cannot have."""
    if duckdb_type.startswith("ENUM"):
        return "string"
    if duckdb_type not in _KINDS:
        raise ValueError(f"a member of properties cannot be of DuckDB's type {duckdb_type}; cast it")
    return _KINDS[duckdb_type]


def as_json(sql: str, duckdb_type: str) -> str:
    """The JSON value of an expression of this type: SQL null stays null."""
    if duckdb_type == "TIMESTAMP_NS":
        return f"to_json(left(strftime({sql}, '%Y-%m-%dT%H:%M:%S.%n'), 27) || 'Z')"
    if kind(duckdb_type) == "datetime":
        return f"to_json(strftime(CAST({sql} AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%f') || '0Z')"
    return f"to_json({sql})"


def as_native(sql: str, duckdb_type: str) -> str:
    """The value of an expression in the one DuckDB type that its Kusto type has here."""
    native = NATIVE[kind(duckdb_type)]
    if duckdb_type == "TIMESTAMP_NS":
        return f"make_timestamp(epoch_ns({sql}) // 1000)"  # a cast would round
    return sql if native == duckdb_type else f"CAST({sql} AS {native})"


NATIVE: dict[KustoType, str] = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "real": "DOUBLE",
    "bool": "BOOLEAN",
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
}


def document(leaves: Mapping[Path, str]) -> str:
    """SQL that builds the document whose members are these JSON values; a null member stays, as in recorded rows."""
    if not leaves:
        return "CAST('{}' AS JSON)"
    members: dict[str, dict[Path, str]] = {}
    for path, sql in leaves.items():
        members.setdefault(path[0], {})[path[1:]] = sql
    pairs = [f"{_quoted(name)}, {inner[()] if () in inner else document(inner)}" for name, inner in members.items()]
    return f"json_object({', '.join(pairs)})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
