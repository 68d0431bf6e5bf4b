"""Views over records by hand: the rare shapes that an estate of the sandbox does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dpmagic.analysis.protection.excluding import records
from dpmagic.estate import Window, views
from dpmagic.estate.columns import table
from dpmagic.frames.declared import Declared
from dpmagic.sandbox.kql import run
from tests.frames.test_times import iso, lengths, timespan

NOW = datetime(2026, 3, 16, tzinfo=UTC)
WINDOW = Window.of("14d", NOW)
VAULT = "/subscriptions/s/resourceGroups/RG/providers/Microsoft.DataProtection/backupVaults/V1"
RECOVERY = "/subscriptions/s/resourceGroups/RG/providers/Microsoft.RecoveryServices/vaults/R1"
TYPES = {
    "jobs": ("recoveryservicesresources", "microsoft.dataprotection/backupvaults/backupjobs"),
    "instances": ("recoveryservicesresources", "microsoft.dataprotection/backupvaults/backupinstances"),
    "virtual_machines": ("resources", "Microsoft.Compute/virtualMachines"),
    "vaults": ("resources", "microsoft.dataprotection/backupvaults"),
    "exemptions": ("policyresources", "microsoft.authorization/policyexemptions"),
    "protected_items": (
        "recoveryservicesresources",
        "microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems",
    ),
}
COLUMNS = {"subscriptionId": "s", "resourceGroup": "rg", "location": "westeurope", "tags": None, "identity": None}


def read(name: str, records: Sequence[Mapping[str, Any]]) -> pandas.DataFrame:
    """The table that a view makes of these records; what a record does not say is as usual."""
    where, type = TYPES[name]
    rows = [
        {"id": f"/{number:04}", "name": f"n{number}", "type": type, **COLUMNS, "properties": {}, **record}
        for number, record in enumerate(records)
    ]
    answer = run(views.query(name, WINDOW), {where: rows}, NOW)
    known = table(name)
    made = Declared(known.dtypes, known.wire)
    names = [column.name for column in answer.columns]
    return made.frame(names, [made.pack(names, answer.rows)])


def job(**properties: Any) -> dict[str, Any]:
    return {"properties": {"startTime": "2026-03-10T08:00:00.1234567Z", "status": "Completed", **properties}}


@pytest.mark.parametrize(
    ("properties", "seconds"),
    [
        ({"endTime": "2026-03-10T08:03:14.6234567Z", "duration": "00:00:00"}, 194.5),
        ({"endTime": "2026-03-12T08:00:00.1234567Z", "duration": "2.00:00:00"}, 172_800),
        ({"endTime": None, "duration": "00:03:14.9308791"}, 194.930879),
        ({"endTime": "0001-01-01T00:00:00Z", "duration": "1.02:03:04"}, 93_784),
        ({"duration": "PT9.87S"}, 9.87),
        ({"duration": "P1DT2H3M4.5S", "status": "Failed"}, 93_784.5),
        ({"duration": "PT90M", "status": "Cancelled"}, 5_400),
        ({"duration": "00:00:00", "status": "InProgress"}, None),
        ({"endTime": None, "duration": "00:00:09", "status": "Cancelling"}, None),
        ({"duration": None}, None),
        ({"duration": ""}, None),
        # An end before its start is no end.
        ({"endTime": "2026-03-10T07:00:00Z", "duration": "00:00:05"}, 5),
    ],
)
def test_how_long_a_job_took(properties: dict[str, Any], seconds: float | None) -> None:
    made = read("jobs", [job(**properties)]).iloc[0]
    assert (None if pandas.isna(made["duration"]) else made["duration"].total_seconds()) == seconds
    assert pandas.isna(made["endTime"]) == (not properties.get("endTime") or properties["endTime"].startswith("0001"))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(lengths, st.integers(0, 9), st.sampled_from([iso, timespan])), min_size=30, max_size=60))
def test_any_spelling_of_a_duration_is_read(spelled: list[tuple[timedelta, int, Any]]) -> None:
    spelled = [(abs(length) % timedelta(days=9_999), seventh, spell) for length, seventh, spell in spelled]
    made = read("jobs", [job(duration=spell(length, seventh)) for length, seventh, spell in spelled])
    # Kusto's real has 15 digits, enough for microseconds of decades and for a tick's less.
    for (length, _, _), found in zip(spelled, made["duration"], strict=True):
        assert abs(found.to_pytimedelta() - length) <= timedelta(microseconds=1)


def test_jobs_of_the_window_are_those_that_began_in_it() -> None:
    edges = (
        "2026-03-01T23:59:59.9999999Z",
        "2026-03-02T00:00:00Z",
        "2026-03-15T23:59:59.9999999Z",
        "2026-03-16T00:00:00Z",
    )
    made = read("jobs", [job(startTime=edge) for edge in edges])
    assert made["name"].tolist() == ["n1", "n2"]


def test_a_job_that_says_next_to_nothing_is_a_row_all_the_same() -> None:
    made = read("jobs", [{"id": f"{VAULT}/backupJobs/j", **job()}])
    assert made["vaultId"].tolist() == [VAULT] and made["errorCode"].isna().all()


def test_a_fault_is_read_where_it_is_said() -> None:
    fault = {"code": "UserErrorNotEnoughPermissionOnDisk", "message": "No.", "recommendedAction": ["Give it."]}
    made = read(
        "instances",
        [
            {"properties": {"protectionErrorDetails": fault}},
            {"properties": {"protectionStatus": {"status": "ProtectionError", "errorDetails": fault}}},
            {"properties": {"protectionErrorDetails": None, "protectionStatus": {"errorDetails": None}}},
        ],
    )
    assert made["errorCode"].tolist()[:2] == [fault["code"]] * 2 and pandas.isna(made["errorCode"][2])
    assert made["protectionErrorDetails"].tolist() == [fault, fault, None]
    assert made["latestRecoveryPoint"].isna().all()


def test_an_instance_without_policy_parameters() -> None:
    policy = f"{VAULT}/backupPolicies/daily"
    made = read("instances", [{"id": f"{VAULT}/backupInstances/i", "properties": {"policyInfo": {"policyId": policy}}}])
    row = made.iloc[0]
    assert (row["policyName"], row["vaultName"], row["vaultId"]) == ("daily", "V1", VAULT)
    assert pandas.isna(row["resourceGroupId"]) and pandas.isna(row["dataSourceSubscriptionId"])


def test_a_row_for_each_disk_of_a_machine() -> None:
    os, first, second = ({"managedDisk": {"id": f"/d/{name}"}} for name in ("os", "a", "b"))
    profiles = [
        {"osDisk": os, "dataDisks": [first | {"lun": 0}, second | {"lun": 7}]},
        {"osDisk": os, "dataDisks": []},
        {"osDisk": {"name": "unmanaged"}},
    ]
    made = read("virtual_machines", [{"properties": {"storageProfile": profile}} for profile in profiles])
    assert made["name"].tolist() == ["n0", "n0", "n0", "n1", "n2"]
    by_machine = made.sort_values(["name", "osDisk", "lun"], ascending=[True, False, True])
    assert by_machine["diskId"].fillna("").tolist() == ["/d/os", "/d/a", "/d/b", "/d/os", ""]
    assert by_machine["lun"].tolist() == [pandas.NA, 0, 7, pandas.NA, pandas.NA]
    assert by_machine["osDisk"].tolist() == [True, False, False, True, True]


def test_the_properties_of_a_protected_item_may_be_text() -> None:
    properties = (
        '{"backupManagementType": "AzureIaasVM", "virtualMachineId": "/vm", "friendlyName": "vm", "extendedProperties":'
        ' {"diskExclusionProperties": {"diskLunList": [1, 2], "isInclusionList": true}}}'
    )
    other = {"backupManagementType": "AzureWorkload"}
    made = read(
        "protected_items",
        [{"id": f"{RECOVERY}/backupFabrics/a/b", "properties": properties}, {"properties": other}],
    )
    (row,) = made.to_dict("records")
    assert (row["sourceResourceId"], row["vaultId"], row["vaultName"]) == ("/vm", RECOVERY, "R1")
    assert (row["diskLunList"], row["isInclusionList"], row["diskExclusion"]) == ([1, 2], True, "listed")


def test_what_is_exempt_is_what_comes_before_the_exemption() -> None:
    scope, tail = "/subscriptions/s/resourceGroups/RG", "/providers/microsoft.authorization/PolicyExemptions/x"
    made = read("exemptions", [{"id": scope + tail, "properties": {"expiresOn": "2026-04-01T00:00:00Z"}}])
    assert made["scope"].tolist() == [scope]
    assert made["expiresOn"].tolist() == [pandas.Timestamp("2026-04-01", tz="UTC")]
    assert made["createdBy"].isna().all() and made["createdOn"].isna().all()
    assert made["policyDefinitionId"].isna().all()


def test_what_is_exempt_says_from_what() -> None:
    """Assignments that are made in the portal, here to a management group, have names that say nothing."""
    above = (
        "/providers/Microsoft.Management/managementGroups/g/providers/Microsoft.Authorization/policyAssignments/0a1b"
    )
    definition = "/providers/Microsoft.Authorization/policyDefinitions/a25a41a7-a769-4271-841d-7ce0297be0c0"
    assigned = {"policyDefinitionId": definition, "displayName": "[Preview]: Azure Backup for Managed Disks"}
    exempt = {
        "policyAssignmentId": above.upper(), "policyDefinitionReferenceIds": ["one", "two"],
        "metadata": {"createdOn": "2026-03-01T00:00:00Z"},
    }  # fmt: skip
    tail = "/subscriptions/s/providers/Microsoft.Authorization/policyExemptions/x"
    made = read(
        "exemptions",
        [
            {"id": tail, "properties": exempt},
            {"id": above, "type": "Microsoft.Authorization/policyAssignments", "properties": assigned},
        ],
    )
    (row,) = made.to_dict("records")
    assert (row["policyDefinitionId"], row["policyAssignmentDisplayName"]) == (definition, assigned["displayName"])
    assert row["policyDefinitionReferenceIds"] == ["one", "two"]
    assert row["createdOn"] == pandas.Timestamp("2026-03-01", tz="UTC")
    assert records(None, made, NOW)["id"].tolist() == ["/subscriptions/s"]
    made = made.assign(policyDefinitionId=None)
    assert records(None, made, NOW)["id"].tolist() == ["/subscriptions/s"], "by its name for people"
    assert records(None, made.assign(policyAssignmentDisplayName=None), NOW).empty
