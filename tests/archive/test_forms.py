"""What goes into Parquet comes out of it, to the dtype."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as some
from pandas.testing import assert_frame_equal
from pyarrow import parquet

from dpmagic.archive.forms import to_arrow, to_frame

TIMES = ["2026-03-02T08:00:00.123456Z", None]


def frame() -> pandas.DataFrame:
    return pandas.DataFrame(
        {
            "id": pandas.Series(["a", None], dtype="str"),
            "startTime": pandas.to_datetime(pandas.Series(TIMES), utc=True).astype("datetime64[us, UTC]"),
            "duration": pandas.Series([pandas.Timedelta("1D 2h 3us"), None]).astype("timedelta64[us]"),
            "diskSizeGB": pandas.Series([2**53 + 1, None], dtype="Int64"),
            "days": pandas.Series([0.1, None], dtype="Float64"),
            "incremental": pandas.Series([True, None], dtype="boolean"),
            "tags": pandas.Series([{"env": "prod", "n": [1, None]}, None], dtype=object),
        }
    )


@pytest.mark.parametrize("rows", [2, 0])
def test_every_dtype_through_a_file(tmp_path: Path, rows: int) -> None:
    given = frame().head(rows)
    parquet.write_table(to_arrow(given), tmp_path / "x.parquet")
    assert_frame_equal(to_frame(parquet.read_table(tmp_path / "x.parquet")), given)


VALUES: Any = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=6,
)


@given(some.lists(some.none() | some.lists(VALUES, max_size=3) | some.dictionaries(some.text(), VALUES, max_size=3)))
def test_any_nested_value(values: list[Any]) -> None:
    given = pandas.DataFrame({"properties": pandas.Series(values, dtype=object)})
    assert to_frame(to_arrow(given))["properties"].to_list() == values
