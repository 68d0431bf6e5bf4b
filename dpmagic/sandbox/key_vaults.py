"""Microsoft.KeyVault: vaults, who may read their secrets, and which secrets there are; never a secret's value."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from . import faults, times, tracked
from .messages import Request, answer, visible
from .reply import Reply
from .resources import keep_location, normal_location
from .store import Document
from .world import World, group_id

_KIND = "keyVault"
_READS = {"get", "list"}  # what a backup needs of a secret


def add(world: World, group: Document, item: dict[str, Any]) -> None:
    """Make a key vault of ``name`` with the names of its ``secrets``."""
    properties = {
        "sku": {"family": "A", "name": "standard"},
        "tenantId": world.tenant,
        "networkAcls": {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []},
        "accessPolicies": [],
        "enabledForDeployment": False,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": 90,
        "enableRbacAuthorization": item.get("rbac", False),
        "vaultUri": f"https://{item['name']}.vault.azure.net/",
        "provisioningState": "Succeeded",
        "publicNetworkAccess": "Enabled",
    }
    own = {"secrets": item["secrets"]}
    tracked.add(world, _KIND, group, item, own, systemData=_changed(world), properties=properties)


def put(world: World, request: Request) -> Reply:
    """PUT a key vault, new or known: 200 at once. A new one has no secrets."""
    group = world.group(request)
    body = request.object()
    location = normal_location(body)
    known = world.store.get(_KIND, group["id"], request["name"])
    keep_location(known, location, request["name"], group["name"])
    if known is None:
        add(world, group, {"name": request["name"], "location": location, "secrets": []})
        known = tracked.existing(world, request, _KIND)
    sent = {key: value for key, value in (body.get("properties") or {}).items() if value is not None}
    known |= {"tags": body.get("tags") or {}, "properties": {**known["properties"], **sent}}
    return answer(200, visible(_saved(world, known)))


def patch(world: World, request: Request) -> Reply:
    """PATCH a key vault's tags and properties: 200 at once."""
    known = tracked.existing(world, request, _KIND)
    body = request.object()
    known["properties"] |= body.get("properties") or {}
    known["tags"] = body.get("tags", known["tags"])
    return answer(200, visible(_saved(world, known)))


def add_policies(world: World, request: Request) -> Reply:
    """PUT accessPolicies/add: 201 with what was added; a principal's permissions add up."""
    known = tracked.existing(world, request, _KIND)
    sent = (request.object().get("properties") or {}).get("accessPolicies")
    if not isinstance(sent, list) or not all(isinstance(one, dict) and one.get("objectId") for one in sent):
        raise faults.Fault(400, "BadRequest", "properties.accessPolicies must be a list of access policies.")
    for policy in sent:
        _merge(known["properties"]["accessPolicies"], policy)
    _saved(world, known)
    answered = {"id": f"{known['id']}/accessPolicies/", "type": f"{tracked.TYPES[_KIND]}/accessPolicies"}
    return answer(201, {**answered, "location": known["location"], "properties": {"accessPolicies": sent}})


def get_secret(world: World, request: Request) -> Reply:
    """GET one secret as Resource Manager shows it: that it is there, not its value."""
    known = tracked.existing(world, request, _KIND)
    if not _has(known, request["secret"]):
        message = f"A secret with (name/id) {request['secret']} was not found in this key vault."
        raise faults.Fault(404, "SecretNotFound", message)
    uri = f"{known['properties']['vaultUri']}secrets/{request['secret']}"
    secret = {
        "id": f"{known['id']}/secrets/{request['secret']}",
        "name": request["secret"],
        "type": f"{tracked.TYPES[_KIND]}/secrets",
        "location": known["location"],
        "properties": {"attributes": {"enabled": True}, "secretUri": uri},
    }
    return answer(200, secret)


def of_secret(world: World, uri: str) -> tuple[Document | None, bool]:
    """The key vault of a secret's URI, and whether the secret is there."""
    parts = urlsplit(uri)
    names = [*parts.path.strip("/").split("/"), ""]
    for known in world.store.below(_KIND):
        if urlsplit(known["properties"]["vaultUri"]).netloc.lower() == parts.netloc.lower():
            return known, _has(known, names[1])
    return None, False


def may_read(key_vault: Document, principal: str) -> bool:
    """Whether an access policy lets the principal get and list secrets; role assignments are not looked at."""
    for policy in key_vault["properties"]["accessPolicies"]:
        allowed = {one.lower() for one in (policy.get("permissions") or {}).get("secrets") or []}
        if policy["objectId"].lower() == principal.lower() and (allowed >= _READS or "all" in allowed):
            return True
    return False


def _merge(policies: list[dict[str, Any]], sent: dict[str, Any]) -> None:
    for policy in policies:
        if policy["objectId"].lower() == sent["objectId"].lower():
            for kind, names in (sent.get("permissions") or {}).items():
                held = policy.setdefault("permissions", {}).setdefault(kind, [])
                held += [name for name in names if name not in held]
            return
    policies.append(sent)


def _has(key_vault: Document, secret: str) -> bool:
    return secret.lower() in (name.lower() for name in key_vault["_"]["secrets"])


def _saved(world: World, known: Document) -> Document:
    known["systemData"] = _changed(world)
    world.store.put(_KIND, group_id(known["id"]), known["name"], known)
    return known


def _changed(world: World) -> dict[str, str]:
    at = times.trimmed(world.now - world.now % 10_000)  # milliseconds, as recorded
    return {"lastModifiedBy": "user@example.invalid", "lastModifiedByType": "User", "lastModifiedAt": at}
