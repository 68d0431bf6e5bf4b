"""Microsoft.DataProtection/backupVaults/backupResourceGuardProxies: a vault's mapping to a Resource Guard."""

from __future__ import annotations

from . import faults, guarding, times, vaults
from .messages import Request, answer, listing, visible
from .reply import Reply
from .store import Document
from .world import World

TYPE = "Microsoft.DataProtection/vaults/backupResourceGuardProxies"  # recorded so: vaults, not backupVaults
UNLOCKED = 30 * 60 * times.SECOND


def list_proxies(world: World, request: Request) -> Reply:
    """GET the mapping of a vault, as a list."""
    vault = vaults.find(world, request)
    proxies = [_shown(world, proxy) for proxy in world.store.children("guardProxy", vault["id"])]
    return listing(request, proxies, world.page_size)


def get(world: World, request: Request) -> Reply:
    """GET the mapping: the operations that the guard protects now, each with the request that lets it through."""
    _, proxy = _find(world, request)
    return answer(200, _shown(world, proxy))


def put(world: World, request: Request) -> Reply:
    """PUT the mapping: 200 at once. Another guard in its place is refused until the mapping may be deleted."""
    vault = vaults.find(world, request)
    arm_id = (request.object().get("properties") or {}).get("resourceGuardResourceId")
    guard = world.find("guard", arm_id) if isinstance(arm_id, str) else None
    if guard is None:
        raise _invalid(f"properties.resourceGuardResourceId is not a Resource Guard: {arm_id}")
    if guard["location"] != vault["location"]:
        raise _invalid(f"the Resource Guard is in {guard['location']}, the Backup vault in {vault['location']}")
    before = guarding.mapping(world, vault)
    if before is not None and before["properties"]["resourceGuardResourceId"].lower() != guard["id"].lower():
        guarding.require_unlocked(world, vault, guarding.DELETE_MAPPING, before["name"])
    name = before["name"] if before else request["name"]
    proxy = {
        "properties": {"resourceGuardResourceId": arm_id, "lastUpdatedTime": times.full(world.now)},
        "id": f"{vault['id']}/backupResourceGuardProxies/{name}",
        "name": name,
        "type": TYPE,
        "_": {"vault": vault["id"]},
    }
    world.store.put("guardProxy", vault["id"], name, proxy)
    vaults.set_guarded(world, vault, True)
    return answer(200, _shown(world, proxy))


def delete(world: World, request: Request) -> Reply:
    """DELETE the mapping, once unlocked: 200; 204 if there is none."""
    vault = vaults.find(world, request)
    proxy = world.store.get("guardProxy", vault["id"], request["name"])
    if proxy is None:
        return answer(204)
    guarding.require_unlocked(world, vault, guarding.DELETE_MAPPING, proxy["name"])
    world.store.drop("guardProxy", vault["id"], proxy["name"])
    vaults.set_guarded(world, vault, False)
    return answer(200, {})


def unlock_delete(world: World, request: Request) -> Reply:
    """POST unlockDelete: 200 with the end of the 30 minutes in which the target may be deleted.

    ``resourceToBeDeleted`` names a backup instance; without it the target is the mapping itself.
    """
    vault, proxy = _find(world, request)
    body = request.object()
    operation, target = guarding.DELETE_MAPPING, proxy["name"]
    if body.get("resourceToBeDeleted") and "/backupinstances/" in str(body["resourceToBeDeleted"]).lower():
        instance = world.find("instance", body["resourceToBeDeleted"])
        if instance is None or instance["_"]["vault"] != vault["id"]:
            raise faults.backup("UserErrorGenericResourceNotFound", 404)
        operation, target = guarding.DELETE_INSTANCE, instance["name"]
    guarding.require(world, vault, operation, body.get("resourceGuardOperationRequests"))
    until = world.now + UNLOCKED
    guarding.unlock(world, vault, operation, target, until)
    return answer(200, {"unlockDeleteExpiryTime": times.full(until)})


def _find(world: World, request: Request) -> tuple[Document, Document]:
    vault = vaults.find(world, request)
    proxy = world.store.get("guardProxy", vault["id"], request["name"])
    if proxy is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    return vault, proxy


def _shown(world: World, proxy: Document) -> Document:
    kept = proxy["properties"]
    guard = world.find("guard", kept["resourceGuardResourceId"])
    assert guard is not None, "a guard with mappings cannot be deleted"
    properties = {
        "resourceGuardResourceId": kept["resourceGuardResourceId"],
        "resourceGuardOperationDetails": guarding.details(guard),
        "lastUpdatedTime": kept["lastUpdatedTime"],
    }
    return {**visible(proxy), "properties": properties}


def _invalid(reason: str) -> faults.BackupFault:
    return faults.backup("BMSUserErrorInvalidInput", reason=reason)
