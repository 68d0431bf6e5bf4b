"""What a change would touch, read and said before it is made.

These reads inform: one that Azure refuses is told ("could not count: CODE") and the command goes on.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

from dpmagic.arm.ids import same_id
from dpmagic.arm.plans import Ask, Plan, Say, Step, fetch
from dpmagic.arm.requests import Answer, Request
from dpmagic.commands.common import instance, subscription_wide, vault
from dpmagic.commands.effects import shorter_retention, soft_delete_of, vault_effects
from dpmagic.commands.model import Args
from dpmagic.errors import AzureError, NotFound

# Recovery points are one list an instance: beyond this many instances they are not counted.
_INSTANCES_LOOKED_INTO = 10


def read(request: Request) -> Generator[Step, Any, tuple[Any, str]]:
    """The body of a read and ``""``; or None and the code with which Azure refused it, with the hint of a 404."""
    try:
        return (yield from fetch(request)), ""
    except NotFound as missing:
        return None, f"{missing.code} ({missing.hint})" if missing.hint else missing.code
    except AzureError as refused:
        return None, refused.code


def existing(request: Request) -> Generator[Step, Any, tuple[Mapping[str, Any], str]]:
    """The body of what a create would replace; empty when there is none, or with the code of Azure's refusal."""
    try:
        answer: Answer = yield replace(request, allow=(404,))
    except AzureError as refused:
        return {}, refused.code
    return {} if answer.status == 404 else answer.json, ""


def deleting_instance(args: Args) -> Plan:
    """Say how many recovery points go with the instance, and whether soft delete keeps them."""
    points = yield from _count(instance(args, "recoveryPoints"), "recovery point")
    kept = yield from _soft_delete(args)
    yield Say(f"backup instance {args.backup_instance_name}: {points}; {kept}")


def changing_instance(args: Args, effect: str) -> Plan:
    """Say an effect on the instance, and on how many recovery points."""
    points = yield from _count(instance(args, "recoveryPoints"), "recovery point")
    yield Say(f"backup instance {args.backup_instance_name}: {effect}; it has {points}")


def deleting_vault(args: Args) -> Plan:
    """Say what is in the vault."""
    instances, refused = yield from _inside(args)
    inside = [instances]
    if not refused:
        inside.append((yield from _count(vault(args, "backupPolicies"), "policy", "policies")))
        inside.append((yield from _count(vault(args, "deletedBackupInstances"), "soft-deleted backup instance")))
    yield Say(f"vault {args.vault_name}: {', '.join(inside)}")


def changing_vault(args: Args, effects: list[str]) -> Plan:
    """Say each effect on the vault, on how many instances and, when they are few, recovery points."""
    if effects:
        instances, _ = yield from _inside(args)
        yield Say(f"vault {args.vault_name} ({instances}): {'; '.join(effects)}")
        yield from _last_look(effects)


def creating_vault(args: Args, body: Mapping[str, Any]) -> Plan:
    """Say what a create does for good or leaves open; Azure takes it for an update where the vault is there already.

    What it weakens of that vault beyond this is not known: a plain create sends the one request that az sends.
    """
    if effects := vault_effects({}, body):
        found, refused = yield from existing(_instances(args))
        inside = f" ({yield from _told(args, found, refused)})" if found or refused else ""
        yield Say(f"vault {args.vault_name}{inside}: {'; '.join(effects)}")
        yield from _last_look(effects)


def _last_look(effects: list[str]) -> Plan:
    if re.search("is Locked, for good|disabled for good|cannot be turned off again", "; ".join(effects)):
        yield Ask("Are you sure? This cannot be undone.", present=True)


def replacing_policy(args: Args, policy: str, after: Mapping[str, Any]) -> Plan:
    """Say which retention gets shorter where a create replaces a policy of this name."""
    before, refused = yield from existing(Request("GET", vault(args, "backupPolicies", policy)))
    if refused:
        yield Say(f"policy {policy}: whether it is there already, and keeps more, could not be read: {refused}")
    elif effects := shorter_retention(before.get("properties") or {}, after):
        yield from changing_policy(args, policy, effects)


def changing_policy(args: Args, policy: str, effects: list[str]) -> Plan:
    """Say each effect on the policy of this name, on how many instances and, when they are few, recovery points."""
    users, refused = yield from _users(args, policy)
    if refused:
        touched = f"its backup instances: could not count: {refused}"
    elif len(users) > _INSTANCES_LOOKED_INTO:
        touched = f"{_number(len(users), 'backup instance')}, whose recovery points were not counted"
    else:
        touched = _number(len(users), "backup instance")
        for name in users:
            points = yield from _count(vault(args, "backupInstances", name, "recoveryPoints"), "recovery point")
            touched += f", {name} with {points}"
    yield Say(f"policy {policy}: {'; '.join([*effects, touched])}")


def switching_policy(args: Args, old: str, new: str) -> Plan:
    """Say which retention gets shorter for the instance of ``args`` when it goes from a policy to another, by path."""
    if not old or same_id(old, new):
        return
    before, refused = yield from read(Request("GET", old))
    if not refused:
        after, refused = yield from read(Request("GET", new))
    if refused:
        yield Say(f"whether retention gets shorter is not known: could not read both policies: {refused}")
    elif effects := shorter_retention(before["properties"], after["properties"]):
        yield from changing_instance(args, "; ".join(effects))


def weakening_guard(args: Args, effect: str) -> Plan:
    """Say an effect on the resource guard of ``args``, and how many vaults may lean on it."""
    vaults, refused = yield from read(Request("GET", subscription_wide(args, "backupVaults"), every_page=True))
    if refused:
        leaning = f"vaults under a resource guard: could not count: {refused}"
    else:
        guarded = [
            one for one in vaults["value"] if (one.get("properties") or {}).get("isVaultProtectedByResourceGuard")
        ]
        leaning = f"{_number(len(guarded), 'vault')} of this subscription under a resource guard, this one or another"
    yield Say(f"resource guard {args.resource_guard_name}: {effect}; {leaning}")


def _inside(args: Args) -> Generator[Step, Any, tuple[str, str]]:
    """How many instances are in the vault and, when they are few, recovery points; and why that was not counted."""
    body, refused = yield from read(_instances(args))
    return (yield from _told(args, body, refused)), refused


def _instances(args: Args) -> Request:
    return Request("GET", vault(args, "backupInstances"), every_page=True)


def _told(args: Args, body: Mapping[str, Any], refused: str) -> Generator[Step, Any, str]:
    """What `_inside` says of a list of instances, or of Azure's refusal to show it."""
    if refused:
        return f"backup instances: could not count: {refused}"
    names = [one["name"] for one in body["value"]]
    instances = _number(len(names), "backup instance")
    if len(names) > _INSTANCES_LOOKED_INTO:
        return f"{instances}, whose recovery points were not counted"
    return f"{instances}, {(yield from _points(args, names))}" if names else instances


def _points(args: Args, instances: list[str]) -> Generator[Step, Any, str]:
    """How many recovery points these instances have, in words."""
    count = 0
    for name in instances:
        path = vault(args, "backupInstances", name, "recoveryPoints")
        body, refused = yield from read(Request("GET", path, every_page=True))
        if refused:
            return f"recovery points: could not count: {refused}"
        count += len(body["value"])
    return _number(count, "recovery point")


def _users(args: Args, policy: str) -> Generator[Step, Any, tuple[list[str], str]]:
    body, refused = yield from read(_instances(args))
    if refused:
        return [], refused
    wanted = vault(args, "backupPolicies", policy)
    return [
        one["name"]
        for one in body["value"]
        if same_id((one["properties"].get("policyInfo") or {}).get("policyId") or "", wanted)
    ], ""


def _soft_delete(args: Args) -> Generator[Step, Any, str]:
    body, refused = yield from read(Request("GET", vault(args)))
    if refused:
        return f"whether soft delete keeps it could not be read: {refused}"
    state, days = soft_delete_of(body)
    if state == "off":
        return "soft delete is off: what is deleted is gone for good"
    return f"soft delete keeps what is deleted for {days:g} days; until then `undelete` brings it back"


def _count(path: str, one: str, many: str = "") -> Generator[Step, Any, str]:
    """How many there are, in words, or why that could not be counted."""
    body, refused = yield from read(Request("GET", path, every_page=True))
    if refused:
        return f"{many or one + 's'}: could not count: {refused}"
    return _number(len(body["value"]), one, many)


def _number(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
