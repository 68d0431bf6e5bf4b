"""What a change is said to touch: effects worked out from bodies, counts from reads that may be refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.arm.plans import Manner, Plan, carry_out
from dpmagic.commands import impact
from dpmagic.commands.effects import shorter_retention, vault_effects
from dpmagic.commands.model import Args
from tests.canned import SUB, Heard, canned_connection

ARGS = Args(
    {"resource_group": "g", "vault_name": "v", "backup_instance_name": "b", "resource_guard_name": "r"}, lambda: SUB
)
IMMUTABILITY = ("Disabled", "Unlocked", "Locked")
REFUSED = {"error": {"code": "AuthorizationFailed", "message": "no"}}


def said(plan: Plan, answers: list[Any]) -> list[str]:
    connection, sent = canned_connection(answers)
    heard = Heard()
    carry_out(plan, lambda: connection, Manner(heard))
    assert {one.method for one in sent} <= {"GET"}
    return heard.said


def values(count: int, **fields: Any) -> dict[str, Any]:
    return {"value": [{"name": f"i{number}", **fields} for number in range(count)]}


@pytest.mark.parametrize(
    ("soft_delete", "expected"),
    [
        (
            {"state": "On", "retentionDurationInDays": 14.0},
            "soft delete keeps what is deleted for 14 days; until then `undelete` brings it back",
        ),
        ({"state": "OFF", "retentionDurationInDays": 0.0}, "soft delete is off: what is deleted is gone for good"),
    ],
)
def test_deleting_an_instance(soft_delete: Any, expected: str) -> None:
    vault = {"properties": {"securitySettings": {"softDeleteSettings": soft_delete}}}
    answers = [["GET", "recoveryPoints", 200, {}, values(2)], ["GET", r"backupVaults/v\?", 200, {}, vault]]
    assert said(impact.deleting_instance(ARGS), answers) == [f"backup instance b: 2 recovery points; {expected}"]


def test_deleting_an_instance_that_may_not_be_read() -> None:
    assert said(impact.deleting_instance(ARGS), [["GET", "", 403, {}, REFUSED]]) == [
        "backup instance b: recovery points: could not count: AuthorizationFailed; "
        "whether soft delete keeps it could not be read: AuthorizationFailed"
    ]


def test_deleting_a_vault() -> None:
    answers = [
        ["GET", "/recoveryPoints", 200, {}, values(4)],
        ["GET", "/backupInstances", 200, {}, values(2)],
        ["GET", "/backupPolicies", 200, {}, values(1)],
        ["GET", "/deletedBackupInstances", 200, {}, values(3)],
    ]
    assert said(impact.deleting_vault(ARGS), answers) == [
        "vault v: 2 backup instances, 8 recovery points, 1 policy, 3 soft-deleted backup instances"
    ]
    assert said(impact.deleting_vault(ARGS), [["GET", "", 403, {}, REFUSED]]) == [
        "vault v: backup instances: could not count: AuthorizationFailed"
    ]


OFF = {"properties": {"securitySettings": {"softDeleteSettings": {"state": "Off"}}}}
EFFECT = "soft delete is Off: what is deleted is gone for good"


@pytest.mark.parametrize(
    ("answers", "inside"),
    [
        ([["GET", "", 404, {}, {"error": {"code": "ResourceNotFound", "message": "no"}}]], ""),
        ([["GET", "", 403, {}, REFUSED]], " (backup instances: could not count: AuthorizationFailed)"),
        (
            [["GET", "recoveryPoints", 200, {}, values(3)], ["GET", "/backupInstances", 200, {}, values(1)]],
            " (1 backup instance, 3 recovery points)",
        ),
        (
            [["GET", "recoveryPoints", 403, {}, REFUSED], ["GET", "/backupInstances", 200, {}, values(1)]],
            " (1 backup instance, recovery points: could not count: AuthorizationFailed)",
        ),
        (
            [["GET", "/backupInstances", 200, {}, values(40)]],
            " (40 backup instances, whose recovery points were not counted)",
        ),
        ([["GET", "/backupInstances", 200, {}, values(0)]], " (0 backup instances)"),
    ],
)
def test_a_create_says_whom_it_touches_where_the_vault_is_there_already(answers: list[Any], inside: str) -> None:
    assert said(impact.creating_vault(ARGS, OFF), answers) == [f"vault v{inside}: {EFFECT}"]
    assert said(impact.creating_vault(ARGS, {"properties": {}}), []) == []


def test_a_create_that_shortens_a_policy_of_the_same_name_says_so() -> None:
    there = {"properties": policy(("Default", "OperationalStore", "P30D"))}
    answers = [
        ["GET", "recoveryPoints", 200, {}, values(5)],
        ["GET", "/backupInstances", 200, {}, values(1, properties={"policyInfo": {"policyId": POLICY}})],
        ["GET", "/backupPolicies/p1", 200, {}, there],
    ]
    shorter = policy(("Default", "OperationalStore", "P7D"))
    assert said(impact.replacing_policy(ARGS, "p1", shorter), answers) == [
        "policy p1: retention rule Default (OperationalStore) goes from P30D to P7D; "
        "1 backup instance, i0 with 5 recovery points"
    ]
    assert said(impact.replacing_policy(ARGS, "p1", there["properties"]), answers) == []
    missing = [["GET", "", 404, {}, {"error": {"code": "ResourceNotFound", "message": "no"}}]]
    assert said(impact.replacing_policy(ARGS, "p1", shorter), missing) == []
    assert said(impact.replacing_policy(ARGS, "p1", shorter), [["GET", "", 403, {}, REFUSED]]) == [
        "policy p1: whether it is there already, and keeps more, could not be read: AuthorizationFailed"
    ]


@pytest.mark.parametrize(("before", "after"), [(b, a) for b in IMMUTABILITY for a in IMMUTABILITY if a != b])
def test_every_change_of_immutability_is_said(before: str, after: str) -> None:
    old, new = ({"properties": {"securitySettings": {"immutabilitySettings": {"state": s}}}} for s in (before, after))
    (effect,) = vault_effects(old, new)
    assert effect.startswith("immutability ") and after in effect


POLICY = f"/subscriptions/{SUB}/resourcegroups/G/providers/Microsoft.DataProtection/BackupVaults/v/backupPolicies/P1"


def test_changing_a_policy_counts_its_instances_and_their_points() -> None:
    """Azure spells ids in several cases: they are the same policy."""
    users = values(2, properties={"policyInfo": {"policyId": POLICY}})
    others = values(1, properties={"policyInfo": {"policyId": POLICY + "2"}})
    instances = {"value": users["value"] + others["value"]}
    answers = [["GET", "recoveryPoints", 200, {}, values(5)], ["GET", "/backupInstances", 200, {}, instances]]
    assert said(impact.changing_policy(ARGS, "p1", ["retention gets shorter"]), answers) == [
        "policy p1: retention gets shorter; 2 backup instances, i0 with 5 recovery points, i1 with 5 recovery points"
    ]


def test_changing_a_policy_of_many_does_not_read_each() -> None:
    instances = values(40, properties={"policyInfo": {"policyId": POLICY}})
    answers = [["GET", "/backupInstances", 200, {}, instances]]
    assert said(impact.changing_policy(ARGS, "p1", []), answers) == [
        "policy p1: 40 backup instances, whose recovery points were not counted"
    ]
    assert said(impact.changing_policy(ARGS, "p1", []), [["GET", "", 403, {}, REFUSED]]) == [
        "policy p1: its backup instances: could not count: AuthorizationFailed"
    ]


def test_switching_policy_when_one_may_not_be_read() -> None:
    assert said(impact.switching_policy(ARGS, "/p1", "/p2"), [["GET", "", 403, {}, REFUSED]]) == [
        "whether retention gets shorter is not known: could not read both policies: AuthorizationFailed"
    ]
    assert said(impact.switching_policy(ARGS, "/p1", "/P1"), []) == []


def test_weakening_a_guard_when_vaults_may_not_be_read() -> None:
    assert said(impact.weakening_guard(ARGS, "it goes"), [["GET", "", 403, {}, REFUSED]]) == [
        "resource guard r: it goes; vaults under a resource guard: could not count: AuthorizationFailed"
    ]


def policy(*rules: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "policyRules": [{"name": "BackupDaily", "objectType": "AzureBackupRule"}]
        + [
            {
                "name": name,
                "lifecycles": [{"sourceDataStore": {"dataStoreType": store}, "deleteAfter": {"duration": duration}}],
            }
            for name, store, duration in rules
        ]
    }


@pytest.mark.parametrize(
    ("before", "after", "effects"),
    [
        ("P30D", "P7D", ["retention rule Default (VaultStore) goes from P30D to P7D"]),
        ("P3M", "P84D", ["retention rule Default (VaultStore) goes from P3M to P84D"]),
        ("P1Y", "P12M", []),
        ("P4W", "P28D", []),
        ("P7D", "P10Y", []),
    ],
)
def test_shorter_retention(before: str, after: str, effects: list[str]) -> None:
    old, new = policy(("Default", "VaultStore", before)), policy(("Default", "VaultStore", after))
    assert shorter_retention(old, new) == effects


def test_a_rule_that_goes_and_stores_that_are_told_apart() -> None:
    """A blob policy has two rules named Default, one a store."""
    old = policy(
        ("Default", "OperationalStore", "P30D"), ("Default", "VaultStore", "P7D"), ("Weekly", "VaultStore", "P84D")
    )
    new = policy(("Default", "OperationalStore", "P30D"), ("Default", "VaultStore", "P8D"))
    assert shorter_retention(old, new) == ["retention rule Weekly (VaultStore, P84D) goes"]


settings = st.fixed_dictionaries(
    {},
    optional={
        "softDeleteSettings": st.fixed_dictionaries(
            {
                "state": st.sampled_from(["On", "Off", "AlwaysOn"]),
                "retentionDurationInDays": st.sampled_from([0.0, 14.0, 30.0]),
            }
        ),
        "immutabilitySettings": st.fixed_dictionaries({"state": st.sampled_from(["Disabled", "Unlocked", "Locked"])}),
    },
)


@given(settings, settings)
def test_what_stays_as_it_is_has_no_effect(before: dict[str, Any], after: dict[str, Any]) -> None:
    one, other = ({"properties": {"securitySettings": each}} for each in (before, after))
    assert vault_effects(one, one) == []
    there, back = vault_effects(one, other), vault_effects(other, one)
    assert not (set(there) & set(back))
