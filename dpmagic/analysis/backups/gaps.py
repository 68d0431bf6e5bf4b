"""The time between an instance's points, against how long that may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas

_ZERO = np.timedelta64(0, "us")


def gaps(points: pandas.DataFrame, allowed: pandas.Series, start: Any, end: Any) -> pandas.DataFrame:
    """What the gaps in ``[start, end)`` come to, by instance.

    ``points`` has ``instance`` and ``at``, before ``end``; ``allowed`` is the longest gap by instance, which may be
    missing. A gap goes from one point to the next, from the last point before ``start``, and up to ``end``. Columns:

    - ``points`` in the window, ``maxGap``;
    - ``breaches``, the gaps longer than allowed; ``breachTime``, for how long of the window the newest point was older
      than allowed, and ``compliance``, the share of the window in which it was not; missing without an allowance;
    - ``headCensored``, whether no point before the window is known: its first gap then counts from ``start``, and may
      have been longer.
    """
    start, end = (np.datetime64(pandas.Timestamp(at).tz_convert("UTC").tz_localize(None), "us") for at in (start, end))
    edges = _edges(points, allowed.index, start, end)
    begins, ends = (edges[name].to_numpy("datetime64[us]") for name in ("from", "to"))
    most = allowed.reindex(edges["instance"]).to_numpy("timedelta64[us]")
    edges["gap"] = ends - begins
    edges["breach"] = ends - begins > most
    # Of a gap that began before the window only what is in the window counts.
    edges["over"] = np.maximum(ends - np.maximum(begins + most, start), _ZERO)
    grouped = edges.groupby("instance", sort=False)
    found = pandas.DataFrame(
        {
            "points": grouped["point"].sum(),
            "maxGap": grouped["gap"].max(),
            "breaches": grouped["breach"].sum().astype("Int64"),
            "breachTime": grouped["over"].sum(),
            "headCensored": grouped["censored"].any(),
        }
    ).reindex(allowed.index)
    unknown = allowed.isna()
    found["maxGap"] = found["maxGap"].mask(unknown & (found["points"] == 0))  # nothing is known to be due
    found["breaches"] = found["breaches"].mask(unknown)
    found["breachTime"] = found["breachTime"].mask(unknown).astype("timedelta64[us]")
    share = found["breachTime"].dt.total_seconds() / pandas.Timedelta(end - start).total_seconds()
    found["compliance"] = (1 - share).astype("Float64")
    return found


def _edges(points: pandas.DataFrame, instances: pandas.Index, start: Any, end: Any) -> pandas.DataFrame:
    """One row a gap: ``instance``, ``from``, ``to``; ``point`` whether a point within the window begins it."""
    times = points["at"].dt.tz_convert("UTC").dt.tz_localize(None)
    known = points.assign(at=times)[(times < np.datetime64(end)) & points["instance"].isin(instances)]
    before = known[known["at"] < start].groupby("instance")["at"].max().reindex(instances)
    heads = pandas.DataFrame({"instance": instances, "from": before.to_numpy(), "point": False})
    heads["censored"] = heads["from"].isna()
    heads["from"] = heads["from"].fillna(pandas.Timestamp(start))
    inside = known[known["at"] >= start].rename(columns={"at": "from"})[["instance", "from"]]
    rows = pandas.concat([heads, inside.assign(point=True, censored=False)], ignore_index=True)
    made: pandas.DataFrame = rows.sort_values(["instance", "from", "point"], kind="stable", ignore_index=True)
    last = made["instance"].ne(made["instance"].shift(-1))
    return made.assign(to=made["from"].shift(-1).mask(last, pandas.Timestamp(end)))
