"""What most commands share: the options that name things, the paths they lead to, and lists read to where they end."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import wraps
from typing import Any
from urllib.parse import quote, urlsplit

from dpmagic.arm.ids import DATA_PROTECTION, group_path, parse_id, vault_path
from dpmagic.arm.plans import Plan, Say, Step, fetch, items
from dpmagic.arm.requests import Answer, Request
from dpmagic.commands.model import Args, Option
from dpmagic.datasources import names
from dpmagic.errors import IncompleteAnswer, InvalidArgument
from dpmagic.frames.times import format_time

_GROUPS_API = "2024-11-01"

GROUP = Option(
    ("--resource-group", "-g"),
    "Resource group.",
    required=True,
    id_part="resourceGroups",
    live="group",
)
ANY_GROUP = replace(GROUP, required=False, help="Resource group; the whole subscription without it.")
VAULT = Option(("--vault-name", "-v"), "The Backup vault.", required=True, id_part="backupVaults", live="vault")
INSTANCE = Option(
    ("--name", "-n", "--backup-instance-name"),
    "The backup instance.",
    required=True,
    id_part="backupInstances",
    live="instance",
    dest="backup_instance_name",
)
# Some commands of az take the long spelling only.
INSTANCE_LONG = replace(INSTANCE, names=("--backup-instance-name",))
BACKUP_INSTANCE = Option(
    ("--backup-instance",), "The backup instance, as `backup-instance initialize` writes it.", "object", required=True
)
POLICY_NAME = Option(
    ("--name", "-n", "--backup-policy-name"),
    "The backup policy.",
    required=True,
    id_part="backupPolicies",
    live="policy",
    dest="backup_policy_name",
)
POLICY_ID = Option(("--policy-id",), "Id of the backup policy.", "id", required=True)
LOCATION = Option(("--location", "-l"), "Azure region; the resource group's when not given.", live="location")
TAGS = Option(("--tags",), "Tags, as KEY=VALUE words.", "pairs")
OPERATION_REQUESTS = Option(
    ("--resource-guard-operation-requests", "--operation-requests"),
    "What the resource guard is asked to let through: request ids, or names such as DeleteBackupInstance.",
    "texts",
)
TENANT_ID = Option(("--tenant-id",), "Tenant of the resource guard, when it is another one.")
DATASOURCE_TYPE = Option(("--datasource-type",), "Type of what is backed up.", required=True, choices=names())
USE_SECONDARY_REGION = Option(
    ("--use-secondary-region",), "Use the vault's paired region (cross-region restore).", "boolean"
)
MAX_ITEMS = Option(("--max-items",), "Read no more than this many.", "integer")
NEXT_TOKEN = Option(("--next-token",), "Where an earlier list with --max-items stopped.")
PAGING = (MAX_ITEMS, NEXT_TOKEN)
GENERIC_UPDATE = (
    Option(("--add",), "Add to a list: property.list value, or key=value words.", "texts", dest="generic_update_add"),
    Option(("--set",), "Set a property: property1.property2=value.", "texts", dest="generic_update_set"),
    Option(("--remove",), "Remove a property or an item: property.list 0.", "texts", dest="generic_update_remove"),
    Option(
        ("--force-string",),
        "Take the values of --set and --add as text.",
        "boolean",
        dest="generic_update_force_string",
    ),
)


def pure(compute: Callable[[Args], Any]) -> Callable[[Args], Plan]:
    """A function of the arguments as the plan of a command that sends nothing."""

    @wraps(compute)
    def plan(args: Args) -> Plan:
        return compute(args)
        yield

    return plan


def subscription_wide(args: Args, type_: str) -> str:
    """The path of all resources of a type of Data Protection in the subscription."""
    return f"/subscriptions/{quote(args.subscription, safe='')}/providers/{DATA_PROTECTION}/{type_}"


def in_group(args: Args, type_: str, *names: str) -> str:
    """The path of such a resource in the resource group of ``-g``; of all of them without a name."""
    below = "".join(f"/{quote(name, safe='')}" for name in names)
    return f"{group_path(args.subscription, args.resource_group)}/providers/{DATA_PROTECTION}/{type_}{below}"


def region(location: str) -> str:
    """A region as Azure writes it in ids and answers.

    >>> region("East US")
    'eastus'
    """
    return location.replace(" ", "").lower()


def vault(args: Args, *rest: str) -> str:
    """The path of the vault of ``-g`` and ``-v``, or of something below it."""
    return vault_path(args.subscription, args.resource_group, args.vault_name, *rest)


def instance(args: Args, *rest: str) -> str:
    """The path of the backup instance of ``-g``, ``-v`` and ``-n``, or of something below it."""
    return vault(args, "backupInstances", args.backup_instance_name, *rest)


def location_of(args: Args) -> Generator[Step, Any, str]:
    """The region of ``-l``, or that of the resource group."""
    if args.location:
        return region(args.location)
    path = group_path(args.subscription, args.resource_group)
    group = yield from fetch(Request("GET", path, api_version=_GROUPS_API))
    return str(group["location"])


def policy_path(policy_id: str) -> str:
    """The path of a policy given by its id.  Raises `InvalidArgument` when it is not a policy's id."""
    parsed = parse_id(policy_id)
    vault_name, policy = parsed.named("backupVaults"), parsed.named("backupPolicies")
    if not (vault_name and policy):
        raise InvalidArgument(
            f"{policy_id!r} is not the id of a backup policy", "take it from `backup-policy show --query id`"
        )
    return vault_path(parsed.subscription, parsed.resource_group, vault_name, "backupPolicies", policy)


def told_of_times(args: Args) -> Generator[Step, Any, None]:
    """Says where ``--start-time`` is after ``--end-time``: Azure is asked, as by az, and answers with an empty list."""
    start, end = args.start_time, args.end_time
    if start and end and start > end:
        begins, ends = format_time(start, "auto"), format_time(end, "auto")
        yield Say(f"nothing lies between: --start-time {begins} is after --end-time {ends}")


def listed(args: Args, request: Request) -> Generator[Step, Any, list[Any]]:
    """The rows of a list: all of them, or those that ``--max-items`` and ``--next-token`` leave.

    Says the next token when rows are left.  Raises `InvalidArgument` for a token or number that cannot be, and
    `IncompleteAnswer` when the service's pages go round in a circle.
    """
    limit, (link, offset) = args.max_items, _position(args.next_token)
    if limit is None and not link and not offset:
        return list((yield from items(replace(request, every_page=True))))
    if limit is not None and limit < 1:
        raise InvalidArgument(f"--max-items cannot be {limit}", "give 1 or more, or leave it out for all")
    found: list[Any] = []
    seen: set[str] = set()
    while link not in seen:
        seen.add(link)
        page: Answer = yield replace(request, path=link, query={}, api_version="") if link else request
        rows = page.json["value"][offset:]
        room = len(rows) if limit is None else limit - len(found)
        found += rows[:room]
        following = _local(page.json.get("nextLink") or "")
        if len(rows) > room or (following and len(found) == limit):
            more = _token(link, offset + room) if len(rows) > room else _token(following, 0)
            yield Say(f"there are more: go on with --next-token {more}")
            return found
        if not following:
            return found
        link, offset = following, 0
    raise IncompleteAnswer("the service gave the same next page twice", "run it again; if it stays, tell Azure support")


def _local(link: str) -> str:
    """A link without its host: the connection's own is asked, whatever a token says."""
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}" if link else ""


def _token(link: str, offset: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"next_link": link, "offset": offset}).encode()).decode()


def _position(token: str | None) -> tuple[str, int]:
    if not token:
        return "", 0
    try:
        read = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        return _local(str(read["next_link"] or "")), int(read["offset"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise InvalidArgument(
            "--next-token is not a token", "give the whole text that the list before this one said"
        ) from None
