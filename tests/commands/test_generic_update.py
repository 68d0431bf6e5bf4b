"""--set, --add, --remove: where paths lead, what values become, and what is said when they lead nowhere."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.commands.generic_update import generic_update
from dpmagic.errors import InvalidArgument

POLICY: dict[str, Any] = {
    "properties": {
        "policyRules": [
            {"name": "BackupDaily", "trigger": {"schedule": {"repeatingTimeIntervals": ["R/x/P1D"]}}},
            {"name": "Default", "lifecycles": [{"deleteAfter": {"duration": "P7D"}}]},
        ],
        "featureSettings": None,
    },
    "tags": {"env": "test"},
}
RULES = POLICY["properties"]["policyRules"]


def changed(**words: Any) -> Any:
    before = deepcopy(POLICY)
    after = generic_update(POLICY, words.get("add"), words.get("set"), words.get("remove"), words.get("force"))
    assert before == POLICY, "the input was changed"
    return after


def test_nothing_to_do_changes_nothing() -> None:
    assert changed() == POLICY


@pytest.mark.parametrize(
    "path",
    [
        "properties.policyRules[1].lifecycles[0].deleteAfter.duration",
        "properties.policyRules[-1].lifecycles[-1].deleteAfter.duration",
        "properties.policyRules[name=Default].lifecycles[0].deleteAfter.duration",
        "properties.policy_rules[name=default].lifecycles[0].delete-after.duration",
        "Properties.PolicyRules[1].LifeCycles[0].DeleteAfter.Duration",
    ],
)
def test_ways_to_one_place(path: str) -> None:
    after = changed(set=[f"{path}=P30D"])
    assert after["properties"]["policyRules"][1] == {
        "name": "Default",
        "lifecycles": [{"deleteAfter": {"duration": "P30D"}}],
    }


@pytest.mark.parametrize(
    ("text", "value", "forced"),
    [
        ("1", 1, "1"),
        ("true", True, "true"),
        ("null", None, "null"),
        ("P30D", "P30D", "P30D"),
        ("a=b", "a=b", "a=b"),
        ('{"a":1}', {"a": 1}, '{"a":1}'),
        ("[a,b]", ["a", "b"], "[a,b]"),
        ("", "", ""),
    ],
)
def test_what_a_value_becomes(text: str, value: Any, forced: str) -> None:
    assert changed(set=[f"properties.x={text}"])["properties"]["x"] == value
    assert changed(set=[f"properties.x={text}"], force=True)["properties"]["x"] == forced


def test_a_tag_is_text_and_named_as_typed() -> None:
    assert changed(set=["tags.cost_centre=12"])["tags"] == {"env": "test", "cost_centre": "12"}


def test_objects_on_the_way_are_made() -> None:
    after = changed(set=["properties.feature_settings.cross_region.state=Enabled"])
    assert after["properties"]["featureSettings"] == {"crossRegion": {"state": "Enabled"}}


def test_items_are_added() -> None:
    intervals = "properties.policyRules[0].trigger.schedule.repeatingTimeIntervals"
    after = changed(add=[intervals, "R/y/P1D", "R/z/P1D"])
    found = after["properties"]["policyRules"][0]["trigger"]["schedule"]["repeatingTimeIntervals"]
    assert found == ["R/x/P1D", "R/y/P1D", "R/z/P1D"]
    after = changed(add=["properties.policyRules", "name=Weekly", "is_default=false", '{"name":"Yearly"}', "name=C"])
    assert after["properties"]["policyRules"][2:] == [
        {"name": "Weekly", "isDefault": False},
        {"name": "Yearly"},
        {"name": "C"},
    ]
    assert changed(add=["properties.newList", "1"])["properties"]["newList"] == [1]


def test_things_are_removed() -> None:
    assert "env" not in changed(remove=["tags.env"])["tags"]
    for words in (["properties.policyRules", "0"], ["properties.policyRules[name=BackupDaily]"]):
        assert changed(remove=words)["properties"]["policyRules"] == RULES[1:]
    after = changed(remove=["tags.env", "properties.policyRules", "1", "properties.featureSettings"])
    assert after == {"properties": {"policyRules": RULES[:1]}, "tags": {}}


@pytest.mark.parametrize(
    ("option", "words", "message", "hint"),
    [
        ("set", ["propertes.x=1"], "there is no propertes", "did you mean properties?"),
        ("set", ["nonsense"], "is not PATH=VALUE", "properties.NAME=VALUE"),
        ("set", ["=1"], "is not PATH=VALUE", "properties.NAME=VALUE"),
        ("set", ["properties.policyRules[9].x=1"], r"\[9\] is not in a list of 2", "the first"),
        ("set", ["properties.policyRules.x=1"], "x is not in a list of 2", "[key=value]"),
        ("set", ["properties.policyRules[name=Defualt].x=1"], "no item has name=Defualt", "did you mean Default?"),
        ("set", ["tags.env.x=1"], "env is 'test', with nothing below it", "show"),
        ("set", ["properties.x={a"], "shorthand, character", "{key:value"),
        ("add", ["properties.policyRules"], "says nothing to add", "--add PATH VALUE"),
        ("add", ["properties", "x"], "it is not a list", "--set properties.NAME=VALUE"),
        ("remove", ["tags.evn"], "there is no evn", "did you mean env?"),
        ("remove", ["properties.policyRules", "5"], r"\[5\] is not in a list of 2", "the first"),
        ("remove", ["a..b"], "is not a path", "properties.list[0].name"),
    ],
)
def test_paths_that_lead_nowhere(option: str, words: list[str], message: str, hint: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as wrong:
        changed(**{option: words})
    assert hint in wrong.value.hint


PATHS = st.text(alphabet="properties.tagsenv[]=-019 {}'\"", max_size=25)


@given(st.lists(PATHS, max_size=3), st.lists(PATHS, max_size=3), st.lists(PATHS, max_size=3))
def test_garbage_is_an_invalid_argument(add: list[str], set_: list[str], remove: list[str]) -> None:
    try:
        assert isinstance(generic_update(POLICY, add, set_, remove, False), dict)
    except InvalidArgument as error:
        assert error.message
