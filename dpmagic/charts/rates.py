"""The share of backups that succeeded, with how sure that is."""

from __future__ import annotations

from typing import Any

import pandas
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from dpmagic.charts.axis import names_axis
from dpmagic.charts.beside import make_room, say
from dpmagic.charts.checked import checked
from dpmagic.charts.style import COLOURS, MOST, axes, empty, finish, grid

_TITLE = "Backups that succeeded, with the 95 % interval"
_TIMES = {"day": "%Y-%m-%d", "week": "%Y-%m-%d", "month": "%Y-%m"}
_NEEDED = ("n", "succeeded", "failed", "rate", "low", "high")


def success_rate(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """A point a group of `dpmagic.success_rate` with its interval: the lowest on top, or days, weeks or months in
    their order.

    Of more groups than can be read those are shown whose rate is lowest for sure: by the interval's upper end.
    Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, _NEEDED, "success_rate")
    rows = frame[frame["rate"].notna()]
    columns = [name for name in frame.columns[: list(frame.columns).index("n")] if not str(name).endswith("Id")]
    times = len(columns) == 1 and columns[0] in _TIMES
    if not times:
        rows = rows.sort_values(["high", "rate"], kind="stable")
    shown = (rows.tail(62) if times else rows.head(MOST)).reset_index(drop=True)
    drawn = axes(ax, height=1.9 + 0.28 * max(len(shown), 4))
    if shown.empty:
        return empty(drawn, frame, _TITLE, "no backup ended in the window")
    rate, low, high = (100 * shown[name].astype("float64") for name in ("rate", "low", "high"))
    spread = [(rate - low).clip(lower=0), (high - rate).clip(lower=0)]
    drawn.errorbar(rate, shown.index, xerr=spread, fmt="o", color=COLOURS[0], markersize=5, capsize=3, linewidth=1.2)
    for place, (n, failed, edge) in enumerate(zip(shown["n"], shown["failed"], high, strict=True)):
        say(drawn, edge, place, f"{rate[place]:.1f} %, {failed:,} of {n:,} failed", gap=7)
    names_axis(drawn, [_name(row, columns) for _, row in shown.iterrows()])
    least = max(0.0, low.min() - 2)
    drawn.set_xlim(least, 100 + (100 - least) * 0.05)
    drawn.set_xticks([tick for tick in _ticks(least) if tick <= 100])
    drawn.xaxis.set_major_formatter(PercentFormatter(decimals=0))
    drawn.set_ylabel(f"{columns[0]} (UTC)" if times else "")
    drawn.set_xlabel("share of the backup jobs that ended")
    grid(drawn, "x")
    make_room(drawn)
    left = len(rows) - len(shown)
    return finish(drawn, frame, _TITLE, note=f"{left:,} more are not shown" if left else "")


def _ticks(least: float) -> list[float]:
    step = next(one for one in (1, 2, 5, 10, 20) if (100 - least) / one <= 8)
    return [100 - step * number for number in range(int((100 - least) // step), -1, -1)]


def _name(row: Any, columns: list[str]) -> str:
    if not columns:
        return "all"
    return " · ".join(
        f"{row[name]:{_TIMES.get(name, '%Y-%m-%d')}}" if isinstance(row[name], pandas.Timestamp) else str(row[name])
        for name in columns
    )
