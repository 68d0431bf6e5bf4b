"""Why backups failed: the codes that make up most of it, and how much."""

from __future__ import annotations

from typing import Any

import pandas
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from dpmagic.charts.axis import names_axis
from dpmagic.charts.checked import checked
from dpmagic.charts.style import COLOURS, INK, PALE, UNKNOWN, axes, empty, finish, grid, legend

_TITLE = "Failed backups by error code"
_NEEDED = ("errorCode", "fault", "n", "cumulative", "instances", "persistent", "open")
_FAULTS = {
    "user": (COLOURS[1], "", "user error"),
    "service": (COLOURS[0], "//", "service error"),
    "unknown": (UNKNOWN, "..", "not said"),
}
_FIGURES = {"n": "failed", "instances": "instances", "persistent": "repeatedly", "open": "still open"}
_LINE = "#000000"
_MOST = 20
_ROOM = 1.85  # how much wider than the longest bar the axes are: figures stand there


def failures(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """A Pareto of `dpmagic.failures`: a bar a code by failed jobs, the most frequent on top, and what they come to.

    The line is the share of all failures that a code and those above it have, on the axis at the top. Beside it stand
    the jobs that failed, the instances, how many of them failed with it repeatedly, and how many are still open: they
    have not succeeded since. Of more than twenty codes the others are one bar.
    Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, _NEEDED, "failures")
    rows = _rows(frame)
    drawn = axes(ax, width=10.5, height=2.2 + 0.34 * max(len(rows), 4))
    if frame.empty:
        return empty(drawn, frame, _TITLE, "no backup failed in the window")
    counts = rows["n"].astype("float64")
    for fault, (colour, hatch, words) in _FAULTS.items():
        mine = rows["fault"] == fault
        if mine.any():
            label = f"{words} ({int(rows.loc[mine, 'n'].sum()):,})"
            drawn.barh(rows.index[mine], counts[mine], color=colour, hatch=hatch, edgecolor="white", label=label)
    _columns(drawn, rows)
    _share(drawn, rows)
    names_axis(drawn, list(rows["errorCode"]), most=56)
    drawn.set_xlim(0, counts.max() * _ROOM)
    ticks = MaxNLocator(integer=True, nbins=4).tick_values(0, counts.max())
    drawn.set_xticks([tick for tick in ticks if tick <= counts.max()])
    drawn.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    drawn.set_xlabel("failed backup jobs")
    grid(drawn, "x")
    legend(drawn)
    return finish(drawn, frame, _TITLE)


def _rows(frame: pandas.DataFrame) -> pandas.DataFrame:
    """The codes that are shown, and one row for the others."""
    rows = frame.head(_MOST).reset_index(drop=True)
    others = frame.iloc[_MOST:]
    if others.empty:
        return rows
    kept = rows.iloc[: _MOST - 1]
    others = frame.iloc[_MOST - 1 :]
    faults = others["fault"].unique()
    one = {
        "errorCode": f"{len(others):,} other codes",
        "fault": faults[0] if len(faults) == 1 else "unknown",
        "n": int(others["n"].sum()),
        "cumulative": 1.0,
        **dict.fromkeys(("instances", "persistent", "open"), pandas.NA),
    }
    last = pandas.DataFrame([one]).astype({name: kept[name].dtype for name in one})
    return pandas.concat([kept[list(one)], last], ignore_index=True)


def _columns(drawn: Axes, rows: pandas.DataFrame) -> None:
    """Right of bars and line, the figures."""
    options: dict[str, Any] = {"transform": drawn.get_yaxis_transform(), "ha": "right", "fontsize": 8}
    for number, (name, words) in enumerate(_FIGURES.items()):
        right = 1 / _ROOM + (1 - 1 / _ROOM) * (number + 1) / len(_FIGURES)
        drawn.text(right, -0.62, words, va="bottom", color=PALE, **options)
        for place, value in enumerate(rows[name]):
            if pandas.notna(value):
                drawn.text(right, place, f"{value:,}", va="center", color=INK, **options)


def _share(drawn: Axes, rows: pandas.DataFrame) -> None:
    """The cumulative share, on an axis of its own at the top that goes as far as the bars may."""
    top = drawn.twiny()
    top.plot(
        rows["cumulative"].astype("float64") * 100, rows.index, color=_LINE, marker="o", markersize=3.5, linewidth=1.1
    )
    top.set_xlim(0, 100 * _ROOM)
    top.set_xticks(range(0, 101, 20))
    top.xaxis.set_major_formatter(PercentFormatter())
    top.tick_params(labelsize=8, colors=INK)
    top.set_xlabel("share of all failures up to there", fontsize=8.5, color=INK, loc="left")
    top.spines[["right", "left", "bottom"]].set_visible(False)
    drawn.plot([], [], color=_LINE, marker="o", markersize=3.5, linewidth=1.1, label="share so far")
