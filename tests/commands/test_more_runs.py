"""Runs beside the recorded ones: the arguments that none of those uses, and what az does with each.

The answers are those that the recorded runs got.  What is expected follows from what is known of az's commands: where
a value goes in a request, and what is printed or refused.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dpmagic.errors import InvalidArgument
from tests.canned import NO_REFERENCE, REFERENCE, SUB, Run, az

pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason=NO_REFERENCE)

GROUP = f"/subscriptions/{SUB}/resourceGroups"
VAULT = f"{GROUP}/rg1/providers/Microsoft.DataProtection/backupVaults/v1"
BI = f"{VAULT}/backupInstances/bi1"
UAMI = f"{GROUP}/r/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u"
AT = "-g rg1 -v v1"
DEFAULT_SOFT_DELETE = {"retentionDurationInDays": 14.0, "state": "On"}
STORE = "--storage-settings type=LocallyRedundant datastore-type=VaultStore"
SETTING = {"type": "LocallyRedundant", "datastoreType": "VaultStore"}


def run(line: str) -> Run:
    done = az(line)
    assert done.error is None, done.error and done.error.lines()
    return done


def last(line: str) -> tuple[str, str, Any]:
    """The last change that a command sends: method, path below the vault's group, body."""
    changes = [sent for sent in run(line).http if sent.method != "GET" and "ResourceGraph" not in sent.path]
    return changes[-1].method, changes[-1].path.rpartition("/Microsoft.DataProtection/")[2], changes[-1].body


def at(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


SECURITY, FEATURES = "properties.securitySettings", "properties.featureSettings"
_GUARD_UPDATE = "resource-guard update -g rgg -n g1"
_EXCLUDED = "properties.vaultCriticalOperationExclusionList"


@pytest.mark.parametrize(
    ("options", "place", "value"),
    [
        ("", "location", "eastus"),
        ("-l 'West US'", "location", "westus"),
        (
            "--type UserAssigned --uami " + UAMI,
            "identity",
            {"type": "UserAssigned", "userAssignedIdentities": {UAMI: {}}},
        ),
        (f"--type UserAssigned --uami {UAMI}={{}}", "identity.userAssignedIdentities", {UAMI: {}}),
        (f"--type UserAssigned --uami '{{{UAMI}:{{}}}}'", "identity.userAssignedIdentities", {UAMI: {}}),
        ("--e-tag W/1", "eTag", "W/1"),
        (
            "--soft-delete-retention 30",
            f"{SECURITY}.softDeleteSettings",
            {"retentionDurationInDays": 30.0, "state": "On"},
        ),
        ("--immutability-state Locked", f"{SECURITY}.immutabilitySettings", {"state": "Locked"}),
        ("--cmk-encryption-state Enabled", f"{SECURITY}.encryptionSettings", {"state": "Enabled"}),
        (
            "--cmk-encryption-key-uri https://k",
            f"{SECURITY}.encryptionSettings.keyVaultProperties",
            {"keyUri": "https://k"},
        ),
        ("--cmk-infra-encryption Enabled", f"{SECURITY}.encryptionSettings", {"infrastructureEncryption": "Enabled"}),
        (
            f"--cmk-identity-type UserAssigned --cmk-uami {UAMI}",
            f"{SECURITY}.encryptionSettings.kekIdentity",
            {"identityType": "UserAssigned", "identityId": UAMI},
        ),
        (
            "--csr-state PermanentlyDisabled",
            f"{FEATURES}.crossSubscriptionRestoreSettings.state",
            "PermanentlyDisabled",
        ),
        (
            "--job-failure-alerts Disabled",
            "properties.monitoringSettings.azureMonitorAlertSettings.alertsForAllJobFailures",
            "Disabled",
        ),
    ],
)
def test_what_a_new_vault_is_given(options: str, place: str, value: Any) -> None:
    method, path, body = last(f"backup-vault create {AT} {STORE} {options}")
    assert (method, path) == ("PUT", "backupVaults/v1")
    assert at(body, place) == value
    assert body["properties"]["storageSettings"] == [SETTING]
    if "soft-delete" not in options:
        assert at(body, f"{SECURITY}.softDeleteSettings") == DEFAULT_SOFT_DELETE


@pytest.mark.parametrize(
    ("options", "place", "value"),
    [
        ("--tags '{x:y}'", "tags", {"a": "b", "x": "y"}),
        ("--set tags.z=1", "tags", {"a": "b", "z": "1"}),
        ("--set tags.z=1 --force-string", "tags", {"a": "b", "z": "1"}),
        ("--remove tags.a", "tags", {}),
        ("--type None", "identity", {"type": "None"}),
        (
            "--soft-delete-state AlwaysOn",
            f"{SECURITY}.softDeleteSettings",
            {**DEFAULT_SOFT_DELETE, "state": "AlwaysOn"},
        ),
        (
            "--cmk-identity-type SystemAssigned",
            f"{SECURITY}.encryptionSettings.kekIdentity",
            {"identityType": "SystemAssigned", "identityId": None},
        ),
        ("--crr-state Enabled", "properties.replicatedRegions", ["westus"]),  # echoed back
        (
            "--add properties.storageSettings type=ZoneRedundant datastoreType=ArchiveStore",
            "properties.storageSettings.1",
            {"type": "ZoneRedundant", "datastoreType": "ArchiveStore"},
        ),
        ("--operation-requests /a /b", "properties.resourceGuardOperationRequests", ["/a", "/b"]),
        ("--resource-guard-operation-requests [/a,/b]", "properties.resourceGuardOperationRequests", ["/a", "/b"]),
    ],
)
def test_what_a_vault_is_changed_to(options: str, place: str, value: Any) -> None:
    for named in (AT, f"--ids {VAULT}"):
        method, path, body = last(f"backup-vault update {named} {options}")
        assert (method, path) == ("PUT", "backupVaults/v1")
        assert at(body, place) == value
        assert "principalId" not in json.dumps(body)


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        (f"backup-instance delete {AT} -n bi1 -y", ("DELETE", "backupVaults/v1/backupInstances/bi1", None)),
        (f"backup-instance delete --ids {BI} -y --no-wait", ("DELETE", "backupVaults/v1/backupInstances/bi1", None)),
        (
            f"backup-instance deleted-backup-instance undelete {AT} -n bi1",
            ("POST", "backupVaults/v1/deletedBackupInstances/bi1/undelete", None),
        ),
        (
            f"backup-instance deleted-backup-instance undelete --ids {BI}",
            ("POST", "backupVaults/v1/deletedBackupInstances/bi1/undelete", None),
        ),
        (
            f"backup-instance stop-protection --ids {BI} --operation-requests req-1 /b",
            (
                "POST",
                "backupVaults/v1/backupInstances/bi1/stopProtection",
                {"resourceGuardOperationRequests": ["req-1", "/b"]},
            ),
        ),
        (
            f"backup-instance suspend-backup {AT} -n bi1 --no-wait",
            ("POST", "backupVaults/v1/backupInstances/bi1/suspendBackups", None),
        ),
        (
            f"backup-instance resume-protection --ids {BI}",
            ("POST", "backupVaults/v1/backupInstances/bi1/resumeProtection", None),
        ),
        (
            "backup-vault resource-guard-mapping delete -g rg1 -v v1 -n DppResourceGuardProxy -y",
            ("DELETE", "backupVaults/v1/backupResourceGuardProxies/DppResourceGuardProxy", None),
        ),
        (
            f"restorable-time-range find --ids {BI} --source-data-store-type VaultStore",
            (
                "POST",
                "backupVaults/v1/backupInstances/bi1/findRestorableTimeRanges",
                {"sourceDataStoreType": "VaultStore"},
            ),
        ),
        (
            "resource-guard create -g rgg -n g1 -l 'West US' --tags a=b --e-tag x",
            ("PUT", "resourceGuards/g1", {"location": "westus", "tags": {"a": "b"}, "eTag": "x"}),
        ),
        (
            f"recovery-point list {AT} --backup-instance-name bi1 --use-secondary-region --start-time 2024-01-01",
            (
                "POST",
                "locations/westus/fetchSecondaryRecoveryPoints",
                {"sourceBackupInstanceId": BI, "sourceRegion": "eastus"},
            ),
        ),
    ],
)
def test_what_goes_out(line: str, sent: tuple[str, str, Any]) -> None:
    assert last(line) == sent


@pytest.mark.parametrize(
    ("type_", "names", "suffixes"),
    [
        (
            "Microsoft.RecoveryServices/vaults",
            "deleteProtection updateProtection updatePolicy getSecurityPIN disableSoftDelete deleteRGMapping",
            [
                "backupFabrics/protectionContainers/protectedItems/delete",
                "backupFabrics/protectionContainers/protectedItems/write",
                "backupPolicies/write",
                "backupSecurityPIN/action",
                "backupconfig/write",
                "backupResourceGuardProxies/delete",
            ],
        ),
        (
            "Microsoft.DataProtection/backupVaults",
            "DisableMUA DataProtectionDisableImmutability DataProtectionModifyBackupInstance "
            "DataProtectionSuspendBackup",
            [
                "backupResourceGuardProxies/delete",
                "write#reduceImmutabilityState",
                "backupInstances/write",
                "backupInstances/suspendBackups/action",
            ],
        ),
    ],
)
def test_short_names_of_critical_operations(type_: str, names: str, suffixes: list[str]) -> None:
    line = f"{_GUARD_UPDATE} --resource-type {type_} --critical-operation-exclusion-list {names}"
    assert at(last(line)[2], _EXCLUDED) == [f"{type_}/{suffix}" for suffix in suffixes]


def test_an_other_tenant_is_asked_for_the_operation_that_its_guard_protects() -> None:
    for line in (
        f"backup-instance update-policy {AT} --backup-instance-name bi1 --policy-id {VAULT}/backupPolicies/p12",
        f"backup-instance suspend-backup {AT} -n bi1",
        f"backup-instance restore trigger {AT} -n bi1 --restore-request-object az-inputs/rr_disk.json",
        f"resource-guard unlock {AT}",
        f"backup-vault update {AT}",
    ):
        done = run(f"{line} --operation-requests /a --tenant-id 99999999-9999-9999-9999-999999999999")
        assert any(sent.headers.get("x-ms-authorization-auxiliary") for sent in done.http), line


@pytest.mark.parametrize(
    ("options", "filters"),
    [
        (
            "--datasource-type AzureDisk",
            "| where properties.dataSourceInfo.datasourceType in~ ('Microsoft.Compute/disks')",
        ),
        ("--resource-groups a b", "| where resourceGroup in~ ('a','b')"),
        ("--vaults v1 v2", "| where vaultName in~ ('v1','v2')"),
        ("--protection-status ProtectionError", "| where protectionState in~ ('ProtectionError')"),
        ("--datasource-id /d", "| where datasourceId in~ ('/d')"),
        ("--backup-instance-id /i --backup-instance-name n", "| where id in~ ('/i') | where name in~ ('n')"),
        (
            "--backup-instance-name n --vaults v --datasource-type AzureBlob --resource-groups g",
            "| where properties.dataSourceInfo.datasourceType in~ ('Microsoft.Storage/storageAccounts/blobServices')"
            " | where resourceGroup in~ ('g') | where vaultName in~ ('v') | where name in~ ('n')",
        ),
    ],
)
def test_filters_of_instances(options: str, filters: str) -> None:
    """In az's order, whatever the order in which they were typed."""
    assert _query(f"backup-instance list-from-resourcegraph {options}").endswith(
        f"properties.dataSourceInfo.resourceID {filters}| order by id asc"
    )


@pytest.mark.parametrize(
    ("options", "filters"),
    [
        ("--datasource-type AzureDisk", " | where properties.dataSourceType in~ ('Microsoft.Compute/disks')"),
        (
            "--status Failed Completed --operation Restore",
            " | where operation in~ ('Restore') | where status in~ ('Failed','Completed')",
        ),
        ("--start-time 2024-01-01T00:00:00", "| where properties.startTime > datetime(2024-01-01T00:00:00Z)"),
        ("--start-time 2024-01-01T00:00:00Z", "| where properties.startTime > datetime(2024-01-01T00:00:00Z)"),
        ("--end-time 2024-01-01T00:00:00.5Z", "| where properties.endTime <= datetime(2024-01-01T00:00:00.5000000Z)"),
        ("--vaults v --datasource-id /d", " | where vaultName in~ ('v') | where datasourceId in~ ('/d')"),
    ],
)
def test_filters_of_jobs(options: str, filters: str) -> None:
    assert _query(f"job list-from-resourcegraph {options}").endswith(
        f"datasourceId = properties.dataSourceId{filters}| order by id asc"
    )


def test_filters_of_vaults() -> None:
    query = _query("backup-vault list-from-resourcegraph --vault-id /v --vaults v1 --resource-groups rg1")
    filters = " | where resourceGroup in~ ('rg1') | where name in~ ('v1') | where id in~ ('/v')"
    assert query == f"resources | where type =~ 'microsoft.dataprotection/backupvaults'{filters}| order by id asc"


def test_several_subscriptions_are_asked_at_once() -> None:
    ids = [f"00000000-0000-0000-0000-00000000000{number}" for number in (2, 3)]
    done = run(f"backup-vault list-from-resourcegraph --subscriptions {' '.join(ids)}")
    assert done.http[-1].body["subscriptions"] == ids


def _query(line: str) -> str:
    return str(run(line).http[-1].body["query"])


@pytest.mark.parametrize(
    ("options", "filter_"),
    [
        ("--start-time 2024-01-01", "startDate eq '2024-01-01T00:00:00.0000000Z'"),
        ("--end-time 2024-01-01T10:00:00+05:30", "endDate eq '2024-01-01T04:30:00.0000000Z'"),
    ],
)
def test_one_bound_of_recovery_points(options: str, filter_: str) -> None:
    assert run(f"recovery-point list {AT} --backup-instance-name bi1 {options}").http[0].query == {"$filter": filter_}


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (f"recovery-point show --ids {BI}/recoveryPoints/rp1", f"{BI}/recoveryPoints/rp1"),
        (f"recovery-point show {AT} --backup-instance-name bi1 --recovery-point-id rp1", f"{BI}/recoveryPoints/rp1"),
        (f"job show --ids {VAULT}/backupJobs/j1", f"{VAULT}/backupJobs/j1"),
        (f"backup-policy show --ids {VAULT}/backupPolicies/p1", f"{VAULT}/backupPolicies/p1"),
        (f"backup-vault show --ids {BI}", VAULT),  # the parts that it needs are in there
    ],
)
def test_reads(line: str, path: str) -> None:
    assert [sent.path for sent in run(line).http] == [path]


def test_several_ids_give_a_list() -> None:
    assert [one["name"] for one in run(f"backup-instance show --ids {BI} {BI}").result] == ["bi1", "bi1"]


@pytest.mark.parametrize(
    "line", [f"backup-vault delete --yes --ids {BI}", f"backup-instance delete -y --ids {BI}/recoveryPoints/r"]
)
def test_an_id_of_something_inside_does_not_delete_what_is_around_it(line: str) -> None:
    done = az(line)
    assert isinstance(done.error, InvalidArgument)
    assert "is of " in done.error.message
    assert done.http == []


@pytest.mark.parametrize(
    ("line", "rc"),
    [
        ("backup-vault show -g rg1", 1),
        (f"backup-instance adhoc-backup {AT} -n bi1", 2),
        ("backup-instance list -g rg1", 2),
        ("backup-vault create -g rg1 -v v1", 2),
        (f"backup-vault show {AT} --nope", 2),
        (f"backup-instance wait {AT} -n bi1 --deleted --interval 1 --timeout 2", 1),
        (f"backup-instance wait {AT} -n bi1", 1),
        (f"backup-instance delete {AT} -n bi1", 1),
        (
            "backup-policy trigger create-schedule --interval-type Hourly --interval-count 5 "
            "--schedule-days 2024-01-01",
            1,
        ),
        ("backup-policy retention-rule remove --name Default --policy az-inputs/pol_AzureDisk.json", 1),
        (
            "backup-policy tag set --name Weekly --policy az-inputs/pol_AzureDisk.json --criteria az-inputs/gcrit.json",
            1,
        ),
        ("backup-instance initialize-backupconfig --datasource-type AzureKubernetesService --container-list a", 1),
        ("backup-instance initialize-backupconfig --datasource-type AzureBlob", 1),
    ],
)
def test_exit_codes(line: str, rc: int) -> None:
    assert az(line).rc == rc


_SETS = "properties.policyInfo.policyParameters.backupDatasourceParametersList"


def test_an_update_puts_the_whole_instance_back() -> None:
    line = (
        f"backup-instance update {AT} --backup-instance-name bi1 --vaulted-blob-container-list az-inputs/blobcfg.json"
    )
    _, path, body = last(line)
    assert path == "backupVaults/v1/backupInstances/bi1"
    assert at(body, _SETS) == [{"objectType": "BlobBackupDatasourceParameters", "containersList": ["c1", "c2"]}]
    gone = {"currentProtectionState", "protectionStatus", "provisioningState"}
    assert not gone & body["properties"].keys() and body.keys() == {"properties", "tags"}


@pytest.mark.parametrize(
    ("type_", "scope", "roles"),
    [
        (
            "AzureDatabaseForPostgreSQLFlexibleServer",
            "Resource",
            [
                ("pgrg", "Reader"),
                ("flexibleServers/pgf1", "PostgreSQL Flexible Server Long Term Retention Backup Role"),
            ],
        ),
        ("AzureDatabaseForMySQL", "ResourceGroup", [("/", "Reader"), ("/", "MySQL Backup And Export Operator")]),
        ("AzureKubernetesService", "Subscription", [(SUB, "Reader"), (SUB, "Reader"), (SUB, "Contributor")]),
    ],
)
def test_roles_of_a_backup(type_: str, scope: str, roles: list[tuple[str, str]]) -> None:
    done = run(
        f"backup-instance update-msi-permissions {AT} -y --datasource-type {type_} --operation Backup "
        f"--permissions-scope {scope} --backup-instance az-inputs/bi_{type_}.json"
    )
    looked = [(sent.path, sent.query["$filter"]) for sent in done.http if sent.path.endswith("/roleDefinitions")]
    assert [filter_ for _, filter_ in looked] == [f"roleName eq '{role}'" for _, role in roles]
    for (path, _), (where, _) in zip(looked, roles, strict=True):
        assert path.removesuffix("/providers/Microsoft.Authorization/roleDefinitions").endswith(where.strip("/"))
    assert len(done.result) == len(roles)
