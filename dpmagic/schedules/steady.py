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
    tags = (schedule.default, *dict.fromkeys(way.tag for way in reversed(schedule.ways) if way.tag != schedule.default))
    for tag in tags:
        if schedule.intervals and schedule.period(tag) is None:
            raise InvalidArgument(f"the tag {tag} has no retention rule", f"give it one: {{{tag!r}: 'P7D'}}")
    if not schedule.intervals:
        none, nothing = np.empty(0, np.int64), np.empty(0)
        return Steady(tags, none, np.empty(0, "datetime64[us]"), np.datetime64(0, "us"), (none, nothing, nothing))
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
    alive = np.where(due >= settled, runs + 1 - np.searchsorted(np.sort(ends), due, "right"), -1)
    at = due[int(np.argmax(alive))]
    kept = (due <= at) & (ends > at)
    chosen = np.array([tags.index(tag) for tag in tagging.tags])[chosen]
    return Steady(tags, chosen[kept], due[kept], at, _spans(chosen, due, ends, settled, longest))


def _spans(chosen: Numbers, due: Instants, ends: Instants, settled: np.datetime64, longest: np.timedelta64) -> Spans:
    """How many points there are on average of each tag and span of days since the one before, as `Steady.spans`."""
    runs = np.flatnonzero(due >= settled)
    most = max(_FEWEST, min(_SAMPLES, _POINTS // (int(runs[0]) + 1)))
    runs = runs[np.linspace(0, len(runs) - 1, min(most, len(runs))).astype(np.int64)]
    tags = int(chosen.max()) + 1
    found = []
    for run in runs.tolist():
        first = int(np.searchsorted(due, due[run] - longest))
        kept = first + np.flatnonzero(ends[first : run + 1] > due[run])
        spans = np.append(-1, np.diff(due[kept]).astype(np.int64))[: len(kept)]  # of the oldest there is no span
        found.append(spans * tags + chosen[kept])
    pairs, counts = np.unique(np.concatenate(found), return_counts=True)
    spans, numbers = np.divmod(pairs, tags)
    days = np.where(spans < 0, np.inf, spans.astype("timedelta64[us]") / DAY)
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
