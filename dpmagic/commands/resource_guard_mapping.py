"""``backup-vault resource-guard-mapping``: put a vault under a resource guard, see it, take it out."""

from __future__ import annotations

from dataclasses import replace

from dpmagic.arm.ids import parse_id
from dpmagic.arm.plans import Ask, Plan, fetch
from dpmagic.arm.requests import Request
from dpmagic.commands import impact
from dpmagic.commands.common import GROUP, VAULT, vault
from dpmagic.commands.examples import AT, GUARD_ID
from dpmagic.commands.guard_requests import MAPPING
from dpmagic.commands.model import Args, Command, Option
from dpmagic.errors import InvalidArgument

MAPPING_NAME = Option(
    ("--name", "-n", "--resource-guard-mapping-name"),
    "The mapping; Azure knows one name.",
    default=MAPPING,
    id_part="backupResourceGuardProxies",
    dest="resource_guard_mapping_name",
)
_GUARD_ID = Option(
    ("--resource-guard-id", "--resource-guard-resource-id"),
    "Id of the resource guard.",
    "id",
    live="resource-guard",
    dest="resource_guard_resource_id",
)


def mapping(args: Args, *rest: str) -> str:
    """The path of the vault's mapping, or of something below it."""
    return vault(args, "backupResourceGuardProxies", args.resource_guard_mapping_name, *rest)


def _create(args: Args) -> Plan:
    guard = args.resource_guard_resource_id
    below_subscription = guard and guard.lower().startswith("/subscriptions/")
    if below_subscription and not parse_id(guard).named("resourceGuards"):
        raise InvalidArgument(
            f"--resource-guard-id: {guard!r} is not the id of a resource guard",
            "take it from `resource-guard show --query id`",
        )
    properties = {"resourceGuardResourceId": guard} if guard else {}
    return (yield from fetch(Request("PUT", mapping(args), {"properties": properties})))


def _show(args: Args) -> Plan:
    return (yield from fetch(Request("GET", mapping(args))))


def _delete(args: Args) -> Plan:
    effect = "it comes out of its resource guard: its critical operations then need no second person's consent"
    yield from impact.changing_vault(args, [effect])
    yield Ask(f"Are you sure you want to delete the mapping {args.resource_guard_mapping_name}?")
    yield Request("DELETE", mapping(args), purpose=f"delete mapping {args.resource_guard_mapping_name}")


_ACTION = "Microsoft.DataProtection/backupVaults/backupResourceGuardProxies"

COMMANDS = (
    Command(
        "backup-vault resource-guard-mapping create",
        "Put a vault under a resource guard.",
        _create,
        (GROUP, VAULT, MAPPING_NAME, _GUARD_ID),
        examples=(f"backup-vault resource-guard-mapping create {AT} --resource-guard-id {GUARD_ID}",),
        permission=f"{_ACTION}/write, Microsoft.DataProtection/resourceGuards/read",
    ),
    Command(
        "backup-vault resource-guard-mapping delete",
        "Take a vault out of its resource guard.",
        _delete,
        (GROUP, VAULT, replace(MAPPING_NAME, required=True, default=None)),
        asks=True,
        ids=True,
        done="vault {vault_name} is under no resource guard",
        details="The guard protects this operation, too: see `resource-guard unlock`.",
        examples=(f"backup-vault resource-guard-mapping delete {AT} -n DppResourceGuardProxy --yes",),
        permission=f"{_ACTION}/delete",
    ),
    Command(
        "backup-vault resource-guard-mapping show",
        "Show which resource guard a vault is under, and what it protects.",
        _show,
        (GROUP, VAULT, MAPPING_NAME),
        ids=True,
        examples=(f"backup-vault resource-guard-mapping show {AT}",),
        permission=f"{_ACTION}/read",
    ),
)
