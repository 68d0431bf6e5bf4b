"""The JSON that a backup begins with: az's, in camelCase, with every check of az's."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dpmagic.commands.camel import camel
from dpmagic.commands.initialize import COMMANDS
from dpmagic.datasources import manifest, names
from dpmagic.errors import DpmagicError, InvalidArgument, MissingArgument
from tests.canned import NO_REFERENCE, REFERENCE, az, recorded
from tests.commands.surface import check_examples, option_differences

SUB = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups"
IDS = {
    "AzureDisk": f"{SUB}/diskrg/providers/Microsoft.Compute/disks/disk1",
    "AzureBlob": f"{SUB}/sarg/providers/Microsoft.Storage/storageAccounts/sa1",
    "AzureDatabaseForPostgreSQL": f"{SUB}/pgrg/providers/Microsoft.DBforPostgreSQL/servers/pg1/databases/db1",
    "AzureKubernetesService": f"{SUB}/aksrg/providers/Microsoft.ContainerService/managedClusters/aks1",
    "AzureDatabaseForPostgreSQLFlexibleServer": (
        f"{SUB}/pgrg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pgf1"
    ),
    "AzureDatabaseForMySQL": f"{SUB}/myrg/providers/Microsoft.DBforMySQL/flexibleServers/my1",
}
POLICY = f"{SUB}/rg1/providers/Microsoft.DataProtection/backupVaults/v1/backupPolicies/p1"
AKS_CONFIG = {"objectType": "KubernetesClusterBackupDatasourceParameters", "includedNamespaces": ["a", "b"]}
# What some types need beside what all do.
MORE = {
    "AzureKubernetesService": "--friendly-name fn --snapshot-rg snaprg "
    f"--backup-configuration '{json.dumps(AKS_CONFIG)}'",
    "AzureDatabaseForPostgreSQL": "--secret-store-type AzureKeyVault "
    "--secret-store-uri https://kv.vault.azure.net/secrets/s/1",
}
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def initialize(
    type_: str, words: str | None = None, *, id_: str = "", location: str = "eastus"
) -> tuple[Any, list[str]]:
    """The JSON and what was said."""
    more = MORE.get(type_, "") if words is None else words
    done = az(
        f"backup-instance initialize --datasource-type {type_} --datasource-id {id_ or IDS[type_]} -l '{location}' "
        f"--policy-id {POLICY} {more}"
    )
    if done.error:
        raise done.error
    assert done.http == []
    return done.result, done.said


def config(words: str, answers: Any = ()) -> Any:
    done = az(f"backup-instance {words}", answers)
    if done.error:
        raise done.error
    return done.result


@pytest.mark.skipif(not recorded("az-surface.json"), reason=NO_REFERENCE)
def test_options_are_az_s() -> None:
    assert option_differences(COMMANDS) == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_examples_parse(command: Any) -> None:
    check_examples(command)


@pytest.mark.parametrize("type_", names())
def test_it_is_what_az_writes(type_: str) -> None:
    path = REFERENCE / "az-inputs" / f"bi_{type_}.json"
    if not path.is_file():
        pytest.skip(NO_REFERENCE)
    theirs = camel(json.loads(path.read_text("utf-8")))
    words = MORE.get(type_, "")
    if type_ == "AzureKubernetesService":
        words = words.replace(json.dumps(AKS_CONFIG), str(REFERENCE / "az-inputs" / "akscfg.json"))
    ours, said = initialize(type_, words.replace("'", ""))
    assert said == []
    assert GUID.sub("", ours["backupInstanceName"]) == GUID.sub("", theirs["backupInstanceName"])
    assert {**ours, "backupInstanceName": ""} == {**theirs, "backupInstanceName": ""}


@pytest.mark.parametrize(
    ("type_", "name", "set_name", "friendly_name"),
    [
        ("AzureDisk", "disk1", "disk1", "disk1"),
        ("AzureKubernetesService", "aks1", "aks1", "aks1/fn"),
        ("AzureDatabaseForPostgreSQL", "db1", "pg1", "pg1/db1"),
    ],
)
def test_names(type_: str, name: str, set_name: str, friendly_name: str) -> None:
    instance, _ = initialize(type_)
    assert re.fullmatch(rf"{set_name}-{name}-{GUID.pattern}", instance["backupInstanceName"])
    assert instance["properties"]["dataSourceInfo"]["resourceName"] == name
    assert instance["properties"]["friendlyName"] == friendly_name


def test_every_name_is_another() -> None:
    assert len({initialize("AzureDisk")[0]["backupInstanceName"] for _ in range(3)}) == 3


def test_a_database_s_parent_is_its_server() -> None:
    properties = initialize("AzureDatabaseForPostgreSQL")[0]["properties"]
    parent = properties["dataSourceSetInfo"]
    assert parent["resourceID"] == IDS["AzureDatabaseForPostgreSQL"].removesuffix("/databases/db1")
    assert parent["resourceType"] == "Microsoft.DBforPostgreSQL/servers"
    assert properties["dataSourceInfo"]["resourceUri"] == parent["resourceUri"] == ""


@pytest.mark.parametrize(("words", "group"), [("", "diskrg"), ("--snapshot-rg snaprg", "snaprg")])
def test_where_snapshots_go(words: str, group: str) -> None:
    parameters = initialize("AzureDisk", words)[0]["properties"]["policyInfo"]["policyParameters"]
    assert [one["resourceGroupId"] for one in parameters["dataStoreParametersList"]] == [f"{SUB}/{group}"]


def test_a_region_is_written_as_azure_writes_it() -> None:
    properties = initialize("AzureKubernetesService", location="East US")[0]["properties"]
    assert {properties[key]["resourceLocation"] for key in ("dataSourceInfo", "dataSourceSetInfo")} == {"eastus"}


@pytest.mark.parametrize("key", ["containers_list", "containersList", "containers-list"])
def test_a_configuration_is_taken_in_every_spelling(key: str) -> None:
    words = f"--backup-configuration '{json.dumps({key: ['c1']})}'"
    parameters = initialize("AzureBlob", words)[0]["properties"]["policyInfo"]["policyParameters"]
    assert parameters == {
        "backupDatasourceParametersList": [{"containersList": ["c1"], "objectType": "BlobBackupDatasourceParameters"}]
    }


def test_tags() -> None:
    assert initialize("AzureDisk", "--tags a=b cost_centre=12")[0]["tags"] == {"a": "b", "cost_centre": "12"}


@pytest.mark.parametrize(
    ("words", "left_out"),
    [
        ("--friendly-name zz", "--friendly-name"),
        ("--secret-store-type AzureKeyVault", "the secret store"),
        ("--backup-configuration '{\"a\":1}'", "--backup-configuration"),
    ],
)
def test_what_a_disk_has_no_use_for_is_said(words: str, left_out: str) -> None:
    instance, said = initialize("AzureDisk", words)
    assert said == [f"{left_out} is left out: AzureDisk has no use for it"]
    properties = instance["properties"]
    assert (properties["friendlyName"], properties["datasourceAuthCredentials"]) == ("disk1", None)
    assert list(properties["policyInfo"]["policyParameters"]) == ["dataStoreParametersList"]


@pytest.mark.parametrize(
    ("type_", "words", "error", "message"),
    [
        ("AzureDatabaseForPostgreSQL", "--secret-store-type AzureKeyVault", MissingArgument, "go together"),
        ("AzureDatabaseForPostgreSQL", "--secret-store-uri https://x", MissingArgument, "go together"),
        ("AzureKubernetesService", "--backup-configuration '{}'", MissingArgument, "needs --friendly-name"),
        ("AzureKubernetesService", "--friendly-name f", MissingArgument, "needs --backup-configuration"),
        (
            "AzureKubernetesService",
            "--friendly-name f --backup-configuration '{\"containers_list\":[]}'",
            InvalidArgument,
            "not that of AzureKubernetesService",
        ),
        (
            "AzureBlob",
            "--backup-configuration '{\"included_namespaces\":[]}'",
            InvalidArgument,
            "not that of AzureBlob",
        ),
        ("AzureBlob", f"--backup-configuration '{json.dumps(AKS_CONFIG)}'", InvalidArgument, "not that of AzureBlob"),
        ("AzureBlob", "--backup-configuration '{}'", InvalidArgument, "not that of AzureBlob"),
        ("AzureDisk", f"--snapshot-rg {SUB}/snaprg", InvalidArgument, "is not a name"),
    ],
)
def test_what_a_type_cannot_do_is_refused(type_: str, words: str, error: type[DpmagicError], message: str) -> None:
    with pytest.raises(error, match=message):
        initialize(type_, words)


@pytest.mark.parametrize("id_", ["disk1", "/subscriptions/s", f"{SUB}/x", IDS["AzureBlob"]])
def test_an_id_of_something_else_is_refused(id_: str) -> None:
    with pytest.raises(InvalidArgument):
        initialize("AzureDisk", id_=id_)


def test_a_cluster_s_backup_configuration() -> None:
    found = config(
        "initialize-backupconfig --datasource-type AzureKubernetesService --included-namespaces a b "
        "--snapshot-volumes false --backup-hook-refs [{name:n,namespace:ns}]"
    )
    assert found == {
        "objectType": "KubernetesClusterBackupDatasourceParameters",
        "backupHookReferences": [{"name": "n", "namespace": "ns"}],
        "excludedNamespaces": None,
        "excludedResourceTypes": None,
        "includeClusterScopeResources": True,
        "includedNamespaces": ["a", "b"],
        "includedResourceTypes": None,
        "labelSelectors": None,
        "snapshotVolumes": False,
    }


def test_every_container_is_listed_to_the_last_page() -> None:
    path = f"{IDS['AzureBlob']}/blobServices/default/containers"
    answers = [
        ["GET", "page=2", 200, {}, {"value": [{"name": "c3"}]}],
        [
            "GET",
            path,
            200,
            {},
            {"value": [{"name": "c1"}, {"name": "c2"}], "nextLink": f"https://canned.invalid{path}?page=2"},
        ],
    ]
    words = "initialize-backupconfig --datasource-type AzureBlob --include-all-containers"
    account = "--storage-account-name sa1 --storage-account-rg sarg"
    done = az(f"backup-instance {words} {account}", answers)
    assert done.result == {"objectType": "BlobBackupDatasourceParameters", "containersList": ["c1", "c2", "c3"]}
    assert (done.http[0].path, done.http[0].api_version) == (path, "2025-08-01")
    with pytest.raises(InvalidArgument, match="sa1 has no container"):
        config(f"{words} {account}", [["GET", path, 200, {}, {"value": []}]])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("AzureDisk", "AzureDisk has no backup configuration"),
        ("AzureBlob", "which containers is not said"),
        ("AzureBlob --include-all-containers false", "which containers is not said"),
        ("AzureBlob --include-all-containers --container-list a", "does not go with"),
        ("AzureBlob --container-list a --storage-account-name sa", "--storage-account-name does not go with"),
        ("AzureBlob --include-all-containers --storage-account-name sa", "needs --storage-account-name and"),
        ("AzureBlob --container-list a --snapshot-volumes false", "--snapshot-volumes does not go with AzureBlob"),
        ("AzureKubernetesService --container-list a", "--container-list does not go with AzureKubernetesService"),
        ("AzureKubernetesService --include-all-containers", "--include-all-containers does not go with"),
        ("AzureKubernetesService --backup-hook-refs [{name:n}]", "--backup-hook-references has not the right shape"),
        ("AzureKubernetesService --backup-hook-refs [a]", "--backup-hook-references has not the right shape"),
    ],
)
def test_backup_configurations_that_cannot_be(words: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        config(f"initialize-backupconfig --datasource-type {words}")


def test_a_restore_configuration() -> None:
    found = config(
        "initialize-restoreconfig --datasource-type AzureKubernetesService --namespace-mappings my_a=my_b "
        "--conflict-policy patch --staging-rg-id /subscriptions/s/resourceGroups/g "
        "--resource-modifier {name:n,namespace:ns}"
    )
    assert found == {
        "objectType": "KubernetesClusterRestoreCriteria",
        "conflictPolicy": "Patch",
        "excludedNamespaces": None,
        "excludedResourceTypes": None,
        "includeClusterScopeResources": True,
        "includedNamespaces": None,
        "includedResourceTypes": None,
        "labelSelectors": None,
        "namespaceMappings": {"my_a": "my_b"},
        "persistentVolumeRestoreMode": "RestoreWithVolumeData",
        "resourceModifierReference": {"name": "n", "namespace": "ns"},
        "restoreHookReferences": None,
        "stagingResourceGroupId": "/subscriptions/s/resourceGroups/g",
        "stagingStorageAccountId": None,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("AzureDisk", "AzureDisk has no restore configuration"),
        ("AzureKubernetesService --namespace-mappings {a:{b:c}}", "--namespace-mappings has not the right shape"),
        ("AzureKubernetesService --resource-modifier a=b", "--resource-modifier-reference has not the right shape"),
    ],
)
def test_restore_configurations_that_cannot_be(words: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        config(f"initialize-restoreconfig --datasource-type {words}")


@pytest.mark.parametrize("type_", [name for name in names() if manifest(name).set_info == "parent"])
def test_a_parent_must_be_in_the_id(type_: str) -> None:
    with pytest.raises(InvalidArgument):
        initialize(type_, id_=IDS[type_].rpartition("/databases/")[0])
