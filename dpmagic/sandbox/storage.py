"""Microsoft.Storage: storage accounts and the containers in them."""

from __future__ import annotations

from typing import Any

from . import tracked
from .messages import Request, listing
from .reply import Reply
from .store import Document
from .world import World, name_of


def add_account(world: World, group: Document, item: dict[str, Any]) -> None:
    """Make a storage account of ``name`` with ``containers``, holding so many ``bytes``."""
    own = {"containers": item["containers"], "created": world.now, "bytes": item.get("bytes", 0)}
    properties = {
        "primaryEndpoints": {"blob": f"https://{item['name']}.blob.core.windows.net/"},
        "primaryLocation": item.get("location") or group["location"],
        "provisioningState": "Succeeded",
        "statusOfPrimary": "available",
        "supportsHttpsTrafficOnly": True,
        "accessTier": "Hot",
    }
    sku = {"name": "Standard_LRS", "tier": "Standard"}
    tracked.add(world, "storageAccount", group, item, own, sku=sku, kind="StorageV2", properties=properties)


def list_containers(world: World, request: Request) -> Reply:
    """GET blobServices/default/containers of a storage account."""
    account = tracked.existing(world, request, "storageAccount")
    items = [_container(account, name) for name in sorted(account["_"]["containers"])]
    return listing(request, items, world.page_size)


def account_of(world: World, url: str) -> Document | None:
    """The storage account that serves a blob URL; account names are unique in all of Azure."""
    host = url.partition("://")[2].partition("/")[0].lower()
    for account in world.store.below("storageAccount"):
        if host == f"{account['name']}.blob.core.windows.net".lower():
            return account
    return None


def add_containers(world: World, account: Document, names: list[str]) -> None:
    """Make containers in an account; those that exist stay."""
    account["_"]["containers"] = sorted({*account["_"]["containers"], *names})
    world.store.put("storageAccount", account["id"].partition("/providers/")[0], name_of(account["id"]), account)


def _container(account: Document, name: str) -> dict[str, Any]:
    return {
        "id": f"{account['id']}/blobServices/default/containers/{name}",
        "name": name,
        "type": "Microsoft.Storage/storageAccounts/blobServices/containers",
        "properties": {
            "deleted": False,
            "publicAccess": "None",
            "leaseStatus": "Unlocked",
            "leaseState": "Available",
            "hasImmutabilityPolicy": False,
            "hasLegalHold": False,
        },
    }
