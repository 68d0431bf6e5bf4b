"""An estate behind the sandbox's endpoints: lists, Resource Graph, what requests change, state folders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dpmagic import sandbox as sandboxes
from dpmagic.sandbox import Sandbox, StateError, graph_rows, jobs, times
from dpmagic.sandbox.estates import EstateError, read
from dpmagic.sandbox.estates.reading import dump

from ..client import Client, instance_properties, policy_body
from ..test_tutorial import (  # noqa: F401  the tutorial, once more: with the fixture below
    Azure,
    test_from_vault_to_restored_disk,
)

SHOP = "33333333-3333-4333-8333-333333333333"
SPEC: dict[str, Any] = {
    "seed": 5,
    "days": 10,
    "policies": {
        "p": {"every": "PT4H", "start": "2024-01-01T01:00:00+00:00", "keep": "P3D", "daily": "P9D"},
        "n": {"every": "P1D", "keep": "P7D"},
    },
    "subscriptions": [
        {
            "name": "Shop",
            "id": SHOP,
            "vaults": {"v": {"policies": ["p", "n"], "softDelete": "Off"}},
            "disks": [
                {"name": "d", "count": 4, "vault": "v", "policy": "p", "group": "rg", "tags": {"env": "prod"}},
                {"name": "e", "count": 2, "vault": "v", "policy": "n", "group": "rg-e", "perVm": 2, "size": 2048},
                {"name": "free", "group": "rg"},
            ],
        }
    ],
    "plant": [
        {"kind": "failed", "disks": "d-001", "at": "-2d", "runs": 3},
        {"kind": "inError", "disks": "d-002", "at": "-1d", "code": "UserErrorSnapshotRGNotFound"},
        {"kind": "oddCasing", "disks": "e-001"},
        {"kind": "diskRecreated", "disks": "d-003", "at": "-3d", "after": "1d"},
        {"kind": "long", "disks": "e-002", "at": "-9d", "lasts": "25h"},
        {"kind": "stuck", "disks": "d-004", "at": "-8h"},
        {"kind": "orphanSnapshots", "disks": "d-001", "count": 2},
    ],
}
VAULT = f"/subscriptions/{SHOP}/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/v"
DISKS = f"/subscriptions/{SHOP}/resourceGroups/rg/providers/Microsoft.Compute/disks"


@pytest.fixture
def shop() -> Client:
    return Client(Sandbox(estate=SPEC))


@pytest.fixture
def azure() -> Iterator[Azure]:
    """For the tutorial: the default estate."""
    azure = Azure(sandboxes.transport(estate="default"))
    with azure.client, azure.graph:
        yield azure


def listed(client: Client, url: str) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    found, link = [], url
    while link:
        body = client.get(link)
        found += body["value"]
        link = body.get("nextLink")
    return found


def query(client: Client, kql: str) -> list[dict[str, Any]]:
    found, options = [], {}
    while True:
        body = {"query": kql, "options": options}
        answer = client.send("POST", "/providers/Microsoft.ResourceGraph/resources", body, api="2022-10-01")
        assert answer.status == 200, answer.body
        found += answer.body["data"]
        if "$skipToken" not in answer.body:
            return found
        options = {"$skipToken": answer.body["$skipToken"]}
        client.sandbox.sleep(1)


def instance(client: Client, disk: str) -> str:
    found = listed(client, f"{VAULT}/backupInstances")
    return next(str(one["id"]) for one in found if one["name"].startswith(disk))


def jobs_of(client: Client, disk: str) -> list[dict[str, Any]]:
    found = listed(client, f"{VAULT}/backupJobs")
    return [job["properties"] for job in found if job["properties"]["dataSourceName"] == disk]


def test_lists_have_what_was_generated(shop: Client) -> None:
    assert [one["displayName"] for one in listed(shop, "/subscriptions")] == ["Backup", "Workloads", "Shop"]
    assert {one["name"] for one in listed(shop, DISKS)} == {"d-001", "d-002", "d-003", "d-004", "free"}
    assert len(listed(shop, f"{VAULT}/backupInstances")) == 6
    ran = jobs_of(shop, "d-002")
    assert len(ran) == 9 * 6  # nine days, then in error
    assert [job["startTime"] for job in ran] == sorted(job["startTime"] for job in ran)
    assert sum(job["status"] == "Failed" for job in jobs_of(shop, "d-001")) == 3
    assert jobs_of(shop, "d-004")[-1]["status"] == "InProgress"


def test_one_job_is_the_listed_one(shop: Client) -> None:
    for job in listed(shop, f"{VAULT}/backupJobs")[::40]:
        alone = shop.get(job["id"])
        assert alone["properties"]["startTime"] == job["properties"]["startTime"]
        assert alone["properties"]["activityID"] == job["properties"]["activityID"]
        assert alone["properties"]["extendedInfo"]["subTasks"][0]["taskName"] == "Trigger Backup"
    assert shop.send("GET", f"{VAULT}/backupJobs/00000000-0000-4000-8000-000000000000").status == 404


def test_points_have_snapshots(shop: Client) -> None:
    """Each point names a snapshot that exists, but for none; expiry comes by the tag."""
    points = listed(shop, f"{instance(shop, 'd-001')}/recoveryPoints")
    assert [point["properties"]["recoveryPointTime"] for point in points] == sorted(
        (point["properties"]["recoveryPointTime"] for point in points), reverse=True
    )
    kept = {point["properties"]["retentionTagName"] for point in points}
    assert kept == {"Default", "Daily"}
    one = shop.get(points[0]["id"])["properties"]["recoveryPointDataStoresDetails"][0]
    assert "AzureBackup_" in one["metaData"]
    (name,) = {part.split('"')[0] for part in one["metaData"].split('"snapshotName":"')[1:]}
    group = f"/subscriptions/{SHOP}/resourceGroups/rg-snapshots/providers/Microsoft.Compute/snapshots"
    assert shop.get(f"{group}/{name}")["properties"]["incremental"] is True
    assert len(listed(shop, group)) == len(query(shop, "resources | where type =~ 'microsoft.compute/snapshots'"))


def test_resource_graph_says_what_the_documents_say(shop: Client) -> None:
    """The typed columns make, to the letter, the rows that documents make."""
    world = shop.sandbox._world
    found = {row["id"]: row for table in ("resources", "recoveryservicesresources") for row in query(shop, table)}
    store = world.store
    expected: dict[str, dict[str, Any]] = {}
    for job in store.below("job"):
        document = {"id": job["id"], "name": job["name"], "type": jobs.TYPE}
        expected[job["id"]] = graph_rows._row(world, document, jobs.graph_properties(job))
    for one in store.below("instance"):
        expected[one["id"]] = graph_rows._row(world, one, graph_rows._instance_properties(world, one))
    for kind in ("disk", "snapshot"):
        for one in store.below(kind):
            expected[one["id"]] = graph_rows._row(world, one, one["properties"])
    assert len(expected) > 350
    for arm_id, row in expected.items():
        assert found[arm_id] == row
        assert list(found[arm_id]["properties"]) == list(row["properties"])
    kinds = {row["type"] for row in expected.values()}
    assert {row["id"] for row in found.values() if row["type"] in kinds} == set(expected)


def test_stopped_protection_has_no_future(shop: Client) -> None:
    target = instance(shop, "d-001")
    shop.done("POST", f"{target}/stopProtection", {})
    before = len(jobs_of(shop, "d-001"))
    shop.sandbox.advance("2d")
    assert len(jobs_of(shop, "d-001")) == before
    shop.done("POST", f"{target}/resumeProtection", {})
    shop.sandbox.advance("2d")
    assert 11 <= len(jobs_of(shop, "d-001")) - before <= 12


def test_a_deleted_disk_and_a_removed_role_make_runs_fail(shop: Client) -> None:
    assert shop.send("DELETE", f"{DISKS}/d-001").status == 202
    scope = f"/subscriptions/{SHOP}/resourceGroups/rg-e"
    principal = shop.get(VAULT)["identity"]["principalId"]
    roles = listed(shop, f"{scope}/providers/Microsoft.Authorization/roleAssignments")
    (role,) = (one for one in roles if one["properties"]["principalId"] == principal)
    assert shop.send("DELETE", role["id"]).status == 200
    shop.sandbox.advance(timedelta(days=1))
    assert {job["errorDetails"][0]["code"] for job in jobs_of(shop, "d-001")[-5:]} == {"UserErrorManagedDiskNotFound"}
    assert jobs_of(shop, "e-002")[-1]["errorDetails"][0]["code"] == "UserErrorDiskBackupDiskOrMSIPermissionsNotPresent"
    assert jobs_of(shop, "d-003")[-1]["status"] == "Completed"
    assert "d-001" not in {row["name"] for row in query(shop, "resources | where type =~ 'microsoft.compute/disks'")}


def test_a_policy_put_anew_and_a_new_instance_run_on_schedule(shop: Client) -> None:
    every_two = policy_body()
    every_two["properties"]["policyRules"][0]["trigger"]["schedule"]["repeatingTimeIntervals"] = [
        "R/2024-01-01T00:30:00+00:00/PT2H"
    ]
    assert shop.send("PUT", f"{VAULT}/backupPolicies/p", every_two).status == 200
    properties = instance_properties(f"{DISKS}/free", VAULT, f"/subscriptions/{SHOP}/resourceGroups/rg-snapshots")
    properties["policyInfo"]["policyId"] = f"{VAULT}/backupPolicies/n"
    properties["dataSourceInfo"]["resourceLocation"] = "westeurope"
    shop.done("PUT", f"{VAULT}/backupInstances/free", {"properties": properties})
    before = len(jobs_of(shop, "d-001"))
    shop.sandbox.advance("1d")
    assert len(jobs_of(shop, "d-001")) == before + 12
    assert all(job["startTime"][14:16] >= "30" for job in jobs_of(shop, "d-001")[before:])
    (job,) = jobs_of(shop, "free")
    assert (job["status"], job["policyName"], job["isUserTriggered"]) == ("Completed", "n", False)
    assert len(listed(shop, f"{VAULT}/backupInstances/free/recoveryPoints")) == 1


def test_a_deleted_instance_takes_its_points_along(shop: Client) -> None:
    target = instance(shop, "d-003")
    names = {
        one["name"].split("_")[1]
        for one in listed(shop, f"/subscriptions/{SHOP}/providers/Microsoft.Compute/snapshots")
    }
    shop.done("DELETE", target)
    left = {
        one["name"].split("_")[1]
        for one in listed(shop, f"/subscriptions/{SHOP}/providers/Microsoft.Compute/snapshots")
    }
    assert len(names - left) == 1
    assert shop.send("GET", target).status == 404
    assert all(
        "d-003" not in row["id"] for row in query(shop, "recoveryservicesresources | where type endswith 'instances'")
    )


def test_an_adhoc_backup_of_a_generated_instance(shop: Client) -> None:
    target = instance(shop, "d-001")
    options = {"backupRuleOptions": {"ruleName": "Default", "triggerOption": {}}}
    shop.done("POST", f"{target}/backup", options)
    shop.sandbox.sleep(600)
    assert jobs_of(shop, "d-001")[-1]["isUserTriggered"] is True
    newest = listed(shop, f"{target}/recoveryPoints")[0]
    assert newest["properties"]["retentionTagName"] == "Default"


def _told(client: Client) -> Any:
    lists = ("backupJobs", "backupInstances", "backupPolicies")
    return [listed(client, f"{VAULT}/{name}") for name in lists], client.sandbox.planted()


def test_a_week_twice_is_a_fortnight_through_the_endpoints() -> None:
    once, twice = Client(Sandbox(estate=SPEC)), Client(Sandbox(estate=SPEC))
    once.sandbox.advance("14d")
    twice.sandbox.advance("7d")
    twice.sandbox.advance(timedelta(days=7))
    assert _told(once) == _told(twice)


def test_a_state_folder_keeps_estate_clock_and_changes(tmp_path: Path) -> None:
    """Closed and opened again, in the middle of changes, it is the world that was never closed."""

    def change(client: Client, step: int) -> None:
        if step == 0:
            client.done("POST", f"{instance(client, 'd-001')}/suspendBackups", {})
        elif step == 1:
            assert client.send("DELETE", f"{DISKS}/d-004").status == 202
        else:
            client.done("POST", f"{instance(client, 'd-001')}/resumeProtection", {})
        client.sandbox.advance("31h")

    whole = Client(Sandbox(estate=SPEC))
    folder = tmp_path / "state"
    Sandbox(folder, estate=SPEC).close()
    for step in range(3):
        change(whole, step)
        with Sandbox(folder) as opened:
            change(Client(opened), step)
    with Sandbox(folder, estate=SPEC) as opened:
        assert opened.now() == whole.sandbox.now()
        assert _told(Client(opened)) == _told(whole)
    assert (folder / "sandbox.sqlite").stat().st_size < 400_000
    with pytest.raises(StateError, match="another estate"):
        Sandbox(folder, estate={**SPEC, "seed": 6})


def test_a_folder_without_an_estate_gets_none(tmp_path: Path) -> None:
    Sandbox(tmp_path / "plain").close()
    with pytest.raises(EstateError, match="a world without an estate"):
        Sandbox(tmp_path / "plain", estate=SPEC)


def test_specs_read_back() -> None:
    for source in (SPEC, "default"):
        assert read(dump(read(source))) == read(source)


def test_a_sandbox_without_an_estate_has_nothing_planted() -> None:
    sandbox = Sandbox()
    sandbox.advance("14d")
    assert sandbox.planted() == []
    with pytest.raises(ValueError, match="not an ISO 8601 period"):
        sandbox.advance("soon")


def test_the_default_estate() -> None:
    """As rich as it says, the starter world in it, and every kind of defect."""
    client = Client(Sandbox(estate="default"))
    assert client.sandbox.now().isoformat() == "2026-03-02T08:00:00+00:00"
    names = [one["displayName"] for one in listed(client, "/subscriptions")]
    assert names == ["Backup", "Workloads", "Shop", "Data", "Development", "Archive"]
    planted = client.sandbox.planted()
    kinds = {item["kind"] for item in planted}
    expected = (
        "missed late failed flaky retried long stuck drift kept lingering stopped suspended inError softDeleted "
        "rolesRemoved policyChanged diskDeleted diskRecreated snapshotDeleted onDemand orphanSnapshots snapshotCount "
        "oddCasing exempt neverProtected coveredByVmBackup excludedByLun unreadable unverifiable empty"
    )
    assert kinds >= set(expected.split())
    assert all(item["reason"] and (item["ids"] or item["times"]) for item in planted)
    hidden = next(item["ids"][0] for item in planted if item["kind"] == "unreadable")
    assert client.send("GET", f"{hidden}/resourceGroups").status == 403
    counts = query(client, "resources | where type =~ 'microsoft.compute/disks' | summarize count()")
    assert counts[0]["count_"] == 3 + 287 - 1  # the starter's, the estate's that can be read, but for one deleted
    tagged = query(client, "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' and isnotnull(tags)")
    assert {row["name"]: row["tags"]["env"] for row in tagged} == {"Shop": "prod", "Development": "dev"}
    chain = next(row for row in tagged if row["name"] == "Shop")["properties"]["managementGroupAncestorsChain"]
    assert [group["displayName"] for group in chain][:2] == ["production", "contoso"]
    near = [item for item in planted if item["kind"] == "snapshotCount"]
    for item in near:
        name = item["ids"][0].rpartition("/")[2]
        disk = name[: (len(name) - len("--") - 36) // 2]  # twice the disk's name, and a guid
        kql = "resources | where type =~ 'microsoft.compute/snapshots'"
        kql += f" | where tostring(properties.creationData.sourceResourceId) endswith '/{disk}' | summarize count()"
        assert abs(query(client, kql)[0]["count_"] - item["count"]) <= 1  # a point may have gone since the end
    failed = [item for item in planted if item["kind"] == "failed"]
    for item in failed:
        kql = "recoveryservicesresources | where type endswith 'backupjobs' and properties.status == 'Failed'"
        kql += f" | where properties.backupInstanceId =~ '{item['ids'][0]}'"
        kql += " | project start = tostring(properties.startTime)"
        assert sorted(row["start"] for row in query(client, kql)) == item["times"]


def test_moments_read_back() -> None:
    assert times.span("14d") == 14 * times.DAY


def test_the_backup_of_a_machine_says_which_disks_it_leaves_out() -> None:
    """ARM's protected item: the list is there, or it is not and every disk is taken."""
    row = {"count": 2, "perVm": 2, "vmBackup": "rsv"}
    disks = [{"name": "some", "excludeLuns": [0], **row}, {"name": "all", **row}]
    client = Client(Sandbox(estate={"subscriptions": [{"name": "A", "disks": disks}]}))
    kql = "recoveryservicesresources | where type has 'protecteditems' | project id | order by id asc"
    found = [client.send("GET", row["id"], api="2024-04-01").body for row in query(client, kql)]
    said = {item["properties"]["friendlyName"]: item["properties"]["extendedProperties"] for item in found}
    assert said["some-vm-001"]["diskExclusionProperties"] == {"diskLunList": [0], "isInclusionList": False}
    assert said["all-vm-001"] == {}
    assert client.send("GET", found[0]["id"] + "x", api="2024-04-01").status == 404
