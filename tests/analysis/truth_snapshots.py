"""What was planted in points and snapshots, against what is found: retention, orphans, headroom."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dpmagic.analysis.orphan_snapshots import orphan_snapshots
from dpmagic.analysis.retention import retention
from dpmagic.analysis.retention_points import retention_points
from dpmagic.analysis.snapshot_headroom import snapshot_headroom
from tests.analysis import estates, raw, worlds
from tests.analysis.estates import time

NOTHING = pd.Timedelta(0)
_KINDS = ("kept", "lingering", "snapshotDeleted")


def planted(name: str) -> list[dict[str, Any]]:
    """The snapshots that were touched, of instances that are there and can be seen; instants as such."""
    there = {one["id"].lower() for one in worlds.records(name, raw.INSTANCES)}
    found = []
    for defect in raw.planted(name):
        for one in defect["snapshots"] if defect["kind"] in _KINDS else ():
            if one["backupInstanceId"].lower() in there:
                names = ("timeCreated", "policyExpiryTime", "expiryTime", "deletedTime")
                found.append({**one, **{key: time(one[key]) for key in names}, "kind": defect["kind"]})
    return found


def check_points(name: str) -> None:
    """Points are missing or surplus exactly where that was planted, to the second.

    Of those from before there are jobs the missing ones are out of sight, and the tag of some is uncertain.
    """
    live = estates.estate(name)
    found = retention_points(live, grace="0s")
    now = pd.Timestamp(live.now)
    first = now - pd.Timedelta(days=14)
    touched = planted(name)
    late = {one["id"].lower() for one in touched if one["policyExpiryTime"] < now < one["deletedTime"]}
    unsure = found[found["status"].eq("unverifiable")]
    assert (unsure["timeCreated"] < first + pd.Timedelta(minutes=10)).all()
    assert _ids(found, "surplus") == late - set(unsure["snapshotId"].str.lower())
    lost = [
        one for one in touched if one["deletedTime"] <= now < one["policyExpiryTime"] and one["timeCreated"] > first
    ]
    missing = found[found["status"].eq("missing")]
    got = sorted((row.id.lower(), row.retentionTag) for row in missing.itertuples())
    # The snapshot is made a minute after its job began, so one of the very first minute is of a job out of sight.
    assert got == sorted((one["backupInstanceId"].lower(), one["retentionTag"]) for one in lost)
    held = found[found["status"].eq("held")]
    assert {"stopped"} >= set().union(
        *(estates.kinds(name)[one] - {"oddCasing"} for one in held["id"].str.lower()), set()
    )


def check_listed(name: str) -> None:
    """The points themselves: which are kept longer or shorter than the policy says, by how much, and which cannot be
    restored, for their snapshot is gone."""
    live = estates.estate(name)
    found = retention_points(live, grace="0s", verify="recoveryPoints")
    now = pd.Timestamp(live.now)
    first = now - pd.Timedelta(days=14)
    touched = [one for one in planted(name) if one["expiryTime"] > now]
    other = found[found["difference"].notna() & found["difference"].ne(NOTHING)]
    got = {(row.id.lower(), row.timeCreated): row.difference for row in other.itertuples()}
    kept = [one for one in touched if one["kind"] == "kept"]
    # An expiry shows some minutes after its point was made.
    settled = [one for one in kept if one["timeCreated"] < now - pd.Timedelta(minutes=5)]
    wanted = {_key(one): one["expiryTime"] - one["policyExpiryTime"] for one in settled}
    assert {key: value for key, value in got.items() if key in wanted or key not in map(_key, kept)} == wanted
    gone = {_key(one) for one in planted(name) if one["kind"] == "snapshotDeleted" and one["policyExpiryTime"] > now}
    missing = found[found["status"].eq("missing") & found["recoveryPointId"].notna()]
    assert {(row.id.lower(), row.timeCreated) for row in missing.itertuples()} == gone
    short = [
        one for one in planted(name) if one["kind"] == "kept" and one["deletedTime"] <= now < one["policyExpiryTime"]
    ]
    dropped = found[found["status"].eq("missing") & found["recoveryPointId"].isna()]
    assert len(dropped) == sum(one["timeCreated"] > first for one in short)


def check_retention(name: str) -> None:
    """Counts are those of the points; every instance is there; what cannot be seen has none."""
    live = estates.estate(name)
    found, points = retention(live, grace="0s"), retention_points(live, grace="0s")
    for status in ("present", "missing", "surplus", "held", "unverifiable"):
        assert found[status].fillna(0).sum() == points["status"].eq(status).sum()
    assert (found["expected"] == found["present"] + found["missing"]).fillna(True).all()
    assert set(found["id"].str.lower()) == {one["id"].lower() for one in worlds.records(name, raw.INSTANCES)}
    blind = {one.lower() for defect in raw.planted(name) if defect["kind"] == "unverifiable" for one in defect["ids"]}
    assert blind <= set(found.loc[found["verdict"].eq("unverifiable") & found["expected"].isna(), "id"].str.lower())


def check_orphans(name: str) -> None:
    """Those of disks that are gone, by id; those past their expiry are the surplus ones."""
    live = estates.estate(name)
    found = orphan_snapshots(live, grace="0s")
    left = {one.lower() for defect in raw.planted(name) if defect["kind"] == "orphanSnapshots" for one in defect["ids"]}
    assert set(found.loc[found["reason"].eq("noDisk"), "id"].str.lower()) == left
    points = retention_points(live, grace="0s")
    assert set(found.loc[found["reason"].eq("pastExpiry"), "id"].str.lower()) == _ids(points, "surplus")
    others = found[~found["reason"].isin(("noDisk", "pastExpiry"))]
    assert others.empty, "soft-deleted instances keep theirs"


def check_headroom(name: str) -> None:
    """As many as were planted, by disk; the others are those of plain counting."""
    found = snapshot_headroom(estates.estate(name)).set_index("id")
    counts: dict[str, int] = {}
    for one in worlds.records(name, raw.SNAPSHOTS):
        unique = one["properties"]["creationData"]["sourceUniqueId"]
        counts[unique] = counts.get(unique, 0) + 1
    for one in worlds.records(name, raw.DISKS):
        if one["id"] in found.index or one["properties"]["uniqueId"] in counts:
            assert found.loc[one["id"], "snapshots"] == counts.get(one["properties"]["uniqueId"], 0)
    lower = found.set_axis(found.index.str.lower())
    for defect in raw.planted(name):
        for disk in defect["dataSourceIds"] if defect["kind"] == "snapshotCount" else ():
            row = lower.loc[disk.lower()]
            assert row["snapshots"] == defect["count"]
            assert (row["status"] == "full") == (defect["count"] >= 500)
            assert (row["status"] == "ok") <= (defect["count"] < 450)


def _early(one: dict[str, Any], now: pd.Timestamp) -> bool:
    """Whether it is gone, and should not be."""
    return bool(one["deletedTime"] <= now < one["policyExpiryTime"])


def _ids(points: pd.DataFrame, status: str) -> set[str]:
    return set(points.loc[points["status"].eq(status), "snapshotId"].str.lower())


def _key(one: dict[str, Any]) -> tuple[str, Any]:
    return one["backupInstanceId"].lower(), one["timeCreated"]
