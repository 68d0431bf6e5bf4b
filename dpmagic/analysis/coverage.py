"""How much of what can be protected is: disks and their provisioned size, by whatever one asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas

from dpmagic.analysis.backups.grouping import several
from dpmagic.analysis.protection.assessment import assess
from dpmagic.analysis.protection.tags import names, tag
from dpmagic.analysis.protection.verdicts import (
    DELETED,
    ERROR,
    EXCLUDED,
    NEVER,
    PERMISSION,
    STALE,
    STOPPED,
    SUSPENDED,
    UNSUPPORTED,
    UNVERIFIABLE,
)
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.source import estate_of

GROUPS: dict[str, tuple[str, ...]] = {
    "subscription": ("subscriptionName", "subscriptionId"),
    "resourceGroup": ("subscriptionName", "subscriptionId", "resourceGroup"),
    "managementGroup": ("managementGroup",),
    "location": ("location",),
    "sku": ("sku",),
}
"""What `coverage` groups by, with the columns that name a group; ``tags.NAME`` besides."""

_SAME = {"region": "location", "subscriptionid": "subscription", "subscriptionname": "subscription"}
_KNOWN = {one.lower(): one for one in GROUPS} | _SAME
REASON_COLUMNS = {
    NEVER: "neverConfigured",
    ERROR: "error",
    STOPPED: "stopped",
    SUSPENDED: "suspended",
    DELETED: "softDeleted",
    PERMISSION: "permissionLost",
    STALE: "stale",
    EXCLUDED: "excludedFromVmBackup",
    UNSUPPORTED: "unsupportedSchedule",
    UNVERIFIABLE: "unverifiable",
}
"""The column that counts each reason of a gap.  Unsupported disks are apart; here their policy does not suit."""


_HEAD = (
    "disks", "eligible", "configured", "healthy", "effective", "share", "atRisk", "excluded", "unsupported",
)  # fmt: skip


def coverage(
    given: Any, by: str | Iterable[str] = (), *, rpo: Any = None, exclude: Any = None, verify: str | None = None
) -> pandas.DataFrame:
    """Coverage of disks: one row a group, or a single row without ``by``.

    ``by`` is one or several of `GROUPS` (``region`` means ``location``) and ``tags.NAME``; a disk without the tag is
    in the group "".  Columns, after the group's own:

    - ``disks`` of the group; of them ``excluded`` on purpose (see `exclusions`) and ``unsupported`` by Azure Disk
      Backup, and the rest, ``eligible``;
    - of the eligible: ``configured`` (an instance, or its machine's backup takes it), ``healthy`` (and the roles are
      there and the last backup succeeded), ``effective`` (configured, and a recovery point that still exists is no
      older than the RPO); ``share`` is effective by eligible, missing where nothing is eligible;
    - ``atRisk``: effective ones whose next backup cannot work;
    - a column for each reason of `coverage_gaps` with the eligible disks that are not effective for it; they add up
      to eligible less effective;
    - all of these again as provisioned size, such as ``eligibleGiB``: what disks are allowed to hold, not what they
      hold; ``shareGiB`` likewise. ``withoutSize`` disks have no size and add nothing to it.

    A disk that two backups cover is one disk.  ``rpo``, ``exclude`` and ``verify`` as in `coverage_gaps`.
    Raises `InvalidArgument` for an unknown ``by``, tables without what is needed, and exclusions that say nothing.
    """
    estate = estate_of(given, "disks")
    if "tags" in (estate.source.columns("disks") or ()):
        _check(by, estate.disks())  # before all else is read
    found = assess(estate, rpo=rpo, exclude=exclude, verify=verify)
    disks = found.disks
    keys, columns = _groups(by, disks)
    counted = _counted(disks)
    sizes = counted.mul(disks["diskSizeGB"].fillna(0).astype("int64"), axis=0).add_suffix("GiB")
    unsized = disks["diskSizeGB"].isna().astype("int64").rename("withoutSize")
    parts = pandas.concat([columns, counted, unsized, sizes], axis=1)
    if keys:
        made = parts.groupby(keys, dropna=False, sort=True, as_index=False).sum()
    else:
        made = parts.sum().to_frame().T.astype("int64")
    return found.told(_ordered(made, keys), *_nobodys(keys, disks))


def _nobodys(keys: list[str], disks: pandas.DataFrame) -> list[str]:
    """A note of each tag that no disk has."""
    lacking = [name for name in keys if name.startswith("tags.") and tag(disks["tags"], name[5:]).isna().all()]
    there = ", ".join(names(disks["tags"])[:5])
    return [f"no disk has the tag {name[5:]}" + (f"; there are: {there}" if there else "") for name in lacking]


def _check(by: str | Iterable[str], disks: pandas.DataFrame) -> None:
    """Raises `InvalidArgument` with the nearest name for a group that there is not."""
    for name in several(by, "disks"):
        if str(name).lower() not in _KNOWN and not str(name).lower().startswith("tags."):
            tagged = [f"tags.{one}" for one in names(disks["tags"])[:5]]
            there = f"by one of {', '.join([*GROUPS, *tagged] if tagged else [*GROUPS, 'tags.NAME'])}"
            hint = did_you_mean(str(name), [*GROUPS, "region", *tagged], there)
            raise InvalidArgument(f"coverage has no groups by {name}", hint)


def _groups(by: str | Iterable[str], disks: pandas.DataFrame) -> tuple[list[str], pandas.DataFrame]:
    """The columns that name groups, and their values."""
    columns: dict[str, pandas.Series] = {}
    for name in several(by, "disks"):
        if name.lower().startswith("tags."):
            columns[name] = tag(disks["tags"], name[len("tags.") :]).fillna("")
        else:
            columns |= {one: disks[one].fillna("") for one in GROUPS[_KNOWN[name.lower()]]}
    return list(columns), pandas.DataFrame(columns, index=disks.index)


def _counted(disks: pandas.DataFrame) -> pandas.DataFrame:
    """Of each disk, 1 or 0 in every column that is summed."""
    excluded, eligible = disks["exclusion"].notna(), disks["eligible"]
    marks = {
        "disks": pandas.Series(True, index=disks.index),
        "excluded": excluded,
        "unsupported": ~disks["supported"] & ~excluded,
        "eligible": eligible,
        **{name: disks[name] & eligible for name in ("configured", "healthy", "effective")},
        "atRisk": eligible & disks["effective"] & disks["reason"].notna(),
        **{name: eligible & ~disks["effective"] & disks["reason"].eq(why) for why, name in REASON_COLUMNS.items()},
    }
    return pandas.DataFrame(marks).astype("int64")


def _ordered(made: pandas.DataFrame, keys: list[str]) -> pandas.DataFrame:
    """The columns as documented, with the shares."""
    for unit in ("", "GiB"):
        eligible = made[f"eligible{unit}"]
        made[f"share{unit}"] = (made[f"effective{unit}"] / eligible.where(eligible > 0)).astype("Float64")
    counts = [*_HEAD, *REASON_COLUMNS.values()]
    whole = [*counts, "withoutSize", *(f"{name}GiB" for name in counts)]
    return made[[*keys, *whole]].astype({name: "Int64" for name in whole if not name.startswith("share")})
