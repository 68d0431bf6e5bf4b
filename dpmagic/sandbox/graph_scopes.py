"""Management groups in the world, and their rows in Resource Graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .resourcegraph_scope import Hierarchy, ManagementGroup
from .store import Document
from .world import World

TYPE = "Microsoft.Management/managementGroups"
_ROOT = "Tenant Root Group"


def management_groups(world: World) -> list[ManagementGroup]:
    """The hierarchy: the root, which is named after the tenant and holds what no other group does, then the others."""
    kept = world.store.children("managementGroup", "")
    placed = {one.lower() for group in kept for one in group["subscriptions"]}
    every = [one["subscriptionId"] for one in world.store.children("subscription", "")]
    rest = tuple(one for one in every if one.lower() not in placed)
    groups = [
        ManagementGroup(one["name"], one["displayName"], one["parent"] or world.tenant, tuple(one["subscriptions"]))
        for one in kept
    ]
    return [ManagementGroup(world.tenant, _ROOT, None, rest), *groups]


def ancestors(hierarchy: Hierarchy, subscription: str) -> list[dict[str, str]]:
    """``managementGroupAncestorsChain`` of a subscription, the nearest group first."""
    return [_named(group) for group in hierarchy.above(subscription)]


def group_rows(world: World) -> Iterator[tuple[Document, dict[str, Any]]]:
    """Each management group: the document that its row is made of, and its ``properties``."""
    groups = management_groups(world)
    hierarchy = Hierarchy(groups)
    for group in groups:
        above = [_named(one) for one in hierarchy.chain(group)[1:]]
        parent = None if not above else {**above[0], "id": _id(above[0]["name"])}
        document = {"id": _id(group.name), "name": group.name, "type": TYPE}
        details = {"managementGroupAncestorsChain": above, "parent": parent, "version": 1}
        yield document, {"displayName": group.displayName, "tenantId": world.tenant, "details": details}


def _named(group: ManagementGroup) -> dict[str, str]:
    return {"displayName": group.displayName, "name": group.name}


def _id(name: str) -> str:
    return f"/providers/{TYPE}/{name}"
