"""Whether backups take longer from day to day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.arguments import number
from dpmagic.analysis.backups.answers import answer
from dpmagic.analysis.backups.keys import instants, numbered
from dpmagic.analysis.lengths.instances import INSTANCE_NEEDS, NAMED, usual
from dpmagic.analysis.lengths.jobs import jobs_of, timedeltas
from dpmagic.estate.portions import portions
from dpmagic.estate.source import estate_of
from dpmagic.schedules.instants import Instants

FEWEST = 14
"""Of fewer jobs there is no trend."""

POINTS = {"job": (400, 0), "day": (100, 1), "week": (10_000, 7)}
"""At most so many of each, and the days of one: of their pairs, half its square, there are then not too many in
thousands of instances."""

LONGER, SHORTER, STEADY = "longer", "shorter", "none"
_NUMBERS = ("secondsPerDay", "low", "high", "p")
_DAY = np.timedelta64(1, "D")


def duration_trend(given: Any, over: Any = None, *, category: str = "Backup", alpha: float = 0.01) -> pandas.DataFrame:
    """One row an instance with at least 14 successful jobs in the window, the steepest first.

    ``secondsPerDay`` is Theil and Sen's slope, the median of the slopes of all pairs of jobs, between ``low`` and
    ``high`` with 95 % confidence; ``p`` is Mann and Kendall's, that there is no trend at all. ``trend`` is ``longer``
    or ``shorter`` where p is below ``alpha``, else ``none``: of a hundred instances without a trend, one still has one.
    ``usual`` is the median duration.

    Of more than 400 jobs the medians of each day (UTC) stand for them, of more than 100 days the medians of those of
    seven days, from the first: ``points`` says which they are (``job``, ``day`` or ``week``).

    ``attrs["dpmagic"]`` has how many instances had too few jobs (``unjudged``).
    """
    number(alpha, "alpha", "0.01", most=1)
    estate = estate_of(given, "jobs", needs={"jobs": ["id", *INSTANCE_NEEDS]}, window=over)
    rows, instances = [], 0
    for part in portions(estate, INSTANCE_NEEDS, together=True):
        found, some = _of_instances(jobs_of(given, part, category, INSTANCE_NEEDS))
        rows += found
        instances += some
    made = pandas.DataFrame(rows, columns=[*NAMED, "n", "points", "usual", *_NUMBERS])
    made = made.astype(dict.fromkeys([*NAMED, "points"], "str") | dict.fromkeys(_NUMBERS, "float64") | {"n": "Int64"})
    made["usual"] = timedeltas(made["usual"])
    made["trend"] = pandas.Series(np.where(made["secondsPerDay"] > 0, LONGER, SHORTER), dtype="str").where(
        made["p"] < alpha, STEADY
    )
    made = made.sort_values(["secondsPerDay", "backupInstanceId"], ascending=[False, True], ignore_index=True)
    few = instances - len(made)
    return answer(estate, made, f"{few:,} instances have fewer than {FEWEST} jobs" if few else "", unjudged=few)


def _of_instances(jobs: pandas.DataFrame) -> tuple[list[tuple[Any, ...]], int]:
    """A row for each instance with jobs enough, and how many instances there are; no text of a job is moved for it."""
    numbers, keys = numbered(jobs["backupInstanceId"])
    lengths = jobs["duration"].dt.total_seconds().to_numpy(float, na_value=np.nan)
    mine = np.flatnonzero((numbers >= 0) & usual(jobs["state"], lengths))
    order = mine[np.lexsort((instants(jobs["startTime"])[mine], keys.argsort().argsort()[numbers[mine]]))]
    edges = np.flatnonzero(np.diff(numbers[order])) + 1
    each = np.split(order, edges) if len(order) else []
    enough = [places for places in each if len(places) >= FEWEST]
    whose = jobs[list(NAMED)].iloc[[places[-1] for places in enough]].itertuples(index=False, name=None)
    starts = instants(jobs["startTime"])
    found = [(*names, *_row(starts[places], lengths[places])) for names, places in zip(whose, enough, strict=True)]
    return found, len(each)


def _row(starts: Instants, lengths: Any) -> tuple[Any, ...]:
    from scipy.stats import kendalltau, theilslopes

    points, times, seconds = _points(starts, lengths)
    days = (times - times[0]) / _DAY
    slope, _, low, high = theilslopes(seconds, days)
    # Kendall's tau with time is Mann and Kendall's test; where all took equally long it is none.
    p = kendalltau(days, seconds).pvalue if np.ptp(seconds) > 0 else 1.0
    return len(lengths), points, np.median(lengths), slope, low, high, p


def _points(times: Instants, lengths: Any) -> tuple[str, Instants, Any]:
    """What a line is laid through, by time: jobs, or what stands for those of a day or of seven."""
    for points, (most, step) in POINTS.items():
        if step:
            first = times[0].astype("datetime64[D]")
            place, which = np.unique((times - first) // (step * _DAY), return_inverse=True)
            lengths = pandas.Series(lengths).groupby(which).median().to_numpy()
            times = (first + place * step).astype("datetime64[us]")
        if len(lengths) <= most:
            return points, times, lengths
    raise AssertionError("no window has so many weeks")
