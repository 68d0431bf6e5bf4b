"""Snapshots with their sizes: whose they are, when they were made, and how large they were each day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas

from dpmagic.analysis.backups.answers import SNAPSHOTS
from dpmagic.analysis.backups.keys import by_key, key
from dpmagic.analysis.backups.policies import schedules_of
from dpmagic.analysis.backups.snapshots import of_instances
from dpmagic.analysis.sizing.exports import read_exports
from dpmagic.errors import InvalidArgument
from dpmagic.estate.completeness import KEY
from dpmagic.estate.estate import Estate
from dpmagic.schedules import Schedule

Sizes = pandas.DataFrame | str | Path | Iterable[str | Path]
_STAMP = r"_(?P<date>\d{4}-\d\d-\d\d)t(?P<clock>\d\d-\d\d-\d\d)(?:\.\d+)?$"
_SPELLED = {"str": "ISO8601", "object": "ISO8601"}
_NEEDED = {"id": "str", "day": "datetime64[us, UTC]", "usedGiB": "Float64"}


def sizes_of(given: Sizes) -> pandas.DataFrame:
    """Daily sizes of snapshots: ``id`` (lower case), ``day`` (UTC midnight), ``usedGiB``, ``cost`` and ``currency``.

    ``given`` is a frame with the first three, one kept as a Parquet file, or what
    `dpmagic.analysis.sizing.exports.read_exports` takes.  ``cost`` and ``currency`` are missing where a frame has none.
    Raises `InvalidArgument` for a frame without them, with values that are none, or with a snapshot's day twice.
    """
    if given is None:
        raise InvalidArgument("no sizes were given", "give cost exports, or a frame of id, day and usedGiB")
    if not isinstance(given, pandas.DataFrame):
        kept = _kept(given)
        if kept is None:
            return read_exports(given)
        given = kept
    missing = [name for name in _NEEDED if name not in given]
    if missing:
        there = ", ".join(map(str, given.columns))
        hint = f"sizes are a frame of id, day, usedGiB (and cost, currency); this has {there}"
        raise InvalidArgument(f"the sizes have no column {', '.join(missing)}", hint)
    made = _typed(given)
    bad = made[["id", "day", "usedGiB"]].isna().any(axis=1) | ~made["usedGiB"].between(0, float("inf"), "left")
    if bad.any():
        first = " ".join(
            f"{name} {value}" for name, value in given.loc[bad.to_numpy(), ["day", "usedGiB"]].iloc[0].items()
        )
        told = f"{int(bad.sum()):,} of {len(made):,} sizes have no id, no day or no amount, such as {first}"
        raise InvalidArgument(told, "leave out those that are not known")
    twice = made.duplicated(["id", "day"])
    if twice.any():
        told = f"{int(twice.sum()):,} of {len(made):,} sizes are of a snapshot's day that has one already"
        raise InvalidArgument(told, "give one of each: groupby(['id', 'day']).sum(), or what was told last")
    made = made.sort_values(["id", "day"], kind="stable", ignore_index=True)
    made.attrs[KEY] = {"notes": said(given)}
    return made


def _typed(given: pandas.DataFrame) -> pandas.DataFrame:
    """The columns of sizes in their dtypes; what is no instant or number is missing."""
    numbers = {name: pandas.to_numeric(given[name], errors="coerce") for name in ("usedGiB", "cost") if name in given}
    days = pandas.to_datetime(given["day"], utc=True, errors="coerce", format=_SPELLED.get(str(given["day"].dtype)))
    made = pandas.DataFrame(
        {
            "id": key(given["id"]),
            "day": days.dt.floor("D").astype("datetime64[us, UTC]"),
            "usedGiB": numbers["usedGiB"].astype(float),
            "cost": numbers.get("cost", pandas.Series(float("nan"), given.index)).astype(float),
            "currency": given["currency"].astype("str") if "currency" in given else None,
        }
    )
    return made.astype({"currency": "str"})


def _kept(given: Any) -> pandas.DataFrame | None:
    """The frame of a Parquet file that is one of sizes, not an export."""
    from pyarrow import ArrowInvalid, parquet

    if not (isinstance(given, (str, Path)) and Path(given).suffix == ".parquet" and Path(given).is_file()):
        return None
    try:
        return pandas.read_parquet(given) if {*_NEEDED} <= set(parquet.read_schema(given).names) else None
    except ArrowInvalid:
        return None  # read as an export it says what is wrong


def said(sizes: pandas.DataFrame) -> list[str]:
    """What sizes say of themselves: a last day that was left out."""
    return list((sizes.attrs.get(KEY) or {}).get("notes") or [])


def snapshots_of(estate: Estate, daily: pandas.DataFrame) -> pandas.DataFrame:
    """Every snapshot of Azure Backup that is known: ``id``, ``instance``, ``disk`` (lower case), ``created``,
    ``deleted``, and ``sized``, whether only sizes (``daily``) tell of it: then it was deleted on its last day or later.

    Those that are there, and those that are gone: Azure's changes of the window say that they were made or deleted, or
    exports what they held.  Whose these were is inferred from their names, which share all but the instant with the
    names of those that are there. ``disk`` is the disk's own unique id, which a disk made anew under its name does not
    share; missing where it is not certain.
    """
    there = of_instances(estate.table("snapshots", SNAPSHOTS), estate.instances(), estate.disks())
    known = pandas.DataFrame(
        {
            "id": key(there["id"]),
            "instance": there["instance"],
            "disk": key(there["sourceUniqueId"]),
            "created": there["timeCreated"],
            "deleted": pandas.NaT,
        }
    )
    owners = known.assign(stem=_stem(known["id"])).drop_duplicates("stem").set_index("stem")["instance"]
    gone = _gone(estate, owners) if estate.has("changes") else known.head(0)
    made = pandas.concat([known, gone[~gone["id"].isin(known["id"])]], ignore_index=True)
    ids = pandas.Series(daily["id"].unique(), dtype="str")
    sized = _sized(daily, ids[~ids.isin(made["id"])], owners)
    made = pandas.concat([made.assign(sized=False), sized], ignore_index=True)
    made["deleted"] = pandas.to_datetime(made["deleted"], utc=True).astype("datetime64[us, UTC]")
    made = made.sort_values(["instance", "created", "id"], ignore_index=True)
    earlier, later = (getattr(made.groupby("instance")["disk"], way)() for way in ("ffill", "bfill"))
    certain = (earlier == later) | earlier.isna() | later.isna()
    return made.assign(disk=earlier.fillna(later).where(certain))


def families_of(estate: Estate, daily: pandas.DataFrame) -> pandas.DataFrame:
    """As `snapshots_of`, with the incremental snapshots that others made of the instances' disks and that are there.

    A snapshot holds what changed since the one before it, whoever made that.
    """
    ours = snapshots_of(estate, daily)
    instances, disks, there = estate.instances(), estate.disks(), estate.table("snapshots", SNAPSHOTS)
    unique = key(disks["uniqueId"]).set_axis(key(disks["id"]))
    mine = by_key(unique[~unique.index.duplicated()], instances["dataSourceId"])
    owners = pandas.DataFrame({"disk": mine, "instance": key(instances["id"])}).dropna().drop_duplicates("disk")
    rows = there[there["incremental"].fillna(False).astype(bool)]
    others = pandas.DataFrame(
        {"id": key(rows["id"]), "disk": key(rows["sourceUniqueId"]), "created": rows["timeCreated"]}
    )
    others = others[~others["id"].isin(ours["id"])].merge(owners, on="disk")
    if others.empty:
        return ours
    others["deleted"] = pandas.Series(pandas.NaT, others.index, "datetime64[us, UTC]")
    others["sized"] = False
    both = pandas.concat([ours, others[ours.columns]])
    return both.sort_values(["instance", "created", "id"], ignore_index=True)


def whole_since(estate: Estate) -> pandas.Timestamp:
    """From when on every snapshot is known, also those that are gone: as far back as changes are told.

    Without changes, so long as the shortest retention of any policy: what is younger is still there.
    """
    if estate.has("changes"):
        told = _changes(estate).attrs[KEY]
        return max(pandas.Timestamp(one) for one in (told.get("since"), told["window"][0]) if one)
    periods = [one for found in schedules_of(estate.policies()).values() if isinstance(found, Schedule)
               for one in found.retentions.values()]  # fmt: skip
    return pandas.Timestamp(estate.now) - min((one.length() for one in periods), default=pandas.Timedelta(0))


def _changes(estate: Estate) -> pandas.DataFrame:
    start = min(estate.window.start, estate.now - timedelta(days=14))
    return estate.over((start, estate.now)).changes()


def _gone(estate: Estate, owners: pandas.Series) -> pandas.DataFrame:
    changes = _changes(estate)
    mine = changes[changes["targetResourceType"].str.lower() == "microsoft.compute/snapshots"]
    mine = mine.assign(id=key(mine["targetResourceId"]))
    moments = {kind: mine[mine["changeType"] == kind].groupby("id")["timestamp"].min() for kind in ("Create", "Delete")}
    ids = pandas.Index(mine["id"].unique())
    made = pandas.DataFrame({"id": ids, "created": moments["Create"].reindex(ids).array})
    made["deleted"] = moments["Delete"].reindex(ids).array
    made["instance"] = owners.reindex(_stem(made["id"])).array
    made = made[made["instance"].notna()]
    older = made["created"].isna()  # made before the changes that are told
    made.loc[older, "created"] = _asked(made.loc[older, "id"])
    return made


def _sized(daily: pandas.DataFrame, ids: pandas.Series, owners: pandas.Series) -> pandas.DataFrame:
    """The snapshots of these that sizes tell of, and nothing else does."""
    whose = owners.reindex(_stem(ids)).set_axis(ids).dropna()
    days = daily[daily["id"].isin(whose.index)].groupby("id")["day"].agg(["min", "max"])
    created = _asked(days.index.to_series()).fillna(days["min"])
    made = {"id": days.index, "instance": whose.reindex(days.index).array, "created": created.array}
    return pandas.DataFrame({**made, "deleted": days["max"].array, "sized": True})


def _asked(ids: pandas.Series) -> pandas.Series:
    """When a snapshot was asked for, seconds before it was made: the instant at the end of its name."""
    found = ids.str.extract(_STAMP)
    texts = found["date"] + "T" + found["clock"].str.replace("-", ":") + "Z"
    asked = pandas.to_datetime(texts, errors="coerce", utc=True, format="ISO8601")
    made: pandas.Series = asked.astype("datetime64[us, UTC]")
    return made


def _stem(ids: pandas.Series) -> pandas.Series:
    """A snapshot's id without the instant at its name's end."""
    return ids.str.replace(r"_[^/_]*$", "", regex=True)
