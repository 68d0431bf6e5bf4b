"""Tables of Resource Graph in DuckDB: records and typed columns in, answers out as Arrow tables.

A table is the union of its parts: one Arrow table of all records, and each typed one as it stands. Time passes and rows
change, and columns hardly ever do: prepared statements then go on over the new rows. The members of ``properties`` that
a typed part gives have two more columns each in the union, the value itself and its JSON. A query gets those alone that
it may read: DuckDB works out no more columns than it reads, but plans all there are.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .. import arrow
from . import typed
from .conversions import Shape, Shred
from .misfits import misfits
from .model import TABLE_COLUMNS, KqlError, KustoType, semantic
from .parts import Held, Part, Reading, constant, select, texts, typed_column
from .typed import Path, TypedRows

Rows = Sequence[Mapping[str, Any] | TypedRows]

_CLOCK = "kqlnow"
_KEPT = 256
_OFTEN = 30  # how often a query may name a column that is made anew for each
_NAME = re.compile(r'"[^"]+"')


class Store:
    """One DuckDB in memory, on one thread: the order of rows then holds through filters and lists."""

    def __init__(self) -> None:
        import duckdb

        self._duckdb = duckdb
        self._connection = duckdb.connect(":memory:", config={"threads": 1, "enable_external_access": "false"})
        self._connection.execute("SET TimeZone='UTC'")
        # DuckDB draws bars at a prompt.  Only there: where it has none to draw it refuses to turn them off.
        if self._connection.sql("SELECT current_setting('enable_progress_bar')").fetchall() == [(True,)]:
            self._connection.execute("SET enable_progress_bar = false")
        self._versions: dict[str, object] = {}
        self._prepared: OrderedDict[str, str] = OrderedDict()
        self._count = 0
        self._held: dict[str, Held] = {}
        self._parts: dict[str, list[Part]] = {}
        self._subscriptions: dict[str, frozenset[str]] = {}
        self._wanted: dict[str, frozenset[str] | None] = {}
        #: The shredded members of each loaded table that has any.
        self.shapes: dict[str, Shape] = {}

    def load(self, table: str, rows: Callable[[str], Rows], version: object | None) -> None:
        """Load a table, unless it stands under this very version."""
        if version is not None and self._versions.get(table) == version:
            return
        found = rows(table)
        arrow = [row for row in found if isinstance(row, TypedRows)]
        records = [row for row in found if not isinstance(row, TypedRows)]
        before = self._parts.get(table, [])
        same = {part.source: part for part in before}
        parts = [self._typed_part(f"{table}~{number}", part, same) for number, part in enumerate(arrow)]
        fresh = False
        if records or not parts:
            part, fresh = self._record_part(f"{table}~records", records, same)
            parts.append(part)
        if parts != before:
            self._forget(table)
            fresh = True
        self._parts[table] = parts
        if fresh:
            self._reshape(table, parts, records)
        self._wanted[table] = None
        owners = self._union(table, Reading({}, columns=frozenset({"subscriptionId"})))
        query = f'SELECT DISTINCT lower("subscriptionId") FROM ({owners})'
        self._subscriptions[table] = frozenset(row[0] for row in self._connection.execute(query).fetchall())
        self._versions[table] = version

    def _reshape(self, table: str, parts: Sequence[Part], records: Sequence[Mapping[str, Any]]) -> None:
        """Note which members have columns, now that the documents or the columns are others."""
        shape = _shape(parts, records)
        if shape != self.shapes.pop(table, {}):
            self._forget(table)
        if shape:
            self.shapes[table] = shape

    def narrow(self, table: str, subscriptions: Collection[str] | None) -> None:
        """Have a loaded table show rows of these subscriptions (lower-case ids) alone, and those of none."""
        wanted = None if subscriptions is None else frozenset(subscriptions) | {""}
        if wanted is not None and self._subscriptions[table] <= wanted:
            wanted = None
        self._wanted[table] = wanted

    def query(
        self, sql: str, tables: Mapping[str, Reading], now: datetime | None, values: Mapping[str, str] | None = None
    ) -> Any:
        """The answer of a translated query as an Arrow table; ``now`` is bound where the query reads the clock.

        ``tables`` are those that it reads, and what of them; ``values`` are SQL for its other parameters.
        """
        # DuckDB makes a column anew wherever the query names it; a table of such rows is then made once, and first.
        how = "MATERIALIZED" if max(Counter(_NAME.findall(sql)).values(), default=0) > _OFTEN else "NOT MATERIALIZED"
        named = ", ".join(f'"{table}" AS {how} ({self._union(table, read)})' for table, read in tables.items())
        sql = f"WITH {named}, {sql[5:]}" if sql.startswith("WITH ") else f"WITH {named} {sql}"
        clock = {} if now is None else {_CLOCK: f"TIMESTAMP '{now.astimezone(UTC).replace(tzinfo=None)}'"}
        given = ", ".join(f"{name} := {value}" for name, value in {**clock, **(values or {})}.items())
        bound = f"({given})" if given else ""
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
        """Let go of what is prepared over a table's parts, which would read the columns of before."""
        for sql in [sql for sql in self._prepared if f'"{table}~' in sql]:
            self._connection.execute(f"DEALLOCATE {self._prepared.pop(sql)}")

    def _hold(self, name: str, table: Any, types: frozenset[str] | None) -> bool:
        """Have DuckDB read a table under a name; whether its columns are those of the table before it."""
        held = self._held.get(name)
        if held is not None and held.table.schema == table.schema:
            held.table, held.types = table, types
            return True
        self._held[name] = Held(table, types)
        self._connection.register(name, self._held[name])
        return False

    def _record_part(self, name: str, rows: Sequence[Mapping[str, Any]], same: Mapping[str, Part]) -> tuple[Part, bool]:
        """All records as one part, and whether any is another than before."""
        import pyarrow as pa

        columns = {
            column: arrow.texts(texts(rows, column, kind == "dynamic")) for column, kind in TABLE_COLUMNS.items()
        }
        # As Arrow, too: DuckDB plans a prepared statement anew each time where it reads a table of its own.
        table = pa.table(columns).sort_by("id")
        if name in same and self._held[name].table.equals(table):
            return same[name], False
        if self._hold(name, table, frozenset(str(row.get("type") or "").lower() for row in rows)) and name in same:
            return same[name], True
        dynamic = {column: f'CAST("{column}" AS JSON)' for column, kind in TABLE_COLUMNS.items() if kind == "dynamic"}
        return Part(name, {column: f'"{column}"' for column in TABLE_COLUMNS} | dynamic, {}), True

    def _typed_part(self, name: str, rows: TypedRows, same: Mapping[str, Part]) -> Part:
        given = (rows.columns, rows.members)
        types = constant(rows.columns.get("type"))
        if self._hold(name, rows.table, types) and name in same and same[name].given == given:
            return same[name]
        members: dict[Path, tuple[str, str]] = {}
        if rows.members:
            listed = ", ".join(f"({sql})" for sql in rows.members.values())
            described = self._connection.execute(f'DESCRIBE SELECT {listed} FROM "{name}"').fetchall()
            for (path, sql), row in zip(rows.members.items(), described, strict=True):
                members[typed.steps(path)] = (f"({sql})", str(row[1]))
        columns = {column: typed_column(rows.columns.get(column), kind) for column, kind in TABLE_COLUMNS.items()}
        columns["properties"] = typed.document({path: typed.as_json(*member) for path, member in members.items()})
        return Part(name, columns, members, given)

    def _union(self, table: str, read: Reading) -> str:
        """SQL of a table's rows as far as a query reads them, and of the subscriptions that are wanted."""
        every = self._parts[table]
        parts = [part for part in every if _may(read.types, self._held[part.source].types)] or every[-1:]
        return " UNION ALL ".join(select(part, read, self._wanted[table]) for part in parts)


def _may(wanted: frozenset[str] | None, held: frozenset[str] | None) -> bool:
    """Whether rows of some types may be among those wanted."""
    return wanted is None or held is None or bool(wanted & held)


def _shape(parts: Sequence[Part], records: Sequence[Mapping[str, Any]]) -> Shape:
    """The members that have one type in every part that has them, and no other in a record."""
    whole = {path for part in parts for path in part.members}
    above = {one for path in whole for one in _above(path)}
    paths = sorted(whole)
    kinds: dict[Path, KustoType] = {}
    for path in paths:
        found = {typed.kind(part.members[path][1]) for part in parts if path in part.members}
        kind = found.pop()
        if not found and kind != "dynamic" and path not in above and not any(one in whole for one in _above(path)):
            kinds[path] = kind
    others = misfits((row.get("properties") for row in records), kinds)
    return {
        path: Shred(kinds[path], f"shred~{number}", f"shred~{number}~json")
        for number, path in enumerate(paths)
        if path in kinds and path not in others
    }


def _above(path: Path) -> list[Path]:
    """The paths of what a member stands in."""
    return [path[:length] for length in range(1, len(path))]
