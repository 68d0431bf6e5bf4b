"""Microsoft.Resources: subscriptions and resource groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import faults
from .messages import Request, answer, listing, visible
from .reply import Reply
from .store import Document
from .world import World


def list_subscriptions(world: World, request: Request) -> Reply:
    """GET /subscriptions."""
    return listing(request, world.store.children("subscription", ""), world.page_size)


def get_subscription(world: World, request: Request) -> Reply:
    """GET /subscriptions/{subscription}."""
    return answer(200, visible(world.subscription(request)))


def list_groups(world: World, request: Request) -> Reply:
    """GET resourceGroups of a subscription."""
    return listing(request, world.store.children("group", world.subscription(request)["id"]), world.page_size)


def get_group(world: World, request: Request) -> Reply:
    """GET one resource group."""
    return answer(200, visible(world.group(request)))


def put_group(world: World, request: Request) -> Reply:
    """PUT a resource group: 201 when it is new, 200 when it was there. Its region cannot change."""
    subscription = world.subscription(request)
    body = request.object()
    location = normal_location(body)
    existing = world.store.get("group", subscription["id"], request["group"])
    if existing is None:
        group = make_group(subscription, request["group"], location, body.get("tags"))
        world.store.put("group", subscription["id"], group["name"], group)
        return answer(201, group)
    if existing["location"] != location:
        message = (
            f"Invalid resource group location '{location}'. "
            f"The Resource group already exists in location '{existing['location']}'."
        )
        raise faults.gateway(409, "InvalidResourceGroupLocation", message)
    group = {**existing, "tags": body.get("tags", existing["tags"])}
    world.store.put("group", subscription["id"], group["name"], group)
    return answer(200, group)


def make_group(subscription: Document, name: str, location: str, tags: dict[str, str] | None) -> Document:
    """The document of a resource group."""
    return {
        "id": f"{subscription['id']}/resourceGroups/{name}",
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": location,
        "tags": tags or {},
        "properties": {"provisioningState": "Succeeded"},
    }


def make_subscription(subscription: str, name: str, tenant: str, tags: Mapping[str, str] | None = None) -> Document:
    """The document of a subscription; ``tags`` are a member only where it has any."""
    return {
        "id": f"/subscriptions/{subscription}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription,
        "tenantId": tenant,
        "displayName": name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
        **({"tags": dict(tags)} if tags else {}),
    }


def normal_location(body: dict[str, Any]) -> str:
    """The region of a resource, as ARM writes it: ``West US`` is ``westus``. Raises a 400 fault if there is none."""
    location = body.get("location")
    if not isinstance(location, str) or not location.strip():
        raise faults.gateway(400, "LocationRequired", "The location property is required for this definition.")
    return location.replace(" ", "").lower()


def keep_location(existing: Document | None, location: str, name: str, group: str) -> None:
    """Raise ARM's 409 if a resource of that name lives in another region."""
    if existing is not None and existing["location"] != location:
        message = (
            f"The resource '{name}' already exists in location '{existing['location']}' in resource group '{group}'. "
            f"A resource with the same name cannot be created in location '{location}'. "
            "Please select a new resource name."
        )
        raise faults.gateway(409, "InvalidResourceLocation", message)
