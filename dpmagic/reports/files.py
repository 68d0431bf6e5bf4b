"""The files of a report: each table as Parquet, all of them as one workbook, and the sum of each file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas

from dpmagic.frames.files import csv_bytes, parquet_bytes
from dpmagic.frames.nested import has_longer, nested_text
from dpmagic.frames.rows import TEXT
from dpmagic.frames.sheets import workbook_bytes

_ROWS = 100_000  # of a sheet that people look at


def sum_of(content: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def write_tables(frames: Mapping[str, pandas.DataFrame], folder: Path, csv: bool = False) -> list[dict[str, Any]]:
    """Write each frame to ``folder/tables``; gives ``table``, ``file``, ``rows`` and ``sha256`` of each file.

    Tables of an earlier report there are taken away first.
    """
    where = folder / "tables"
    where.mkdir(parents=True, exist_ok=True)
    for old in written(folder):
        old.unlink()
    made = []
    for name, frame in frames.items():
        forms = {".parquet": parquet_bytes(frame), **({".csv": csv_bytes(frame)} if csv else {})}
        for suffix, content in forms.items():
            (where / f"{name}{suffix}").write_bytes(content)
            made.append(
                {"table": name, "file": f"tables/{name}{suffix}", "rows": len(frame), "sha256": sum_of(content)}
            )
    return made


def written(folder: Path) -> list[Path]:
    """The files of tables that a report has written there."""
    where = folder / "tables"
    return [*where.glob("*.parquet"), *where.glob("*.csv")]


def sums_below(folder: Path, pattern: str) -> list[dict[str, Any]]:
    """The same of files that are there: Parquet files of an estate's own tables."""
    import pyarrow.parquet as parquet

    return [
        {
            "table": path.stem,
            "file": path.relative_to(folder).as_posix(),
            "rows": parquet.read_metadata(path).num_rows,
            "sha256": sum_of(path.read_bytes()),
        }
        for path in sorted(folder.glob(pattern))
    ]


def workbook(frames: Mapping[str, pandas.DataFrame], contents: pandas.DataFrame, at: datetime) -> bytes:
    """One sheet a table after one that lists them; what a sheet cannot hold is cut, and the list says so."""
    cut = {name: _cut(frame) for name, frame in frames.items()}
    notes = {name: said for name, (_, said) in cut.items()}
    listed = contents.assign(inTheWorkbook=contents["table"].map(notes).fillna("not in it"))
    return workbook_bytes({"contents": listed, **{name: frame for name, (frame, _) in cut.items()}}, at)


def _cut(frame: pandas.DataFrame) -> tuple[pandas.DataFrame, str]:
    made, said = frame.head(_ROWS), "whole"
    made.attrs = {}  # no sheet has them, and each step would copy them
    if len(frame) > _ROWS:
        said = f"the first {_ROWS:,} rows"
    for name, dtype in made.dtypes.items():
        if str(dtype) == "object":
            made[name] = pandas.Series(_texts(made[name]), index=made.index, dtype="str")
            dtype = made[name].dtype
        if dtype == "str" and has_longer(made[name], TEXT):
            made[name] = made[name].str.slice(0, TEXT)
            said += f"; texts of {name} cut"
    return made, said


def _texts(column: pandas.Series[Any]) -> list[str | None]:
    return [nested_text(cell) for cell in column]
