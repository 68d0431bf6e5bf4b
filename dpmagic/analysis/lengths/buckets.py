"""Buckets of durations that can be added up: 16 an octave, so that a value read back is off by 3.2 % at most.

An octave is split evenly, as ``case`` and ``bin`` can do it: Resource Graph has no logarithms. The middle of a bucket
is off by half its width, a 32nd of its lower edge at most. Below a second buckets are a 16th of a second wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas
from numpy.typing import NDArray

PER_OCTAVE = 16
ERROR = 0.032
"""How far a percentile from buckets may be from the one from rows, as a share of it; 1/32 s below a second."""

_OCTAVES = 24  # from a second to 194 days; what is beyond keeps the last one's width, which is finer than need be
Seconds = NDArray[np.float64]


def widths(seconds: Seconds) -> Seconds:
    """The width of the bucket that each duration falls into, in seconds.

    >>> widths(np.array([0.3, 1.0, 90.0, 64.0, 63.9])).tolist()
    [0.0625, 0.0625, 4.0, 4.0, 2.0]
    """
    _, exponents = np.frexp(np.maximum(seconds, 1.0))  # exact, where a logarithm is off at the octave's edge
    octaves: Seconds = np.ldexp(1.0, np.clip(exponents - 1, 0, _OCTAVES))
    return octaves / PER_OCTAVE


def lower_edges(seconds: Seconds) -> Seconds:
    """The lower edge of each duration's bucket; NaN stays."""
    width = widths(np.nan_to_num(seconds))
    return np.floor(seconds / width) * width


def kql(column: str) -> str:
    """`lower_edges` as KQL.

    >>> kql("d")[:58]
    'case(d < 2, bin(d, 0.0625), d < 4, bin(d, 0.125), d < 8, b'
    """
    branches = [f"{column} < {2 ** (n + 1)}, bin({column}, {2.0**n / PER_OCTAVE})" for n in range(_OCTAVES)]
    return f"case({', '.join(branches)}, bin({column}, {2.0**_OCTAVES / PER_OCTAVE}))"


def merged(pieces: pandas.DataFrame, by: Sequence[str]) -> pandas.DataFrame:
    """Pieces of ``bucket`` (its lower edge), ``n`` and ``max`` as one row a group and bucket, whatever their order."""
    return pieces.groupby([*by, "bucket"], dropna=False, as_index=False).agg({"n": "sum", "max": "max"})


def percentiles(buckets: pandas.DataFrame, by: Sequence[str], shares: Sequence[float]) -> pandas.DataFrame:
    """One row a group of merged buckets, in order of group: ``by``, ``n``, ``max``, and a column in seconds a share.

    A percentile is interpolated between the two values beside its rank, as pandas does; each value is its bucket's
    middle, and never above the longest.
    """
    ordered = buckets.sort_values([*by, "bucket"], kind="stable", ignore_index=True)
    groups = ordered.groupby(list(by), dropna=False, sort=True)
    made = groups.agg(n=("n", "sum"), max=("max", "max")).reset_index()
    edges = ordered["bucket"].to_numpy(float)
    middles = np.minimum(edges + widths(edges) / 2, ordered["max"].to_numpy(float))
    ends = ordered["n"].to_numpy(np.int64).cumsum()
    before = made["n"].to_numpy(np.int64).cumsum() - made["n"].to_numpy(np.int64)
    for share in shares:
        ranks = share * (made["n"].to_numpy(float) - 1)
        low = np.floor(ranks)
        left, right = (_at(middles, ends, before + place.astype(np.int64)) for place in (low, np.ceil(ranks)))
        made[share] = left + (right - left) * (ranks - low)
    return made


def _at(middles: Seconds, ends: Any, ranks: Any) -> Seconds:
    """The value of each rank, counted through all groups."""
    found: Seconds = middles[np.searchsorted(ends, ranks, side="right")] if len(middles) else np.empty(0)
    return found
