"""Microsoft.DataProtection/resourceGuards, and the request objects below them."""

from __future__ import annotations

from typing import Any

from . import faults, guarding
from .messages import Request, answer, listing, visible
from .reply import Reply
from .resources import keep_location, normal_location
from .store import Document
from .world import World

TYPE = "Microsoft.DataProtection/resourceGuards"

_RECOVERY_SERVICES = "Microsoft.RecoveryServices/vaults"
_ITEMS = f"{_RECOVERY_SERVICES}/backupFabrics/protectionContainers/protectedItems"

# What a guard protects of a Recovery Services vault, with the guard's collection of requests; recorded.
_OF_RECOVERY_SERVICES = {
    f"{_ITEMS}/delete": "deleteProtectedItemRequests",
    f"{_ITEMS}/write": "updateProtectedItemRequests",
    f"{_RECOVERY_SERVICES}/backupPolicies/write": "updateProtectionPolicyRequests",
    f"{_RECOVERY_SERVICES}/backupResourceGuardProxies/delete": "deleteResourceGuardProxyRequests",
    f"{_RECOVERY_SERVICES}/backupSecurityPIN/action": "getBackupSecurityPINRequests",
    f"{_RECOVERY_SERVICES}/backupconfig/write": "disableSoftDeleteRequests",
    f"{_ITEMS}/write#stopProtectionWithRetainData": "stopProtectionWithRetainDataRequests",
    f"{_RECOVERY_SERVICES}/write#reduceImmutabilityState": "reduceImmutabilityStateRequests",
    f"{_ITEMS}/recoveryPoints/restore/action": "triggerRestoreRequests",
}
_OPERATIONS = {
    **{operation: f"{TYPE}/{requests}" for operation, requests in _OF_RECOVERY_SERVICES.items()},
    **{operation: operation for operation in guarding.REQUESTS},
}
_MANDATORY = (
    f"{_RECOVERY_SERVICES}/backupconfig/write",
    f"{_RECOVERY_SERVICES}/backupResourceGuardProxies/delete",
    guarding.REDUCE_SOFT_DELETE,
    guarding.DELETE_MAPPING,
)
_COLLECTIONS = {name.lower(): name for name in (*_OF_RECOVERY_SERVICES.values(), *guarding.REQUESTS.values())}


def list_guards(world: World, request: Request) -> Reply:
    """GET resource guards of a resource group or of a subscription."""
    if "group" in request.names:
        guards = world.store.children("guard", world.group(request)["id"])
    else:
        guards = list(world.store.below("guard", world.subscription(request)["id"]))
    return listing(request, guards, world.page_size)


def get(world: World, request: Request) -> Reply:
    """GET one resource guard."""
    return answer(200, visible(_existing(world, request)))


def put(world: World, request: Request) -> Reply:
    """PUT a resource guard, new or known: 200 at once. What it excludes is no longer among its operations."""
    group = world.group(request)
    body = request.object()
    location = normal_location(body)
    existing = world.store.get("guard", group["id"], request["guard"])
    keep_location(existing, location, request["guard"], group["name"])
    excluded = (body.get("properties") or {}).get("vaultCriticalOperationExclusionList") or []
    name = existing["name"] if existing else request["guard"]
    guard: Document = {
        "location": location,
        **({"tags": body["tags"]} if body.get("tags") else {}),
        "properties": {
            "provisioningState": "Succeeded",
            "resourceGuardOperations": _protected(excluded),
            "vaultCriticalOperationExclusionList": excluded,
            "allowAutoApprovals": True,
        },
        "id": f"{group['id']}/providers/{TYPE}/{name}",
        "name": name,
        "type": TYPE,
    }
    world.store.put("guard", group["id"], name, guard)
    return answer(200, guard)


def delete(world: World, request: Request) -> Reply:
    """DELETE a resource guard: 200, 204 if there is none, refused while a vault is mapped to it."""
    group = world.group(request)
    guard = world.store.get("guard", group["id"], request["guard"])
    if guard is None:
        return answer(204)
    for proxy in world.store.below("guardProxy"):
        if proxy["properties"]["resourceGuardResourceId"].lower() == guard["id"].lower():
            words = {"guard": guard["name"], "vault": proxy["id"].split("/")[8]}
            raise faults.backup("UserErrorResourceGuardInUse", **words)
    world.store.drop("guard", group["id"], guard["name"])
    return answer(200)


def list_requests(world: World, request: Request) -> Reply:
    """GET the requests of one kind: there is one, called ``default``."""
    return listing(request, [_request(world, request)], world.page_size)


def get_request(world: World, request: Request) -> Reply:
    """GET the request ``default`` of one kind."""
    if request["name"].lower() != "default":
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    return answer(200, _request(world, request))


def _existing(world: World, request: Request) -> Document:
    found = world.store.get("guard", world.group(request)["id"], request["guard"])
    if found is None:
        raise faults.not_found(TYPE, request["guard"], request["group"])
    return found


def _request(world: World, request: Request) -> dict[str, Any]:
    guard = _existing(world, request)
    kind = _COLLECTIONS.get(request["requests"].lower())
    if kind is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    return {"id": f"{guard['id']}/{kind}/default", "name": "default", "type": f"{TYPE}/{kind}"}


def _protected(excluded: Any) -> list[dict[str, str]]:
    """The operations that are not excluded. Raises a 400 fault if one is excluded that cannot be."""
    names = {name.lower(): name for name in _OPERATIONS}
    if not isinstance(excluded, list) or not all(isinstance(name, str) for name in excluded):
        raise _invalid("vaultCriticalOperationExclusionList must be a list of operations")
    for name in excluded:
        if name.lower() not in names:
            raise _invalid(f"{name} is not a critical operation")
        if names[name.lower()] in _MANDATORY:
            raise _invalid(f"{name} is always protected and cannot be excluded")
    left_out = {name.lower() for name in excluded}
    return [
        {"vaultCriticalOperation": operation, "requestResourceType": kind}
        for operation, kind in _OPERATIONS.items()
        if operation.lower() not in left_out
    ]


def _invalid(reason: str) -> faults.BackupFault:
    return faults.backup("BMSUserErrorInvalidInput", reason=reason)
