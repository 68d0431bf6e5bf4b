"""Rows as a frame of declared columns, whatever comes and also when nothing does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.errors import InvalidArgument
from dpmagic.frames.columns import DURATION, TIME
from dpmagic.frames.declared import Declared, conform, declared

DTYPES = {
    "id": "str",
    "n": "Int64",
    "size": "Float64",
    "on": "boolean",
    "startTime": TIME,
    "duration": DURATION,
    "tags": "object",
}
WIRE = {"duration": "durationSeconds"}
ROW = {
    "id": "a",
    "n": 3,
    "size": 1,
    "on": True,
    "startTime": "2026-03-01T08:00:00.1234567Z",
    "durationSeconds": 12.25,
    "tags": '{"env": "prod"}',
}
TYPED = {
    "id": "a",
    "n": 3,
    "size": 1.0,
    "on": True,
    "startTime": pandas.Timestamp("2026-03-01T08:00:00.123456Z"),
    "duration": pandas.Timedelta(seconds=12.25),
    "tags": {"env": "prod"},
}


def test_every_dtype() -> None:
    made = declared([ROW, {}], DTYPES, WIRE)
    assert made.dtypes.astype(str).to_dict() == DTYPES
    assert made.iloc[0].to_dict() == TYPED
    assert made.iloc[1].isna().all()


def packed(*pages: list[list[Any]], names: list[str]) -> pandas.DataFrame:
    known = Declared(DTYPES, WIRE)
    return known.frame(names, [known.pack(names, page) for page in pages])


def test_no_rows_have_the_dtypes_all_the_same() -> None:
    assert declared([], DTYPES).dtypes.astype(str).to_dict() == DTYPES
    assert packed(names=list(ROW)).dtypes.astype(str).to_dict() == DTYPES
    assert packed([], names=list(ROW)).dtypes.astype(str).to_dict() == DTYPES


def test_pages_in_table_format_or_objects_make_the_same_frame() -> None:
    names = ["surplus", *reversed(ROW)]
    page = [["more", *(ROW[name] for name in names[1:])], [None] * len(names)]
    pandas.testing.assert_frame_equal(packed(page, page, page, names=names), declared([ROW, {}] * 3, DTYPES, WIRE))


def test_a_packed_page_is_still_its_rows() -> None:
    names = [*ROW, "surplus"]
    rows = [[*ROW.values(), {"a": 1}], [None] * len(names)]
    rows[0][names.index("tags")] = {"env": "prod"}
    page = Declared(DTYPES, WIRE).pack(names, rows)
    assert len(page) == 2 and list(page) == rows and page[1] == rows[1] and rows[0] in page
    assert page[:1] == rows[:1]


def test_unset_is_missing() -> None:
    row = {"id": "", "startTime": "0001-01-01T00:00:00.0000000Z", "durationSeconds": None, "tags": ""}
    assert declared([row], DTYPES, WIRE).iloc[0].isna().all()


@pytest.mark.parametrize(
    ("cell", "length"),
    [
        ("00:03:14.9308791", timedelta(seconds=194, microseconds=930879)),
        ("1.02:03:04", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("PT9.87S", timedelta(seconds=9.87)),
        ("-10675199.02:48:05.4775808", None),
    ],
)
def test_durations_also_come_as_text(cell: str, length: timedelta | None) -> None:
    made = declared([{"duration": cell}], {"duration": DURATION})["duration"]
    assert (None if made.isna()[0] else made[0]) == length


@given(st.integers(0, 10**13))
def test_seconds_of_ticks_are_cut_to_the_microsecond(ticks: int) -> None:
    made = declared([{"duration": ticks / 10**7}], {"duration": DURATION})["duration"]
    assert made[0] == timedelta(microseconds=ticks // 10)


@given(st.lists(st.none() | st.text(), max_size=5))
def test_any_text_survives(texts: list[str | None]) -> None:
    made = declared([{"id": text} for text in texts], {"id": "str"})["id"]
    shown = [text and text.encode(errors="backslashreplace").decode() for text in texts]
    assert [None if pandas.isna(text) else text for text in made] == [text or None for text in shown]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_nested_values_come_as_such_or_as_their_json(value: Any) -> None:
    made = declared([{"tags": value}, {"tags": json.dumps(value)}], {"tags": "object"})["tags"]
    assert list(made) == [value, value]


def test_text_that_is_no_json_stays_text() -> None:
    assert list(declared([{"tags": "{prod"}], {"tags": "object"})["tags"]) == ["{prod"]


@pytest.mark.parametrize(
    ("column", "cell", "kind"),
    [
        ("startTime", "yesterday", "times"),
        ("startTime", 3, "times"),
        ("n", "three", "whole numbers"),
        ("n", 1.5, "whole numbers"),
        ("on", "maybe", "true or false"),
        ("duration", "long", "durations"),
    ],
)
def test_what_does_not_fit_is_named(column: str, cell: Any, kind: str) -> None:
    with pytest.raises(InvalidArgument, match=f"column {column} does not hold {kind}"):
        declared([{column: cell}], DTYPES)
    with pytest.raises(InvalidArgument, match=f"column {column} does not hold {kind}"):
        conform(pandas.DataFrame({column: [cell]}, dtype=object), DTYPES)


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidArgument, match="no column durationSeconds") as caught:
        Declared(DTYPES, WIRE).pack(list(DTYPES), [])
    assert "startTime" in caught.value.hint


def test_conform_changes_only_what_is_declared_and_does_not_fit() -> None:
    fits = declared([ROW], DTYPES, WIRE)
    assert conform(fits, DTYPES) is fits
    loose = pandas.DataFrame(
        {
            "other": ["2026-03-01"],
            "startTime": [pandas.Timestamp("2026-03-01T08:00:00")],
            "duration": [12.25],
            "tags": ['{"env": "prod"}'],
            "n": [3.0],
        },
        index=[7],
    )
    loose.attrs["kept"] = 1
    made = conform(loose, DTYPES)
    assert list(made) == list(loose) and list(made.index) == [7] and made.attrs == {"kept": 1}
    assert made.loc[7].to_dict() == {
        "other": "2026-03-01",
        "startTime": pandas.Timestamp("2026-03-01T08:00:00Z"),
        "duration": timedelta(seconds=12.25),
        "tags": {"env": "prod"},
        "n": 3,
    }
    assert {name: str(dtype) for name, dtype in made.dtypes.items() if name in DTYPES} == {
        name: dtype for name, dtype in DTYPES.items() if name in made
    }


def test_times_of_other_zones_and_units() -> None:
    zoned = pandas.Series(pandas.to_datetime(["2026-03-01T08:00:00"]).tz_localize("Europe/Berlin"))
    plain = pandas.Series([datetime(2026, 3, 1, 7, tzinfo=UTC)], dtype=object)
    for times in (zoned, plain):
        made = conform(pandas.DataFrame({"startTime": times}), DTYPES)["startTime"]
        assert str(made.dtype) == TIME and made[0] == pandas.Timestamp("2026-03-01T07:00:00Z")
