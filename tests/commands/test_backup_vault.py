"""Vaults: az's bodies, both forms of storage settings, and what a change is said to touch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dpmagic.commands.vault_body import identities, merged, writable
from tests.canned import Run, Sent, az

UAMI = "/subscriptions/s/resourceGroups/my.rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1"

_GUARDED = [
    {
        "vaultCriticalOperation": f"Microsoft.DataProtection/backupVaults/write#{operation}",
        "defaultResourceRequest": f"/{operation}",
    }
    for operation in ("reduceSoftDeleteSecurity", "reduceImmutabilityState")
]


class Vault:
    """A vault that is what was last put; answers for reads of what is in it."""

    def __init__(self, properties: dict[str, Any] | None = None, **fields: Any) -> None:
        security = {
            "softDeleteSettings": {"state": "On", "retentionDurationInDays": 14.0},
            "immutabilitySettings": {"state": "Unlocked"},
        }
        body = {
            "location": "eastus",
            "name": "v1",
            "properties": {"provisioningState": "Succeeded", "securitySettings": security, **(properties or {})},
        }
        self.body: Any = {**body, **fields}

    def answers(self) -> list[Any]:
        put: Callable[[Sent], Any] = lambda sent: sent.body  # noqa: E731
        return [
            ["GET", r"/backupVaults/v1\?", 200, {}, self.body],
            ["PUT", r"/backupVaults/v1\?", 200, {}, put],
            ["GET", "/backupInstances", 200, {}, {"value": [{"name": "a"}, {"name": "b"}]}],
            ["GET", r"/resourceGroups/rg1\?", 200, {}, {"location": "westus"}],
            [
                "GET",
                "/backupResourceGuardProxies/",
                200,
                {},
                {"properties": {"resourceGuardOperationDetails": _GUARDED}},
            ],
        ]

    def run(self, words: str) -> Run:
        return az(f"backup-vault {words} -g rg1 -v v1", self.answers())


def put(run: Run) -> Any:
    """The body of the only change that was sent."""
    assert run.error is None
    [sent] = [one for one in run.http if one.method == "PUT"]
    return sent.body


@pytest.mark.parametrize(
    ("form", "settings"),
    [
        ("--storage-setting '[{type:ZoneRedundant,datastore-type:VaultStore}]'", [("ZoneRedundant", "VaultStore")]),
        ("--storage-settings type=GeoRedundant datastore-type=VaultStore", [("GeoRedundant", "VaultStore")]),
        ("--storage-settings datastore_type=vaultstore type=georedundant", [("GeoRedundant", "VaultStore")]),
        (
            "--storage-settings type=GeoRedundant datastore-type=VaultStore "
            "type=LocallyRedundant datastoreType=OperationalStore",
            [("GeoRedundant", "VaultStore"), ("LocallyRedundant", "OperationalStore")],
        ),
        (
            """--storage-setting '{"type":"LocallyRedundant","datastoreType":"ArchiveStore"}'""",
            [("LocallyRedundant", "ArchiveStore")],
        ),
    ],
)
def test_storage_settings_in_every_form(form: str, settings: list[tuple[str, str]]) -> None:
    expected = [{"type": type_, "datastoreType": store} for type_, store in settings]
    assert put(Vault().run(f"create {form}"))["properties"]["storageSettings"] == expected


@pytest.mark.parametrize(
    ("form", "message", "hint"),
    [
        ("type=GeoRedundnat datastore-type=VaultStore", "type cannot be 'GeoRedundnat'", "GeoRedundant"),
        ("tpye=GeoRedundant datastore-type=VaultStore", "no 'tpye'", "type"),
        ("type=GeoRedundant", "needs datastoreType", "datastore-type=VaultStore"),
    ],
)
def test_storage_settings_that_cannot_be(form: str, message: str, hint: str) -> None:
    run = Vault().run(f"create --storage-settings {form}")
    assert run.error
    assert message in run.error.message
    assert hint in run.error.hint
    assert run.http == []


def test_the_region_is_normalised() -> None:
    created = Vault().run('create --storage-settings type=GeoRedundant datastore-type=VaultStore -l "East US"')
    assert put(created)["location"] == "eastus"
    created = Vault().run("create --storage-settings type=GeoRedundant datastore-type=VaultStore")
    assert put(created)["location"] == "westus"


@pytest.mark.parametrize(
    "form", [UAMI, f"{UAMI}={{}}", f"'{{\"{UAMI}\":{{}}}}'"], ids=["the id", "az's pair", "an object"]
)
def test_user_assigned_identities(form: str) -> None:
    run = Vault().run(
        f"create --storage-settings type=GeoRedundant datastore-type=VaultStore --type UserAssigned --uami {form} "
        f"--cmk-encryption-state Enabled --cmk-identity-type UserAssigned --cmk-uami {UAMI} "
        "--cmk-encryption-key-uri https://k --cmk-infra-encryption Enabled"
    )
    assert put(run)["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {UAMI: {}}}
    assert put(run)["properties"]["securitySettings"]["encryptionSettings"] == {
        "state": "Enabled",
        "infrastructureEncryption": "Enabled",
        "kekIdentity": {"identityType": "UserAssigned", "identityId": UAMI},
        "keyVaultProperties": {"keyUri": "https://k"},
    }


def test_an_identity_is_an_id() -> None:
    run = Vault().run("update --uami name-only")
    assert run.error
    assert "'name-only' is not a resource id" in run.error.message
    assert identities(['{"/a":{}}', "/b={}"]) == {"/a": {}, "/b": {}}


def test_update_merges_and_drops_what_only_azure_writes() -> None:
    identity = {
        "type": "SystemAssigned, UserAssigned",
        "principalId": "p",
        "userAssignedIdentities": {UAMI: {"clientId": "c"}},
    }
    vault = Vault(
        {"secureScore": "None", "replicatedRegions": ["westus"]},
        identity=identity,
        tags={"a": "b"},
        eTag="1",
        systemData={},
    )
    body = put(vault.run("update --tags x=y --job-failure-alerts Enabled --set tags.n=1"))
    assert body["tags"] == {"a": "b", "x": "y", "n": "1"}
    assert body["identity"] == {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {UAMI: {}}}
    assert set(body) == {"eTag", "identity", "location", "properties", "tags"}
    assert set(body["properties"]) == {"monitoringSettings", "replicatedRegions", "securitySettings"}
    body = put(vault.run("update --type SystemAssigned"))
    assert body["identity"] == {"type": "SystemAssigned"}


def test_system_assigned_encryption_forgets_the_other_identity() -> None:
    encryption = {"state": "Enabled", "kekIdentity": {"identityType": "UserAssigned", "identityId": UAMI}}
    body = put(
        Vault({"securitySettings": {"encryptionSettings": encryption}}).run("update --cmk-identity-type SystemAssigned")
    )
    assert body["properties"]["securitySettings"]["encryptionSettings"]["kekIdentity"] == {
        "identityType": "SystemAssigned",
        "identityId": None,
    }


def test_every_operation_request_is_sent() -> None:
    run = Vault().run(
        "update --tags x=y --tenant-id t1 "
        "--operation-requests DataProtectionSoftDelete dataprotectiondisableimmutability /mine"
    )
    assert put(run)["properties"]["resourceGuardOperationRequests"] == [
        "/reduceSoftDeleteSecurity",
        "/reduceImmutabilityState",
        "/mine",
    ]
    assert [one.headers.get("x-ms-authorization-auxiliary") is not None for one in run.http] == [False, False, True]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--soft-delete-state Off", "soft delete is Off"),
        ("--soft-delete-state AlwaysOn", "AlwaysOn, which cannot be turned off again"),
        ("--soft-delete-retention 7", "keeps for 7 days what it kept for 14"),
        ("--immutability-state Locked", "immutability is Locked, for good"),
        ("--immutability-state Disabled", "from Unlocked to Disabled"),
        ("--csr-state PermanentlyDisabled", "cross-subscription restore is disabled for good"),
        ("--set properties.securitySettings.softDeleteSettings.state=Off", "soft delete is Off"),
        ("--soft-delete-retention 30 --immutability-state Unlocked --tags a=b", ""),
    ],
)
def test_what_weakens_a_vault_is_said_with_what_it_touches(words: str, said: str) -> None:
    run = Vault().run(f"update {words}")
    assert run.error is None
    assert [said in line and "2 backup instances" in line for line in run.said] == [True] * bool(said)


def test_a_refused_count_is_told_and_not_fatal() -> None:
    refused = ["GET", "/backupInstances", 403, {}, {"error": {"code": "AuthorizationFailed", "message": "no"}}]
    run = az("backup-vault update -g rg1 -v v1 --soft-delete-state Off", [refused, *Vault().answers()])
    assert put(run)["properties"]["securitySettings"]["softDeleteSettings"]["state"] == "Off"
    assert "could not count: AuthorizationFailed" in run.said[0]


def test_dry_run_sends_the_reads_alone() -> None:
    run = Vault().run("update --soft-delete-state Off --dry-run")
    assert {one.method for one in run.http} == {"GET"}
    assert [step["method"] for step in run.result] == ["PUT"]


def test_delete_asks() -> None:
    asked: list[str] = []
    answers = [["DELETE", "/backupVaults/v1", 204, {}, None], ["GET", "", 200, {}, {"value": []}]]
    run = az("backup-vault delete -g rg1 -v v1", answers, ask=lambda question: bool(asked.append(question)))
    assert (run.rc, asked) == (1, ["Are you sure you want to delete vault v1?"])
    assert "DELETE" not in {one.method for one in run.http}
    run = az("backup-vault delete -g rg1 -v v1", answers, ask=lambda question: True)
    assert run.rc == 0
    assert run.http[-1].method == "DELETE"


def test_taking_a_vault_out_of_its_guard_is_said_and_asked() -> None:
    answers = [
        ["DELETE", "/backupResourceGuardProxies/DppResourceGuardProxy", 200, {}, None],
        ["GET", "/recoveryPoints", 200, {}, {"value": [{"name": "p"}]}],
        ["GET", "/backupInstances", 200, {}, {"value": [{"name": "b1"}, {"name": "b2"}]}],
    ]
    run = az("backup-vault resource-guard-mapping delete -g rg1 -v v1 -n DppResourceGuardProxy", answers)
    assert (run.rc, {one.method for one in run.http}) == (1, {"GET"})
    assert run.said[0].startswith("vault v1 (2 backup instances, 2 recovery points): it comes out of its resource")
    assert az("backup-vault resource-guard-mapping delete -g rg1 -v v1 -n DppResourceGuardProxy -y", answers).rc == 0


def states(*found: str) -> list[Any]:
    """A vault whose provisioning goes through these states, and stays at the last."""
    body = [{"name": "v1", "properties": {"provisioningState": state}} for state in found]
    return [
        *(
            [
                ("GET", "", 404 if not state else 200, {}, one, 1)
                for state, one in zip(found[:-1], body[:-1], strict=True)
            ]
        ),
        ("GET", "", 404 if not found[-1] else 200, {}, body[-1]),
    ]


@pytest.mark.parametrize(
    ("words", "found", "looks"),
    [
        ("--created", ("", "Provisioning", "Succeeded"), 3),
        ("--updated", ("Updating", "Succeeded"), 2),
        ("--deleted", ("Deleting", "Deleting", ""), 3),
        ("--exists", ("", "Provisioning"), 2),
        ("--custom \"properties.provisioningState=='Updating'\"", ("Succeeded", "Updating"), 2),
    ],
)
def test_wait(words: str, found: tuple[str, ...], looks: int) -> None:
    run = az(f"backup-vault wait -g rg1 -v v1 {words} --interval 5", states(*found))
    assert (run.rc, run.result, len(run.http)) == (0, None, looks)


@pytest.mark.parametrize(
    ("words", "found", "rc", "message"),
    [
        ("", ("Succeeded",), 1, "wait needs to know what for"),
        ("--created", ("Provisioning", "Failed"), 1, "ended as failed"),
        ("--created --timeout 60", ("Provisioning",), 1, "not so after"),
        ("--created --interval 0", ("Succeeded",), 1, "--interval cannot be 0"),
        ("--custom '['", ("Succeeded",), 1, "--custom is not JMESPath"),
    ],
)
def test_wait_that_does_not_end_well(words: str, found: tuple[str, ...], rc: int, message: str) -> None:
    run = az(f"backup-vault wait -g rg1 -v v1 {words}", states(*found))
    assert run.error
    assert (run.rc, message in run.error.message) == (rc, True)


def test_what_is_to_be_updated_must_be_there() -> None:
    missing = ["GET", r"backupVaults/v1\?", 404, {}, {"error": {"code": "ResourceNotFound", "message": "not here"}}]
    run = az("backup-vault wait -g rg1 -v v1 --updated", [missing, ["GET", "", 200, {}, {"value": []}]])
    assert run.rc == 3


def test_merging_leaves_its_arguments_alone() -> None:
    vault = {"properties": {"a": {"b": 1}}, "location": "x"}
    before = writable(vault)
    assert merged(before, {"properties": {"a": {"c": 2}}})["properties"]["a"] == {"b": 1, "c": 2}
    assert vault == {"properties": {"a": {"b": 1}}, "location": "x"}
