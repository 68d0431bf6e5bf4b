"""What a schedule comes to: the points that are kept once as many go as come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dpmagic.errors import InvalidArgument
from dpmagic.schedules.instants import DAY, ZERO, Instants
from dpmagic.schedules.policies import Schedule
from dpmagic.schedules.tagging import Numbers

_WEEK = 7 * DAY
_YEARS = 10_227 * DAY  # 28 years, after which each date is of the same day of the week (but for 2100)
_MOST = 2_000_000  # runs to count: an hourly policy over two hundred years
# Averages are over so many runs of the cycle (all of them if it is a week), fewer where each looks at many points.
_SAMPLES, _FEWEST, _POINTS = 336, 48, 1_000_000
_BY_DAYS = {"absoluteCriteria", "daysOfTheWeek", "scheduleTimes"}  # members of a criterion that repeat every week


Spans = tuple[Numbers, NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Steady:
    """The points of one datasource at the fullest instant ``at``: the number of each one's tag, when each was due.

    ``tags`` are the names by number, the default first and then the one that loses first; ``due`` is in order.
    ``spans`` are how many points there are on average, right after runs, by tag and by the days since the point before:
    three arrays, of a tag's number, of days (infinite for the oldest point), of how many.
    """

    tags: tuple[str, ...]
    chosen: Numbers
    due: Instants
    at: np.datetime64
    spans: Spans

    def counts(self) -> dict[str, int]:
        """How many points each tag has."""
        found = np.bincount(self.chosen, minlength=len(self.tags))
        return dict(zip(self.tags, found.tolist(), strict=True))


def steady(schedule: Schedule) -> Steady:
    """The most points that there are at a time, if every run succeeds and has for as long as any point is kept.

    Every due time is gone through, each with the tag that wins and until that tag's point expires, over a week if all
    of it repeats by the week in UTC, else over 28 years; the instant is the first, right after a run, at which there
    are most.  A point goes at its expiry; the service takes a while longer.

    Raises `InvalidArgument` if a tag has no retention rule, and if there are millions of runs to go through.
    """
    runs = _Runs.of(schedule)
    at = runs.due[int(np.argmax(runs.alive))] if len(runs.due) else np.datetime64(0, "us")
    kept = (runs.due <= at) & (runs.ends > at)
    return Steady(runs.tags, runs.chosen[kept], runs.due[kept], at, runs.spans())


def most(schedule: Schedule) -> int:
    """How many points `steady` counts.  Raises what that does."""
    return int(_Runs.of(schedule).alive.max(initial=0))


@dataclass(frozen=True)
class _Runs:
    """All runs of a schedule until each has been that can be: when they are due, in order, the number of each one's
    tag, when its point ends.  From ``settled`` on no point is missing that ``longest`` can hold."""

    tags: tuple[str, ...]
    due: Instants
    chosen: Numbers
    ends: Instants
    settled: np.datetime64
    longest: np.timedelta64

    @classmethod
    def of(cls, schedule: Schedule) -> _Runs:
        ways = reversed(schedule.ways)
        tags = (schedule.default, *dict.fromkeys(way.tag for way in ways if way.tag != schedule.default))
        for tag in tags:
            if schedule.intervals and schedule.period(tag) is None:
                raise InvalidArgument(f"the tag {tag} has no retention rule", f"give it one: {{{tag!r}: 'P7D'}}")
        if not schedule.intervals:
            nothing = np.empty(0, "datetime64[us]")
            return cls(tags, nothing, np.empty(0, np.int64), nothing, np.datetime64(0, "us"), ZERO)
        start = max(interval.anchor for interval in schedule.intervals)
        # By then the first run has expired, of which it is not known whether it is the first of anything.
        longest = max(period.length(longest=True) for period in schedule.retentions.values())
        settled = start + longest
        end = settled + _cycle(schedule)
        _check(schedule, start, end)
        due = schedule.due(start, end)
        tagging = schedule.tagging(due)
        runs = np.arange(len(due))
        chosen = tagging.choose(runs, runs - 1)
        ends = schedule.expiries(tagging.tags, chosen, due)
        return cls(tags, due, np.array([tags.index(tag) for tag in tagging.tags])[chosen], ends, settled, longest)

    @property
    def alive(self) -> Numbers:
        """How many points there are right after each run, -1 before all that can be has been."""
        counts = np.arange(1, len(self.due) + 1) - np.searchsorted(np.sort(self.ends), self.due, "right")
        return np.where(self.due >= self.settled, counts, -1)

    def spans(self) -> Spans:
        """How many points there are on average of each tag and span of days since the one before: `Steady.spans`."""
        if not len(self.due):
            return np.empty(0, np.int64), np.empty(0), np.empty(0)
        due, ends, chosen = self.due, self.ends, self.chosen
        runs = np.flatnonzero(due >= self.settled)
        some = max(_FEWEST, min(_SAMPLES, _POINTS // (int(runs[0]) + 1)))
        runs = runs[np.linspace(0, len(runs) - 1, min(some, len(runs))).astype(np.int64)]
        tags = int(chosen.max()) + 1
        found = []
        for run in runs.tolist():
            first = int(np.searchsorted(due, due[run] - self.longest))
            kept = first + np.flatnonzero(ends[first : run + 1] > due[run])
            since = np.append(-1, np.diff(due[kept]).astype(np.int64))[: len(kept)]  # of the oldest there is none
            found.append(since * tags + chosen[kept])
        pairs, counts = np.unique(np.concatenate(found), return_counts=True)
        since, numbers = np.divmod(pairs, tags)
        days = np.where(since < 0, np.inf, since.astype("timedelta64[us]") / DAY)
        return numbers, days, counts / len(runs)


def _cycle(schedule: Schedule) -> np.timedelta64:
    """How long it takes until all there can be has been."""
    steps = [interval.step for interval in schedule.intervals]
    weekly = (
        str(schedule.zone) == "UTC"
        and all(_WEEK % step == ZERO for step in steps)
        and not any(period.months for period in schedule.retentions.values())
        and all(way.scope <= 2 and {*way.criterion} - {"objectType"} <= _BY_DAYS for way in schedule.ways)
    )
    return _WEEK if weekly else max(_YEARS, 2 * max(steps))


def _check(schedule: Schedule, start: np.datetime64, end: np.datetime64) -> None:
    runs = sum(int((end - start) // interval.step) for interval in schedule.intervals)
    if runs > _MOST or (end - start) > 250 * 365 * DAY:
        raise InvalidArgument(
            f"the schedule has {runs:,} runs within its longest retention", "give longer intervals or a shorter period"
        )
