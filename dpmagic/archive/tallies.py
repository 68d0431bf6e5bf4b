"""Jobs of an archive grouped by DuckDB, over the Parquet files where they hold each job once."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas

from dpmagic.archive.deltas import engine, paths
from dpmagic.archive.faults import damaged
from dpmagic.archive.folder import intact
from dpmagic.archive.halves import joined
from dpmagic.archive.happened import Happened
from dpmagic.archive.known import OF_THE_END, shaped
from dpmagic.estate.columns import Table
from dpmagic.estate.tallies import Tally, Wanted

if TYPE_CHECKING:
    import duckdb
    import pyarrow

_DAY = timedelta(days=1)
_DAYS = "epoch_us(startTime) // 86400000000"  # since 1970: quicker than any other way to cut a time
_TYPES = {"str": "VARCHAR", "boolean": "BOOLEAN", "Int64": "BIGINT"}
_FIGURES = ("n", "timed", "longest", "oldest")


def tally(jobs: Happened, wanted: Wanted, now: datetime) -> Tally:
    """The jobs, grouped, as they were known at an instant; with ``subscriptionId`` among the columns.

    Raises FileNotFoundError when a file has gone, `ArchiveDamaged` when it is not what was written.
    """
    columns = [*dict.fromkeys([*wanted.columns, "subscriptionId"])]
    with engine() as sql, _reading(jobs):
        keys = _prepared(sql, jobs, columns, wanted, now)
        found = sql.sql(_grouped(keys, wanted.shares)).to_arrow_table()
        rows = _rows(found, jobs.known, columns, now)
        if wanted.numbers is None:
            return Tally(rows, pandas.DataFrame())
        numbers = np.asarray(wanted.numbers(rows))
        return Tally(rows, _percentiles(sql, found, keys, numbers, wanted.shares))


@contextmanager
def _reading(jobs: Happened) -> Iterator[None]:
    """What DuckDB says of a file that is not there, or not what was written, as reading it with Arrow tells it."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        for part in jobs.parts() or ():
            file = jobs.path / part.file
            if not file.is_file():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file)) from error
            if not intact(jobs.path, part):
                raise damaged(file) from error
        raise


def _prepared(
    sql: duckdb.DuckDBPyConnection, jobs: Happened, columns: Sequence[str], wanted: Wanted, now: datetime
) -> list[str]:
    """Make a view of the jobs, with their groups in columns ``k0`` and so on; returns the names of those."""
    parts = jobs.parts()
    rows = jobs.going_on() if parts else jobs.rows()
    files = [str(jobs.path / part.file) for part in parts or ()]
    pieces = [f"SELECT * FROM read_parquet({paths(files)}, union_by_name = true)"] if files else []
    if rows is not None and (rows.num_rows or not files):
        sql.register("in memory", joined(rows))
        pieces.append('SELECT * FROM "in memory"')
    sql.execute(f"CREATE TEMP VIEW stored AS {' UNION ALL BY NAME '.join(pieces)}")
    have = {row[0] for row in sql.execute("DESCRIBE stored").fetchall()}
    # A run's jobs are read after its instant: some have ended by then.
    later = f"endTime > {_instant(now)}" if "endTime" in have and _end_after(sql, files, rows, now) else "false"
    dtypes, keys = jobs.known.dtypes, [f"k{number}" for number in range(len(columns))]
    chosen = [
        f"{_value(name, dtypes[name], have, later)} AS {place}" for name, place in zip(columns, keys, strict=True)
    ]
    seconds = f"CASE WHEN {later} THEN NULL ELSE durationSeconds END" if later != "false" else "durationSeconds"
    chosen += ["startTime", f"{seconds if 'durationSeconds' in have else 'CAST(NULL AS DOUBLE)'} AS seconds"]
    window = f"startTime >= {_instant(jobs.window.start)} AND startTime < {_instant(jobs.window.end)}"
    if wanted.period is not None:
        sql.register("days", _days(jobs, wanted))
        source = f"(SELECT *, {_DAYS} AS day FROM stored WHERE {window}) JOIN days USING (day)"
        chosen, keys = [*chosen, "period"], [*keys, "period"]
    else:
        source = f"stored WHERE {window}"
    sql.execute(f"CREATE TEMP VIEW jobs AS SELECT {', '.join(chosen)} FROM {source}")
    return keys


def _days(jobs: Happened, wanted: Wanted) -> pandas.DataFrame:
    """The days that there may be jobs of, counted from 1970, and the period that each belongs to."""
    assert wanted.period is not None
    parts = jobs.manifest.of(jobs.known.name, "rows", "latest")
    first = max(jobs.window.start, min(part.first for part in parts))
    last = min(jobs.window.end, max(part.last for part in parts))
    days = pandas.Series(pandas.date_range(first.replace(hour=0, minute=0, second=0, microsecond=0), last, freq="D"))
    days = days.astype("datetime64[us, UTC]")
    since = (days - pandas.Timestamp(0, tz="UTC")) // _DAY
    return pandas.DataFrame({"day": since.astype("int64"), "period": wanted.period(days)})


def _value(name: str, dtype: str, have: set[str], later: str) -> str:
    if name not in have:
        return f"CAST(NULL AS {_TYPES[dtype]})"
    if later == "false" or name not in (*OF_THE_END, "status"):
        return f'"{name}"'
    shown = "'InProgress'" if name == "status" else "NULL"
    return f'CASE WHEN {later} THEN {shown} ELSE "{name}" END'


def _end_after(sql: duckdb.DuckDBPyConnection, files: Sequence[str], rows: pyarrow.Table | None, now: datetime) -> bool:
    """Whether some job may have ended after an instant: what files say of themselves is enough."""
    import pyarrow.compute as pc

    if rows is not None and "endTime" in rows.column_names:
        last = pc.max(rows["endTime"]).as_py()
        if last is not None and last > now:
            return True
    if not files:
        return False
    # Where all of a group are missing nothing is said.
    unsure = f"coalesce(TRY_CAST(stats_max_value AS TIMESTAMPTZ) > {_instant(now)}, true)"
    text = f"SELECT count(*) FROM parquet_metadata({paths(files)}) WHERE path_in_schema = 'endTime' AND {unsure}"
    return bool(sql.execute(text).fetchall()[0][0])


def _grouped(keys: Sequence[str], shares: Sequence[float]) -> str:
    sums = ["count(*) AS n", "count(seconds) AS timed", "max(seconds) AS longest", "min(startTime) AS oldest"]
    shown = [*keys, *_FIGURES, *_shares(shares)]
    sums += [_quantiles(shares)] if shares else []
    return f"SELECT {', '.join(shown)} FROM (SELECT {', '.join([*keys, *sums])} FROM jobs GROUP BY ALL)"


def _quantiles(shares: Sequence[float]) -> str:
    return f"quantile_cont(seconds, [{', '.join(map(repr, shares))}]) AS quantiles"


def _shares(shares: Sequence[float]) -> list[str]:
    return [f"quantiles[{place + 1}] AS q{place}" for place in range(len(shares))]


def _rows(found: pyarrow.Table, known: Table, columns: Sequence[str], now: datetime) -> pandas.DataFrame:
    raw = found.select([f"k{number}" for number in range(len(columns))]).rename_columns([*columns])
    made = shaped(known, columns, raw, now)
    figures = {name: found[name].to_pandas() for name in _FIGURES}
    figures["oldest"] = figures["oldest"].dt.tz_convert("UTC")
    if "period" in found.column_names:
        figures["startTime"] = found["period"].to_pandas().dt.tz_convert("UTC").astype("datetime64[us, UTC]")
    return made.assign(**figures)


def _percentiles(
    sql: duckdb.DuckDBPyConnection, found: pyarrow.Table, keys: Sequence[str], numbers: Any, shares: Sequence[float]
) -> pandas.DataFrame:
    """By number of a group; those of one row are there already, those of several are found among their jobs."""
    timed = found["timed"].to_numpy() > 0
    mine = timed & (numbers >= 0)
    if len(np.unique(numbers[mine])) == mine.sum():
        read = found.select([f"q{place}" for place in range(len(shares))]).to_pandas()[mine]
        by_number: pandas.DataFrame = read.set_axis([*shares], axis=1).set_axis(pandas.Index(numbers[mine]))
        return by_number
    whole = found.select(list(keys)).to_pandas()[timed].assign(number=numbers[timed])
    kept = _telling(whole)
    sql.register("numbers", whole.loc[whole["number"] >= 0, [*kept, "number"]].drop_duplicates())
    same = " AND ".join(f"jobs.{name} IS NOT DISTINCT FROM numbers.{name}" for name in kept)
    source = f"jobs JOIN numbers ON {same} WHERE seconds IS NOT NULL"
    inner = f"SELECT number, {_quantiles(shares)} FROM {source} GROUP BY ALL"
    read = sql.sql(f"SELECT number, {', '.join(_shares(shares))} FROM ({inner})").to_arrow_table().to_pandas()
    merged: pandas.DataFrame = read.set_index("number").set_axis([*shares], axis=1)
    return merged


_FEW = 100_000  # combinations, of which it is soon found out which columns can be left out


def _telling(rows: pandas.DataFrame) -> list[str]:
    """As few columns as tell a row's number: long texts take time to compare."""
    kept = [str(name) for name in rows if name != "number"]
    if len(rows) > _FEW:
        return kept
    for name in list(kept):
        rest = [one for one in kept if one != name]
        if rest and len(rows[rest].drop_duplicates()) == len(rows[[*rest, "number"]].drop_duplicates()):
            kept = rest
    return kept


def _instant(moment: datetime) -> str:
    return f"TIMESTAMPTZ '{moment.isoformat()}'"
