"""Keeping an archive well: many small files become few, and what is there is checked against what was written."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpmagic.archive.deltas import AS_OF, folded, unknown
from dpmagic.archive.faults import damaged, reading, sound
from dpmagic.archive.folder import Writer, intact, read_manifest, writing
from dpmagic.archive.halves import halved
from dpmagic.archive.manifest import Part
from dpmagic.archive.packing import to_read, with_names

if TYPE_CHECKING:
    import pandas
    import pyarrow

MANY = 8  # parts of a month, beyond which the month's are merged before it has ended
_KINDS = ("rows", "states")


def compact(path: Path, now: datetime) -> int:
    """Merge the parts of every month that has ended, and of the current one when they are many.

    Returns how many files fewer there are.  Readers see the old files or the new ones, never both: `folder`.
    """
    with writing(path, now) as writer:
        return merge(writer, now)


def merge(writer: Writer, now: datetime) -> int:
    """`compact`, for a run that is writing already."""
    added: list[Part] = []
    removed: list[Part] = []
    for parts in _mergeable(writer.manifest.parts, now):
        added.append(_merged(writer, parts))
        removed += parts
    if removed:
        writer.commit(added, removed)
    return len(removed) - len(added)


def _mergeable(parts: tuple[Part, ...], now: datetime) -> Iterator[list[Part]]:
    merged = [part for part in parts if part.kind in _KINDS]
    merged.sort(key=_month)  # a stable sort: within a month as they were written
    for (_, _, month), group in groupby(merged, key=_month):
        some = list(group)
        if len(some) > 1 and (month < f"{now:%Y-%m}" or len(some) > MANY):
            yield some


def _month(part: Part) -> tuple[str, str, str]:
    return part.table, part.kind, f"{part.first:%Y-%m}"


def _merged(writer: Writer, parts: list[Part]) -> Part:
    rows = read_sound(writer.path, parts)
    if AS_OF in rows.column_names:
        rows = folded(rows)
    first, last = min(part.first for part in parts), max(part.last for part in parts)
    one = parts[0]
    others = [part for part in writer.manifest.of(one.table, one.kind) if part not in parts and part.last >= first]
    # Earlier versions wrote parts of two months, whose rows may have newer versions here.
    again = any(part.again for part in parts) and any(part.first < first for part in others)
    return writer.write(one.table, one.kind, rows, first, last, again=again)


def read_sound(path: Path, parts: list[Part]) -> pyarrow.Table:
    """`read_parts` of what is to be written anew: a file that is not what was written would pass for sound in the new
    one, so each is held against its sum first.  Raises `ArchiveDamaged`."""
    for file, part in ((path / part.file, part) for part in parts):
        if file.exists() and not intact(path, part):
            raise damaged(file)
    return read_parts(path, parts)


def read_parts(
    path: Path,
    parts: list[Part],
    filters: Any = None,
    columns: Collection[str] | None = None,
    packed: bool = False,
) -> pyarrow.Table:
    """The rows of several parts of a table; where a part holds newer versions of rows, only those.

    ``filters`` are Parquet's, ``[("startTime", ">=", instant)]``, or an expression.  ``columns`` are those to read,
    ``id`` among them where a part holds newer versions; None for all.  Parts of older versions may lack columns: they
    are null there.  ``packed`` texts are dictionaries, and ids `halved`.  Raises FileNotFoundError when a file has
    gone, `ArchiveDamaged` when it is not what was written.
    """
    import pyarrow
    from pyarrow import parquet

    found: pyarrow.Table | None = None
    by_id = any(part.again for part in parts)
    for part in parts:
        file = path / part.file
        with reading(path), sound(file):
            schema = parquet.read_schema(file)
            rows = parquet.read_table(
                file, columns=to_read(schema, columns), filters=filters, partitioning=None,
                read_dictionary=_repeating(file) if packed else [],
            )  # fmt: skip
        rows = with_names(rows, columns)
        rows = _as_dictionaries(rows) if packed else rows
        if found is not None and part.again:
            found = _without(found, rows)
        rows = halved(rows) if packed and not by_id else rows
        found = rows if found is None else pyarrow.concat_tables([found, rows], promote_options="permissive")
        if packed:  # what reading took and gave back is the system's again before the next part takes as much
            pyarrow.default_memory_pool().release_unused()
    assert found is not None
    return halved(found) if packed and by_id else found


def _repeating(file: Path) -> list[str]:
    """The columns that a file holds as dictionaries: Arrow cannot read others as such."""
    from pyarrow import parquet

    told = parquet.read_metadata(file)
    groups = [told.row_group(number) for number in range(told.num_row_groups)]
    each = [{one.column(at).path_in_schema for at in range(told.num_columns) if one.column(at).has_dictionary_page}
            for one in groups]  # fmt: skip
    return sorted(set.intersection(*each) - {"id"}) if each else []


def _as_dictionaries(rows: pyarrow.Table) -> pyarrow.Table:
    """With dictionaries for all texts but ids, as `halved` takes them."""
    import pyarrow
    import pyarrow.compute as pc

    for place, field in enumerate(rows.schema):
        if field.name != "id" and pyarrow.types.is_string(field.type):
            rows = rows.set_column(place, field.name, pc.dictionary_encode(rows.column(place)))
    return rows


def _without(rows: pyarrow.Table, newer: pyarrow.Table) -> pyarrow.Table:
    return unknown(rows, newer)[0]


def check(path: Path) -> pandas.DataFrame:
    """Every file of an archive against what the manifest says of it.

    Returns one row a part: ``table``, ``kind``, ``file``, ``rows``, ``bytes``, ``first``, ``last``, and ``found``:
    ``sound``, ``missing``, ``changed`` (its sum is not that of what was written) or ``other rows``.
    """
    import pandas

    parts = read_manifest(path).parts
    with reading(path):
        each = [_found(path, part) for part in parts]
    told = [
        {
            "table": part.table,
            "kind": part.kind,
            "file": part.file,
            "rows": part.rows,
            "bytes": part.bytes,
            "first": part.first,
            "last": part.last,
            "found": found,
        }
        for part, found in zip(parts, each, strict=True)
    ]
    return pandas.DataFrame(told, columns=["table", "kind", "file", "rows", "bytes", "first", "last", "found"])


def _found(path: Path, part: Part) -> str:
    from pyarrow import parquet

    if not (path / part.file).is_file():
        return "missing"
    if not intact(path, part):
        return "changed"
    return "sound" if parquet.read_metadata(path / part.file).num_rows == part.rows else "other rows"
