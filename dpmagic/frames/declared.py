"""Rows as a DataFrame whose columns and dtypes are declared beforehand: what the tables of an estate are made by.

`frame` looks at the values to find out what a column is; here it is known, whatever comes, also when nothing does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from operator import itemgetter
from typing import Any

import pandas

from dpmagic.errors import InvalidArgument
from dpmagic.frames.columns import DURATION, TIME
from dpmagic.frames.packed import Packed
from dpmagic.frames.pieces import finished, piece

_AS_PANDAS = {
    TIME: re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d.*)"),
    DURATION: re.compile(r"(\d+) days (\d\d:\d\d:\d\d(?:\.\d+)?)"),
}


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
            name: finished(name, [page.use_up(places[name]) for page in packed], dtype)
            for name, dtype in self._dtypes.items()
        }
        return pandas.DataFrame(made, index=pandas.RangeIndex(sum(map(len, packed))), copy=False)

    def pack_objects(self, rows: Sequence[Mapping[str, Any]]) -> Packed:
        """A page of objects, its columns in the order that is declared; a field that one lacks is missing."""
        keys = list(self._wire)
        if len(keys) > 1 and rows:
            # As a rule an object has all its fields.  Decoders use one object for a key wherever it comes, and looking
            # that one up takes half the time of one that is equal.
            own = {key: key for key in rows[0]}
            with suppress(KeyError):
                return self.pack(keys, list(map(itemgetter(*(own[key] for key in keys)), rows)))
        return Packed([self._piece(wire, [row.get(wire) for row in rows]) for wire in keys], len(rows))

    def of_objects(self, rows: Sequence[Mapping[str, Any]]) -> pandas.DataFrame:
        """Objects as a frame; see `pack_objects`."""
        return self.frame(list(self._wire), [self.pack_objects(rows)])

    def _piece(self, wire: str, cells: Sequence[Any]) -> Any:
        name = self._wire.get(wire)
        return list(cells) if name is None else piece(name, cells, self._dtypes[name])


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
    has = {str(name): str(dtype) for name, dtype in given.dtypes.items()}
    wrong = {name: dtype for name, dtype in dtypes.items() if has.get(name, dtype) != dtype}
    if not wrong:
        return given
    fitted = {name: _conformed(given[name], dtype) for name, dtype in wrong.items()}
    made = given.assign(**fitted)
    made.attrs = dict(given.attrs)
    return made


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
    if dtype in _AS_PANDAS:
        cells = [cell.isoformat() if isinstance(cell, datetime) else _respelled(cell, dtype) for cell in cells]
    made = finished(str(column.name), [piece(str(column.name), cells, dtype)], dtype)
    return pandas.Series(made).set_axis(column.index)


def _respelled(cell: Any, dtype: str) -> Any:
    """A time or a duration as pandas writes it to a CSV file, as Azure writes it.

    >>> _respelled("2026-03-01 08:00:00.250000+00:00", TIME), _respelled("1 days 02:03:04.500000", DURATION)
    ('2026-03-01T08:00:00.250000+00:00', '1.02:03:04.500000')
    """
    found = _AS_PANDAS[dtype].fullmatch(cell) if isinstance(cell, str) else None
    return f"{found[1]}{'T' if dtype == TIME else '.'}{found[2]}" if found else cell


def _missing(cell: Any) -> bool:
    return cell is None or (not isinstance(cell, (list, dict, str)) and pandas.isna(cell) is True)
