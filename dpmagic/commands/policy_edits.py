"""A policy's JSON, read and changed: each edit takes a policy and gives a changed copy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dpmagic.commands.camel import camel
from dpmagic.commands.policy_shapes import api_shape
from dpmagic.commands.values import parse_instant
from dpmagic.datasources import Manifest, by_arm_type
from dpmagic.errors import InvalidArgument, did_you_mean

# Of two tags that fit a recovery point, Azure takes the one of lower priority number; these are az's numbers.
_PRIORITIES = {"Daily": 25, "Weekly": 20, "Monthly": 15, "Yearly": 10}
_CRITERIA = {"absoluteCriteria", "daysOfMonth", "daysOfTheWeek", "monthsOfYear", "scheduleTimes", "weeksOfTheMonth"}
_FREQUENCIES = {"D": "Daily", "W": "Weekly", "H": "Hourly"}
_INTERVAL = re.compile(r"R\d*/(?P<start>[^/]+)/P(?:\d+[DW]|T\d+H)")


def policy_of(given: Any) -> dict[str, Any]:
    """A copy of a policy's JSON as the API has it, from what ``get-default-policy-template`` or ``show`` writes, or in
    the shape that az's ``backup-policy update`` wants.

    Raises `InvalidArgument` when it is not a policy.
    """
    policy = api_shape(camel(given))
    if isinstance(policy, dict) and isinstance(policy.get("properties"), dict):
        policy = policy["properties"]
    if not (isinstance(policy, dict) and isinstance(policy.get("policyRules"), list)):
        raise InvalidArgument(
            "--policy holds no policy: it has no policyRules",
            "give what `backup-policy get-default-policy-template` or `backup-policy show` writes",
        )
    for number, rule in enumerate(policy["policyRules"], 1):
        if not (isinstance(rule, dict) and isinstance(rule.get("name"), str)):
            raise InvalidArgument(f"--policy: rule {number} of policyRules has no name", "every rule has one")
        _check_shape(rule)
    return policy


def _check_shape(rule: Mapping[str, Any]) -> None:
    trigger = rule.get("trigger") or {}
    if not isinstance(trigger, dict) or not isinstance(trigger.get("schedule") or {}, dict):
        raise InvalidArgument(f"--policy: the trigger of rule {rule['name']}, or its schedule, is not an object")
    tags = trigger.get("taggingCriteria") or []
    if trigger.get("objectType") == "AdhocBasedTriggerContext":
        tags = [tags]  # the API has one object there
    if not (isinstance(tags, list) and all(isinstance(one, dict) and _tag_name(one) for one in tags)):
        raise InvalidArgument(f"--policy: taggingCriteria of rule {rule['name']} is not a list of named tags")
    lifecycles = rule.get("lifecycles") or []
    if not (isinstance(lifecycles, list) and all(_is_lifecycle(one) for one in lifecycles)):
        raise InvalidArgument(
            f"--policy: lifecycles of rule {rule['name']} is not a list of lifecycles",
            "each has deleteAfter, with a duration, and sourceDataStore",
        )


def _is_lifecycle(value: Any) -> bool:
    if not (isinstance(value, dict) and _source(value)):
        return False
    after = value.get("deleteAfter")
    return isinstance(after, dict) and isinstance(after.get("duration"), str)


def with_schedule(policy: Mapping[str, Any], intervals: Sequence[str]) -> dict[str, Any]:
    """The policy with other repeating time intervals, its backup rule named after the first.

    Raises `InvalidArgument` for an interval that is none, and for one that the datasource type does not have.
    """
    policy = policy_of(policy)
    kind = kind_of(policy)
    frequencies = [_frequency(interval) for interval in intervals]
    for frequency in frequencies:
        if frequency not in kind.frequencies:
            raise InvalidArgument(
                f"{kind.name} has no {frequency.lower()} backup", f"one of: {', '.join(kind.frequencies)}"
            )
    trigger = _scheduled_trigger(policy)
    trigger["schedule"] = {**(trigger.get("schedule") or {}), "repeatingTimeIntervals": list(intervals)}
    _backup_rule(policy)["name"] = f"Backup{frequencies[0]}"
    return policy


def _frequency(interval: str) -> str:
    """Daily, Weekly or Hourly, from ``R/2024-01-31T13:00:00+00:00/P1D``."""
    try:
        if parts := _INTERVAL.fullmatch(interval):
            parse_instant(parts["start"])
            return _FREQUENCIES[interval[-1]]
    except ValueError:
        pass  # a start that is no time: said below, as is all else that can be wrong with it
    raise InvalidArgument(
        f"--schedule {interval!r} is not a repeating time interval",
        "`backup-policy trigger create-schedule` writes them, such as R/2024-01-31T13:00:00+00:00/P1D",
    )


def with_retention(policy: Mapping[str, Any], name: str, lifecycles: Iterable[Any]) -> dict[str, Any]:
    """The policy with these lifecycles for the retention rule ``name``, which is added when it is not there.

    Where rules share a name (AzureBlob has a Default for each store), each gets the lifecycles of its own store.
    Raises `InvalidArgument` for a name the datasource type does not have, and for a store that no such rule is for.
    """
    policy = policy_of(policy)
    new = [camel(one) for one in lifecycles]
    if not (new and all(_is_lifecycle(one) for one in new)):
        raise InvalidArgument(
            "--lifecycles holds something that is not a lifecycle",
            "give what `backup-policy retention-rule create-lifecycle` writes",
        )
    rules = [rule for rule in _retention_rules(policy) if rule["name"] == name]
    if len(rules) > 1:
        _share_out(new, rules)
    elif rules:
        rules[0]["lifecycles"] = new
    else:
        _check_name(kind_of(policy), name)
        rule = {"objectType": "AzureRetentionRule", "isDefault": name == "Default", "name": name, "lifecycles": new}
        policy["policyRules"].append(rule)
    return policy


def _share_out(lifecycles: Iterable[dict[str, Any]], rules: Sequence[dict[str, Any]]) -> None:
    rule_of: dict[str, dict[str, Any]] = {}
    for rule in rules:
        for old in rule.get("lifecycles") or []:
            rule_of.setdefault(_source(old), rule)
    touched: list[dict[str, Any]] = []
    for lifecycle in lifecycles:
        store = _source(lifecycle)
        if store not in rule_of:
            raise InvalidArgument(
                f"no retention rule {rules[0]['name']} is for {store}", f"there is one for: {', '.join(rule_of)}"
            )
        rule = rule_of[store]
        if not any(rule is one for one in touched):
            rule["lifecycles"] = []
            touched.append(rule)
        rule["lifecycles"].append(lifecycle)


def _source(lifecycle: Mapping[str, Any]) -> str:
    store = lifecycle.get("sourceDataStore")
    return str(store.get("dataStoreType") or "") if isinstance(store, dict) else ""


def without_retention(policy: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The policy without a retention rule.  Raises `InvalidArgument` for Default, and for one that is not there."""
    policy = policy_of(policy)
    if name == "Default":
        raise InvalidArgument("the retention rule Default cannot be removed", "a policy needs it; `set` changes it")
    rules = _retention_rules(policy)
    names = dict.fromkeys(rule["name"] for rule in rules)
    if name not in names:
        raise InvalidArgument(f"the policy has no retention rule {name}", f"it has: {', '.join(names) or 'none'}")
    policy["policyRules"] = [rule for rule in policy["policyRules"] if rule not in rules or rule["name"] != name]
    return policy


def with_tag(policy: Mapping[str, Any], name: str, criteria: Iterable[Any]) -> dict[str, Any]:
    """The policy with these criteria for a tag, which is added when it is not there.

    Raises `InvalidArgument` for a tag or criteria that the datasource type does not have.
    """
    policy = policy_of(policy)
    new = [camel(one) for one in criteria]
    if not (new and all(isinstance(one, dict) and _CRITERIA & one.keys() for one in new)):
        raise InvalidArgument(
            "--criteria holds something that is not a criteria",
            "give what `backup-policy tag create-absolute-criteria` or `create-generic-criteria` writes",
        )
    kind = kind_of(policy)
    _check_name(kind, name)
    if kind.absolute_criteria_only and not all(one.get("absoluteCriteria") for one in new):
        raise InvalidArgument(
            f"--criteria: {kind.name} takes absolute criteria only",
            "make them with `backup-policy tag create-absolute-criteria`",
        )
    tags = _tags(policy)
    for tag in tags:
        if _tag_name(tag) == name:
            tag.pop("Criteria", None)  # where az changes a tag, it writes a second key so
            tag["criteria"] = new
            return policy
    priority = _PRIORITIES[name]
    tags.append({"criteria": new, "isDefault": False, "taggingPriority": priority, "tagInfo": {"tagName": name}})
    return policy


def without_tag(policy: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The policy without a tag.  Raises `InvalidArgument` when it is not there."""
    policy = policy_of(policy)
    tags = _tags(policy)
    names = [_tag_name(tag) for tag in tags]
    if name not in names:
        raise InvalidArgument(f"the policy has no tag {name}", f"it has: {', '.join(names) or 'none'}")
    tags[:] = [tag for tag in tags if _tag_name(tag) != name]
    return policy


def _tags(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tags of the backup rule, as they stand in the policy."""
    trigger = _scheduled_trigger(policy)
    tags: list[dict[str, Any]] = trigger.get("taggingCriteria") or []
    trigger["taggingCriteria"] = tags
    return tags


def _tag_name(tag: Mapping[str, Any]) -> str:
    info = tag.get("tagInfo")
    return str(info.get("tagName") or "") if isinstance(info, dict) else ""


def kind_of(policy: Mapping[str, Any]) -> Manifest:
    """The manifest of a policy's datasource type.  Raises `InvalidArgument` when it names none that is known."""
    types = policy.get("datasourceTypes")
    if not (isinstance(types, list) and types):
        raise InvalidArgument("--policy has no datasourceTypes", 'such as ["Microsoft.Compute/disks"]')
    return by_arm_type(str(types[0]))


def _check_name(kind: Manifest, name: str) -> None:
    if name not in (*kind.tags, "Default"):
        raise InvalidArgument(
            f"{kind.name} has no retention {name}", did_you_mean(name, kind.tags, f"one of: {', '.join(kind.tags)}")
        )


def _backup_rule(policy: Mapping[str, Any]) -> dict[str, Any]:
    rules: list[dict[str, Any]] = policy["policyRules"]
    for rule in rules:
        if rule.get("objectType") == "AzureBackupRule":
            return rule
    raise InvalidArgument(
        f"the policy has no backup rule, only: {', '.join(rule['name'] for rule in rules) or 'none at all'}",
        "start from `backup-policy get-default-policy-template`",
    )


def _scheduled_trigger(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The trigger of the backup rule, as it stands in the policy; made when it is not there."""
    rule = _backup_rule(policy)
    trigger: dict[str, Any] = rule.get("trigger") or {"objectType": "ScheduleBasedTriggerContext"}
    if trigger.get("objectType") == "AdhocBasedTriggerContext":
        raise InvalidArgument(
            f"the backup rule {rule['name']} has no schedule: it is for on-demand backups",
            "start from `backup-policy get-default-policy-template`",
        )
    rule["trigger"] = trigger
    return trigger


def _retention_rules(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [rule for rule in policy["policyRules"] if rule.get("objectType") == "AzureRetentionRule"]
