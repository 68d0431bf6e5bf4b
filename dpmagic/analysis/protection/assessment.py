"""What the questions about coverage begin with: the tables of an estate, and the verdict on each of its disks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer, newest_snapshots
from dpmagic.analysis.backups.recent import recent
from dpmagic.analysis.latest import latest_points
from dpmagic.analysis.protection import excluding, facts
from dpmagic.analysis.protection.scopes import chains
from dpmagic.analysis.protection.tags import tag
from dpmagic.analysis.protection.verdicts import judge
from dpmagic.analysis.targets import or_none, rpo_targets, span
from dpmagic.estate import Estate
from dpmagic.estate.completeness import KEY
from dpmagic.estate.reading import read_needed
from dpmagic.estate.source import estate_of, require
from dpmagic.frames.told import Told

VM_RPO = timedelta(hours=30)
"""The RPO of a machine's backup, whose policy is not read: a day, 2 h to begin and 4 h to be done."""

_MACHINES = "Microsoft.Compute/virtualMachines"
_NEEDS = {
    "disks": [
        "id", "name", "subscriptionId", "resourceGroup", "location", "sku", "diskSizeGB", "diskState", "uniqueId",
        "timeCreated", "tags",
    ],
    "instances": [
        "id", "name", "vaultId", "vaultName", "dataSourceId", "dataSourceType", "policyId", "resourceGroupId",
        "currentProtectionState", "errorCode", "errorMessage",
    ],
    "jobs": ["backupInstanceId", "operationCategory", "status", "startTime", "errorCode"],
    "vaults": ["id", "name", "subscriptionId", "location", "principalId"],
}  # fmt: skip
_LESS = {
    "subscriptions": (
        ["name", "subscriptionId", "managementGroup", "managementGroups"],
        "subscriptions go by their ids, and roles of management groups are not seen",
    ),
    "policies": (
        ["id", "vaultId", "datasourceTypes", "policyRules"],
        "no policy is proposed, and schedules are not held against what a SKU takes",
    ),
    "snapshots": (["name", "sourceUniqueId", "timeCreated"], "backups by vaults out of sight are not seen"),
    "role_assignments": (["scope", "principalId", "roleDefinitionId", "roleName"], "lost permissions are not seen"),
    "virtual_machines": (
        ["id", "name", "subscriptionId", "resourceGroup", "location", "diskId", "lun", "osDisk", "tags"],
        "backups of machines are not counted",
    ),
    "protected_items": (
        [
            "sourceResourceId", "vaultName", "currentProtectionState", "protectionState", "healthStatus",
            "lastBackupStatus", "lastRecoveryPoint", "diskLunList", "isInclusionList", "diskExclusion",
        ],
        "backups of machines are not counted",
    ),
    "deleted_instances": (
        ["name", "vaultId", "dataSourceId", "deletionTime", "scheduledPurgeTime"],
        "soft-deleted instances are not seen",
    ),
    "exemptions": (
        [
            "id", "name", "scope", "policyAssignmentId", "exemptionCategory", "displayName", "description",
            "expiresOn", "createdBy",
        ],
        "exemptions of Azure Policy are not seen",
    ),
    "changes": (["targetResourceId", "changeType", "timestamp", "changedBy"], "the change log is not read"),
}  # fmt: skip
"""Tables without which less can be said: the columns that are needed of them, and what is not said."""


_OF_DISKS = ("virtual_machines", "protected_items", "deleted_instances", "exemptions")


@dataclass(frozen=True)
class Assessment:
    """Disks with their verdicts, the exclusions that apply, and the tables that they come from."""

    estate: Estate
    tables: dict[str, pandas.DataFrame]
    disks: pandas.DataFrame
    exclusions: pandas.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every subscription that was asked for could be read."""
        return not self.estate.source.scope.unreadable

    def told(self, frame: pandas.DataFrame, *notes: str) -> pandas.DataFrame:
        """The answer with its completeness in ``attrs``, and these notes.

        Empty are the subscriptions that have no disk.
        """
        made = _told(frame, self.estate, *self.notes, *notes)
        said, used = made.attrs[KEY], set(self.disks["subscriptionId"].str.lower())
        empty = [one for one in said["subscriptions"]["answered"] if one.lower() not in used]
        made.attrs[KEY] = Told(said, subscriptions={**said["subscriptions"], "empty": empty})
        return made


@dataclass(frozen=True)
class Instances:
    """The backup instances of disks with their last backups, points and roles, and the tables that they come from."""

    estate: Estate
    tables: dict[str, pandas.DataFrame]
    instances: pandas.DataFrame

    @property
    def readable(self) -> set[str]:
        """The subscriptions that could be read, in lower case."""
        return {one.lower() for one in self.estate.source.scope.readable}

    def told(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        """The answer with its completeness in ``attrs``."""
        return _told(frame, self.estate)


def assess(given: Any, *, rpo: Any = None, exclude: Any = None, verify: str | None = None) -> Assessment:
    """The verdict on each disk of an estate, a mapping of tables, or a frame of disks.

    ``rpo`` as in `rpo_targets`, ``exclude`` as in `dpmagic.analysis.protection.excluding.records`, ``verify`` as in
    `latest_points`.  Raises `InvalidArgument` for tables without what is needed.
    """
    estate = _now(estate_of(given, "disks", needs=_NEEDS))
    return estate.once(_assessed, rpo, exclude, verify)


def _assessed(estate: Estate, rpo: Any, exclude: Any, verify: str | None) -> Assessment:
    tables = _tables(estate, verify)
    targets = rpo_targets(estate, rpo)
    known = facts.of_disks(tables, estate.once(_instances, verify), targets, estate.now)
    known["itemRpo"] = _item_rpo(known, rpo)
    rows = excluding.records(exclude, tables.get("exemptions"), estate.now)
    known["exclusionPlace"] = excluding.match(known, rows, chains(tables.get("subscriptions")))
    place = known["exclusionPlace"].fillna(-1).to_numpy(int)
    for name, column in (("exclusion", "reason"), ("excludedBy", "by"), ("excludedUntil", "until")):
        known[name] = rows[column].array.take(place, allow_fill=True)
    return Assessment(estate, tables, judge(known, estate.now), rows, tuple(targets.attrs[KEY]["notes"]))


def assess_instances(given: Any) -> Instances:
    """What is known of each backup instance of a disk.  Raises `InvalidArgument` for tables without what is needed."""
    estate = _now(estate_of(given, "instances", needs=_NEEDS))
    return Instances(estate, _tables(estate, None, *_OF_DISKS), estate.once(_instances, None))


def _instances(estate: Estate, verify: str | None) -> pandas.DataFrame:
    return facts.of_instances(_tables(estate, verify, *_OF_DISKS), latest_points(estate, verify))


def _now(estate: Estate) -> Estate:
    """The same estate with jobs up to now: its window may end at the last midnight."""
    if estate.now < estate.window.end:
        return estate
    return estate.over((estate.window.start, estate.now + timedelta.resolution))


def _tables(estate: Estate, verify: str | None, *but: str) -> dict[str, pandas.DataFrame]:
    """The tables that there are, of those with many rows what is needed; changes are for those who ask after them."""
    there = [name for name in _LESS if estate.has(name) and name not in but]
    require(estate.source, {name: _LESS[name][0] for name in there})
    read_needed(estate, (*_NEEDS, *there))
    some = {"jobs": lambda: recent(estate).jobs, "snapshots": lambda: newest_snapshots(estate, verify)}
    return {
        name: some[name]() if name in some else estate.table(name) for name in (*_NEEDS, *there) if name != "changes"
    }


def _told(frame: pandas.DataFrame, estate: Estate, *notes: str) -> pandas.DataFrame:
    lacking = [f"without the table {name}, {_LESS[name][1]}" for name in _LESS if not estate.has(name)]
    return answer(estate, frame, recent(estate).note, *notes, *lacking)


def _item_rpo(disks: pandas.DataFrame, rpo: Any) -> pandas.Series:
    """The RPO of the backup of each disk's machine: the argument's, that of the disk's tag, or `VM_RPO`."""
    given = rpo.get(_MACHINES) if isinstance(rpo, Mapping) else rpo
    if given is not None:
        return pandas.Series(span(given), disks.index, dtype="timedelta64[us]")
    tagged = tag(disks["tags"], "rpo")
    spans = {text: or_none(text) for text in tagged.dropna().unique()}
    return tagged.map(spans).astype("timedelta64[us]").fillna(VM_RPO)
