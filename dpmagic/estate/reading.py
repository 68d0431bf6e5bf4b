"""How an estate's tables are read: one, or several of them together where each waits for what it asks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, cast

import pandas

from dpmagic.errors import AzureError, IncompleteAnswer
from dpmagic.estate.columns import table
from dpmagic.estate.excerpts import Excerpt
from dpmagic.estate.kept import Columns, Kept, Memory
from dpmagic.estate.source import Source
from dpmagic.estate.window import Window

if TYPE_CHECKING:
    from dpmagic.estate.estate import Estate
    from dpmagic.graph.query import Failure

LARGE = ("jobs", "snapshots", "changes")
"""Tables that may have very many rows."""


@dataclass(frozen=True)
class Wanted:
    """A table over a window, or an excerpt of it: these ``columns``, None for all."""

    name: str
    window: Window
    columns: Columns = None
    excerpt: Excerpt | None = None


class Together(Source, Protocol):
    """A source whose tables take less time together than one after another: each waits for what it asks."""

    def several(self, wanted: Sequence[Wanted], now: datetime) -> Iterator[tuple[int, pandas.DataFrame | Failure]]:
        """Each table as `Source.table` gives it, each excerpt as `Picking.excerpt`, with its number, as they come; an
        error in place of one that cannot be read."""


def read(estate: Estate, name: str, columns: Columns) -> Kept:
    """Read a table, and keep it."""
    wanted = _to_read(estate, Wanted(name, estate.window, columns))
    return _keep(estate, wanted, estate.source.table(name, estate.now, wanted.window, wanted.columns))


def each(
    estate: Estate, wanted: Sequence[Wanted], *, partial: bool = False, keep: bool = True
) -> Iterator[tuple[int, pandas.DataFrame | AzureError]]:
    """Each of the tables with its number, as it comes: read together where the source can, else one after another.

    What is at hand is not read.  Without ``keep`` what is read is not kept in the estate.

    Raises why the first of them cannot be read, once those before it have come; with ``partial`` a refusal is given in
    its place.
    """
    come: set[int] = set()
    failed: dict[int, Failure] = {}
    for number, found in _outcomes(estate, wanted, keep):
        come.add(number)
        if isinstance(found, pandas.DataFrame) or (partial and isinstance(found, AzureError)):
            yield number, found
        else:
            failed[number] = found
        if failed and come.issuperset(range(first := min(failed))):
            raise failed[first]
        del found


def ahead(estate: Estate, wanted: Sequence[Wanted]) -> list[tuple[Wanted, AzureError]]:
    """Have the estate read the tables, so that they are at hand; those that Azure refuses, in order.

    Raises what else keeps one from being read.
    """
    come = ((number, found) for number, found in each(estate, wanted, partial=True) if isinstance(found, AzureError))
    return [(wanted[number], found) for number, found in sorted(come, key=lambda one: one[0])]


def read_needed(estate: Estate, names: Iterable[str]) -> None:
    """Have the estate read at once what a question cannot do without, where that saves waiting; but of tables that may
    be very large each question says itself how it takes them.

    Raises why the first of them cannot be read.
    """
    wanted = [Wanted(name, estate.window) for name in names if name not in LARGE]
    if len(wanted) > 1 and hasattr(estate.source, "several"):
        deque(each(estate, wanted), 0)


def _outcomes(estate: Estate, wanted: Sequence[Wanted], keep: bool) -> Iterator[tuple[int, pandas.DataFrame | Failure]]:
    """As `each`, with whatever error a table meets in its place.  A large one is let go of before others come."""
    together = [number for number, one in enumerate(wanted) if _can_wait(estate, one)]
    together = together if hasattr(estate.source, "several") and len(together) > 1 else []
    for number, one in enumerate(wanted):
        if number not in together:
            yield number, _alone(_of(estate, one, keep), one)
    if not together:
        return
    source = cast(Together, estate.source)
    asked = [_to_read(estate, wanted[number]) for number in together]
    for place, found in source.several(asked, estate.now):
        number = together[place]
        if isinstance(found, pandas.DataFrame):
            found = _taken(_of(estate, wanted[number], keep), wanted[number], asked[place], found)
        yield number, found
        del found


def _alone(estate: Estate, one: Wanted) -> pandas.DataFrame | Failure:
    try:
        return _given(estate, one)
    except (AzureError, IncompleteAnswer) as error:
        return error


def _taken(estate: Estate, one: Wanted, asked: Wanted, rows: pandas.DataFrame) -> pandas.DataFrame:
    """The table that is meant, of what was asked for and has come."""
    _keep(estate, asked, rows)
    return _given(estate, one)


def _can_wait(estate: Estate, one: Wanted) -> bool:
    """Whether a table is still to be read, by queries that can be asked beside others."""
    if one.excerpt is not None and (one.excerpt.latest or not estate.picks(one.excerpt)):
        return False
    excerpts = dict.fromkeys((None, one.excerpt))
    return not any(estate.kept.find(one.name, one.window, one.columns, excerpt) for excerpt in excerpts)


def _of(estate: Estate, one: Wanted, keep: bool) -> Estate:
    """The estate over the table's window, which keeps what is read, or lets go of it with itself."""
    return replace(estate, window=one.window, kept=estate.kept if keep else Memory(list(estate.kept.tables)))


def _given(estate: Estate, one: Wanted) -> pandas.DataFrame:
    if one.excerpt is not None:
        return estate.excerpt(one.excerpt, table(one.name).columns if one.columns is None else one.columns)
    return estate.table(one.name, one.columns)


def _to_read(estate: Estate, one: Wanted) -> Wanted:
    """What to ask for: with the columns that it was read with before; over their window, if that is wider."""
    before = [kept for kept in estate.kept.of(one.name) if kept.reaches(one.window)]
    if one.excerpt is not None or not before:
        return one
    columns = one.columns
    if columns is not None:
        columns = None if estate.source.metered else columns.union(*(kept.columns or () for kept in before))
    return Wanted(one.name, before[0].window, columns)


def _keep(estate: Estate, one: Wanted, rows: pandas.DataFrame) -> Kept:
    if one.excerpt is not None:
        from dpmagic.estate.excerpting import keep

        return keep(estate, one.excerpt, frozenset(one.columns or ()), rows)
    whole = one.columns is None or set(estate.source.columns(one.name) or ()) <= set(rows)
    return estate.kept.keep(Kept(table(one.name), one.window, None if whole else frozenset(map(str, rows)), rows))
