"""The manifests: complete, consistent, and az's own default policies."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dpmagic import datasources
from dpmagic.datasources import Manifest, by_arm_type, manifest, names
from dpmagic.errors import InvalidArgument
from tests.canned import NO_REFERENCE, REFERENCE, recorded

MANIFESTS = [manifest(name) for name in names()]
each = pytest.mark.parametrize("kind", MANIFESTS, ids=names())


def test_the_types_are_az_s_in_az_s_order() -> None:
    surface = recorded("az-surface.json")
    if not surface:
        pytest.skip(NO_REFERENCE)
    template = next(c for c in surface["commands"] if c["name"] == "backup-policy get-default-policy-template")
    assert list(names()) == template["arguments"]["datasource_type"]["choices"]


@each
def test_the_default_policy_is_az_s(kind: Manifest) -> None:
    path = REFERENCE / "az-inputs" / f"pol_{kind.name}.json"
    if not path.is_file():
        pytest.skip(NO_REFERENCE)
    assert kind.policy_template() == json.loads(path.read_text("utf-8"))


@each
def test_the_default_policy_is_one_that_the_type_can_have(kind: Manifest) -> None:
    policy = kind.policy_template()
    assert policy["datasourceTypes"] == [kind.datasource_type]
    [backup] = [rule for rule in policy["policyRules"] if rule["objectType"] == "AzureBackupRule"]
    assert backup["name"].removeprefix("Backup") in kind.frequencies
    tags = {tag["tagInfo"]["tagName"] for tag in backup["trigger"]["taggingCriteria"]}
    retentions = [rule for rule in policy["policyRules"] if rule["objectType"] == "AzureRetentionRule"]
    assert tags == {rule["name"] for rule in retentions} <= {"Default", *kind.tags}
    stores = {one["sourceDataStore"]["dataStoreType"] for rule in retentions for one in rule["lifecycles"]}
    assert stores | {backup["dataStore"]["dataStoreType"]} <= set(kind.stores)


@each
def test_fields_hold_words_of_azure(kind: Manifest) -> None:
    assert set(kind.stores) <= {"OperationalStore", "VaultStore", "ArchiveStore"}
    assert set(kind.frequencies) <= {"Hourly", "Daily", "Weekly"}
    assert set(kind.tags) <= {"Daily", "Weekly", "Monthly", "Yearly"}
    assert set(kind.restore_modes) <= {"RecoveryPointBased", "PointInTimeBased"}
    assert set(kind.restore_targets) <= {"AlternateLocation", "OriginalLocation", "RestoreAsFiles"}
    assert kind.vault_backup_roles
    roles = (*kind.vault_backup_roles, *kind.datasource_backup_roles)
    roles += (*kind.vault_restore_roles, *kind.datasource_restore_roles)
    assert {role.at for role in roles} <= {"DataSource", "DataSourceRG", "SnapshotRG", "TargetStorageAccount"}
    assert kind.snapshot_group == any(role.at == "SnapshotRG" for role in roles)


def test_a_template_is_the_caller_s_own() -> None:
    manifest("AzureDisk").policy_template()["policyRules"].clear()
    assert manifest("AzureDisk").policy_template()["policyRules"]


@each
def test_a_type_is_found_by_either_name_in_any_case(kind: Manifest) -> None:
    assert manifest(kind.name.upper()) is by_arm_type(kind.datasource_type.lower()) is kind


def test_an_unknown_type_is_told_with_the_nearest() -> None:
    with pytest.raises(InvalidArgument) as wrong:
        manifest("AzureDsik")
    assert wrong.value.hint == "did you mean AzureDisk?"
    with pytest.raises(InvalidArgument) as wrong:
        by_arm_type("Microsoft.Compute/virtualMachines")
    assert "Microsoft.Compute/disks" in wrong.value.hint


# A type that came after 1.5.4, as its file would be.
_COSMOS = {
    "position": 7,
    "name": "AzureCosmosDB",
    "datasource_type": "Microsoft.DocumentDB/databaseAccounts",
    "resource_type": "Microsoft.DocumentDB/databaseAccounts",
    "stores": ["VaultStore"],
    "frequencies": ["Weekly"],
    "tags": ["Weekly", "Monthly", "Yearly"],
    "absolute_criteria_only": False,
    "restore_modes": ["RecoveryPointBased"],
    "restore_targets": ["AlternateLocation"],
    "vault_backup_roles": [{"name": "Reader", "at": "DataSourceRG"}],
}
_ADDED = """
import importlib.resources, pathlib, sys
folder, real = pathlib.Path(sys.argv[1]), importlib.resources.files
importlib.resources.files = lambda name: folder if name == "dpmagic.datasources" else real(name)
from dpmagic.completion import candidates
from dpmagic.execute import execute
from dpmagic.session import Session
session = Session()
*_, last = execute(pathlib.Path("lines").read_text(), session)
print(last.value)
print([one.text for one in candidates("backup-instance initialize --datasource-type AzureC", {})[1]])
"""


def test_adding_a_type_is_adding_a_file(tmp_path: Path) -> None:
    """The commands, their choices and completion know it by its manifest alone."""
    for file in Path(datasources.__file__).parent.glob("*.json"):
        shutil.copy(file, tmp_path)
    policy = manifest("AzureDatabaseForMySQL").policy_template() | {"datasourceTypes": [_COSMOS["datasource_type"]]}
    (tmp_path / "AzureCosmosDB.json").write_text(json.dumps({**_COSMOS, "default_policy": policy}))
    account = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DocumentDB/databaseAccounts/a"
    (tmp_path / "lines").write_text(
        "backup-policy get-default-policy-template --datasource-type AzureCosmosDB > policy.json\n"
        "backup-policy tag create-absolute-criteria --absolute-criteria FirstOfMonth > criteria.json\n"
        "backup-policy tag set --name Monthly --policy policy.json --criteria criteria.json > policy.json\n"
        "backup-instance restore initialize-for-data-recovery --datasource-type AzureCosmosDB "
        f"--restore-location westus --source-datastore VaultStore --recovery-point-id r --target-resource-id {account} "
        "-o json --query restoreTargetInfo.datasourceInfo.datasourceType\n"
    )
    run = [sys.executable, "-c", _ADDED, str(tmp_path)]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [f'"{_COSMOS["datasource_type"]}"', "['AzureCosmosDB']"], done.stderr
