"""What becomes of the points of instances that are stopped, suspended, resumed, deleted or doing well.

Stopped protection keeps what there is; resumed, what is overdue goes at once. Suspended backups keep nothing longer.
"""

from __future__ import annotations

from typing import Any

import pytest

from dpmagic.sandbox import Sandbox

from ..client import VAULT, Client, allow, back_up, make_vault, protect
from .test_changes import changes

NAMES = ("stopped", "suspended", "plain")


@pytest.fixture
def client() -> Client:
    """Three disks, each night at ten, kept for three days; since 25 February, 08:00, two of them no more."""
    spec = {
        "days": 14,
        "policies": {"p": {"every": "P1D", "start": "2024-01-01T22:00:00+00:00", "keep": "P3D"}},
        "subscriptions": [
            {
                "name": "S",
                "vaults": {"v": {"policies": ["p"]}},
                "disks": [{"name": name, "vault": "v", "policy": "p"} for name in NAMES],
            }
        ],
        "plant": [{"kind": kind, "disks": kind, "at": "-5d"} for kind in NAMES[:2]],
    }
    return Client(Sandbox(estate=spec))


def instance(client: Client, name: str) -> str:
    vaults = f"/subscriptions/{client.sandbox.subscriptions[-1]}/providers/Microsoft.DataProtection/backupVaults"
    (vault,) = client.get(vaults)["value"]
    items = client.get(f"{vault['id']}/backupInstances")["value"]
    return next(item["id"] for item in items if f"/{name}-" in item["id"])


def nights(client: Client, name: str) -> list[str]:
    points = client.get(f"{instance(client, name)}/recoveryPoints")["value"]
    return sorted(point["properties"]["recoveryPointTime"][5:10] for point in points)


def snapshots(client: Client) -> dict[str, int]:
    """How many of each disk Resource Graph has."""
    query = (
        "resources | where type =~ 'microsoft.compute/snapshots'"
        " | summarize n = count() by disk = tostring(split(properties.creationData.sourceResourceId, '/')[8])"
    )
    answer = client.send("POST", "/providers/Microsoft.ResourceGraph/resources", {"query": query}, api="2022-10-01")
    return {row["disk"]: row["n"] for row in answer.body["data"]}


def test_a_stopped_instance_keeps_its_points(client: Client) -> None:
    assert nights(client, "stopped") == ["02-22", "02-23", "02-24"]
    assert nights(client, "suspended") == []
    assert nights(client, "plain") == ["02-27", "02-28", "03-01"]
    assert snapshots(client) == {"stopped": 3, "plain": 3}
    (told,) = [item["snapshots"] for item in client.sandbox.planted() if item["kind"] == "stopped"]
    assert [(one["policyExpiryTime"][5:10], one["deletedTime"]) for one in told] == [
        ("02-25", None),
        ("02-26", None),
        ("02-27", None),
    ]
    client.sandbox.advance("40d")
    assert len(nights(client, "stopped")) == 3 and snapshots(client) == {"stopped": 3, "plain": 3}


def test_resumed_it_loses_what_is_overdue(client: Client) -> None:
    client.done("POST", f"{instance(client, 'stopped')}/resumeProtection")
    assert nights(client, "stopped") == [] and snapshots(client) == {"plain": 3}
    gone = [row for row in changes(client) if "02-2" in row["target"] and row["how"] == "Delete"]
    assert sum(row["at"] > "2026-03-02T08" for row in gone) == 3, "they went when protection was resumed"
    client.sandbox.advance("1d")
    assert nights(client, "stopped") == ["03-02"]


def test_resource_graph_says_for_good(client: Client) -> None:
    def spans(name: str) -> Any:
        query = (
            "recoveryservicesresources | where type endswith 'backupinstances' and properties.friendlyName == "
            f"'{name}' | project p = properties.backupInstanceExtendedProperties.policyExtendedInfo"
        )
        answer = client.send("POST", "/providers/Microsoft.ResourceGraph/resources", {"query": query}, api="2022-10-01")
        return answer.body["data"][0]["p"]

    unset = "-10675199.02:48:05.4775808"
    assert spans("plain")["configuredMaximumRetention"] == "3.00:00:00"
    assert spans("stopped")["configuredMaximumRetention"] == "36600.00:00:00"
    assert spans("stopped")["configuredRPGenerationFrequency"] == unset


def test_stopped_by_a_request(client: Client) -> None:
    plain = instance(client, "plain")
    client.done("POST", f"{plain}/stopProtection", {})
    client.sandbox.advance("10d")
    assert nights(client, "plain") == ["02-27", "02-28", "03-01"]
    client.done("POST", f"{plain}/resumeProtection")
    assert nights(client, "plain") == []


def test_in_a_world_without_an_estate() -> None:
    client = Client(Sandbox())
    allow(client, make_vault(client))
    made = protect(client)
    back_up(client, made)
    client.done("POST", f"{made}/stopProtection", {})
    client.sandbox.advance("30d")
    assert len(client.get(f"{made}/recoveryPoints")["value"]) == 1
    client.done("POST", f"{made}/resumeProtection")
    assert client.get(f"{made}/recoveryPoints")["value"] == [] and VAULT in made


def test_an_expiry_fills_in_minutes_after_its_point(client: Client) -> None:
    """The night's run starts at ten or up to 40 minutes later; its point is there a few minutes after, without one."""
    plain, expiries = instance(client, "plain"), []
    client.sandbox.advance("13h59m")  # 21:59
    for _ in range(60):
        client.sandbox.advance("1m")
        newest = client.get(f"{plain}/recoveryPoints")["value"][0]["properties"]
        if newest["recoveryPointTime"].startswith("2026-03-02"):
            (store,) = newest["recoveryPointDataStoresDetails"]
            expiries.append(store["expiryTime"])
    blank = expiries.index(next(filter(None, expiries)))
    assert 1 <= blank <= 5 and len(set(expiries[blank:])) == 1
    assert expiries[-1].startswith("2026-03-05T22:"), "three days after"


def test_soft_deleted_instances_are_listed_apart_and_come_back(client: Client) -> None:
    spec = {
        "days": 20,
        "policies": {"p": {"every": "P1D", "start": "2024-01-01T22:00:00+00:00", "keep": "P30D"}},
        "subscriptions": [
            {
                "name": "S",
                "vaults": {"v": {"policies": ["p"]}},
                "disks": [{"name": name, "vault": "v", "policy": "p"} for name in ("new", "edge", "old", "plain")],
            }
        ],
        "plant": [
            {"kind": "softDeleted", "disks": disk, "at": at}
            for disk, at in (("new", "-5d"), ("edge", "-13d23h59m"), ("old", "-14d"))
        ],
    }
    client = Client(Sandbox(estate=spec))
    (alive,) = [item["id"] for item in client.get(instance(client, "plain").rpartition("/")[0])["value"]]
    vault = alive.rpartition("/backupInstances")[0]
    listed = {one["name"].split("-")[0]: one for one in client.get(f"{vault}/deletedBackupInstances")["value"]}
    assert set(listed) == {"new", "edge"}, "after 14 days it is gone for good"
    info = listed["new"]["properties"]["deletionInfo"]
    assert info["deletionTime"] == "2026-02-25T08:00:00.0000000Z"
    assert info["scheduledPurgeTime"] == "2026-03-11T08:00:00.0000000Z"
    assert listed["new"]["properties"]["currentProtectionState"] == "SoftDeleted"
    assert snapshots(client) == {"new": 15, "edge": 6, "plain": 20}
    assert client.send("POST", f"{listed['new']['id']}/undelete", {}).status == 200
    back = client.get(f"{vault}/backupInstances/{listed['new']['name']}")
    assert back["properties"]["currentProtectionState"] == "ProtectionStopped"
    client.sandbox.advance("2m")
    assert [one["name"] for one in client.get(f"{vault}/deletedBackupInstances")["value"]] == []
