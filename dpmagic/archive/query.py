"""KQL over an archive: the tables of an estate by name, as Resource Graph's views have them, on DuckDB."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas

from dpmagic.archive.deltas import engine, quoted
from dpmagic.archive.dialect import advice, spelled
from dpmagic.archive.forms import plain_frame
from dpmagic.errors import AzureError, DpmagicError, InvalidArgument, did_you_mean
from dpmagic.estate.columns import Table, tables
from dpmagic.frames import table_frame

if TYPE_CHECKING:
    import duckdb
    import pyarrow


class Shelf:
    """What an archive has of a table, for queries: Parquet files of rows, or a table in memory."""

    def __init__(self, files: Sequence[Path] = (), rows: pyarrow.Table | None = None) -> None:
        self.files, self.rows = [str(file) for file in files], rows


def answer(kql: str, shelves: Mapping[str, Any], now: datetime) -> pandas.DataFrame:
    """The rows of ``kql`` over these tables; ``shelves`` gives a `Shelf` for a name, called for those it mentions.

    Times are UTC, durations seconds; nested columns are dynamic.  ``now()`` and ``ago()`` are those of ``now``.

    Raises `InvalidArgument` for a table or column that is not there, and `AzureError` (as Resource Graph would) for
    a query that does not read, each with what to do.
    """
    mentioned = [name for name in shelves if name in kql]
    with engine() as sql:
        for name in mentioned:
            _view(sql, tables()[name], shelves[name]())
        text = _translated(spelled(kql), {name: _columns(sql, name) for name in mentioned}, now)
        try:
            found = sql.sql(str(text), params=getattr(text, "parameters", None) or None)
            assert found is not None  # a query always gives a relation
            return _frame(found)
        except Exception as error:
            raise _refused(error, kql, list(shelves)) from error


def _view(sql: duckdb.DuckDBPyConnection, known: Table, shelf: Shelf) -> None:
    """A view of the table with every column that is known, in its type."""
    if shelf.rows is not None:
        sql.register(f"{known.name} in memory", shelf.rows)
    memory = [f'SELECT * FROM "{known.name} in memory"'] if shelf.rows is not None else []
    stored = [f"SELECT * FROM read_parquet({_list(shelf.files)}, union_by_name = true)"] if shelf.files else []
    sql.execute(f"CREATE TEMP VIEW raw AS {' UNION ALL BY NAME '.join([*stored, *memory])}")
    have = {row[0] for row in sql.execute("DESCRIBE raw").fetchall()}
    columns = [_typed(column.wire, column.dtype, have) for column in known.columns.values()]
    sql.execute("DROP VIEW raw")
    inner = " UNION ALL BY NAME ".join([*stored, *memory])
    sql.execute(f"CREATE TEMP VIEW {quoted([known.name])} AS SELECT {', '.join(columns)} FROM ({inner})")


def _list(files: Sequence[str]) -> str:
    return "[" + ", ".join("'" + file.replace("'", "''") + "'" for file in files) + "]"


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
    # No text is null in KQL, and none is missing but empty.
    return f"{_filled(column) if dtype == 'str' else column} AS {quoted([name])}"


def _filled(column: str) -> str:
    return f"coalesce({column}, '')"


def _columns(sql: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    return [row[0] for row in sql.execute(f"DESCRIBE {quoted([name])}").fetchall()]


def _translated(kql: str, schema: dict[str, list[str]], now: datetime) -> Any:
    from duckdb_kql import KqlError, KqlSyntaxError, KqlUnsupportedError, to_sql

    try:
        return to_sql(kql, schema=schema, query_now=now, allow_write=False)
    except KqlSyntaxError as error:
        told = str(error).splitlines()[0]
        raise AzureError("ParserFailure", told, hint="look at the query's text there") from error
    except KqlUnsupportedError as error:
        name = error.construct.rpartition(":")[2]
        raise AzureError("InvalidQuery", f"an archive does not run {name}", hint=advice(error.construct)) from error
    except KqlError as error:
        hint = "use what Resource Graph has, or read the table and go on in pandas"
        raise AzureError("InvalidQuery", str(error).splitlines()[0], hint=hint) from error


def _refused(error: Exception, kql: str, names: Sequence[str]) -> DpmagicError:
    import duckdb

    told = str(error).splitlines()[0]
    if isinstance(error, duckdb.CatalogException):
        first = kql.strip().split(maxsplit=1)[0] if kql.strip() else ""
        return InvalidArgument(
            f"the archive has no table {first!r}", did_you_mean(first, names, f"it has: {', '.join(names)}")
        )
    if isinstance(error, duckdb.BinderException):
        return InvalidArgument(f"the query does not fit the tables: {told}", "see docs/tables.md for their columns")
    if isinstance(error, duckdb.Error):
        return InvalidArgument(f"the query could not be run: {told}", "cast dynamic values first, as with tolong()")
    raise error


def _frame(found: Any) -> pandas.DataFrame:
    """The relation, typed as every answer: times in UTC, JSON decoded, numbers that can be missing."""
    kinds = dict(zip(found.columns, map(str, found.types), strict=True))
    rows = found.to_arrow_table()
    plain = plain_frame(rows.cast(_fitting(rows.schema)))
    made: list[pandas.DataFrame | pandas.Series[Any]] = []
    for name, kind in kinds.items():
        if kind == "JSON":
            cells = [None if text is None else json.loads(text) for text in rows[name].to_pylist()]
            made.append(table_frame({"columns": [{"name": name}], "rows": [[cell] for cell in cells]}))
        elif kind == "INTERVAL":
            micros = [None if span is None else _micros(span) for span in rows[name].to_pylist()]
            made.append(pandas.Series(micros, name=name, dtype="Int64").astype("timedelta64[us]"))
        else:
            made.append(plain[name])
    return pandas.concat(made, axis=1)


def _micros(span: Any) -> int:
    months, days, nanoseconds = span
    return int((months * 30 + days) * 86_400_000_000 + nanoseconds // 1000)


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
