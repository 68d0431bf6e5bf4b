"""Rows as a DataFrame whose columns and dtypes are declared beforehand: what the tables of an estate are made by.

`frame` looks at the values to find out what a column is; here it is known, whatever comes, also when nothing does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas
import pyarrow as pa
import pyarrow.compute as pc

from dpmagic.errors import InvalidArgument
from dpmagic.frames.columns import DURATION, TIME
from dpmagic.frames.times import parse_durations, parse_times

_TEXT = pa.large_string()  # what pandas' str is made of: nothing to convert, and no limit of 2 GiB a column
_PLAIN = {"Int64": pa.int64(), "Float64": pa.float64(), "boolean": pa.bool_()}


class Declared:
    """Rows on their way into a frame, page by page: each page is turned into Arrow at once, and its objects go.

    ``dtypes`` are the frame's columns in order: ``str``, ``Int64``, ``Float64``, ``boolean``, ``datetime64[us, UTC]``,
    ``timedelta64[us]``, ``object``.  ``wire`` says what a column is called in the rows, where that is another name.

    Empty text is missing, for KQL's strings have no null; times are texts, durations seconds or texts, and .NET's
    "unset" is missing (see `dpmagic.frames.times`).  A nested value may come as such or as its JSON text.
    """

    def __init__(self, dtypes: Mapping[str, str], wire: Mapping[str, str] | None = None) -> None:
        self._dtypes = dict(dtypes)
        self._wire = [(wire or {}).get(name, name) for name in dtypes]
        self._pieces: list[list[Any]] = [[] for _ in dtypes]
        self.rows = 0

    def add_table(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A page in table format.  Raises `InvalidArgument` when a column is not there or holds something else."""
        missing = [name for name in self._wire if name not in names]
        if missing:
            raise InvalidArgument(f"the answer has no column {missing[0]}", f"it has: {', '.join(names)}")
        if rows:
            columns = list(zip(*rows, strict=True))
            self._add(columns[names.index(name)] for name in self._wire)
            self.rows += len(rows)

    def add_objects(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """A page of objects; a field that an object lacks is missing.  Raises as `add_table` does."""
        if rows:
            self._add([row.get(name) for row in rows] for name in self._wire)
            self.rows += len(rows)

    def frame(self) -> pandas.DataFrame:
        """All rows so far.  The pieces are used up: nothing can be added afterwards."""
        made = {}
        for place, (name, dtype) in enumerate(self._dtypes.items()):
            pieces, self._pieces[place] = self._pieces[place], []
            made[name] = _finished(name, pieces, dtype)
        return pandas.DataFrame(made, index=pandas.RangeIndex(self.rows), copy=False)

    def _add(self, columns: Iterable[Sequence[Any]]) -> None:
        for (name, dtype), pieces, cells in zip(self._dtypes.items(), self._pieces, columns, strict=True):
            pieces.append(_piece(name, cells, dtype))


def declared(
    rows: Sequence[Mapping[str, Any]], dtypes: Mapping[str, str], wire: Mapping[str, str] | None = None
) -> pandas.DataFrame:
    """The objects as a frame of these columns; see `Declared`.

    >>> declared([{"startTime": "2026-03-01T08:00:00Z"}], {"startTime": "datetime64[us, UTC]", "status": "str"})
                      startTime status
    0 2026-03-01 08:00:00+00:00    NaN
    """
    made = Declared(dtypes, wire)
    made.add_objects(rows)
    return made.frame()


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
    """A page's cells of one column: as Arrow, durations in seconds, times as they were written, objects as a list."""
    if dtype == "object":
        return [_decoded(cell) for cell in cells]
    try:
        if dtype == DURATION:
            return _microseconds(cells)
        if dtype == "Int64":
            return pc.cast(pa.array(cells), pa.int64())  # said at once, Arrow would cut 1.5 to 1
        return pa.array(cells, _PLAIN.get(dtype, _TEXT))
    except (pa.ArrowInvalid, pa.ArrowTypeError, InvalidArgument, UnicodeEncodeError) as error:
        if dtype == "str":
            return pa.array([_text(cell) for cell in cells], _TEXT)
        raise _not_so(name, dtype, error) from error


def _finished(name: str, pieces: list[Any], dtype: str) -> Any:
    if dtype == "object":
        return pandas.Series([cell for piece in pieces for cell in piece], dtype=object)
    arrow = pa.duration("us") if dtype == DURATION else _PLAIN.get(dtype, _TEXT)
    whole = pa.chunked_array(pieces, arrow).combine_chunks()
    pieces.clear()
    if dtype == TIME:
        try:
            return parse_times(whole).to_pandas()
        except InvalidArgument as error:
            raise _not_so(name, dtype, error) from error
    if dtype == DURATION:
        return whole.to_pandas()
    if dtype == "str" and pc.min(pc.binary_length(whole)).as_py() == 0:
        whole = pc.if_else(pc.equal(whole, ""), pa.scalar(None, _TEXT), whole)
    kind: Any = pandas.StringDtype(na_value=np.nan) if dtype == "str" else pandas.api.types.pandas_dtype(dtype)
    return kind.__from_arrow__(whole)


def _microseconds(cells: Sequence[Any]) -> Any:
    """Seconds, or texts of either spelling, as durations; cut to the microsecond as all durations are."""
    if any(isinstance(cell, str) for cell in cells):
        return parse_durations(list(cells))
    # By way of Kusto's ticks: the nearest double of a sum of ticks may be a hair below it.
    ticks = pc.cast(pc.round(pc.multiply(pa.array(cells, pa.float64()), 1e7)), pa.int64())
    return pc.divide(ticks, 10).view(pa.duration("us"))


def _decoded(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
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
