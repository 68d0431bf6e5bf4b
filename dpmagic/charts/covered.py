"""Coverage as stacked bars: what is effective, and by reason what is not."""

from __future__ import annotations

import pandas
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from dpmagic.analysis.coverage import REASON_COLUMNS
from dpmagic.charts.axis import bars, names_axis
from dpmagic.charts.beside import make_room, say
from dpmagic.charts.checked import checked
from dpmagic.charts.style import BAD, FAIR, GOOD, MOST, UNKNOWN, axes, empty, finish, grid, legend, plain
from dpmagic.errors import InvalidArgument, did_you_mean

_UNITS = {"disks": "disks", "GiB": "GiB, provisioned"}
_TITLE = "Coverage: effective, and why not"
# Of each part its colour, its hatch and its words, in the order of the stack.
_PARTS: dict[str, tuple[str, str, str]] = {
    "effective": (GOOD, "", "effective: a point within the RPO"),
    "neverConfigured": (BAD, "", "never configured"),
    "error": ("#882255", "xx", "error"),
    "stopped": (FAIR, "\\\\", "stopped"),
    "suspended": ("#F0E442", "--", "suspended"),
    "softDeleted": ("#CC79A7", "..", "soft-deleted"),
    "permissionLost": ("#000000", "", "permission lost"),
    "stale": ("#0072B2", "//", "stale"),
    "excludedFromVmBackup": ("#56B4E9", "||", "excluded from its VM's backup"),
    "unsupportedSchedule": ("#117733", "..", "schedule not supported"),
    "unverifiable": (UNKNOWN, "++", "unverifiable"),
    "unsupported": ("#BBBBBB", "//", "not supported by Disk Backup"),
    "excluded": ("#BBBBBB", "\\\\", "excluded on purpose"),
}


def coverage(frame: pandas.DataFrame, ax: Axes | None = None, *, unit: str = "disks") -> Axes:
    """Bars of `dpmagic.coverage`, one a group: effective disks, then the gaps by reason, then what does not count.

    ``unit`` is ``disks`` or ``GiB`` (provisioned). At the end of a bar is the share of what is eligible that is
    effective. Of more groups than can be read, those with the largest gaps are shown, and the others as a line of
    numbers. Raises `InvalidArgument` for another unit, and for a frame that is none of coverage.
    """
    if unit not in _UNITS:
        raise InvalidArgument(f"coverage has no unit {unit}", did_you_mean(unit, _UNITS, "disks or GiB"))
    suffix = "" if unit == "disks" else "GiB"
    checked(frame, ("disks", f"eligible{suffix}", *(f"{part}{suffix}" for part in _PARTS)), "coverage")
    rows = _bars(frame, suffix)
    drawn = axes(ax, height=1.8 + 0.3 * max(len(rows), 4))
    if not rows["total"].sum():
        return empty(drawn, frame, _TITLE, "no disks")
    _draw(drawn, rows, _UNITS[unit])
    drawn.set_xlabel(_UNITS[unit])
    return finish(drawn, frame, _TITLE)


def _bars(frame: pandas.DataFrame, suffix: str) -> pandas.DataFrame:
    """The numbers of each bar and its label, the largest gaps first; ``others`` marks the line of all that are left."""
    keys = [str(name) for name in frame.columns[: list(frame.columns).index("disks")]]
    named = [name for name in keys if name != "subscriptionId" or "subscriptionName" not in keys]
    rows = pandas.DataFrame({part: frame[f"{part}{suffix}"].astype("float64") for part in _PARTS})
    texts = [
        [str(value) if pandas.notna(value) and value != "" else "(none)" for value in frame[name]] for name in named
    ]
    rows["label"] = [" / ".join(parts) for parts in zip(*texts, strict=True)] if named else "all disks"
    rows["total"] = rows[[*_PARTS]].sum(axis=1)
    rows["gap"] = rows[[*REASON_COLUMNS.values()]].sum(axis=1)
    rows["others"] = False
    rows = rows.sort_values(["gap", "total", "label"], ascending=[False, False, True], kind="stable")
    if len(rows) > MOST:
        rest = rows.iloc[MOST - 1 :].drop(columns=["label", "others"]).sum().to_frame().T
        rest = rest.assign(label=f"{len(rows) - MOST + 1:,} others", others=True)
        rows = pandas.concat([rows.iloc[: MOST - 1], rest])
    return rows.reset_index(drop=True)


def _draw(drawn: Axes, rows: pandas.DataFrame, unit: str) -> None:
    shown = ~rows["others"].astype(bool)
    left = pandas.Series(0.0, index=rows.index)
    for part, (colour, hatch, words) in _PARTS.items():
        # All others together would dwarf every bar.
        length = rows[part].where(shown, 0.0)
        if length.sum():
            bars(drawn, length, left, color=colour, hatch=hatch, edgecolor="white", label=words)
            left += length
    for place, (effective, gap, total) in enumerate(zip(rows["effective"], rows["gap"], rows["total"], strict=True)):
        share = f"{effective / (effective + gap):.0%}" if effective + gap else "nothing eligible"
        said = share if shown[place] else f"{total:,.0f} {unit}: {share}"
        say(drawn, left[place], place, said, fontsize=8)
    names_axis(drawn, list(rows["label"]))
    drawn.set_xlim(0, max(left.max(), 1) * 1.05)
    drawn.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    drawn.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    grid(drawn, "x")
    legend(drawn, title=plain("share: effective of eligible", most=None), title_fontsize=8)
    make_room(drawn)
