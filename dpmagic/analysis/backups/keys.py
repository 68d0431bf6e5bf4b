"""Ids as they are compared (Azure spells one id in several casings, even within a record), and names of states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas
from pyarrow import compute

SLACK = timedelta(hours=2)
"""A scheduled backup starts within two hours of its due time: what Microsoft says of disks."""

_FEW = 1000  # texts

DISK = "microsoft.compute/disks"
SUCCESS = ("completed", "completedwithwarnings", "succeeded")
FINISHED = (*SUCCESS, "failed", "cancelled")
#: The states of protection in which a policy's schedule is followed.
SCHEDULED = ("protectionconfigured", "updatingprotection", "retentionschedulessuspended")


def key(ids: pandas.Series) -> pandas.Series:
    """The ids in lower case and without a slash at the end; each spelling is looked at once.  Of a categorical it is
    one too, its categories in order.

    >>> key(pandas.Series(["/subscriptions/A", "/Subscriptions/a/", None])).tolist()
    ['/subscriptions/a', '/subscriptions/a', nan]
    """
    return each(ids, _plain)


def _plain(ids: pandas.Series) -> pandas.Series:
    """As ``ids.str.lower().str.rstrip("/")``, in a third of its time: hundreds of short columns are asked for it."""
    if not len(ids):
        return ids
    spelled = compute.utf8_rtrim(compute.utf8_lower(ids.array.__arrow_array__()), "/")
    return pandas.Series(pandas.array(spelled, dtype="str"), index=ids.index, name=ids.name)


def each(texts: pandas.Series, change: Callable[[pandas.Series], pandas.Series]) -> pandas.Series:
    """What ``change`` makes of the texts: of each only once, however often it is there.  Of a categorical it is one,
    its categories in order: no text is copied."""
    if 0 < len(texts) <= _FEW and texts.dtype == "str":  # to tell them apart would take longer
        return pandas.Series(change(texts).array, index=texts.index, name=texts.name)
    codes, spelled = pandas.factorize(texts)
    changed = change(pandas.Series(spelled, dtype="str"))
    if isinstance(texts.dtype, pandas.CategoricalDtype):
        numbers, categories = pandas.factorize(changed, sort=True)
        found: Any = pandas.Categorical.from_codes(np.append(numbers, -1)[codes], categories)
    else:
        found = changed.array.take(codes, allow_fill=True)
    return pandas.Series(found, index=texts.index, name=texts.name)


def numbered(ids: pandas.Series) -> tuple[Any, pandas.Index]:
    """A number for each id, -1 for a missing one, and by number what `key` makes of it: no id of many rows is copied.

    >>> numbers, keys = numbered(pandas.Series(["/A/b", "/a/B/", None, "/c"]))
    >>> numbers.tolist(), keys.tolist()
    ([0, 0, -1, 1], ['/a/b', '/c'])
    """
    spelling, spelled = pandas.factorize(ids)
    # One id may be spelled in several casings: like ones get one number.
    same, keys = pandas.factorize(key(pandas.Series(spelled, dtype="str")))
    return np.where(spelling < 0, -1, np.append(same, -1)[spelling]), pandas.Index(keys)


def is_in(texts: pandas.Series, others: pandas.Series) -> pandas.Series:
    """Whether each text is among the others; a missing one is not.  As ``isin``, which takes ten times as long on the
    ids of a large estate.

    >>> is_in(pandas.Series(["a", None, "c"]), pandas.Series(["c", None, "c"])).tolist()
    [False, False, True]
    """
    known = pandas.Index(others.dropna().unique())
    return pandas.Series(known.get_indexer(pandas.Index(texts)) >= 0, index=texts.index)


def by_key(values: pandas.Series, ids: pandas.Series) -> pandas.Series:
    """The value of each id, as ``values`` has them by id in lower case; missing where it has none."""
    codes, spelled = pandas.factorize(ids)
    known = values.reindex(key(pandas.Series(spelled, dtype="str")))
    return pandas.Series(known.array.take(codes, allow_fill=True), index=ids.index, name=values.name)


def by_text(values: Any) -> Any:
    """What was grouped by a categorical, by its texts: categoricals of several tables do not go together."""
    return values.set_axis(values.index.astype("str"))


def alike(coded: pandas.Series, other: pandas.Series) -> pandas.Series:
    """A categorical with the categories of another, so that both are compared by number; missing for what is of none.

    >>> alike(pandas.Series(["a", "b"], dtype="category"), pandas.Series(["b", "c"], dtype="category")).tolist()
    [nan, 'b']
    """
    return coded.cat.set_categories(other.cat.categories)


def as_texts(rows: pandas.DataFrame) -> pandas.DataFrame:
    """The rows with texts for categoricals: few rows that were made of many, to go together with others."""
    coded = [name for name in rows if isinstance(rows[name].dtype, pandas.CategoricalDtype)]
    return rows.astype({name: rows[name].cat.categories.dtype for name in coded})


def last_part(ids: pandas.Series) -> pandas.Series:
    """What is after the last slash of each id.

    >>> last_part(pandas.Series(["/a/b", "c", "/a/", None])).tolist()
    ['b', 'c', '', nan]
    """
    return each(ids, lambda spelled: spelled.str.extract(r"([^/]*)$", expand=False))


def subscriptions(ids: pandas.Series) -> Any:
    """The subscription of each id, in lower case; "" for what lies in none."""
    codes, spelled = pandas.factorize(ids)
    names = pandas.Series(spelled, dtype="str").str.lower().str.extract(r"^/subscriptions/([^/]+)", expand=False)
    return np.append(names.fillna("").to_numpy(object), "")[codes]


def among(texts: pandas.Series, wanted: Sequence[str]) -> pandas.Series:
    """Whether each text is one of those wanted, in any case; a missing one is not."""
    codes, spelled = pandas.factorize(texts)
    hits = key(pandas.Series(spelled, dtype="str")).isin(wanted).to_numpy(bool)
    return pandas.Series(np.append(hits, False)[codes], index=texts.index, name=texts.name)


def is_backup(jobs: pandas.DataFrame) -> pandas.Series:
    """Which jobs are backups, not restores or changes of settings."""
    return among(jobs["operationCategory"], ("backup",))


def instants(times: pandas.Series) -> Any:
    """A column of times as ``datetime64[us]`` in UTC, as schedules take them."""
    return times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]")


def series(values: Any, index: Any = None) -> pandas.Series:
    """``datetime64`` or ``timedelta64`` as a column of a table: times are in UTC."""
    made = pandas.Series(values, index=index)
    return made.dt.tz_localize("UTC") if np.issubdtype(values.dtype, np.datetime64) else made
