"""The other region of a vault, as Resource Graph and Microsoft's pairs have it."""

from __future__ import annotations

from typing import Any

import pytest

from dpmagic.arm.plans import Manner, Plan, carry_out
from dpmagic.commands.model import Args
from dpmagic.commands.regions import PAIRED, Regions, in_region, instance_regions, vault_regions
from dpmagic.errors import InvalidArgument
from dpmagic.progress import Silent
from tests.canned import SUB, canned_connection

ARGS = Args({"resource_group": "rg1", "vault_name": "it's", "backup_instance_name": "b1"}, lambda: SUB)


def looked_up(plan: Plan, *rows: dict[str, Any]) -> tuple[Regions, str]:
    """The regions, and the filters of the question asked for them."""
    body = {"totalRecords": len(rows), "count": len(rows), "data": list(rows)}
    connection, sent = canned_connection([["POST", "ResourceGraph", 200, {}, body]])
    found = carry_out(plan, lambda: connection, Manner(Silent())).value
    return found, sent[0].body["query"].partition(" | where resourceGroup")[2]


def vault(location: str, *replicated: str) -> dict[str, Any]:
    return {"id": "/v", "location": location, "properties": {"replicatedRegions": list(replicated)}}


def instance(**known: str) -> dict[str, Any]:
    return {"id": "/b", "properties": {"backupInstanceExtendedProperties": known}}


def test_a_vault_names_its_second_region() -> None:
    found, query = looked_up(vault_regions(ARGS), vault("East US 2 EUAP", "westus"))
    assert found == Regions("/v", "eastus2euap", "westus")
    assert query == r" in~ ('rg1') | where name in~ ('it\'s')"


@pytest.mark.parametrize("replicated", [(), ("westus", "westus2")])
def test_a_vault_that_names_none_or_several_has_the_paired_one(replicated: tuple[str, ...]) -> None:
    found, _ = looked_up(vault_regions(ARGS), vault("westus3", *replicated))
    assert found == Regions("/v", "westus3", "eastus")


def test_a_region_without_a_pair_is_an_error() -> None:
    with pytest.raises(InvalidArgument, match="vault it's in polandcentral has no second region"):
        looked_up(vault_regions(ARGS), vault("polandcentral"))


@pytest.mark.parametrize(("plan", "what"), [(vault_regions, "vault it's"), (instance_regions, "backup instance b1")])
def test_what_resource_graph_does_not_know_is_an_error(plan: Any, what: str) -> None:
    with pytest.raises(InvalidArgument, match=f"knows no {what} in rg1"):
        looked_up(plan(ARGS))
    with pytest.raises(InvalidArgument, match="knows 2 "):
        looked_up(plan(ARGS), vault("westus"), vault("westus"))


def test_an_instance_has_the_regions_that_it_is_protected_in() -> None:
    row = instance(protectedPrimaryRegion="Central US EUAP", protectedSecondaryRegion="eastus2euap")
    found, query = looked_up(instance_regions(ARGS), row)
    assert found == Regions("/b", "centraluseuap", "eastus2euap")
    assert query == r" in~ ('rg1') | where vaultName in~ ('it\'s') | where name in~ ('b1')"


@pytest.mark.parametrize("known", [{}, {"protectedPrimaryRegion": "eastus", "protectedSecondaryRegion": ""}])
def test_an_instance_in_one_region_only_is_an_error(known: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument, match="backup instance b1 is not protected in a second region") as caught:
        looked_up(instance_regions(ARGS), instance(**known))
    assert "--cross-region-restore-state Enabled" in caught.value.hint


def test_pairs_are_those_that_az_has() -> None:
    assert len(PAIRED) == 69
    assert (PAIRED["eastus"], PAIRED["westus"], PAIRED["westus3"]) == ("westus", "eastus", "eastus")
    assert (PAIRED["brazilsouth"], PAIRED["southcentralus"]) == ("southcentralus", "northcentralus")
    assert all(first != second and first == first.lower() for first, second in PAIRED.items())


def test_an_action_in_a_region_is_below_the_resource_group() -> None:
    assert in_region(ARGS, "westus", "crossRegionRestore") == (
        f"/subscriptions/{SUB}/resourceGroups/rg1/providers/Microsoft.DataProtection/locations/westus/crossRegionRestore"
    )
