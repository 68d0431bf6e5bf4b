"""Multi-user authorization: whether a vault's Resource Guard lets a critical operation through.

A vault is mapped to a guard by its backupResourceGuardProxies. From then on an operation that the guard protects needs
the guard's own request for it in ``resourceGuardOperationRequests``; a DELETE, which has no body, an unlock of the last
30 minutes. In Azure the caller also needs rights on the guard; the sandbox's one caller has them.
"""

from __future__ import annotations

from typing import Any

from . import faults
from .store import Document
from .world import World

_DP = "Microsoft.DataProtection/backupVaults"
DELETE_INSTANCE = f"{_DP}/backupInstances/delete"
DELETE_MAPPING = f"{_DP}/backupResourceGuardProxies/delete"
REDUCE_IMMUTABILITY = f"{_DP}/write#reduceImmutabilityState"
REDUCE_SOFT_DELETE = f"{_DP}/write#reduceSoftDeleteSecurity"
MODIFY_ENCRYPTION = f"{_DP}/write#modifyEncryptionSettings"
STOP_PROTECTION = f"{_DP}/backupInstances/stopProtection/action"
SUSPEND_BACKUPS = f"{_DP}/backupInstances/suspendBackups/action"
MODIFY_INSTANCE = f"{_DP}/backupInstances/write"
RESTORE = f"{_DP}/backupInstances/restore/action"

#: The operations of Backup vaults in the recorded order, with the guard's collection of requests for each.
REQUESTS = {
    DELETE_INSTANCE: "deleteBackupInstanceRequests",
    DELETE_MAPPING: "deleteResourceGuardProxyRequests",
    REDUCE_IMMUTABILITY: "dppReduceImmutabilityStateRequests",
    REDUCE_SOFT_DELETE: "dppReduceSoftDeleteSecurityRequests",
    MODIFY_ENCRYPTION: "dppModifyEncryptionSettingsRequests",
    STOP_PROTECTION: "dppDisableStopProtectionRequests",
    SUSPEND_BACKUPS: "dppDisableSuspendBackupsRequests",
    MODIFY_INSTANCE: "dppModifyPolicy",
    RESTORE: "dppTriggerRestoreRequests",
}

_RANKS = {"disabled": 0, "off": 0, "unlocked": 1, "on": 1, "locked": 2, "alwayson": 2}


def mapping(world: World, vault: Document) -> Document | None:
    """The vault's mapping to a guard, None if it has none."""
    return next(iter(world.store.children("guardProxy", vault["id"])), None)


def details(guard: Document) -> list[dict[str, str]]:
    """The operations of Backup vaults that a guard protects, each with its request."""
    excluded = {name.lower() for name in guard["properties"]["vaultCriticalOperationExclusionList"]}
    return [
        {"vaultCriticalOperation": operation, "defaultResourceRequest": f"{guard['id']}/{requests}/default"}
        for operation, requests in REQUESTS.items()
        if operation.lower() not in excluded
    ]


def require(world: World, vault: Document, operation: str, requests: Any) -> None:
    """Raise if the vault's guard protects the operation and its request for it is not among ``requests``."""
    guard, wanted = _wanted(world, vault, operation)
    given = {str(request).lower() for request in requests or ()} if isinstance(requests, list) else set()
    if guard is not None and wanted.lower() not in given:
        words = {"operation": operation, "guard": guard["name"], "request": wanted}
        raise faults.backup("UserErrorResourceGuardOperationRequestMissing", **words)


def unlock(world: World, vault: Document, operation: str, target: str, until: int) -> None:
    """Let a DELETE of the target through until an instant."""
    world.store.put("unlock", vault["id"], f"{operation}|{target}", {"until": until})


def require_unlocked(world: World, vault: Document, operation: str, target: str) -> None:
    """Raise if the vault's guard protects a DELETE that nobody has unlocked for the target."""
    guard, wanted = _wanted(world, vault, operation)
    unlocked = world.store.get("unlock", vault["id"], f"{operation}|{target}")
    if guard is not None and (unlocked is None or unlocked["until"] < world.now):
        words = {"operation": operation, "guard": guard["name"], "request": wanted}
        raise faults.backup("UserErrorResourceGuardUnlockRequired", **words)


def vault_changes(before: Document, after: Document) -> list[str]:
    """The critical operations that a change of a vault amounts to."""
    old, new = (vault["properties"]["securitySettings"] for vault in (before, after))
    found = []
    if _rank(new.get("immutabilitySettings")) < _rank(old.get("immutabilitySettings")):
        found.append(REDUCE_IMMUTABILITY)
    was, becomes = old["softDeleteSettings"], new["softDeleteSettings"]
    shorter = becomes["retentionDurationInDays"] < was["retentionDurationInDays"]
    if _rank(becomes) < _rank(was) or (_rank(was) and shorter):
        found.append(REDUCE_SOFT_DELETE)
    if new.get("encryptionSettings") != old.get("encryptionSettings"):
        found.append(MODIFY_ENCRYPTION)
    return found


def _wanted(world: World, vault: Document, operation: str) -> tuple[Document | None, str]:
    """The guard that protects the operation, None if none does, and its request for it."""
    mapped = mapping(world, vault)
    guard = world.find("guard", mapped["properties"]["resourceGuardResourceId"]) if mapped else None
    for detail in details(guard) if guard else ():
        if detail["vaultCriticalOperation"] == operation:
            return guard, detail["defaultResourceRequest"]
    return None, ""


def _rank(settings: dict[str, Any] | None) -> int:
    return _RANKS.get(str((settings or {}).get("state") or "Disabled").lower(), 0)
