"""Whom to ask about something: the value of a tag of the disk that it is about, or of what is left of that."""

from __future__ import annotations

import pandas

from dpmagic.analysis.backups.answers import SNAPSHOTS, whole
from dpmagic.analysis.backups.keys import by_key, key
from dpmagic.analysis.protection.tags import tag
from dpmagic.estate.estate import Estate


def owners(
    estate: Estate,
    owner: str,
    disks: pandas.Series,
    instances: pandas.Series | None = None,
    snapshots: pandas.Series | None = None,
) -> pandas.Series:
    """The ``owner`` tag of each of these disks, by their ids; of one that is not there, that of its snapshot, else of
    the vault that its backup instance is in."""
    there = whole(estate, "disks") if estate.has("disks") else None
    known = pandas.Series(False, disks.index) if there is None else key(disks).isin(set(key(there["id"])))
    found = pandas.Series(None, disks.index, "str") if there is None else _tagged(there, owner, disks)
    if snapshots is not None and estate.has("snapshots"):
        others = _tagged(estate.table("snapshots", SNAPSHOTS), owner, snapshots)
        found = found.fillna(others.where(~known))
    if instances is not None and estate.has("vaults"):
        vaults = instances.str.extract(r"^((?:/[^/]+){8})", expand=False)
        found = found.fillna(_tagged(whole(estate, "vaults"), owner, vaults).where(~known))
    return found


def _tagged(things: pandas.DataFrame, owner: str, ids: pandas.Series) -> pandas.Series:
    values = tag(things["tags"], owner).set_axis(key(things["id"]))
    return by_key(values[~values.index.duplicated()], ids)
