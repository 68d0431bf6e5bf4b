"""Backup instances whose disk is gone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.backups.keys import key
from dpmagic.analysis.protection.assessment import assess_instances
from dpmagic.analysis.protection.remedies import on_instance
from dpmagic.analysis.protection.scopes import subscription_of
from dpmagic.estate.estate import Estate
from dpmagic.estate.excerpts import DELETED_DISKS

_OF_CHANGES = ("targetResourceId", "changeType", "timestamp", "changedBy")
_GONE = "usererrormanageddisknotfound"
ORPHAN, UNVERIFIABLE = "orphan", "unverifiable"
_COLUMNS = (
    "id", "name", "subscriptionId", "resourceGroup", "vaultName", "dataSourceId", "verdict",
    "evidence", "since", "sinceIs", "deletedBy", "detail", "currentProtectionState", "latestPoint", "command",
)  # fmt: skip


def orphan_instances(given: Any) -> pandas.DataFrame:
    """The instances of disks that are not among the disks that can be read, one row each.

    ``verdict`` is *orphan* when the disk's subscription could be read, so that the disk would be seen, else
    *unverifiable*.  ``evidence`` is *observed* when the change log has the disk's deletion (``since`` is then when, and
    ``deletedBy`` who) or the last backup says that the disk is not there; else *inferred*, from its absence.
    ``since`` is when it was deleted (``sinceIs`` ``at``), or an instant before or after which it was, in UTC.
    ``latestPoint`` can still be restored; ``command`` ends the failing backups and lets the points expire as the policy
    says.  Soft-deleted instances are none.  Raises `InvalidArgument` for tables without what is needed.
    """
    found = assess_instances(given)
    gone = found.instances[~found.instances["key"].isin(set(key(found.tables["disks"]["id"])))].copy()
    readable = subscription_of(gone["key"]).isin(found.readable)
    gone["verdict"] = np.where(readable, ORPHAN, UNVERIFIABLE)
    gone = gone.merge(_deletions(found.estate), on="key", how="left")
    orphan, missed = gone["verdict"].eq(ORPHAN), gone["lastCode"].str.lower().eq(_GONE)
    told = gone["deletedAt"].notna() & orphan
    gone["evidence"] = np.where(orphan & (told | missed), "observed", "inferred")
    gone["since"] = gone["deletedAt"].where(orphan, pandas.NaT)
    gone["since"] = gone["since"].where(told, gone["failingSince"].where(orphan & missed))
    before = pandas.Series("before", gone.index, "str").where(gone["since"].notna())
    gone["sinceIs"] = before.mask(told, "at")
    gone["deletedBy"] = gone["deletedBy"].where(told)
    gone["detail"] = [_detail(*row) for row in zip(orphan, told, missed, subscription_of(gone["key"]), strict=True)]
    gone["command"] = [
        on_instance("suspend-backup", one) if bad else None for one, bad in zip(gone["id"], orphan, strict=True)
    ]
    order = gone.sort_values(["verdict", "id"], kind="stable").reset_index(drop=True)
    return found.told(
        order[list(_COLUMNS)].astype({"sinceIs": "str", "command": "str", "deletedBy": "str", "detail": "str"})
    )


def _deletions(estate: Estate) -> pandas.DataFrame:
    """The last deletion of each disk in the change log, which reaches back 14 days."""
    if estate.has("changes"):
        changes = estate.excerpt(DELETED_DISKS, _OF_CHANGES)
    else:
        changes = pandas.DataFrame({name: [] for name in _OF_CHANGES})
    deleted = changes[changes["changeType"].astype("str").str.lower().eq("delete")]
    made = pandas.DataFrame(
        {
            "key": key(deleted["targetResourceId"]),
            "deletedAt": pandas.to_datetime(deleted["timestamp"], utc=True),
            "deletedBy": deleted["changedBy"].astype("str"),
        }
    )
    return made.sort_values("deletedAt", kind="stable").drop_duplicates("key", keep="last")


def _detail(orphan: bool, told: bool, missed: bool, subscription: str) -> str:
    if not orphan:
        return f"its disk is in subscription {subscription}, which could not be read"
    if told:
        return "the change log has the deletion of its disk"
    return "its last backup found no disk" if missed else "its disk is not among those of its subscription"
