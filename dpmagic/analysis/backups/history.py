"""The runs that were due and the jobs that there are: what ran, what did not, and what nobody can tell.

Jobs name the policy of their time, so history follows it and not today's; see `stretches` for what is certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.backups.keys import FINISHED, SLACK, SUCCESS, among, instants, is_backup, key, series
from dpmagic.analysis.backups.pairing import pair
from dpmagic.analysis.backups.policies import Schedules, schedule_of, why_not
from dpmagic.analysis.backups.stretches import Lines, Places, Span, first_signs, ranges, stretches, why_before
from dpmagic.schedules import Instants
from dpmagic.schedules.instants import NEVER

_SLACK = np.timedelta64(SLACK)
# Of hundreds of thousands of jobs, no more columns than runs need.
_OF_RUNS = ("id", "instance", "policy", "policyName", "status", "startTime", "done", "failed")
_Parts = tuple[Any, ...]
_NONE, _NO_TIMES = np.empty(0, np.int64), np.empty(0, "datetime64[us]")
_NO_RUNS: _Parts = (_NONE, _NO_TIMES, _NONE)
_NO_EXPECTED: _Parts = (_NONE, _NO_TIMES, _NO_TIMES)
_NO_UNSURE: _Parts = (_NONE, _NO_TIMES, _NONE, np.empty(0, object))


@dataclass(frozen=True)
class History:
    """Scheduled backups and due times of one window.

    - ``runs``: one row a scheduled backup job: its ``id``, ``policyName``, ``status`` and ``startTime``, ``instance``
      (id in lower case), ``due`` (missing if nothing was), ``attempt`` (0, 1 for a retry ...), ``done`` and ``failed``;
    - ``expected``: one row a due time in the window that certainly was one: ``instance``, ``policy`` (ids in lower
      case), ``due``, and ``startTime``, of its first job, missing if there is none;
    - ``unverifiable``: one row a stretch: ``instance``, ``policy``, ``due`` (the first, missing if unknown), ``runs``
      (how many, 0 if unknown) and ``why``.
    """

    runs: pandas.DataFrame
    expected: pandas.DataFrame
    unverifiable: pandas.DataFrame


def backups(jobs: pandas.DataFrame) -> pandas.DataFrame:
    """The backup jobs in order of ``instance`` and start, with ``instance`` and ``policy`` in lower case: categoricals
    where the ids are.

    ``done`` is whether it succeeded, ``failed`` whether it ended otherwise; neither while it runs. A job need not say
    its instance: one that does not is nobody's, and left out.
    """
    ours = is_backup(jobs) & jobs["backupInstanceId"].notna()
    mine = jobs if ours.all() else jobs[ours]
    done, over = among(mine["status"], SUCCESS), among(mine["status"], FINISHED)
    found = mine.assign(
        instance=key(mine["backupInstanceId"]), policy=key(mine["policyId"]), done=done, failed=over & ~done
    )
    # By numbers: hundreds of thousands of ids take long to sort as texts.
    order = np.lexsort((instants(found["startTime"]), pandas.factorize(found["instance"], sort=True)[0]))
    if not (np.diff(order) == 1).all():  # and to move as many texts takes longer yet
        found = found.iloc[order]
    found = found.reset_index(drop=True)
    found.attrs = jobs.attrs
    return found


def history(
    instances: pandas.DataFrame,
    jobs: pandas.DataFrame,
    schedules: Schedules,
    window: Any,
    reach: datetime,
    now: datetime,
) -> History:
    """The history of a window, by `backups` from its start up to now, or to a day after its end.

    ``reach`` is from when on there are jobs.
    """
    span, by_schedule = _span(window, reach, now), ~jobs["isUserTriggered"].fillna(False).astype(bool)
    scheduled = jobs.loc[by_schedule, list(_OF_RUNS)].reset_index(drop=True)
    found = stretches(scheduled, instances, first_signs(instances, jobs))
    lines, work = Lines.of(found), _Jobs.of(scheduled, found)
    runs, expected, unsure = [_NO_RUNS], [_NO_EXPECTED], [_NO_UNSURE]
    for number, policy in enumerate(work.policies):
        rows, mine, schedule = work.lines_of(number), work.jobs_of(number), schedule_of(schedules, policy)
        if schedule is None:
            runs.append((mine, _never(mine), np.zeros(len(mine), np.int64)))
            why = np.full(len(rows), why_not(schedules, policy), object)
            unsure.append((rows, _never(rows), np.zeros(len(rows), np.int64), why))
            continue
        step = max([_SLACK, *(interval.step for interval in schedule.intervals)])
        due = schedule.due(span.reach - 2 * step, np.datetime64(now.replace(tzinfo=None), "us"))
        certain, before, after = ranges(rows, lines.take(rows), due, span)
        places = pair(due, work.instances[mine], work.starts[mine], work.failed[mine])
        attempts = _attempts(work.instances[mine], places)
        runs.append((mine, _at(due, places), attempts))
        expected.append(_expected(certain, due, work, mine, places, attempts))
        for one, why in ((before, why_before(lines.head[before.row])), (after, work.closed[after.row])):
            unsure.append((one.row, due[one.low], one.high - one.low + 1, why))
    return _made(scheduled, found, runs, expected, unsure)


@dataclass(frozen=True)
class _Jobs:
    """The scheduled jobs and the stretches that they make by numbers, in the order of ``policies``."""

    policies: list[str]
    instances: Any
    starts: Instants
    failed: Any
    closed: Any
    of_lines: Any
    _jobs: tuple[Any, Any]
    _lines: tuple[Any, Any]

    @classmethod
    def of(cls, scheduled: pandas.DataFrame, found: pandas.DataFrame) -> _Jobs:
        policies = sorted(found["policy"].dropna().unique())
        numbers, names = pandas.factorize(scheduled["instance"])
        known = pandas.Index(policies, dtype="str")
        return cls(
            policies, numbers, instants(scheduled["startTime"]), scheduled["failed"].to_numpy(bool),
            found["closed"].to_numpy(object), pandas.Index(names).get_indexer(pandas.Index(found["instance"])),
            _sorted(known, scheduled["policy"]), _sorted(known, found["policy"]),
        )  # fmt: skip

    def jobs_of(self, policy: int) -> Any:
        return _part(*self._jobs, policy)

    def lines_of(self, policy: int) -> Any:
        return _part(*self._lines, policy)


def _sorted(known: pandas.Index, policies: pandas.Series) -> tuple[Any, Any]:
    """The rows in order of their policies' numbers, and these."""
    numbers = known.get_indexer(pandas.Index(policies))
    order = np.argsort(numbers, kind="stable")
    return order, numbers[order]


def _part(order: Any, numbers: Any, one: int) -> Any:
    low, high = np.searchsorted(numbers, [one, one + 1])
    return order[low:high]


def _span(window: Any, reach: datetime, now: datetime) -> Span:
    """The instants that matter; a run that is due should have begun two hours later."""
    start, end, since, until = (
        np.datetime64(pandas.Timestamp(at).tz_convert("UTC").tz_localize(None), "us")
        for at in (window.start, window.end, reach, now)
    )
    return Span(start, end, since, until - _SLACK)


def _never(rows: Any) -> Instants:
    return np.full(len(rows), NEVER)


def _at(due: Instants, places: Any) -> Instants:
    """The due times at the places, missing for what is of none."""
    when = _never(places)
    when[places >= 0] = due[places[places >= 0]]
    return when


def _attempts(instances: Any, places: Any) -> Any:
    """How many jobs of the same instance and due time were before each: a retry comes after what it repeats."""
    order = np.lexsort((places, instances))
    one, other = instances[order], places[order]
    new = np.ones(len(order), bool)
    new[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    at = np.arange(len(order))
    counted = np.empty(len(order), np.int64)
    counted[order] = at - np.maximum.accumulate(np.where(new, at, 0))
    return np.where(places >= 0, counted, 0)


def _expected(certain: Places, due: Instants, work: _Jobs, mine: Any, places: Any, attempts: Any) -> _Parts:
    """One row a due time of the ranges of places, with the start of its first job."""
    counts = certain.high - certain.low + 1
    rows = np.repeat(certain.row, counts)
    begins = np.repeat(np.cumsum(counts) - counts, counts)
    wanted = np.arange(counts.sum()) - begins + np.repeat(certain.low, counts)
    first = (attempts == 0) & (places >= 0)
    keys = work.instances[mine][first] * len(due) + places[first]
    order = np.argsort(keys)
    keys, starts = keys[order], work.starts[mine][first][order]
    asked = np.where(work.of_lines[rows] >= 0, work.of_lines[rows] * len(due) + wanted, -1)
    spot = np.searchsorted(keys, asked)
    hit = np.append(keys, -2)[spot] == asked
    return rows, due[wanted], np.where(hit, np.append(starts, NEVER)[spot], NEVER)


def _made(scheduled: pandas.DataFrame, found: pandas.DataFrame, *parts: list[_Parts]) -> History:
    """Frames of the rows that were found, of the jobs and of the stretches."""
    runs, expected, unsure = ([np.concatenate(one) for one in zip(*part, strict=True)] for part in parts)
    whose = found[["instance", "policy"]].astype("category")  # of which there are as many as due times
    return History(
        _rows(scheduled.drop(columns="policy"), runs[0]).assign(due=series(runs[1]), attempt=runs[2]),
        _rows(whose, expected[0]).assign(due=series(expected[1]), startTime=series(expected[2])),
        _rows(whose, unsure[0]).assign(
            due=series(unsure[1]), runs=unsure[2], why=pandas.Series(unsure[3], dtype="str")
        ),
    )


def _rows(frame: pandas.DataFrame, rows: Any) -> pandas.DataFrame:
    return frame.take(rows).reset_index(drop=True)
