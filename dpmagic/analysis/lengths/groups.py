"""What jobs are grouped by: columns of the answer, what is compared, and the same in KQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas

from dpmagic.analysis.backups.grouping import PERIODS, began_in, several
from dpmagic.analysis.backups.keys import by_key, key
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate import views
from dpmagic.estate.window import Window

SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32767, 65536)
"""The sizes that Azure prices disks by, in GiB: a disk's class is the smallest that holds it."""


@dataclass(frozen=True)
class Group:
    """``columns`` name a group in an answer, the first is its label; ``key`` is the column of jobs that tells groups
    apart, in any case; ``kql`` is the same as an expression, ``dtype`` what its values are."""

    name: str
    columns: tuple[str, ...]
    key: str
    kql: str
    dtype: str = "str"
    tables: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns of jobs that it takes."""
        return (self.key, *(name for name in self.columns if name in _SHOWN))


# Columns of an answer that are columns of jobs.
_SHOWN = (
    *("vaultName", "vaultId", "policyName", "policyId", "dataSourceName", "dataSourceId", "subscriptionId"),
    *("dataSourceLocation", "dataSourceType", "operation", "status"),
)


def _named(name: str, *columns: str) -> Group:
    return Group(name, columns, columns[-1], f"tolower({columns[-1]})")


_SIZE_KQL = (
    f"case(isnull(diskSizeGB), long(null), {', '.join(f'diskSizeGB <= {one}, {one}' for one in SIZES)}, long(null))"
)

# Kusto's weeks begin on Sunday.
_PERIODS_KQL = {
    "day": "bin(startTime, 1d)", "week": "startofweek(startTime - 1d) + 1d", "month": "startofmonth(startTime)",
}  # fmt: skip

GROUPS = {
    group.name: group
    for group in (
        _named("vault", "vaultName", "vaultId"),
        _named("policy", "policyName", "vaultName", "policyId"),
        _named("datasource", "dataSourceName", "dataSourceId"),
        Group("subscription", ("subscriptionName", "subscriptionId"), "subscriptionId", "tolower(subscriptionId)",
              tables=("subscriptions",)),
        _named("region", "dataSourceLocation"),
        _named("datasourceType", "dataSourceType"),
        Group("sizeClass", ("sizeClass",), "dataSourceId", _SIZE_KQL, "Int64", ("disks",)),
        *(Group(name, (name,), "startTime", kql, "datetime64[us, UTC]") for name, kql in _PERIODS_KQL.items()),
    )
}  # fmt: skip
"""By name: ``sizeClass`` in GiB; ``day``, ``week`` (from Monday) and ``month`` in UTC, by when a job began, as the
period's first instant; ``subscription`` is the vault's."""

# Azure's names for the same.
_SAME = {
    "vaultname": "vault", "vaultid": "vault", "policyname": "policy", "policyid": "policy",
    "datasourcename": "datasource", "datasourceid": "datasource", "subscriptionid": "subscription",
    "subscriptionname": "subscription", "datasourcelocation": "region", "location": "region",
    "size": "sizeClass", "size class": "sizeClass", "starttime": "day",
}  # fmt: skip


def groups(by: str | Iterable[str]) -> tuple[Group, ...]:
    """The groups that are meant, by name or by the column's.  None at all is one group of everything.

    Raises `InvalidArgument` with the nearest spelling, and all that there are.
    """
    asked = several(by, "jobs")
    known = {name.lower(): name for name in GROUPS} | _SAME
    for one in asked:
        if str(one).lower() not in known:
            there = f"there are: {', '.join(GROUPS)}"
            close = did_you_mean(
                str(one), [*GROUPS, *(column for group in GROUPS.values() for column in group.columns)]
            )
            raise InvalidArgument(f"jobs are not grouped by {one!r}", f"{close} {there}".strip())
    return tuple(GROUPS[name] for name in dict.fromkeys(known[str(one).lower()] for one in asked))


def places(asked: Sequence[Group]) -> list[str]:
    """The columns that pieces and keyed jobs have the groups' keys in."""
    return [f"g{number}" for number in range(len(asked))]


def keyed(jobs: pandas.DataFrame, asked: Sequence[Group], disks: pandas.DataFrame | None) -> pandas.DataFrame:
    """The jobs with the keys of their groups in `places`."""
    return jobs.assign(**{place: _keys(jobs, group, disks) for place, group in zip(places(asked), asked, strict=True)})


def _keys(jobs: pandas.DataFrame, group: Group, disks: pandas.DataFrame | None) -> pandas.Series:
    if group.name in PERIODS:
        return began_in(jobs["startTime"], group.name)
    if group.name == "sizeClass":
        assert disks is not None  # a group's tables are asked for
        sizes = disks["diskSizeGB"].set_axis(pandas.Index(key(disks["id"])))
        return size_class(by_key(sizes[~sizes.index.duplicated()], jobs["dataSourceId"]))
    return key(jobs[group.key])


def size_class(sizes: pandas.Series) -> pandas.Series:
    """The class of each size in GiB; missing where the size is, or is beyond them all.

    >>> size_class(pandas.Series([4, 100, 128, None], dtype="Int64")).tolist()
    [4, 128, 128, <NA>]
    """
    edges = np.array([*SIZES, 0])
    found = edges[np.searchsorted(edges[:-1], sizes.fillna(SIZES[-1] + 1).to_numpy(np.int64))]
    return pandas.Series(found, sizes.index, "Int64").mask(found == 0)


def kql_groups(asked: Sequence[Group], window: Window) -> tuple[str, list[str], list[str]]:
    """For a grouped query over jobs: what goes before it, the keys to group by, and the columns to show of a group."""
    before = ""
    if any(group.name == "sizeClass" for group in asked):
        disks = f"{views.view('disks', window)}\n| project diskKey = tolower(id), diskSizeGB"
        before = f"| extend diskKey = tolower(dataSourceId)\n| join kind=leftouter (\n{disks}\n) on diskKey"
    keys = [f"{place} = {group.kql}" for place, group in zip(places(asked), asked, strict=True)]
    columns = dict.fromkeys(name for group in asked for name in group.columns if name in _SHOWN)
    return before, keys, [f"{name} = take_any({name})" for name in columns]


def named(rows: pandas.DataFrame, shown: pandas.DataFrame, asked: Sequence[Group]) -> pandas.DataFrame:
    """The rows with the groups' columns in front, in place of their keys; ``shown`` has both, for every group.

    Of several spellings of one id it is the first in order.
    """
    at = places(asked)
    columns = [name for name in dict.fromkeys(name for group in asked for name in group.columns) if name in shown]
    front = rows[at].copy()
    if at and columns:
        first = shown.groupby(at, dropna=False, sort=False)[columns].min().reset_index()
        front = front.merge(first, on=at, how="left")
    for place, group in zip(at, asked, strict=True):
        if group.name in ("sizeClass", *PERIODS):
            front[group.columns[0]] = front[place]
    whole = [name for name in dict.fromkeys(name for group in asked for name in group.columns) if name in front]
    return front[whole].join(rows.drop(columns=at))


_NAME = "subscriptionName"


def subscription_names(rows: pandas.DataFrame, subscriptions: pandas.DataFrame | None) -> pandas.DataFrame:
    """The rows with ``subscriptionName`` in front of ``subscriptionId``; missing where nobody knows it."""
    if subscriptions is None:
        names = pandas.Series(None, rows.index, "str")
    else:
        known = subscriptions["name"].set_axis(pandas.Index(key(subscriptions["subscriptionId"])))
        names = by_key(known[~known.index.duplicated()], rows["subscriptionId"])
    order = [name for one in rows.columns for name in ([_NAME, one] if one == "subscriptionId" else [one])]
    return rows.assign(**{_NAME: names})[order]
