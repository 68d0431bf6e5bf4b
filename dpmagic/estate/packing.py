"""A table of many rows in fewer answers: rows that are alike in most columns come as one, with a list of what differs.

All rows come, to the last column: how many there are of each is counted, and one that is missing is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas

from dpmagic.errors import AzureError, IncompleteAnswer
from dpmagic.estate.columns import table
from dpmagic.estate.completeness import KEY
from dpmagic.estate.grouped import among, between, grouped, told_of
from dpmagic.estate.kept import Kept
from dpmagic.estate.plan import MOST_SECONDS, expected
from dpmagic.estate.source import at_least
from dpmagic.frames.declared import conform

if TYPE_CHECKING:
    from dpmagic.estate.estate import Estate

DIFFER = ("id", "name", "timeCreated")
"""The columns in which snapshots of one disk differ; those of one answer are 30,000 at most, for its 16 MiB."""

_EACH = 30
_AXES = (among("subscriptionId"), among("resourceGroup"), between("sourceResourceId"))
_SNAPSHOTS = "snapshots"


def read_packed(estate: Estate, columns: Collection[str], *others: str) -> None:
    """Read these columns of the snapshots in few answers, if with ``others``, tables to be read too, they would take
    more than `MOST_SECONDS` of quota, and the service groups them; else nothing is done.
    """
    wanted = frozenset(at_least(table(_SNAPSHOTS), columns))
    if not estate.source.metered or estate.kept.find(_SNAPSHOTS, estate.window, wanted):
        return
    read = [name for name in others if any(one.reaches(estate.window) for one in estate.kept.of(name))]
    parts = [
        part
        for name in (_SNAPSHOTS, *others)
        if name not in read and (part := expected(estate.source, name, estate.now, estate.window))
    ]
    if sum(part.seconds for part in parts) <= MOST_SECONDS:
        return
    try:
        rows = _packed(estate, [name for name in table(_SNAPSHOTS).columns if name in wanted], parts[0].rows)
    except (AzureError, IncompleteAnswer) as refused:
        if isinstance(refused, AzureError) and refused.status != 400:
            raise
        return  # they come row by row
    estate.kept.keep(Kept(table(_SNAPSHOTS), estate.window, wanted, rows))


def body(columns: Sequence[str], more: Sequence[str]) -> str:
    """The query behind the view: one row for those that are alike, ``n`` and a list of what differs."""
    dtypes = table(_SNAPSHOTS).dtypes
    alike = [name for name in columns if name not in DIFFER]
    nested = [f"{name} = tostring({name})" for name in alike if dtypes[name] == "object"]
    as_text = f"| extend {', '.join(nested)}\n" if nested else ""
    keys = ", ".join(dict.fromkeys([*more, *alike]))
    return f"{as_text}| summarize n = count(), rest = make_list(pack_array({', '.join(DIFFER)})) by {keys}"


def _packed(estate: Estate, columns: Sequence[str], rows: int) -> pandas.DataFrame:
    known = table(_SNAPSHOTS)
    weight = f"max_of(count(), 1 + sum(n) / {_EACH})"
    found, asked = grouped(estate, _SNAPSHOTS, partial(body, columns), _AXES, weight, rows)
    found = found.assign(**{name: None for name in ("n", "rest", *columns) if name not in found and name not in DIFFER})
    if not found["rest"].map(_count).eq(found["n"].fillna(0)).all():
        raise IncompleteAnswer("Resource Graph gave only some of the snapshots of a disk", "run it again")
    counts: Any = found["n"].fillna(0).astype(int)
    alike = found.loc[found.index.repeat(counts), [name for name in columns if name not in DIFFER]]
    cells = [cells for rest in found["rest"] if _count(rest) for cells in rest]
    each = pandas.DataFrame(cells, columns=list(DIFFER), dtype=object)
    whole = pandas.concat([alike.reset_index(drop=True), each], axis=1)[[*columns]]
    made = conform(whole, {name: known.dtypes[name] for name in columns})
    made = made.sort_values("id", kind="stable", ignore_index=True)
    made.attrs[KEY] = told_of(estate, _SNAPSHOTS, made, asked, [f"asked for by disk, in {len(asked)} answers"])
    return made


def _count(one: Any) -> int:
    return len(one) if isinstance(one, list) else 0
