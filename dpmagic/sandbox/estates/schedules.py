"""When a policy is due and how its runs may be tagged, read from the policy's ARM document.

Due times are an anchor and whole multiples of a period after it, in UTC. An anchor without an offset is wall time in
the schedule's ``timeZone``. The zone also says which calendar day, week (from Sunday), month and year a due time falls
in. Periods are spans, so a daily backup shifts by an hour on the wall when summer time begins: what the service does
then is not documented.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from .. import times
from ..store import Document
from .zones import localise, offset, zone

_INTERVAL = re.compile(r"R/(\S+?)(Z|[+-]\d{2}:\d{2})?/(P\w+)", re.IGNORECASE)
_PERIOD = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_WEEKS = {"first": 0, "second": 1, "third": 2, "fourth": 3}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_FIRSTS = {"allbackup": 0, "firstofday": 1, "firstofweek": 2, "firstofmonth": 3, "firstofyear": 4}

#: Tags by when they apply: to any run, or to the first that succeeds in its day, week, month or year.
Choice = tuple[tuple[int, str] | None, ...]
SCOPES = 5


@dataclass(frozen=True)
class Due:
    """One due time: the instant in ticks, its calendar day in the policy's zone, and what its tag depends on.

    ``choice`` has for each of the five scopes the best (taggingPriority, tag), or None.
    """

    at: int
    day: int
    choice: Choice


@dataclass(frozen=True)
class _Tagging:
    priority: int
    tag: str
    criteria: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Plan:
    """A policy as the clock sees it: ``intervals`` are (anchor, period) in ticks."""

    name: str
    version: int
    intervals: tuple[tuple[int, int], ...]
    zone: tzinfo
    taggings: tuple[_Tagging, ...]
    periods: dict[str, tuple[int, int]]  # by lower-case tag: calendar months, and ticks beside them

    def next_due(self, after: int) -> int | None:
        """The first due time later than an instant; None if the policy schedules nothing."""
        return min((max(anchor, _following(anchor, step, after)) for anchor, step in self.intervals), default=None)

    def dues(self, after: int, until: int) -> list[Due]:
        """The due times later than ``after`` and not later than ``until``, in order; two at one instant are one."""
        found: set[int] = set()
        for anchor, step in self.intervals:
            first = max(anchor, _following(anchor, step, after))
            found.update(range(first, until + 1, step))
        return [self._due(at) for at in sorted(found)]

    def _due(self, at: int) -> Due:
        local = at + offset(self.zone, at)
        wall = times.moment(local).replace(tzinfo=None)
        best: list[tuple[int, str] | None] = [None] * SCOPES
        for tagging in self.taggings:
            for scope in _scopes(tagging, wall, at):
                held = best[scope]
                if held is None or tagging.priority < held[0]:
                    best[scope] = tagging.priority, tagging.tag
        return Due(at, local // times.DAY, tuple(best))


def plan(policy: Document) -> Plan:
    """The plan of a policy's ARM document. Raises ValueError on an interval, period or zone that cannot be read."""
    rules = policy["properties"]["policyRules"]
    schedules = [rule["trigger"] for rule in rules if rule["objectType"] == "AzureBackupRule" and rule.get("trigger")]
    periods = {
        rule["name"].lower(): period(rule["lifecycles"][0]["deleteAfter"]["duration"])
        for rule in rules
        if rule["objectType"] == "AzureRetentionRule"
    }
    names = [(trigger.get("schedule") or {}).get("timeZone") for trigger in schedules]
    where = zone(names[0] if names else None)
    intervals = [
        _interval(text, where)
        for trigger in schedules
        for text in (trigger.get("schedule") or {}).get("repeatingTimeIntervals", [])
    ]
    taggings = [_tagging(item) for trigger in schedules for item in trigger.get("taggingCriteria") or []]
    version = policy.get("_", {}).get("version", 0)
    return Plan(policy["name"], version, tuple(intervals), where, tuple(taggings or [_DEFAULT]), periods)


def period(text: str) -> tuple[int, int]:
    """A period's calendar months, and the rest of it in ticks. Raises ValueError if it is not one.

    >>> period("P1Y2M"), period("P1W") == (0, 7 * times.DAY)
    ((14, 0), True)
    """
    match = _PERIOD.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"not an ISO 8601 period: {text!r}")
    years, months, weeks, days, hours, minutes, whole = (int(part or 0) for part in match.groups())
    return years * 12 + months, (weeks * 7 + days) * times.DAY + (hours * 3600 + minutes * 60 + whole) * times.SECOND


_DEFAULT = _Tagging(99, "Default", ())


def _interval(text: str, where: tzinfo) -> tuple[int, int]:
    match = _INTERVAL.fullmatch(text)
    if match is None:
        raise ValueError(f"not a repeating interval: {text!r}")
    months, step = period(match[3])
    if months or step <= 0:
        raise ValueError(f"a repeating interval needs a period of weeks, days or hours: {text!r}")
    wall = datetime.fromisoformat(match[1] + (match[2] or ""))
    return times.ticks(wall.astimezone(UTC) if match[2] else localise(wall, where)), step


def _following(anchor: int, step: int, after: int) -> int:
    return anchor + ((after - anchor) // step + 1) * step


def _tagging(item: dict[str, Any]) -> _Tagging:
    return _Tagging(int(item["taggingPriority"]), item["tagInfo"]["tagName"], tuple(item.get("criteria") or ()))


def _scopes(tagging: _Tagging, wall: datetime, at: int) -> list[int]:
    """Where the tagging may apply to a run due at a wall time: to any run, or to the first of something."""
    if not tagging.criteria:
        return [0]
    found = []
    for criterion in tagging.criteria:
        if _fits(criterion, wall, at):
            named = [str(word).lower() for word in criterion.get("absoluteCriteria") or ["AllBackup"]]
            found += [_FIRSTS[word] for word in named]
    return found


def _fits(criterion: dict[str, Any], wall: datetime, at: int) -> bool:
    """Whether the calendar's side of a criterion holds; members that are not there do not restrict."""
    day = wall.date()
    weekdays = [str(name).lower() for name in criterion.get("daysOfTheWeek") or []]
    months = [str(name).lower() for name in criterion.get("monthsOfYear") or []]
    return (
        (not weekdays or _DAYS[day.weekday()] in weekdays)
        and (not months or _MONTHS[day.month - 1] in months)
        and _in_weeks(day, [str(name).lower() for name in criterion.get("weeksOfTheMonth") or []])
        and _on_days(day, criterion.get("daysOfMonth") or [])
        and _at_times(at, wall, criterion.get("scheduleTimes") or [])
    )


def _in_weeks(day: date, weeks: list[str]) -> bool:
    """Weeks of the calendar, from Sunday: the only reported run of "Fourth Sunday" fell in the fourth row."""
    if not weeks:
        return True
    row = (day.day - 1 + day.replace(day=1).isoweekday() % 7) // 7
    last = (day + timedelta(days=7)).month != day.month
    return ("last" in weeks and last) or row in (_WEEKS[name] for name in weeks if name in _WEEKS)


def _on_days(day: date, days: list[dict[str, Any]]) -> bool:
    last = (day + timedelta(days=1)).month != day.month
    return not days or any(last if item.get("isLast") else item.get("date") == day.day for item in days)


def _at_times(at: int, wall: datetime, instants: list[str]) -> bool:
    """``scheduleTimes`` are instants of which the time of day counts, in UTC where they have an offset."""
    for text in instants:
        parsed = datetime.fromisoformat(text)
        here = times.moment(at) if parsed.tzinfo else wall
        there = parsed.astimezone(UTC) if parsed.tzinfo else parsed
        if (here.hour, here.minute) == (there.hour, there.minute):
            return True
    return not instants
