"""What an estate holds besides columns: who each disk and instance is, and the documents that never change by time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..store import Document
from ..world import name_of
from .columns import Table

DISK = "Microsoft.Compute/disks"
BLOBS = "Microsoft.Storage/storageAccounts/blobServices"
CLUSTERS = "Microsoft.ContainerService/managedClusters"


@dataclass(slots=True)
class Disk:
    """A disk: ``group`` is its resource group's id, ``lun`` where its virtual machine has it, None as system disk.

    ``life`` counts how often it was made anew under its name.
    """

    id: str
    name: str
    group: str
    location: str
    size: int
    sku: str
    created: int
    tags: Mapping[str, str]
    vm: str = ""
    lun: int | None = None
    gone: bool = False
    life: int = 0


@dataclass(slots=True)
class Instance:
    """A backup instance: ``source`` is the datasource's id as the instance spells it."""

    id: str
    vault: str
    policy: str
    source: str
    type: str
    location: str
    snapshots: str
    state: str = "ProtectionConfigured"
    error: str = ""
    deleted: int = 0
    disk: Disk | None = None
    size: int = 0  # GiB

    @property
    def name(self) -> str:
        """The last part of its id."""
        return name_of(self.id)


@dataclass(slots=True)
class Extra:
    """A snapshot that no recovery point stands for: taken by hand, or left behind. ``source`` is a disk's id."""

    id: str
    source: str
    unique: str
    size: int
    location: str
    created: int


@dataclass
class Planted:
    """A planted defect. ``cause`` is the number that its runs carry; ``times`` are those that are no runs.

    ``points`` are recovery points that it is about beside those of its runs.
    """

    kind: str
    ids: list[str]
    reason: str
    times: list[int]
    cause: int
    options: dict[str, Any]
    points: list[Table] = field(default_factory=list)


@dataclass
class Documents:
    """ARM documents by kind, parent and name, the latter two in lower case."""

    kinds: dict[str, dict[str, dict[str, Document]]] = field(default_factory=dict)

    def put(self, kind: str, parent: str, name: str, document: Document) -> None:
        """Add the document or replace the one of that name."""
        self.kinds.setdefault(kind, {}).setdefault(parent.lower(), {})[name.lower()] = document

    def get(self, kind: str, parent: str, name: str) -> Document | None:
        """The document, or None."""
        return self.kinds.get(kind, {}).get(parent.lower(), {}).get(name.lower())

    def drop(self, kind: str, parent: str, name: str) -> None:
        """Remove the document; none of that name is no error."""
        self.kinds.get(kind, {}).get(parent.lower(), {}).pop(name.lower(), None)

    def below(self, kind: str) -> Iterator[tuple[str, Document]]:
        """All documents of a kind, each with its parent."""
        for parent, children in self.kinds.get(kind, {}).items():
            for document in children.values():
                yield parent, document


def policy_document(vault: str, name: str, policy: Any, version: int) -> Document:
    """The ARM document of a policy of a spec."""
    types = {"disks": DISK, "blobs": BLOBS, "clusters": CLUSTERS}
    retentions = [("Default", policy.keep, True), ("Daily", policy.daily, False), ("Weekly", policy.weekly, False)]
    store = {"dataStoreType": "OperationalStore", "objectType": "DataStoreInfoBase"}
    kept = [
        {
            "lifecycles": [
                {"deleteAfter": {"objectType": "AbsoluteDeleteOption", "duration": keep}, "sourceDataStore": store}
            ],
            "isDefault": default,
            "name": tag,
            "objectType": "AzureRetentionRule",
        }
        for tag, keep, default in retentions
        if keep
    ]
    rules = [_backup_rule(policy, store), *kept] if policy.datasource != "blobs" else kept
    return {
        "properties": {
            "policyRules": rules,
            "datasourceTypes": [types[policy.datasource]],
            "objectType": "BackupPolicy",
        },
        "id": f"{vault}/backupPolicies/{name}",
        "name": name,
        "type": "Microsoft.DataProtection/backupVaults/backupPolicies",
        "_": {"version": version},
    }


def _backup_rule(policy: Any, store: Document) -> Document:
    intervals = list(policy.intervals) or [f"R/{policy.start}/{policy.every}"]
    firsts = (("Daily", 25, policy.daily, "FirstOfDay"), ("Weekly", 20, policy.weekly, "FirstOfWeek"))
    tagging = [{"tagInfo": {"tagName": "Default", "id": "Default_"}, "taggingPriority": 99, "isDefault": True}]
    for tag, priority, keep, first in firsts:
        if keep:
            criteria = [{"absoluteCriteria": [first], "objectType": "ScheduleBasedBackupCriteria"}]
            info = {"tagName": tag, "id": f"{tag}_"}
            tagging.append(
                {"tagInfo": info, "taggingPriority": priority, "isDefault": False, "criteria": criteria}  # az's numbers
            )
    schedule: Document = {"repeatingTimeIntervals": intervals}
    if policy.time_zone:
        schedule["timeZone"] = policy.time_zone
    return {
        "backupParameters": {"backupType": "Incremental", "objectType": "AzureBackupParams"},
        "trigger": {
            "schedule": schedule,
            "taggingCriteria": tagging,
            "objectType": "ScheduleBasedTriggerContext",
        },
        "dataStore": store,
        "name": {"P1D": "BackupDaily", "P1W": "BackupWeekly"}.get(policy.every, "BackupHourly"),
        "objectType": "AzureBackupRule",
    }
