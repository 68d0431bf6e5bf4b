"""camelCase out of any spelling, and out of people's own names nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.commands.camel import camel, camel_key

WORDS = st.lists(st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True), min_size=1, max_size=4)


@given(WORDS)
def test_three_spellings_are_one(words: list[str]) -> None:
    wanted = words[0] + "".join(word.capitalize() for word in words[1:])
    assert {camel_key(key) for key in ("_".join(words), "-".join(words), wanted)} == {wanted}


@pytest.mark.parametrize(
    "key", ["eTag", "Criteria", "_private", "a__b", "/subscriptions/a_b", "hidden-link:/x", "", "P30D"]
)
def test_what_is_no_such_spelling_stays(key: str) -> None:
    assert camel_key(key) == key


@pytest.mark.parametrize("key", ["resource_id", "resourceId", "resourceID", "resource-id"])
def test_the_id_of_a_datasource_is_spelt_as_its_body_has_it(key: str) -> None:
    assert camel({key: "/x"}) == {"resourceID": "/x"}
    assert camel([{"a_b": {key: "/x"}}], resource_id="resourceId") == [{"aB": {"resourceId": "/x"}}]


@pytest.mark.parametrize("holder", ["tags", "namespace_mappings", "userAssignedIdentities"])
def test_names_that_people_chose_stay(holder: str) -> None:
    assert camel({holder: {"my_name": "a"}})[camel_key(holder)] == {"my_name": "a"}


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(VALUES)
def test_twice_is_once_and_the_input_is_left_alone(value: Any) -> None:
    before = repr(value)
    once = camel(value)
    assert camel(once) == once
    assert repr(value) == before
    assert not isinstance(once, dict) or not any(re.fullmatch("[a-z]+_[a-z]+", key) for key in once)
