"""A policy as the clock sees it, read once from its rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

import numpy as np

from dpmagic.errors import InvalidArgument
from dpmagic.schedules import zones
from dpmagic.schedules.instants import DAY, NEVER, Instants
from dpmagic.schedules.intervals import Repeating
from dpmagic.schedules.periods import Period
from dpmagic.schedules.tagging import Numbers, Rule, Tagging, rules

_DEFAULT = "Default"


@dataclass(frozen=True)
class Schedule:
    """When a policy is due, its tags, and how long each is kept.

    Due times are fixed spans apart in UTC, so where clocks change a nightly run moves by an hour on the wall: what the
    service does then is not documented. ``intervals`` is empty for policies that back up without a schedule (blobs).
    """

    intervals: tuple[Repeating, ...] = ()
    zone: tzinfo = UTC
    ways: tuple[Rule, ...] = ()
    default: str = _DEFAULT
    retentions: Mapping[str, Period] = field(default_factory=dict)  # by tag in lower case

    @classmethod
    def of(cls, policy: Any) -> Schedule:
        """The schedule of a policy: its ARM document, its ``properties``, a row of the table, or its ``policyRules``.

        Raises `InvalidArgument` where an interval, period, zone or criterion cannot be read.
        """
        found = _rules(policy)
        try:
            return cls._of_rules(found)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            what = f"has no {error.args[0]}" if isinstance(error, KeyError) else f"is not in its shape: {error}"
            hint = "`backup-policy show` writes policies whole"
            raise InvalidArgument(f"a rule of the policy {what}", hint) from error

    @classmethod
    def _of_rules(cls, found: Sequence[Mapping[str, Any]]) -> Schedule:
        backups = [rule for rule in found if rule.get("objectType") == "AzureBackupRule" and rule.get("trigger")]
        plans = [rule["trigger"].get("schedule") or {} for rule in backups]
        taggings = [item for rule in backups for item in rule["trigger"].get("taggingCriteria") or ()]
        where = zones.zone(next((plan["timeZone"] for plan in plans if plan.get("timeZone")), None))
        store = next((rule["dataStore"]["dataStoreType"] for rule in backups if rule.get("dataStore")), "")
        retentions = [rule for rule in found if rule.get("objectType") == "AzureRetentionRule"]
        defaults = [item["tagInfo"]["tagName"] for item in taggings if item.get("isDefault")]
        defaults += [rule["name"] for rule in retentions if rule.get("isDefault")]
        return cls(
            tuple(Repeating.parse(text, where) for plan in plans for text in plan.get("repeatingTimeIntervals") or ()),
            where,
            rules(taggings),
            defaults[0] if defaults else _DEFAULT,
            {rule["name"].lower(): _kept(rule, store) for rule in retentions},
        )

    def due(self, start: np.datetime64, end: np.datetime64) -> Instants:
        """The due times in ``[start, end)`` in order; those of two intervals at one instant are one."""
        times = [interval.between(start, end) for interval in self.intervals]
        return np.unique(np.concatenate(times)) if times else np.empty(0, "datetime64[us]")

    def walls(self, due: Instants) -> Instants:
        """What clocks in the policy's zone show then."""
        return zones.walls(due, self.zone)

    def tagging(self, due: Instants) -> Tagging:
        """The tags of the runs due at the times, which must be in order."""
        return Tagging(self.ways, self.default, due, self.walls(due))

    def period(self, tag: str) -> Period | None:
        """How long a tag's points are kept; None if the policy has no retention rule for it."""
        return self.retentions.get(tag.lower())

    def expiries(self, tags: Sequence[str], chosen: Numbers, created: Instants) -> Instants:
        """When points go that were created at the instants, by the numbers of their tags; NaT if nothing says so."""
        found = np.full(len(created), NEVER)
        for number, tag in enumerate(tags):
            period, mine = self.period(tag), chosen == number
            if period is not None and mine.any():
                found[mine] = period.after(created[mine])
        return found

    def gap(self) -> np.timedelta64 | None:
        """The longest span from one due time to the next; None without a schedule.

        >>> daily = [Repeating.parse(f"R/2024-01-01T{hour}:00:00Z/P1D") for hour in ("16", "20", "01")]
        >>> print(Schedule(tuple(daily)).gap() // np.timedelta64(1, "h"))
        15
        """
        if not self.intervals:
            return None
        start = max(interval.anchor for interval in self.intervals)
        # Two of the longest steps have every distance there is, unless steps share no multiple shorter than that.
        span = 2 * max(max(interval.step for interval in self.intervals), 7 * DAY)
        longest: np.timedelta64 = np.diff(self.due(start, start + span + np.timedelta64(1, "us"))).max()
        return longest

    def shifts(self, start: np.datetime64, end: np.datetime64) -> Instants:
        """When clocks in the policy's zone change between two instants, to the hour."""
        return zones.changes(self.zone, start, end)

    def kept(self, at: np.datetime64) -> int:
        """How many points there are at an instant if every run of a long past succeeded and nobody interfered."""
        if not self.intervals or not self.retentions:
            return 0
        longest = max(period.length(longest=True) for period in self.retentions.values())
        due = self.due(at - longest - 366 * DAY, at)
        tagging = self.tagging(due)
        runs = np.arange(len(due))
        return int((self.expiries(tagging.tags, tagging.choose(runs, runs - 1), due) > at).sum())


def _rules(policy: Any) -> Sequence[Mapping[str, Any]]:
    """The rules of a policy in any of its shapes."""
    held = policy
    for name in ("properties", "policyRules"):
        held = held[name] if hasattr(held, "keys") and name in held else held
    if not isinstance(held, list | tuple) or not all(isinstance(rule, Mapping) for rule in held):
        raise InvalidArgument("the policy has no policyRules", "give its ARM document, or a row of the policies table")
    return held


def _kept(rule: Mapping[str, Any], store: str) -> Period:
    """The period of a retention rule: of the store that backups go to, else of the first one."""
    cycles = rule["lifecycles"]
    mine = [cycle for cycle in cycles if (cycle.get("sourceDataStore") or {}).get("dataStoreType") == store]
    return Period.parse((mine or cycles)[0]["deleteAfter"]["duration"])
