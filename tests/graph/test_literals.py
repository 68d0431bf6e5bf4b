"""KQL literals: read back by a KQL engine they are the values they were made from, and nothing more."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpmagic.errors import InvalidArgument
from dpmagic.graph.literals import NULLS, instant, literal, literals

# What a string literal of one line may hold between its quotes: nothing that ends it.
_STRING = re.compile(r"'(?:[^'\\\x00-\x1f\x7f-\x9f\u2028\u2029]|\\u[0-9a-f]{4}|\\['\\nrt])*'")
_UNESCAPED = {"n": "\n", "r": "\r", "t": "\t", "'": "'", "\\": "\\"}
INJECTIONS = [
    "v1') | take 0 //",
    "') or 1==1 or name in~ ('",
    "\\",
    "\\'",
    "'",
    '"',
    "''",
    "a\nb | take 1",
    "//",
    "\\u0027",
]

microseconds = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC))
spans = st.timedeltas(min_value=timedelta(days=-3650), max_value=timedelta(days=3650))
longs = st.integers(-(2**63), 2**63 - 1)


def read(text: str) -> str:
    """A string literal, read as Kusto's documents say."""
    return re.sub(
        r"\\(?:u(....)|(.))",
        lambda escape: chr(int(escape[1], 16)) if escape[1] else _UNESCAPED[escape[2]],
        text[1:-1],
    )


def evaluated(values: list[Any]) -> list[Any]:
    """What a KQL engine makes of the literals of ``values``."""
    kql = pytest.importorskip("duckdb_kql")
    columns = ", ".join(f"x{number} = {literal(value)}" for number, value in enumerate(values))
    with kql.connect() as connection:
        [row] = kql.kql(connection, f"print {columns}").fetchall()
    assert len(row) == len(values)
    return list(row)


@given(st.text(st.characters()))
def test_text_stays_inside_its_quotes(text: str) -> None:
    made = literal(text)
    assert _STRING.fullmatch(made)
    assert read(made) == text


@pytest.mark.parametrize("text", ["\ud800", "a\u2028b", "\x00", "\x85"])
def test_odd_characters_are_escaped(text: str) -> None:
    assert literal(text).isascii()
    assert read(literal(text)) == text


# The engine leaves \u escapes as they are; those are read above.
engine_text = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], include_characters="\n\r\t"))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(INJECTIONS) | engine_text | st.booleans() | longs, min_size=1, max_size=20))
def test_an_engine_reads_back_text_booleans_and_longs(values: list[Any]) -> None:
    assert evaluated(values) == values


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(allow_nan=False) | spans | microseconds, min_size=1, max_size=20))
def test_an_engine_reads_back_reals_spans_and_times(values: list[Any]) -> None:
    # The engine's times are UTC without saying so.
    expected = [value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in values]
    assert evaluated(values) == expected


def test_nan_and_null_are_themselves() -> None:
    nan, null = evaluated([math.nan, None])
    assert math.isnan(nan)
    assert null is None
    assert [literal(None, type) for type in NULLS] == [f"{type}(null)" for type in NULLS]


@settings(max_examples=20, deadline=None)
@given(st.lists(engine_text | st.sampled_from(INJECTIONS), max_size=5), engine_text | st.sampled_from(INJECTIONS))
def test_a_filter_by_a_list_finds_what_is_in_it(values: list[str], wanted: str) -> None:
    kql = pytest.importorskip("duckdb_kql")
    query = f"print x = {literal(wanted)} | where x in ({literals(values)})"
    with kql.connect() as connection:
        found = kql.kql(connection, query).fetchall()
    assert len(found) == (wanted in values)


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_a_time_is_the_same_instant_in_any_zone(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    text = instant(moment)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}0Z", text)
    assert datetime.fromisoformat(text.replace("0Z", "+00:00")) == moment


def test_pandas_and_numpy_scalars_are_taken_for_what_they_hold() -> None:
    import numpy
    import pandas

    assert literal(numpy.int64(3)) == "3"
    assert literal(numpy.float64(2.5)) == "real(2.5)"
    assert literal(numpy.bool_(True)) == "true"
    assert literal(numpy.str_("a'b")) == r"'a\'b'"
    assert literal(pandas.Timestamp("2024-01-01T00:00:00.123456789Z")) == "datetime(2024-01-01T00:00:00.1234567Z)"
    assert literal(pandas.Timedelta("1us") + pandas.Timedelta(800, "ns")) == "timespan(0.00:00:00.0000018)"
    assert [literal(missing, "datetime") for missing in (pandas.NaT, pandas.NA)] == ["datetime(null)"] * 2


@pytest.mark.parametrize("value", [{"a": 1}, [1], b"x", object(), 2**63, -(2**63) - 1, datetime(2024, 1, 1)])
def test_what_has_no_literal_is_refused(value: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        literal(value)
    assert caught.value.hint


def test_an_unknown_null_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="no null of type 'string'"):
        literal(None, "string")
