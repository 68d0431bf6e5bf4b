"""A schedule as it would be with other due times or other retentions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.schedules.instants import ZERO
from dpmagic.schedules.intervals import Repeating
from dpmagic.schedules.periods import Period
from dpmagic.schedules.policies import Schedule
from dpmagic.schedules.tagging import Rule, rules

# What az gives a tag that is new to a policy: the first run of a day (week, month, year), and how it ranks.
_NEW = {
    "Daily": (25, "FirstOfDay"),
    "Weekly": (20, "FirstOfWeek"),
    "Monthly": (15, "FirstOfMonth"),
    "Yearly": (10, "FirstOfYear"),
}
_SCHEDULE = "write R/2024-01-01T22:00:00+00:00/P1D, or only P1D or PT4H to keep when it begins"
_RETENTION = 'write {"Default": "P14D", "Daily": "P30D"}; None takes a retention rule out'


def changed(schedule: Schedule, due: Any = None, retention: Any = None) -> Schedule:
    """The schedule with other due times, other retentions, or both.

    ``due`` is a repeating interval, or several; one that is only a period (``PT4H``) begins when the schedule does now.
    ``retention`` is a period by tag: one the policy has is kept so long, one it has not is added with the criterion
    and the priority that az gives it (``Weekly`` is the first run of a week), None takes a tag out, so that its runs
    get the next one that fits.  A text alone is the default tag's.

    Raises `InvalidArgument` for an interval, period or tag that is none, and where the default would be taken out.

    >>> daily = Schedule.of([{"objectType": "AzureRetentionRule", "name": "Default", "lifecycles": [
    ...     {"deleteAfter": {"duration": "P7D"}}]}])
    >>> changed(daily, retention={"Default": "P14D", "Weekly": "P12W"}).period("weekly").text
    'P12W'
    """
    made = schedule if due is None else replace(schedule, intervals=_intervals(schedule, due))
    for tag, period in _retentions(schedule, retention).items():
        made = _without(made, tag) if period is None else _kept(made, tag, period)
    return made


def _intervals(schedule: Schedule, due: Any) -> tuple[Repeating, ...]:
    texts = [due] if isinstance(due, str) else due
    if not (isinstance(texts, Sequence) and texts and all(isinstance(text, str) for text in texts)):
        raise InvalidArgument(f"{due!r} is no schedule", _SCHEDULE)
    return tuple(_interval(schedule, text) for text in texts)


def _interval(schedule: Schedule, text: str) -> Repeating:
    if not text.upper().startswith("P"):
        return Repeating.parse(text, schedule.zone)
    period = Period.parse(text)
    if period.months or period.rest <= ZERO:
        raise InvalidArgument(f"{text!r} does not repeat by hours, days or weeks", _SCHEDULE)
    if not schedule.intervals:
        raise InvalidArgument(f"{text!r} does not say when it begins, and the policy has no schedule", _SCHEDULE)
    return Repeating(schedule.intervals[0].anchor, period.rest)


def _retentions(schedule: Schedule, given: Any) -> Mapping[str, Period | None]:
    """The period of each tag, by the tag's name as the policy, or az, spells it."""
    if given is None:
        return {}
    told = {schedule.default: given} if isinstance(given, str) else given
    if not isinstance(told, Mapping):
        raise InvalidArgument(f"{given!r} says no retention", _RETENTION)
    return {_spelled(schedule, tag): None if text is None else _period(text) for tag, text in told.items()}


def _spelled(schedule: Schedule, tag: Any) -> str:
    known = dict.fromkeys([schedule.default, *(way.tag for way in schedule.ways), *_NEW])
    found = next((name for name in known if name.lower() == str(tag).lower()), None)
    if found is None and str(tag).lower() in schedule.retentions:
        return str(tag)
    if found is None:
        raise InvalidArgument(
            f"there is no retention tag {tag!r}", did_you_mean(str(tag), known, f"one of: {', '.join(known)}")
        )
    return found


def _period(text: Any) -> Period:
    try:
        found = Period.parse(text)
    except InvalidArgument as error:
        raise InvalidArgument(error.message, _RETENTION) from error
    if not found.months and found.rest <= ZERO:
        raise InvalidArgument(f"{text!r} keeps nothing", _RETENTION)
    return found


def _kept(schedule: Schedule, tag: str, period: Period) -> Schedule:
    made = replace(schedule, retentions={**schedule.retentions, tag.lower(): period})
    known = {schedule.default.lower(), *(way.tag.lower() for way in schedule.ways)}
    return made if tag.lower() in known else replace(made, ways=_ranked(schedule.ways, tag))


def _ranked(ways: tuple[Rule, ...], tag: str) -> tuple[Rule, ...]:
    if tag not in _NEW:
        return ways  # a rule that no run gets, as before
    priority, first = _NEW[tag]
    new = {"taggingPriority": priority, "tagInfo": {"tagName": tag}, "criteria": [{"absoluteCriteria": [first]}]}
    return tuple(sorted((*ways, *rules([new])), key=lambda way: way.priority))


def _without(schedule: Schedule, tag: str) -> Schedule:
    if tag.lower() == schedule.default.lower():
        raise InvalidArgument(f"the retention rule {tag} cannot be removed", "a policy needs it; give it a period")
    if tag.lower() not in schedule.retentions:
        names = ", ".join(sorted(schedule.retentions)) or "none"
        raise InvalidArgument(f"the policy has no retention rule {tag}", f"it has: {names}")
    left = {name: period for name, period in schedule.retentions.items() if name != tag.lower()}
    ways = tuple(way for way in schedule.ways if way.tag.lower() != tag.lower())
    return replace(schedule, retentions=left, ways=ways)
