"""The names of critical operations, and the requests with which a resource guard lets one through."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace
from typing import Any

from dpmagic.arm.plans import Step, fetch
from dpmagic.arm.requests import Request
from dpmagic.commands.common import vault
from dpmagic.commands.model import Args
from dpmagic.errors import InvalidArgument, did_you_mean, nearest

MAPPING = "DppResourceGuardProxy"
# What ``--operation-requests`` needs beside the command's own permission.
PERMISSION = "with names in --operation-requests Microsoft.DataProtection/backupVaults/backupResourceGuardProxies/read"
BACKUP_VAULTS, RECOVERY_SERVICES = "Microsoft.DataProtection/backupVaults", "Microsoft.RecoveryServices/vaults"

# az's short names: what they stand for below the type of vault.
_ANY_VAULT = {
    "DisableMUA": "/backupResourceGuardProxies/delete",
    "deleteRGMapping": "/backupResourceGuardProxies/delete",
}
_OPERATIONS = {
    BACKUP_VAULTS: {
        **_ANY_VAULT,
        "DeleteBackupInstance": "/backupInstances/delete",
        "DataProtectionDisableImmutability": "/write#reduceImmutabilityState",
        "DataProtectionSoftDelete": "/write#reduceSoftDeleteSecurity",
        "DataProtectionStopProtection": "/backupInstances/stopProtection/action",
        "DataProtectionSuspendBackup": "/backupInstances/suspendBackups/action",
        "DataProtectionRestore": "/backupInstances/restore/action",
        "DataProtectionModifyEncryptionSettings": "/write#modifyEncryptionSettings",
        "DataProtectionModifyBackupInstance": "/backupInstances/write",
    },
    RECOVERY_SERVICES: {
        **_ANY_VAULT,
        "deleteProtection": "/backupFabrics/protectionContainers/protectedItems/delete",
        "updateProtection": "/backupFabrics/protectionContainers/protectedItems/write",
        "updatePolicy": "/backupPolicies/write",
        "getSecurityPIN": "/backupSecurityPIN/action",
        "disableSoftDelete": "/backupconfig/write",
        "RecoveryServicesDisableImmutability": "/write#reduceImmutabilityState",
        "RecoveryServicesStopProtection": (
            "/backupFabrics/protectionContainers/protectedItems/write#stopProtectionWithRetainData"
        ),
        "RecoveryServicesModifyEncryptionSettings": "/write#modifyEncryptionSettings",
    },
}


def critical_operations(names: Iterable[str], vault_type: str) -> list[str]:
    """The critical operations that the short names stand for; a full name stays.

    >>> critical_operations(["DeleteBackupInstance"], "Microsoft.DataProtection/backupVaults")
    ['Microsoft.DataProtection/backupVaults/backupInstances/delete']

    Raises `InvalidArgument` for a word that is neither.
    """
    return [name if "/" in name else _operation(name, vault_type) for name in names]


def _operation(name: str, vault_type: str) -> str:
    known = _OPERATIONS[vault_type]
    suffix = {short.lower(): suffix for short, suffix in known.items()}.get(name.lower())
    if suffix is None:
        raise InvalidArgument(
            f"{name!r} is no critical operation of {vault_type}",
            did_you_mean(name, known, f"one of: {', '.join(known)}"),
        )
    return f"{vault_type}{suffix}"


def operation_requests(args: Args) -> Generator[Step, Any, list[str]]:
    """What ``--operation-requests`` comes to: ids of requests.

    A short name is looked up in the vault's resource guard mapping, which holds the default request of each operation;
    any other word is a request's own id and stays as it is, as in az.  Raises `InvalidArgument` for a misspelt name and
    for one that the guard of this vault does not protect.
    """
    given: list[str] = args.resource_guard_operation_requests or []
    wanted = {name: _operation(name, BACKUP_VAULTS) for name in given if _is_short(name)}
    if not wanted:
        return given
    mapping = yield from fetch(Request("GET", vault(args, "backupResourceGuardProxies", MAPPING)))
    requests = {
        detail["vaultCriticalOperation"].lower(): detail["defaultResourceRequest"]
        for detail in (mapping.get("properties") or {}).get("resourceGuardOperationDetails") or []
    }
    if missing := [name for name, operation in wanted.items() if operation.lower() not in requests]:
        raise InvalidArgument(
            f"the resource guard of vault {args.vault_name} does not protect {', '.join(missing)}",
            "leave it out, or give the id of a request; see `backup-vault resource-guard-mapping show`",
        )
    return [requests[wanted[name].lower()] if name in wanted else name for name in given]


def _is_short(word: str) -> bool:
    """Whether a word is meant as a short name, of this type of vault or the other."""
    return "/" not in word and bool(nearest(word, [name for names in _OPERATIONS.values() for name in names]))


def from_tenant(request: Request, tenant_id: str | None) -> Request:
    """The request, which also speaks for the caller in the resource guard's tenant."""
    return replace(request, auxiliary_tenant=tenant_id or "")
