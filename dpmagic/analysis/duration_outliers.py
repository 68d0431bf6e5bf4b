"""Jobs that took far longer than their instance's usually do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.arguments import number
from dpmagic.analysis.backups.answers import answer
from dpmagic.analysis.backups.keys import as_texts, numbered
from dpmagic.analysis.lengths.instances import INSTANCE_NEEDS, NAMED, succeeded
from dpmagic.analysis.lengths.jobs import RUNNING, jobs_of, timedeltas
from dpmagic.estate.portions import portions, spelled
from dpmagic.estate.source import estate_of

LIMIT, FEWEST = 3.5, 8
"""From which score on a job is an outlier, and of how many jobs at least."""

_COLUMNS = ("id", *NAMED, "startTime", "status", "duration", "usual", "times", "score", "n")


def duration_outliers(
    given: Any, over: Any = None, *, category: str = "Backup", failed: bool = False, limit: float = LIMIT
) -> pandas.DataFrame:
    """The jobs that began in the window, have ended and took unusually long: one row each, the highest score first.

    ``score`` is the modified z of the logarithm, 0.6745 (log d - median) / MAD, over the ``n`` jobs of the instance
    that succeeded, at least 8; more than 3.5 is unusual. ``usual`` is their median, ``times`` how many times that the
    job took. With ``failed=True`` those that failed are judged too; they never say what is usual. Where more than half
    of the jobs took equally long, the mean deviation stands in for the median one; where all did, nothing can be said.

    ``attrs["dpmagic"]`` has how many jobs were ``judged``, and of how many there are too few (``unjudged``).
    """
    number(limit, "limit", "3.5")
    estate = estate_of(given, "jobs", needs={"jobs": ["id", *INSTANCE_NEEDS]}, window=over)
    judged = []
    for part in portions(estate, ("id", *INSTANCE_NEEDS), together=True, numbers=True):
        rows, count, left = _judged(jobs_of(given, part, category, ("id", *INSTANCE_NEEDS)), failed, limit)
        judged.append((rows.assign(id=spelled(part, rows["id"])), count, left))
    found = pandas.concat([rows for rows, _, _ in judged], ignore_index=True)
    found = found.sort_values(["score", "id"], ascending=[False, True], ignore_index=True)
    told = {"judged": sum(count for _, count, _ in judged), "unjudged": sum(count for _, _, count in judged)}
    note = f"{told['unjudged']:,} jobs could not be judged: fewer than {FEWEST} of their instance succeeded"
    return answer(estate, found[list(_COLUMNS)], note if told["unjudged"] else "", **told)


def _judged(jobs: pandas.DataFrame, failed: bool, limit: float) -> tuple[pandas.DataFrame, int, int]:
    """The outliers among these instances' jobs, and how many jobs were judged, and not."""
    # Of hundreds of thousands of jobs no more than what they are judged by; the rest of those that are unusual.
    numbers = pandas.Series(numbered(jobs["backupInstanceId"])[0], jobs.index)
    made = {"instance": numbers.where(numbers >= 0), "seconds": jobs["duration"].dt.total_seconds()}
    lengths = pandas.DataFrame({**made, "state": jobs["state"]})
    done = succeeded(lengths)
    ended = lengths[(lengths["state"] != RUNNING) & (lengths["seconds"] > 0)] if failed else done
    rows = ended.join(usual(done), on="instance")
    rows["score"] = (np.log(rows["seconds"]) - rows["median"]) / rows["spread"]
    judged = rows["score"].notna()
    odd = rows[judged & (rows["score"] > limit)]
    found = jobs.loc[odd.index].join(odd.drop(columns="state"))
    found = found.assign(usual=timedeltas(np.exp(found["median"])), times=found["seconds"] / np.exp(found["median"]))
    found["n"] = found["n"].astype("Int64")
    return as_texts(found), int(judged.sum()), int((~judged).sum())


def usual(jobs: pandas.DataFrame) -> pandas.DataFrame:
    """By instance: ``n``, and of the logarithms of its durations the ``median`` and the ``spread``, by which a
    difference is a score; the spread is missing where nothing can be said."""
    logs = np.log(jobs["seconds"])
    groups = logs.groupby(jobs["instance"])
    made = pandas.DataFrame({"n": groups.count(), "median": groups.median()})
    away = (logs - groups.transform("median")).abs().groupby(jobs["instance"])
    # Iglewicz and Hoaglin: both are the standard deviation of a normal distribution.
    spread = (away.median() / 0.6745).where(away.median() > 0, away.mean() * 1.253314)
    made["spread"] = spread.where((spread > 0) & (made["n"] >= FEWEST))
    return made
