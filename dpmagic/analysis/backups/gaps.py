"""The time between an instance's points, against how long that may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas

_ZERO = np.timedelta64(0, "us")


Blind = tuple[Any, np.datetime64, np.datetime64]
"""A span in which nobody saw points, and of which of the instances."""


def gaps(
    points: pandas.DataFrame, allowed: pandas.Series, start: Any, end: Any, blind: Sequence[Blind] = ()
) -> pandas.DataFrame:
    """What the gaps in ``[start, end)`` come to, by instance.

    ``points`` has ``instance`` and ``at``, before ``end``; ``allowed`` is the longest gap by instance, which may be
    missing. A gap goes from one point to the next, from the last point before ``start``, and up to ``end``. Columns:

    - ``points`` in the window, ``maxGap``;
    - ``breaches``, the gaps longer than allowed; ``breachTime``, for how long of the window the newest point was older
      than allowed, and ``compliance``, the share of the window in which it was not; missing without an allowance;
    - ``headCensored``, whether no point before the window is known: its first gap then counts from ``start``, and may
      have been longer.

    A gap ends where a ``blind`` span begins (those in order of time), and another one begins where that ends: both may
    have been longer.  Such spans are no part of the window that ``compliance`` is a share of.
    """
    start, end = (np.datetime64(pandas.Timestamp(at).tz_convert("UTC").tz_localize(None), "us") for at in (start, end))
    edges = _edges(points, allowed.index, start, end)
    for one in blind:
        edges = _cut(edges, one, start)
    place, begins, ends, point, censored = edges
    most = allowed.to_numpy("timedelta64[us]")[place]
    # Of a gap that began before the window only what is in the window counts.
    over = np.maximum(ends - np.maximum(begins + most, start), _ZERO)
    each = np.flatnonzero(np.diff(place, prepend=-1))  # where the gaps of each instance begin: all have some
    unknown = allowed.isna().to_numpy()
    count = _added(point.astype(np.int64), each)
    time = pandas.Series(_added(over, each)).mask(unknown).astype("timedelta64[us]")
    found = pandas.DataFrame(
        {
            "points": count,
            # Without an allowance nothing is known to be due.
            "maxGap": pandas.Series(_most(ends - begins, each)).mask(unknown & (count == 0)),
            "breaches": pandas.Series(_added((ends - begins > most).astype(np.int64), each), dtype="Int64").mask(
                unknown
            ),
            "breachTime": time,
            "headCensored": censored[each],
            "compliance": 1 - time.dt.total_seconds() / _seen(blind, start, end, len(allowed)),
        }
    )
    return found.astype({"compliance": "Float64"}).set_axis(allowed.index)


def _cut(edges: tuple[Any, ...], blind: Blind, start: np.datetime64) -> tuple[Any, ...]:
    """The gaps, those that reach into a blind span in two: up to it, and from its end on."""
    (of, first, last), (place, begins, ends, point, censored) = blind, edges
    hit = of[place] & (begins < last) & (ends > first)
    stops = np.where(hit, np.maximum(begins, np.minimum(ends, first)), ends)
    early = hit & (stops <= start)  # what ends before the window is no gap of it
    resumes = np.maximum(begins, last)[hit]
    parts = (
        (place, place[hit]),
        (np.where(early, stops, begins), resumes),
        (stops, np.maximum(ends[hit], resumes)),
        (point, np.zeros(len(resumes), bool)),
        (censored | (hit & (first < start)), np.zeros(len(resumes), bool)),
    )
    made = [np.concatenate(pair) for pair in parts]
    order = np.lexsort((made[1], made[0]))
    return tuple(one[order] for one in made)


def _seen(blind: Sequence[Blind], start: np.datetime64, end: np.datetime64, count: int) -> Any:
    """How many seconds of the window somebody saw, by instance; missing where none."""
    reached, seen = np.full(count, start), np.full(count, end - start)
    for of, first, last in blind:
        until = np.minimum(last, end)
        seen -= np.where(of, np.maximum(until - np.maximum(reached, first), _ZERO), _ZERO)
        reached = np.where(of, np.maximum(reached, until), reached)
    seconds = seen / np.timedelta64(1, "s")
    return np.where(seconds > 0, seconds, np.nan)


def _added(values: Any, each: Any) -> Any:
    return np.add.reduceat(values, each) if len(each) else values


def _most(values: Any, each: Any) -> Any:
    return np.maximum.reduceat(values, each) if len(each) else values


def _edges(points: pandas.DataFrame, instances: pandas.Index, start: Any, end: Any) -> tuple[Any, ...]:
    """Of each gap, in order of instances and time, the instance's place and from when to when it goes; whether a point
    of the window begins it, and whether it may have begun before."""
    codes, spelled = pandas.factorize(points["instance"])
    place = np.append(instances.get_indexer(pandas.Index(spelled)), -1)[codes]  # by numbers: ids take long to sort
    at = points["at"].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]")
    known, early = (place >= 0) & (at < end), at < start
    before = np.full(len(instances), np.datetime64("NaT", "us"))
    np.fmax.at(before, place[known & early], at[known & early])
    inside = known & ~early
    place = np.concatenate([np.arange(len(instances)), place[inside]])
    begins = np.concatenate([np.where(np.isnat(before), start, before), at[inside]])
    point = np.repeat([False, True], [len(instances), int(inside.sum())])
    censored = np.concatenate([np.isnat(before), np.zeros(int(inside.sum()), bool)])
    order = np.lexsort((point, begins, place))
    place, begins, point, censored = place[order], begins[order], point[order], censored[order]
    last = np.diff(place, append=-1) != 0
    return place, begins, np.where(last, end, np.append(begins[1:], end)[: len(begins)]), point, censored
