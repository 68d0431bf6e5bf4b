"""What is kept against what should be: each way it can differ, by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from dpmagic.analysis.orphan_snapshots import orphan_snapshots
from dpmagic.analysis.retention import retention
from dpmagic.analysis.retention_minimum import retention_minimum
from dpmagic.analysis.retention_points import retention_points
from dpmagic.analysis.snapshot_headroom import snapshot_headroom
from dpmagic.errors import InvalidArgument
from tests.analysis.byhand import GROUP, at, disk, disks, estate, instance, job, nightly, policies, snapshot
from tests.schedules.policies import DAILY, policy

DAYS = [str(day) for day in range(16, 29)]
WEEK = [*DAYS[7:], "3-01"]  # kept seven days: from the 23rd on


def snaps(name: str, *days: str) -> list[Any]:
    return [snapshot(name, f"{day} 22:01:05") for day in days]


def row(given: Any, **options: Any) -> Any:
    (found,) = retention(given, **options).itertuples(index=False)
    return found


def test_as_the_policy_says() -> None:
    found = row(estate([instance("a")], nightly("a", *DAYS, "3-01"), snapshots=snaps("a", *WEEK)))
    assert (found.verdict, found.expected, found.present, found.missing, found.surplus) == ("asExpected", 7, 7, 0, 0)
    assert (found.oldest, found.newest) == (at("23 22:01:05"), at("3-01 22:01:05"))
    assert found.nextExpiry == at("3-02 22:01:05")
    assert pd.isna(found.keptLonger)


def test_a_snapshot_that_somebody_deleted() -> None:
    found = row(estate([instance("a")], nightly("a", *DAYS, "3-01"), snapshots=snaps("a", *WEEK[:3], *WEEK[4:])))
    assert (found.verdict, found.expected, found.present, found.missing) == ("missing", 7, 6, 1)


def test_every_snapshot_is_gone() -> None:
    given = estate([instance("a")], nightly("a", *DAYS, "3-01"), snapshots=snaps("b", *WEEK))
    found = row(given)
    assert (found.verdict, found.expected, found.present, found.missing) == ("missing", 7, 0, 7)
    assert retention_points(given)["earlierDisk"].isna().all()


def test_a_snapshot_in_the_making_has_no_time_yet() -> None:
    making = {**snapshot("a", "3-02 07:59:59"), "timeCreated": None}
    given = estate([instance("a")], nightly("a", *DAYS, "3-01"), snapshots=[*snaps("a", *WEEK), making])
    assert (row(given).verdict, row(given).present) == ("asExpected", 7)


def test_a_backup_that_failed_leaves_none() -> None:
    ran = nightly("a", *DAYS[:9], *DAYS[10:], "3-01") + nightly("a", DAYS[9], status="Failed")
    found = row(estate([instance("a")], ran, snapshots=snaps("a", *WEEK[:2], *WEEK[3:])))
    assert (found.verdict, found.expected, found.missing) == ("asExpected", 6, 0)


@pytest.mark.parametrize(
    ("now", "status"),
    [("02 22:01:04", "present"), ("02 22:01:05", "expiring"), ("03 22:01:05", "expiring"), ("03 22:01:06", "surplus")],
)
def test_expiry_and_grace_to_the_second(now: str, status: str) -> None:
    given = estate([instance("a")], nightly("a", "23"), snapshots=snaps("a", "23"), now=at(f"3-{now}").to_pydatetime())
    assert retention_points(given)["status"].tolist() == [status]


def test_tags_and_policies_of_the_time() -> None:
    """The jobs of the 19th and 21st followed a policy that keeps a day's first for 30 days; the 20th's is gone."""
    ran = [job("a", "19 22:00:05", policy="long"), job("a", "20 22:00:05", policy="gone")]
    ran += [job("a", "21 22:00:05", policy="long", retentionTag="Daily"), *nightly("a", "27")]
    long = policies(long=policy("R/2024-01-01T22:00:00Z/P1D", Daily="P30D"))
    given = estate([instance("a")], ran, snapshots=snaps("a", "19", "20", "21", "27"), policies=long)
    found = retention_points(given)
    assert found["status"].tolist() == ["surplus", "unverifiable", "present", "present"]
    assert [found["expiryTime"][place] for place in (0, 2)] == [at("26 22:01:05"), at("3-23 22:01:05")]
    assert retention(given)["policyName"].tolist() == ["gone", "long", "long", "p"]
    assert retention(given)["verdict"].tolist() == ["unverifiable", "asExpected", "surplus", "asExpected"]


def test_points_from_before_there_are_jobs() -> None:
    """Every twelve hours, seven days or, the first of a day, thirty. Of the 10th: its first is kept, its second not; of
    the 11th there is but the second, which may have been the first that succeeded."""
    twice = policies(t=policy("R/2024-01-01T10:00:00Z/PT12H", tags=[DAILY], Daily="P30D"))
    old = [snapshot("a", "10 10:01"), snapshot("a", "10 22:01"), snapshot("a", "11 22:01")]
    ran = [job("a", "3-01 10:00:05", policy="t", retentionTag="Daily")]
    given = estate([instance("a", "t")], ran, policies=twice, snapshots=[*old, snapshot("a", "3-01 10:01")])
    found = retention_points(given)
    assert found["evidence"].tolist() == ["schedule"] * 3 + ["job"]
    assert found["status"].tolist() == ["present", "unverifiable", "unverifiable", "present"]
    assert found["retentionTag"].tolist()[0] == "Daily"
    ancient = estate([instance("a", "t")], ran, policies=twice, snapshots=[snapshot("a", "1-10 22:01")])
    assert retention_points(ancient)["status"].tolist()[0] == "surplus"  # by either tag


def test_stopped_protection_holds_its_points() -> None:
    rows = [instance("a", currentProtectionState="ProtectionStopped")]
    found = row(estate(rows, nightly("a", *DAYS[:5]), snapshots=snaps("a", *DAYS[:5])))
    assert (found.verdict, found.expected, found.held, found.surplus) == ("asExpected", 0, 5, 0)


def test_a_disk_that_was_made_anew() -> None:
    made = [{**snapshot("a", "23 22:01:05"), "sourceUniqueId": "u-before"}, *snaps("a", *WEEK[1:])]
    found = row(estate([instance("a")], nightly("a", *DAYS, "3-01"), snapshots=made))
    assert (found.verdict, found.present, found.earlierDisk) == ("asExpected", 7, 1)


def test_recovery_points_say_more() -> None:
    """One is kept a second longer, one is listed without its snapshot, one says no expiry yet, one is not listed."""
    ran = [{**one, "recoveryPointId": f"id-{day}"} for day in WEEK[:5] for one in nightly("a", day)]
    points = [
        {
            "name": f"id{day}",
            "backupInstanceId": instance("a")["id"],
            "creationTime": at(f"{day} 22:01:05"),
            "recoveryPointTime": at(f"{day} 22:02:20"),
            "expiryTime": None if day == "26" else at(f"{day} 22:01:05") + timedelta(days=7, seconds=day == "24"),
            "retentionTagName": "Default",
            "policyName": "p",
            "snapshotId": None,
        }
        for day in WEEK[:4]
    ]
    given = estate([instance("a")], ran, snapshots=snaps("a", "23", "24", "26", "20"), recovery_points=points)
    found = retention_points(given, verify="recoveryPoints")
    assert found["status"].tolist() == ["surplus", "present", "present", "missing", "present", "missing"]
    assert found["difference"].dropna().dt.total_seconds().tolist() == [0, 1, 0]
    counts = retention(given, verify="recoveryPoints").set_index("retentionTag").loc["Default"]
    assert counts[["present", "missing", "keptLonger", "keptShorter"]].tolist() == [3, 2, 1, 0]
    assert retention(given, verify="recoveryPoints")["surplus"].sum() == 1  # the vault lists no point of the 20th
    assert found.attrs["dpmagic"]["notes"] == ["read from recovery points and snapshots"]


def test_instances_without_points() -> None:
    """One has none; of one that is no disk none can be seen."""
    rows = [instance("a"), instance("b", dataSourceType="Microsoft.ContainerService/managedClusters")]
    found = retention(estate(rows, [job("x", "20 22:00")])).set_index("name")
    assert found["verdict"].to_dict() == {"a": "asExpected", "b": "unverifiable"}
    assert found["expected"].fillna(-1).to_dict() == {"a": 0, "b": -1}


def test_orphans() -> None:
    """Of a disk that is gone, of one that nobody protects, past its expiry; not of a soft-deleted one, nor by hand."""
    made = [
        snapshot("gone", "1 22:01"),
        snapshot("free", "2 22:01"),
        snapshot("deleted", "3 22:01"),
        *snaps("a", "17", *WEEK),
        {**snapshot("free", "4 22:01"), "name": "by-hand"},
    ]
    deleted = [{"id": "d", "name": "d", "dataSourceId": disk("deleted").upper()}]
    given = estate([instance("a")], nightly("a", *DAYS, "3-01"), snapshots=made, disks=disks("a", "free", "deleted"),
                   deleted_instances=deleted)  # fmt: skip
    found = orphan_snapshots(given)
    assert found["reason"].tolist() == ["noDisk", "noInstance", "pastExpiry"]
    assert found["sourceResourceId"].tolist() == [disk("gone"), disk("free"), disk("a")]
    assert found["expiryTime"].tolist()[2] == at("24 22:01:05")
    without = estate([instance("a")], nightly("a", "20"), snapshots=[snapshot("a", "3-01 22:01")])
    assert orphan_snapshots(without).empty


def test_headroom() -> None:
    """Ten a day by hand on a disk of which its policy keeps seven; and one that is as full as can be."""
    hands = [
        {
            **snapshot("a", f"3-01 {hour:02d}:{minute:02d}:07"),
            "name": f"hand-{hour}-{minute}",
            "id": f"{GROUP}/{hour}-{minute}",
        }
        for hour in range(14)
        for minute in range(0, 60, 3)
    ]
    more = enumerate((hands * 2)[:500])
    full = [{**one, "sourceUniqueId": "u-b", "id": f"{one['id']}-b{number}"} for number, one in more]
    made = [*hands, *snaps("a", *WEEK), *full]
    given = estate([instance("a")], nightly("a", "20"), snapshots=made, disks=disks("a", "b", "c"))
    found = snapshot_headroom(given).set_index("name")
    assert found["status"].to_dict() == {"b": "full", "a": "ok"}
    assert found.loc["a", ["snapshots", "byBackup", "byOthers", "headroom"]].tolist() == [287, 7, 280, 213]
    assert found.loc["a", ["steadyState", "expected", "othersPerDay", "daysUntilFull"]].tolist() == [7, 287, 10.0, 21.3]
    assert snapshot_headroom(given, policy_limit=280).set_index("name").loc["a", "status"] == "atPolicyLimit"
    assert snapshot_headroom(given, limit=286).set_index("name").loc["a", "status"] == "full"


def test_the_least_that_is_kept() -> None:
    """Seven days are enough for seven, not for seven and a second; a month counts 28 days."""
    monthly = policy("R/2024-01-01T22:00:00Z/P1D", Default="P1M", tags=[DAILY], Daily="P40D")
    rows = [instance("a"), instance("b", "m"), instance("c", "gone")]
    given = estate(rows, nightly("a", "20"), policies=policies(m=monthly))
    found = retention_minimum(given, "28d").set_index("name")
    assert found["verdict"].to_dict() == {"c": "unverifiable", "a": "tooShort", "b": "compliant"}
    assert (found.loc["b", "shortest"], found.loc["b", "retentionTag"]) == (timedelta(days=28), "Default")
    assert found.loc["c", "detail"] == "the policy is gone"
    assert retention_minimum(given, "7d").set_index("name").loc["a", "verdict"] == "compliant"
    assert retention_minimum(given, "7d1s").set_index("name").loc["a", "verdict"] == "tooShort"
    with pytest.raises(InvalidArgument, match="has no fixed length"):
        retention_minimum(given, "P1M")
