"""The command of each gap: right, readable by the project's own parser and by a shell, whatever things are called."""

from __future__ import annotations

import shlex
from typing import Any

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic import language
from dpmagic.analysis.protection import verdicts
from dpmagic.analysis.protection.places import Place, Places
from dpmagic.analysis.protection.remedies import command, remedies
from dpmagic.commands.parse import parse
from dpmagic.commands.table import Group, resolve

from ..disks_by_hand import OTHER, POLICY, SUB, VAULT, disk, disk_id, group, instance, policy, vault

HOSTILE = ["it's", 'a "b"', "$home", "rg (old)", "a b", "x;y", "`w`", "ä-ß", "$(rm)", "*"]


def tables(**more: list[dict[str, Any]]) -> dict[str, pandas.DataFrame]:
    rows = {"vaults": [vault()], "policies": [policy()], "instances": [instance("known")]} | more
    return {name: pandas.DataFrame(found) for name, found in rows.items()}


def gap(reason: str, **columns: Any) -> dict[str, Any]:
    """A gap's row: of a disk with an instance."""
    known = instance("d")
    usual = {
        **disk("d"),
        "reason": reason,
        "instanceId": known["id"],
        "policyId": known["policyId"],
        "resourceGroupId": known["resourceGroupId"],
        "deletedName": None,
        "deletedVault": None,
        "errorCode": None,
        "unsupported": None,
        "state": "ProtectionConfigured",
        "lastStatus": "Completed",
        "lastCode": None,
    }
    return usual | columns


def remedy(row: dict[str, Any], **more: list[dict[str, Any]]) -> tuple[Any, Any]:
    """The blocker and the command of one gap, None for what is missing."""
    found = remedies(pandas.DataFrame([row]), tables(**more)).iloc[0]
    return tuple(None if pandas.isna(value) else value for value in found)


def read(line: str) -> tuple[str, dict[str, Any]]:
    """The command's name and its arguments, as the project's parser has them; a shell reads the same words."""
    (statement,) = language.parse(line)
    assert isinstance(statement, language.Statement)
    words = language.expand(statement.words, {})
    assert shlex.split(line)[2:] == words
    found, rest = resolve(words)
    assert not isinstance(found, Group)
    return found.name, parse(found, rest)


@pytest.mark.parametrize(
    ("reason", "columns", "name"),
    [
        (verdicts.STOPPED, {}, "backup-instance resume-protection"),
        (verdicts.SUSPENDED, {}, "backup-instance resume-protection"),
        (verdicts.STALE, {}, "backup-instance adhoc-backup"),
        (verdicts.ERROR, {"errorCode": "UserErrorX"}, "backup-instance update-policy"),
        (verdicts.PERMISSION, {}, "backup-instance update-msi-permissions"),
        (
            verdicts.DELETED,
            {"instanceId": None, "deletedName": "d-d-1", "deletedVault": VAULT},
            "backup-instance deleted-backup-instance undelete",
        ),
    ],
)
def test_what_there_is_an_instance_for(reason: str, columns: dict[str, Any], name: str) -> None:
    _, line = remedy(gap(reason, **columns))
    known, values = read(line)
    assert known == name
    assert (values["resource_group"], values["vault_name"]) == ("rg-backup", "bv")
    assert values["subscription_given"] == SUB
    assert values.get("backup_instance_name", "d-d-1") == "d-d-1"


@pytest.mark.parametrize("reason", [verdicts.NEVER, verdicts.EXCLUDED])
def test_a_disk_without_an_instance_is_put_under_what_is_used_beside_it(reason: str) -> None:
    blocker, line = remedy(gap(reason, instanceId=None))
    name, values = read(line)
    assert (blocker, name) == (None, "backup-instance initialize")
    assert values["datasource_id"] == disk_id("d")
    assert (values["policy_id"], values["snapshot_resource_group_name"]) == (POLICY, "rg-snapshots")
    assert values["datasource_location"] == "westeurope"


def test_no_vault_in_the_region() -> None:
    blocker, line = remedy(gap(verdicts.NEVER, instanceId=None, location="westus"))
    assert blocker == "no Backup vault in westus that could be read"
    name, values = read(line)
    assert (name, values["vault_name"], values["location"]) == ("backup-vault create", "bv-westus", "westus")


def test_a_vault_without_a_policy_for_disks() -> None:
    blobs = policy(datasourceTypes=["Microsoft.Storage/storageAccounts/blobServices"])
    blocker, line = remedy(gap(verdicts.NEVER, instanceId=None), policies=[blobs])
    assert blocker == "the vault bv in westeurope has no policy that suits"
    assert read(line)[0] == "backup-policy get-default-policy-template"


def test_slow_disks_get_a_slow_policy() -> None:
    fast, slow = policy("fast", "PT4H"), policy("slow", "PT12H")
    one = gap(verdicts.NEVER, instanceId=None, sku="UltraSSD_LRS")
    _, line = remedy(one, policies=[fast, slow])
    assert read(line)[1]["policy_id"] == slow["id"]
    blocker, _ = remedy(one, policies=[fast])
    assert blocker == "the vault bv in westeurope has no policy that suits"
    _, line = remedy(gap(verdicts.UNSUPPORTED, sku="PremiumV2_LRS"), policies=[fast, slow])
    assert read(line)[0] == "backup-instance update-policy"
    assert read(line)[1]["policy_id"] == slow["id"]


def test_no_group_for_snapshots_is_known() -> None:
    blocker, line = remedy(gap(verdicts.NEVER, instanceId=None, subscriptionId=OTHER))
    assert blocker is not None
    assert "resource group for snapshots" in blocker
    assert read(line)[1]["snapshot_resource_group_name"] is None


def test_a_disk_that_cannot_be_protected_has_no_command() -> None:
    assert remedy(gap(verdicts.UNSUPPORTED, unsupported="encrypted")) == ("encrypted", None)


def test_an_instance_that_is_still_being_configured() -> None:
    blocker, line = remedy(gap(verdicts.NEVER, state="ConfiguringProtection"))
    assert (blocker, read(line)[0]) == ("its backup instance is ConfiguringProtection", "backup-instance show")


def test_what_failed_last_stands_in_the_way() -> None:
    blocker, _ = remedy(gap(verdicts.STALE, lastStatus="Failed", lastCode="UserErrorDESKeyVaultKeyDisabled"))
    assert blocker == "its last backup failed: UserErrorDESKeyVaultKeyDisabled"


def test_the_roles_json_is_that_of_an_instance() -> None:
    _, line = remedy(gap(verdicts.PERMISSION))
    given_json = read(line)[1]["backup_instance"]["properties"]
    assert given_json["data_source_info"]["resource_id"] == disk_id("d")
    stores = given_json["policy_info"]["policy_parameters"]["data_store_parameters_list"]
    assert stores[0]["resource_group_id"] == group("rg-snapshots")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name: str) -> None:
    odd = f"{group(name)}/providers/Microsoft.DataProtection/backupVaults/{name}/backupInstances/{name}"
    for reason in (verdicts.STOPPED, verdicts.STALE, verdicts.ERROR, verdicts.PERMISSION):
        _, line = remedy(gap(reason, instanceId=odd))
        _, values = read(line)
        assert (values["resource_group"], values["vault_name"]) == (name, name)
        assert values.get("backup_instance_name", name) == name


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1))
def test_any_word_is_read_back(word: str) -> None:
    line = command("backup-instance", "show", "-n", word)
    (statement,) = language.parse(line)
    assert isinstance(statement, language.Statement)
    assert language.expand(statement.words, {})[-1] == word
    assert shlex.split(line)[-1] == word


def test_the_place_is_the_vault_most_used_of_the_same_subscription() -> None:
    near, far = VAULT.replace("/bv", "/near"), VAULT.replace(SUB, OTHER)
    places = Places(
        tables(
            vaults=[vault(far), vault(near), vault()],
            policies=[policy(vault=one) for one in (far, near, VAULT)],
            instances=[instance("a"), instance("b", vaultId=far), instance("c", vaultId=far)],
        )
    )
    assert places.best(SUB, "westeurope", False) == Place(VAULT, POLICY, "rg-snapshots")
    assert places.best(OTHER, "westeurope", False).vault == far
    assert places.best(SUB, "northeurope", False) == Place()
