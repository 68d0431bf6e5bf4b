"""The schedules of a table of policies."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas

from dpmagic.analysis.backups.keys import key
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from dpmagic.schedules import Schedule, most

Schedules = Mapping[str, Schedule | str]
"""By the policy's id, in lower case: its schedule, or why there is none."""


def schedules_of(policies: pandas.DataFrame) -> Schedules:
    """Every policy's schedule. A policy that is not there is gone; one that cannot be read has the reason instead."""
    return dict(zip(key(policies["id"]), policies["policyRules"].map(_read), strict=True))


def why_not(schedules: Schedules, policy: str) -> str:
    """Why a policy's schedule is not known; ``""`` if it is."""
    found = schedules.get(policy, "the policy is gone")
    return found if isinstance(found, str) else ""


def schedule_of(schedules: Schedules, policy: str) -> Schedule | None:
    """A policy's schedule, by its id in lower case; None if it is not known."""
    found = schedules.get(policy)
    return found if isinstance(found, Schedule) else None


def most_kept(estate: Estate) -> dict[str, int]:
    """By policy that has a schedule, the most points that there are of a disk if every run succeeds, as
    `dpmagic.schedules.most` counts; where that cannot, as many as there would be now.  Not to be changed."""
    return estate.once(_most_kept)


def _most_kept(estate: Estate) -> dict[str, int]:
    """Policies of one kind are gone through once."""
    at = np.datetime64(estate.now.replace(tzinfo=None), "us")
    known: dict[str, int] = {}
    made = {}
    for policy, schedule in schedules_of(estate.policies()).items():
        if isinstance(schedule, Schedule) and schedule.intervals:
            told = repr(schedule)
            if told not in known:
                known[told] = _most(schedule, at)
            made[policy] = known[told]
    return made


def _most(schedule: Schedule, at: np.datetime64) -> int:
    try:
        return most(schedule)
    except InvalidArgument:
        return schedule.kept(at)


def _read(rules: object) -> Schedule | str:
    try:
        return Schedule.of(rules)
    except InvalidArgument as error:
        return f"the policy cannot be read: {error.message}"
