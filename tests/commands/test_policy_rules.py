"""Editing policies: az's JSON with az's defects gone, the input left as it was."""

from __future__ import annotations

import json
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import pytest

from dpmagic.commands import policy_edits
from dpmagic.commands.policy_rules import COMMANDS
from dpmagic.datasources import manifest, names
from dpmagic.errors import DpmagicError, InvalidArgument, MissingArgument
from tests.canned import NO_REFERENCE, az, recorded
from tests.commands.surface import check_examples, option_differences

DISK, BLOB, MYSQL = (manifest(name).policy_template() for name in ("AzureDisk", "AzureBlob", "AzureDatabaseForMySQL"))
FIRST_OF_WEEK = {"objectType": "ScheduleBasedBackupCriteria", "absoluteCriteria": ["FirstOfWeek"]}


def run(words: str, **values: Any) -> Any:
    """What a command prints; ``values`` are its JSON options."""
    done = az(
        " ".join([f"backup-policy {words}", *(f"--{key} '{json.dumps(value)}'" for key, value in values.items())])
    )
    if done.error:
        raise done.error
    assert done.http == []
    return done.result


def lifecycle(duration: str, store: str = "OperationalStore") -> dict[str, Any]:
    return {
        "deleteAfter": {"objectType": "AbsoluteDeleteOption", "duration": duration},
        "sourceDataStore": {"objectType": "DataStoreInfoBase", "dataStoreType": store},
        "targetDataStoreCopySettings": [],
    }


def kept(policy: Any, name: str) -> list[list[tuple[str, str]]]:
    """Store and duration of each lifecycle of each retention rule of a name."""
    return [
        [(one["sourceDataStore"]["dataStoreType"], one["deleteAfter"]["duration"]) for one in rule["lifecycles"]]
        for rule in policy["policyRules"]
        if rule["objectType"] == "AzureRetentionRule" and rule["name"] == name
    ]


def tags(policy: Any) -> dict[str, Any]:
    [rule] = [rule for rule in policy["policyRules"] if rule["objectType"] == "AzureBackupRule"]
    return {tag["tagInfo"]["tagName"]: tag for tag in rule["trigger"]["taggingCriteria"]}


def snake(value: Any) -> Any:
    """The same JSON with snake_case keys."""
    if isinstance(value, dict):
        return {"".join(f"_{c.lower()}" if c.isupper() else c for c in key): snake(one) for key, one in value.items()}
    return [snake(one) for one in value] if isinstance(value, list) else value


@pytest.mark.skipif(not recorded("az-surface.json"), reason=NO_REFERENCE)
def test_options_are_az_s() -> None:
    assert option_differences(COMMANDS) == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_examples_parse(command: Any) -> None:
    check_examples(command)


@pytest.mark.parametrize(
    ("words", "schedule"),
    [
        ("Daily --interval-count 1 --schedule-days 2024-01-01T02:00:00", ["R/2024-01-01T02:00:00+00:00/P1D"]),
        ("Daily --interval-count 1 --schedule-days 2024-01-01T02:00:00Z", ["R/2024-01-01T02:00:00+00:00/P1D"]),
        ("Daily --interval-count 1 --schedule-days 2024-01-01T02:00:00+05:30", ["R/2023-12-31T20:30:00+00:00/P1D"]),
        ("Daily --interval-count 1 --schedule-days 2024-01-01", ["R/2024-01-01T00:00:00+00:00/P1D"]),
        (
            "Weekly --interval-count 1 --schedule-days 2024-01-01T02:00:00 2024-01-03T02:00:00",
            ["R/2024-01-01T02:00:00+00:00/P1W", "R/2024-01-03T02:00:00+00:00/P1W"],
        ),
        ("Hourly --interval-count 12 --schedule-days 2024-01-01T02:00:00", ["R/2024-01-01T02:00:00+00:00/PT12H"]),
    ],
)
def test_a_schedule(words: str, schedule: list[str]) -> None:
    assert run(f"trigger create-schedule --interval-type {words}") == schedule


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("Weekly --interval-count 2 --schedule-days 2024-01-01", "weekly backup cannot be 2"),
        ("Hourly --interval-count 5 --schedule-days 2024-01-01", "hourly backup cannot be 5"),
        ("Daily --interval-count 1 --schedule-days tomorrow", "'tomorrow' is not a date"),
        ("Daily --interval-count 1 --schedule-days 2024-02-30T00:00:00", "is not a date"),
    ],
)
def test_a_schedule_that_cannot_be(words: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        run(f"trigger create-schedule --interval-type {words}")


def test_a_schedule_is_set() -> None:
    days = "R/2024-01-01T02:00:00+00:00/P1W R/2024-01-03T02:00:00+00:00/P1W"
    policy = run(f"trigger set --schedule {days}", policy=BLOB)
    [rule] = [rule for rule in policy["policyRules"] if rule["objectType"] == "AzureBackupRule"]
    assert rule["name"] == "BackupWeekly"
    assert rule["trigger"]["schedule"] == {"repeatingTimeIntervals": days.split(), "timeZone": "UTC"}
    assert tags(policy) == tags(BLOB)


@pytest.mark.parametrize(
    ("policy", "schedule", "message", "hint"),
    [
        (MYSQL, "R/2024-01-01T02:00:00+00:00/P1D", "AzureDatabaseForMySQL has no daily backup", "one of: Weekly"),
        (DISK, "R/2024-01-01T02:00:00+00:00/P1W", "AzureDisk has no weekly backup", "Daily, Hourly"),
        (DISK, "P1D", "'P1D' is not a repeating time interval", "create-schedule"),
        (DISK, "R/noon/P1D", "is not a repeating time interval", "create-schedule"),
        (DISK, "R/2024-01-01T02:00:00+00:00/P1M", "is not a repeating time interval", "create-schedule"),
        ({**DISK, "datasourceTypes": []}, "R/2024-01-01T00:00:00+00:00/P1D", "no datasourceTypes", "Microsoft"),
        ({**DISK, "datasourceTypes": ["X/y"]}, "R/2024-01-01T00:00:00+00:00/P1D", "'X/y' is not the type", "disks"),
    ],
)
def test_a_schedule_that_does_not_fit(policy: Any, schedule: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as wrong:
        run(f"trigger set --schedule {schedule}", policy=policy)
    assert hint in wrong.value.hint


@pytest.mark.parametrize(
    "edit",
    ["trigger set --schedule R/2024-01-01T02:00:00+00:00/P1D", "tag set --name Weekly", "tag remove --name Weekly"],
)
def test_a_policy_without_a_backup_rule_is_told_so(edit: str) -> None:
    policy = {**DISK, "policyRules": [rule for rule in DISK["policyRules"] if rule["name"] == "Default"]}
    given = {"policy": policy, **({"criteria": FIRST_OF_WEEK} if "tag set" in edit else {})}
    with pytest.raises(InvalidArgument, match="no backup rule, only: Default"):
        run(edit, **given)


def test_a_lifecycle() -> None:
    words = "retention-rule create-lifecycle --source-datastore OperationalStore --count 12 --type Months"
    assert run(words) == lifecycle("P12M")
    copied = run(f"{words} --target-datastore VaultStore --copy-option ImmediateCopyOption")
    assert copied["targetDataStoreCopySettings"] == [
        {
            "copyAfter": {"objectType": "ImmediateCopyOption"},
            "dataStore": {"dataStoreType": "VaultStore", "objectType": "DataStoreInfoBase"},
        }
    ]


@pytest.mark.parametrize("half", ["--target-datastore ArchiveStore", "--copy-option CopyOnExpiryOption"])
def test_half_a_copy_is_refused(half: str) -> None:
    with pytest.raises(MissingArgument, match="go together"):
        run(f"retention-rule create-lifecycle --source-datastore VaultStore --count 3 --type Months {half}")


@pytest.mark.parametrize("count", ["0", "-1", "x", "1.5"])
def test_a_lifecycle_lasts_for_a_whole_number(count: str) -> None:
    with pytest.raises(DpmagicError):
        run(f"retention-rule create-lifecycle --source-datastore VaultStore --count {count} --type Days")


def test_a_retention_rule_is_added_then_changed_then_removed() -> None:
    added = run("retention-rule set --name Weekly", policy=DISK, lifecycles=lifecycle("P12M"))
    assert added["policyRules"][:-1] == DISK["policyRules"]
    assert added["policyRules"][-1] == {
        "objectType": "AzureRetentionRule",
        "isDefault": False,
        "name": "Weekly",
        "lifecycles": [lifecycle("P12M")],
    }
    changed = run("retention-rule set --name Weekly", policy=added, lifecycles=[lifecycle("P4W")])
    assert kept(changed, "Weekly") == [[("OperationalStore", "P4W")]]
    assert run("retention-rule remove --name Weekly", policy=changed) == DISK


@pytest.mark.parametrize(
    ("lifecycles", "operational", "vaulted"),
    [
        ([lifecycle("P60D")], "P60D", "P7D"),
        ([lifecycle("P90D", "VaultStore")], "P30D", "P90D"),
        ([lifecycle("P90D", "VaultStore"), lifecycle("P60D")], "P60D", "P90D"),
    ],
)
def test_of_two_rules_of_one_name_the_store_picks(lifecycles: Any, operational: str, vaulted: str) -> None:
    policy = run("retention-rule set --name Default", policy=BLOB, lifecycles=lifecycles)
    assert kept(policy, "Default") == [[("OperationalStore", operational)], [("VaultStore", vaulted)]]


def test_of_two_rules_of_one_name_none_is_for_another_store() -> None:
    with pytest.raises(InvalidArgument, match="no retention rule Default is for ArchiveStore") as wrong:
        run("retention-rule set --name Default", policy=BLOB, lifecycles=lifecycle("P1Y", "ArchiveStore"))
    assert wrong.value.hint == "there is one for: OperationalStore, VaultStore"


@pytest.mark.parametrize(
    ("words", "values", "message", "hint"),
    [
        ("set --name Monthly", {"lifecycles": lifecycle("P1M")}, "AzureDisk has no retention Monthly", "Daily, Weekly"),
        ("set --name Weekly", {"lifecycles": {"duration": "P1M"}}, "not a lifecycle", "create-lifecycle"),
        ("set --name Weekly", {"lifecycles": []}, "not a lifecycle", "create-lifecycle"),
        ("remove --name Yearly", {}, "no retention rule Yearly", "it has: Default"),
        ("remove --name Default", {}, "cannot be removed", "a policy needs it"),
    ],
)
def test_retention_that_cannot_be(words: str, values: Any, message: str, hint: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as wrong:
        run(f"retention-rule {words}", policy=DISK, **values)
    assert hint in wrong.value.hint


def test_criteria() -> None:
    assert run("tag create-absolute-criteria --absolute-criteria firstofweek") == FIRST_OF_WEEK
    found = run("tag create-generic-criteria --days-of-month 1 last --weeks-of-month First --months-of-year May")
    assert found == {
        "objectType": "ScheduleBasedBackupCriteria",
        "daysOfMonth": [{"date": 1, "isLast": False}, {"isLast": True}],
        "daysOfTheWeek": None,
        "monthsOfYear": ["May"],
        "weeksOfTheMonth": ["First"],
    }


@pytest.mark.parametrize("day", ["0", "29", "foo", "-1", "1.0", "²"])
def test_a_day_that_not_every_month_has(day: str) -> None:
    with pytest.raises(DpmagicError):
        run(f"tag create-generic-criteria --days-of-month {day}")


def test_criteria_of_nothing() -> None:
    with pytest.raises(MissingArgument, match="fit nothing"):
        run("tag create-generic-criteria")


def test_a_tag_is_added_then_changed_then_removed() -> None:
    added = run("tag set --name Weekly", policy=DISK, criteria=FIRST_OF_WEEK)
    weekly = {"criteria": [FIRST_OF_WEEK], "isDefault": False, "taggingPriority": 20, "tagInfo": {"tagName": "Weekly"}}
    assert tags(added) == {**tags(DISK), "Weekly": weekly}
    daily = {**FIRST_OF_WEEK, "absoluteCriteria": ["FirstOfDay"]}
    tags(added)["Weekly"]["Criteria"] = [FIRST_OF_WEEK]  # as az leaves it
    changed = run("tag set --name Weekly", policy=added, criteria=[daily])
    assert tags(changed)["Weekly"] == {**weekly, "criteria": [daily]}
    assert run("tag remove --name Weekly", policy=changed) == DISK


@pytest.mark.parametrize(("name", "priority"), [("Weekly", 20), ("Monthly", 15), ("Yearly", 10)])
def test_priorities(name: str, priority: int) -> None:
    policy = run(f"tag set --name {name}", policy=MYSQL, criteria=FIRST_OF_WEEK)
    assert tags(policy)[name]["taggingPriority"] == priority


@pytest.mark.parametrize(
    ("words", "values", "message", "hint"),
    [
        ("set --name Monthly", {"criteria": FIRST_OF_WEEK}, "AzureDisk has no retention Monthly", "Daily, Weekly"),
        ("set --name Weekly", {"criteria": {"daysOfTheWeek": ["Monday"]}}, "absolute criteria only", "create-absolute"),
        ("set --name Weekly", {"criteria": ["Monday"]}, "not an object", "{key: value}"),
        ("remove --name Daily", {}, "has no tag Daily", "it has: Default"),
    ],
)
def test_tags_that_cannot_be(words: str, values: Any, message: str, hint: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as wrong:
        run(f"tag {words}", policy=DISK, **values)
    assert hint in wrong.value.hint


EDITS: Iterable[Any] = (
    lambda policy: policy_edits.with_schedule(policy, ["R/2024-01-01T02:00:00+00:00/P1D"]),
    lambda policy: policy_edits.with_retention(policy, "Weekly", [lifecycle("P1W")]),
    lambda policy: policy_edits.with_retention(policy, "Default", [lifecycle("P1W")]),
    lambda policy: policy_edits.with_tag(policy, "Weekly", [FIRST_OF_WEEK]),
    lambda policy: policy_edits.without_tag(policy, "Default"),
)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_leaves_its_input_alone_and_takes_every_spelling(edit: Any) -> None:
    before = deepcopy(DISK)
    after = edit(DISK)
    assert before == DISK != after
    assert edit(snake(DISK)) == after
    assert edit({"id": "/x", "name": "p", "properties": DISK}) == after


@pytest.mark.parametrize(
    "policy",
    [
        [],
        {},
        {"policyRules": {}},
        {"policyRules": [1]},
        {"policyRules": [{"objectType": "AzureBackupRule"}]},
        {"policyRules": [{"name": "a", "trigger": "x"}]},
        {"policyRules": [{"name": "a", "trigger": {"schedule": []}}]},
        {"policyRules": [{"name": "a", "trigger": {"schedule": [1]}}]},
        {"policyRules": [{"name": "a", "trigger": {"taggingCriteria": [{"tagInfo": "x"}]}}]},
        {"policyRules": [{"name": "a", "lifecycles": [{"deleteAfter": "P1D"}]}]},
        {"policyRules": [{"name": "a", "lifecycles": "x"}]},
    ],
)
def test_what_is_no_policy_is_told_so(policy: Any) -> None:
    with pytest.raises(InvalidArgument, match="--policy"):
        policy_edits.with_schedule(policy, ["R/2024-01-01T02:00:00+00:00/P1D"])


def test_a_rule_for_on_demand_backups_has_no_schedule_to_edit() -> None:
    policy = deepcopy(DISK)
    policy["policyRules"][0]["trigger"] = {
        "objectType": "AdhocBasedTriggerContext",
        "taggingCriteria": {"tagInfo": {"tagName": "Default"}},
    }
    assert policy_edits.policy_of(policy) == policy
    with pytest.raises(InvalidArgument, match="has no schedule"):
        policy_edits.with_tag(policy, "Weekly", [FIRST_OF_WEEK])


@pytest.mark.parametrize("name", names())
def test_every_default_policy_can_be_edited(name: str) -> None:
    kind = manifest(name)
    policy = kind.policy_template()
    for tag in kind.tags:
        criteria = {**FIRST_OF_WEEK, "absoluteCriteria": ["FirstOfDay"]}
        policy = policy_edits.with_tag(policy, tag, [criteria])
        policy = policy_edits.with_retention(policy, tag, [lifecycle("P5W", kind.stores[0])])
    assert (
        {"Default", *kind.tags} == set(tags(policy)) == {name for name in ("Default", *kind.tags) if kept(policy, name)}
    )
