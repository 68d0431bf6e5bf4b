"""Which disks a machine's backup takes: by LUN, by list, and when nobody can know."""

from __future__ import annotations

from typing import Any

import pandas
import pytest

from dpmagic.analysis.protection import vm_backup

from ..disks_by_hand import ago, disk_id, item, machine

DISKS = [("system", None), ("zero", 0), ("one", 1), ("two", 2)]


def takes(items: list[dict[str, Any]], machines: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """By disk, whether its machine's backup takes it; "?" where that is not known, "-" where there is no backup."""
    rows = machines if machines is not None else machine("vm", DISKS)
    found = vm_backup.of_disks(pandas.DataFrame(rows), pandas.DataFrame(items or [item("else")]))
    answers = found["itemTakes"].astype(object).where(found["itemTakes"].notna(), "?")
    answers = answers.where(found["itemStanding"].notna(), "-")
    return {key.rsplit("/", 1)[-1]: value for key, value in answers.items()}


@pytest.mark.parametrize(
    ("luns", "only", "taken"),
    [
        ([], False, "system zero one two"),
        ([1], False, "system zero two"),
        ([0, 1, 2], False, "system"),
        ([-1], False, "zero one two"),  # the system disk, where a list can name it
        ([1], True, "system one"),
        ([], True, "system"),  # what `--exclude-all-data-disks` leaves behind
        ([7], False, "system zero one two"),
        ([7], True, "system"),
    ],
)
def test_the_list_of_luns(luns: list[int], only: bool, taken: str) -> None:
    assert takes([item("vm", luns, only=only)]) == {name: name in taken.split() for name, _ in DISKS}


def test_without_a_list_only_the_system_disk_is_sure() -> None:
    assert takes([item("vm", None)]) == {"system": True, "zero": "?", "one": "?", "two": "?"}


def test_a_data_disk_without_a_lun_is_not_known_where_a_list_names_some() -> None:
    rows = [{**row, "lun": None} for row in machine("vm", DISKS)]
    assert takes([item("vm", [1])], rows)["one"] == "?"
    assert takes([item("vm", [])], rows)["one"] is True


def test_a_machine_without_a_backup() -> None:
    assert set(takes([]).values()) == {"-"}


def test_a_shared_disk_counts_once_and_by_the_backup_that_takes_it() -> None:
    rows = machine("a", [("shared", 0)]) + machine("b", [("shared", 3)])
    items = [item("a", [0]), item("b", [0])]
    assert takes(items, rows) == {"shared": True}
    found = vm_backup.of_disks(pandas.DataFrame(rows), pandas.DataFrame(items))
    assert (len(found), found["vmName"].iloc[0]) == (1, "b")


def test_of_two_items_the_protected_one_counts() -> None:
    stopped = item("vm", [], currentProtectionState="ProtectionStopped", vaultName="old")
    found = vm_backup.of_disks(pandas.DataFrame(machine("vm", DISKS)), pandas.DataFrame([stopped, item("vm", [])]))
    assert set(found["itemVault"]) == {"rsv"}
    assert set(found["itemStanding"]) == {"configured"}


def test_ids_in_any_casing() -> None:
    shouted = item("vm", [1])
    shouted["sourceResourceId"] = shouted["sourceResourceId"].upper()
    assert takes([shouted])["one"] is False


def test_what_is_no_machine_covers_no_disk() -> None:
    share = item("vm", [])
    share["sourceResourceId"] = share["sourceResourceId"].replace("virtualMachines", "storageAccounts")
    assert set(takes([share]).values()) == {"-"}


def test_health_and_age_are_the_items() -> None:
    items = [item("vm", [], healthStatus="ActionRequired", lastRecoveryPoint=ago(days=4))]
    found = vm_backup.of_disks(pandas.DataFrame(machine("vm", DISKS)), pandas.DataFrame(items))
    assert not found["itemHealthy"].any()
    assert set(found["itemPoint"]) == {ago(days=4)}
    assert disk_id("zero").lower() in found.index
