"""The jobs that analyses of durations are about, and whether the window has any that are remembered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas

from dpmagic.analysis.arguments import text
from dpmagic.analysis.backups.keys import FINISHED, SUCCESS, among
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.completeness import KEY
from dpmagic.estate.estate import Estate
from dpmagic.estate.window import instant

NEEDS = ("operationCategory", "status", "startTime", "duration")
"""The columns of jobs without which there are no durations."""

CATEGORIES = ("Backup", "Restore", "Management", "Tiering")
"""Azure's categories of jobs."""

SUCCEEDED, FAILED, RUNNING = "succeeded", "failed", "running"
ENDED_BADLY = tuple(one for one in FINISHED if one not in SUCCESS)


def jobs_of(given: Any, estate: Estate, category: str, columns: Iterable[str]) -> pandas.DataFrame:
    """These columns of the estate's jobs of a category, such as ``Backup``, and ``state``: succeeded, failed, running.

    Cancelled ones count as failed; with warnings is a success. Raises `InvalidArgument` when none of the window are
    remembered, or the tables that were given are all of another time.
    """
    columns, category = [*dict.fromkeys(columns)], text(category, "the category", "Backup")
    jobs = estate.table("jobs", columns)
    refuse_forgotten(estate, jobs.attrs[KEY].get("since"))
    if not len(jobs):
        _refuse_elsewhere(given, estate)
    mine = jobs[columns][among(jobs["operationCategory"], (category.lower(),))]
    if not len(mine):
        refuse_unknown(category, jobs["operationCategory"].dropna().unique())
    return mine.assign(state=states(mine["status"]))


def refuse_unknown(category: str, there: Iterable[str] = ()) -> None:
    """Raises `InvalidArgument` for a category that no job is of, unless it is one of Azure's."""
    known = dict.fromkeys([*CATEGORIES, *there])
    if category.lower() not in map(str.lower, known):
        hint = did_you_mean(category, known, f"there are: {', '.join(known)}")
        raise InvalidArgument(f"no job is of category {category!r}", hint)


def states(status: pandas.Series) -> pandas.Series:
    """What each status says: whatever is not over is running."""
    made = pandas.Series(RUNNING, status.index, "str")
    return made.mask(among(status, SUCCESS), SUCCEEDED).mask(among(status, ENDED_BADLY), FAILED)


def refuse_forgotten(estate: Estate, since: str | None) -> None:
    """Raises `InvalidArgument` when the whole window is before ``since``, from when on jobs are remembered."""
    if since and instant(since) >= estate.window.end:
        raise InvalidArgument(
            f"the window ends at {estate.window.texts()[1]}, and jobs are remembered from {since} on",
            "name a later window, or open an archive",
        )


def _refuse_elsewhere(given: Any, estate: Estate) -> None:
    frame = given if isinstance(given, pandas.DataFrame) else given.get("jobs") if isinstance(given, dict) else None
    if frame is not None and len(frame):
        times = pandas.to_datetime(frame["startTime"], utc=True)
        raise InvalidArgument(
            f"no job began from {' to '.join(estate.window.texts())}",
            f"those of the table began from {times.min():%Y-%m-%dT%H:%MZ} to {times.max():%Y-%m-%dT%H:%MZ}",
        )


def timedeltas(seconds: pandas.Series) -> pandas.Series:
    """Seconds as durations, cut to the microsecond as all durations are; missing stays missing.

    >>> timedeltas(pandas.Series([194.9308799, None])).tolist()
    [Timedelta('0 days 00:03:14.930879'), NaT]
    """
    # A double may be a hair below what it stands for: a tenth of Kusto's ticks, or hundredths between two microseconds.
    hundredths = (seconds.astype(float) * 1e8).round() // 100
    return hundredths.astype("Int64").astype("timedelta64[us]")
