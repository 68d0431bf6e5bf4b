"""Until when a policy would have each point kept, by its tag or, where nobody says the tag, by the schedule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.backups.keys import instants, series
from dpmagic.analysis.backups.policies import Schedules, schedule_of
from dpmagic.schedules import Instants, Schedule
from dpmagic.schedules.instants import NEVER

PRESENT, MISSING, SURPLUS, EXPIRING, UNVERIFIABLE = "present", "missing", "surplus", "expiring", "unverifiable"
HELD = "held"
HOLDING = ("protectionstopped", "retentionschedulessuspended")
"""The states of protection in which points do not go when they expire."""


def by_tag(rows: pandas.DataFrame, schedules: Schedules, created: str) -> pandas.Series:
    """When each row's point expires, by its ``policy`` and ``retentionTag``, from its column ``created`` on.

    Missing where the policy is gone, cannot be read, or has no retention for the tag.
    """
    found = pandas.Series(series(np.full(len(rows), NEVER)).array, index=rows.index)
    needed = rows[["policy", "retentionTag", created]]  # of ids none is copied
    for (policy, tag), part in needed.groupby(["policy", "retentionTag"], sort=False):
        schedule = schedule_of(schedules, str(policy))
        period = schedule.period(str(tag)) if schedule else None
        if period is not None:
            found[part.index] = series(period.after(instants(part[created]))).array
    return found


def by_schedule(rows: pandas.DataFrame, schedules: Schedules, now: np.datetime64) -> pandas.DataFrame:
    """The tag and the expiry of points of which no job says the tag: ``retentionTag``, ``expiryTime``, or missing.

    Rows have ``policy`` and ``timeCreated``. The tag is certain if it does not depend on which earlier runs succeeded;
    else the expiry is, if every tag that the point may have has it on the same side of ``now``: the nearest to it.
    """
    empty = {"retentionTag": pandas.Series(None, rows.index, "str"), "expiryTime": series(np.full(len(rows), NEVER))}
    found = pandas.DataFrame({name: values.set_axis(rows.index) for name, values in empty.items()})
    for policy, part in rows[["policy", "timeCreated"]].groupby("policy", sort=False):
        schedule = schedule_of(schedules, str(policy))
        if schedule is not None and schedule.intervals:
            tags, expiries = _guess(schedule, instants(part["timeCreated"]), now)
            found.loc[part.index, "retentionTag"] = tags
            found.loc[part.index, "expiryTime"] = series(expiries).array
    return found


def _guess(schedule: Schedule, created: Instants, now: np.datetime64) -> tuple[list[str | None], Instants]:
    step = max(interval.step for interval in schedule.intervals)
    due = schedule.due(created.min() - 2 * step, created.max() + np.timedelta64(1, "us"))
    places = np.searchsorted(due, created, side="right") - 1
    tagging, known = schedule.tagging(due), places >= 0
    runs = np.maximum(places, 0)
    first = tagging.choose(runs, np.full(len(runs), -1))
    later = tagging.choose(runs, np.maximum(runs - 1, 0))
    ends = [schedule.expiries(tagging.tags, chosen, created) for chosen in (first, later)]
    same = known & (first == later)
    alike = known & ~np.isnat(ends[0]) & ~np.isnat(ends[1]) & ((ends[0] > now) == (ends[1] > now))
    nearest = np.where(ends[0] > now, np.minimum(*ends), np.maximum(*ends))
    expiries = np.where(same, ends[0], np.where(alike, nearest, NEVER))
    return [tagging.tags[one] if sure else None for one, sure in zip(first, same, strict=True)], expiries


def judged(expiry: pandas.Series, there: Iterable[bool], now: pandas.Timestamp, grace: Any) -> pandas.Series:
    """What becomes of points by their expiry and whether they are there.

    One that is there is ``present`` until its expiry, then ``expiring`` for the grace that deletion may take, then
    ``surplus``; one that is not there is ``missing`` until its expiry, then as it should be: no status. Without an
    expiry it is ``unverifiable``.
    """
    kept = pandas.Series(list(there), index=expiry.index, dtype=bool)
    status = pandas.Series(None, index=expiry.index, dtype="str")
    status = status.mask(kept & (expiry > now), PRESENT).mask(~kept & (expiry > now), MISSING)
    status = status.mask(kept & (expiry <= now), EXPIRING).mask(kept & (expiry + grace < now), SURPLUS)
    return status.mask(expiry.isna(), UNVERIFIABLE)
