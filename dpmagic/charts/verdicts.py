"""Verdicts: which vault passes which control, and how many members of each named control do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from dpmagic.analysis.posture import FAIL, NOT_APPLICABLE, NOT_VERIFIABLE, PASS
from dpmagic.charts.axis import bars, names_axis
from dpmagic.charts.beside import make_room, say
from dpmagic.charts.checked import checked
from dpmagic.charts.style import MOST, axes, empty, finish, grid, legend, plain, shortened

EXCEPTED = "excepted"
_STYLES = {
    PASS: ("#9AD1BF", "✓", ""),
    FAIL: ("#D55E00", "✗", "xx"),
    EXCEPTED: ("#F3C56B", "!", "//"),
    NOT_VERIFIABLE: ("#B9C2CC", "?", ".."),
    NOT_APPLICABLE: ("#F0F2F4", "–", ""),
}
"""Of each verdict its colour, its mark and its hatch: apart without colours too."""

_GRID, _BARS = "Vaults against the baseline", "Controls: of what they are about, how much passes"
_COUNTS = {
    "passed": PASS, "failed": FAIL, "excepted": EXCEPTED, "notVerifiable": NOT_VERIFIABLE,
    "notApplicable": NOT_APPLICABLE,
}  # fmt: skip


def posture(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """A grid of `dpmagic.posture`: vaults down, controls across, a colour and a mark for each verdict.

    The first row counts the vaults that pass, of those of which it can be told. Up to thirty vaults have a row each,
    those that fail most on top; of more, those that are set up alike share a row, and the last row counts the others
    as the first does all. Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, ("id", "name", "control", "verdict"), "posture")
    if frame.empty:
        return empty(axes(ax), frame, _GRID, "no vaults, or nothing that they are held against")
    controls = list(dict.fromkeys(frame["control"]))
    cells, names, others = _rows(frame, controls)
    labels = ["pass, of known", *names, *([f"{len(others):,} others, pass of known"] if others else [])]
    drawn = axes(ax, width=min(15.0, 4.5 + 0.62 * max(len(controls), 6)), height=2.2 + 0.25 * len(labels))
    _cells(drawn, cells, len(labels))
    _totals(drawn, 0, frame, controls)
    if others:
        _totals(drawn, len(names) + 1, frame[frame["id"].isin(others)], controls)
    names_axis(drawn, labels)
    drawn.set_xticks(range(len(controls)), [plain(one, 28) for one in controls], rotation=35, ha="right", fontsize=8)
    drawn.set_xlabel("control")
    _lines(drawn, len(controls), len(labels))
    _legend(drawn, frame["verdict"])
    return finish(drawn, frame, _GRID)


def _rows(frame: pandas.DataFrame, controls: list[str]) -> tuple[list[tuple[str, ...]], list[str], list[str]]:
    """Each row's verdicts and name, those that fail most first; and the ids of vaults that have no row."""
    table = frame.drop_duplicates(["id", "control"]).pivot(index="id", columns="control", values="verdict")
    table = table.reindex(columns=controls).fillna(NOT_APPLICABLE)
    fails = (table == FAIL).sum(axis=1)
    names = frame.drop_duplicates("id").set_index("id")["name"].reindex(table.index)
    order = pandas.DataFrame({"fails": -fails, "name": names}).sort_values(["fails", "name"], kind="stable").index
    rows = {one: tuple(str(verdict) for verdict in table.loc[one]) for one in order}
    if len(rows) <= MOST:
        return list(rows.values()), [names[one] for one in rows], []
    alike: dict[tuple[str, ...], list[str]] = {}
    for one, verdicts in rows.items():
        alike.setdefault(verdicts, []).append(one)
    shown = sorted(alike.items(), key=lambda pair: (-sum(one == FAIL for one in pair[0]), -len(pair[1])))[:MOST]
    first = [(str(names[some[0]]), len(some) - 1) for _, some in shown]
    said = [f"{shortened(name, 22)} and {more:,} alike" if more else name for name, more in first]
    drawn = {one for _, some in shown for one in some}
    return [verdicts for verdicts, _ in shown], said, [one for one in rows if one not in drawn]


def _cells(drawn: Axes, cells: list[tuple[str, ...]], rows: int) -> None:
    """The marks on their colours; rows of figures, the first and perhaps the last, are white."""
    verdicts = list(_STYLES)
    numbers = np.full((rows, len(cells[0])), len(verdicts))
    numbers[1 : len(cells) + 1] = [[verdicts.index(verdict) for verdict in row] for row in cells]
    colours = ListedColormap([*(to_rgb(colour) for colour, _, _ in _STYLES.values()), to_rgb("#FFFFFF")])
    drawn.imshow(numbers, cmap=colours, vmin=0, vmax=len(verdicts), aspect="auto")
    for row, marks in enumerate(cells, 1):
        for column, verdict in enumerate(marks):
            ink = "#FFFFFF" if verdict == FAIL else "#1d2733"
            drawn.text(column, row, _STYLES[verdict][1], ha="center", va="center", fontsize=9, color=ink, weight="bold")


def _totals(drawn: Axes, row: int, frame: pandas.DataFrame, controls: list[str]) -> None:
    passed = frame["verdict"].eq(PASS).groupby(frame["control"]).sum()
    known = frame["verdict"].isin([PASS, FAIL]).groupby(frame["control"]).sum()
    for column, name in enumerate(controls):
        said = f"{passed[name]:,}/{known[name]:,}" if known.get(name) else "–"
        drawn.text(column, row, said, ha="center", va="center", fontsize=8, color="#1d2733")


def _lines(drawn: Axes, columns: int, rows: int) -> None:
    """White between the cells."""
    white: dict[str, Any] = {"color": "#FFFFFF", "linewidth": 1.6}
    drawn.vlines(np.arange(columns + 1) - 0.5, -0.5, rows - 0.5, **white)
    drawn.hlines(np.arange(rows + 1) - 0.5, -0.5, columns - 0.5, **white)
    drawn.tick_params(length=0)
    drawn.spines[:].set_visible(False)
    drawn.set_xlim(-0.5, columns - 0.5)


def _legend(drawn: Axes, verdicts: pandas.Series) -> None:
    counts = verdicts.value_counts()
    shown = [(name, style) for name, style in _STYLES.items() if counts.get(name)]
    handles = [Patch(facecolor=colour, label=f"{mark} {name} ({counts[name]:,})") for name, (colour, mark, _) in shown]
    legend(drawn, handles=handles)


def controls(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """A bar a control of `dpmagic.controls`, in their order: of its members the share with each verdict.

    Before the name stands the mark of the control's verdict, behind the bar how many members there are and how many
    fail. Of more than can be read those that fail are shown, then the others.
    Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, ("control", "verdict", "n", *_COUNTS), "controls")
    rows = frame
    if len(frame) > MOST:
        rows = frame.assign(ok=frame["verdict"] != FAIL).sort_values("ok", kind="stable").head(MOST)
    rows = rows.reset_index(drop=True)
    drawn = axes(ax, height=2.0 + 0.32 * max(len(rows), 4))
    if rows.empty:
        return empty(drawn, frame, _BARS, "no controls")
    whole = rows["n"].astype("float64").where(rows["n"] > 0)
    left = pandas.Series(0.0, index=rows.index)
    for name, verdict in _COUNTS.items():
        share = (100 * rows[name].astype("float64") / whole).fillna(0)
        if share.any():
            colour, mark, hatch = _STYLES[verdict]
            label = f"{mark} {verdict}"
            bars(drawn, share, left, color=colour, hatch=hatch, edgecolor="white", label=label)
            left += share
    for place, (_, row) in enumerate(rows.iterrows()):
        say(drawn, 100 if row["n"] else 0, place, _summed(row))
    names_axis(
        drawn, [f"{_STYLES[verdict][1]} {name}" for name, verdict in zip(rows["control"], rows["verdict"], strict=True)]
    )
    drawn.set_xlim(0, 105)
    drawn.set_xticks(range(0, 101, 20))
    drawn.xaxis.set_major_formatter(PercentFormatter())
    drawn.set_xlabel("share of the members")
    grid(drawn, "x")
    if left.any():
        legend(drawn)
    make_room(drawn)
    gone = len(frame) - len(rows)
    return finish(drawn, frame, _BARS, note=f"{gone:,} more controls are not shown" if gone else "")


def _summed(row: Any) -> str:
    """What a control's verdict comes from, in figures."""
    if not row["n"]:
        return "nothing that it is about"
    for name, words in (("failed", "fail"), ("notVerifiable", "not verifiable"), ("excepted", "excepted")):
        if row[name]:
            return f"{row[name]:,} of {row['n']:,} {words}"
    return f"{row['passed']:,} pass" if row["passed"] else f"none of {row['n']:,} applicable"
