"""Cost exports as daily sizes of snapshots: read, recognised, counted once."""

from __future__ import annotations

from collections.abc import Iterable
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import pandas

from dpmagic.analysis.arguments import file_of
from dpmagic.analysis.sizing.recognise import Layout, recognise
from dpmagic.errors import InvalidArgument
from dpmagic.estate.completeness import KEY

if TYPE_CHECKING:
    import pyarrow

_SNAPSHOT = "/providers/microsoft.compute/snapshots/"
_NAMED = (".csv", ".csv.gz", ".parquet")  # those of Cost Management's exports, compressed or not
_HINT = "name a .csv, .csv.gz or .parquet file, or their folder"
_UNIT = r"^\s*(?P<many>[\d,]*)\s*(?:GB|GiB)\s*[/ -]?\s*(?:Month|Months|mo)\s*$"
_SHARE = 0.8  # of the day before: no day of snapshots that are deleted takes so much, one that is still told does
_COLUMNS = ["id", "day", "usedGiB", "cost", "currency"]


def read_exports(source: str | Path | Iterable[str | Path]) -> pandas.DataFrame:
    """The snapshots of cost exports: ``id`` (lower case), ``day`` (UTC), ``usedGiB``, ``cost`` and ``currency``.

    ``source`` is a CSV (perhaps compressed, ``.csv.gz``) or Parquet file, a folder (searched below, too), a pattern, or
    several of them.  Usage of snapshots is told in GB and months: the day's quantity times the days of its month is
    what was used.  Files that tell of the same day and snapshot again, as month-to-date exports do, count once: the one
    that reaches furthest.

    Exports run behind: a last day that tells of less than four fifths of what the one before did is not whole, and left
    out; ``attrs["dpmagic"]["notes"]`` says so.

    Raises `InvalidArgument` for what is not there, is no export, or mixes currencies.
    """
    if not isinstance(source, Iterable | Path):
        raise InvalidArgument(f"{source!r} is no export", _HINT)
    files = _files([source] if isinstance(source, (str, Path)) else list(source))
    parts = [part for part in map(_usage, files) if len(part)]
    if not parts:
        raise InvalidArgument(
            f"no usage of snapshots in {len(files)} file{'s' if len(files) > 1 else ''}",
            "export the cost and usage details of the subscriptions that hold the snapshots",
        )
    found = _once(pandas.concat(parts, ignore_index=True))
    currencies = sorted(found["currency"].dropna().unique())
    if len(currencies) > 1:
        raise InvalidArgument(f"the exports are in {' and '.join(currencies)}", "give those of one billing currency")
    return _whole(found[_COLUMNS].sort_values(["id", "day"], ignore_index=True))


def _whole(rows: pandas.DataFrame) -> pandas.DataFrame:
    """The rows without the last day, if that is not whole yet."""
    total = rows.groupby("day")["usedGiB"].sum()
    last = total.index[-1]
    notes = []
    if len(total) > 1 and total.iloc[-1] < _SHARE * total.iloc[-2]:
        rows = rows[rows["day"] < last].reset_index(drop=True)
        notes = [f"the exports' last day, {last:%Y-%m-%d}, is not whole and left out"]
    rows.attrs[KEY] = {"notes": notes}
    return rows


def _files(given: list[str | Path]) -> list[Path]:
    found: list[Path] = []
    for one in given:
        path = file_of(one, "export", _HINT)
        if path.is_dir():
            below = [file for file in sorted(path.rglob("*")) if file.name.lower().endswith(_NAMED)]
        else:
            root = Path(path.anchor)
            below = sorted(root.glob(str(path.relative_to(root)) if path.anchor else str(path)))
        if not below:
            raise InvalidArgument(f"no export is at {str(one)!r}", _HINT)
        found += below
    return list(dict.fromkeys(found))


def _usage(file: Path) -> pandas.DataFrame:
    """One file's usage of snapshots, a row a day, snapshot and meter, with the batch of files it belongs to."""
    layout, table = _read(file)
    rows = table.rename_columns([_ours(layout, name) for name in table.column_names]).to_pandas()
    rows = rows[rows["id"].fillna("").str.lower().str.contains(_SNAPSHOT, regex=False)]
    if "charge" in rows:
        rows = rows[rows["charge"].fillna("").isin(layout.usage)]
    unit = rows["unit"].fillna("").astype("str").str.extract(_UNIT)["many"]
    rows, unit = rows[unit.notna()], unit.dropna()
    many = pandas.to_numeric(unit.str.replace(",", "").replace("", "1")).astype(float)
    day = _days(rows["day"], file)
    numbers = {name: pandas.to_numeric(rows[name], errors="coerce").astype(float) for name in ("quantity", "cost")}
    if any(values.isna().any() for values in numbers.values()):
        raise InvalidArgument(f"{file.name} has quantities or costs that are no numbers", "export it again")
    made = pandas.DataFrame(
        {
            "id": rows["id"].str.lower(),
            "day": day,
            "meter": rows["meter"].astype("str"),
            "usedGiB": numbers["quantity"] * many * day.dt.days_in_month,
            "cost": numbers["cost"],
            "currency": rows["currency"].astype("str"),
        }
    )
    sums = made.groupby(["id", "day", "meter", "currency"], as_index=False)[["usedGiB", "cost"]].sum()
    # The parts of one run lie in one folder; else each file is a run of its own.
    batch = str(file.parent) if file.name.lower().startswith("part_") else str(file)
    return sums.assign(batch=batch)


def _days(texts: pandas.Series, file: Path) -> pandas.Series:
    """A day as exports write it: 02/28/2026, 2026-02-28, or with a time."""
    if str(texts.dtype).startswith("datetime64"):
        utc = texts.dt.tz_localize("UTC") if texts.dt.tz is None else texts.dt.tz_convert("UTC")
        day: pandas.Series = utc.dt.floor("D").astype("datetime64[us, UTC]")
        return day
    american = texts.astype("str").str.contains("/", regex=False)
    read = pandas.to_datetime(texts.where(american), format="%m/%d/%Y", errors="coerce", utc=True)
    read = read.fillna(pandas.to_datetime(texts.where(~american), format="ISO8601", errors="coerce", utc=True))
    if read.isna().any():
        wrong = texts[read.isna()].iloc[0]
        raise InvalidArgument(f"{file.name} has a day that cannot be read: {wrong!r}", "days are as 02/28/2026")
    made: pandas.Series = read.dt.floor("D").astype("datetime64[us, UTC]")
    return made


def _read(file: Path) -> tuple[Layout, pyarrow.Table]:
    import pyarrow
    from pyarrow import csv, parquet

    try:
        if file.suffix.lower() == ".parquet":
            layout = recognise(parquet.read_schema(file).names, file.name)
            return layout, parquet.read_table(file, columns=list(dict.fromkeys(layout.columns.values())))
        packed = "gzip" if file.suffix.lower() == ".gz" else None
        with TextIOWrapper(pyarrow.input_stream(str(file), compression=packed), "utf-8-sig", newline="") as stream:
            header = _header(stream.readline())
        layout = recognise(header, file.name)
        wanted = list(dict.fromkeys(layout.columns.values()))
        options = csv.ConvertOptions(
            include_columns=wanted, column_types=dict.fromkeys(wanted, pyarrow.string()), strings_can_be_null=True
        )
        table = csv.read_csv(
            pyarrow.input_stream(str(file), compression=packed),
            convert_options=options,
            parse_options=csv.ParseOptions(newlines_in_values=True),
            read_options=csv.ReadOptions(column_names=header, skip_rows=1),
        )
    except (pyarrow.ArrowInvalid, UnicodeDecodeError, OSError) as error:
        raise InvalidArgument(f"{file.name} cannot be read: {str(error).splitlines()[0]}", "export it again") from error
    return layout, table


def _header(line: str) -> list[str]:
    import csv

    return next(csv.reader([line]), [])


def _ours(layout: Layout, name: str) -> str:
    return next(ours for ours, theirs in layout.columns.items() if theirs == name)


def _once(rows: pandas.DataFrame) -> pandas.DataFrame:
    """Of a snapshot's day told by several runs, what the run says that reaches furthest (the later file, if equal)."""
    reach = rows.groupby("batch")["day"].max().rename("reach")
    rows = rows.join(reach, on="batch").sort_values(["reach", "batch"], kind="stable")
    last = rows.groupby(["id", "day"])["batch"].transform("last")
    rows = rows[rows["batch"] == last]
    return rows.groupby(["id", "day", "currency"], as_index=False)[["usedGiB", "cost"]].sum()
