"""The disks that follow each policy, and what their snapshots hold once a policy keeps what it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.backups.keys import DISK, SCHEDULED, among, by_key, key
from dpmagic.analysis.churn import churn
from dpmagic.analysis.snapshot_headroom import snapshot_headroom
from dpmagic.errors import InvalidArgument
from dpmagic.estate.estate import Estate
from dpmagic.schedules import Steady

_SIZES = ("usedGiB", "churnGiB")
_FIGURES = ("provisionedGiB", *_SIZES)
_KINDS = {"policy": "str", "sku": "str", "byOthers": "Int64", **dict.fromkeys(_FIGURES, "Float64")}
_HINT = "give cost exports, what dpmagic.churn gives by disk, or {'usedGiB': 100, 'churnGiB': 2} of a disk"


def following(estate: Estate, sizes: Any) -> pandas.DataFrame:
    """The disks whose protection follows a policy: ``policy`` (id, lower case), ``sku``, ``byOthers``,
    ``provisionedGiB``, ``usedGiB`` and ``churnGiB``; missing what is not known.
    """
    if not estate.has("instances"):
        return _typed(pandas.DataFrame())
    rows = estate.instances()
    rows = rows[among(rows["dataSourceType"], (DISK,)) & among(rows["currentProtectionState"], SCHEDULED)]
    made = pandas.DataFrame({"policy": key(rows["policyId"]), "disk": key(rows["dataSourceId"])})
    made = made.drop_duplicates("disk").reset_index(drop=True)
    if estate.has("disks"):
        disks = estate.disks()
        for name, theirs in (("provisionedGiB", "diskSizeGB"), ("sku", "sku")):
            if theirs in disks:
                made[name] = _by_disk(disks["id"], disks[theirs], made["disk"])
        if estate.has("snapshots"):
            full = snapshot_headroom(estate)
            made["byOthers"] = _by_disk(full["id"], full["byOthers"], made["disk"])
    if sizes is not None:
        found = sizes if is_churn(sizes) else churn(estate, sizes)
        if "dataSourceId" not in found:
            raise InvalidArgument(f"the sizes have no dataSourceId, only {', '.join(map(str, found.columns))}", _HINT)
        for name in _SIZES:
            made[name] = _by_disk(found["dataSourceId"], found[name], made["disk"])
    return _typed(made)


def alone(sizes: Any) -> pandas.DataFrame:
    """The disks of a policy that was given without an estate: one by its figures, or a frame of them; none without.

    Raises `InvalidArgument` for figures that are none.
    """
    if sizes is None:
        return _typed(pandas.DataFrame())
    told = pandas.DataFrame([sizes]) if isinstance(sizes, Mapping) else sizes
    if not is_churn(told):
        raise InvalidArgument("without an estate sizes are the figures of disks", _HINT)
    try:
        made = _typed(told[[name for name in _FIGURES if name in told]].reset_index(drop=True))
    except (TypeError, ValueError) as error:
        raise InvalidArgument("there are sizes that are no numbers", _HINT) from error
    if (made[list(_FIGURES)] < 0).any(axis=None):
        raise InvalidArgument("there are sizes below zero", _HINT)
    return made


def price_of(daily: pandas.DataFrame) -> tuple[float | None, str | None]:
    """What a GiB costs for a month by the exports' own cost, and in which currency; None where they do not say.

    It is the price of the last day, as what is stored costs, too: an earlier one may have been another.
    """
    known = daily.dropna(subset=["cost", "usedGiB"])
    known = known[known["day"] == known["day"].max()]
    months = (known["usedGiB"] / known["day"].dt.days_in_month).sum()
    if not months:
        return None, None
    return float(known["cost"].sum() / months), next(iter(known["currency"].dropna()), None)


def _by_disk(ids: pandas.Series, values: pandas.Series, wanted: pandas.Series) -> pandas.Series:
    found = values.set_axis(key(ids))
    return by_key(found[~found.index.duplicated()], wanted)


def _typed(rows: pandas.DataFrame) -> pandas.DataFrame:
    absent = {name: pandas.Series(None, rows.index, dtype=dtype) for name, dtype in _KINDS.items() if name not in rows}
    return rows.assign(**absent).astype(_KINDS)


def is_churn(sizes: Any) -> bool:
    """Whether these are figures of disks, not of each snapshot's days."""
    return isinstance(sizes, pandas.DataFrame) and set(_SIZES) <= set(sizes)


def held(kept: Steady, disks: pandas.DataFrame) -> dict[str, float]:
    """GiB by tag that the disks' snapshots hold together on average: those disks only whose sizes are known.

    The oldest point holds all that is used; each later one what changed since the one before it, at most as much.
    """
    known = disks.dropna(subset=list(_SIZES))
    used, changes = (known[name].to_numpy(float) for name in ("usedGiB", "churnGiB"))
    tags, days, counts = kept.spans
    spans, place = np.unique(days, return_inverse=True)
    sizes = [(used if np.isinf(one) else np.minimum(changes * one, used)).sum() for one in spans.tolist()]
    found = np.bincount(tags, weights=np.array(sizes)[place] * counts if sizes else None, minlength=len(kept.tags))
    return dict(zip(kept.tags, found.tolist(), strict=True))
