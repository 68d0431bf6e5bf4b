"""How old the newest recovery points are."""

from __future__ import annotations

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from dpmagic.charts.axis import duration_axis
from dpmagic.charts.checked import checked
from dpmagic.charts.style import BAD, GOOD, UNKNOWN, axes, empty, finish, grid, legend

_TITLE = "Age of the newest recovery point"
_NEEDED = ("status", "age", "rpo")
# Of each status its colour, its hatch and its words.
_SHOWN = {
    "within": (GOOD, "", "within its RPO"),
    "breached": (BAD, "//", "older than its RPO"),
    "unverifiable": (UNKNOWN, "..", "no RPO is known"),
}


def rpo(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """A histogram of the ages of `dpmagic.rpo`: how many instances' newest point is how old, within its RPO or not.

    Ages are on a logarithmic axis, for they go from minutes to weeks; instances without a point are counted below.
    Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, _NEEDED, "rpo")
    drawn = axes(ax)
    known = frame[frame["age"].notna()]
    none = int((frame["status"] == "noPoint").sum())
    hidden = len(frame) - len(known) - none
    said = ((none, f"without a point: {none:,}"), (hidden, f"nothing known: {hidden:,}"))
    note = ", ".join(text for count, text in said if count)
    if known.empty:
        return empty(drawn, frame, _TITLE, "no instance has a point that is known" if len(frame) else "no instances")
    seconds = known["age"].dt.total_seconds().clip(lower=1.0)
    low, high = np.log10(seconds.min()) - 0.02, np.log10(seconds.max()) + 0.02
    bins = np.logspace(low, high, max(8, min(48, int((high - low) * 24))))
    shown = {status: style for status, style in _SHOWN.items() if (known["status"] == status).any()}
    parts = [seconds[known["status"] == status].to_numpy() for status in shown]
    below = np.zeros(len(bins) - 1)
    for part, (colour, hatch, text) in zip(parts, shown.values(), strict=True):
        counts, _ = np.histogram(part, bins)
        [there] = np.nonzero(counts)
        drawn.bar(
            bins[there], counts[there], np.diff(bins)[there], below[there], align="edge", color=colour,
            hatch=hatch, label=f"{text} ({len(part):,})", edgecolor="white", linewidth=0.4,
        )  # fmt: skip
        below += counts
    duration_axis(drawn.xaxis, "age")
    drawn.set_ylabel("instances")
    drawn.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    grid(drawn, "y")
    legend(drawn)
    return finish(drawn, frame, _TITLE, note=note)
