"""Tables of Resource Graph in DuckDB: records and typed columns in, answers out as Arrow tables.

A table is a view over its parts: one DuckDB table of all records, and each Arrow table as it stands. The members of
``properties`` that a typed part gives have two more columns each in the view, the value itself and its JSON. A query
gets a view with those alone that it may read: DuckDB works out no more columns than it reads, but plans all there are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from . import typed
from .conversions import Shred
from .model import TABLE_COLUMNS, KqlError, KustoType, semantic
from .typed import Path, TypedRows

Rows = Sequence[Mapping[str, Any] | TypedRows]
Shape = Mapping[Path, Shred]

_CLOCK = "kqlnow"
_KEPT = 256
#: A datetime's text that reads back as the same instant.
_ISO = r"'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|\+00:00)$'"


@dataclass(frozen=True)
class _Part:
    """Where rows come from, and the SQL of each column and of each member that has a type."""

    source: str
    columns: Mapping[str, str]
    members: Mapping[Path, tuple[str, str]]  # expression and DuckDB type
    typed: bool


class Store:
    """One DuckDB in memory, on one thread: the order of rows then holds through filters and lists."""

    def __init__(self) -> None:
        import duckdb

        self._duckdb = duckdb
        self._connection = duckdb.connect(":memory:", config={"threads": 1, "enable_external_access": "false"})
        self._connection.execute("SET TimeZone='UTC'")
        self._versions: dict[str, object] = {}
        self._prepared: OrderedDict[str, str] = OrderedDict()
        self._count = 0
        self._parts: dict[str, list[_Part]] = {}
        self._subscriptions: dict[str, frozenset[str]] = {}
        self._wanted: dict[str, frozenset[str] | None] = {}
        self._views: dict[tuple[str, frozenset[Path], frozenset[str] | None], str] = {}
        #: The shredded members of each loaded table that has any.
        self.shapes: dict[str, Shape] = {}

    def load(self, table: str, rows: Callable[[str], Rows], version: object | None) -> None:
        """Load a table, unless it stands under this very version."""
        if version is not None and self._versions.get(table) == version:
            return
        found = rows(table)
        self._forget(table)
        arrow = [row for row in found if isinstance(row, TypedRows)]
        parts = [self._typed_part(f"{table}~{number}", part) for number, part in enumerate(arrow)]
        records = [row for row in found if not isinstance(row, TypedRows)]
        if records or not parts:
            parts.append(self._record_part(f"{table}~records", records))
        self._parts[table] = parts
        self.shapes.pop(table, None)
        shape = self._shape(parts)
        if shape:
            self.shapes[table] = shape
        self._wanted[table] = None
        query = f'SELECT DISTINCT lower("subscriptionId") FROM "{self._view(table, {})}"'
        self._subscriptions[table] = frozenset(row[0] for row in self._connection.execute(query).fetchall())
        self._versions[table] = version

    def narrow(self, table: str, subscriptions: Collection[str] | None) -> None:
        """Have a loaded table show rows of these subscriptions (lower-case ids) alone, and those of none."""
        wanted = None if subscriptions is None else frozenset(subscriptions) | {""}
        if wanted is not None and self._subscriptions[table] <= wanted:
            wanted = None
        self._wanted[table] = wanted

    def query(self, sql: str, tables: Mapping[str, Shape], now: datetime | None) -> Any:
        """The answer of a translated query as an Arrow table; ``now`` is bound where the query reads the clock.

        ``tables`` are those that it reads, with the shredded members that it was translated for.
        """
        views = ((table, self._view(table, shape)) for table, shape in tables.items())
        named = ", ".join(f'"{table}" AS NOT MATERIALIZED (SELECT * FROM "{view}")' for table, view in views)
        sql = f"WITH {named}, {sql[5:]}" if sql.startswith("WITH ") else f"WITH {named} {sql}"
        bound = "" if now is None else f"({_CLOCK} := TIMESTAMP '{now.astimezone(UTC).replace(tzinfo=None)}')"
        try:
            return self._connection.sql(f"EXECUTE {self._prepare(sql)}{bound}").to_arrow_table()
        except self._duckdb.BinderException as error:
            # SQL that does not bind: a gap of the dialect layer, so it is not put on the service.
            raise KqlError("SandboxUnsupported", str(error).partition("\n")[0]) from error
        except self._duckdb.Error as error:
            # A value that typing cannot foresee, an overflow for one: the service answers with an error as well.
            raise semantic(str(error).partition("\n")[0]) from error

    def _prepare(self, sql: str) -> str:
        """The name of the prepared statement: planning takes longer than running, over small tables."""
        name = self._prepared.get(sql)
        if name is None:
            self._count += 1
            name = f"query{self._count}"
            self._connection.execute(f"PREPARE {name} AS {sql}")
            self._prepared[sql] = name
            if len(self._prepared) > _KEPT:
                self._connection.execute(f"DEALLOCATE {self._prepared.popitem(last=False)[1]}")
        self._prepared.move_to_end(sql)
        return name

    def _forget(self, table: str) -> None:
        """Let go of a table's views, and of prepared statements: they would go on reading the columns of before."""
        for key in [key for key in self._views if key[0] == table]:
            self._drop(key)
        for name in self._prepared.values():
            self._connection.execute(f"DEALLOCATE {name}")
        self._prepared.clear()

    def _record_part(self, name: str, rows: Sequence[Mapping[str, Any]]) -> _Part:
        import pyarrow as pa

        columns = {
            column: pa.array(_texts(rows, column, kind == "dynamic"), pa.string())
            for column, kind in TABLE_COLUMNS.items()
        }
        self._connection.register("incoming", pa.table(columns))
        try:
            # As Arrow, too: DuckDB plans a prepared statement anew each time where it reads a table of its own.
            ordered = self._connection.sql("SELECT * FROM incoming ORDER BY id").to_arrow_table()
        finally:
            self._connection.unregister("incoming")
        self._connection.register(name, ordered)
        dynamic = {column: f'CAST("{column}" AS JSON)' for column, kind in TABLE_COLUMNS.items() if kind == "dynamic"}
        return _Part(name, {column: f'"{column}"' for column in TABLE_COLUMNS} | dynamic, {}, typed=False)

    def _typed_part(self, name: str, rows: TypedRows) -> _Part:
        self._connection.register(name, rows.table)
        members: dict[Path, tuple[str, str]] = {}
        if rows.members:
            listed = ", ".join(f"({sql})" for sql in rows.members.values())
            described = self._connection.execute(f'DESCRIBE SELECT {listed} FROM "{name}"').fetchall()
            for (path, sql), row in zip(rows.members.items(), described, strict=True):
                members[typed.steps(path)] = (f"({sql})", str(row[1]))
        columns = {column: _typed_column(rows.columns.get(column), kind) for column, kind in TABLE_COLUMNS.items()}
        columns["properties"] = typed.document({path: typed.as_json(*member) for path, member in members.items()})
        return _Part(name, columns, members, typed=True)

    def _shape(self, parts: Sequence[_Part]) -> Shape:
        """The members that have one type in every part that has them."""
        paths = sorted({path for part in parts for path in part.members})
        shape: dict[Path, Shred] = {}
        for number, path in enumerate(paths):
            kinds = {typed.kind(part.members[path][1]) for part in parts if path in part.members}
            kind = kinds.pop()
            if not kinds and kind != "dynamic" and all(self._fits(part, path, kind) for part in parts):
                shape[path] = Shred(kind, f"shred~{number}", f"shred~{number}~json")
        return shape

    def _fits(self, part: _Part, path: Path, kind: KustoType) -> bool:
        """Whether a part either gives the member or holds nothing at its path that is not of the type."""
        if part.typed:
            nested = [other for other in part.members if other != path and _nested(other, path)]
            return not nested
        value = f'json_extract("properties", {typed.pointer(path)})'
        wrong = _MISFITS[kind].format(value)
        found = self._connection.execute(f'SELECT count(*) FROM "{part.source}" WHERE {wrong}').fetchone()
        return found == (0,)

    def _view(self, table: str, shape: Shape) -> str:
        """The name of a view of a table with these shredded members, and with the subscriptions that are wanted."""
        key = (table, frozenset(shape), self._wanted[table])
        if key not in self._views:
            self._count += 1
            self._views[key] = f"{table}~view{self._count}"
            self._connection.execute(f'CREATE VIEW "{self._views[key]}" AS {self._union(table, shape)}')
            if len(self._views) > _KEPT:
                self._drop(next(iter(self._views)))
        return self._views[key]

    def _drop(self, key: tuple[str, frozenset[Path], frozenset[str] | None]) -> None:
        self._connection.execute(f'DROP VIEW "{self._views.pop(key)}"')

    def _union(self, table: str, shape: Shape) -> str:
        subscriptions = self._wanted[table]
        selects = [_select(part, shape) for part in self._parts[table]]
        listed = "" if subscriptions is None else ", ".join(_quoted(one) for one in sorted(subscriptions))
        where = f' WHERE lower("subscriptionId") IN ({listed})' if listed else ""
        return " UNION ALL ".join(f"SELECT * FROM ({select}){where}" for select in selects)


def _select(part: _Part, shape: Shape) -> str:
    chosen = [f'{sql} AS "{column}"' for column, sql in part.columns.items()]
    for path, shred in shape.items():
        native, json = _member(part, path, shred.kind)
        chosen += [f'{native} AS "{shred.native}"', f'{json} AS "{shred.json}"']
    return f'SELECT {", ".join(chosen)} FROM "{part.source}"'


def _member(part: _Part, path: Path, kind: KustoType) -> tuple[str, str]:
    """The SQL of a member's value and of its JSON."""
    if path in part.members:
        return typed.as_native(*part.members[path]), typed.as_json(*part.members[path])
    native = typed.NATIVE[kind]
    if part.typed:
        return f"CAST(NULL AS {native})", "CAST(NULL AS JSON)"
    value = f'json_extract("properties", {typed.pointer(path)})'
    return f"TRY_CAST({value} ->> '$' AS {native})", f"nullif({value}, CAST('null' AS JSON))"


def _typed_column(sql: str | None, kind: KustoType) -> str:
    if kind == "dynamic":
        return "CAST(NULL AS JSON)" if sql is None else f"to_json({sql})"
    return "''" if sql is None else f"coalesce(CAST({sql} AS VARCHAR), '')"


def _nested(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _texts(rows: Iterable[Mapping[str, Any]], name: str, dynamic: bool) -> list[str | None]:
    if dynamic:
        return [None if row.get(name) is None else orjson.dumps(row[name]).decode() for row in rows]
    return [str(row.get(name) or "") for row in rows]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_PRESENT = "coalesce(json_type({0}), 'NULL') NOT IN ('NULL', "
#: What of a document is not of a type, by SQL.
_MISFITS: dict[KustoType, str] = {
    "string": _PRESENT + "'VARCHAR')",
    "long": _PRESENT + "'BIGINT', 'UBIGINT')",
    "real": _PRESENT + "'BIGINT', 'UBIGINT', 'DOUBLE')",
    "bool": _PRESENT + "'BOOLEAN')",
    "datetime": _PRESENT
    + "'VARCHAR') OR NOT coalesce(regexp_matches({0} ->> '$', "
    + _ISO.replace("{", "{{").replace("}", "}}")
    + "), true)",
}
