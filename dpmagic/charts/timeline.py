"""Recovery points over time, against what the policy says: what is there, what is missing, what should be gone."""

from __future__ import annotations

import pandas
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from dpmagic.charts.axis import names_axis, utc, utc_axis
from dpmagic.charts.checked import checked
from dpmagic.charts.style import BAD, COLOURS, MOST, UNKNOWN, axes, empty, finish, grid, legend, plain

_TITLE = "Points that are kept, against the policy"
_NEEDED = ("id", "name", "retentionTag", "timeCreated", "status")
# How much each status draws the eye to its row.
_TROUBLE = {"missing": 4, "surplus": 3, "unverifiable": 2, "expiring": 1, "held": 1, "present": 0}
# A colour and a shape a tag: apart without colours too; the orange-red is for what is wrong.
_TAGS = tuple(zip(COLOURS[:5], "^osDv", strict=True))


def retention_points(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """A line an instance of `dpmagic.retention_points`, a mark a point: in its tag's colour and shape, hollow if
    it is missing.

    Surplus points, which should be gone, and those that nobody can judge are crossed out. Of more instances than can
    be read those are shown that differ most from their policy. Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, _NEEDED, "retention_points")
    rows, left = _chosen(frame)
    drawn = axes(ax, height=1.6 + 0.28 * max(rows["row"].nunique(), 4))
    if frame.empty:
        return empty(drawn, frame, _TITLE, "no points")
    _draw(drawn, rows)
    utc_axis(drawn.xaxis, "created")
    note = f"{left:,} other instances, which differ less, are not shown" if left else ""
    return finish(drawn, frame, _TITLE, note=note)


def _chosen(frame: pandas.DataFrame) -> tuple[pandas.DataFrame, int]:
    """The rows of the instances to show, each with its ``row``, and how many instances are left out."""
    rows = frame.assign(worth=frame["status"].map(_TROUBLE).fillna(0))
    marked = rows["worth"] > 0
    found = rows.assign(marked=marked).groupby("id", sort=False).agg(worst=("worth", "max"), n=("marked", "sum"))
    order = found.sort_values(["worst", "n"], ascending=False, kind="stable").head(MOST)
    place = pandas.Series(range(len(order)), index=order.index)
    shown = rows[rows["id"].isin(order.index)]
    return shown.assign(row=shown["id"].map(place).astype("int64")), len(found) - len(order)


def _draw(drawn: Axes, rows: pandas.DataFrame) -> None:
    tags = rows["retentionTag"].fillna("(no tag known)")
    styles = {tag: _TAGS[place % len(_TAGS)] for place, tag in enumerate(sorted(tags.unique()))}
    small = 22 if rows["row"].nunique() <= 12 else 12
    for tag in tags.value_counts().index:  # the rarest on top
        colour, shape = styles[tag]
        mine = rows[tags == tag]
        there = mine[mine["status"] != "missing"]
        lost = mine[mine["status"] == "missing"]
        drawn.scatter(utc(there["timeCreated"]), there["row"], s=small, color=colour, marker=shape, linewidths=0)
        drawn.scatter(
            utc(lost["timeCreated"]), lost["row"], s=small * 2.2, marker=shape, facecolors="none", edgecolors=colour,
            linewidths=1.5,
        )  # fmt: skip
    for status, colour in (("surplus", BAD), ("unverifiable", UNKNOWN)):
        odd = rows[rows["status"] == status]
        drawn.scatter(utc(odd["timeCreated"]), odd["row"], s=small * 1.6, marker="x", color=colour, linewidths=1.2)
    names = rows.drop_duplicates("row").sort_values("row")["name"]
    names_axis(drawn, list(names))
    grid(drawn, "x")
    legend(drawn, handles=_handles(styles, set(rows["status"])))


def _handles(styles: dict[str, tuple[str, str]], statuses: set[str]) -> list[Line2D]:
    """The legend: a colour and a shape a tag, and the marks that occur."""
    made = [
        Line2D([], [], marker=shape, linestyle="", color=colour, label=plain(tag))
        for tag, (colour, shape) in styles.items()
    ]
    marks = {
        "missing": ("o", "none", "#333333", "missing: not there, should be"),
        "surplus": ("x", BAD, BAD, "surplus: there, should be gone"),
        "unverifiable": ("x", UNKNOWN, UNKNOWN, "unverifiable"),
    }
    for status, (marker, face, edge, words) in marks.items():
        if status in statuses:
            made.append(Line2D([], [], marker=marker, linestyle="", markerfacecolor=face, color=edge, label=words))
    return made
