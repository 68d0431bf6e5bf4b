"""How many of the jobs that ended succeeded, and how sure that figure is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer
from dpmagic.analysis.backups.grouping import columns_of, grouped, period_of
from dpmagic.analysis.backups.keys import FINISHED, SUCCESS, among, is_backup
from dpmagic.estate.estate import Estate
from dpmagic.estate.portions import portions
from dpmagic.estate.source import estate_of
from dpmagic.estate.tallies import Wanted, tallied

_NEEDS = {"jobs": ["operationCategory", "status", "startTime"]}
_COUNTS = ("n", "succeeded", "withWarnings", "failed", "cancelled", "running")
CONFIDENCE = 0.95
_NORMAL = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


def success_rate(given: Any, by: str | Iterable[str] = ()) -> pandas.DataFrame:
    """The share of backup jobs that succeeded, of those that ended: one row a group, or a single row without ``by``.

    ``by`` is one or several of `dpmagic.analysis.backups.grouping`: ``vault``, ``policy``, ``day``, any column ...
    Columns, after the group's own: ``n`` (jobs that ended), ``succeeded`` (``withWarnings`` among them, as in Azure's
    own reports), ``failed``, ``cancelled``, and apart ``running``; ``rate`` is succeeded by n, with ``low`` and
    ``high`` of its 95 % Wilson interval: missing where nothing ended.  Jobs count on the day they began.

    Raises `InvalidArgument` for an unknown ``by`` and for tables without what is needed.
    """
    estate = estate_of(given, "jobs", needs=_NEEDS)
    columns = [*_NEEDS["jobs"], *columns_of(by, estate.source.columns("jobs") or ())]
    counted = _tallied(estate, columns, by)
    if counted is None:
        counted = [_counted(part.table("jobs", columns), by) for part in portions(estate, columns)]
    made = counted[0] if len(counted) == 1 else _summed(pandas.concat(counted, ignore_index=True))
    return answer(estate, _with_rates(made.astype(dict.fromkeys(_COUNTS, "Int64"))))


def _tallied(estate: Estate, columns: Sequence[str], by: str | Iterable[str]) -> list[pandas.DataFrame] | None:
    """What is counted where the jobs are; None where they are not grouped there."""
    found = tallied(estate, Wanted([name for name in columns if name != "startTime"], period_of(by)))
    if found is None:
        return None
    jobs = found.rows[[name for name in found.rows if name in columns]]
    return [_counted(jobs, by, found.rows["n"])]


def _counted(jobs: pandas.DataFrame, by: str | Iterable[str], weights: Any = 1) -> pandas.DataFrame:
    """One row a group, in their order; a row of jobs counts as many as it weighs."""
    jobs = jobs[is_backup(jobs)]
    ended = among(jobs["status"], FINISHED)
    marks = pandas.DataFrame(
        {
            "n": ended,
            "succeeded": among(jobs["status"], SUCCESS),
            "withWarnings": among(jobs["status"], ("completedwithwarnings",)),
            "failed": among(jobs["status"], ("failed",)),
            "cancelled": among(jobs["status"], ("cancelled",)),
            "running": ~ended,
        }
    ).astype("int64")
    marks = marks.mul(weights if isinstance(weights, int) else weights[marks.index], axis=0)
    return _summed(pandas.concat([grouped(jobs, by), marks], axis=1))


def _summed(rows: pandas.DataFrame) -> pandas.DataFrame:
    keys = [name for name in rows if name not in _COUNTS]
    if not keys:
        return rows.sum().to_frame().T
    return rows.groupby(keys, dropna=False, sort=True, as_index=False).sum()


def _with_rates(made: pandas.DataFrame) -> pandas.DataFrame:
    edges = [wilson(int(k), int(n)) for k, n in zip(made["succeeded"], made["n"], strict=True)]
    rate = made["succeeded"] / made["n"].where(made["n"] > 0)
    low, high = (pandas.Series([edge[side] for edge in edges], dtype="Float64") for side in (0, 1))
    return made.assign(rate=rate.astype("Float64"), low=low, high=high)


def wilson(successes: int, n: int) -> tuple[float | None, float | None]:
    """Wilson's 95 % interval of a share (Wilson 1927; Brown, Cai and DasGupta 2001); nothing for none.

    >>> [round(edge, 4) for edge in wilson(9, 10)]
    [0.5958, 0.9821]
    >>> wilson(0, 0)
    (None, None)
    """
    if not n:
        return None, None
    rate, square = successes / n, _NORMAL**2
    middle = (rate + square / (2 * n)) / (1 + square / n)
    half = _NORMAL * math.sqrt(rate * (1 - rate) / n + square / (4 * n * n)) / (1 + square / n)
    # At either end the formula's edge is the rate itself, but for the last bit.
    return 0.0 if successes == 0 else middle - half, 1.0 if successes == n else middle + half
