"""What changed between two looks at a table, and what a table was at an instant: the arithmetic of states.

A state is stored when it is new, when it has changed, and once more, marked ``gone``, when its thing is not there any
more.  Tables are Arrow's; ids are compared without case, for Azure spells them in several.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from dpmagic.errors import extra

if TYPE_CHECKING:
    import duckdb
    import pyarrow

AS_OF, GONE = "asOf", "gone"


def engine() -> duckdb.DuckDBPyConnection:
    """A DuckDB session in UTC; what it makes has to be temporary.  Raises `NotInstalled`."""
    made = _database().cursor()
    made.execute("SET TimeZone = 'UTC'")
    return made


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """One for the process: beginning it takes longer than most of what is asked of it."""
    with extra("local", "an archive"):
        import duckdb
    return duckdb.connect()


def quoted(names: Iterable[str]) -> str:
    """Column names for SQL, with commas between."""
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)


def changes(
    before: pyarrow.Table, after: pyarrow.Table, at: datetime, readable: Sequence[str] | None
) -> tuple[pyarrow.Table, pyarrow.Table]:
    """What to store of ``after`` when ``before`` is known, and what is there now.

    The first has the columns of ``after``, `AS_OF` and `GONE`: rows that are new or have another value, and rows of
    ``before`` that are no longer there.  Only what lies in a subscription of ``readable`` (None for all) can be gone:
    of the others nobody knows, and they stay in the second table as they were.
    """
    names = quoted(after.column_names)
    before = widened(before, after.schema)
    with engine() as sql:
        sql.register("before", before)
        sql.register("after", after)
        sql.execute("CREATE TEMP TABLE readable (id VARCHAR)")
        sql.executemany("INSERT INTO readable VALUES (lower(?))", [[one] for one in readable or [""]])
        absent = "lower(id) NOT IN (SELECT lower(id) FROM after)"
        lost = "lower(subscriptionId) IN (SELECT id FROM readable)" if readable is not None else "true"
        sql.execute(
            f"CREATE TEMP TABLE moved AS SELECT {names}, false AS {GONE} FROM (SELECT {names} FROM after EXCEPT"
            f" SELECT {names} FROM before) UNION ALL SELECT {names}, true FROM before WHERE {absent} AND {lost}"
        )
        moved = _rows(sql, f"SELECT {names}, {GONE} FROM moved ORDER BY lower(id), {GONE}", _with_gone(after.schema))
        there = _rows(
            sql,
            f"SELECT {names} FROM after UNION ALL SELECT {names} FROM before WHERE {absent} AND NOT ({lost})"
            " ORDER BY lower(id)",
            after.schema,
        )
    return _dated(moved, at), there


def _rows(sql: duckdb.DuckDBPyConnection, text: str, schema: pyarrow.Schema) -> pyarrow.Table:
    found = sql.sql(text)
    assert found is not None  # it is for what gives no rows
    return found.to_arrow_table().cast(schema)


def _with_gone(schema: pyarrow.Schema) -> pyarrow.Schema:
    import pyarrow

    return schema.append(pyarrow.field(GONE, pyarrow.bool_()))


def _dated(rows: pyarrow.Table, at: datetime) -> pyarrow.Table:
    import pyarrow

    return rows.append_column(AS_OF, pyarrow.array([at] * rows.num_rows, pyarrow.timestamp("us", "UTC")))


def widened(rows: pyarrow.Table, schema: pyarrow.Schema) -> pyarrow.Table:
    """``rows`` in the columns of ``schema``: older rows miss what newer versions know."""
    import pyarrow

    columns: dict[str, Any] = {
        field.name: rows[field.name].cast(field.type)
        if field.name in rows.column_names
        else pyarrow.nulls(rows.num_rows, field.type)
        for field in schema
    }
    return pyarrow.table(columns, schema=schema)


def as_of(whole: pyarrow.Table, later: pyarrow.Table) -> pyarrow.Table:
    """A table at an instant, from all that was there earlier and the states stored ``later``, up to that instant."""
    names = quoted(whole.column_names)
    with engine() as sql:
        sql.register("whole", whole)
        sql.register("later", later)
        return _rows(
            sql,
            "WITH newest AS (SELECT * FROM later QUALIFY row_number() OVER"
            f" (PARTITION BY lower(id) ORDER BY {quoted([AS_OF])} DESC, {GONE}) = 1)"
            f" SELECT {names} FROM newest WHERE NOT {GONE} UNION ALL"
            f" SELECT {names} FROM whole WHERE lower(id) NOT IN (SELECT lower(id) FROM newest) ORDER BY lower(id)",
            whole.schema,
        )


def unknown(rows: pyarrow.Table, known: pyarrow.Table) -> tuple[pyarrow.Table, pyarrow.Table]:
    """Of ``rows``, those whose ids ``known`` has not, and those that ``known`` has with other values."""
    names = quoted(rows.column_names)
    known = widened(known, rows.schema)
    with engine() as sql:
        sql.register("fresh", rows)
        sql.register("known", known)
        differ = f"SELECT {names} FROM fresh EXCEPT SELECT {names} FROM known"
        has = "lower(id) IN (SELECT lower(id) FROM known)"
        new, other = (
            _rows(sql, f"SELECT {names} FROM ({differ}) WHERE {test} ORDER BY lower(id)", rows.schema)
            for test in (f"NOT ({has})", has)
        )
    return new, other
