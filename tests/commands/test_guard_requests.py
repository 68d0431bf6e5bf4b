"""From the names of critical operations to the requests that a resource guard lets through."""

from __future__ import annotations

from typing import Any

import pytest

from dpmagic.arm.plans import Manner, carry_out
from dpmagic.arm.requests import Request
from dpmagic.commands.guard_requests import (
    BACKUP_VAULTS,
    RECOVERY_SERVICES,
    critical_operations,
    from_tenant,
    operation_requests,
)
from dpmagic.commands.model import Args
from dpmagic.errors import InvalidArgument
from tests.canned import NO_REFERENCE, SUB, Heard, canned_connection, recorded


def resolve(given: list[str] | None, details: list[tuple[str, str]] = ()) -> tuple[list[str], int]:  # type: ignore[assignment]
    """The requests, and how many were sent to find them."""
    operations = [{"vaultCriticalOperation": name, "defaultResourceRequest": request} for name, request in details]
    mapping = {"properties": {"resourceGuardOperationDetails": operations}}
    connection, sent = canned_connection(
        [["GET", "/backupResourceGuardProxies/DppResourceGuardProxy", 200, {}, mapping]]
    )
    args = Args({"resource_group": "g", "vault_name": "v", "resource_guard_operation_requests": given}, lambda: SUB)
    return carry_out(operation_requests(args), lambda: connection, Manner(Heard())).value, len(sent)


def test_ids_stay_and_need_no_look() -> None:
    assert resolve(["/a/b", "/c"]) == (["/a/b", "/c"], 0)
    assert resolve(None) == ([], 0)


def test_names_are_looked_up_once_and_order_stays() -> None:
    details = [
        ("Microsoft.DataProtection/backupvaults/backupInstances/delete", "/delete"),
        ("Microsoft.DataProtection/backupVaults/backupResourceGuardProxies/delete", "/mua"),
    ]
    assert resolve(["DisableMUA", "/raw", "deletebackupinstance", "deleteRGMapping"], details) == (
        ["/mua", "/raw", "/delete", "/mua"],
        1,
    )


def test_a_name_that_the_guard_does_not_protect() -> None:
    with pytest.raises(InvalidArgument, match="of vault v does not protect DataProtectionRestore"):
        resolve(["DataProtectionRestore"])


def test_a_misspelt_name_is_no_request_id() -> None:
    with pytest.raises(InvalidArgument, match="'DeleteBackupInstnace' is no critical operation") as error:
        resolve(["DeleteBackupInstnace"])
    assert error.value.hint == "did you mean DeleteBackupInstance?"


def recorded_operations() -> set[str]:
    """The critical operations that a guard of the real service lists."""
    found = [
        request["response"]["properties"].get("resourceGuardOperations") or []
        for step in recorded("wire/resource-guard.json")
        for request in step["requests"]
        if request["method"] == "PUT" and "/resourceGuards/" in request["path"]
    ]
    return {one["vaultCriticalOperation"] for operations in found for one in operations}


@pytest.mark.skipif(not recorded("wire/resource-guard.json"), reason=NO_REFERENCE)
@pytest.mark.parametrize(
    ("vault_type", "names"),
    [
        (
            BACKUP_VAULTS,
            "DisableMUA DeleteBackupInstance DataProtectionDisableImmutability DataProtectionSoftDelete "
            "DataProtectionStopProtection DataProtectionSuspendBackup DataProtectionRestore "
            "DataProtectionModifyEncryptionSettings DataProtectionModifyBackupInstance",
        ),
        (
            RECOVERY_SERVICES,
            "deleteRGMapping deleteProtection updateProtection updatePolicy getSecurityPIN disableSoftDelete "
            "RecoveryServicesDisableImmutability RecoveryServicesStopProtection",
        ),
    ],
)
def test_names_stand_for_operations_of_the_service(vault_type: str, names: str) -> None:
    meant = critical_operations(names.split(), vault_type)
    assert set(meant) <= recorded_operations()
    assert len(set(meant)) == len(meant)


def test_a_name_of_the_other_type_of_vault_is_none_here() -> None:
    with pytest.raises(InvalidArgument, match="'getSecurityPIN' is no critical operation of"):
        resolve(["getSecurityPIN"])


def test_a_word_that_is_like_no_name_is_the_id_of_a_request() -> None:
    assert resolve(["req-7", "/a"]) == (["req-7", "/a"], 0)


def test_full_names_stay() -> None:
    full = f"{RECOVERY_SERVICES}/backupconfig/write"
    assert critical_operations([full], BACKUP_VAULTS) == [full]


@pytest.mark.parametrize("tenant", [None, ""])
def test_without_a_tenant_nothing_is_added(tenant: Any) -> None:
    request = Request("GET", "/x")
    assert from_tenant(request, tenant) == request
