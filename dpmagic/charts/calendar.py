"""A calendar of backups: the share of instances that had one, from day to day."""

from __future__ import annotations

import numpy as np
import pandas
from matplotlib.axes import Axes

from dpmagic.charts.axis import names_axis
from dpmagic.charts.checked import checked
from dpmagic.charts.heat import image
from dpmagic.charts.style import MOST, axes, empty, finish

_TITLE = "Instances with a successful backup, of those due that day"


def coverage_calendar(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """A heat map of `dpmagic.coverage_calendar`: a row a group, a column a day, blank where nothing was due.

    The first row is all together. Of more groups than can be read those that missed most are shown, and the caption
    says of how many; of more than 62 days the last ones. Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, ("day", "due", "met"), "coverage_calendar")
    if frame.empty:
        return empty(axes(ax), frame, _TITLE, "nothing was due in the window")
    label = str(frame.columns[0])
    days = pandas.date_range(frame["day"].min(), frame["day"].max(), freq="D")[-62:]
    rows = frame[frame["day"] >= days[0]].assign(label=frame[label].astype("str").fillna("(none)"))
    tables = {
        name: rows.pivot_table(index="label", columns="day", values=name, aggfunc="sum") for name in ("due", "met")
    }
    due, met = (table.reindex(columns=days).astype("float64").fillna(0) for table in tables.values())
    missed = (due - met).sum(axis=1).sort_values(ascending=False, kind="stable")
    names = list(missed.index[: MOST - 1])
    cells = [due.sum().to_numpy(), *due.loc[names].to_numpy()], [met.sum().to_numpy(), *met.loc[names].to_numpy()]
    share = np.divide(cells[1], cells[0], out=np.full(np.shape(cells[0]), np.nan), where=np.asarray(cells[0]) > 0)
    drawn = axes(ax, height=2.0 + 0.24 * max(len(names) + 1, 5))
    drawn.set_facecolor("white")
    image(drawn, 100 * share, "share, %", vmin=0, vmax=100)
    names_axis(drawn, ["all", *names])
    step = max(1, len(days) // 14)
    drawn.set_xticks(range(0, len(days), step), [f"{day:%m-%d}" for day in days[::step]])
    drawn.set_xlabel(f"day (UTC), {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}")
    note = f"{len(names):,} of {len(missed):,} groups, those that missed most" if len(missed) > len(names) else ""
    return finish(drawn, frame, _TITLE, note=note)
