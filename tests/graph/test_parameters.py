"""``$name`` in queries: literals where names were, and never another query than the one that was written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpmagic.errors import InvalidArgument
from dpmagic.graph.parameters import bound
from dpmagic.graph.text import Text, frozen
from tests.graph.test_literals import INJECTIONS
from tests.kusto import KustoParser

NOW = datetime(2026, 3, 1, tzinfo=UTC)
QUERY = """let least = $number; // not $this, nor '
resources
| where name == $text and id in~ ($list) and tags.a has $text and type in $list
| extend a = 'no $text', b = "nor ${text}", c = @'\\', d = ```$text | take 1```, e = ${text}
| join kind=inner (resources | where properties.n >= $number | project id) on $left.id == $right.id
| project id, e /* $text */"""
QUERY = QUERY.replace(" /* $text */", "")

texts = st.text(st.characters()) | st.sampled_from(
    [
        *INJECTIONS,
        "$text",
        "${list}",
        "\x00",
        "\u2028",
        "\r",
        "```",
        "/* */",
        "'; .drop table x //",
        "\ud800",
        "|",
        "@'",
    ]
)


def sent(kql: str, **names: Any) -> str:
    """The query with the values in it."""
    return Text(kql, tuple(bound(kql, names))).sent


def duckdb_shape(kql: str) -> list[Any]:
    """The kinds of the nodes and tokens of a query, by duckdb-kql's parser."""
    parsed = pytest.importorskip("duckdb_kql").parse(kql)
    assert parsed.ok, parsed.diagnostics

    def walk(node: Any) -> list[Any]:
        below = [kind for child in getattr(node, "children", None) or [] for kind in walk(child)]
        return [type(node).__name__, getattr(getattr(node, "symbol", None), "type", None), *below]

    return walk(parsed.tree)


@settings(max_examples=60, deadline=None)
@given(texts, st.lists(texts, min_size=2, max_size=2))
def test_no_value_changes_the_shape_of_a_query(kusto_parser: KustoParser, text: str, several: list[str]) -> None:
    plain = sent(QUERY, text="a", list=["b", "c"], number=1)
    made = sent(QUERY, text=text, list=several, number=1)
    assert kusto_parser.faults(made) == []
    assert kusto_parser.shape(made) == kusto_parser.shape(plain)


@settings(max_examples=15, deadline=None)
@given(texts, st.lists(texts, min_size=2, max_size=2))
def test_nor_does_another_parser_find_another_shape(text: str, several: list[str]) -> None:
    kql = "\n".join(line for line in QUERY.splitlines() if "```" not in line).replace(", e", "")
    assert duckdb_shape(sent(kql, text=text, list=several, number=1)) == duckdb_shape(
        sent(kql, text="a", list=["b", "c"], number=1)
    )


@settings(max_examples=40, deadline=None)
@given(
    st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 2)),
        st.timedeltas(timedelta(days=-3000), timedelta(days=3000)),
        st.none(),
    )
)
def test_every_type_has_a_literal_that_the_parser_takes(kusto_parser: KustoParser, value: Any) -> None:
    kql = "resources | extend x = $value, y = tostring($value) | where x in ($value, $value)"
    assert kusto_parser.faults(sent(kql, value=value)) == []


@pytest.mark.parametrize(
    ("typed", "names", "expected"),
    [
        ("x | where a == $n", {"n": "it's"}, "x | where a == 'it\\'s'"),
        ("x | where a in~ ($n)", {"n": ("a", 1)}, "x | where a in~ ('a',1)"),
        ("x | where a in $n", {"n": pandas.Series(["a", "b"])}, "x | where a in ('a','b')"),
        ("x | where a in ($n)", {"n": []}, "x | where a in (dynamic([]))"),
        ("x | where a in ('z', $n)", {"n": {"b", "a"}}, "x | where a in ('z', 'a','b')"),
        ("x | where a == ${n}y", {"n": 1}, "x | where a == 1y"),
        ("x | join (y) on $left.a == $right.b", {"left": 1, "right": 2}, "x | join (y) on $left.a == $right.b"),
        ("x // $n\n| where b == '$n' and c == \"$n\"", {}, "x // $n\n| where b == '$n' and c == \"$n\""),
    ],
)
def test_what_becomes_of_a_name(typed: str, names: dict[str, Any], expected: str) -> None:
    assert sent(typed, **names) == expected


@pytest.mark.parametrize("value", [{"a": 1}, pandas.DataFrame({"a": [1]}), object(), b"x", [["nested"]], 2**70])
def test_a_value_without_a_literal_is_refused_and_not_shown(value: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"^line 2: \$secret: ") as caught:
        sent("x\n| where a == $secret", secret=value)
    assert caught.value.hint and "nested" not in caught.value.message


def test_now_and_ago_are_one_instant() -> None:
    kql = "x | where a > ago($span) and b < now() and c > now(-1d) and d > ago(1d + (2h)) and 'ago(1d)' != x.now(1)"
    edits = sorted([*bound(kql, {"span": timedelta(hours=1)}), *frozen(kql, NOW)])
    at = "datetime(2026-03-01T00:00:00.0000000Z)"
    assert Text(kql, tuple(edits)).sent == (
        f"x | where a > ({at} - (timespan(0.01:00:00.0000000))) and b < {at} and c > ({at} + (-1d)) "
        f"and d > ({at} - (1d + (2h))) and 'ago(1d)' != x.now(1)"
    )


@given(st.text("ab$x\n' "), st.lists(st.sampled_from(["", "long value\n", "y"]), min_size=3, max_size=3))
def test_a_place_in_what_is_sent_is_found_in_what_was_typed(typed: str, values: list[str]) -> None:
    kql = f"x\n| where {typed.replace(chr(39), '').replace('$', '')} $a $b\n $c end"
    text = Text(kql, tuple(bound(kql, dict(zip("abc", values, strict=True)))))
    before = text.sent[: text.sent.rindex("end")]
    line, position = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1)
    assert text.typed_at(line, position) == kql.rindex("end")
