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
from dpmagic.analysis.backups.stretches import Span, first_signs, ranges, stretches
from dpmagic.schedules import Instants
from dpmagic.schedules.instants import NEVER

_SLACK = np.timedelta64(SLACK)
# Of hundreds of thousands of jobs, no more columns than runs need.
_OF_RUNS = ("id", "instance", "policy", "policyName", "status", "startTime", "done", "failed")
_EXPECTED = ("instance", "policy", "due", "startTime")
_UNVERIFIABLE = ("instance", "policy", "due", "runs", "why")


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
    """The backup jobs in order of ``instance`` and start, with ``instance`` and ``policy`` in lower case.

    ``done`` is whether it succeeded, ``failed`` whether it ended otherwise; neither while it runs. A job need not say
    its instance: one that does not is nobody's, and left out.
    """
    mine = jobs[is_backup(jobs) & jobs["backupInstanceId"].notna()]
    done, over = among(mine["status"], SUCCESS), among(mine["status"], FINISHED)
    found = mine.assign(
        instance=key(mine["backupInstanceId"]), policy=key(mine["policyId"]), done=done, failed=over & ~done
    )
    # By numbers: hundreds of thousands of ids take long to sort as texts.
    order = np.lexsort((instants(found["startTime"]), pandas.factorize(found["instance"], sort=True)[0]))
    found = found.iloc[order].reset_index(drop=True)
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
    span = _span(window, reach, now)
    by_schedule = ~jobs["isUserTriggered"].fillna(False).astype(bool)
    scheduled = jobs.loc[by_schedule, list(_OF_RUNS)].reset_index(drop=True)
    runs, expected, unsure = [], [], []
    for policy, of in stretches(scheduled, instances, first_signs(instances, jobs)).groupby("policy", sort=True):
        mine, schedule = scheduled[scheduled["policy"] == policy], schedule_of(schedules, str(policy))
        if schedule is None:
            undue = mine.assign(due=pandas.Series(pandas.NaT, mine.index, "datetime64[us, UTC]"), attempt=0)
            runs.append(undue.drop(columns="policy"))
            never = pandas.Series(pandas.NaT, of.index, "datetime64[us, UTC]")
            unsure.append(of.assign(due=never, runs=0, why=why_not(schedules, str(policy))))
            continue
        step = max([_SLACK, *(interval.step for interval in schedule.intervals)])
        due = schedule.due(span.reach - 2 * step, np.datetime64(now.replace(tzinfo=None), "us"))
        paired = _paired(mine, due)
        verified, unverified = ranges(of, due, span)
        runs.append(paired.drop(columns=["policy", "place"]))
        expected.append(_expected(verified, due, paired))
        unsure.append(unverified)
    none = scheduled.head(0).drop(columns="policy").join(_nothing(("due", "attempt")))
    return History(
        _joined(runs, none), _joined(expected, _nothing(_EXPECTED)), _joined(unsure, _nothing(_UNVERIFIABLE))
    )


def _span(window: Any, reach: datetime, now: datetime) -> Span:
    """The instants that matter; a run that is due should have begun two hours later."""
    start, end, since, until = (
        np.datetime64(pandas.Timestamp(at).tz_convert("UTC").tz_localize(None), "us")
        for at in (window.start, window.end, reach, now)
    )
    return Span(start, end, since, until - _SLACK)


def _paired(jobs: pandas.DataFrame, due: Instants) -> pandas.DataFrame:
    """The jobs of one policy with the due times that they are of."""
    codes = pandas.factorize(jobs["instance"])[0]
    places = pair(due, codes, instants(jobs["startTime"]), jobs["failed"].to_numpy(bool))
    when = np.full(len(places), NEVER)
    when[places >= 0] = due[places[places >= 0]]
    made = jobs.assign(place=places, due=series(when, jobs.index))
    # A retry comes after what it repeats, so counting in order of start numbers the attempts.
    return made.assign(attempt=made.groupby(["instance", "place"]).cumcount().where(places >= 0, 0))


def _expected(verified: pandas.DataFrame, due: Instants, runs: pandas.DataFrame) -> pandas.DataFrame:
    """One row a due time of the ranges of places, with the start of its first job."""
    counts = verified["high"].to_numpy() - verified["low"].to_numpy() + 1
    rows = verified.loc[verified.index.repeat(counts), ["instance", "policy"]].reset_index(drop=True)
    begins = np.repeat(np.cumsum(counts) - counts, counts)
    rows["place"] = np.arange(counts.sum()) - begins + np.repeat(verified["low"].to_numpy(), counts)
    rows["due"] = series(due[rows["place"].to_numpy()])
    first = runs.loc[runs["attempt"] == 0, ["instance", "place", "startTime"]]
    return rows.merge(first, on=["instance", "place"], how="left").drop(columns="place")


def _joined(parts: list[pandas.DataFrame], nothing: pandas.DataFrame) -> pandas.DataFrame:
    filled = [part for part in parts if len(part)] or parts[:1] or [nothing]
    return pandas.concat(filled, ignore_index=True)


def _nothing(columns: tuple[str, ...]) -> pandas.DataFrame:
    """No rows, in the dtypes that rows have."""
    dtypes = {**dict.fromkeys(("due", "startTime"), "datetime64[us, UTC]"), "runs": "int64", "attempt": "int64"}
    return pandas.DataFrame({name: pandas.Series(dtype=dtypes.get(name, "str")) for name in columns})
