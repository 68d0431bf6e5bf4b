"""Percentiles of durations: a line a percentile from day to day, week or month, or a bar a group."""

from __future__ import annotations

import pandas
from matplotlib.axes import Axes

from dpmagic.charts.axis import duration_axis, names_axis, utc, utc_axis
from dpmagic.charts.checked import checked
from dpmagic.charts.style import COLOURS, MOST, axes, empty, finish, grid, legend, plain

_SHARES = {"p50": "median", "p90": "90 %", "p95": "95 %", "p99": "99 %", "max": "longest"}
_MARKS = {"p50": "o", "p90": "s", "p95": "D", "p99": "^", "max": "x"}
_NEEDED = ("n", *_SHARES)
_TITLE = "How long jobs take"
_PERIODS = ("day", "week", "month")
_FEW = 6  # groups whose medians are told apart as lines


def durations(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """The percentiles of `dpmagic.durations`: a line over time if it is by day, week or month, else a row a group.

    By time and something else, it is a line of medians a group, of the largest ones. Of more groups than can be read
    those with the longest 95th percentile are shown, and the caption says of how many. Durations are logarithmic.
    Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, _NEEDED, "durations")
    groups = [str(name) for name in frame.columns[: list(frame.columns).index("n")]]
    rows = frame[frame["n"].astype("int64") > 0]
    if rows.empty:
        return empty(
            axes(ax), frame, _TITLE, "no job has ended in the window" if len(frame) else "no jobs in the window"
        )
    if periods := [name for name in groups if name in _PERIODS]:
        return _by_time(frame, rows, [name for name in groups if name != periods[0]], periods[0], ax)
    return _by_group(frame, rows, groups, ax)


def _by_group(frame: pandas.DataFrame, rows: pandas.DataFrame, groups: list[str], ax: Axes | None) -> Axes:
    shown = rows.sort_values("p95", ascending=False, kind="stable").head(MOST)
    drawn = axes(ax, height=1.9 + 0.26 * max(len(shown), 4))
    places = range(len(shown))
    seconds = {name: shown[name].dt.total_seconds().clip(lower=0.01) for name in _SHARES}
    drawn.hlines(places, seconds["p50"], seconds["max"], color="#bbbbbb", linewidth=1.2, zorder=1)
    drawn.hlines(places, seconds["p50"], seconds["p95"], color=COLOURS[0], linewidth=5, alpha=0.35, zorder=1)
    for number, (name, words) in enumerate(_SHARES.items()):
        drawn.plot(seconds[name], places, _MARKS[name], color=COLOURS[number], markersize=5, label=words, zorder=2)
    counts = [f"{label} ({n:,})" for label, n in zip(_labels(shown, groups), shown["n"], strict=True)]
    names_axis(drawn, counts)
    duration_axis(drawn.xaxis, "duration")
    grid(drawn, "x")
    legend(drawn)
    note = f"{len(shown):,} of {len(rows):,} groups, those with the longest 95 %" if len(rows) > len(shown) else ""
    return finish(drawn, frame, f"{_TITLE} (how many were measured)", note=note)


def _by_time(frame: pandas.DataFrame, rows: pandas.DataFrame, groups: list[str], period: str, ax: Axes | None) -> Axes:
    drawn = axes(ax)
    note = ""
    if groups:
        labels = pandas.Series(_labels(rows, groups), rows.index)
        sizes = rows["n"].astype("int64").groupby(labels).sum().sort_values(ascending=False, kind="stable")
        for number, label in enumerate(sizes.index[:_FEW]):
            mine = rows[labels == label]
            _line(drawn, mine, period, "p50", number, str(label))
        note = f"medians; {_FEW} of {len(sizes):,} groups, those with most jobs" if len(sizes) > _FEW else "medians"
    else:
        for number, (name, words) in enumerate(_SHARES.items()):
            _line(drawn, rows, period, name, number, words)
    duration_axis(drawn.yaxis, "duration")
    began = f"{period} in which a job began" if period != "day" else "day on which a job began"
    utc_axis(drawn.xaxis, began, days=True)
    grid(drawn, "y")
    legend(drawn)
    return finish(drawn, frame, f"{_TITLE}, from {period} to {period}", note=note)


def _line(drawn: Axes, rows: pandas.DataFrame, period: str, name: str, number: int, label: str) -> None:
    mark = list(_MARKS.values())[number % len(_MARKS)]
    seconds = rows[name].dt.total_seconds().clip(lower=0.01)
    drawn.plot(
        utc(rows[period]), seconds, color=COLOURS[number % len(COLOURS)], marker=mark, markersize=4, linewidth=1.3,
        label=_in_legend(label),
    )  # fmt: skip


def _in_legend(label: str) -> str:
    """A name for a legend: one that begins with ``_`` would not be shown."""
    shown = plain(label, 30)
    return f" {shown}" if shown.startswith("_") else shown


def _labels(rows: pandas.DataFrame, groups: list[str]) -> list[str]:
    """What each row is called: by its names, for ids are too long to read; a policy with its vault."""
    named = [name for name in groups if not name.endswith("Id")] or groups
    if "subscriptionName" in named and rows["subscriptionName"].isna().all():
        named = [*(name for name in named if name != "subscriptionName"), "subscriptionId"]
    columns = [
        [f"up to {value:,} GiB" if pandas.notna(value) else "size unknown" for value in rows[name]]
        if name == "sizeClass"
        else [str(value) if pandas.notna(value) else "(none)" for value in rows[name]]
        for name in named
    ]
    return [" / ".join(parts) for parts in zip(*columns, strict=True)] if columns else ["all jobs"] * len(rows)
