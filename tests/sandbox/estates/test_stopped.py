"""Stopped protection keeps what there is; resumed, what is overdue goes at once. Suspended backups keep no longer."""

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
