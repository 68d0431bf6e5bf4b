"""A ``--query`` that asks for what nothing has: told, where JMESPath and az give an empty answer in silence."""

from __future__ import annotations

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic import output
from dpmagic.connection import connect_sandbox
from dpmagic.execute import execute
from dpmagic.session import Session
from tests.canned import Heard
from tests.test_execute import CREATE

JOBS = [
    {"name": "a", "properties": {"status": "Failed", "tags": [{"k": "x"}]}, "tags": {"env": "prod"}},
    {"name": "b", "properties": {"status": "Completed", "end": "now"}},
]


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("[?status=='Failed']", "status; did you mean properties.status?"),
        ("[?properties.status==\"Failed\"].name", "Failed; for the text write 'Failed'"),
        ("[?properties.status==Failed] | length(@)", "Failed; for the text write 'Failed'"),
        ("[].nmae", "nmae; did you mean name?"),
        ("[].{n: name, s: statsu}", "statsu; "),
        ("[].[name, props]", "props; "),
        ("sort_by(@, &nam)[].name", "nam; did you mean name?"),
        ("[?contains(status, 'F')].name", "status; did you mean properties.status?"),
        ("[?properties.status=='Failed' && nmae=='a']", "nmae; did you mean name?"),
        ("[].{s: properties.status}[?z=='x']", "z; "),
        ("[].properties.tags[].j", "j; "),
        ("[0].nmae", "nmae; did you mean name?"),
        ("name", "name is asked of a list"),
        ("value[].name", "value is asked of a list"),
    ],
)  # fmt: skip
def test_what_nothing_has_is_told(expression: str, told: str) -> None:
    (line,) = output.nowhere(JOBS, expression)
    assert line.startswith("--query: ") and told in line


@pytest.mark.parametrize(
    "expression",
    [
        "[?properties.status=='Failed'].name",
        "[?properties.status=='Nope'].name",
        "[?tags.env=='prod']",
        "[].properties.end",
        "[].tags.env | [0]",
        "[].{s: properties.status, t: properties.tags[0].k}[?t=='x']",
        "[].properties.tags[].k",
        "[*].properties.tags[*].k",
        "[?!hidden].name",
        "[].not_null(nickname, name)",
        "[].[nickname || name]",
        "length(@)",
        "max_by(@, &name).name",
        "reverse(sort_by(@, &name))[0].name",
        "[-1].properties.status",
        "[5].name",
        "[1:].name",
        "[].properties.* | []",
    ],
)
def test_what_something_has_is_no_matter(expression: str) -> None:
    assert output.nowhere(JOBS, expression) == []
    assert output.nowhere([], expression) == []


def test_it_is_said_and_can_be_silenced() -> None:
    heard = Heard()
    session = Session(connect_sandbox(estate="starter"), observer=heard)
    list(execute(f"{CREATE}\nbackup-vault list --query '[].nmae'", session))
    assert heard.said == ["--query: nothing here has a field nmae; did you mean name?"]
    list(execute("backup-vault list --query '[].nmae' --only-show-errors", session))
    assert len(heard.said) == 1


names = st.sampled_from(["a", "b", "c"])
values = st.recursive(
    st.none() | st.integers() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)
expressions = st.recursive(
    names | st.sampled_from(["@", "`1`", "'x'"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([".a", ".b", "[]", "[*]", "[0]", "[-1]", "[1:]", ".*", ".[a, b]", ".{a: b}"])),
        st.tuples(inner, st.just(" | "), inner),
        st.tuples(inner, st.just("[?"), inner, st.sampled_from([" == ", " && ", " || "]), inner, st.just("]")),
        st.tuples(st.sampled_from(["not_null(", "type(", "to_string("]), inner, st.just(")")),
    ).map("".join),
    max_leaves=6,
)


@given(values, expressions)
def test_no_answer_is_too_odd_and_what_has_a_value_is_not_told(value: Any, expression: str) -> None:
    try:
        found = jmespath.search(expression, value)
    except jmespath.exceptions.JMESPathError:
        return
    told = output.nowhere(value, expression)
    plain = all(sign not in expression for sign in "?|{(*[ ")
    assert not (plain and found is not None and told), (found, told)
