"""Microsoft.DataProtection/backupVaults."""

from __future__ import annotations

from typing import Any

from . import faults, guarding, naming, operations
from .messages import Request, answer, listing, visible
from .reply import Reply
from .resources import keep_location, normal_location
from .store import Document
from .world import World, group_id

TYPE = "Microsoft.DataProtection/backupVaults"

# Azure's region pairs, as far as the sandbox knows them: a geo-redundant vault replicates to the other one.
_PAIRS = {
    left: right
    for pair in (
        ("centraluseuap", "eastus2euap"),
        ("westus", "eastus"),
        ("westus2", "westcentralus"),
        ("centralus", "eastus2"),
        ("northcentralus", "southcentralus"),
        ("northeurope", "westeurope"),
        ("uksouth", "ukwest"),
        ("eastasia", "southeastasia"),
        ("australiaeast", "australiasoutheast"),
        ("japaneast", "japanwest"),
        ("canadacentral", "canadaeast"),
        ("francecentral", "francesouth"),
        ("germanywestcentral", "germanynorth"),
        ("switzerlandnorth", "switzerlandwest"),
        ("norwayeast", "norwaywest"),
        ("centralindia", "southindia"),
    )
    for left, right in (pair, pair[::-1])
}


def find(world: World, request: Request) -> Document:
    """The vault that the request names, or ARM's 404."""
    group = world.group(request)
    vault = world.store.get("vault", group["id"], request["vault"])
    if vault is None:
        raise faults.not_found(TYPE, request["vault"], request["group"])
    return vault


def list_vaults(world: World, request: Request) -> Reply:
    """GET vaults of a resource group or of a subscription."""
    if "group" in request.names:
        vaults = world.store.children("vault", world.group(request)["id"])
    else:
        vaults = list(world.store.below("vault", world.subscription(request)["id"]))
    return listing(request, vaults, world.page_size)


def get(world: World, request: Request) -> Reply:
    """GET one vault."""
    return answer(200, visible(find(world, request)))


def put(world: World, request: Request) -> Reply:
    """PUT a vault, new or known: 201 with ``Azure-AsyncOperation``, done a second later."""
    group = world.group(request)
    body = request.object()
    location = normal_location(body)
    existing = world.store.get("vault", group["id"], request["vault"])
    if existing is None:
        naming.check("vault", request["vault"])
    keep_location(existing, location, request["vault"], group["name"])
    properties = body.get("properties") or {}
    if not properties.get("storageSettings"):
        raise _invalid("properties.storageSettings is missing")
    _check_transition(existing, properties)
    vault = _make(world, group, request["vault"], location, body, existing)
    _check_guard(world, existing, vault, properties)
    world.store.put("vault", group["id"], vault["name"], vault)
    token = operations.start(world, vault, 0.5, "vault.settle", vault=vault["id"])
    headers = operations.vault_headers(request, vault, token)
    return answer(201, visible(vault), headers)


def patch(world: World, request: Request) -> Reply:
    """PATCH a vault's tags, identity or settings: 202 with both headers, the results at the vault."""
    vault = find(world, request)
    body = request.object()
    changes = body.get("properties") or {}
    _check_transition(vault, changes)
    merged = {
        "location": vault["location"],
        "tags": body.get("tags", vault.get("tags")),
        "identity": body.get("identity", vault.get("identity")),
        "properties": {**vault["properties"], **changes},
    }
    updated = _make(world, world.group(request), vault["name"], vault["location"], merged, vault)
    _check_guard(world, vault, updated, changes)
    world.store.put("vault", group_id(vault["id"]), vault["name"], updated)
    token = operations.start(world, updated, 0.5, "vault.settle", vault=vault["id"])
    headers = operations.vault_headers(request, updated, token)
    headers["location"] = request.link(f"{vault['id']}/operationResults/{token}")
    return answer(202, headers=headers)


def delete(world: World, request: Request) -> Reply:
    """DELETE a vault: 202, 204 if there is none, refused while it holds instances or policies."""
    group = world.group(request)
    vault = world.store.get("vault", group["id"], request["vault"])
    if vault is None:
        return answer(204)
    if any(world.store.children(kind, vault["id"]) for kind in ("instance", "deletedInstance", "policy")):
        raise faults.backup("UserErrorBackupVaultNotEmpty")
    token = operations.start(world, vault, 0.5, "vault.remove", vault=vault["id"])
    headers = operations.group_headers(request, vault, token)
    return answer(202, headers=headers)


def settle(world: World, vault: str) -> None:
    """The event that ends a PUT or PATCH."""
    document = world.find("vault", vault)
    if document is not None:
        document["properties"]["provisioningState"] = "Succeeded"
        world.store.put("vault", group_id(vault), document["name"], document)


def remove(world: World, vault: str) -> None:
    """The event that ends a DELETE."""
    world.store.drop("vault", group_id(vault), vault.rpartition("/")[2])
    for proxy in world.store.children("guardProxy", vault):
        world.store.drop("guardProxy", vault, proxy["name"])


def set_guarded(world: World, vault: Document, guarded: bool) -> None:
    """Note whether the vault is mapped to a Resource Guard."""
    properties = vault["properties"]
    score, level = _scores(properties["securitySettings"], guarded)
    properties |= {"isVaultProtectedByResourceGuard": guarded, "secureScore": score, "bcdrSecurityLevel": level}
    world.store.put("vault", group_id(vault["id"]), vault["name"], vault)


def secondary_region(vault: Document) -> str:
    """The region to which cross-region restore of the vault is possible, "" if to none."""
    properties = vault["properties"]
    enabled = _state(properties, ("featureSettings", "crossRegionRestoreSettings")) == "Enabled"
    return str(properties["replicatedRegions"][0]) if enabled and properties["replicatedRegions"] else ""


def soft_delete_days(vault: Document) -> float:
    """How long a deleted instance is kept: 0 where soft delete is off."""
    settings = vault["properties"].get("securitySettings", {}).get("softDeleteSettings", {})
    if settings.get("state", "Off").lower() == "off":
        return 0.0
    return float(settings.get("retentionDurationInDays", 14.0))


def _make(
    world: World,
    group: Document,
    name: str,
    location: str,
    body: dict[str, Any],
    existing: Document | None,
) -> Document:
    """The vault's document, in the member order of the recordings."""
    sent = body.get("properties") or {}
    security = _security(sent.get("securitySettings") or {})
    redundant = any(setting.get("type") == "GeoRedundant" for setting in sent["storageSettings"])
    guarded = existing is not None and existing["properties"]["isVaultProtectedByResourceGuard"]
    score, level = _scores(security, guarded)
    properties: dict[str, Any] = {
        "provisioningState": "Updating" if existing else "Provisioning",
        "storageSettings": [
            {"datastoreType": setting.get("datastoreType"), "type": setting.get("type")}
            for setting in sent["storageSettings"]
        ],
        "isVaultProtectedByResourceGuard": guarded,
        **_given(sent, "monitoringSettings"),
        "securitySettings": security,
        **_given(sent, "featureSettings"),
        "secureScore": score,
        "bcdrSecurityLevel": level,
        "replicatedRegions": [_PAIRS[location]] if redundant and location in _PAIRS else [],
    }
    vault: Document = {"location": location, **_given(body, "tags")}
    identity = _identity(world, body.get("identity"), existing)
    if identity:
        vault["identity"] = identity
    vault |= {
        "properties": properties,
        "id": existing["id"] if existing else f"{group['id']}/providers/{TYPE}/{name}",
        "name": existing["name"] if existing else name,
        "type": TYPE,
        "_": existing["_"] if existing else {"guid": world.guid("vault")},
    }
    return vault


def _security(sent: dict[str, Any]) -> dict[str, Any]:
    soft = sent.get("softDeleteSettings") or {}
    days = soft.get("retentionDurationInDays")
    return {
        "softDeleteSettings": {
            "state": soft.get("state") or "On",
            "retentionDurationInDays": float(14 if days is None else days),
        },
        **{key: value for key, value in sent.items() if key != "softDeleteSettings" and value is not None},
    }


def _scores(security: dict[str, Any], guarded: bool) -> tuple[str, str]:
    """``secureScore`` and ``bcdrSecurityLevel``; every recorded vault, none of them guarded, agrees with this rule."""
    soft = security["softDeleteSettings"]["state"].lower()
    locked = security.get("immutabilitySettings", {}).get("state") == "Locked"
    if soft == "alwayson" or (soft == "on" and locked):
        return ("Maximum", "Excellent") if guarded else ("Adequate", "Good")
    return ("Minimum", "Fair") if soft == "on" else ("None", "Poor")


def _identity(world: World, sent: dict[str, Any] | None, existing: Document | None) -> dict[str, Any] | None:
    """The identity: a system-assigned one keeps its principal for as long as the vault has it."""
    kind = (sent or {}).get("type") or "None"
    if kind.lower() == "none":
        return None
    identity: dict[str, Any] = {"type": kind}
    if "systemassigned" in kind.lower():
        before = ((existing or {}).get("identity") or {}).get("principalId")
        identity["principalId"] = before or world.guid("principal")
    identity["tenantId"] = world.tenant
    users = (sent or {}).get("userAssignedIdentities")
    if users:
        identity["userAssignedIdentities"] = users
    return identity


def _check_transition(existing: Document | None, sent: dict[str, Any]) -> None:
    """Raise the recorded 400s for settings that cannot be taken back."""
    if existing is None:
        return
    before = existing["properties"]
    for path, lock, code in (
        (("securitySettings", "softDeleteSettings"), "AlwaysOn", "UserErrorDisableSoftDeleteNotAllowed"),
        (
            ("securitySettings", "immutabilitySettings"),
            "Locked",
            "UserErrorUnsupportedVaultImmutabilityStateChange",
        ),
        (
            ("featureSettings", "crossRegionRestoreSettings"),
            "Enabled",
            "UserErrorCrossRegionRestoreStateChangeNotAllowed",
        ),
    ):
        was, asked = (_state(source, path) for source in (before, sent))
        if was == lock and asked is not None and asked != lock:
            raise faults.backup(code)


def _check_guard(world: World, before: Document | None, after: Document, sent: dict[str, Any]) -> None:
    for operation in guarding.vault_changes(before, after) if before else ():
        guarding.require(world, after, operation, sent.get("resourceGuardOperationRequests"))


def _state(properties: dict[str, Any], path: tuple[str, str]) -> str | None:
    outer, inner = path
    state: str | None = ((properties.get(outer) or {}).get(inner) or {}).get("state")
    return state


def _given(source: dict[str, Any], key: str) -> dict[str, Any]:
    return {key: source[key]} if source.get(key) else {}


def _invalid(reason: str) -> faults.BackupFault:
    return faults.backup("BMSUserErrorInvalidInput", reason=reason)
