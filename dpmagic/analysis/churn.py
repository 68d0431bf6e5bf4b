"""How much of what is protected changes in a day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.backups.answers import answer
from dpmagic.analysis.backups.keys import by_key, key
from dpmagic.analysis.sizing.chains import Sizes, families_of, said, sizes_of, whole_since
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.estate import Estate
from dpmagic.estate.source import estate_of

NEEDS = {
    "instances": [
        "id", "friendlyName", "dataSourceId", "dataSourceName", "dataSourceType", "policyId", "policyName", "vaultName",
        "subscriptionId", "resourceGroupId",
    ],
    "snapshots": ["id", "name", "incremental", "sourceResourceId", "sourceUniqueId", "timeCreated", "tags"],
    "disks": ["id", "uniqueId", "diskSizeGB"],
}  # fmt: skip
GROUPS = {"disk": "dataSourceId", "policy": "policyId", "vault": "vaultName", "subscription": "subscriptionId"}
_DAY = pandas.Timedelta(days=1)


def churn(given: Any, sizes: Sizes | None = None, by: str = "disk") -> pandas.DataFrame:
    """What changes in a day, ``by`` disk, policy, vault or subscription: one row a group, the most first.

    Columns: the group (for disks the instance's names too), ``disks``, ``provisionedGiB``, and with ``sizes``
    (cost exports or a frame, see `dpmagic.analysis.sizing.chains.sizes_of`): ``snapshots`` that were measured, ``days``
    that they span, ``churnGiB`` a day (the sum over the group's disks), ``usedGiB`` (what the oldest snapshots hold)
    and ``churnPercent`` of it, ``unmeasured`` disks, whose churn is not in the sum.

    A snapshot's size on its first whole day is what changed since the one before it, which still existed then, whoever
    made that; that over the time between both is the churn. The first of a chain is all that was used, and is no
    measure of change. A snapshot without a size on a day on which others of its resource group have one held nothing
    new. Only snapshots count before which none can have been deleted unseen: Azure tells of deletions for
    14 days, and whose those by others were, it does not.

    Without ``sizes`` nothing measures change, for Azure tells no sizes: ``churnGiB`` is missing, and ``atMostGiB`` is a
    bound, the provisioned size a backup.  ``attrs["dpmagic"]["measured"]`` says which.
    Raises `InvalidArgument` for an unknown ``by`` and for tables or sizes without what is needed.
    """
    estate = estate_of(given, "instances", needs=NEEDS)
    if by not in [*GROUPS]:  # not in the dict: what has no hash is no group either
        raise InvalidArgument(
            f"churn has no groups by {by}", did_you_mean(by, GROUPS, f"by one of {', '.join(GROUPS)}")
        )
    instances = disks_of(estate)
    daily = None if sizes is None else sizes_of(sizes)
    measured = None if daily is None else _measured(estate, daily)
    rows = instances if measured is None else instances.join(measured, on="instance")
    made = _grouped(rows, by, measured is not None)
    notes = ["no sizes were given: churn is not known, provisioned sizes bound it"] if daily is None else said(daily)
    return answer(estate, made, *notes, measured=measured is not None)


def disks_of(estate: Estate) -> pandas.DataFrame:
    """The instances of disks with ``instance`` (id in lower case) and ``provisionedGiB``."""
    instances = estate.instances()
    mine = instances[instances["dataSourceType"].str.lower() == "microsoft.compute/disks"].reset_index(drop=True)
    disks = estate.disks()
    size = disks["diskSizeGB"].set_axis(key(disks["id"]))
    provisioned = by_key(size[~size.index.duplicated()], mine["dataSourceId"]).astype("Float64")
    return mine.assign(instance=key(mine["id"]), provisionedGiB=provisioned)


def _measured(estate: Estate, sizes: pandas.DataFrame) -> pandas.DataFrame:
    """By instance: snapshots measured, days spanned, GiB that changed in them, and GiB that are used."""
    chain = families_of(estate, sizes)
    chain = chain[chain["created"].notna()]
    daily = sizes.groupby(["id", "day"])["usedGiB"].sum()
    good = _sound(chain, daily, whole_since(estate))
    found = good.groupby("instance").agg(snapshots=("id", "size"), days=("days", "sum"), changed=("size", "sum"))
    found["churnGiB"] = (found["changed"] / found["days"]).astype("Float64")
    made: pandas.DataFrame = found.join(_used(chain, daily, found["churnGiB"]), how="outer")
    return made


def _sound(chain: pandas.DataFrame, daily: pandas.Series, since: pandas.Timestamp) -> pandas.DataFrame:
    """The snapshots whose ``size`` is what changed in so many ``days``."""
    before = chain.groupby(["instance", "disk"])[["created", "deleted", "sized"]].shift()
    whole = chain["created"].dt.ceil("D")
    size = _told(daily, chain["id"], whole)
    apart = chain["created"] - before["created"]
    chain = chain.assign(size=size, days=apart.dt.total_seconds() / 86_400)
    # Both have to outlive that day; and of what was made earlier nobody knows what was deleted in between.
    there = before["deleted"].isna() | (before["deleted"] >= whole + _DAY)
    there &= chain["deleted"].isna() | (chain["deleted"] >= whole + _DAY)
    there &= before["sized"].eq(False) & ~chain["sized"].astype(bool)  # else neither instant is exact
    made: pandas.DataFrame = chain[there & (before["created"] >= since) & chain["size"].notna()]
    return made


def _told(daily: pandas.Series, ids: pandas.Series, days: pandas.Series) -> Any:
    """The sizes of snapshots on days. What held nothing new is not billed: no size is none where those of other
    snapshots of its resource group are told that day, and not known else."""
    size = daily.reindex(pandas.MultiIndex.from_arrays([ids, days]))
    index: Any = daily.index
    (snapshots, dates), (snapshot, date) = index.levels, index.codes
    numbers, groups = pandas.factorize(_group(snapshots.to_series()))
    places = numbers[snapshot] * len(dates) + date
    mine, on = pandas.Index(groups).get_indexer(_group(ids)), dates.get_indexer(days)
    there = (mine >= 0) & (on >= 0) & np.isin(mine * len(dates) + on, np.unique(places))
    return size.mask(size.isna() & there, 0.0).array


def _group(ids: pandas.Series) -> pandas.Series:
    return ids.astype("str").str.replace(r"/providers/.*$", "", regex=True)


def _used(chain: pandas.DataFrame, daily: pandas.Series, churn: pandas.Series) -> pandas.Series:
    """By instance, what all its data come to: the size of the oldest snapshot on the last day that is told.

    When the oldest goes, the next holds all there is: those that went that day and the one that stayed share it by
    the hour.  What they held before, as changes only, is taken off.
    """
    last = chain.merge(daily.rename("size").reset_index(), on="id")
    last = last[last["day"] == last.groupby("instance")["day"].transform("max")]
    last = last.sort_values(["instance", "created"], kind="stable")
    left = last["deleted"].notna() & (last["deleted"] < last["day"] + _DAY)
    # Nobody told when: one has gone before the next holds more than what changed, as that one did the day before.
    left = left.mask(last["sized"].eq(True), _grown(last, daily, churn).groupby(last["instance"]).shift(-1).eq(True))
    before = last.assign(left=left).groupby("instance")[["created", "deleted", "left", "sized", "size"]].shift()
    # All older ones left that day, or there are none.
    shared = before["left"].fillna(True).astype(bool).groupby(last["instance"]).cummin()
    last, before = last[shared], before[shared]
    apart = (last["created"] - before["created"]).dt.total_seconds() / 86_400
    waited = (before["deleted"] - last[["created", "day"]].max(axis=1)).dt.total_seconds() / 86_400
    # Nobody told when: both held the same data in turn, so the share of the day is that of what they come to.
    waited = waited.mask(before["sized"].eq(True), before["size"] / (before["size"] + last["size"]))
    changes = last["instance"].map(churn).astype(float) * apart * waited.clip(0, 1)
    return (last["size"] - changes.fillna(0)).groupby(last["instance"]).sum().rename("usedGiB").astype("Float64")


def _grown(last: pandas.DataFrame, daily: pandas.Series, churn: pandas.Series) -> pandas.Series:
    """Whether each snapshot of the last day, in order, holds noticeably more than what changed since the one before."""
    apart = last.groupby("instance")["created"].diff().dt.total_seconds() / 86_400
    changed = last["instance"].map(churn).astype(float) * apart
    earlier = daily.reindex(pandas.MultiIndex.from_arrays([last["id"], last["day"] - _DAY])).to_numpy()
    whole = last["created"] <= last["day"] - _DAY
    grown: pandas.Series = last["size"] > 1.05 * changed.mask(whole, pandas.Series(earlier, last.index))
    return grown


def _grouped(rows: pandas.DataFrame, by: str, measured: bool) -> pandas.DataFrame:
    column = GROUPS[by]
    label = rows[column].str.lower() if column.endswith("Id") else rows[column]
    groups = rows.groupby(label.rename("group"), sort=True, dropna=False)
    made = pandas.DataFrame({column: groups[column].first(), "disks": groups.size().astype("Int64")})
    if by == "disk":
        names = ["friendlyName", "dataSourceName", "policyName", "vaultName", "subscriptionId"]
        made = made.join(groups[names].first().rename(columns={"friendlyName": "name"}))
    made["provisionedGiB"] = groups["provisionedGiB"].sum(min_count=1).astype("Float64")
    if not measured:
        made["churnGiB"] = pandas.Series(pandas.NA, made.index, "Float64")
        made["atMostGiB"] = made["provisionedGiB"]
        return made.sort_values(["atMostGiB"], ascending=False, kind="stable").reset_index(drop=True)
    made["snapshots"] = groups["snapshots"].sum().astype("Int64")
    made["days"] = groups["days"].sum(min_count=1).astype("Float64")
    for name in ("churnGiB", "usedGiB"):
        made[name] = groups[name].sum(min_count=1).astype("Float64")
    # Percent of what is used, of the disks that have both.
    both = rows["churnGiB"].notna() & rows["usedGiB"].notna()
    parts = rows[both].groupby(label[both].rename("group"))[["churnGiB", "usedGiB"]].sum()
    made["churnPercent"] = (100 * parts["churnGiB"] / parts["usedGiB"]).astype("Float64").reindex(made.index)
    made["unmeasured"] = groups["churnGiB"].agg(lambda values: int(values.isna().sum())).astype("Int64")
    return made.sort_values("churnGiB", ascending=False, kind="stable", na_position="last").reset_index(drop=True)
