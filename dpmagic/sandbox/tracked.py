"""GET for the resources that backups are of or need: storage accounts, clusters, database servers, key vaults.

They come with the starter world and have the members that backup and its clients read, not all that Azure shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import faults
from .messages import Request, answer, listing, visible
from .reply import Reply
from .store import Document
from .world import World

TYPES = {
    "storageAccount": "Microsoft.Storage/storageAccounts",
    "cluster": "Microsoft.ContainerService/managedClusters",
    "postgresServer": "Microsoft.DBforPostgreSQL/servers",
    "postgresFlexibleServer": "Microsoft.DBforPostgreSQL/flexibleServers",
    "mysqlFlexibleServer": "Microsoft.DBforMySQL/flexibleServers",
    "keyVault": "Microsoft.KeyVault/vaults",
}


def lister(kind: str) -> Callable[[World, Request], Reply]:
    """A handler for GET of a kind's resources in a resource group or subscription."""

    def list_resources(world: World, request: Request) -> Reply:
        if "group" in request.names:
            items = world.store.children(kind, world.group(request)["id"])
        else:
            items = list(world.store.below(kind, world.subscription(request)["id"]))
        return listing(request, items, world.page_size)

    return list_resources


def getter(kind: str) -> Callable[[World, Request], Reply]:
    """A handler for GET of one resource of a kind."""
    return lambda world, request: answer(200, visible(existing(world, request, kind)))


def existing(world: World, request: Request, kind: str) -> Document:
    """The resource that the request's ``name`` names, or ARM's 404."""
    found = world.store.get(kind, world.group(request)["id"], request["name"])
    if found is None:
        raise faults.not_found(TYPES[kind], request["name"], request["group"])
    return found


def add(world: World, kind: str, group: Document, item: dict[str, Any], own: dict[str, Any], /, **members: Any) -> None:
    """Put a resource of ``item``'s name into a group; ``own`` is what the sandbox keeps of it for itself."""
    resource: Document = {
        "id": f"{group['id']}/providers/{TYPES[kind]}/{item['name']}",
        "name": item["name"],
        "type": TYPES[kind],
        "location": item.get("location") or group["location"],
        "tags": item.get("tags") or {},
        **members,
        "_": own,
    }
    world.store.put(kind, group["id"], resource["name"], resource)
