"""What to look at first: how long each instance has been without a point, and why."""

from __future__ import annotations

import pandas
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from dpmagic.charts.axis import duration_text, names_axis
from dpmagic.charts.beside import make_room, say
from dpmagic.charts.checked import checked
from dpmagic.charts.completeness import all_well
from dpmagic.charts.style import BAD, FAIR, MOST, axes, empty, finish, grid, legend, plain
from dpmagic.estate.completeness import KEY

_TITLE = "What to look at first"
_NEEDED = ("name", "reason", "age", "rpo", "errorCode")
# Of each reason its colour and its hatch: apart without colours too.
_STYLES = {"failed": (BAD, ""), "stuck": ("#CC79A7", "xx"), "missed": (FAIR, ".."), "stale": ("#0072B2", "//")}
_DAY = 86_400.0


def triage(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """A bar an instance of `dpmagic.triage`: the age of its newest point in days, a mark at what that may be, and why.

    Colour and hatch are the reason's; at the bar stands the code of the fault. An instance without a point has the
    longest bar. Of more than can be read the first are shown.
    Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, _NEEDED, "triage")
    rows = frame.head(MOST).reset_index(drop=True)
    drawn = axes(ax, height=1.6 + 0.3 * max(len(rows), 4))
    if frame.empty:
        said = all_well(frame.attrs.get(KEY), "instances", "nothing: every backup is fine")
        return empty(drawn, frame, _TITLE, said)
    days = rows["age"].dt.total_seconds() / _DAY
    longest = max(days.max() if days.notna().any() else 1.0, 0.1)
    lengths = days.fillna(longest * 1.1)
    for reason, (colour, hatch) in _STYLES.items():
        mine = rows["reason"] == reason
        if mine.any():
            count = int((frame["reason"] == reason).sum())
            label = f"{reason} ({count:,})"
            drawn.barh(rows.index[mine], lengths[mine], color=colour, hatch=hatch, edgecolor="white", label=label)
    allowed = rows["rpo"].dt.total_seconds() / _DAY
    drawn.plot(allowed, rows.index, linestyle="", marker="|", markersize=11, color="#000000", label="its RPO")
    for place, (age, code, length) in enumerate(zip(rows["age"], rows["errorCode"], lengths, strict=True)):
        old = "no point" if pandas.isna(age) else duration_text(age.total_seconds())
        said = f"{old}, {plain(code, 48)}" if isinstance(code, str) else old
        say(drawn, length, place, said)
    names_axis(drawn, list(rows["name"]))
    drawn.set_xlim(0, lengths.max() * 1.05)
    drawn.xaxis.set_major_locator(MaxNLocator(nbins=8))
    drawn.set_xlabel("age of the newest recovery point (days)")
    grid(drawn, "x")
    legend(drawn)
    make_room(drawn)
    left = len(frame) - len(rows)
    return finish(drawn, frame, _TITLE, note=f"{left:,} more are not shown" if left else "")
