"""Which retention tag a run's point gets, and until when the point is kept: many runs at once.

Of the criteria that a run meets, the one with the lowest ``taggingPriority`` wins. "First of the day" is the first run
that *succeeds* of those due on that day of the policy's zone, and so for weeks (from Sunday), months and years.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..times import DAY
from .schedules import SCOPES, Choice, Plan

_NOTHING = np.iinfo(np.int32).max
_MONTH = np.timedelta64(1, "M")
_EPOCH = 719_162  # days from 0001-01-01 to 1970-01-01
_BASE = 1 << 24  # more days than any calendar here

Numbers = NDArray[Any]


class Tags:
    """The tags of all policies by number, and the choices between them that runs have."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._numbers: dict[tuple[str, int, int], int] = {}
        self._periods: list[tuple[int, int]] = []
        self._choices: dict[tuple[tuple[int, int] | None, ...], int] = {}
        self._priority = np.empty((0, SCOPES), np.int32)
        self._tag = np.empty((0, SCOPES), np.int32)
        self._arrays: tuple[Numbers, Numbers] | None = None

    def tag(self, plan: Plan, name: str) -> int:
        """The number of a plan's tag with the retention that it has now."""
        months, span = plan.periods.get(name.lower()) or plan.periods["default"]
        number = self._numbers.setdefault((name, months, span), len(self.names))
        if number == len(self.names):
            self.names.append(name)
            self._periods.append((months, span))
            self._arrays = None
        return number

    def choice(self, plan: Plan, choice: Choice) -> int:
        """The number of a choice, for the runs of one due time."""
        spelled = tuple(None if best is None else (best[0], self.tag(plan, best[1])) for best in choice)
        if spelled[0] is None:
            spelled = ((_NOTHING - 1, self.tag(plan, "Default")), *spelled[1:])
        number = self._choices.setdefault(spelled, len(self._choices))
        if number == len(self._priority):
            row = [(_NOTHING, -1) if best is None else best for best in spelled]
            self._priority = np.concatenate([self._priority, np.array([[pair[0] for pair in row]], np.int32)])
            self._tag = np.concatenate([self._tag, np.array([[pair[1] for pair in row]], np.int32)])
        return number

    def chosen(self, choices: Numbers, days: Numbers, before: Numbers) -> Numbers:
        """The tags of runs due on ``days`` whose instance last succeeded on the day ``before``."""
        applies = np.empty((len(choices), SCOPES), bool)
        applies[:, 0] = True
        applies[:, 1] = days > before
        applies[:, 2] = (days + 1) // 7 > (before + 1) // 7  # day 0 was a Monday; weeks begin on Sunday
        applies[:, 3] = _months(days) > _months(before)
        applies[:, 4] = _months(days) // 12 > _months(before) // 12
        priority = np.where(applies, self._priority[choices], _NOTHING)
        tags: Numbers = self._tag[choices, np.argmin(priority, axis=1)]
        return tags

    def expiries(self, tags: Numbers, created: Numbers) -> Numbers:
        """When points created at instants go, by their tags: calendar months first, then the rest of the period."""
        if self._arrays is None:
            periods = np.array(self._periods, np.int64).reshape(-1, 2)
            self._arrays = periods[:, 0], periods[:, 1]
        months: Numbers = self._arrays[0][tags]
        expiry: Numbers = (_later(created, months) if months.any() else created) + self._arrays[1][tags]
        return expiry


def last_success(instances: Numbers, days: Numbers, succeeded: Numbers, before: Numbers) -> Numbers:
    """For runs in order of instance and start, the latest day on which their instance succeeded before them.

    ``before`` has, for each run, the day that was known of its instance before all of these.
    """
    base = instances.astype(np.int64) * _BASE
    marks = np.maximum.accumulate(np.where(succeeded, base + days, base))
    earlier = np.concatenate([base[:1], marks[:-1]])
    latest: Numbers = np.maximum(np.maximum(earlier, base) - base, before)
    return latest


def _months(days: Numbers) -> Numbers:
    """Months since year 0 of days since 0001-01-01."""
    return (days.astype(np.int64) - _EPOCH).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1970 * 12


def _later(instants: Numbers, months: Numbers) -> Numbers:
    """Instants so many calendar months on: the same day, or the month's last."""
    days, rest = np.divmod(instants, DAY)
    dates = (days - _EPOCH).astype("datetime64[D]")
    month = dates.astype("datetime64[M]")
    inside = (dates - month.astype("datetime64[D]")).astype(np.int64)
    target = month + months * _MONTH
    first = target.astype("datetime64[D]").astype(np.int64)
    length = (target + _MONTH).astype("datetime64[D]").astype(np.int64) - first
    moved: Numbers = (first + np.minimum(inside, length - 1) + _EPOCH) * DAY + rest
    return moved
