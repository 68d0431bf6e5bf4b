"""How much snapshots hold, day by day."""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer
from dpmagic.analysis.churn import GROUPS, NEEDS, disks_of
from dpmagic.analysis.sizing.chains import Sizes, said, sizes_of, snapshots_of
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.source import estate_of

OTHER = "(other)"


def stored(given: Any, sizes: Sizes, by: str | None = None) -> pandas.DataFrame:
    """What the snapshots of the exports hold: one row a day, or a day and group of disk, policy, vault, subscription.

    Columns: the group's, ``day`` (UTC), ``usedGiB`` (the day's average), ``snapshots``, ``cost`` of the day,
    ``perMonth`` (that times the days of its month, for so is a day billed: as much in February as in March) and
    ``currency``.
    Snapshots that Azure Backup did not make, or whose disk is not known, are in the group ``(other)``; without ``by``
    all count. Those that are gone are known by their names, as long as the disk has another one. The policy is today's,
    the subscription the vault's.  A last day that exports do not tell whole yet is left out, and a note says so.

    Raises `InvalidArgument` for an unknown ``by`` and for tables or sizes without what is needed.
    """
    estate, daily = estate_of(given, "instances", needs=NEEDS), sizes_of(sizes)
    keys, notes = ["day", "currency"], said(daily)
    if by is not None:
        if by not in [*GROUPS]:  # not in the dict: what has no hash is no group either
            hint = did_you_mean(by, GROUPS, f"by one of {', '.join(GROUPS)}")
            raise InvalidArgument(f"stored has no groups by {by}", hint)
        column = GROUPS[by]
        owners = snapshots_of(estate, daily)[["id", "instance"]]
        owners = owners.merge(disks_of(estate)[["instance", column]], on="instance")
        daily = daily.merge(owners[["id", column]], on="id", how="left")
        daily[column] = daily[column].fillna(OTHER)
        keys = [column, *keys]
    groups = daily.groupby(keys, dropna=False, as_index=False)
    made = groups.agg(usedGiB=("usedGiB", "sum"), snapshots=("id", "nunique"))
    made["cost"] = groups["cost"].sum(min_count=1)["cost"]
    made["perMonth"] = made["cost"] * made["day"].dt.days_in_month
    made = made.astype({"perMonth": "Float64", "usedGiB": "Float64", "cost": "Float64", "snapshots": "Int64"})
    columns = [*keys[:-1], "usedGiB", "snapshots", "cost", "perMonth", "currency"]
    return answer(estate, made.sort_values(keys, kind="stable", ignore_index=True)[columns], *notes)
