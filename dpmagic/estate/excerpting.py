"""How an excerpt of a table is read: its rows page by page, or grouped at the source."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

import pandas

from dpmagic.errors import AzureError, IncompleteAnswer
from dpmagic.estate.columns import table
from dpmagic.estate.completeness import KEY
from dpmagic.estate.excerpts import Excerpt
from dpmagic.estate.grouped import among, between, grouped, told_of
from dpmagic.estate.kept import Kept
from dpmagic.estate.source import Picking, at_least
from dpmagic.frames.declared import conform

if TYPE_CHECKING:
    from dpmagic.estate.estate import Estate


def read(estate: Estate, wanted: Excerpt, columns: frozenset[str]) -> Kept:
    """These columns of an excerpt, kept; of the whole table, with a note, where the service does not group it."""
    source = cast(Picking, estate.source)
    if not wanted.latest:
        return keep(estate, wanted, columns, source.excerpt(wanted, estate.now, estate.window, columns))
    try:
        return keep(estate, wanted, columns, _latest(estate, wanted, columns))
    except (AzureError, IncompleteAnswer) as refused:
        if isinstance(refused, AzureError) and refused.status != 400:
            raise
        rows, note = source.table(wanted.table, estate.now, estate.window, columns), refused.message
    return _kept(estate, wanted.table, columns, rows, f"read whole, not grouped: {note}")


def keep(estate: Estate, wanted: Excerpt, columns: frozenset[str], rows: pandas.DataFrame) -> Kept:
    """Keep an excerpt's rows, as its source gave them when it was asked for these columns."""
    return _kept(estate, wanted.table, columns, rows, wanted.note, wanted)


def _kept(
    estate: Estate,
    name: str,
    columns: frozenset[str],
    rows: pandas.DataFrame,
    note: str,
    excerpt: Excerpt | None = None,
) -> Kept:
    rows.attrs[KEY]["notes"] = [*rows.attrs[KEY]["notes"], note]
    return estate.kept.keep(Kept(table(name), estate.window, columns.union(map(str, rows)), rows, excerpt))


def _latest(estate: Estate, wanted: Excerpt, columns: frozenset[str]) -> pandas.DataFrame:
    """The rows of an excerpt of the latest of each group, typed, with their completeness.  Raises as `grouped` does."""
    known = table(wanted.table)
    names = at_least(known, columns)
    axes = [*map(among, ("subscriptionId", *wanted.axes[:-1])), between(wanted.axes[-1])]
    found, asked = pandas.DataFrame(), list[str]()
    if estate.source.scope.readable:
        found, asked = grouped(estate, wanted.table, partial(wanted.body, names), axes)
    dtypes = {name: known.dtypes[name] for name in names}
    made = conform(found.assign(**dict.fromkeys(name for name in names if name not in found)), dtypes)[names]
    made.attrs[KEY] = told_of(estate, wanted.table, made, asked)
    return made
