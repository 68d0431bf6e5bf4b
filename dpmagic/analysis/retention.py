"""What is kept, against what the policies of the time say should be."""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer, whole
from dpmagic.analysis.backups.kept import EXPIRING, HELD, MISSING, PRESENT, SURPLUS, UNVERIFIABLE
from dpmagic.analysis.backups.keys import is_in, key
from dpmagic.analysis.backups.naming import NAMES
from dpmagic.analysis.retention_points import retention_points
from dpmagic.estate.completeness import KEY
from dpmagic.estate.source import estate_of

AS_EXPECTED = "asExpected"
_COUNTS = (PRESENT, MISSING, SURPLUS, EXPIRING, HELD, UNVERIFIABLE)
_GROUP = ("id", "policyName", "retentionTag")
_COLUMNS = (
    *NAMES, "policyName", "retentionTag", "verdict", "expected", *_COUNTS, "keptLonger", "keptShorter",
    "earlierDisk", "oldest", "newest", "nextExpiry",
)  # fmt: skip


def retention(given: Any, *, grace: Any = "24h", verify: str | None = None) -> pandas.DataFrame:
    """What each instance keeps against what its policies said: one row an instance, policy and retention tag.

    Counts of points (see `retention_points`): ``expected`` to be there now; of them ``present`` and ``missing``; and
    besides ``surplus``, which should be gone, ``expiring``, which go within ``grace``, ``held``, because protection is
    stopped, and ``unverifiable``. With ``verify="recoveryPoints"``, ``keptLonger`` and ``keptShorter`` are those whose
    own expiry is after or before the policy's; without it they are missing. ``earlierDisk`` are those of a disk that
    had the name before; ``oldest``, ``newest`` and ``nextExpiry`` are instants of those that are there, in UTC.

    ``verdict`` is ``missing``, ``surplus``, ``unverifiable`` or ``asExpected``, the first that applies. An instance
    without any point has one row; if its points cannot be seen (no disk, or where nothing is readable) that
    is ``unverifiable`` and has no counts. Points from before there are jobs are only counted while they are there.

    Raises `InvalidArgument` for a grace that is none, another ``verify``, and tables without what is needed.
    """
    estate = estate_of(given, "snapshots")
    points = retention_points(estate, grace=grace, verify=verify)
    rows = pandas.concat([_grouped(points, bool(verify)), _without(whole(estate, "instances"), points)])
    order = ["vaultName", "name", "id", "policyName", "retentionTag"]
    frame = rows.sort_values(order, kind="stable", ignore_index=True)[list(_COLUMNS)]
    return answer(estate, frame, *points.attrs[KEY]["notes"])


def _grouped(points: pandas.DataFrame, verified: bool) -> pandas.DataFrame:
    there = points["snapshotId"].notna() | points["recoveryPointId"].notna()
    marks = {name: points["status"].eq(name) for name in _COUNTS}
    marks |= {"earlierDisk": points["earlierDisk"].fillna(False) & there}
    longer = points["difference"].gt(pandas.Timedelta(0)), points["difference"].lt(pandas.Timedelta(0))
    marks |= dict(zip(("keptLonger", "keptShorter"), longer, strict=True))
    times = {"oldest": points["timeCreated"].where(there), "newest": points["timeCreated"].where(there)}
    times["nextExpiry"] = points["expiryTime"].where(marks[PRESENT])
    groups = points[[*NAMES, "policyName", "retentionTag"]].assign(**marks, **times).groupby(list(_GROUP), dropna=False)
    named = groups[[name for name in NAMES if name != "id"]].first()
    counted = groups[list(marks)].sum().astype("Int64")
    edges = {name: groups[name].min() for name in ("oldest", "nextExpiry")} | {"newest": groups["newest"].max()}
    rows = named.join(counted).assign(**edges).reset_index()
    rows["expected"] = rows[PRESENT] + rows[MISSING]
    if not verified:
        rows[["keptLonger", "keptShorter"]] = pandas.NA
    verdict = pandas.Series(AS_EXPECTED, rows.index, "str")
    for name in (UNVERIFIABLE, SURPLUS, MISSING):
        verdict = verdict.mask(rows[name].gt(0), name)
    return rows.assign(verdict=verdict).astype({"keptLonger": "Int64", "keptShorter": "Int64"})


def _without(instances: pandas.DataFrame, points: pandas.DataFrame) -> pandas.DataFrame:
    """The instances without any point, which may be for none can be seen."""
    seen = points.attrs[KEY]["seen"]
    rows = instances[~is_in(key(instances["id"]), key(points["id"]))]
    rows = rows.assign(name=rows["friendlyName"])
    known = key(rows["id"]).isin(seen)
    rows = rows[[*NAMES, "policyName"]].assign(verdict=known.map({True: AS_EXPECTED, False: UNVERIFIABLE}))
    counts = dict.fromkeys(("expected", *_COUNTS, "earlierDisk"), known.astype("Int64").mul(0).where(known))
    nothing = pandas.Series(None, rows.index, "datetime64[us, UTC]")
    times = dict.fromkeys(("oldest", "newest", "nextExpiry"), nothing)
    kept = dict.fromkeys(("keptLonger", "keptShorter"), pandas.Series(pandas.NA, rows.index, "Int64"))
    return rows.assign(retentionTag=pandas.Series(None, rows.index, "str"), **counts, **times, **kept)
