"""Multi-user authorization: what a Resource Guard keeps from happening, and what lets it happen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from .client import (
    BACKUP,
    RESTORED,
    VAULT,
    VAULT_GROUP,
    Client,
    back_up,
    instance_properties,
    restore_body,
    soft_delete,
    vault_body,
)
from .test_refusals import code

GUARD = f"{VAULT_GROUP}/providers/Microsoft.DataProtection/resourceGuards/guard"
PROXY = f"{VAULT}/backupResourceGuardProxies/DppResourceGuardProxy"
DP = "Microsoft.DataProtection/backupVaults"
MISSING, LOCKED = "UserErrorResourceGuardOperationRequestMissing", "UserErrorResourceGuardUnlockRequired"


def guard(client: Client, *excluded: str, location: str = "westus") -> Any:
    """Make the guard, or change what it excludes."""
    properties = {"vaultCriticalOperationExclusionList": [f"{DP}{name}" for name in excluded]}
    return client.send("PUT", GUARD, {"location": location, "properties": properties})


def mapped(client: Client) -> Client:
    """Map the vault to the guard."""
    assert guard(client).status == 200
    answer = client.send("PUT", PROXY, {"properties": {"resourceGuardResourceId": GUARD}})
    assert answer.status == 200
    return client


def requests(client: Client, operation: str) -> dict[str, list[str]]:
    """The body that lets an operation through: what the mapping says of it."""
    details = client.get(PROXY)["properties"]["resourceGuardOperationDetails"]
    found = [d["defaultResourceRequest"] for d in details if d["vaultCriticalOperation"] == f"{DP}{operation}"]
    return {"resourceGuardOperationRequests": found}


@pytest.mark.parametrize("action", ["stopProtection", "suspendBackups"])
def test_pausing_needs_the_guard_s_request(protected: tuple[Client, str], action: str) -> None:
    client, instance = protected
    mapped(client)
    operation = f"/backupInstances/{action}/action"
    other = requests(client, "/backupInstances/restore/action")
    for body in (None, {}, {"resourceGuardOperationRequests": []}, other):
        refused = client.send("POST", f"{instance}/{action}", body)
        assert (refused.status, code(refused)) == (400, MISSING)
        assert operation in refused.body["error"]["message"]
    client.done("POST", f"{instance}/{action}", requests(client, operation))


def test_restoring_and_moving_to_another_policy(protected: tuple[Client, str]) -> None:
    client, instance = protected
    back_up(client, mapped(client) and instance)
    point = client.get(f"{instance}/recoveryPoints")["value"][0]["name"]
    order = restore_body(point, f"{RESTORED}/providers/Microsoft.Compute/disks/copy")
    assert code(client.send("POST", f"{instance}/restore", order)) == MISSING
    asked = client.send("POST", f"{instance}/validateRestore", {"restoreRequestObject": order})
    assert asked.status == 202, "looking is not restoring"
    client.done("POST", f"{instance}/restore", order | requests(client, "/backupInstances/restore/action"))
    properties = instance_properties()
    assert code(client.send("PUT", instance, {"properties": properties})) == MISSING
    client.done("PUT", instance, {"properties": properties | requests(client, "/backupInstances/write")})
    assert "resourceGuardOperationRequests" not in client.get(instance)["properties"]


def settings(soft: str, days: float, immutable: str, **more: Any) -> dict[str, Any]:
    """A vault's body with security settings."""
    security = soft_delete(soft)["securitySettings"] | {"immutabilitySettings": {"state": immutable}} | more
    security["softDeleteSettings"]["retentionDurationInDays"] = days
    return vault_body(securitySettings=security)


KEY = {"encryptionSettings": {"state": "Enabled", "keyVaultProperties": {"keyUri": "https://kv/keys/k/1"}}}


@pytest.mark.parametrize(
    ("change", "operation"),
    [
        (settings("Off", 30.0, "Unlocked"), "/write#reduceSoftDeleteSecurity"),
        (settings("On", 14.0, "Unlocked"), "/write#reduceSoftDeleteSecurity"),
        (settings("On", 30.0, "Disabled"), "/write#reduceImmutabilityState"),
        (settings("On", 30.0, "Unlocked", **KEY), "/write#modifyEncryptionSettings"),
        (settings("On", 60.0, "Unlocked"), None),
        (settings("AlwaysOn", 30.0, "Locked"), None),
    ],
)
def test_lowering_a_vault_s_security(client: Client, change: dict[str, Any], operation: str | None) -> None:
    client.done("PUT", VAULT, settings("On", 30.0, "Unlocked"))
    mapped(client)
    if operation is not None:
        for method in ("PUT", "PATCH"):
            assert code(client.send(method, VAULT, change)) == MISSING
        change = {**change, "properties": change["properties"] | requests(client, operation)}
    client.done("PUT", VAULT, change)
    assert "resourceGuardOperationRequests" not in client.get(VAULT)["properties"]


def test_deleting_an_instance_needs_an_unlock_of_half_an_hour(protected: tuple[Client, str]) -> None:
    client, instance = protected
    mapped(client)
    body = requests(client, "/backupInstances/delete") | {"resourceToBeDeleted": instance}
    assert code(client.send("DELETE", instance)) == LOCKED
    assert code(client.send("POST", f"{PROXY}/unlockDelete", {"resourceToBeDeleted": instance})) == MISSING
    assert client.send("POST", f"{PROXY}/unlockDelete", body).status == 200
    client.sandbox.sleep(31 * 60)
    assert code(client.send("DELETE", instance)) == LOCKED
    client.send("POST", f"{PROXY}/unlockDelete", body)
    assert code(client.send("DELETE", PROXY)) == LOCKED, "another target stays locked"
    client.sandbox.sleep(29 * 60)
    client.done("DELETE", instance)
    gone = client.send("POST", f"{PROXY}/unlockDelete", body)
    assert (gone.status, code(gone)) == (404, "UserErrorGenericResourceNotFound")


def test_the_mapping_and_the_vault_that_shows_it(client: Client) -> None:
    client.done("PUT", VAULT, vault_body(**soft_delete("AlwaysOn")))
    before = client.get(VAULT)["properties"]
    assert (before["isVaultProtectedByResourceGuard"], before["secureScore"]) == (False, "Adequate")
    mapped(client)
    client.done("PUT", VAULT, vault_body(**soft_delete("AlwaysOn")))
    after = client.get(VAULT)["properties"]
    assert (after["isVaultProtectedByResourceGuard"], after["secureScore"]) == (True, "Maximum")
    assert client.get(f"{VAULT}/backupResourceGuardProxies")["value"] == [client.get(PROXY)]
    assert code(client.send("DELETE", GUARD)) == "UserErrorResourceGuardInUse"
    assert code(client.send("DELETE", PROXY)) == LOCKED
    unlock = client.send("POST", f"{PROXY}/unlockDelete", requests(client, "/backupResourceGuardProxies/delete"))
    assert unlock.status == 200
    assert client.send("DELETE", PROXY).status == 200
    assert client.send("DELETE", PROXY).status == 204
    assert client.get(VAULT)["properties"]["isVaultProtectedByResourceGuard"] is False
    assert client.send("DELETE", GUARD).status == 200
    assert client.send("DELETE", GUARD).status == 204


def test_another_guard_in_its_place(client: Client) -> None:
    client.done("PUT", VAULT, vault_body())
    mapped(client)
    weaker = GUARD + "2"
    assert client.send("PUT", weaker, {"location": "westus"}).status == 200
    assert code(client.send("PUT", PROXY, {"properties": {"resourceGuardResourceId": weaker}})) == LOCKED
    assert client.send("PUT", PROXY, {"properties": {"resourceGuardResourceId": GUARD}}).status == 200


def test_what_is_excluded_passes(protected: tuple[Client, str]) -> None:
    client, instance = protected
    mapped(client)
    assert guard(client, "/backupInstances/stopProtection/action", "/backupInstances/delete").status == 200
    assert requests(client, "/backupInstances/delete") == {"resourceGuardOperationRequests": []}
    client.done("POST", f"{instance}/stopProtection")
    client.done("DELETE", instance)


@pytest.mark.parametrize(
    "excluded", ["/write#reduceSoftDeleteSecurity", "/backupResourceGuardProxies/delete", "/no/such/operation"]
)
def test_what_cannot_be_excluded(client: Client, excluded: str) -> None:
    assert code(guard(client, excluded)) == "BMSUserErrorInvalidInput"
    assert client.send("GET", GUARD).status == 404


def test_guards_that_cannot_be_mapped(client: Client) -> None:
    client.done("PUT", VAULT, vault_body())
    assert guard(client, location="eastus").status == 200
    for arm_id in (GUARD, GUARD + "none", None, 5):
        refused = client.send("PUT", PROXY, {"properties": {"resourceGuardResourceId": arm_id}})
        assert code(refused) == "BMSUserErrorInvalidInput"
    assert code(guard(client, location="westus")) == "InvalidResourceLocation"


def test_request_objects(client: Client) -> None:
    guard(client)
    kinds = ("dppDisableStopProtectionRequests", "disableSoftDeleteRequests", "dppModifyPolicy")
    for kind in kinds:
        (found,) = client.get(f"{GUARD}/{kind}")["value"]
        assert found == client.get(f"{GUARD}/{kind}/default")
        assert found["id"] == f"{GUARD}/{kind}/default"
    assert client.send("GET", f"{GUARD}/{kinds[0]}/other").status == 404
    assert client.send("GET", f"{GUARD}/nothing").status == 404


def test_lists_of_guards(client: Client) -> None:
    guard(client)
    scopes: Iterable[str] = (VAULT_GROUP, f"/subscriptions/{BACKUP}")
    for scope in scopes:
        (found,) = client.get(f"{scope}/providers/Microsoft.DataProtection/resourceGuards")["value"]
        assert found == client.get(GUARD)
