"""KQL over an archive: the tables of an estate by name, as Resource Graph's views have them, on DuckDB."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas

from dpmagic.archive.additions import listed, register
from dpmagic.archive.deltas import engine, paths, quoted
from dpmagic.archive.dialect import spelled
from dpmagic.archive.forms import plain_frame
from dpmagic.archive.unanswered import refused, unread, unsupported
from dpmagic.estate.columns import Table, tables
from dpmagic.frames.dtypes import typed
from dpmagic.frames.flatten import Columns, column_names, in_order, spread

if TYPE_CHECKING:
    import duckdb
    import pyarrow


class Shelf:
    """What an archive has of a table, for queries: Parquet files of rows, or a table in memory."""

    def __init__(self, files: Sequence[Path] = (), rows: pyarrow.Table | None = None) -> None:
        self.files, self.rows = [str(file) for file in files], rows


def answer(kql: str, shelves: Mapping[str, Any], now: datetime) -> pandas.DataFrame:
    """The rows of ``kql`` over these tables; ``shelves`` gives a `Shelf` for a name, called for those it mentions.

    Times are UTC, durations seconds; nested columns are dynamic, and their fields columns of the answer, as Resource
    Graph's are.  ``now()`` and ``ago()`` are those of ``now``.

    Raises `InvalidArgument` for a table or column that is not there, and `QueryError` (as Resource Graph would) for
    a query that does not read or uses what is not there, each with what to do.
    """
    names = list(shelves)
    mentioned = [name for name in names if name in kql]
    with engine() as sql:
        for name in mentioned:
            shelf = shelves[name]()
            try:
                _view(sql, tables()[name], shelf)
            except Exception as error:
                raise refused(error, kql, names) from error
        schema = {name: _columns(sql, name) for name in mentioned}
        register()
        known = listed(spelled(kql), lambda part: sql.sql(_translated(part, schema, now, names)).columns)
        text = _translated(known, schema, now, names)
        try:
            found = sql.sql(str(text), params=getattr(text, "parameters", None) or None)
            assert found is not None  # a query always gives a relation
            return _frame(found)
        except Exception as error:
            raise refused(error, kql, names) from error


def _view(sql: duckdb.DuckDBPyConnection, known: Table, shelf: Shelf) -> None:
    """A view of the table with every column that is known, in its type."""
    if shelf.rows is not None:
        sql.register(f"{known.name} in memory", shelf.rows)
    memory = [f'SELECT * FROM "{known.name} in memory"'] if shelf.rows is not None else []
    stored = [f"SELECT * FROM read_parquet({paths(shelf.files)}, union_by_name = true)"] if shelf.files else []
    sql.execute(f"CREATE TEMP VIEW raw AS {' UNION ALL BY NAME '.join([*stored, *memory])}")
    have = {row[0] for row in sql.execute("DESCRIBE raw").fetchall()}
    columns = [_typed(column.wire, column.dtype, have) for column in known.columns.values()]
    if shelf.files and "id" in have:  # some of them may leave it to the id
        names = f"coalesce({'name' if 'name' in have else 'NULL'}, regexp_extract(id, '[^/]*$'), '') AS \"name\""
        columns = [names if column.endswith(' AS "name"') else column for column in columns]
    sql.execute("DROP VIEW raw")
    inner = " UNION ALL BY NAME ".join([*stored, *memory])
    sql.execute(f"CREATE TEMP VIEW {quoted([known.name])} AS SELECT {', '.join(columns)} FROM ({inner})")


_TYPES = {
    "str": "VARCHAR",
    "Int64": "BIGINT",
    "Float64": "DOUBLE",
    "boolean": "BOOLEAN",
    "datetime64[us, UTC]": "TIMESTAMP",  # what KQL's datetime is translated to: in UTC, without a zone
    "timedelta64[us]": "DOUBLE",
    "object": "JSON",
}


def _typed(name: str, dtype: str, have: set[str]) -> str:
    column = f"CAST({quoted([name]) if name in have else 'NULL'} AS {_TYPES[dtype]})"
    return f"{_never_null(column) if dtype == 'str' else column} AS {quoted([name])}"


def _never_null(text: str) -> str:
    """As Kusto's strings are: what is missing is empty."""
    return f"coalesce({text}, '')"


def _columns(sql: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    return [row[0] for row in sql.execute(f"DESCRIBE {quoted([name])}").fetchall()]


def _translated(kql: str, schema: dict[str, list[str]], now: datetime, names: Sequence[str]) -> Any:
    from duckdb_kql import KqlError, KqlSyntaxError, to_sql

    try:
        return to_sql(kql, schema=schema, query_now=now, allow_write=False)
    except KqlSyntaxError as error:
        raise unread(error, kql) from error
    except KqlError as error:
        raise unsupported(error, names) from error


def _frame(found: Any) -> pandas.DataFrame:
    """The relation, typed as Resource Graph's answers are: times in UTC, and the fields of objects as columns."""
    spans = [name for name, kind in zip(found.columns, found.types, strict=True) if str(kind) == "INTERVAL"]
    if spans:
        counted = {name: f"epoch_us({quoted([name])}) AS {quoted([name])}" for name in spans}
        found = found.project(", ".join(counted.get(name, quoted([name])) for name in found.columns))
    rows = found.to_arrow_table()
    made = plain_frame(rows.cast(_fitting(rows.schema)))
    made = made.astype(dict.fromkeys(spans, "timedelta64[us]"))
    nested = {name: str(kind) for name, kind in zip(found.columns, found.types, strict=True) if _is_nested(str(kind))}
    columns: Columns = {}
    for name in made.columns:
        if name in nested:
            spread((name,), _decoded(rows[name].to_pylist(), nested[name]), columns)
        else:
            columns[name,] = []  # it is in the frame already
    names = column_names(columns)
    ordered = {
        names[path]: typed(path, columns[path]) if path[0] in nested else made[path[0]] for path in in_order(columns)
    }
    return pandas.DataFrame(ordered, index=made.index)


def _is_nested(kind: str) -> bool:
    return kind == "JSON" or kind.endswith("[]") or kind.startswith(("STRUCT", "MAP"))


def _decoded(cells: list[Any], kind: str) -> list[Any]:
    if kind == "JSON":
        return [None if cell is None else json.loads(cell) for cell in cells]
    return [[json.loads(one) for one in cell] for cell in cells] if kind == "JSON[]" else cells


def _fitting(schema: pyarrow.Schema) -> pyarrow.Schema:
    """Times in UTC, and the integers that sums and counts come as in 64 bits."""
    import pyarrow

    def fitting(kind: pyarrow.DataType) -> pyarrow.DataType:
        if pyarrow.types.is_timestamp(kind):
            return pyarrow.timestamp("us", "UTC")
        if pyarrow.types.is_integer(kind) or (pyarrow.types.is_decimal(kind) and kind.scale == 0):
            return pyarrow.int64()
        return pyarrow.float64() if pyarrow.types.is_decimal(kind) or pyarrow.types.is_floating(kind) else kind

    return pyarrow.schema([field.with_type(fitting(field.type)) for field in schema])
