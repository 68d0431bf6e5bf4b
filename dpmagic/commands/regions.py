"""The other region of a vault: where ``--use-secondary-region`` asks and restores."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from dpmagic.arm.plans import Step
from dpmagic.commands.common import in_group, region
from dpmagic.commands.from_resourcegraph import instances_query, vaults_query
from dpmagic.commands.model import Args
from dpmagic.errors import InvalidArgument
from dpmagic.graph.query import rows

# Microsoft's region pairs.  A vault names its own second region; this is for one that names none or several.
_PAIRS = """
    australiacentral australiacentral2, australiaeast australiasoutheast, canadacentral canadaeast,
    centralindia southindia, centralus eastus2, centraluseuap eastus2euap, chinaeast chinanorth,
    chinaeast2 chinanorth2, chinaeast3 chinanorth3, eastasia southeastasia, eastus westus,
    francecentral francesouth, germanycentral germanynortheast, germanynorth germanywestcentral,
    japaneast japanwest, jioindiacentral jioindiawest, koreacentral koreasouth, northcentralus southcentralus,
    northeurope westeurope, norwayeast norwaywest, southafricanorth southafricawest, swedencentral swedensouth,
    switzerlandnorth switzerlandwest, taiwannorth taiwannorthwest, uaecentral uaenorth, uksouth ukwest,
    usdodcentral usdodeast, usgovarizona usgovtexas, usnateast usnatwest, usseceast ussecwest, westcentralus westus2
"""
# The pair of the first is the second, but not the other way round.
_ONE_WAY = """
    brazilsouth southcentralus, brazilsoutheast brazilsouth, malaysiasouth japanwest, usgoviowa usgovvirginia,
    usgovvirginia usgovtexas, westindia southindia, westus3 eastus
"""


def _pairs(text: str) -> list[tuple[str, str]]:
    return [(pair.split()[0], pair.split()[1]) for pair in text.split(",")]


PAIRED = dict([*_pairs(_PAIRS), *((second, first) for first, second in _pairs(_PAIRS)), *_pairs(_ONE_WAY)])


@dataclass(frozen=True)
class Regions:
    """A vault or backup instance as Resource Graph has it: its id, its own region and the other one."""

    id: str
    primary: str
    secondary: str


def vault_regions(args: Args) -> Generator[Step, Any, Regions]:
    """The regions of the vault of ``-g`` and ``-v``.

    Raises `InvalidArgument` when Resource Graph does not know the vault, or nobody its second region.
    """
    vault = yield from _one(args, vaults_query(groups=[args.resource_group], names=[args.vault_name]), "vault")
    primary = region(vault.get("location") or "")
    replicated = (vault.get("properties") or {}).get("replicatedRegions") or []
    secondary = region(replicated[0]) if len(replicated) == 1 else PAIRED.get(primary, "")
    if not secondary:
        raise InvalidArgument(
            f"vault {args.vault_name} in {primary or 'an unknown region'} has no second region",
            "leave --use-secondary-region away",
        )
    return Regions(vault["id"], primary, secondary)


def instance_regions(args: Args) -> Generator[Step, Any, Regions]:
    """The regions in which the backup instance of ``-g``, ``-v`` and ``-n`` is protected.

    Raises `InvalidArgument` when Resource Graph does not know it, or it is not protected in a second region.
    """
    query = instances_query(groups=[args.resource_group], vaults=[args.vault_name], names=[args.backup_instance_name])
    instance = yield from _one(args, query, "backup instance")
    known = (instance.get("properties") or {}).get("backupInstanceExtendedProperties") or {}
    primary, secondary = known.get("protectedPrimaryRegion"), known.get("protectedSecondaryRegion")
    if not (primary and secondary):
        raise InvalidArgument(
            f"backup instance {args.backup_instance_name} is not protected in a second region",
            "cross-region restore has to be on: `backup-vault update --cross-region-restore-state Enabled`",
        )
    return Regions(instance["id"], region(primary), region(secondary))


def in_region(args: Args, location: str, action: str) -> str:
    """The path of an action on what a vault of ``-g`` has in a region."""
    return in_group(args, "locations", location, action)


def _one(args: Args, query: str, what: str) -> Generator[Step, Any, dict[str, Any]]:
    found = yield from rows(query, [args.subscription])
    if len(found) != 1:
        named = args.vault_name if what == "vault" else args.backup_instance_name
        raise InvalidArgument(
            f"Resource Graph knows {len(found) or 'no'} {what}{'s' if found else ''} {named} in {args.resource_group}",
            "check the names and --subscription; what is new takes a minute or two to show there",
        )
    return found[0]
