"""Microsoft.DataProtection/backupVaults/backupPolicies."""

from __future__ import annotations

import re
from typing import Any

from . import faults, kinds, naming, times, vaults
from .messages import Request, answer, listing, visible, without_nulls
from .reply import Reply
from .store import Document
from .world import World

TYPE = f"{vaults.TYPE}/backupPolicies"

_ONE_BACKUP_RULE = {kinds.DISK.type: "disks", kinds.AKS.type: "clusters"}

_INTERVAL = re.compile(r"R/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?/(P\w+)", re.IGNORECASE)


def list_policies(world: World, request: Request) -> Reply:
    """GET the policies of a vault."""
    policies = world.store.children("policy", vaults.find(world, request)["id"])
    return listing(request, policies, world.page_size)


def get(world: World, request: Request) -> Reply:
    """GET one policy."""
    policy = world.store.get("policy", vaults.find(world, request)["id"], request["name"])
    if policy is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    return answer(200, visible(policy))


def put(world: World, request: Request) -> Reply:
    """PUT a policy, new or known: 200 at once, with what was understood of the body."""
    vault = vaults.find(world, request)
    sent: Any = request.object().get("properties")
    reason = problem(sent)
    if reason:
        raise faults.backup("BMSUserErrorInvalidInput", reason=reason)
    existing = world.store.get("policy", vault["id"], request["name"])
    if existing is None:
        naming.check("policy", request["name"])
    name = existing["name"] if existing else request["name"]
    policy: Document = {
        "properties": {
            "policyRules": [without_nulls(rule) for rule in sent["policyRules"]],
            "datasourceTypes": sent["datasourceTypes"],
            "objectType": "BackupPolicy",
        },
        "id": f"{vault['id']}/backupPolicies/{name}",
        "name": name,
        "type": TYPE,
        "_": {"version": world.now},
    }
    world.store.put("policy", vault["id"], name, policy)
    return answer(200, visible(policy))


def delete(world: World, request: Request) -> Reply:
    """DELETE a policy: 200 at once, 204 if there is none, refused while an instance uses it."""
    vault = vaults.find(world, request)
    policy = world.store.get("policy", vault["id"], request["name"])
    if policy is None:
        return answer(204)
    users = [
        instance["name"]
        for kind in ("instance", "deletedInstance")
        for instance in world.store.children(kind, vault["id"])
        if instance["properties"]["policyInfo"]["policyId"].lower() == policy["id"].lower()
    ]
    if users:
        words = {"policy": policy["name"], "count": str(len(users)), "instance": users[0]}
        raise faults.backup("UserErrorDppPolicyObjectInUse", **words)
    world.store.drop("policy", vault["id"], policy["name"])
    return answer(200)


def problem(properties: Any) -> str:
    """What is wrong with a policy's properties, "" if nothing. Modelled: the service's own checks are not known."""
    if not isinstance(properties, dict):
        return "properties is missing"
    types, rules = properties.get("datasourceTypes"), properties.get("policyRules")
    if not isinstance(types, list) or len(types) != 1 or not isinstance(types[0], str):
        return "datasourceTypes must name one datasource type"
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        return "policyRules must be a list of rules"
    kept = [rule for rule in rules if rule.get("objectType") == "AzureRetentionRule"]
    backups = [rule for rule in rules if rule.get("objectType") == "AzureBackupRule"]
    if len(kept) + len(backups) != len(rules):
        return "every rule's objectType must be AzureBackupRule or AzureRetentionRule"
    if not any(rule.get("isDefault") and str(rule.get("name")).lower() == "default" for rule in kept):
        return "a retention rule named Default, with isDefault, is missing"
    if types[0] in _ONE_BACKUP_RULE and len(backups) != 1:
        return f"a policy for {_ONE_BACKUP_RULE[types[0]]} needs exactly one backup rule"
    names = {str(rule.get("name")).lower() for rule in kept}
    problems = [_retention_problem(rule) for rule in kept] + [_backup_problem(rule, names) for rule in backups]
    return next(filter(None, problems), "")


def retention(policy: Document, tag: str, store: str) -> str | None:
    """The ISO period for which the policy keeps a tag's points in a store; None if it does not."""
    for rule in policy["properties"]["policyRules"]:
        if rule["objectType"] == "AzureRetentionRule" and rule["name"].lower() == tag.lower():
            for lifecycle in rule["lifecycles"]:
                if lifecycle["sourceDataStore"]["dataStoreType"] == store:
                    return str(lifecycle["deleteAfter"]["duration"])
    return None


def backs_up(policy: Document) -> bool:
    """Whether the policy makes recovery points: operational backup of blobs keeps versions and makes none."""
    return any(rule["objectType"] == "AzureBackupRule" for rule in policy["properties"]["policyRules"])


def longest_retention(policy: Document) -> int:
    """The longest retention of any rule in ticks, a month being 31 days: a recorded P3M is 93 days."""
    return max(
        times.nominal(lifecycle["deleteAfter"]["duration"])
        for rule in policy["properties"]["policyRules"]
        for lifecycle in rule.get("lifecycles", [])
    )


def rule_names(policy: Document) -> list[str]:
    """The names of all rules."""
    return [rule["name"] for rule in policy["properties"]["policyRules"]]


def frequency(policy: Document) -> int:
    """The time between two scheduled backups in ticks, 0 if the policy schedules none."""
    for rule in policy["properties"]["policyRules"]:
        if rule["objectType"] == "AzureBackupRule":
            intervals = rule["trigger"]["schedule"]["repeatingTimeIntervals"]
            start = times.parse("2001-01-01T00:00:00Z")
            return (times.later(start, intervals[0].rpartition("/")[2]) - start) // len(intervals)
    return 0


def _retention_problem(rule: dict[str, Any]) -> str:
    lifecycles = rule.get("lifecycles")
    if not isinstance(lifecycles, list) or not lifecycles:
        return f"the retention rule {rule.get('name')} has no lifecycles"
    for lifecycle in lifecycles:
        period = (lifecycle.get("deleteAfter") or {}).get("duration")
        if not _is_period(period):
            return f"the retention rule {rule.get('name')} has no deleteAfter.duration such as P7D, but {period!r}"
        if not (lifecycle.get("sourceDataStore") or {}).get("dataStoreType"):
            return f"the retention rule {rule.get('name')} names no sourceDataStore.dataStoreType"
    return ""


def _backup_problem(rule: dict[str, Any], tags: set[str]) -> str:
    trigger = rule.get("trigger") or {}
    if trigger.get("objectType") != "ScheduleBasedTriggerContext":
        return f"the backup rule {rule.get('name')} has no trigger of type ScheduleBasedTriggerContext"
    intervals = (trigger.get("schedule") or {}).get("repeatingTimeIntervals")
    if not isinstance(intervals, list) or not intervals:
        return f"the backup rule {rule.get('name')} has no repeatingTimeIntervals"
    for interval in intervals:
        match = _INTERVAL.fullmatch(str(interval))
        if match is None or not _is_period(match[4]):
            return f"{interval!r} is not a repeating interval such as R/2024-01-01T02:00:00+00:00/PT4H"
    for criterion in trigger.get("taggingCriteria") or []:
        tag = (criterion.get("tagInfo") or {}).get("tagName")
        if str(tag).lower() not in tags:
            return f"the tag {tag} has no retention rule"
    return ""


def _is_period(text: Any) -> bool:
    try:
        times.later(times.UNSET, text)
    except (ValueError, TypeError):
        return False
    return True
