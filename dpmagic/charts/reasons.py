"""The gaps of coverage by reason: how many disks, and how much they may hold."""

from __future__ import annotations

import pandas
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from dpmagic.analysis.protection.verdicts import REASONS
from dpmagic.charts.axis import bars, names_axis
from dpmagic.charts.beside import make_room, say
from dpmagic.charts.checked import checked
from dpmagic.charts.completeness import all_well
from dpmagic.charts.style import BAD, FAIR, axes, empty, finish, grid, legend
from dpmagic.estate.completeness import KEY

_TITLE = "Gaps of coverage by reason"
_NEEDED = ("reason", "evidence", "diskSizeGB", "exclusion")
_PARTS = {"observed": (BAD, ""), "inferred": (FAIR, "//"), "excluded on purpose": ("#BBBBBB", "\\\\")}


def coverage_gaps(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """Bars of `dpmagic.coverage_gaps`, one a reason: disks by what the gap rests on, with their provisioned size.

    Raises `InvalidArgument` for a frame that is none of gaps.
    """
    checked(frame, _NEEDED, "coverage_gaps")
    reasons = [reason for reason in REASONS if frame["reason"].eq(reason).any()]
    drawn = axes(ax, height=1.8 + 0.34 * max(len(reasons), 3))
    if not reasons:
        fine = "no gaps: every disk that counts has a point within its RPO"
        return empty(drawn, frame, _TITLE, all_well(frame.attrs.get(KEY), "disks", fine))
    kind = frame["evidence"].where(frame["exclusion"].isna(), "excluded on purpose")
    counts = pandas.crosstab(frame["reason"], kind).reindex(index=reasons, columns=[*_PARTS], fill_value=0)
    left = pandas.Series(0.0, index=counts.index)
    for part, (colour, hatch) in _PARTS.items():
        if counts[part].sum():
            lengths = counts[part].astype("float64")
            bars(drawn, lengths, left, color=colour, hatch=hatch, edgecolor="white", label=part)
            left += lengths
    sizes = frame.groupby("reason")["diskSizeGB"].sum()
    for place, reason in enumerate(reasons):
        said = f"{left[reason]:,.0f} · {sizes[reason]:,.0f} GiB"
        say(drawn, left[reason], place, said, fontsize=8)
    names_axis(drawn, reasons)
    drawn.set_xlim(0, left.max() * 1.05)
    drawn.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    drawn.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    drawn.set_xlabel("disks (GiB, provisioned, at the end of each bar)")
    grid(drawn, "x")
    legend(drawn)
    make_room(drawn)
    return finish(drawn, frame, _TITLE)
