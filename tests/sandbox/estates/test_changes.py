"""What an estate's history did to disks and snapshots, as ``resourcechanges`` tells it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from dpmagic.sandbox import Sandbox

from ..client import Client
from .test_generated import moment

QUERY = (
    "resourcechanges | extend p = properties | project id, how = tostring(p.changeType),"
    " target = tostring(p.targetResourceId), at = tostring(p.changeAttributes.timestamp),"
    " by = tostring(p.changeAttributes.changedBy), client = tostring(p.changeAttributes.clientType) | order by id asc"
)
OWNER = "77777777-7777-4777-8777-777777777777"


def made(*plant: dict[str, Any], days: int = 20) -> Client:
    """An estate of three disks backed up at ten each night and kept for three days, until 2 March at eight."""
    spec = {
        "days": days,
        "policies": {"p": {"every": "P1D", "start": "2024-01-01T22:00:00+00:00", "keep": "P3D"}},
        "subscriptions": [
            {
                "name": "S",
                "vaults": {"v": {"policies": ["p"]}},
                "disks": [{"name": "d", "count": 3, "vault": "v", "policy": "p"}],
            }
        ],
        "plant": list(plant),
    }
    return Client(Sandbox(estate=spec))


def changes(client: Client) -> list[dict[str, Any]]:
    """All rows, page by page."""
    rows, token = [], None
    while True:
        options = {"$skipToken": token} if token else {}
        body = {"query": QUERY, "options": options}
        answer = client.send("POST", "/providers/Microsoft.ResourceGraph/resources", body, api="2022-10-01")
        rows += answer.body["data"]
        if not (token := answer.body.get("$skipToken")):
            return rows


def times(rows: list[dict[str, Any]], how: str, what: str = "/snapshots/") -> list[datetime]:
    return sorted(moment(row["at"]) for row in rows if row["how"] == how and what in row["target"])


def test_snapshots_come_and_go() -> None:
    """Of 14 nights there are as many snapshots of each disk, and of the nights three days earlier as many ends."""
    client = made()
    rows = changes(client)
    created, gone = times(rows, "Create"), times(rows, "Delete")
    assert len(created) == len(gone) == 14 * 3
    assert {f"{at:%H:%M}" for at in created} <= {f"22:{minute:02d}" for minute in range(42)}
    assert (min(created).date(), max(created).date()) == (datetime(2026, 2, 16).date(), datetime(2026, 3, 1).date())
    of_both = {row["target"] for row in rows if row["how"] == "Create"} & {
        row["target"] for row in rows if row["how"] == "Delete"
    }
    lives = [
        next(moment(row["at"]) for row in rows if row["target"] == one and row["how"] == "Delete")
        - next(moment(row["at"]) for row in rows if row["target"] == one and row["how"] == "Create")
        for one in sorted(of_both)
    ]
    assert lives == [timedelta(days=3)] * 33
    assert {(row["by"], row["client"]) for row in rows} == {("Azure Backup", "Unspecified")}
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)


def test_a_day_later_a_day_has_left() -> None:
    client = made()
    before = {row["id"] for row in changes(client)}
    client.sandbox.advance("1d")
    after = {row["id"] for row in changes(client)}
    assert len(before) == len(after) == 84 and len(after - before) == len(before - after) == 6


def test_who_deleted_what() -> None:
    """A snapshot by hand, a disk that came back, one that did not; snapshots by hand were made by hand."""
    client = made(
        {"kind": "snapshotDeleted", "disks": "d-001", "at": "-2d"},
        {"kind": "diskRecreated", "disks": "d-002", "at": "-5d", "after": "1d"},
        {"kind": "diskDeleted", "disks": "d-003", "at": "-4d"},
        {"kind": "snapshotCount", "disks": "d-001", "count": 9},
    )
    rows = changes(client)
    (deleted,) = [item for item in client.sandbox.planted() if item["kind"] == "snapshotDeleted"]
    (target,) = [one["id"] for one in deleted["snapshots"]]
    by_hand = [row for row in rows if row["by"] == OWNER]
    assert {row["client"] for row in by_hand} == {"Azure Portal"}
    (gone,) = [row for row in rows if row["target"] == target and row["how"] == "Delete"]
    assert gone in by_hand and gone["at"] == deleted["times"][0]
    disks = [
        (row["how"], row["target"].rpartition("/")[2], row["at"][:10]) for row in by_hand if "/disks/" in row["target"]
    ]
    assert sorted(disks) == [
        ("Create", "d-002", "2026-02-26"),
        ("Delete", "d-002", "2026-02-25"),
        ("Delete", "d-003", "2026-02-26"),
    ]
    assert sum("/snapshots/manual-d-001-" in row["target"] for row in by_hand) == 7
    client.sandbox.advance("4d")
    assert sum(row["target"] == target and row["how"] == "Delete" for row in changes(client)) == 1, "gone once"


def test_a_request_s_deletion_is_told_once() -> None:
    client = made()
    listing = "/subscriptions/{}/resourceGroups/rg-snapshots/providers/Microsoft.Compute/snapshots"
    url = listing.format(client.sandbox.subscriptions[-1])
    snapshot = client.get(url)["value"][0]["id"]
    client.done("DELETE", snapshot)
    client.sandbox.advance("5d")
    (deletion,) = [row for row in changes(client) if row["target"] == snapshot and row["how"] == "Delete"]
    assert deletion["at"] < "2026-03-02T09"
