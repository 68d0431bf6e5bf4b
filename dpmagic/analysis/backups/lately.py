"""How each instance's backups have gone lately: its last jobs, failures in a row, and a job that does not end."""

from __future__ import annotations

from datetime import datetime

import pandas

from dpmagic.analysis.backups.keys import by_text

_A_DAY = pandas.Timedelta(days=1)


def last_finished(jobs: pandas.DataFrame) -> pandas.DataFrame:
    """By instance, the backup that began last of those that are over, with ``failures``, how many failed in a row.

    ``jobs`` are as `backups` gives them; ``failingSince`` is the start of the first of those failures, and
    ``failingIs`` is ``at``, or ``before`` where no success before it is known.
    """
    over = jobs[jobs["done"] | jobs["failed"]]
    grouped = over.groupby("instance", sort=False)
    # Failures after the last success: those that as many jobs precede as succeeded at all.
    since = over[over["failed"] & (grouped["done"].cumsum() == grouped["done"].transform("sum"))].groupby("instance")
    # By texts: a categorical of no rows has other codes than one of many, and pandas looks neither up in the other.
    last = by_text(over.drop_duplicates("instance", keep="last").set_index("instance"))
    failures = by_text(since.size()).reindex(last.index, fill_value=0)
    first = by_text(since["startTime"].min()).reindex(last.index)
    made: pandas.DataFrame = last.assign(
        failures=failures.astype("int64"), failingSince=first, failingIs=_bound(first, grouped["done"].any())
    )
    return made


def stuck(jobs: pandas.DataFrame, now: datetime) -> pandas.DataFrame:
    """By instance, a backup that has been going for longer than its backups take: ``stuckSince`` and ``runningFor``.

    That is longer than the longer of the 99th percentile and three times the median of its successful backups; or than
    a day, where none is known.
    """
    done = jobs.loc[jobs["done"] & jobs["duration"].notna(), ["instance", "duration"]].groupby("instance")["duration"]
    limits = pandas.concat([done.quantile(0.99), 3 * done.quantile(0.5)], axis=1).max(axis=1)
    going = jobs[~jobs["done"] & ~jobs["failed"]].drop_duplicates("instance", keep="last").set_index("instance")
    limits, going = by_text(limits), by_text(going)
    lasts = (pandas.Timestamp(now) - going["startTime"]).astype("timedelta64[us]")
    found = pandas.DataFrame({"stuckSince": going["startTime"], "runningFor": lasts})
    longer: pandas.DataFrame = found[found["runningFor"] > limits.reindex(found.index).fillna(_A_DAY)]
    return longer


def missing(expected: pandas.DataFrame, jobs: pandas.DataFrame) -> pandas.DataFrame:
    """By instance, the due times without a job after its last one, if any: ``missedRuns``, ``missedSince``, and
    ``missedIs``: ``at``, or ``before`` where no earlier job is known.

    ``expected`` is that of a history. A backup on demand that succeeded since makes up for a missed one.
    """
    # A job that began counts, whatever became of it: how it ended is another matter.
    ran = expected.loc[expected["startTime"].notna(), ["instance", "due"]].groupby("instance")["due"].max()
    made = jobs[jobs["done"]].groupby("instance")["startTime"].max()
    numbers, names = pandas.factorize(expected["instance"])  # looked up once each: there are many due times of one
    ran, made, names = by_text(ran), by_text(made), names.astype("str")
    one, other = (pandas.Series(of.reindex(names).array.take(numbers), expected.index) for of in (ran, made))
    tail = expected.loc[~expected["due"].le(one) & ~expected["due"].lt(other), ["instance", "due"]]
    grouped = tail.groupby("instance")
    first = grouped["due"].min()
    known = pandas.Series(first.index.isin({*ran.index, *made.index}), first.index)
    count = grouped.size().astype("int64")
    return pandas.DataFrame({"missedRuns": count, "missedSince": first, "missedIs": _bound(first, known)})


def _bound(since: pandas.Series, known: pandas.Series) -> pandas.Series:
    """Whether it began at that instant, for it is ``known`` that it was otherwise, or may have begun before."""
    words = known.reindex(since.index, fill_value=False).map({True: "at", False: "before"}).astype("str")
    return words.where(since.notna())
