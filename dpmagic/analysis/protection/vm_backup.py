"""Which disks the backups of virtual machines (Recovery Services vaults) take, disk by disk.

A machine's backup takes all of its disks, or leaves some out by their LUN: ``diskLunList`` lists those that it takes
(``isInclusionList``) or leaves out. The system disk has no LUN there, is -1 where a list names it, and always taken by
an inclusion list. Where the list could not be read (``diskExclusion`` is unread), nobody knows of data disks.
"""

from __future__ import annotations

import numpy as np
import pandas

from dpmagic.analysis.backups.keys import key
from dpmagic.analysis.protection.states import rank, standing

_SYSTEM = -1
_GOOD = ("passed", "healthy", "completed", "completedwithwarnings")
FACTS = ("vmId", "vmName", "lun", "itemVault", "itemStanding", "itemHealthy", "itemPoint", "itemTakes")


def of_disks(machines: pandas.DataFrame, items: pandas.DataFrame) -> pandas.DataFrame:
    """What machines and their backups say of disks: one row a disk, under its lower-case id.

    ``vmId`` and ``vmName`` are the machine's; the others, missing without a backup, the item's: ``itemTakes`` is
    whether it takes the disk, missing where that cannot be known.
    """
    disks = machines[["id", "name", "diskId", "lun", "osDisk"]]
    disks = disks.rename(columns={"id": "vmId", "name": "vmName"}).reset_index(drop=True)
    disks["key"], disks["vm"] = keys(disks["diskId"], disks["vmId"], disks["lun"]), key(disks["vmId"])
    disks["lun"] = disks["lun"].astype("Int64").mask(disks["osDisk"].astype("boolean").fillna(False), _SYSTEM)
    found = disks.merge(_items(items), on="vm", how="left")
    found["itemTakes"] = _takes(found, _listed(found))
    # A shared disk has several machines: the backup that takes it counts.
    found["rank"] = rank(found["itemStanding"]).fillna(9)
    found["misses"] = 1 - found["itemTakes"].astype("Float64").fillna(0.5)
    best = found.sort_values(["misses", "rank", "vm"], kind="stable").drop_duplicates("key")
    return best.set_index("key")[list(FACTS)]


def keys(ids: pandas.Series, machines: pandas.Series, luns: pandas.Series) -> pandas.Series:
    """What disks are known by: their lower-case id, or of unmanaged ones the machine's with their LUN."""
    return key(ids).fillna(key(machines) + "#" + luns.astype("Int64").astype("str").fillna("os"))


def _items(items: pandas.DataFrame) -> pandas.DataFrame:
    """The items that are machines, one a machine."""
    kept = items[items["sourceResourceId"].str.lower().str.contains("/virtualmachines/", na=False)]
    state = kept["currentProtectionState"].where(kept["currentProtectionState"].notna(), kept["protectionState"])
    statuses = [kept[name].str.lower() for name in ("healthStatus", "lastBackupStatus")]
    made = pandas.DataFrame(
        {
            "vm": key(kept["sourceResourceId"]),
            "item": np.arange(len(kept)),
            "itemVault": kept["vaultName"],
            "itemStanding": standing(state),
            "itemHealthy": np.logical_and.reduce([status.isin(_GOOD) | status.isna() for status in statuses]),
            "itemPoint": kept["lastRecoveryPoint"],
            "luns": kept["diskLunList"].where(kept["diskExclusion"].eq("listed"), None),
            "read": kept["diskExclusion"].isin(("listed", "none")),
            "only": kept["isInclusionList"].astype("boolean").fillna(False),
        }
    )
    made["rank"] = rank(made["itemStanding"])
    return made.sort_values(["rank", "item"], kind="stable").drop_duplicates("vm").drop(columns="rank")


def _listed(found: pandas.DataFrame) -> pandas.Series:
    """Whether the disk's LUN is in its item's list."""
    lists = found.loc[found["luns"].map(_is_list), ["item", "luns"]].drop_duplicates("item").explode("luns")
    pairs = lists.dropna().astype({"item": "Int64", "luns": "Int64"}).drop_duplicates()
    asked = pandas.DataFrame({"item": found["item"].astype("Int64"), "luns": found["lun"]})
    met = asked.merge(pairs, on=["item", "luns"], how="left", indicator=True)["_merge"].eq("both")
    return met.set_axis(found.index)


def _takes(found: pandas.DataFrame, listed: pandas.Series) -> pandas.Series:
    system, only = found["lun"].eq(_SYSTEM).fillna(False), found["only"].astype("boolean").fillna(False)
    takes = ((only & (listed | system)) | (~only & ~listed)).astype("boolean")
    names_some = found["luns"].map(lambda luns: _is_list(luns) and len(luns) > 0)
    read = found["read"].astype("boolean").fillna(False)
    unknown = (~read | (names_some & found["lun"].isna())) & ~system
    return takes.mask(unknown.to_numpy(bool) | found["item"].isna())


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple | np.ndarray)
