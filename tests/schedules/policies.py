"""Policies for tests, as ARM has them."""

from __future__ import annotations

from typing import Any


def policy(*intervals: str, zone: str = "", tags: Any = (), **kept: str) -> dict[str, Any]:
    """A policy that is due at the intervals; ``kept`` are retentions by tag, Default for seven days unless given."""
    retentions = [
        {
            "objectType": "AzureRetentionRule",
            "name": name,
            "isDefault": name == "Default",
            "lifecycles": [
                {
                    "deleteAfter": {"objectType": "AbsoluteDeleteOption", "duration": duration},
                    "sourceDataStore": {"dataStoreType": "OperationalStore"},
                }
            ],
        }
        for name, duration in {"Default": "P7D", **kept}.items()
    ]
    schedule = {"repeatingTimeIntervals": list(intervals), **({"timeZone": zone} if zone else {})}
    default = {"taggingPriority": 99, "tagInfo": {"tagName": "Default"}, "isDefault": True}
    backup = {
        "objectType": "AzureBackupRule",
        "name": "BackupDaily",
        "dataStore": {"dataStoreType": "OperationalStore"},
        "trigger": {"schedule": schedule, "taggingCriteria": [default, *tags]},
    }
    return {"name": "p", "properties": {"policyRules": [backup, *retentions]}}


def tagged(tag: str, priority: int, *criteria: Any, **criterion: Any) -> dict[str, Any]:
    """A tag and its criteria, or the one criterion of the keywords."""
    return {"taggingPriority": priority, "tagInfo": {"tagName": tag}, "criteria": [*criteria] or [criterion]}


DAILY = tagged("Daily", 25, absoluteCriteria=["FirstOfDay"])
WEEKLY = tagged("Weekly", 20, absoluteCriteria=["FirstOfWeek"])
