"""The estates that analyses are held against, and what is said about them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from dpmagic.sandbox import Sandbox, times
from dpmagic.sandbox.estates import generate, generating, plants
from dpmagic.sandbox.estates.reading import read

from ... import generated
from ..client import Client
from .rows import estate, jobs, points

COMPUTE = "2024-03-02"


def test_every_kind_is_in_some_of_them() -> None:
    kinds: Counter[str] = Counter()
    for seed in generated.SEEDS:
        spec = generated.spec(seed)
        assert spec == generated.spec(seed) and 2 <= len(spec["subscriptions"]) <= 6
        kinds.update({planted.kind for planted in read(spec).plant})
    assert set(kinds) == set(plants.KINDS)
    assert min(kinds.values()) >= 5, "each in several estates"


@pytest.mark.parametrize("seed", [0, 5, 12])
def test_what_is_told_is_what_the_endpoints_say(seed: int) -> None:
    """Jobs of the last 14 days and snapshots, one by one."""
    sandbox = Sandbox(estate=generated.spec(seed))
    client, seen = Client(sandbox), Counter[str]()
    hidden = "".join(one for item in sandbox.planted() if item["kind"] == "unreadable" for one in item["ids"])
    for item in sandbox.planted():
        for run in item["runs"]:
            if "jobId" in run and moment(run["startTime"]) > sandbox.now() - timedelta(days=14):
                check_job(client, run, hidden)
                seen["run"] += 1
        for snapshot in item.get("snapshots", []):
            kept = snapshot["deletedTime"] is None or moment(snapshot["deletedTime"]) > sandbox.now()
            exists = kept and moment(snapshot["timeCreated"]) <= sandbox.now()
            assert client.send("GET", snapshot["id"], api=COMPUTE).status == (200 if exists else 404)
            seen["snapshot"] += 1
    assert seen["run"] and seen["snapshot"]


def check_job(client: Client, run: dict[str, Any], hidden: str) -> None:
    answer = client.send("GET", run["jobId"])
    if run["jobId"].split("/")[2] in hidden:
        assert answer.status == 403
        return
    job = answer.body["properties"]
    assert (job["status"], job["backupInstanceId"], job["policyId"]) == (
        run["status"], run["backupInstanceId"], run["policyId"],
    )  # fmt: skip
    assert job["dataSourceId"].lower() == run["dataSourceId"].lower()
    assert moment(job["startTime"]) == moment(run["startTime"])
    assert (moment(job["endTime"]) if job.get("endTime") else None) == (run["endTime"] and moment(run["endTime"]))
    codes = [detail["code"] for detail in job.get("errorDetails") or []]
    assert (codes or [""])[0] == run["errorCode"]


def moment(text: str) -> datetime:
    """An instant to the microsecond."""
    return datetime.fromisoformat(text)


def test_a_point_kept_too_short_is_told_after_it_is_gone() -> None:
    """Seven nights less two days: on the end's morning, the snapshots of nights six and seven back are missing."""
    plant = {"kind": "kept", "disks": "d", "at": "-14d", "by": "-P2D"}
    made = estate(policy={"every": "P1D", "start": "2024-01-01T22:00:00+00:00", "keep": "P7D"}, plant=[plant])
    (item,) = made.planted()
    now = moment("2026-03-02T08:00:00.0000000Z")
    missing = [
        one["timeCreated"][:10]
        for one in item["snapshots"]
        if moment(one["deletedTime"]) <= now < moment(one["policyExpiryTime"])
    ]
    assert missing == ["2026-02-23", "2026-02-24"]
    assert len(item["snapshots"]) == len(item["runs"]) == 14
    assert all(one["deletedTime"] == one["expiryTime"] for one in item["snapshots"])


def test_facts_beside_the_ids() -> None:
    rows = [{"name": name, "policy": "p"} for name in ("changed", "recreated", "deleted", "orphan", "last")]
    plant = [
        {"kind": "policyChanged", "disks": "changed", "policy": "q", "at": "-5d"},
        {"kind": "diskRecreated", "disks": "recreated", "after": "1h"},
        {"kind": "softDeleted", "disks": "deleted", "at": "-1d"},
        {"kind": "orphanSnapshots", "disks": "orphan", "at": "-40d"},
        {"kind": "rolesRemoved", "disks": "last"},
    ]
    made = estate(rows, policies={"q": {}}, plant=plant)
    changed, recreated, deleted, orphan, roles = made.planted()
    assert [one.rpartition("/")[2] for one in changed["previousPolicyIds"] + changed["policyIds"]] == ["p", "q"]
    (disk,) = recreated["dataSourceIds"]
    old, new = recreated["previousUniqueIds"][0], made.guid(disk, "uniqueId", 1)
    assert old == made.guid(disk, "uniqueId", 0) != new
    assert deleted["scheduledPurgeTime"] == "2026-03-15T08:00:00.0000000Z"
    assert orphan["sourceResourceIds"][0].endswith("/orphan-retired") and not orphan["backupInstanceIds"]
    assert len(roles["ids"]) == 5, "all of the group"
    assert roles["scopes"][0].endswith("/rg-workloads") and len(roles["principalIds"]) == 1


def test_what_cannot_be_seen_is_not_called_unprotected() -> None:
    """A disk out of sight is protected by a vault in sight: its instance is unverifiable."""
    made = generate(
        {
            "policies": {"p": {}},
            "subscriptions": [
                {"name": "A", "vaults": {"v": {"policies": ["p"]}}, "disks": [{"name": "a"}]},
                {
                    "name": "B",
                    "readable": False,
                    "disks": [{"name": "b", "vault": "A/v", "policy": "p"}, {"name": "c"}],
                },
            ],
        }
    )
    planted = {item["kind"]: item for item in made.planted()}
    assert [one.rpartition("/")[2] for one in planted["neverProtected"]["ids"]] == ["a"]
    assert [one.rpartition("/")[2] for one in planted["unverifiable"]["dataSourceIds"]] == ["b"]


def test_exemptions_are_in_policyresources() -> None:
    plant = [
        {"kind": "exempt", "disks": "d", "expires": "+30d", "at": "-3d", "reason": "moves away", "by": "kim@x.example"},
        {"kind": "exempt", "disks": "e", "scope": "group", "category": "Mitigated", "at": "-2d"},
        {"kind": "exempt", "disks": "d", "at": "+1d"},
    ]
    policies = {"p": {}}
    subscription = {
        "name": "S",
        "vaults": {"v": {"policies": ["p"]}},
        "disks": [{"name": "d", "vault": "v", "policy": "p"}, {"name": "e", "group": "rg-e"}],
    }
    client = Client(Sandbox(estate={"policies": policies, "subscriptions": [subscription], "plant": plant}))
    query = (
        "policyresources | where type == 'microsoft.authorization/policyexemptions'"
        " | project id, name, p = properties | order by id asc"
    )
    url = "/providers/Microsoft.ResourceGraph/resources"

    def asked() -> list[Any]:
        return client.send("POST", url, {"query": query}, api="2022-10-01").body["data"]

    on_group, on_disk = sorted(asked(), key=lambda row: len(row["id"]))
    assert "/resourceGroups/rg-e/providers/Microsoft.Authorization/policyExemptions/" in on_group["id"]
    assert on_disk["p"]["expiresOn"] == "2026-04-01T08:00:00Z" and "expiresOn" not in on_group["p"]
    assert [one["p"]["exemptionCategory"] for one in (on_disk, on_group)] == ["Waiver", "Mitigated"]
    assert on_disk["p"]["metadata"]["createdBy"] == "kim@x.example" and on_disk["p"]["displayName"] == "moves away"
    assert on_disk["p"]["policyAssignmentId"] == on_group["p"]["policyAssignmentId"]
    planted = [item for item in client.sandbox.planted() if item["kind"] == "exempt"]
    assert [item["exemptionIds"] for item in planted[:2]] == [[on_disk["id"]], [on_group["id"]]]
    client.sandbox.advance("2d")
    assert len(asked()) == 3
    body = {
        "query": "policyresources | where type == 'microsoft.authorization/policyassignments' | count",
        "subscriptions": [client.sandbox.subscriptions[-1]],
    }
    for scope, expected in (("AtScopeAndAbove", 1), ("AtScopeAndBelow", 1)):
        body["options"] = {"authorizationScopeFilter": scope}
        assert client.send("POST", url, body, api="2022-10-01").body["data"][0]["Count"] == expected


@pytest.mark.parametrize("name", ["default", "0", "12"])
def test_made_again_it_is_the_same_and_has_its_own_future(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[bytes, bytes] = {}
    monkeypatch.setattr(generating, "_MADE", made)
    source = read(generated.spec(int(name)) if name.isdigit() else name)
    first, second = generate(source), generate(source)
    assert (len(made), first.coming() != []) == (1, name == "default"), "of the default, soft delete ends later"
    for one in (first, second):
        one.advance(one.now + 20 * times.DAY)
    assert (jobs(first), points(first), first.planted()) == (jobs(second), points(second), second.planted())
    assert first.changes == second.changes
    assert generate(source).now == source.end_ticks < second.now == first.now


def test_one_whose_future_cannot_be_copied_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[bytes, bytes] = {}
    monkeypatch.setattr(generating, "_MADE", made)
    for _ in range(2):
        ahead = estate(plant=[{"kind": "snapshotDeleted", "disks": "d", "at": "2026-03-03T08:00:00Z"}])
        ahead.advance(ahead.now + 2 * times.DAY)
        assert ahead.planted()[0]["times"] == ["2026-03-03T08:00:00.0000000Z"] and not made
