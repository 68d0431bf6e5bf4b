"""``backup-policy``: make, see, change, delete policies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dpmagic.arm.plans import Ask, Plan, fetch
from dpmagic.arm.requests import Request
from dpmagic.commands import impact
from dpmagic.commands.common import (
    DATASOURCE_TYPE,
    GENERIC_UPDATE,
    GROUP,
    PAGING,
    POLICY_NAME,
    VAULT,
    listed,
    pure,
    vault,
)
from dpmagic.commands.effects import shorter_retention
from dpmagic.commands.examples import AT
from dpmagic.commands.generic_update import generic_update
from dpmagic.commands.model import Args, Command, Option
from dpmagic.commands.policy_edits import policy_of
from dpmagic.datasources import manifest


def _create(args: Args) -> Plan:
    properties = policy_of(args.policy)
    yield from impact.replacing_policy(args, args.backup_policy_name, properties)
    return (yield from fetch(_put(args, {"properties": properties}, "create")))


def _update(args: Args) -> Plan:
    given = policy_of(args.policy) if args.policy is not None else {}
    if args.datasource_types:
        given["datasourceTypes"] = args.datasource_types
    before = (yield from fetch(Request("GET", _path(args))))["properties"]
    after = generic_update(
        {"properties": {**before, **given}},
        args.generic_update_add,
        args.generic_update_set,
        args.generic_update_remove,
        args.generic_update_force_string,
    )
    after["properties"] = policy_of(after)
    if effects := shorter_retention(before, after["properties"]):
        yield from impact.changing_policy(args, args.backup_policy_name, effects)
    return (yield from fetch(_put(args, after, "update")))


def _put(args: Args, body: dict[str, Any], verb: str) -> Request:
    return Request("PUT", _path(args), body, purpose=f"{verb} policy {args.backup_policy_name}")


def _delete(args: Args) -> Plan:
    yield from impact.changing_policy(args, args.backup_policy_name, ["it is deleted"])
    yield Ask(f"Are you sure you want to delete policy {args.backup_policy_name}?")
    yield Request("DELETE", _path(args), purpose=f"delete policy {args.backup_policy_name}")


def _list(args: Args) -> Plan:
    return (yield from listed(args, Request("GET", vault(args, "backupPolicies"))))


def _show(args: Args) -> Plan:
    return (yield from fetch(Request("GET", _path(args))))


@pure
def _template(args: Args) -> dict[str, Any]:
    return manifest(args.datasource_type).policy_template()


def _path(args: Args) -> str:
    return vault(args, "backupPolicies", args.backup_policy_name)


_ACTION = "Microsoft.DataProtection/backupVaults/backupPolicies"
_NAMED = f"{AT} -n diskPolicy"
_POLICY = Option(
    ("--policy",), "The policy's JSON, as get-default-policy-template or show writes it.", "object", required=True
)
COMMANDS = (
    Command(
        "backup-policy create",
        "Make a policy.",
        _create,
        (GROUP, VAULT, POLICY_NAME, _POLICY),
        details=(
            "It replaces a policy of the same name; where a retention gets shorter, the backup instances that it "
            "touches are said first."
        ),
        examples=(f"backup-policy create {_NAMED} --policy policy.json",),
        permission=f"{_ACTION}/write",
    ),
    Command(
        "backup-policy update",
        "Change a policy.",
        _update,
        (
            GROUP,
            VAULT,
            POLICY_NAME,
            replace(_POLICY, required=False),
            Option(("--datasource-types",), "ARM's types of what the policy is for.", "texts"),
            *GENERIC_UPDATE,
        ),
        ids=True,
        details=(
            "--policy takes the JSON that create takes; what it does not name stays. Where a retention gets shorter, "
            "the backup instances that it touches are said first."
        ),
        examples=(
            f"backup-policy update {_NAMED} --policy policy.json",
            f"backup-policy update {_NAMED} "
            "--set properties.policyRules[name=Default].lifecycles[0].deleteAfter.duration=P30D",
        ),
        permission=f"{_ACTION}/read, {_ACTION}/write",
    ),
    Command(
        "backup-policy delete",
        "Delete a policy.",
        _delete,
        (GROUP, VAULT, POLICY_NAME),
        asks=True,
        ids=True,
        done="deleted policy {backup_policy_name}",
        examples=(f"backup-policy delete {_NAMED} --yes",),
        permission=f"{_ACTION}/delete",
    ),
    Command(
        "backup-policy list",
        "List the policies of a vault.",
        _list,
        (GROUP, VAULT, *PAGING),
        examples=(f"backup-policy list {AT}",),
        permission=f"{_ACTION}/read",
    ),
    Command(
        "backup-policy show",
        "Show a policy.",
        _show,
        (GROUP, VAULT, POLICY_NAME),
        ids=True,
        examples=(f"backup-policy show {_NAMED}",),
        permission=f"{_ACTION}/read",
    ),
    Command(
        "backup-policy get-default-policy-template",
        "Show the policy that az starts from for a datasource type.",
        _template,
        (DATASOURCE_TYPE,),
        details="Edit it with the trigger, retention-rule and tag commands, then give it to create.",
        examples=("backup-policy get-default-policy-template --datasource-type AzureDisk > policy.json",),
    ),
)
