"""What a change of a vault or a policy weakens, or does for good, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# A year and a month in days, to put P12M and P1Y, or P3M and P84D, in order.
_DAYS = {"Y": 365.0, "M": 365 / 12, "W": 7.0, "D": 1.0}


def vault_effects(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What a change of a vault weakens, or does for good.  ``before`` is empty for a vault that is not there yet.

    >>> vault_effects({}, {"properties": {"securitySettings": {"softDeleteSettings": {"state": "Off"}}}})
    ['soft delete is Off: what is deleted is gone for good']
    """
    return [
        *_soft_delete_effects(before, after),
        *_immutability_effects(before, after),
        *_one_way_effects(before, after),
    ]


def shorter_retention(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Which retention rules of a policy's ``properties`` get shorter or go; a month is a twelfth of 365 days."""
    old, new = _retention(before), _retention(after)
    effects = []
    for (rule, store), duration in old.items():
        kept = new.get((rule, store))
        if kept is None:
            effects.append(f"retention rule {rule} ({store}, {duration}) goes")
        elif _days(kept) < _days(duration):
            effects.append(f"retention rule {rule} ({store}) goes from {duration} to {kept}")
    return effects


def _soft_delete_effects(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    was, days_before = soft_delete_of(before)
    now, days = soft_delete_of(after)
    effects = []
    if now == "off" != was:
        effects.append("soft delete is Off: what is deleted is gone for good")
    if now == "alwayson" != was:
        effects.append("soft delete is AlwaysOn, which cannot be turned off again")
    if now != "off" and days < days_before:
        effects.append(f"soft delete keeps for {days:g} days what it kept for {days_before:g}")
    return effects


def soft_delete_of(body: Mapping[str, Any]) -> tuple[str, float]:
    """The state of a vault's soft delete in lower case, On where it says nothing, and its days, 0 likewise."""
    settings = _setting(body, "securitySettings", "softDeleteSettings")
    return str(settings.get("state") or "On").lower(), float(settings.get("retentionDurationInDays") or 0)


def _immutability_effects(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    path = ("securitySettings", "immutabilitySettings")
    was, now = (str(_setting(body, *path).get("state") or "Disabled") for body in (before, after))
    if now == "Locked" != was:
        return ["immutability is Locked, for good: no recovery point can be deleted before it expires"]
    if now == "Disabled" != was:
        return [f"immutability goes from {was} to Disabled: recovery points can be deleted before they expire"]
    if now != was:
        return [
            f"immutability is {now}: no recovery point can be deleted before it expires, until it is Disabled again"
        ]
    return []


def _one_way_effects(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    one_way = (
        ("crossSubscriptionRestoreSettings", "PermanentlyDisabled", "cross-subscription restore is disabled for good"),
        ("crossRegionRestoreSettings", "Enabled", "cross-region restore is enabled, which cannot be turned off again"),
    )
    return [
        effect
        for setting, state, effect in one_way
        if _setting(after, "featureSettings", setting).get("state") == state
        and _setting(before, "featureSettings", setting).get("state") != state
    ]


def _setting(body: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    here: Mapping[str, Any] = body
    for key in ("properties", *path):
        here = here.get(key) or {}
    return here


def _retention(properties: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (rule["name"], (lifecycle.get("sourceDataStore") or {}).get("dataStoreType", "")): lifecycle["deleteAfter"][
            "duration"
        ]
        for rule in properties.get("policyRules") or []
        for lifecycle in rule.get("lifecycles") or []
        if (lifecycle.get("deleteAfter") or {}).get("duration")
    }


def _days(duration: str) -> float:
    """The length of an ISO 8601 duration of years, months, weeks and days."""
    return sum(int(number) * _DAYS[unit] for number, unit in re.findall(r"(\d+)([YMWD])", duration))
