"""Policies: az's wire, one JSON for create and update, and what a shorter retention touches is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dpmagic.arm.ids import vault_path
from dpmagic.commands.backup_policy import COMMANDS
from dpmagic.datasources import manifest, names
from dpmagic.errors import InvalidArgument, NotConfirmed
from tests.canned import NO_REFERENCE, SUB, Run, az, recorded
from tests.commands.estate import AT, Estate
from tests.commands.surface import check_examples, option_differences

POLICY = manifest("AzureDisk").policy_template()
DURATION = "properties.policyRules[name=Default].lifecycles[0].deleteAfter.duration"
VAULT = vault_path(SUB, "rg1", "v1")


def run(words: str) -> Run:
    """Against a vault with policy p1, a week's retention, which the instance a has."""
    instances = [
        {"name": name, "properties": {"policyInfo": {"policyId": f"{VAULT}/backupPolicies/{policy}"}}}
        for name, policy in (("a", "P1"), ("b", "p2"))
    ]
    answers: list[Any] = [
        ["GET", r"/backupPolicies/p1\?", 200, {}, {"name": "p1", "properties": POLICY}],
        ["GET", r"/backupPolicies\?", 200, {}, {"value": [{"name": "p1"}, {"name": "p2"}]}],
        ["PUT", r"/backupPolicies/p1\?", 200, {}, lambda sent: {"name": "p1", **sent.body}],
        ["DELETE", r"/backupPolicies/p1\?", 200, {}, None],
        ["GET", r"/recoveryPoints\?", 200, {}, {"value": [{}, {}, {}]}],
        ["GET", r"/backupInstances\?", 200, {}, {"value": instances}],
    ]
    return az(f"backup-policy {words} -g rg1 --vault-name v1", answers)


def put(run: Run) -> Any:
    assert run.error is None, run.error
    [body] = [sent.body for sent in run.http if sent.method == "PUT"]
    return body


def duration(properties: Any) -> str:
    return str(properties["policyRules"][1]["lifecycles"][0]["deleteAfter"]["duration"])


@pytest.mark.skipif(not recorded("az-surface.json"), reason=NO_REFERENCE)
def test_options_are_az_s_but_for_the_vault_of_create() -> None:
    [difference, other] = option_differences(COMMANDS)
    assert {difference, other} == {
        "backup-policy create: ['--vault-name', '-v']",
        "backup-policy create: ['--vault-name']",
    }


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_examples_parse(command: Any) -> None:
    check_examples(command)


@pytest.mark.parametrize("given", [POLICY, {"id": "/x", "name": "other", "properties": POLICY}])
@pytest.mark.parametrize("verb", ["create", "update"])
def test_create_and_update_take_one_json(verb: str, given: Any) -> None:
    done = run(f"{verb} -n p1 --policy '{json.dumps(given)}'")
    assert put(done) == {"properties": POLICY}
    assert done.said == []


@pytest.mark.parametrize("name", names())
def test_a_template_is_the_manifest_s(name: str) -> None:
    done = az(f"backup-policy get-default-policy-template --datasource-type {name}")
    assert (done.result, done.http) == (manifest(name).policy_template(), [])


def test_update_changes_what_it_is_told_and_keeps_the_rest() -> None:
    done = run(f"update -n p1 --set {DURATION}=P30D --datasource-types X/y")
    body = put(done)
    assert duration(body["properties"]) == "P30D"
    assert body["properties"]["datasourceTypes"] == ["X/y"]
    assert body["properties"]["policyRules"][0] == POLICY["policyRules"][0]
    assert [sent.method for sent in done.http] == ["GET", "PUT"]
    assert done.said == []


def test_a_shorter_retention_is_said_with_what_it_touches() -> None:
    done = run(f"update -n p1 --set {DURATION}=P1D")
    assert duration(put(done)["properties"]) == "P1D"
    assert done.said == [
        "policy p1: retention rule Default (OperationalStore) goes from P7D to P1D; "
        "1 backup instance, a with 3 recovery points"
    ]


def test_a_dry_run_shows_the_change_and_does_not_make_it() -> None:
    done = run(f"update -n p1 --set {DURATION}=P1D --dry-run")
    assert "PUT" not in [sent.method for sent in done.http]
    assert len(done.said) == 1


@pytest.mark.parametrize(
    "words",
    [
        "create -n p1 --policy '{\"policyRules\":1}'",
        "update -n p1 --policy '[]'",
        "update -n p1 --set properties.policyRules[0].name=1",
        "update -n p1 --remove properties.policyRules",
    ],
)
def test_what_is_no_policy_is_not_sent(words: str) -> None:
    done = run(words)
    assert isinstance(done.error, InvalidArgument)
    assert "PUT" not in [sent.method for sent in done.http]


def test_delete_says_what_it_touches_and_asks() -> None:
    done = run("delete -n p1 --yes")
    assert done.result is None
    assert done.http[-1].method == "DELETE"
    assert done.said == ["policy p1: it is deleted; 1 backup instance, a with 3 recovery points"]
    asked = run("delete -n p1")
    assert isinstance(asked.error, NotConfirmed)
    assert "DELETE" not in [sent.method for sent in asked.http]


def test_list_and_show() -> None:
    assert [one["name"] for one in run("list").result] == ["p1", "p2"]
    assert run("show -n p1").result["properties"] == POLICY
    by_id = az(f"backup-policy show --ids {VAULT}/backupPolicies/p1", [["GET", "", 200, {}, {"name": "p1"}]])
    assert [sent.path for sent in by_id.http] == [f"{VAULT}/backupPolicies/p1"]


def test_the_whole_way() -> None:
    """From the template to a policy in the vault, longer and shorter kept, listed and deleted."""
    estate = Estate()
    template = estate.run("backup-policy get-default-policy-template --datasource-type AzureDisk")
    edited = estate.run(
        "backup-policy trigger set --policy $policy --schedule $days",
        policy=template,
        days=estate.run(
            "backup-policy trigger create-schedule --interval-type Hourly --interval-count 6 "
            "--schedule-days 2024-01-31T13:00:00"
        ),
    )
    estate.run(f"backup-policy create {AT} -n edited --policy $policy", policy=edited)
    shown = estate.run(f"backup-policy show {AT} -n edited")
    assert shown["properties"]["policyRules"][0]["trigger"]["schedule"]["repeatingTimeIntervals"] == [
        "R/2024-01-31T13:00:00+00:00/PT6H"
    ]
    shown["properties"]["policyRules"][1]["lifecycles"][0]["deleteAfter"]["duration"] = "P2D"
    after = estate.run(f"backup-policy update {AT} -n edited --policy $policy", policy=shown)
    assert duration(after["properties"]) == "P2D"
    assert estate.heard.said == [
        "policy edited: retention rule Default (OperationalStore) goes from P7D to P2D; 0 backup instances"
    ]
    assert "edited" in [one["name"] for one in estate.run(f"backup-policy list {AT}")]
    estate.run(f"backup-policy delete {AT} -n edited --yes")
    assert "edited" not in [one["name"] for one in estate.run(f"backup-policy list {AT}")]
