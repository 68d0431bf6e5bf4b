"""The newest point of each instance that still exists."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from dpmagic.analysis.latest import latest_points
from dpmagic.errors import InvalidArgument
from tests.analysis.byhand import GROUP, SUB, at, disks, estate, instance, nightly, snapshot

HIDDEN = "/subscriptions/88888888-8888-4888-8888-888888888888"


def latest(given: Any, **options: Any) -> dict[str, tuple[Any, Any, bool]]:
    found = latest_points(given, **options)
    return {
        row.id.rpartition("/")[2]: (
            None if pd.isna(row.latestPoint) else row.latestPoint,
            None if pd.isna(row.evidence) else row.evidence,
            row.observed,
        )
        for row in found.itertuples()
    }


def test_the_newest_snapshot_that_is_there() -> None:
    """A job succeeded later, but its snapshot is gone; of ``b`` all are."""
    given = estate(
        [instance("a", latestRecoveryPoint=at("3-01 22:02")), instance("b", latestRecoveryPoint=at("28 22:02"))],
        nightly("a", "27", "28", "3-01"),
        snapshots=[snapshot("a", "27 22:01:05"), snapshot("a", "28 22:01:05")],
    )
    assert latest(given) == {"a": (at("28 22:01:05"), "snapshot", True), "b": (None, "snapshot", True)}


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({}, True),
        ({"sourceResourceId": f"{SUB}/RESOURCEGROUPS/RG-DATA/providers/Microsoft.Compute/disks/A"}, True),
        ({"name": "nightly-3", "tags": {"CreatedBy": "AzureBackup"}}, True),
        ({"name": "by-hand"}, False),
        ({"incremental": False}, False),
        ({"sourceUniqueId": "u-before"}, False),  # of a disk that had the name before
        ({"sourceResourceId": f"{SUB}/resourceGroups/rg-data/providers/Microsoft.Compute/disks/b"}, False),
        ({"id": f"{SUB}/resourceGroups/elsewhere/providers/Microsoft.Compute/snapshots/AzureBackup_a"}, False),
        (
            {"id": f"{GROUP.upper().replace('SUBSCRIPTIONS', 'subscriptions')}/providers/x/snapshots/AzureBackup_a"},
            True,
        ),
    ],
)
def test_which_snapshots_are_an_instance_s(more: dict[str, Any], counts: bool) -> None:
    rows = [snapshot("a", "27 22:01:05"), {**snapshot("a", "28 22:01:05"), **more}]
    given = estate([instance("a")], nightly("a", "27"), snapshots=rows)
    assert latest(given)["a"][0] == at("28 22:01:05" if counts else "27 22:01:05")


def test_a_disk_that_is_gone_still_has_points() -> None:
    given = estate([instance("a")], nightly("a", "27"), snapshots=[snapshot("a", "27 22:01:05")], disks=disks("b"))
    assert latest(given)["a"] == (at("27 22:01:05"), "snapshot", True)


def test_what_cannot_be_seen_is_inferred() -> None:
    """``a``'s snapshots are in a subscription that is not read; ``b`` and ``c`` are no disks."""
    rows = [
        instance("a", resourceGroupId=f"{HIDDEN}/resourceGroups/s", latestRecoveryPoint=at("28 22:02")),
        instance("b", dataSourceType="Microsoft.ContainerService/managedClusters"),
        instance("c", dataSourceType="Microsoft.Storage/storageAccounts/blobServices"),
    ]
    given = estate(rows, nightly("a", "27", "3-01") + nightly("b", "28", "3-01", status="Failed") + nightly("b", "27"))
    assert latest(given) == {
        "a": (at("28 22:02"), "instance", False),
        "b": (at("27 22:00:05"), "job", False),
        "c": (None, None, False),
    }
    assert latest_points(given).attrs["dpmagic"]["notes"] == ["the points of 3 instances are inferred, not seen"]


def test_recovery_points_are_read_where_asked() -> None:
    """Of ``a`` the newest point's snapshot is gone; ``b`` is no disk."""
    rows = [instance("a"), instance("b", dataSourceType="Microsoft.ContainerService/managedClusters")]
    snapshots = [snapshot("a", "27 22:01:05"), snapshot("a", "28 22:01:05")]
    points = [
        (rows[0]["id"].upper(), at("27 22:02:20"), snapshots[0]["id"]),
        (rows[0]["id"], at("3-01 22:02:20"), f"{GROUP}/x"),
        (rows[1]["id"], at("28 22:02:20"), None),
    ]
    points = [dict(zip(("backupInstanceId", "recoveryPointTime", "snapshotId"), row, strict=True)) for row in points]
    given = estate(rows, nightly("a", "27"), snapshots=snapshots, recovery_points=points)
    found = {"a": (at("27 22:02:20"), "recoveryPoint", True), "b": (at("28 22:02:20"), "recoveryPoint", True)}
    assert latest(given, verify="recoveryPoints") == found
    with pytest.raises(InvalidArgument, match="nothing is verified by 'recoverypoint'") as caught:
        latest(given, verify="recoverypoint")
    assert caught.value.hint == "did you mean recoveryPoints?"
