"""Cost exports as daily sizes of snapshots: read, recognised, counted once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import pandas

from dpmagic.analysis.arguments import file_of
from dpmagic.analysis.sizing.counting import FIGURES, ROUNDED, once
from dpmagic.analysis.sizing.recognise import Layout, recognise
from dpmagic.analysis.sizing.runs import run_of
from dpmagic.errors import InvalidArgument
from dpmagic.estate.completeness import KEY

if TYPE_CHECKING:
    import pyarrow

_SNAPSHOT = "/providers/microsoft.compute/snapshots/"
_AGAIN = "copy it again as Azure exported it, not as a spreadsheet saved it"
_DAYS = f"days are as 02/28/2026: {_AGAIN}"
_NAMED = (".csv", ".csv.gz", ".parquet")  # those of Cost Management's exports, compressed or not
_HINT = "name a .csv, .csv.gz or .parquet file, or their folder"
# The 100 of 100 GB/Month is how many are priced together: quantities are of usage, in GB, whatever that is (a price is
# times Quantity / x_PricingBlockSize, as Microsoft's FinOps toolkit turns these exports into FOCUS).
_UNIT = r"(?i)^\s*[\d,]*\s*(?:GB|GiB)\s*[/ -]?\s*(?:months?|mo|mes|月)\s*$"
_SIZE = r"(?i)(?:^|[^a-z])[kmgtp]i?b\b"  # what any unit of sizes has
_SHARE = 0.8  # of the day before: no day of snapshots that are deleted takes so much, one that is still told does
_COLUMNS = ["id", "day", *FIGURES, "currency"]


def read_exports(source: str | Path | Iterable[str | Path]) -> pandas.DataFrame:
    """The snapshots of cost exports: ``id`` (lower case), ``day`` (UTC), ``usedGiB``, ``cost`` and ``currency``.

    ``source`` is a CSV (perhaps compressed, ``.csv.gz``) or Parquet file, a folder (searched below, too), a pattern, or
    several of them.  Usage of snapshots is told in GB and months: the day's quantity times the days of its month is
    what was used.  Files that tell of the same day and snapshot again, as month-to-date exports do, count once.  Of the
    runs of one export that begin on the same day, by their ``manifest.json``, the last one counts alone, as it does in
    a storage account where it takes the earlier one's place; of others what the file says that reaches furthest, of
    those that reach equally far the one made last, by its manifest or else by when it was written.  Where this leaves
    out other figures a note says so.  Parts of an export count together, and have to be whole.

    Exports run behind: a last day that tells of less than four fifths of what the one before did is not whole, and left
    out; ``attrs["dpmagic"]["notes"]`` says so, and which days or subscriptions they tell nothing of.

    Raises `InvalidArgument` for what is not there, is no export or a part of one, was changed by a spreadsheet, tells
    sizes in another unit, or mixes currencies.
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
    found, notes = once(pandas.concat(parts, ignore_index=True))
    currencies = sorted(found["currency"].unique())
    if len(currencies) > 1:
        raise InvalidArgument(f"the exports are in {' and '.join(currencies)}", "give those of one billing currency")
    if (less := found[found["usedGiB"] < -ROUNDED]).size:
        first = less.iloc[0]
        told = f"{len(less):,} sizes are less than nothing, such as {first['id']} on {first['day']:%Y-%m-%d}"
        raise InvalidArgument(told, "give whole months: what was taken back is told with what it corrects")
    return _whole(found[_COLUMNS].sort_values(["id", "day"], ignore_index=True), notes)


def _whole(rows: pandas.DataFrame, notes: list[str]) -> pandas.DataFrame:
    """The rows without the last day, if that is not whole yet, and notes of what is told nothing of."""
    total = rows.groupby("day")["usedGiB"].sum()
    if len(total) > 1 and total.iloc[-1] < _SHARE * total.iloc[-2]:
        rows = rows[rows["day"] < total.index[-1]].reset_index(drop=True)
        notes = [*notes, f"the exports' last day, {total.index[-1]:%Y-%m-%d}, is not whole and left out"]
        total = total.iloc[:-1]
    rows.attrs[KEY] = {"notes": [*notes, *_nothing_of(rows, total.index)]}
    return rows


def _nothing_of(rows: pandas.DataFrame, days: pandas.Index) -> Iterator[str]:
    """Notes of days in between, and of subscriptions on the last day, that the exports say nothing of."""
    lost = pandas.date_range(days[0], days[-1]).difference(pandas.DatetimeIndex(days))
    if len(lost):
        yield f"the exports tell nothing of {len(lost):,} days in between, such as {lost[0]:%Y-%m-%d}"
    if len(days) > 1:
        before, last = (set(_subscriptions(rows.loc[rows["day"] == day, "id"])) for day in days[-2:])
        if gone := before - last:
            of = f"{len(gone):,} of {len(before):,} subscriptions"
            yield f"the exports' last day, {days[-1]:%Y-%m-%d}, tells nothing of {of} that the day before has"


def _subscriptions(ids: pandas.Series) -> pandas.Series:
    return ids.str.extract(r"^/subscriptions/([^/]*)/", expand=False).dropna()


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
        rows = _used(rows, layout, file)
    unit = rows["unit"].fillna("").astype("str")
    known = unit.str.match(_UNIT)
    other = unit[~known]
    _refuse(file, other, other.str.contains(_SIZE) | other.str.strip().eq(""), "sizes by", "sizes are by 1 GB/Month")
    rows = rows[known]
    day = _days(rows["day"], file)
    made = pandas.DataFrame(
        {
            "id": rows["id"].str.lower(),
            "day": day,
            "meter": rows["meter"].astype("str").fillna(""),
            "usedGiB": _number(rows, "quantity", file) * day.dt.days_in_month,
            "cost": _number(rows, "cost", file),
            "currency": rows["currency"].astype("str").str.strip().str.upper(),
        }
    )
    _refuse(file, made["currency"], made["currency"].fillna("").eq(""), "the currency")
    sums = made.groupby(["id", "day", "meter", "currency"], as_index=False)[["usedGiB", "cost"]].sum()
    run = run_of(file)
    return sums.assign(batch=run.name, made=run.made, export=run.export)


def _used(rows: pandas.DataFrame, layout: Layout, file: Path) -> pandas.DataFrame:
    """Those rows that are charges of usage; without such a kind nobody can say."""
    charge = rows["charge"].fillna("").astype("str").str.strip().str.lower()
    _refuse(file, charge, charge.eq(""), "charges of kind")
    return rows[charge.isin([one.lower() for one in layout.usage])]


def _number(rows: pandas.DataFrame, name: str, file: Path) -> pandas.Series:
    """A column as numbers; a correction of what was charged before may have no quantity of its own."""
    found = pandas.to_numeric(rows[name], errors="coerce").astype(float)
    if "correction" in rows:
        corrects = rows["correction"].fillna("").astype("str").str.lower().eq("correction")
        found = found.mask(corrects & rows[name].isna(), 0.0)
    _refuse(file, rows[name], found.isna(), f"a {name} that is no number:")
    return found


def _refuse(file: Path, values: pandas.Series, wrong: pandas.Series, what: str, hint: str = _AGAIN) -> None:
    """Raises `InvalidArgument` where values of snapshots' rows are wrong: left out, they would make figures too low."""
    if wrong.any():
        first = values[wrong].iloc[0]
        told = f"{file.name} has {what} {'(nothing)' if pandas.isna(first) or first == '' else repr(first)}"
        raise InvalidArgument(f"{told} in {int(wrong.sum()):,} rows of snapshots", hint)


def _days(texts: pandas.Series, file: Path) -> pandas.Series:
    """A day as exports write it: 02/28/2026, 2026-02-28, or with a time."""
    if str(texts.dtype).startswith("datetime64"):
        utc = texts.dt.tz_localize("UTC") if texts.dt.tz is None else texts.dt.tz_convert("UTC")
        day: pandas.Series = utc.dt.floor("D").astype("datetime64[us, UTC]")
        return day
    american = texts.astype("str").str.contains("/", regex=False)
    read = pandas.to_datetime(texts.where(american), format="%m/%d/%Y", errors="coerce", utc=True)
    seen = pandas.Series(read.dropna().unique())
    if len(seen) > 1 and seen.dt.day.nunique() == 1:  # no export skips all other days: the day came first
        told = f"{file.name} has days that read as one day of {len(seen)} months, such as {texts[read.notna()].iloc[0]}"
        raise InvalidArgument(told, _DAYS)
    read = read.fillna(pandas.to_datetime(texts.where(~american), format="ISO8601", errors="coerce", utc=True))
    if read.isna().any():
        wrong = texts[read.isna()].iloc[0]
        raise InvalidArgument(
            f"{file.name} has a day that cannot be read: {wrong!r}", f"days are as 02/28/2026: {_AGAIN}"
        )
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
        raise InvalidArgument(f"{file.name} cannot be read: {str(error).splitlines()[0]}", _AGAIN) from error
    return layout, table


def _header(line: str) -> list[str]:
    import csv

    return [name.strip() for name in next(csv.reader([line]), [])]


def _ours(layout: Layout, name: str) -> str:
    return next(ours for ours, theirs in layout.columns.items() if theirs == name)
