"""The starter world, ``starter.json``: tenant, subscriptions, groups and what can be backed up. No vault, no role."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources as files
from typing import Any

from . import authorization, compute, databases, key_vaults, resources, storage, tracked
from .store import Document
from .world import World, subscription_of


def build(world: World) -> None:
    """Fill an empty world."""
    data: dict[str, Any] = json.loads(files.files(__package__).joinpath("starter.json").read_text("utf-8"))
    world.store.put("tenant", "", "home", {"tenantId": data["tenantId"], "owner": data["owner"]})
    ids = {item["name"]: item["id"] for item in data["subscriptions"]}
    for item in data["subscriptions"]:
        _add_subscription(world, item["id"], item["name"])
    for item in data["managementGroups"]:
        inside = [ids[name] for name in item["subscriptions"]]
        group = {"name": item["name"], "displayName": item["displayName"], "parent": None, "subscriptions": inside}
        world.store.put("managementGroup", "", item["name"], group)
    for item in data["groups"]:
        _add_group(world, ids[item["subscription"]], item)
    for item in data["disks"]:
        _add_disk(world, _group(world, ids, item), item)
    for item in data["storageAccounts"]:
        storage.add_account(world, _group(world, ids, item), item)
    for item in data["clusters"]:
        add_cluster(world, _group(world, ids, item), item)
    for item in data["servers"]:
        databases.add_server(world, item["kind"], _group(world, ids, item), item)
    for item in data["keyVaults"]:
        key_vaults.add(world, _group(world, ids, item), item)
    for item in data["assignments"]:
        _add_assignment(world, item)


def disks(world: World) -> list[Document]:
    """The disks that came with the starter world and are still there."""
    data: dict[str, Any] = json.loads(files.files(__package__).joinpath("starter.json").read_text("utf-8"))
    ids = {item["name"]: item["id"] for item in data["subscriptions"]}
    places = ((f"/subscriptions/{ids[item['subscription']]}", item["group"], item["name"]) for item in data["disks"])
    found = (world.store.get("disk", f"{owner}/resourceGroups/{group}", name) for owner, group, name in places)
    return [disk for disk in found if disk is not None]


def add_subscriptions(world: World, names: Sequence[str]) -> None:
    """Make more subscriptions exist, empty; one that exists stays as it is."""
    for name in names:
        if world.store.get("subscription", "", name) is None:
            _add_subscription(world, name, name)


def add_cluster(world: World, group: Document, item: dict[str, Any]) -> None:
    """Make a cluster of ``name`` and ``version`` whose identity is ``principalId``."""
    properties = {
        "provisioningState": "Succeeded",
        "powerState": {"code": "Running"},
        "kubernetesVersion": item["version"],
        "dnsPrefix": item["name"],
        "nodeResourceGroup": f"MC_{group['name']}_{item['name']}_{group['location']}",
        "enableRBAC": True,
    }
    identity = {"type": "SystemAssigned", "principalId": item["principalId"], "tenantId": world.tenant}
    sku = {"name": "Base", "tier": "Free"}
    own = {"bytes": 1}  # what a cluster's backup jobs are recorded to say
    tracked.add(world, "cluster", group, item, own, properties=properties, identity=identity, sku=sku)


def _group(world: World, ids: dict[str, str], item: dict[str, Any]) -> Document:
    group = world.store.get("group", f"/subscriptions/{ids[item['subscription']]}", item["group"])
    assert group is not None, "the groups come first"
    return group


def _add_subscription(world: World, subscription: str, name: str) -> None:
    world.store.put("subscription", "", subscription, resources.make_subscription(subscription, name, world.tenant))


def _add_group(world: World, subscription: str, item: dict[str, Any]) -> None:
    owner = world.store.get("subscription", "", subscription)
    assert owner is not None
    group = resources.make_group(owner, item["name"], item["location"], None)
    world.store.put("group", owner["id"], item["name"], group)


def _add_disk(world: World, group: Document, item: dict[str, Any]) -> None:
    body = {"sku": {"name": item["sku"]}, "tags": item.get("tags")}
    disk = compute.make_disk(world, group, item["name"], group["location"], body, item["sizeGB"])
    disk["properties"] |= {"timeCreated": item["timeCreated"], "uniqueId": item["uniqueId"]}
    world.store.put("disk", group["id"], item["name"], disk)


def _add_assignment(world: World, item: dict[str, Any]) -> None:
    role = next(role for role in authorization.definitions() if role["roleName"] == item["role"])
    definition = authorization.definition(role, subscription_of(item["scope"]))
    properties = {**item, "roleDefinitionId": definition["id"]}
    assignment = authorization.make_assignment(world, item["scope"], item["name"], properties)
    world.store.put("roleAssignment", item["scope"], item["name"], assignment)
