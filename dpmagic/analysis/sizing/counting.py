"""What several exports tell of the same days, counted once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas

ROUNDED = 1e-4
"""So much of a figure two kinds of exports may differ."""
FIGURES = ["usedGiB", "cost"]
_PAIR = ["id", "day"]


def once(rows: pandas.DataFrame) -> tuple[pandas.DataFrame, list[str]]:
    """Of a snapshot's day told by several runs, what the run says that counts; and notes of what does not count.

    The last run of an export takes the place of its earlier ones, whatever they tell.  Of others that one counts that
    reaches furthest, of those that reach equally far the one made last.
    """
    groups = rows.groupby("batch")
    runs = groups.agg(reach=("day", "max"), made=("made", "max"), export=("export", "first"))
    runs = runs.sort_values(["reach", "made"], kind="stable").assign(rank=range(len(runs)))
    rows = rows.groupby([*_PAIR, "currency", "batch"], as_index=False)[FIGURES].sum().join(runs, on="batch")
    last = (
        runs[runs["export"] != ""]
        .groupby("export")["made"]
        .transform("max")
        .reindex(rows["batch"])
        .set_axis(rows.index)
    )
    replaced = last.notna() & (rows["made"] < last)
    lost, rows = rows[replaced], rows[~replaced].reset_index(drop=True)
    best = rows.groupby(_PAIR)["rank"].transform("max")
    kept = rows["rank"] == best
    reach, made = (runs[name].to_numpy() for name in ("reach", "made"))
    tied = ~kept & (reach[rows["rank"]] == reach[best])
    later = ~kept & ~tied & (made[rows["rank"]] > made[best])
    notes = [
        *_replaced(lost, rows),
        *_differing(rows[tied], rows[kept], "exports that reach equally far"),
        *_differing(rows[later], rows[kept], "exports of which the later reaches less far: it may be cut"),
    ]
    return rows.loc[kept, [*_PAIR, "currency", *FIGURES]], notes


def _replaced(lost: pandas.DataFrame, rows: pandas.DataFrame) -> Iterator[str]:
    """A note for each export whose last run tells nothing of what an earlier one of it told."""
    both = lost.merge(rows[[*_PAIR, "export"]].drop_duplicates(), on=[*_PAIR, "export"], how="left", indicator=True)
    gone = both[both["_merge"] == "left_only"]
    for export, some in gone.groupby("export"):
        run = rows[rows["export"] == export].iloc[0]
        count = len(some[_PAIR].drop_duplicates())
        told = f"{count:,} figures, up to {some['day'].max():%Y-%m-%d}, are in earlier runs of an export alone"
        yield f"{told}, such as {Path(some['batch'].iloc[0]).name}: its last one, {_run(run)}, counts without them"


def _differing(lost: pandas.DataFrame, kept: pandas.DataFrame, which: str) -> Iterator[str]:
    """A note where figures that do not count are others than those that do."""
    both = lost.merge(kept, on=_PAIR, suffixes=("", "Kept"))
    apart = [(both[name] - both[f"{name}Kept"]).abs() > ROUNDED * both[f"{name}Kept"].abs() for name in FIGURES]
    if (differ := apart[0] | apart[1]).any():
        one = both.loc[differ].iloc[0]
        when = f"{one['madeKept']:%Y-%m-%d %H:%M} UTC"
        told = f"{int(differ.sum()):,} figures differ between {which}"
        yield f"{told}: {Path(one['batchKept']).name}, of {when}, counts, not {Path(one['batch']).name}"


def _run(run: pandas.Series) -> str:
    return f"{Path(run['batch']).name} of {run['made']:%Y-%m-%d %H:%M} UTC"
