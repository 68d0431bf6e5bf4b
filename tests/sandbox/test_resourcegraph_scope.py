"""Whose rows a request sees: subscriptions, management groups, and role assignments above and below them."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from dpmagic.sandbox.resourcegraph import ResourceGraph
from dpmagic.sandbox.resourcegraph_scope import Hierarchy, ManagementGroup

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
GROUPS = [
    ManagementGroup("root", "Tenant Root Group", None, ("S0",)),
    ManagementGroup("Corp", "Corp", "root", ("S1",)),
    ManagementGroup("prod", "Production", "corp", ("S2", "Hidden")),
    ManagementGroup("lab", "Lab", "root", ("S3",)),
]
SCOPES = {
    "tenant": "/",
    "root": "/providers/Microsoft.Management/managementGroups/root",
    "corp": "/providers/Microsoft.Management/managementGroups/CORP",
    "prod": "/providers/Microsoft.Management/managementGroups/prod",
    "lab": "/providers/Microsoft.Management/managementGroups/lab",
    "s1": "/subscriptions/S1",
    "s2": "/subscriptions/s2",
    "group2": "/subscriptions/S2/resourceGroups/g",
    "s3": "/subscriptions/S3",
}


def subscription_of(scope: str) -> str:
    return scope.split("/")[2] if scope.startswith("/subscriptions/") else ""


ROWS: dict[str, list[dict[str, Any]]] = {
    "resources": [
        {"id": f"/r/{one}", "name": one, "subscriptionId": one} for one in ("S0", "S1", "S2", "S3", "Hidden")
    ],
    "resourcecontainers": [{"id": f"/g/{group.name}", "name": group.name, "subscriptionId": ""} for group in GROUPS],
    "authorizationresources": [
        {
            "id": f"/a/{name}",
            "name": name,
            "type": "microsoft.authorization/roleassignments",
            "subscriptionId": subscription_of(scope),
            "properties": {"scope": scope},
        }
        for name, scope in SCOPES.items()
    ],
}
READABLE = ["S0", "S1", "S2", "S3"]


def service(readable: list[str] = READABLE, groups: list[ManagementGroup] = GROUPS) -> ResourceGraph:
    return ResourceGraph(
        lambda table: ROWS.get(table, []), lambda: readable, version=lambda: 1, management_groups=lambda: groups
    )


SHARED = service()


def post(query: str, api_version: str | None = None, graph: ResourceGraph = SHARED, **body: Any) -> tuple[int, Any]:
    reply = graph.answer({"query": query, **body}, NOW, str(uuid.uuid4()), api_version)
    return reply.status, json.loads(reply.body)


def names(table: str, api_version: str | None = None, **body: Any) -> set[str]:
    status, answer = post(f"{table} | project name", api_version, **body)
    assert status == 200, answer
    return {one["name"] for one in answer["data"]}


@pytest.mark.parametrize(
    ("groups", "seen"),
    [
        (["root"], {"S0", "S1", "S2", "S3"}),
        (["CORP"], {"S1", "S2"}),
        (["prod"], {"S2"}),
        (["lab", "prod"], {"S2", "S3"}),
        (["lab", "nosuch"], {"S3"}),
    ],
)
def test_a_management_group_is_its_subscriptions_and_those_below(groups: list[str], seen: set[str]) -> None:
    assert names("resources", managementGroups=groups) == seen


def test_an_unknown_management_group_is_forbidden() -> None:
    status, answer = post("resources", managementGroups=["nosuch"])
    assert (status, answer["error"]["code"]) == (403, "AccessDenied")


def test_groups_and_subscriptions_exclude_each_other() -> None:
    _, answer = post("resources", managementGroups=["root"], subscriptions=["S1"])
    assert answer["error"]["details"][0]["code"] == "InvalidScope"


def test_scopes_take_turns_over_tables_that_are_loaded_once() -> None:
    for wanted in ({"S1"}, {"S2", "S3"}, {"S1"}, set(READABLE)):
        assert names("resources", subscriptions=sorted(wanted)) == wanted
    assert names("resources") == set(READABLE)


def test_rows_of_no_subscription_are_seen_by_everybody() -> None:
    assert names("resourcecontainers", subscriptions=["S1"]) == {group.name for group in GROUPS}


@pytest.mark.parametrize(
    ("scope_filter", "seen"),
    [
        (None, {"s2", "group2"}),
        ("AtScopeAndBelow", {"s2", "group2"}),
        ("AtScopeAndAbove", {"s2", "prod", "corp", "root", "tenant"}),
        ("AtScopeAboveAndBelow", {"s2", "group2", "prod", "corp", "root", "tenant"}),
        ("AtScopeExact", {"s2"}),
    ],
)
def test_assignments_at_above_and_below_a_subscription(scope_filter: str | None, seen: set[str]) -> None:
    options = {} if scope_filter is None else {"authorizationScopeFilter": scope_filter}
    assert names("authorizationresources", subscriptions=["s2"], options=options) == seen


@pytest.mark.parametrize(
    ("scope_filter", "seen"),
    [
        ("AtScopeAndBelow", {"corp", "s1", "prod", "s2", "group2"}),
        ("AtScopeAndAbove", {"corp", "root", "tenant"}),
        ("AtScopeAboveAndBelow", {"corp", "s1", "prod", "s2", "group2", "root", "tenant"}),
        ("AtScopeExact", {"corp"}),
    ],
)
def test_assignments_at_above_and_below_a_management_group(scope_filter: str, seen: set[str]) -> None:
    options = {"authorizationScopeFilter": scope_filter}
    assert names("authorizationresources", managementGroups=["corp"], options=options) == seen


def test_the_tenant_holds_every_assignment() -> None:
    assert names("authorizationresources") == set(SCOPES)


def test_an_api_version_before_the_filter_leaves_it_out() -> None:
    options = {"authorizationScopeFilter": "AtScopeExact"}
    asked: dict[str, Any] = {"subscriptions": ["S2"], "options": options}
    assert names("authorizationresources", "2021-03-01", **asked) == {"s2", "group2"}
    assert names("authorizationresources", "2021-06-01-preview", **asked) == {"s2"}
    assert names("authorizationresources", "2022-10-01", **asked) == {"s2"}


@pytest.mark.parametrize(("many", "hit"), [(10_000, None), (10_001, "true")])
def test_a_reach_of_more_than_ten_thousand_subscriptions_says_so(many: int, hit: str | None) -> None:
    every = [f"s{number:05}" for number in range(many)]
    graph = service(every, [ManagementGroup("root", "Root", None, tuple(every))])
    for scope in ({}, {"managementGroups": ["root"]}):
        reply = graph.answer({"query": "resources | count", **scope}, NOW)
        assert reply.status == 200
        assert reply.headers.get("x-ms-tenant-subscription-limit-hit") == hit


def test_a_hierarchy_that_bites_its_tail_ends() -> None:
    ring = [ManagementGroup("a", "A", "b", ("S1",)), ManagementGroup("b", "B", "a")]
    assert [group.name for group in Hierarchy(ring).above("s1")] == ["a", "b"]
