"""How an archive's files hold rows in little room: in an order that packs well, each column in the encoding that suits
it, and without a ``name`` that only says how ``id`` ends."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow

    from dpmagic.archive.manifest import Kind

ROW_GROUP = 65_536
"""Rows of a group: large enough for dictionaries to pay, small enough to skip by time: days of a month."""

_ID, _NAME = "id", "name"
_MARK, _ENDS = b"dpmagic", b"name"  # of an id whose end is the name that is not stored
_JOBS = ("backupInstanceId", "startTime")
_ORDERS = (_JOBS, ("targetResourceId", "timestamp"), ("backupInstanceId", "recoveryPointTime"))
_SMALL, _FAST = 9, 1  # levels of compression


def packed(rows: pyarrow.Table, kind: Kind) -> tuple[pyarrow.Table, dict[str, Any]]:
    """The rows as a file holds them, and how Parquet is to write each column."""
    fast = kind == "latest"  # the next run writes it anew
    made = without_names(rows if fast else _arranged(rows))
    return made, _settings(made, fast=fast)


def _arranged(rows: pyarrow.Table) -> pyarrow.Table:
    """What is alike together: changes by what changed, points by their instance; jobs by theirs too, but those of a
    group of rows, which are of few days, so that a window is still read without the others."""
    import numpy as np
    import pyarrow

    order = next((one for one in _ORDERS if {*one} <= {*rows.column_names}), None)
    if order is None:
        return rows
    if order != _JOBS:
        return rows.sort_by([(name, "ascending") for name in order])
    rows = rows.sort_by(_JOBS[1])
    groups = rows.append_column("group", pyarrow.array(np.arange(rows.num_rows) // ROW_GROUP))
    return groups.sort_by([(name, "ascending") for name in ("group", *_JOBS)]).drop_columns(["group"])


def without_names(rows: pyarrow.Table) -> pyarrow.Table:
    """The rows without ``name`` where it follows ``id`` and is its last segment throughout; ``id`` is marked then."""
    place = rows.schema.get_field_index(_NAME)
    if place < 1 or rows.column_names[place - 1] != _ID or not rows.num_rows or not _said(rows):
        return rows
    marked = rows.schema.field(place - 1).with_metadata({_MARK: _ENDS})
    return rows.set_column(place - 1, marked, rows[_ID]).drop_columns([_NAME])


def _said(rows: pyarrow.Table) -> bool:
    """Whether ids end in the names; a missing id in a missing one."""
    import pyarrow.compute as pc

    ends, names = _ends(rows[_ID]), rows[_NAME]
    return bool(pc.all(pc.fill_null(pc.equal(ends, names), pc.and_(pc.is_null(ends), pc.is_null(names)))).as_py())


def _ends(ids: pyarrow.ChunkedArray) -> Any:
    import pyarrow.compute as pc

    return pc.list_element(
        pc.split_pattern(pc.binary_join_element_wise("/", ids, ""), "/", max_splits=1, reverse=True), 1
    )


def to_read(schema: pyarrow.Schema, columns: Collection[str] | None) -> list[str] | None:
    """What to read of a file for these columns, None for all: with the id where the name is its end."""
    if columns is None:
        return None
    needed = {*columns, _ID} if _NAME in columns and _marked(schema) else columns
    return [name for name in schema.names if name in needed]


def with_names(rows: pyarrow.Table, columns: Collection[str] | None = None) -> pyarrow.Table:
    """What `without_names` was given, or these columns of it."""
    place = rows.schema.get_field_index(_ID)
    if place < 0 or not _marked(rows.schema):
        return rows
    ids = rows[_ID]
    rows = rows.set_column(place, rows.schema.field(place).remove_metadata(), ids)
    if columns is None or _NAME in columns:
        rows = rows.add_column(place + 1, _NAME, _ends(ids))
    return rows if columns is None or _ID in columns else rows.drop_columns([_ID])


def _marked(schema: pyarrow.Schema) -> bool:
    place = schema.get_field_index(_ID)
    return place >= 0 and (schema.field(place).metadata or {}).get(_MARK) == _ENDS


def _settings(rows: pyarrow.Table, *, fast: bool) -> dict[str, Any]:
    """How Parquet is to write each column: what repeats as a dictionary, and of what does not only how it differs from
    what stands before it; of times where that is less.

    Guids, of which most rows have several, take 16 to 19 bytes so, a fifth less than in Parquet's own way, and are read
    faster; more effort in compressing them makes them larger.
    """
    import pyarrow

    sample = rows.slice(0, ROW_GROUP)
    alone = [name for name in rows.column_names if not _repeats(sample[name])]
    differing = {name: how for name in alone if (how := _encoding(sample[name], fast))}
    texts = [name for name in differing if pyarrow.types.is_string(rows[name].type)]
    levels = {name: _FAST if fast or name in texts else _SMALL for name in rows.column_names}
    made: dict[str, Any] = {"compression": "zstd", "compression_level": levels, "row_group_size": ROW_GROUP}
    made["use_dictionary"] = [name for name in rows.column_names if name not in alone] or False
    return {**made, "column_encoding": differing} if differing else made


def _repeats(sample: pyarrow.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    return len(sample) < 2 or bool(pc.count_distinct(sample).as_py() * 2 < len(sample))


def _encoding(sample: pyarrow.ChunkedArray, fast: bool) -> str | None:
    """How what does not repeat is encoded; None for value by value."""
    import pyarrow

    if pyarrow.types.is_string(sample.type):
        first = next((text for text in sample.slice(0, 100).to_pylist() if text is not None), "")
        # ARM ids begin as their neighbours do; of guids nothing is alike.
        return "DELTA_BYTE_ARRAY" if first.startswith("/") else "DELTA_LENGTH_BYTE_ARRAY"
    if fast or not (pyarrow.types.is_timestamp(sample.type) or pyarrow.types.is_int64(sample.type)):
        return None
    return min(("DELTA_BINARY_PACKED", None), key=lambda how: _size(sample, how))


def _size(sample: pyarrow.ChunkedArray, how: str | None) -> int:
    """Bytes of a column in a file, encoded so."""
    import pyarrow
    from pyarrow import parquet

    with pyarrow.BufferOutputStream() as written:
        more: dict[str, Any] = {"column_encoding": {"one": how}} if how else {}
        rows = pyarrow.table({"one": sample})
        parquet.write_table(rows, written, compression="zstd", compression_level=_SMALL, use_dictionary=False, **more)
        return int(written.getvalue().size)
