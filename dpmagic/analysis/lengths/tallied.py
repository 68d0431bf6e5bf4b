"""Durations of an archive's many jobs, grouped where the jobs are: exact, and from few rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.backups.grouping import PERIODS, period_of
from dpmagic.analysis.backups.keys import among
from dpmagic.analysis.lengths.exact import SHARES
from dpmagic.analysis.lengths.groups import Group, keyed, places
from dpmagic.analysis.lengths.jobs import FAILED, SUCCEEDED, refuse_forgotten, refuse_unknown, states
from dpmagic.estate.estate import Estate
from dpmagic.estate.tallies import Wanted, tallied


def pieces_tallied(
    estate: Estate, asked: Sequence[Group], category: str, failed: bool
) -> tuple[pandas.DataFrame, pandas.DataFrame] | None:
    """Pieces as those of rows are, and the percentiles in seconds, one row a group that has a measured job.  None where
    the estate does not group its jobs.

    Raises `InvalidArgument` as `dpmagic.analysis.lengths.jobs.jobs_of` does.
    """
    disks = estate.disks() if any("disks" in group.tables for group in asked) else None
    keys = [*places(asked), "all"]

    def numbers(rows: pandas.DataFrame) -> Any:
        pieces = _pieces(rows, asked, category, failed, disks)
        made = pandas.Series(-1, rows.index)
        measured = pieces[pieces["bucket"].notna()]
        made[measured.index] = measured.groupby(keys, dropna=False).ngroup()
        return made.to_numpy(np.int64)

    needed = [name for group in asked for name in group.needs if name != "startTime"]
    columns = [*dict.fromkeys(["operationCategory", "status", *needed])]
    found = tallied(estate, Wanted(columns, period_of([group.name for group in asked]), [*SHARES.values()], numbers))
    if found is None:
        return None
    refuse_forgotten(estate, estate.kept.said["jobs"]["since"])
    pieces = _pieces(found.rows, asked, category, failed, disks)
    if not len(pieces):
        refuse_unknown(category, found.rows["operationCategory"].dropna().unique())
    # In the order of the numbers.
    groups = pieces[pieces["bucket"].notna()].groupby(keys, dropna=False)
    made = groups.agg(n=("timed", "sum"), max=("max", "max")).reset_index()
    percentiles = found.percentiles.reindex(made.index)
    for name, share in SHARES.items():
        made[name] = percentiles[share]
    return pieces.drop(columns="timed"), made


def _pieces(
    rows: pandas.DataFrame, asked: Sequence[Group], category: str, failed: bool, disks: pandas.DataFrame | None
) -> pandas.DataFrame:
    jobs = rows[among(rows["operationCategory"], (category.lower(),))]
    jobs = keyed(jobs.assign(state=states(jobs["status"])), asked, disks)
    measured = jobs["state"].isin((SUCCEEDED, FAILED) if failed else (SUCCEEDED,)) & (jobs["timed"] > 0)
    shown = [name for group in asked for name in group.columns if name in jobs and name not in PERIODS]
    warned = among(jobs["status"], ("completedwithwarnings",))
    return jobs[[*places(asked), *dict.fromkeys(shown), "state", "n", "timed", "oldest"]].assign(
        all=0,
        bucket=np.where(measured, 0.0, np.nan),
        max=jobs["longest"].where(measured),
        warnings=jobs["timed"].where(warned, 0),
    )
