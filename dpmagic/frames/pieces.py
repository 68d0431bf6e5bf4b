"""A declared column, from the cells of one page after another to the array that a frame is made of.

Until all pages are there a column is kept in pieces: Arrow's arrays, lists of nested values, and `Same`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas
import pyarrow as pa
import pyarrow.compute as pc

from dpmagic.errors import InvalidArgument
from dpmagic.frames.columns import DURATION, TIME
from dpmagic.frames.packed import Same
from dpmagic.frames.times import parse_durations, parse_times

_TEXT = pa.large_string()  # what pandas' str is made of: nothing to convert, and no limit of 2 GiB a column
# Finished columns: Arrow's own pool keeps room for each size that it has seen, and no two columns have one size.
_POOL = pa.system_memory_pool()
_LET_GO = 1 << 20
_PLAIN = {"Int64": pa.int64(), "Float64": pa.float64(), "boolean": pa.bool_()}
_KINDS = {
    TIME: "times",
    DURATION: "durations",
    "Int64": "whole numbers",
    "Float64": "numbers",
    "boolean": "true or false",
}

Piece = Any
"""An Arrow array, a list, or `Same`."""


def piece(name: str, cells: Sequence[Any], dtype: str) -> Piece:
    """A page's cells of one column, times and durations as they were written.

    Raises `InvalidArgument` when they cannot be what the column is declared to be.
    """
    if dtype == "object":
        return Same(None, len(cells)) if cells.count(None) == len(cells) else list(cells)
    try:
        if dtype == DURATION:
            return _seconds(cells)
        if dtype == "Int64":
            return pc.cast(pa.array(cells), pa.int64())  # said at once, Arrow would cut 1.5 to 1
        return pa.array(cells, _PLAIN[dtype]) if dtype in _PLAIN else _texts(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError) as error:
        if dtype == "str":
            return pa.array([_text(cell) for cell in cells], _TEXT)
        raise _not_so(name, dtype, error) from error


def finished(name: str, pieces: list[Piece], dtype: str) -> Any:
    """A column of the frame from its pages' pieces, which are let go of.  Raises `InvalidArgument` as `piece` does."""
    if dtype == "object":
        length = sum(map(len, pieces))
        cells: Any = np.fromiter(chain.from_iterable(map(_objects, pieces)), object, length)
        return pandas.Series(cells, dtype=object, copy=False)
    if dtype == DURATION:
        return _lengths(name, pieces).to_pandas()
    whole = _whole(pieces, _PLAIN.get(dtype, _TEXT))
    if whole.nbytes > _LET_GO:
        pa.default_memory_pool().release_unused()  # else what the pieces had stays with Arrow, for the next answer
    if dtype == TIME:
        try:
            return _instants(parse_times(whole))
        except InvalidArgument as error:
            raise _not_so(name, dtype, error) from error
    made: Any = pandas.StringDtype(na_value=np.nan) if dtype == "str" else pandas.api.types.pandas_dtype(dtype)
    return made.__from_arrow__(_without_empty(whole) if dtype == "str" else whole)


def _texts(cells: Sequence[Any]) -> Piece:
    """A page's texts; where all are one, it is kept once meanwhile."""
    first = cells[0] if cells else None
    alone = isinstance(first, str) and first == cells[-1] and cells.count(first) == len(cells)
    return Same(_text(first), len(cells)) if alone else pa.array(cells, _TEXT)


def _seconds(cells: Sequence[Any]) -> Any:
    """Numbers as such, texts as texts: which of the two is known once the first is tried."""
    try:
        return pa.array(cells, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array(cells, _TEXT)


def _whole(pieces: list[Piece], kind: Any) -> Any:
    """The pieces as one array of this kind; the list is empty afterwards."""
    length, texts = sum(map(len, pieces)), {one.cell if isinstance(one, Same) else None for one in pieces}
    if len(texts) == 1 and None not in texts:
        pieces.clear()
        return _repeated(texts.pop(), length)
    plain = [_repeated(one.cell, len(one)) if isinstance(one, Same) else one for one in pieces]
    pieces.clear()
    return pa.concat_arrays(plain, memory_pool=_POOL) if plain else pa.array([], kind)


def _repeated(text: str | None, length: int) -> Any:
    return pa.repeat(pa.scalar(text or None, _TEXT), length, memory_pool=_POOL)


def _without_empty(texts: Any) -> Any:
    """The texts, an empty one missing; nothing is copied."""
    _, offsets, characters = texts.buffers()
    offsets = offsets.slice(8 * texts.offset, 8 * (len(texts) + 1))
    there = np.diff(np.frombuffer(offsets, "int64")) > 0
    if there.all():
        return texts
    if texts.null_count:
        there &= texts.is_valid().to_numpy(zero_copy_only=False)
    bits = pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.LargeStringArray.from_buffers(len(texts), offsets, characters, bits)


def _instants(times: Any) -> Any:
    """What ``to_pandas()`` makes of times, in a third of the time."""
    numbers = pc.fill_null(times.view(pa.int64()), np.iinfo("int64").min).to_numpy()
    return pandas.DatetimeIndex(numbers.view("M8[us]"), copy=False).tz_localize("UTC").array


def _lengths(name: str, pieces: list[Piece]) -> Any:
    """Seconds, or texts of either spelling, as durations; cut to the microsecond as all durations are."""
    kinds = {one.type for one in pieces}
    if len(kinds) > 1:  # pages of which one has seconds and another texts
        return pa.concat_arrays([_lengths(name, [one]) for one in pieces])
    whole = _whole(pieces, kinds.pop() if kinds else pa.float64())
    if whole.type == _TEXT:
        try:
            return parse_durations(pc.cast(whole, pa.string()))
        except InvalidArgument as error:
            raise _not_so(name, DURATION, error) from error
    # By way of Kusto's ticks: the nearest double of a sum of ticks may be a hair below it.
    ticks = pc.cast(pc.round(pc.multiply(whole, 1e7)), pa.int64())
    return pc.divide(ticks, 10).view(pa.duration("us"))


def _objects(cells: Sequence[Any]) -> Sequence[Any]:
    """Nested values, those that came as text decoded."""
    if isinstance(cells, Same) or str not in map(type, cells):
        return cells
    return [_decoded(cell) if isinstance(cell, str) else cell for cell in cells]


def _decoded(cell: str) -> Any:
    if not cell:
        return None
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _text(cell: Any) -> str | None:
    """What is no text, as JSON writes it; half of a surrogate pair is in no encoding and is spelled out."""
    if cell is None:
        return None
    text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
    return text.encode(errors="backslashreplace").decode()


def _not_so(name: str, dtype: str, error: Exception) -> InvalidArgument:
    told = str(error).splitlines()[0]
    return InvalidArgument(f"column {name} does not hold {_KINDS.get(dtype, dtype)}: {told}", "convert it first")
