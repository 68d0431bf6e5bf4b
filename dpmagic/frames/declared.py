"""Rows as a DataFrame whose columns and dtypes are declared beforehand: what the tables of an estate are made by.

`frame` looks at the values to find out what a column is; here it is known, whatever comes, also when nothing does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import pandas
import pyarrow as pa
import pyarrow.compute as pc

from dpmagic.errors import InvalidArgument
from dpmagic.frames.columns import DURATION, TIME
from dpmagic.frames.packed import Packed
from dpmagic.frames.times import parse_durations, parse_times

_TEXT = pa.large_string()  # what pandas' str is made of: nothing to convert, and no limit of 2 GiB a column
# Finished columns: Arrow's own pool keeps room for each size that it has seen, and no two columns have one size.
_POOL = pa.system_memory_pool()
_LET_GO = 1 << 20
_CODED, _LOOK = pa.dictionary(pa.int32(), _TEXT), 16
_PLAIN = {"Int64": pa.int64(), "Float64": pa.float64(), "boolean": pa.bool_()}


class Declared:
    """What is known of rows before they come: the columns of the frame, and what they are called on the way.

    ``dtypes`` are the frame's columns in order: ``str``, ``Int64``, ``Float64``, ``boolean``, ``datetime64[us, UTC]``,
    ``timedelta64[us]``, ``object``.  ``wire`` says what a column is called in the rows, where that is another name.

    Empty text is missing, for KQL's strings have no null; times are texts, durations seconds or texts, and .NET's
    "unset" is missing (see `dpmagic.frames.times`).  A nested value may come as such or as its JSON text.
    """

    def __init__(self, dtypes: Mapping[str, str], wire: Mapping[str, str] | None = None) -> None:
        self._dtypes = dict(dtypes)
        self._wire = {(wire or {}).get(name, name): name for name in dtypes}

    def pack(self, names: Sequence[str], rows: Sequence[Iterable[Any]]) -> Packed:
        """A page in table format whose columns have these names; columns that are not declared are kept as they are.

        Raises `InvalidArgument` when a column is not there or holds something else than is declared.
        """
        missing = [name for name in self._wire if name not in names]
        if missing:
            raise InvalidArgument(f"the answer has no column {missing[0]}", f"it has: {', '.join(names)}")
        cells: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else [()] * len(names)
        return Packed([self._piece(name, column) for name, column in zip(names, cells, strict=True)], len(rows))

    def frame(self, names: Sequence[str], pages: Iterable[Sequence[Any]]) -> pandas.DataFrame:
        """The pages' rows as a frame.  Packed pages are used up, a column at a time: nothing is there twice."""
        packed = [page if isinstance(page, Packed) else self.pack(names, page) for page in pages]
        places = {self._wire[name]: place for place, name in enumerate(names) if name in self._wire}
        made = {
            name: _finished(name, [page.use_up(places[name]) for page in packed], dtype)
            for name, dtype in self._dtypes.items()
        }
        return pandas.DataFrame(made, index=pandas.RangeIndex(sum(map(len, packed))), copy=False)

    def pack_objects(self, rows: Sequence[Mapping[str, Any]]) -> Packed:
        """A page of objects, its columns in the order that is declared; a field that one lacks is missing."""
        keys = list(self._wire)
        if len(keys) > 1:
            with suppress(KeyError):  # as a rule an object has all its fields
                return self.pack(keys, list(map(itemgetter(*keys), rows)))
        return Packed([self._piece(wire, [row.get(wire) for row in rows]) for wire in keys], len(rows))

    def of_objects(self, rows: Sequence[Mapping[str, Any]]) -> pandas.DataFrame:
        """Objects as a frame; see `pack_objects`."""
        return self.frame(list(self._wire), [self.pack_objects(rows)])

    def _piece(self, wire: str, cells: Sequence[Any]) -> Any:
        name = self._wire.get(wire)
        return list(cells) if name is None else _piece(name, cells, self._dtypes[name])


def declared(
    rows: Sequence[Mapping[str, Any]], dtypes: Mapping[str, str], wire: Mapping[str, str] | None = None
) -> pandas.DataFrame:
    """The objects as a frame of these columns; see `Declared`.

    >>> declared([{"startTime": "2026-03-01T08:00:00Z"}], {"startTime": "datetime64[us, UTC]", "status": "str"})
                      startTime status
    0 2026-03-01 08:00:00+00:00    NaN
    """
    return Declared(dtypes, wire).of_objects(rows)


def conform(given: pandas.DataFrame, dtypes: Mapping[str, str]) -> pandas.DataFrame:
    """The frame with each column that is declared in its dtype; other columns, order, index and attrs stay.

    A time without zone is in UTC, a number is a duration in seconds.  Nothing is copied where all fits already.
    Raises `InvalidArgument` when a column's values cannot be what it is declared to be.
    """
    wrong = {name: dtype for name, dtype in dtypes.items() if name in given and str(given[name].dtype) != dtype}
    if not wrong:
        return given
    fitted = {name: _conformed(given[name], dtype) for name, dtype in wrong.items()}
    made = given.assign(**fitted)
    made.attrs = dict(given.attrs)
    return made


def _piece(name: str, cells: Sequence[Any], dtype: str) -> Any:
    """A page's cells of one column as Arrow, times and durations as they were written; objects as a list."""
    if dtype == "object":
        return list(cells)
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


def _texts(cells: Sequence[Any]) -> Any:
    """A page's texts: where there is one, or few that come again and again, each is kept once meanwhile."""
    first = cells[0] if cells else None
    if isinstance(first, str) and first == cells[-1] and cells.count(first) == len(cells):
        return pa.DictionaryArray.from_arrays(np.zeros(len(cells), "int32"), pa.array([first], _TEXT))
    return pa.array(cells, _CODED if len(set(cells[:_LOOK])) <= _LOOK // 2 else _TEXT)


def _plain(piece: Any, kind: Any) -> Any:
    """What `_texts` has made, as plain texts; any other piece as it is."""
    if piece.type == kind:
        return piece
    alone = _alone(piece)
    return piece.cast(kind) if alone is None else pa.repeat(alone, len(piece))


def _seconds(cells: Sequence[Any]) -> Any:
    """Numbers as such, texts as texts: which of the two is known once the first is tried."""
    try:
        return pa.array(cells, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array(cells, _TEXT)


def _finished(name: str, pieces: list[Any], dtype: str) -> Any:
    """A column of the frame from its pages' pieces, which are let go of."""
    if dtype == "object":
        return pandas.Series(list(chain.from_iterable(map(_objects, pieces))), dtype=object)
    if dtype == DURATION:
        return _lengths(name, pieces).to_pandas()
    whole = _whole(pieces, _PLAIN.get(dtype, _TEXT))
    if whole.nbytes > _LET_GO:
        pa.default_memory_pool().release_unused()  # else what the pieces had stays with Arrow, for the next answer
    if dtype == TIME:
        try:
            return parse_times(whole).to_pandas()
        except InvalidArgument as error:
            raise _not_so(name, dtype, error) from error
    if dtype == "str" and pc.min(pc.binary_length(whole)).as_py() == 0:
        whole = pc.if_else(pc.equal(whole, ""), pa.scalar(None, _TEXT), whole)
    made: Any = pandas.StringDtype(na_value=np.nan) if dtype == "str" else pandas.api.types.pandas_dtype(dtype)
    return made.__from_arrow__(whole)


def _whole(pieces: list[Any], kind: Any) -> Any:
    """The pieces as one array of this kind; the list is empty afterwards."""
    length, value = sum(map(len, pieces)), _constant(pieces)
    plain = [] if value is not None else [_plain(piece, kind) for piece in pieces]
    pieces.clear()
    if value is not None:
        return pa.repeat(value, length, memory_pool=_POOL)
    return pa.concat_arrays(plain, memory_pool=_POOL) if plain else pa.array([], kind)


def _constant(pieces: list[Any]) -> Any:
    """The one text that all rows of all pieces have; None where they differ or that is not known."""
    values = {_alone(piece) for piece in pieces}
    return values.pop() if len(values) == 1 else None


def _alone(piece: Any) -> Any:
    if not pa.types.is_dictionary(piece.type) or len(piece.dictionary) != 1 or piece.null_count:
        return None
    return piece.dictionary[0]


def _lengths(name: str, pieces: list[Any]) -> Any:
    """Seconds, or texts of either spelling, as durations; cut to the microsecond as all durations are."""
    kinds = {piece.type for piece in pieces}
    if len(kinds) > 1:  # pages of which one has seconds and another texts
        return pa.concat_arrays([_lengths(name, [piece]) for piece in pieces])
    whole = _whole(pieces, kinds.pop() if kinds else pa.float64())
    if whole.type == _TEXT:
        try:
            return parse_durations(pc.cast(whole, pa.string()))
        except InvalidArgument as error:
            raise _not_so(name, DURATION, error) from error
    # By way of Kusto's ticks: the nearest double of a sum of ticks may be a hair below it.
    ticks = pc.cast(pc.round(pc.multiply(whole, 1e7)), pa.int64())
    return pc.divide(ticks, 10).view(pa.duration("us"))


def _objects(cells: list[Any]) -> list[Any]:
    """Nested values, those that came as text decoded."""
    if cells.count(None) == len(cells) or str not in map(type, cells):
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


def _conformed(column: pandas.Series[Any], dtype: str) -> Any:
    kind = column.dtype.kind
    if dtype == TIME and kind == "M":
        utc = column.dt.tz_localize("UTC") if column.dt.tz is None else column.dt.tz_convert("UTC")
        return utc.dt.as_unit("us")
    if dtype == DURATION and kind == "m":
        return column.dt.as_unit("us")
    if str(column.dtype) == "str":  # nothing to look at one by one
        cells = column.astype(object).where(column.notna(), None).to_list()
    else:
        cells = [None if _missing(cell) else cell for cell in column]
    if dtype == TIME:
        cells = [cell.isoformat() if isinstance(cell, datetime) else cell for cell in cells]
    made = _finished(str(column.name), [_piece(str(column.name), cells, dtype)], dtype)
    return pandas.Series(made).set_axis(column.index)


def _missing(cell: Any) -> bool:
    return cell is None or (not isinstance(cell, (list, dict, str)) and pandas.isna(cell) is True)


def _not_so(name: str, dtype: str, error: Exception) -> InvalidArgument:
    told = str(error).splitlines()[0]
    return InvalidArgument(f"column {name} does not hold {_KINDS.get(dtype, dtype)}: {told}", "convert it first")


_KINDS = {
    TIME: "times",
    DURATION: "durations",
    "Int64": "whole numbers",
    "Float64": "numbers",
    "boolean": "true or false",
}
