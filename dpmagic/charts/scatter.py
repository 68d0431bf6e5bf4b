"""Jobs that took far longer than usual, beside what is usual."""

from __future__ import annotations

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.dates import date2num

from dpmagic.charts.axis import duration_axis, duration_text, utc, utc_axis
from dpmagic.charts.checked import checked
from dpmagic.charts.style import BAD, COLOURS, UNKNOWN, axes, empty, finish, grid, legend, plain

_TITLE = "Jobs that took unusually long"
_NEEDED = ("dataSourceName", "startTime", "duration", "usual", "times")
_NAMED, _TIMES = 8, 2.0  # outliers with their names beside them: at most so many, so many times as long as usual


def duration_outliers(frame: pandas.DataFrame, ax: Axes | None = None, *, jobs: pandas.DataFrame | None = None) -> Axes:
    """The outliers of `dpmagic.duration_outliers` at the time they began, the most unusual ones by name.

    With ``jobs``, the table, all other jobs are behind them, as a distribution over durations where there are many.
    Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, _NEEDED, "duration_outliers")
    drawn = axes(ax)
    others = None if jobs is None else jobs[jobs["duration"].notna() & (jobs["duration"] > pandas.Timedelta(0))]
    if frame.empty and (others is None or others.empty):
        return empty(drawn, frame, _TITLE, "no job took unusually long" if jobs is None else "no jobs in the window")
    if others is not None and len(others):
        drawn.plot(
            utc(others["startTime"]), others["duration"].dt.total_seconds(), ".", color=UNKNOWN, markersize=3,
            alpha=max(0.08, min(0.6, 5_000 / len(others))), label=f"all jobs ({len(others):,})", rasterized=True,
        )  # fmt: skip
    worst = frame.sort_values("times", ascending=False, kind="stable")
    drawn.plot(
        utc(worst["startTime"]), worst["duration"].dt.total_seconds(), "o", color=BAD, markersize=5, alpha=0.8,
        label=f"unusually long ({len(worst):,})", zorder=3,
    )  # fmt: skip
    usual = worst[worst["times"] >= _TIMES].head(_NAMED)
    if len(usual):
        drawn.plot(
        utc(usual["startTime"]), usual["usual"].dt.total_seconds(), "_", color=COLOURS[0], markersize=9,
        markeredgewidth=2, label="usual for those named", zorder=3,
        )  # fmt: skip
    duration_axis(drawn.yaxis, "duration")
    utc_axis(drawn.xaxis, "startTime")
    drawn.margins(x=0.08, y=0.12)
    _name(drawn, usual)
    grid(drawn, "y")
    legend(drawn)
    return finish(
        drawn,
        frame,
        _TITLE,
        note=f"by name: {len(usual)}, {_TIMES:g} times as long as usual or more" if len(usual) else "",
    )


def _name(drawn: Axes, rows: pandas.DataFrame) -> None:
    """Names beside the points, one below the other where they would lie on each other."""
    taken: list[tuple[float, float]] = []
    middle = np.mean(drawn.get_xlim())
    for (_, row), at in zip(rows.iterrows(), utc(rows["startTime"]), strict=True):
        x = float(date2num(at))  # type: ignore[no-untyped-call]
        left = x < middle
        place = drawn.transData.transform((x, row["duration"].total_seconds()))
        down = 0.0
        while any(abs(place[0] - other[0]) < 150 and abs(place[1] + down - other[1]) < 11 for other in taken):
            down -= 11
        taken.append((place[0], place[1] + down))
        drawn.annotate(
            f"{plain(row['dataSourceName'], 24)}: {duration_text(row['duration'].total_seconds())}",
            xy=(x, row["duration"].total_seconds()), xytext=(7 if left else -7, down * 72 / drawn.figure.dpi - 2),
            textcoords="offset points", ha="left" if left else "right", fontsize=7,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.4},  # over other points
        )  # fmt: skip
