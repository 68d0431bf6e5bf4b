"""az's shorthand: what it spells, what it refuses, and that reading never fails in another way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dpmagic.commands.shorthand import parse_pairs, parse_shorthand, parse_value
from dpmagic.errors import InvalidArgument

VALUES = st.recursive(
    st.none() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PUNCTUATION = st.text(alphabet="{}[],:'\"/=. ab0-", max_size=30)


def spelled(value: Any) -> str:
    """``value`` in shorthand, every text quoted."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "'" + value.replace("'", "'/") + "'"
    if isinstance(value, list):
        return f"[{','.join(map(spelled, value))}]"
    return "{" + ",".join(f"{spelled(key)}:{spelled(one)}" for key, one in value.items()) + "}"


@given(VALUES)
def test_what_is_spelled_is_read(value: Any) -> None:
    assert parse_shorthand(spelled(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        ("[]", []),
        ("a", "a"),
        ("{a:1,b:true}", {"a": "1", "b": "true"}),
        ("{a:[x,y],b:{c:null}}", {"a": ["x", "y"], "b": {"c": None}}),
        ("{a,b:c}", {"a": None, "b": "c"}),
        ("[a,b,]", ["a", "b"]),
        ("{a:b,}", {"a": "b"}),
        (" { type : Local , n : [ 1 , 2 ] } ", {"type": "Local", "n": ["1", "2"]}),
        ("{uri:'https://a.b/c'}", {"uri": "https://a.b/c"}),
        ("'null'", "null"),
        ("'it'/s'", "it's"),
        ("''", ""),
        ("R/2024-01-01T00'", None),
    ],
)
def test_a_spelling(text: str, value: Any) -> None:
    if value is None:
        with pytest.raises(InvalidArgument):
            parse_shorthand(text)
    else:
        assert parse_shorthand(text) == value


@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("", 1),
        ("{a:b", 5),
        ("{a:}", 4),
        ("[a b]", 4),
        ("{a:b}c", 6),
        ("{a:b,a:c}", 6),
        ("{'a:b}", 2),
        ("[,a]", 2),
        ('{"a":1}', 2),
    ],
)
def test_an_error_says_where(text: str, character: int) -> None:
    with pytest.raises(InvalidArgument, match=f"character {character}:"):
        parse_shorthand(text)


@given(PUNCTUATION | st.text())
@example("[" * 5000)
@example("{a:" * 5000)
@example("'" * 5001)
def test_garbage_is_an_invalid_argument(text: str) -> None:
    for read in (parse_shorthand, parse_value):
        try:
            read(text)
        except InvalidArgument as error:
            assert error.message


def test_an_unfinished_quote_points_at_its_start() -> None:
    with pytest.raises(InvalidArgument, match="the quote does not end, before"):
        parse_shorthand("[a,'b]")


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ([], {}),
        (["a=b", "c=d=e"], {"a": "b", "c": "d=e"}),
        (["a="], {"a": ""}),
        (["a=null", "b='null'"], {"a": None, "b": "null"}),
        (["a=1", "a=2"], {"a": "2"}),
        (["a.b=1", "a.c=2"], {"a": {"b": "1", "c": "2"}}),
        (["a[0]=x", "a[1]=y", "a[-1]=z"], {"a": ["x", "z"]}),
        (["a[0].b=x", "a[0].c=y"], {"a": [{"b": "x", "c": "y"}]}),
        (["'a.b'=c"], {"a.b": "c"}),
        (["a={b:1}"], {"a": {"b": "1"}}),
        (['a={"b":1}'], {"a": {"b": 1}}),
        (["a=[x,y]"], {"a": ["x", "y"]}),
    ],
)
def test_pairs(words: list[str], value: Any) -> None:
    assert parse_pairs("--x", words) == value


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a"], "'a' is not KEY=VALUE"),
        (["=a"], "'=a' is not KEY=VALUE"),
        (["[0]=a"], "is not KEY=VALUE"),
        (["a=b", "a.c=d"], "already is a plain value"),
        (["a[1]=b"], r"\[1\] is not in a list of 0"),
        (["a.b=c", "a[0]=d"], "an object, with keys"),
        (["a[0]=c", "a.b=d"], "a list"),
        (["a={b"], "shorthand, character"),
    ],
)
def test_pairs_that_cannot_be(words: list[str], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as wrong:
        parse_pairs("--policy", words)
    assert wrong.value.message.startswith("--policy: ")


@given(st.lists(PUNCTUATION | st.text(), max_size=4))
@example([".".join("a" * 5000) + "=b"])
@example(["a[" + "9" * 5000 + "]=b"])
@example(["a=[" + "9" * 5000 + "]"])
def test_pairs_of_garbage(words: list[str]) -> None:
    try:
        assert isinstance(parse_pairs("--x", words), dict)
    except InvalidArgument as error:
        assert error.message.startswith("--x: ")


@given(st.dictionaries(st.from_regex(r"[a-z][\w\-]{0,8}", fullmatch=True), VALUES, max_size=4))
def test_json_after_the_equals_sign_stays_what_it_is(value: dict[str, Any]) -> None:
    words = [f"{key}={json.dumps(one) if isinstance(one, dict | list) else spelled(one)}" for key, one in value.items()]
    assert parse_pairs("--x", words) == value
