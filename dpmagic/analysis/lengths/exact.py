"""Percentiles of all durations, from portions of jobs of which little is kept: a number for each job's group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.backups.keys import as_texts

SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Measured:
    """The seconds of a portion's measured jobs, the number of each one's group, and the groups' keys by number."""

    seconds: Any
    numbers: Any
    groups: pandas.DataFrame


def pieces_of(portions: Iterable[pandas.DataFrame], keys: Sequence[str]) -> tuple[pandas.DataFrame, list[Measured]]:
    """Portions of one row a job, as pieces in which those of one group, state and bucket are one row, and what was
    measured.  A portion is done with when the next is taken.

    A portion has the ``keys``, ``state``, ``bucket``, ``n``, ``max``, ``oldest``, ``warnings``, ``seconds`` (missing
    where nothing is measured) and columns that are shown of a group.
    """
    pieces, measured = [], []
    for rows in portions:
        sums = {"n": "sum", "max": "max", "oldest": "min", "warnings": "sum"}
        by = [name for name in rows if name not in (*sums, "seconds")]
        pieces.append(as_texts(rows.groupby(by, dropna=False, as_index=False, sort=False).agg(sums)))
        mine = rows.loc[rows["seconds"].notna(), [*keys, "seconds"]]
        numbers = mine.groupby(list(keys), dropna=False).ngroup()
        groups = mine[list(keys)].assign(number=numbers).drop_duplicates("number").set_index("number").sort_index()
        measured.append(Measured(mine["seconds"].to_numpy(float), numbers.to_numpy(np.int32), as_texts(groups)))
    return pandas.concat(pieces, ignore_index=True), measured


def exact(measured: Sequence[Measured], keys: Sequence[str]) -> pandas.DataFrame:
    """Percentiles in seconds, interpolated as pandas does: one row a group that has a measured job."""
    groups = pandas.concat([one.groups for one in measured], ignore_index=True)
    numbers = groups.groupby(list(keys), dropna=False).ngroup().to_numpy(np.int32)
    starts = np.cumsum([0, *(len(one.groups) for one in measured)])
    of_all = [numbers[start:][one.numbers] for start, one in zip(starts[:-1], measured, strict=True)]
    seconds = pandas.Series(np.concatenate([one.seconds for one in measured]))
    grouped = seconds.groupby(np.concatenate(of_all))
    found: dict[str, pandas.Series] = {"n": grouped.count(), "max": grouped.max()}
    found |= {name: grouped.quantile(share) for name, share in SHARES.items()}
    labels = groups.set_axis(pandas.Index(numbers))
    return labels[~labels.index.duplicated()].join(pandas.DataFrame(found), how="inner").sort_index(ignore_index=True)
