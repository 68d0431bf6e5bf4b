"""How many snapshots disks have, against how many they can have."""

from __future__ import annotations

from typing import Any

import pandas
from matplotlib.axes import Axes

from dpmagic.charts.axis import names_axis
from dpmagic.charts.beside import make_room, say
from dpmagic.charts.checked import checked
from dpmagic.charts.style import BAD, BAD_INK, COLOURS, INK, MOST, axes, empty, finish, grid, legend

_TITLE = "Snapshots of each disk, against the limit"
_COLOURS = {"full": BAD_INK, "willFill": BAD_INK, "atPolicyLimit": "#9A6A00"}
_NEEDED = ("name", "status", "byBackup", "byOthers", "snapshots", "limit", "expected", "daysUntilFull")


def snapshot_headroom(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """A bar a disk of `dpmagic.snapshot_headroom`, the fullest on top: snapshots by Azure Backup, and by others.

    A line is at the limit of a disk, a mark where the policy's steady state will be; days until full are written at the
    bar. Of more disks than can be read the fullest are shown, and of those that have room no more than make it ten.
    Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, _NEEDED, "snapshot_headroom")
    tight = frame["status"].isin(_COLOURS) | (frame["snapshots"] * 2 > frame["limit"]).fillna(False).astype(bool)
    most = min(MOST, max(10, int(tight.sum())))  # those that have room only to fill a short list
    rows = frame.sort_values("snapshots", ascending=False, kind="stable").head(most).reset_index(drop=True)
    drawn = axes(ax, height=1.8 + 0.28 * max(len(rows), 4))
    if frame.empty:
        return empty(drawn, frame, _TITLE, "no disk has a snapshot or an instance")
    limit = float(rows["limit"].max())
    _draw(drawn, rows)
    drawn.axvline(limit, color=BAD, linewidth=1.2, label=f"limit: {limit:,.0f} a disk")
    names_axis(drawn, list(rows["name"]))
    drawn.set_xlim(0, max(limit, float(rows["snapshots"].max())) * 1.05)
    drawn.set_xlabel("incremental snapshots")
    grid(drawn, "x")
    legend(drawn)
    make_room(drawn)
    left = len(frame) - len(rows)
    return finish(drawn, frame, _TITLE, note=f"{left:,} disks with fewer are not shown" if left else "")


def _draw(drawn: Axes, rows: pandas.DataFrame) -> None:
    backup, others, steady = (rows[name].astype("float64") for name in ("byBackup", "byOthers", "expected"))
    drawn.barh(rows.index, backup, color=COLOURS[0], label="by Azure Backup")
    drawn.barh(rows.index, others, left=backup, color=COLOURS[4], label="by others")
    mark: dict[str, Any] = {"linestyle": "", "marker": "|", "markersize": 11, "color": "#000000"}
    drawn.plot(steady, rows.index, label="what it will come to", **mark)
    pairs = zip(rows["status"], rows["daysUntilFull"], backup + others, steady, strict=True)
    for place, (status, days, count, later) in enumerate(pairs):
        said = f"{count:,.0f}{_when(days)}"
        at = max(count, later) if pandas.notna(later) else count
        over = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}  # the line of the limit
        say(drawn, at, place, said, color=_COLOURS.get(status, INK), bbox=over)


def _when(days: Any) -> str:
    """When a disk is full, if that is within three years."""
    if pandas.isna(days) or days > 1000:
        return ""
    return ", full within a day" if days < 1 else f", full in {days:,.0f} d"
