"""Whether backups take longer from day to day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.arguments import number
from dpmagic.analysis.backups.answers import answer
from dpmagic.analysis.lengths.instances import INSTANCE_NEEDS, NAMED, by_instance, succeeded
from dpmagic.analysis.lengths.jobs import jobs_of, timedeltas
from dpmagic.estate.portions import portions
from dpmagic.estate.source import estate_of

FEWEST = 14
"""Of fewer jobs there is no trend."""

POINTS = {"job": (400, ""), "day": (100, "1D"), "week": (10_000, "7D")}
"""At most so many of each: of their pairs, half its square, there are then not too many in thousands of instances."""

LONGER, SHORTER, STEADY = "longer", "shorter", "none"
_NUMBERS = ("secondsPerDay", "low", "high", "p")
_DAY = pandas.Timedelta(days=1)


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
        jobs = succeeded(by_instance(jobs_of(given, part, category, INSTANCE_NEEDS)))
        counts = jobs.groupby("instance")["seconds"].transform("count")
        rows += [_row(mine) for _, mine in jobs[counts >= FEWEST].groupby("instance", sort=True)]
        instances += int(jobs["instance"].nunique())
    made = pandas.DataFrame(rows, columns=[*NAMED, "n", "points", "usual", *_NUMBERS])
    made = made.astype(dict.fromkeys([*NAMED, "points"], "str") | dict.fromkeys(_NUMBERS, "float64") | {"n": "Int64"})
    made["usual"] = timedeltas(made["usual"])
    made["trend"] = pandas.Series(np.where(made["secondsPerDay"] > 0, LONGER, SHORTER), dtype="str").where(
        made["p"] < alpha, STEADY
    )
    made = made.sort_values(["secondsPerDay", "backupInstanceId"], ascending=[False, True], ignore_index=True)
    few = instances - len(made)
    return answer(estate, made, f"{few:,} instances have fewer than {FEWEST} jobs" if few else "", unjudged=few)


def _row(jobs: pandas.DataFrame) -> tuple[Any, ...]:
    from scipy.stats import kendalltau, theilslopes

    points, lengths = _points(jobs.set_index("startTime")["seconds"])
    days, seconds = ((lengths.index - lengths.index[0]) / _DAY).to_numpy(float), lengths.to_numpy(float)
    slope, _, low, high = theilslopes(seconds, days)
    last = jobs.iloc[-1]
    # Kendall's tau with time is Mann and Kendall's test; where all took equally long it is none.
    p = kendalltau(days, seconds).pvalue if np.ptp(seconds) > 0 else 1.0
    return (*(last[name] for name in NAMED), len(jobs), points, jobs["seconds"].median(), slope, low, high, p)


def _points(lengths: pandas.Series) -> tuple[str, pandas.Series]:
    """What a line is laid through, by time: jobs, or what stands for those of a day or of seven."""
    for points, (most, step) in POINTS.items():
        if step:
            lengths = lengths.resample(step).median().dropna()
        if len(lengths) <= most:
            return points, lengths
    raise AssertionError("no window has so many weeks")
