"""Ids of millions of rows in little memory: what many have in common once, and of each only how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow

ID = _ID, _END = "id", "id/end"  # no column of a table is called the latter
"""The columns of an id in halves."""
_LONG = 36  # bytes at the end, which are a guid


def halved(rows: pyarrow.Table) -> pyarrow.Table:
    """The rows with ``id`` in two columns, the first of which is a dictionary; without an ``id`` as they are."""
    import pyarrow
    import pyarrow.compute as pc

    if _ID not in rows.column_names:
        return rows
    # As bytes: a cut may be within a character.
    whole = rows[_ID].cast(pyarrow.binary())
    begins = pc.dictionary_encode(pc.binary_slice(whole, 0, -_LONG))
    ends = pc.binary_slice(whole, -_LONG)
    return rows.set_column(rows.column_names.index(_ID), _ID, begins).append_column(_END, ends)


def joined(rows: pyarrow.Table) -> pyarrow.Table:
    """What `halved` was given."""
    import pyarrow
    import pyarrow.compute as pc

    if _END not in rows.column_names:
        return rows
    begins = rows[_ID].cast(pyarrow.binary())
    ids = pc.binary_join_element_wise(begins, rows[_END], pyarrow.scalar(b"", pyarrow.binary()))
    made = rows.set_column(rows.column_names.index(_ID), _ID, ids.cast(pyarrow.string()))
    return made.drop_columns([_END])
