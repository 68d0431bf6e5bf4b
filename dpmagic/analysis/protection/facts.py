"""One row a disk, with all that the tables say of its protection.

A disk is protected by a backup instance of a Backup vault, by the backup of its virtual machine, or by both; it is one
disk all the same. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import pandas

from dpmagic.analysis.backups.keys import key, numbered
from dpmagic.analysis.backups.policies import schedules_of
from dpmagic.analysis.protection import eligibility, permissions, vm_backup
from dpmagic.analysis.protection.scopes import chains
from dpmagic.analysis.protection.states import rank, standing
from dpmagic.schedules import Schedule

_MADE_BY_BACKUP = "AzureBackup_"  # how its snapshots' names begin, as recorded
_LATELY = timedelta(days=8)  # the rarest schedule is weekly
_DISKS = "microsoft.compute/disks"
_SUCCEEDED = ("completed", "completedwithwarnings", "succeeded")
_FAILED = ("failed", "cancelled")

_NAMES = {"id": "instanceId", "name": "instanceName", "currentProtectionState": "state", "evidence": "pointEvidence"}
_OF_INSTANCES = (
    "key", "instance", "instanceId", "instanceName", "vaultId", "vaultName", "policyId", "resourceGroupId", "state",
    "standing", "errorCode", "errorMessage", "perDay", "interval", "lacksReader", "lacksContributor", "latestPoint",
    "pointEvidence", "observed", "rpo", "rpoSource", "lastRun", "lastScheduled", "runningSince", "lastStatus",
    "lastCode", "lastSuccess", "failingSince",
)  # fmt: skip

Tables = Mapping[str, pandas.DataFrame]


def of_disks(tables: Tables, instances: pandas.DataFrame, targets: pandas.DataFrame, now: datetime) -> pandas.DataFrame:
    """The disks of ``tables`` as they come, each with its instance, machine, last jobs and latest points.

    ``instances`` is what `of_instances` gives with the latest points, ``targets`` what `rpo_targets` gives.
    """
    instances = instances.merge(_keyed(targets, "instance"), on="instance", how="left")
    facts = _disks(tables).merge(_first(instances), on="key", how="left")
    if "deleted_instances" in tables:
        facts = facts.merge(_deleted(tables["deleted_instances"]), on="key", how="left")
    if "virtual_machines" in tables and "protected_items" in tables:
        machines = vm_backup.of_disks(tables["virtual_machines"], tables["protected_items"])
        facts = facts.merge(machines, left_on="key", right_index=True, how="left")
    if "snapshots" in tables:
        facts = facts.merge(_seen(tables["snapshots"], now), on="uniqueId", how="left")
    return _whole(facts, tables)


def of_instances(tables: Tables, *known: pandas.DataFrame) -> pandas.DataFrame:
    """The instances of disks as they come, with what is ``known`` of each by its ``id`` besides.

    Added is what `with_roles` adds, ``standing``, the backups a day of its policy (``perDay``), the longest span
    between two of them (``interval``), and its last jobs.
    """
    made = with_roles(tables)
    made["standing"] = standing(made["currentProtectionState"])
    made["perDay"] = key(made["policyId"]).map(_per_day(tables.get("policies"))).astype("Float64")
    made["interval"] = key(made["policyId"]).map(_intervals(tables.get("policies"))).astype("timedelta64[us]")
    for more in known:
        made = made.merge(_keyed(more, "instance"), on="instance", how="left")
    return made.merge(_runs(tables["jobs"]), on="instance", how="left")


def with_roles(tables: Tables) -> pandas.DataFrame:
    """The instances of disks with ``key`` (its disk's id in lower case), ``instance`` (its own), its vault's identity,
    and whether that lacks a role; missing where it cannot be known."""
    found = tables["instances"]
    made = found[found["dataSourceType"].str.lower().eq(_DISKS)].reset_index(drop=True)
    made["key"], made["instance"] = key(made["dataSourceId"]), key(made["id"])
    identities = tables["vaults"].assign(vault=key(tables["vaults"]["id"])).drop_duplicates("vault")
    made["principalId"] = key(made["vaultId"]).map(identities.set_index("vault")["principalId"])
    if "role_assignments" not in tables:
        unknown = pandas.Series(pandas.NA, made.index, "boolean")
        return made.assign(lacksReader=unknown, lacksContributor=unknown)
    asked = made.assign(disk=made["key"], snapshots=key(made["resourceGroupId"]))
    above = chains(tables.get("subscriptions"))
    return made.join(permissions.lacking(asked, tables["role_assignments"], above))


def _seen(snapshots: pandas.DataFrame, now: datetime) -> pandas.DataFrame:
    """By the unique id of the disk, when Azure Backup last made a snapshot of it: lately, so that it still does."""
    ours = snapshots["name"].str.startswith(_MADE_BY_BACKUP) & (snapshots["timeCreated"] > now - _LATELY)
    newest = snapshots[ours].groupby("sourceUniqueId")["timeCreated"].max()
    return newest.rename_axis("uniqueId").rename("seenBackup").reset_index()


def _disks(tables: Tables) -> pandas.DataFrame:
    """Managed disks, and the unmanaged ones of machines."""
    disks = tables["disks"].assign(key=key(tables["disks"]["id"]))
    if "virtual_machines" in tables:
        more = eligibility.unmanaged(tables["virtual_machines"])
        more["key"] = vm_backup.keys(pandas.Series(np.nan, more.index, "str"), more["id"], more.pop("lun"))
        disks = pandas.concat([disks, more], ignore_index=True) if len(more) else disks
    disks = disks.reset_index(drop=True)
    disks["unsupported"] = eligibility.unsupported(disks)
    return disks


def _keyed(frame: pandas.DataFrame, name: str) -> pandas.DataFrame:
    made = frame.assign(**{name: key(frame["id"])}).drop(columns="id")
    return made.drop_duplicates(name)


def _per_day(policies: pandas.DataFrame | None) -> dict[str, float]:
    if policies is None:
        return {}
    return dict(zip(key(policies["id"]), policies["policyRules"].map(eligibility.runs_a_day), strict=True))


def _intervals(policies: pandas.DataFrame | None) -> dict[str, np.timedelta64 | None]:
    schedules = {} if policies is None else schedules_of(policies)
    return {policy: found.gap() for policy, found in schedules.items() if isinstance(found, Schedule)}


def _first(instances: pandas.DataFrame) -> pandas.DataFrame:
    """The instance of each disk that counts."""
    order = instances.assign(rank=rank(instances["standing"])).sort_values(["rank", "instance"], kind="stable")
    named = order.drop_duplicates("key").rename(columns=_NAMES)
    return named[[name for name in named if name in _OF_INSTANCES]]


def _runs(jobs: pandas.DataFrame) -> pandas.DataFrame:
    """Of each instance's backups: the last start, that of the last that was scheduled, the last that finished, the last
    success, the first of the failures since that ended, one after the other, as the last one did."""
    # A job need not say its instance.
    backups = jobs[_in(jobs["operationCategory"], ("backup",)) & jobs["backupInstanceId"].notna()]
    number, instances = numbered(backups["backupInstanceId"])
    made = pandas.DataFrame(
        {
            "instance": number,
            "start": backups["startTime"].to_numpy(),
            "status": backups["status"].to_numpy(),
            "code": backups["errorCode"].to_numpy(),
        }
    )
    if "isUserTriggered" in backups:
        made["user"] = backups["isUserTriggered"].fillna(False).to_numpy(bool)
    else:  # then nobody knows which were scheduled
        made["user"] = True
    made = made[made["instance"] >= 0].sort_values("start", kind="stable")
    succeeded = _in(made["status"], _SUCCEEDED)
    finished = succeeded | _in(made["status"], _FAILED)
    last = made[finished].drop_duplicates("instance", keep="last").set_index("instance")
    facts = pandas.DataFrame({"instance": instances}, index=range(len(instances)))
    facts["lastRun"] = made.groupby("instance")["start"].max()
    facts["lastScheduled"] = made[~made["user"]].groupby("instance")["start"].max()
    facts["runningSince"] = made[~finished].groupby("instance")["start"].max()
    facts["lastStatus"], facts["lastCode"] = last["status"], last["code"]
    facts["lastSuccess"] = made[succeeded].groupby("instance")["start"].max()
    since = made["instance"].map(facts["lastSuccess"])
    failing = made[finished & ~succeeded & (since.isna() | (made["start"] > since)).to_numpy(bool)]
    codes = facts["lastCode"].reindex(failing["instance"]).set_axis(failing.index)
    alike = (failing["code"] == codes).fillna(False).to_numpy(bool)
    other = failing[~alike].groupby("instance")["start"].max().reindex(failing["instance"]).set_axis(failing.index)
    failing = failing[alike & (other.isna() | (failing["start"] > other)).to_numpy(bool)]
    facts["failingSince"] = failing.groupby("instance")["start"].min()
    return facts


def _in(column: pandas.Series, values: tuple[str, ...]) -> np.ndarray:
    """Which cells are one of the lower-case values, in whatever casing; each spelling is looked at once."""
    known = [one for one in column.unique() if isinstance(one, str) and one.lower() in values]
    return column.isin(known).to_numpy(bool)


def _deleted(deleted: pandas.DataFrame) -> pandas.DataFrame:
    """The last deletion of each disk's instance that soft delete still keeps."""
    made = pandas.DataFrame(
        {
            "key": key(deleted["dataSourceId"]),
            "deletedName": deleted["name"],
            "deletedVault": deleted["vaultId"],
            "deletionTime": deleted["deletionTime"],
            "scheduledPurgeTime": deleted["scheduledPurgeTime"],
        }
    )
    return made.sort_values("deletionTime", kind="stable").drop_duplicates("key", keep="last")


def _whole(facts: pandas.DataFrame, tables: Tables) -> pandas.DataFrame:
    """With every column, whichever tables there were, and the names of what holds the disk."""
    for name in ("itemTakes", "itemHealthy"):
        facts[name] = (
            facts[name].astype("boolean") if name in facts else pandas.Series(pandas.NA, facts.index, "boolean")
        )
    for name in ("deletedName", "deletedVault", "vmId", "vmName", "itemVault", "itemStanding"):
        facts[name] = facts[name].astype("str") if name in facts else pandas.Series(np.nan, facts.index, "str")
    facts["lun"] = facts["lun"].astype("Int64") if "lun" in facts else pandas.Series(pandas.NA, facts.index, "Int64")
    for name in ("deletionTime", "scheduledPurgeTime", "itemPoint", "seenBackup"):
        if name not in facts:
            facts[name] = pandas.Series(pandas.NaT, facts.index, "datetime64[us, UTC]")
    held = tables.get("subscriptions")
    subscription = facts["subscriptionId"].str.lower()
    for name, column in (("subscriptionName", "name"), ("managementGroup", "managementGroup")):
        known = {} if held is None else dict(zip(held["subscriptionId"].str.lower(), held[column], strict=True))
        facts[name] = subscription.map(known).astype("str")
    facts["subscriptionName"] = facts["subscriptionName"].fillna(facts["subscriptionId"])
    return facts
