"""The jobs of an archive's year a portion at a time: an estate for each, so that a question takes little memory.

What a question makes of a portion has to add up: rows, sums, counts, extremes.  Where all of an instance's jobs have to
be seen together, ``together`` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas

from dpmagic.estate.columns import table
from dpmagic.estate.completeness import KEY, Scope
from dpmagic.estate.estate import Estate
from dpmagic.estate.excerpts import MUCH
from dpmagic.estate.kept import Memory
from dpmagic.estate.source import Given
from dpmagic.estate.window import Window
from dpmagic.frames.told import Told

if TYPE_CHECKING:
    import pyarrow

ROWS = MUCH
"""How many jobs a portion has, unless those of one instance are more."""

OF_WHAT = (
    "backupInstanceId", "backupInstanceFriendlyName", "dataSourceId", "dataSourceName", "dataSourceType", "vaultName",
    "subscriptionId", "policyId", "operationCategory",
)  # fmt: skip
"""The columns of jobs that say what these are of: long texts that many share, and categoricals in a portion."""

_INSTANCE, _CATEGORY = "backupInstanceId", "operationCategory"

Mine = Callable[[pandas.Series], Any]


class Packed(Protocol):
    """How an archive's packed jobs become tables, and in ``told`` what they cover."""

    told: dict[str, Any]

    def apart(self, rows: pyarrow.Table) -> tuple[pyarrow.Table, pyarrow.Table]:
        """Jobs without their ids, and these."""

    def frame(self, some: pyarrow.Table) -> pandas.DataFrame:
        """A table of some jobs, with or without ids."""

    def ids(self, some: pyarrow.Table) -> pandas.Series:
        """Some of the ids that are `apart`."""


def portions(
    estate: Estate,
    columns: Iterable[str],
    *,
    together: bool = False,
    unless: Collection[str] = (),
    bare: Collection[str] = (),
    numbers: bool = False,
    category: str = "",
    window: Window | None = None,
) -> Iterator[Estate]:
    """The estate itself, or one after another with some of its jobs in these columns; with all jobs of an instance in
    one and the same, where they have to be ``together``, and with that instance.  Instances all of whose jobs are in a
    state of ``unless`` (lower case) tell the question nothing, and may be left out; so may all jobs that are not of a
    ``category`` (lower case).  Jobs in such a state need not have the columns of ``bare``, which are missing then.
    With ``numbers`` the ids of a portion's jobs are numbers, for millions of texts take long to make: see `spelled`.

    It is the estate itself unless it is an archive that has more jobs than `ROWS` in the ``window``, by itself the
    estate's.  What they cover is then said by ``estate.completeness``, as if the estate had read them.
    """
    packed, span = getattr(estate.source, "packed", None), window or estate.window
    more = [
        *([_INSTANCE, "status"] if together else []),
        *(["status"] if bare else []),
        *([_CATEGORY] if category else []),
    ]
    asked = [*dict.fromkeys([*columns, *more])]
    at_hand = estate.kept.find("jobs", span, frozenset(asked)) is not None
    found = None if packed is None or at_hand else packed(estate.now, span, asked, ROWS)
    if found is None:
        yield estate
        return
    rows, made = found
    del found  # what it has is there once, and let go of by and by
    estate.kept.said["jobs"] = made.told
    rows = _without(rows, bare, _among(rows["status"], unless)) if bare else rows
    rest, ids = made.apart(rows) if numbers else (rows, None)
    told = Told(made.told)
    for places, mine in _by_instance(rows, unless, category) if together else _by_row(rows, category):
        jobs = made.frame(rest.take(places))
        jobs = jobs.assign(id=range(len(jobs))) if numbers else jobs
        jobs.attrs[KEY] = told
        spell = partial(_spelled, made, ids, places) if numbers else None
        yield replace(estate, source=_Portion(estate, jobs, mine, spell), kept=Memory())


@contextmanager
def reading_once(estate: Estate, columns: Iterable[str]) -> Iterator[None]:
    """Within it an archive's jobs, as far as `portions` asks for no more than these columns and its window, are
    read from files once, however many questions go through them."""
    hold = getattr(estate.source, "holding", None)
    with hold(estate.now, estate.window, [*columns], ROWS) if hold else nullcontext():
        yield


def spelled(estate: Estate, ids: pandas.Series) -> pandas.Series:
    """The texts of ids of jobs, or of some, which in a portion may be numbers; missing stays missing."""
    source = estate.source
    return source.spelled(ids) if isinstance(source, _Portion) else ids


def large(estate: Estate) -> bool:
    """Whether it is an archive whose window may have more jobs than `ROWS`: then they are better not read whole."""
    count = getattr(estate.source, "at_most", None)
    return count is not None and count(estate.window) > ROWS


class _Portion(Given):
    """Some of an estate's jobs, and all that it has of other tables; of instances those that are ``mine``, by key."""

    def __init__(
        self,
        estate: Estate,
        jobs: pandas.DataFrame,
        mine: Mine | None,
        ids: Callable[[pandas.Series], pandas.Series] | None,
    ) -> None:
        super().__init__({}, estate.source.target)
        # Not looked through as tables from somewhere are: an archive has each job once, in its types.
        self._tables["jobs"] = jobs
        self._estate, self._mine, self._ids, self.refused = estate, mine, ids, estate.source.refused

    @property
    def scope(self) -> Scope:
        return self._estate.source.scope

    def columns(self, name: str) -> Collection[str] | None:
        return super().columns(name) if name == "jobs" else self._estate.source.columns(name)

    def seen(self, name: str) -> datetime | None:
        return self._estate.seen(name)

    def table(
        self, name: str, now: datetime, window: Window, columns: Collection[str] | None = None
    ) -> pandas.DataFrame:
        if name == "jobs":
            return super().table(name, now, window, columns)
        rows = self._estate.table(name, columns)
        return rows[self._mine(_keys(rows["id"]))] if name == "instances" and self._mine else rows

    def spelled(self, ids: pandas.Series) -> pandas.Series:
        """See `spelled`."""
        return self._ids(ids) if self._ids else ids


def _spelled(made: Packed, ids: pyarrow.Table, places: Any, numbers: pandas.Series) -> pandas.Series:
    """The ids by their numbers in a portion, of which ``places`` are where they are in all of them."""
    found, known = pandas.Series(None, numbers.index, "str"), numbers.notna()
    found[known] = made.ids(ids.take(places[numbers[known].astype("int64")])).array
    return found


def _by_row(rows: pyarrow.Table, category: str) -> Iterator[tuple[Any, None]]:
    """The places of as many rows as make a portion."""
    ours = np.flatnonzero(_ours(rows, category))
    for start in range(0, max(len(ours), 1), ROWS):
        yield ours[start : start + ROWS], None


def _ours(rows: pyarrow.Table, category: str) -> Any:
    return _among(rows[_CATEGORY], (category,)) if category else np.full(rows.num_rows, True)


def _by_instance(rows: pyarrow.Table, unless: Collection[str], category: str) -> Iterator[tuple[Any, Mine]]:
    """The places of neighbours in the order of ids, as many as make a portion; those of no instance, or of one without
    a job, are in the first."""
    ids = rows[_INSTANCE].combine_chunks()
    codes = ids.indices.fill_null(-1).to_numpy()
    keys, names = pandas.factorize(_keys(pandas.Series(ids.dictionary.to_pylist(), dtype="str")), sort=True)
    which = np.append(keys, -1)[codes]
    # What is known by its id alone, for its file has jobs of it and the window none, is not left out either.
    ours = _ours(rows, category)
    counts = np.bincount(which[ours & (which >= 0)], minlength=len(names))
    left = np.bincount(which[ours & (which >= 0) & ~_among(rows["status"], unless)], minlength=len(names))
    telling = np.append((left > 0) | (counts == 0), True)
    counts *= telling[:-1]
    # The last is of those of no instance.
    part = np.where(telling, np.append((np.cumsum(counts) - counts) // ROWS, 0), -1)

    def mine(number: int, known: pandas.Series) -> Any:
        return part[pandas.Index(names).get_indexer(pandas.Index(known))] == number

    numbers = np.where(ours, part[which], -1)
    kept = np.flatnonzero(numbers >= 0)
    # By instance, too: whoever sorts jobs so has nothing left to do.
    order = kept[np.argsort((numbers.astype(np.int64) * (len(names) + 1) + which)[kept], kind="stable")]
    of = numbers[order]
    for number in np.unique(part[part >= 0]):
        first, end = np.searchsorted(of, [number, number + 1])
        yield order[first:end], partial(mine, number)


def _without(rows: pyarrow.Table, names: Collection[str], where: Any) -> pyarrow.Table:
    """The rows without the texts of these columns ``where`` nobody asks: objects of millions would be made of them."""
    import pyarrow
    import pyarrow.compute as pc

    for name in {table("jobs").wire[one] for one in names} & {*rows.column_names}:
        place, texts = rows.column_names.index(name), rows[name].combine_chunks()
        field = rows.schema.field(place)
        left = pc.if_else(pyarrow.array(where), pyarrow.scalar(None, texts.type), texts)
        if pyarrow.types.is_dictionary(field.type):  # of which each row takes longer to read
            left, field = left.cast(field.type.value_type), field.with_type(field.type.value_type)
        rows = rows.set_column(place, field, left)
    return rows


def _among(texts: pyarrow.ChunkedArray, wanted: Collection[str]) -> Any:
    codes = texts.combine_chunks()
    hits = [text is not None and text.lower() in wanted for text in codes.dictionary.to_pylist()]
    return np.append(hits, False).astype(bool)[codes.indices.fill_null(-1).to_numpy()]


def _keys(ids: pandas.Series) -> pandas.Series:
    return ids.str.lower().str.rstrip("/")
