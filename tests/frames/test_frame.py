"""JSON as a frame: nothing lost, names by rule, dtypes whatever the order of the rows."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.errors import InvalidArgument
from dpmagic.frames import frame, table_frame
from dpmagic.frames.columns import KNOWN
from dpmagic.frames.flatten import column_names, flatten
from tests.frames.leaves import canonical, found, leaves, values

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(["2024-05-04T12:00:12.4810403Z", "00:03:13.7413207", "PT0S", "0001-01-01T00:00:00Z", "P3M"]),
)
keys = st.one_of(
    st.sampled_from(["id", "name", "status", "properties", "tags", "startTime", "a", "b", "a.b", "a.a.b", "value", ""]),
    st.text(max_size=3),
)
objects = st.dictionaries(
    keys,
    st.recursive(
        scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4))
    ),
    max_size=5,
)
rows = st.lists(st.one_of(objects, objects, objects, scalars), max_size=5)


@given(rows)
def test_no_value_is_lost(rows: list[Any]) -> None:
    assert found(frame(rows)) == values(rows)


@given(st.lists(objects, max_size=5))
def test_every_value_is_in_the_column_of_its_path(rows: list[dict[str, Any]]) -> None:
    made, names = frame(rows), column_names(flatten(rows))
    assert list(made.columns) == list(names.values())
    for number, row in enumerate(rows):
        for path, leaf in leaves(row):
            if path in names:
                assert canonical(made[names[path]].astype(object)[number]) == canonical(leaf)
            else:  # no column: some rows have an object here, and this one has nothing
                assert leaf is None


@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_name_and_no_dtype(rows: list[Any], random: Any) -> None:
    other = rows[:]
    random.shuffle(other)
    assert frame(rows).dtypes.astype(str).to_dict() == frame(other).dtypes.astype(str).to_dict()


@given(st.sets(st.lists(keys, max_size=4).map(tuple)))
def test_no_two_paths_have_one_name(paths: set[tuple[str, ...]]) -> None:
    names = column_names(paths)
    assert names.keys() == paths
    assert len(set(names.values())) == len(names)


@given(st.lists(objects, min_size=1, max_size=4))
def test_the_table_format_gives_the_frame_of_the_objects(rows: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = {"columns": [{"name": name} for name in names], "rows": [[row.get(name) for name in names] for row in rows]}
    if names:
        pandas.testing.assert_frame_equal(table_frame(table), frame(rows))


def test_a_table_without_rows_has_its_columns() -> None:
    made = table_frame({"columns": [{"name": "startTime", "type": "object"}, {"name": "x"}], "rows": []})
    assert made.dtypes.astype(str).to_dict() == {"startTime": "datetime64[us, UTC]", "x": "object"}


@pytest.mark.parametrize("cells", [[], [[None]], [["2026-03-01T08:00:00.0000000Z"]]])
def test_what_the_service_calls_a_string_is_no_time(cells: list[list[str | None]]) -> None:
    """``project startTime = tostring(startTime)``; it has no word for timespans, which it calls strings too."""
    columns = [{"name": "startTime", "type": "string"}]
    assert str(table_frame({"columns": columns, "rows": cells})["startTime"].dtype) == "str"
    made = table_frame({"columns": [{"name": "took", "type": "string"}], "rows": [["00:03:13.7413207"]]})
    assert str(made["took"].dtype) == "timedelta64[us]"


def test_what_the_service_says_of_a_column_decides_where_values_do_not() -> None:
    types = {"string": "str", "integer": "Int64", "number": "Float64", "boolean": "boolean", "object": "object"}
    types |= {"datetime": "datetime64[us, UTC]", "guid": "object"}
    columns = [{"name": f"a {type_}", "type": type_} for type_ in types]
    for rows in ([], [[None] * len(types)]):
        made = table_frame({"columns": columns, "rows": rows})
        assert made.dtypes.astype(str).tolist() == list(types.values())
    made = table_frame(
        {"columns": [{"name": "size", "type": "number"}, {"name": "n", "type": "integer"}], "rows": [[1, 1]]}
    )
    assert made.dtypes.astype(str).tolist() == ["Float64", "Int64"]
    made = table_frame({"columns": [{"name": "size", "type": "integer"}], "rows": [[1.5], ["x"]]})
    assert made["size"].tolist() == [1.5, "x"], "values that do not fit win"
    made = table_frame({"columns": [{"name": "name", "type": "datetime"}], "rows": [["2026-03-01T08:00:00Z"]]})
    assert str(made["name"].dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize("rows", [[[1]], [[1, 2], [1, 2, 3]]])
def test_a_crooked_table_is_refused(rows: list[list[int]]) -> None:
    with pytest.raises(InvalidArgument):
        table_frame({"columns": [{"name": "a"}, {"name": "b"}], "rows": rows})


def test_one_object_is_one_row_in_the_order_of_the_service() -> None:
    made = frame({"properties": {"status": "Completed", "sub": {"b": 1, "a": 2}}, "id": "/x", "name": "n"})
    assert type(made) is pandas.DataFrame
    assert list(made.columns) == ["status", "sub.b", "sub.a", "id", "name"]
    assert len(made) == 1


def test_a_field_of_the_row_keeps_the_short_name() -> None:
    job = {"status": "InProgress", "sku": None, "properties": {"status": "Started", "sku": {"name": "s"}, "x": 1}}
    assert frame([job]).iloc[0].dropna().to_dict() == {
        "status": "InProgress",
        "properties.status": "Started",
        "properties.sku.name": "s",
        "x": 1,
    }


def test_keys_with_dots_are_kept_apart_as_kusto_does() -> None:
    made = frame({"tags": {"a.b": "dotted", "a": {"b": "nested"}, "c.d": "alone"}})
    assert made.iloc[0].to_dict() == {"tags['a.b']": "dotted", "tags.a.b": "nested", "tags.c.d": "alone"}


def test_empty_objects_and_nulls_keep_their_columns() -> None:
    made = frame([{"tags": {}, "sku": None, "properties": {"startTime": None, "isUserTriggered": None}}])
    assert made.dtypes.astype(str).to_dict() == {
        "tags": "object",
        "sku": "object",
        "startTime": "datetime64[us, UTC]",
        "isUserTriggered": "boolean",
    }
    assert made["tags"][0] == {}


@pytest.mark.parametrize(
    ("value", "columns", "length"),
    [
        (None, [], 0),
        ([], [], 0),
        ({}, [], 1),
        ("x", ["value"], 1),
        ([1, None], ["value"], 2),
        ([["v1", 1], ["v2"]], ["Column1", "Column2"], 2),
        ([{"value": 1}, 2], ["value2", "value"], 2),
        (OrderedDict(b=1, a=OrderedDict(c=2)), ["b", "a.c"], 1),
    ],
)
def test_any_json_is_a_frame(value: Any, columns: list[str], length: int) -> None:
    made = frame(value)
    assert list(made.columns) == columns
    assert len(made) == length


def test_lists_stay_as_they_came() -> None:
    details = [{"code": "InternalServerError", "details": []}, None]
    made = frame([{"properties": {"errorDetails": details}}, {"properties": {"errorDetails": None}}])
    assert made["errorDetails"][0] is details
    assert made["errorDetails"][1] is None


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        ([1, None], "Int64"),
        ([2**63 - 1, -(2**63)], "Int64"),
        ([2**63], "object"),
        ([1, 1.5], "Float64"),
        ([2**53 + 1, 0.5], "object"),
        ([True, None], "boolean"),
        ([True, 1], "object"),
        (["a", None], "str"),
        (["a", 1], "object"),
        (["\ud800"], "object"),
        (["\ud800", "2024-01-01T00:00:00Z"], "object"),
        ([[], None], "object"),
        ([None, None], "object"),
        (["2024-01-01T00:00:00Z", None, ""], "datetime64[us, UTC]"),
        (["2024-01-01T00:00:00Z", "soon"], "str"),
        (["2024-01-01T00:00:00Z", "00:00:01"], "str"),
        (["0001-01-01T00:00:00Z"], "datetime64[us, UTC]"),
        (["2024-01-01", "2024-01-02"], "str"),
        (["PT0S", "1.00:00:00"], "timedelta64[us]"),
        (["P7D", "P3M"], "str"),
        (["", ""], "str"),
    ],
)
def test_dtypes_of_an_unknown_field(cells: list[Any], dtype: str) -> None:
    for ordered in (cells, cells[::-1]):
        assert str(frame([{"x": cell} for cell in ordered])["x"].dtype) == dtype


def test_a_known_field_has_its_dtype_as_far_as_its_values_allow() -> None:
    def dtype(name: str, *cells: Any) -> str:
        return str(frame([{"properties": {name: cell}} for cell in cells])[name].dtype)

    assert dtype("endTime", None) == dtype("endTime", "", None) == "datetime64[us, UTC]"
    assert dtype("endTime", "later") == "str"
    assert dtype("duration", "PT0S") == dtype("duration", None) == "timedelta64[us]"
    assert dtype("duration", "P3M") == "str"
    assert dtype("retentionDurationInDays", 14) == dtype("retentionDurationInDays", 14.0) == "Float64"


def test_half_of_a_surrogate_pair_is_kept_even_where_a_time_belongs() -> None:
    made = frame({"startTime": "\ud800", "\ud801": 1})
    assert made.iloc[0].tolist() == ["\ud800", 1]
    assert list(made.columns) == ["startTime", r"\ud801"]


def test_what_people_write_is_never_read_as_a_time() -> None:
    moment = "2024-05-08T10:33:16Z"
    made = frame(
        {"name": moment, "tags": {"date": moment, "startTime": moment}, "properties": {"friendlyName": "PT0S"}}
    )
    assert set(made.dtypes.astype(str)) == {"str"}


def test_a_running_job_has_no_end_and_the_duration_that_the_service_says() -> None:
    made = frame({"properties": {"status": "InProgress", "duration": "00:00:00", "endTime": None}})
    assert made["duration"][0] == pandas.Timedelta(0)
    assert made["endTime"].isna().all()


def test_what_is_known_is_a_dtype_that_pandas_has() -> None:
    for column in KNOWN.values():
        assert str(pandas.Series([], dtype=column.dtype).dtype) == column.dtype


def test_attrs_survive_parquet(tmp_path: Any) -> None:
    made = frame([{"a": 1}], attrs={"command": "job list", "subscriptions": ("s1",)})
    made.to_parquet(tmp_path / "a.parquet")
    assert pandas.read_parquet(tmp_path / "a.parquet").attrs == {
        "dpmagic": {"command": "job list", "subscriptions": ["s1"]}
    }


def test_attrs_that_are_no_json_are_refused() -> None:
    with pytest.raises(InvalidArgument):
        frame([], attrs={"at": object()})
