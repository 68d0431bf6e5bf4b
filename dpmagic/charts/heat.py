"""Quantities over a day and the days: how many jobs run at once, and on which days instances were backed up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from dpmagic.charts.axis import names_axis
from dpmagic.charts.checked import checked
from dpmagic.charts.style import SEQUENCE, axes, empty, finish

_RUNNING = "Jobs running at once"


def concurrency(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """A heat map of `dpmagic.concurrency`: days down, the quarters of an hour of a day across, in UTC.

    The colour is how many jobs overlap a quarter, all groups of the frame together; the busiest quarter is marked, and
    the caption says what it held and of which group most. Of more than sixty days, the last ones are shown.
    Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, ("time", "jobs"), "concurrency")
    if frame.empty:
        return empty(axes(ax), frame, _RUNNING, "no job ran in the window")
    total = frame["jobs"].astype("int64").groupby(frame["time"]).sum()
    times = pandas.DatetimeIndex(total.index)
    days = pandas.date_range(times.min().floor("D"), times.max().floor("D"), freq="D")
    shown = days[-60:]
    total = total[times >= shown[0]]
    times = pandas.DatetimeIndex(total.index)
    cells = np.zeros((len(shown), 96))
    down = ((times.floor("D") - shown[0]) // pandas.Timedelta(days=1)).to_numpy()
    across = (times.hour * 4 + times.minute // 15).to_numpy()
    cells[down, across] = total.to_numpy()
    drawn = axes(ax, height=1.8 + 0.2 * max(len(shown), 10))
    image(drawn, cells, "jobs")
    names_axis(drawn, [f"{day:%Y-%m-%d %a}" for day in shown])
    drawn.set_xticks(np.arange(0, 97, 12) - 0.5, [f"{hour:02d}:00" for hour in range(0, 25, 3)])
    drawn.set_xlabel("time of day (UTC), by the quarter of an hour")
    peak = total.idxmax()
    row, column = np.unravel_index(int(cells.argmax()), cells.shape)
    drawn.plot(
        [column], [row], "s", markersize=7, markerfacecolor="none", markeredgecolor="#D55E00", markeredgewidth=1.5
    )
    note = f"most: {int(total.max()):,} jobs at {peak:%Y-%m-%d %H:%M} UTC{_most(frame, peak)}"
    return finish(drawn, frame, _RUNNING, note=note)


def _most(frame: pandas.DataFrame, peak: Any) -> str:
    """Whose jobs were most of those at an instant, where the frame is by group."""
    names = [name for name in frame.columns if name not in ("time", "jobs")]
    if not names:
        return ""
    row = frame[frame["time"] == peak].sort_values("jobs", ascending=False, kind="stable").iloc[0]
    label = row[names[0]] if pandas.notna(row[names[0]]) else row[names[-1]]
    return f", {int(row['jobs']):,} of them of {label}"


def image(drawn: Axes, cells: Any, label: str, **options: Any) -> None:
    """Cells as colours, with a bar beside them that says what ``label`` they have."""
    shown = drawn.imshow(cells, aspect="auto", interpolation="nearest", cmap=SEQUENCE, **options)
    figure = drawn.get_figure()
    assert figure is not None  # an Axes is always in one
    bar = figure.colorbar(shown, ax=drawn, shrink=0.8, pad=0.02)
    bar.set_label(label)
    bar.locator, bar.formatter = MaxNLocator(integer=True, nbins=6), StrMethodFormatter("{x:,.0f}")
