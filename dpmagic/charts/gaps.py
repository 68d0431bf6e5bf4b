"""How long instances went without a recovery point, against how long they may."""

from __future__ import annotations

from typing import Any

import pandas
from matplotlib.axes import Axes

from dpmagic.charts.axis import duration_axis, duration_text, names_axis
from dpmagic.charts.beside import make_room, say
from dpmagic.charts.checked import checked
from dpmagic.charts.style import BAD, GOOD, MOST, axes, empty, finish, grid, legend

_TITLE = "The longest gap between recovery points, against the objective"
_NEEDED = ("name", "rpo", "maxGap", "breaches", "breachTime", "compliance", "headCensored")


def rpo_gaps(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """A line an instance of `dpmagic.rpo`, from its objective to the longest gap of the window, the worst on top.

    Worst is the gap by the objective. Behind the mark stand how many gaps were too long, and the share of time within
    the objective. Of more than can be read the worst are shown, and of those within it no more than
    make it ten.
    Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, _NEEDED, "rpo")
    known = frame[frame["maxGap"].notna() & frame["rpo"].notna()]
    times = known["maxGap"] / known["rpo"]
    most = min(MOST, max(10, int((times > 1).sum())))  # those that are well only to fill a short list
    rows = known.assign(times=times).sort_values("times", ascending=False, kind="stable").head(most)
    rows = rows.reset_index(drop=True)
    drawn = axes(ax, width=10.0, height=2.0 + 0.27 * max(len(rows), 4))
    if rows.empty:
        return empty(drawn, frame, _TITLE, "no gap is known" if len(frame) else "no instances")
    gap, allowed = (rows[name].dt.total_seconds().clip(lower=1.0) for name in ("maxGap", "rpo"))
    bad = gap > allowed
    drawn.hlines(
        rows.index, allowed.where(bad, gap), gap.where(bad, allowed), color=[BAD if one else GOOD for one in bad]
    )
    drawn.plot(allowed, rows.index, linestyle="", marker="|", markersize=11, color="#000000", label="its objective")
    for mine, colour, shape, words in ((bad, BAD, "D", "longer than that"), (~bad, GOOD, "o", "within it")):
        if mine.any():
            style: dict[str, Any] = {"linestyle": "", "marker": shape, "markersize": 5.5, "color": colour}
            drawn.plot(gap[mine], rows.index[mine], label=f"longest gap, {words}", **style)
    for place, (_, row) in enumerate(rows.iterrows()):
        say(drawn, max(gap[place], allowed[place]), place, _said(row), gap=8)
    names_axis(drawn, list(rows["name"]))
    low, high = min(gap.min(), allowed.min()), max(gap.max(), allowed.max())
    duration_axis(drawn.xaxis, "gap between recovery points", most=6)
    drawn.set_xlim(low / 1.3, high * 1.3)
    grid(drawn, "x")
    legend(drawn)
    make_room(drawn)
    return finish(drawn, frame, _TITLE, note=_note(known, rows, len(frame)))


def _said(row: Any) -> str:
    parts = [duration_text(row["maxGap"].total_seconds(), 3)]
    if row["breaches"]:
        parts.append(f"{row['breaches']:,} too long")
    if pandas.notna(row["compliance"]):
        parts.append(f"{row['compliance']:.1%} of time within".replace("%", " %"))
    return ", ".join(parts)


def _note(known: pandas.DataFrame, rows: pandas.DataFrame, count: int) -> str:
    late = int((known["maxGap"] > known["rpo"]).sum())
    parts = [f"{late:,} of {len(known):,} instances had a gap that was too long"]
    parts += [f"{len(known) - len(rows):,} with shorter ones are not shown"] if len(known) > len(rows) else []
    began = int(known["headCensored"].fillna(False).astype(bool).sum())
    parts += [f"the first gap of {began:,} may have begun before jobs are known"] if began else []
    parts += [f"nothing known of {count - len(known):,}"] if count > len(known) else []
    return ", ".join(parts)
