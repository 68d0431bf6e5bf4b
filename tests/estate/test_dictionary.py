"""The data dictionary is what columns.toml says, and columns.toml is in order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dpmagic.errors import InvalidArgument
from dpmagic.estate import dictionary
from dpmagic.estate.columns import table, tables
from dpmagic.frames.columns import DURATION, TIME

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tables.md"
DTYPES = {"str", "Int64", "Float64", "boolean", "object", TIME, DURATION}


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == dictionary.markdown(), "docs/tables.md is not what columns.toml says: make docs"


def test_the_example_of_the_page_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    assert len(names["jobs"]) > 0  # type: ignore[arg-type]


def test_every_column_is_told_whole() -> None:
    for known in tables().values():
        assert list(known.columns)[:2] == ["id", "name"], known.name
        assert not known.time or known.columns[known.time].dtype == TIME
        for column in known.columns.values():
            assert column.dtype in DTYPES, (known.name, column.name)
            assert column.what and column.source, (known.name, column.name)
            assert bool(column.unit) == (column.dtype in (TIME, DURATION) or column.name in WITH_UNIT), column.name


WITH_UNIT = {"diskSizeGB", "diskSizeBytes", "completionPercent", "retentionDurationInDays"}


def test_an_unknown_table() -> None:
    with pytest.raises(InvalidArgument, match="there is no table 'job'") as caught:
        table("job")
    assert caught.value.hint == "did you mean jobs?"
