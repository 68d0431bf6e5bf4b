"""The retention tag that a run's point gets.

A policy lists criteria for tags. Of the tags whose criteria a run meets the one with the lowest ``taggingPriority``
wins; where none is met it is the default one's. Read as follows, in the policy's time zone, by when runs are *due*:

- ``FirstOfDay`` (week, month, year) is the first run that *succeeds* of those due then; only scheduled runs count.
  Weeks begin on Sunday. If the criterion restricts days too, that first run must also be due on one of them.
- ``weeksOfTheMonth`` are rows of the calendar from Sunday to Saturday, so that "Fourth, Sunday" of April 2026 is the
  19th, as the service was seen to count. ``Last`` is the last such weekday of the month.
- ``scheduleTimes`` are instants of which the time of day counts, in UTC if they have an offset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.schedules.instants import DAY, Instants, instant

_SCOPES = ("allbackup", "firstofday", "firstofweek", "firstofmonth", "firstofyear")
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_WEEKS = ("first", "second", "third", "fourth", "last")
_FIRST_HALF = ("january", "february", "march", "april", "may", "june")
_MONTHS = (*_FIRST_HALF, "july", "august", "september", "october", "november", "december")

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Rule:
    """One way to get a tag: ``scope`` by number (any run, or the first of a day, week, month, year), and days."""

    priority: int
    tag: str
    scope: int
    criterion: Mapping[str, Any]


def rules(taggings: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The ways to get tags that a policy's ``taggingCriteria`` give, the winning ones first.

    Raises `InvalidArgument` on a criterion that is not known.
    """
    found = []
    for item in taggings:
        tag, priority = item["tagInfo"]["tagName"], int(item["taggingPriority"])
        for criterion in item.get("criteria") or [{}]:
            firsts = criterion.get("absoluteCriteria") or ["AllBackup"]
            found += [Rule(priority, tag, scope, criterion) for scope in _places(firsts, _SCOPES, "absoluteCriteria")]
    return tuple(sorted(found, key=lambda rule: rule.priority))


class Tagging:
    """The tags of the runs of one policy that were due at given times; ``tags`` are their names by number.

    ``due`` must be in order, and ``walls`` be what clocks showed then; ``default`` is the tag where no rule fits.
    """

    def __init__(self, ways: Sequence[Rule], default: str, due: Instants, walls: Instants) -> None:
        self.tags = list(dict.fromkeys([default, *(rule.tag for rule in ways)]))
        self._ways = [(rule, _fits(rule.criterion, due, walls)) for rule in ways]
        self._periods = _periods(walls)

    def choose(self, runs: Numbers, before: Numbers) -> Numbers:
        """The number of each run's tag.

        Both arguments are places in ``due``: that of the run, and that of the last one before it which succeeded, -1
        where none is known; the run is then the first of its day, week, month and year.
        """
        chosen = np.zeros(len(runs), np.int64)
        first = [(before < 0) | (period[runs] > period[before]) for period in self._periods]
        for rule, fits in reversed(self._ways):
            chosen[fits[runs] & first[rule.scope]] = self.tags.index(rule.tag)
        return chosen

    def certain(self, runs: Numbers) -> Flags:
        """Which runs get the same tag whichever of those before them succeeded."""
        same: Flags = self.choose(runs, np.full(len(runs), -1)) == self.choose(runs, np.maximum(runs - 1, 0))
        return same


def _periods(walls: Instants) -> list[Numbers]:
    """For each scope, a number of the period that each run is due in; for any run, the run's own."""
    days = walls.astype("datetime64[D]").astype(np.int64)  # day 0 was a Thursday
    months = walls.astype("datetime64[M]").astype(np.int64)
    return [np.arange(len(walls)), days, (days + 4) // 7, months, months // 12]


def _fits(criterion: Mapping[str, Any], due: Instants, walls: Instants) -> Flags:
    """At which due times the calendar's side of a criterion holds; members that are not there do not restrict."""
    days = walls.astype("datetime64[D]")
    month = days.astype("datetime64[M]")
    fits = np.ones(len(walls), bool)
    if names := criterion.get("daysOfTheWeek"):
        fits &= np.isin(_weekday(days), _places(names, _DAYS, "daysOfTheWeek"))
    if names := criterion.get("monthsOfYear"):
        fits &= np.isin(month.astype(np.int64) % 12, _places(names, _MONTHS, "monthsOfYear"))
    if names := criterion.get("weeksOfTheMonth"):
        fits &= _in_weeks(days, _places(names, _WEEKS, "weeksOfTheMonth"))
    if wanted := criterion.get("daysOfMonth"):
        last = (days + DAY).astype("datetime64[M]") != month
        numbers = [item["date"] for item in wanted if not item.get("isLast") and item.get("date")]
        dates = (days - month.astype("datetime64[D]")).astype(np.int64) + 1
        fits &= np.isin(dates, numbers) | (last & any(item.get("isLast") for item in wanted))
    if times := criterion.get("scheduleTimes"):
        fits &= np.logical_or.reduce([_at(text, due, walls) for text in times])
    return fits


def _weekday(days: Instants) -> Numbers:
    found: Numbers = (days.astype(np.int64) + 4) % 7
    return found


def _in_weeks(days: Instants, weeks: list[int]) -> Flags:
    first = days.astype("datetime64[M]").astype("datetime64[D]")
    row = ((days - first).astype(np.int64) + _weekday(first)) // 7
    last = (days + 7 * DAY).astype("datetime64[M]") != days.astype("datetime64[M]")
    found: Flags = np.isin(row, [week for week in weeks if week < 4]) | (last & (4 in weeks))
    return found


def _at(text: str, due: Instants, walls: Instants) -> Flags:
    """Which runs are due at the time of day of an instant, to the minute."""
    clock = due if datetime.fromisoformat(text).tzinfo else walls
    minute = np.timedelta64(60_000_000, "us")
    midnight = np.datetime64(0, "us")
    same: Flags = (clock - midnight) % DAY // minute == (instant(text) - midnight) % DAY // minute
    return same


def _places(names: Sequence[str], known: Sequence[str], member: str) -> list[int]:
    for name in names:
        if str(name).lower() not in known:
            hint = did_you_mean(str(name), known, f"it takes {', '.join(known)}")
            raise InvalidArgument(f"{name!r} is none of the {member} of a criterion", hint)
    return [known.index(str(name).lower()) for name in names]
