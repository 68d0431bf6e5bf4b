"""Recorded exchanges of disks, resource groups and roles replayed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .client import (
    Client,
)
from .recordings import cassette, exchanges
from .replaying import (
    S,
    disk,
    euap,
    replay,
)


@pytest.fixture
def scenario() -> tuple[Client, list[dict[str, Any]]]:
    """The recording of 2022 that goes through a disk's whole life, and a sandbox to replay it in."""
    return euap(["owneralias-rg"]), cassette("test_dataprotection_Scenario@f128de53f")


def test_disk_put_get_delete(scenario: tuple[Client, list[dict[str, Any]]]) -> None:
    client, requests = scenario
    group = f"/subscriptions/{S}/resourceGroups/owneralias-rg"
    compute = [
        r for r in requests if "/microsoft.compute/" in r["path"].lower() and "authorization" not in r["path"].lower()
    ]
    for request in compute:
        if request["path"].endswith("-restored"):
            disk(client, "cli-test-disk-new-restored", group=group)
            break
    assert replay(client, compute) == 7


def test_resource_group(scenario: tuple[Client, list[dict[str, Any]]]) -> None:
    client, requests = scenario
    groups = [r for r in requests if re.fullmatch(r"/subscriptions/[^/]+/resourcegroups/[^/]+", r["path"])]
    assert replay(client, groups) == 2


def test_roles(scenario: tuple[Client, list[dict[str, Any]]]) -> None:
    """Definitions by name, and assigning one again."""
    client, requests = scenario
    group = f"/subscriptions/{S}/resourceGroups/owneralias-rg"
    disk(client, "cli-test-disk-new", group=group)
    roles = [
        r
        for r in requests
        if "Microsoft.Authorization" in r["path"]
        and (r["method"] == "PUT" or "roleName" in r.get("query", {}).get("$filter", ""))
    ]
    for number, request in enumerate(roles):
        if request["method"] == "PUT":
            assert request["status"] == 409
            before = re.sub(r"[^/]+$", f"00000000-0000-4000-8000-{number:012d}", request["path"])
            assert client.send("PUT", before, request["body"], api="2022-04-01").status == 201
    assert replay(client, roles) == len(roles) == 9


def test_role_assigned() -> None:
    client = euap(["oss-clitest-rg"])
    puts = [
        {**request, "command": command["command"]}
        for command in exchanges("backup-instance")
        for request in command["requests"]
        if "roleAssignments" in request["path"] and request["method"] == "PUT"
    ]
    assert replay(client, puts) == len(puts) == 2


def test_role_assignments_with_inherited_ones(scenario: tuple[Client, list[dict[str, Any]]]) -> None:
    """Whom the estate had given what differs; each record's keys and the kinds of scope do not."""
    client, requests = scenario
    disk(client, "cli-test-disk-new", group=f"/subscriptions/{S}/resourceGroups/owneralias-rg")
    lists = [
        r
        for r in requests
        if r["path"].endswith("roleAssignments") and r.get("query", {}).get("$filter") == "atScope()"
    ]
    assert lists
    for request in lists:
        scope = request["path"].partition("/providers/Microsoft.Authorization")[0]
        client.grant("Disk Backup Reader", scope, "33333333-3333-4333-8333-333333333333")
        answer = client.send("GET", request["path"], api=request["api_version"], **request["query"])
        assert answer.status == 200
        assert list(answer.body) == [key for key in request["response"] if key != "_trimmed_from"]  # a note
        shapes = {_keys(item) for item in request["response"]["value"]}
        assert {_keys(item) for item in answer.body["value"]} == shapes
        recorded = {item["properties"]["scope"] for item in request["response"]["value"]}
        scopes = {item["properties"]["scope"] for item in answer.body["value"]}
        assert "/" in recorded and "/" in scopes
        assert scope in scopes


def _keys(value: Any) -> Any:
    return tuple((key, _keys(item)) for key, item in value.items()) if isinstance(value, dict) else None
