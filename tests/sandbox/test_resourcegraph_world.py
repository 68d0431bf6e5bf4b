"""What Resource Graph shows of the starter world: its management groups, roles, and the changes made in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dpmagic.sandbox import Sandbox

WORKLOADS = "22222222-2222-4222-8222-222222222222"
TENANT = "99999999-9999-4999-8999-999999999999"
DISKS = f"/subscriptions/{WORKLOADS}/resourceGroups/diskrg/providers/Microsoft.Compute/disks"
HEADERS = {"authorization": "Bearer t", "content-type": "application/json"}


def call(sandbox: Sandbox, method: str, path: str, body: Any = None, version: str = "2024-03-02") -> Any:
    text = None if body is None else json.dumps(body).encode()
    reply = sandbox.handle(method, f"{path}?api-version={version}", HEADERS, text)
    assert reply.status < 300, reply.body
    return json.loads(reply.body) if reply.body else None


def ask(sandbox: Sandbox, query: str, version: str = "2022-10-01", **body: Any) -> list[dict[str, Any]]:
    sandbox.sleep(5)
    path = "/providers/Microsoft.ResourceGraph/resources"
    found: list[dict[str, Any]] = call(sandbox, "POST", path, {"query": query, **body}, version)["data"]
    return found


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


def put(sandbox: Sandbox, name: str, size: int, **tags: str) -> None:
    body = {"location": "westus", "tags": tags, "properties": {"diskSizeGB": size}}
    call(sandbox, "PUT", f"{DISKS}/{name}", body)
    sandbox.sleep(60)


def test_subscriptions_know_their_management_groups(sandbox: Sandbox) -> None:
    query = (
        "resourcecontainers | where type == 'microsoft.resources/subscriptions' "
        "| mv-expand with_itemindex=level chain = properties.managementGroupAncestorsChain "
        "| project name, level, tostring(chain.name) | order by name asc, level asc"
    )
    assert [tuple(row.values()) for row in ask(sandbox, query)] == [
        ("Backup", 0, "platform"),
        ("Backup", 1, TENANT),
        ("Workloads", 0, "landing-zones"),
        ("Workloads", 1, TENANT),
    ]


def test_management_groups_have_rows_and_hold_their_subscriptions(sandbox: Sandbox) -> None:
    query = (
        "resourcecontainers | where type == 'microsoft.management/managementgroups' "
        "| project name, tostring(properties.details.parent.name)"
    )
    assert {tuple(row.values()) for row in ask(sandbox, query)} == {
        (TENANT, ""),
        ("platform", TENANT),
        ("landing-zones", TENANT),
    }
    count = "resources | where type == 'microsoft.compute/disks' | summarize n = count()"
    assert ask(sandbox, count, managementGroups=["landing-zones"]) == [{"n": 3}]
    assert ask(sandbox, count, managementGroups=["platform"]) == [{"n": 0}]
    assert ask(sandbox, count, managementGroups=[TENANT]) == [{"n": 3}]


def test_a_new_subscription_is_in_the_root_group() -> None:
    sandbox = Sandbox(subscriptions=["fresh"])
    rows = ask(sandbox, "resourcecontainers | where name == 'fresh'", managementGroups=[TENANT])
    assert [group["name"] for group in rows[0]["properties"]["managementGroupAncestorsChain"]] == [TENANT]


def test_roles_inherited_from_the_tenant_are_asked_for(sandbox: Sandbox) -> None:
    query = (
        "authorizationresources | where type =~ 'microsoft.authorization/roleassignments' "
        "| project scope = tostring(properties.scope) | order by scope asc"
    )
    scope = [WORKLOADS]
    assert ask(sandbox, query, subscriptions=scope) == [{"scope": f"/subscriptions/{WORKLOADS}"}]
    above = {"authorizationScopeFilter": "AtScopeAndAbove"}
    found = ask(sandbox, query, subscriptions=scope, options=above)
    assert found == [{"scope": "/"}, {"scope": f"/subscriptions/{WORKLOADS}"}]


def test_changes_of_a_disk_are_written_down(sandbox: Sandbox) -> None:
    assert ask(sandbox, "resourcechanges") == [], "what a world starts with has not changed"
    put(sandbox, "new", 8, env="test")
    put(sandbox, "new", 8, env="test")
    put(sandbox, "new", 16, env="prod")
    call(sandbox, "DELETE", f"{DISKS}/new")
    sandbox.sleep(60)
    query = (
        "resourcechanges | where tolower(properties.targetResourceId) endswith '/disks/new' "
        "| extend at = todatetime(properties.changeAttributes.timestamp) | order by at asc"
    )
    rows = ask(sandbox, query)
    assert [row["properties"]["changeType"] for row in rows] == ["Create", "Update", "Delete"]
    created, updated, deleted = (row["properties"] for row in rows)
    assert created["targetResourceType"] == "microsoft.compute/disks"
    assert updated["changes"]["tags.env"] == {
        "previousValue": "test",
        "newValue": "prod",
        "changeCategory": "User",
        "propertyChangeType": "Update",
        "isTruncated": "false",
    }
    assert updated["changes"]["properties.diskSizeGB"]["newValue"] == "16"
    assert updated["changeAttributes"]["changesCount"] == len(updated["changes"])
    assert deleted["changeAttributes"]["operation"] == "microsoft.compute/disks/delete"
    assert {row["subscriptionId"] for row in rows} == {WORKLOADS}
    assert {row["type"] for row in rows} == {"microsoft.resources/changes"}
    assert ask(sandbox, query, subscriptions=["11111111-1111-4111-8111-111111111111"]) == []


def test_changes_are_kept_for_fourteen_days_and_by_a_state_folder(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as sandbox:
        put(sandbox, "first", 8)
        sandbox.sleep(13 * 86_400)
        put(sandbox, "second", 8)
    with Sandbox(tmp_path) as sandbox:
        names = (
            "resourcechanges | project name = split(properties.targetResourceId, '/')[-1] | order by tostring(name) asc"
        )
        assert [row["name"] for row in ask(sandbox, names)] == ["first", "second"]
        sandbox.sleep(86_400)
        assert [row["name"] for row in ask(sandbox, names)] == ["second"]
        sandbox.sleep(3 * 86_400)
        put(sandbox, "third", 8)
        assert [row["name"] for row in ask(sandbox, names)] == ["second", "third"]
        assert len(list(sandbox._store.below("change"))) == 2, "older ones are forgotten"


def test_policyresources_is_a_table_and_empty(sandbox: Sandbox) -> None:
    assert ask(sandbox, "policyresources | where type =~ 'microsoft.policyinsights/policystates'") == []
