"""Tables of Resource Graph in DuckDB: rows in by Arrow, answers out as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from .model import TABLE_COLUMNS, Column, KqlError, KustoType, semantic

_CLOCK = "kqlnow"


class Store:
    """One DuckDB in memory, on one thread: the order of rows then holds through filters and lists."""

    def __init__(self) -> None:
        import duckdb

        self._duckdb = duckdb
        self._connection = duckdb.connect(":memory:", config={"threads": 1, "enable_external_access": "false"})
        self._connection.execute("SET TimeZone='UTC'")
        self._loaded: dict[str, object] = {}

    def load(self, table: str, rows: Callable[[str], Sequence[Mapping[str, Any]]], version: object | None) -> None:
        """Load a table, unless it stands under this very version."""
        if version is not None and self._loaded.get(table) == version:
            return
        import pyarrow as pa

        found = rows(table)
        columns = {
            name: pa.array(_texts(found, name, kind == "dynamic"), pa.string()) for name, kind in TABLE_COLUMNS.items()
        }
        chosen = ", ".join(
            f'CAST("{name}" AS JSON) AS "{name}"' if kind == "dynamic" else f'"{name}"'
            for name, kind in TABLE_COLUMNS.items()
        )
        self._connection.register("incoming", pa.table(columns))
        try:
            self._connection.execute(f'CREATE OR REPLACE TABLE "{table}" AS SELECT {chosen} FROM incoming ORDER BY id')
        finally:
            self._connection.unregister("incoming")
        self._loaded[table] = version

    def query(self, sql: str, columns: Sequence[Column], now: datetime | None) -> list[tuple[Any, ...]]:
        """The rows of a translated query; ``now`` is bound where the query reads the clock."""
        bound = {} if now is None else {_CLOCK: now.astimezone(UTC).replace(tzinfo=None)}
        try:
            rows = self._connection.execute(sql, bound).fetchall()
        except self._duckdb.ProgrammingError as error:
            # SQL that does not bind: a gap of the dialect layer, so it is not put on the service.
            raise KqlError("SandboxUnsupported", str(error).partition("\n")[0]) from error
        except self._duckdb.Error as error:
            # A value that typing cannot foresee, an overflow for one: the service answers with an error as well.
            raise semantic(str(error).partition("\n")[0]) from error
        readers = [_READERS.get(column.type, _plain) for column in columns]
        return [tuple(read(value) for read, value in zip(readers, row, strict=True)) for row in rows]


def _texts(rows: Iterable[Mapping[str, Any]], name: str, dynamic: bool) -> list[str | None]:
    if dynamic:
        return [None if row.get(name) is None else orjson.dumps(row[name]).decode() for row in rows]
    return [str(row.get(name) or "") for row in rows]


def _plain(value: Any) -> Any:
    return value


def _json(value: Any) -> Any:
    return None if value is None else orjson.loads(value)


def _datetime(value: datetime | None) -> str | None:
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def _timespan(value: timedelta | None) -> str | None:
    """``[-][d.]hh:mm:ss[.fffffff]``, as .NET writes a TimeSpan."""
    if value is None:
        return None
    micros = value // timedelta(microseconds=1)
    seconds, fraction = divmod(abs(micros), 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return ("-" if micros < 0 else "") + (f"{days}." if days else "") + text + (f".{fraction:06}0" if fraction else "")


def _text(value: Any) -> str:
    return "" if value is None else str(value)


_READERS: dict[KustoType, Callable[[Any], Any]] = {
    "dynamic": _json,
    "datetime": _datetime,
    "timespan": _timespan,
    "string": _text,
}
