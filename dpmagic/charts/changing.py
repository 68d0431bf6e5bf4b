"""How much changes in a day, group by group."""

from __future__ import annotations

import pandas
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

from dpmagic.charts.axis import names_axis
from dpmagic.charts.beside import make_room, say
from dpmagic.charts.checked import checked
from dpmagic.charts.style import COLOURS, MOST, UNKNOWN, axes, empty, finish, grid, legend

_NEEDED = ("disks", "provisionedGiB", "churnGiB")
_GROUPS = ("dataSourceId", "policyId", "vaultName", "subscriptionId")


def churn(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """A bar a group of `dpmagic.churn`: the GiB that change in a day, and how many percent that is of what is used.

    Without sizes a pale bar is the bound, provisioned GiB a backup, and the title says so.  Of more groups than can be
    read the largest are shown, and the caption says how many others there are, and how many disks nothing is known of.
    Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, _NEEDED, "churn")
    group = next((name for name in _GROUPS if name in frame), None)
    checked(frame, [group or _GROUPS[0]], "churn")
    bound = "atMostGiB" in frame
    value, title = ("atMostGiB", "What can change with a backup, at most") if bound else ("churnGiB", "What changes")
    rows = frame[frame[value].notna()].sort_values(value, ascending=False, kind="stable")
    shown = rows.head(MOST).reset_index(drop=True)
    title = f"{title}, by {_noun(group)}" if bound else f"{title} in a day, by {_noun(group)}"
    drawn = axes(ax, height=1.7 + 0.28 * max(len(shown), 4))
    if rows.empty:
        return empty(drawn, frame, title, "no disks" if frame.empty else "nothing was measured of these disks")
    sizes = shown[value].astype(float)
    if bound:
        drawn.barh(shown.index, sizes, color="white", edgecolor=UNKNOWN, hatch="//", label="upper bound: all of it")
        drawn.set_xlabel("upper bound (provisioned GiB a backup); sizes are not known")
    else:
        drawn.barh(shown.index, sizes, color=COLOURS[0], label="changes in a day")
        drawn.set_xlabel("churn (GiB a day)")
    for place, text in enumerate(_said(shown, value, bound)):
        say(drawn, sizes[place], place, text)
    drawn.xaxis.set_major_formatter(StrMethodFormatter("{x:,.6g}"))
    names_axis(drawn, _labels(shown, group))
    drawn.set_xlim(0, max(float(sizes.max()), 1e-9) * 1.05)
    grid(drawn, "x")
    if bound:
        legend(drawn)
    make_room(drawn)
    return finish(drawn, frame, title, note=_note(frame, rows, shown))


def _said(rows: pandas.DataFrame, value: str, bound: bool) -> list[str]:
    sizes = [_figure(size, 3) for size in rows[value].astype(float)]
    if bound or "churnPercent" not in rows:
        return [f"{size} GiB" for size in sizes]
    shares = [f", {_figure(share, 2)} %" if pandas.notna(share) else "" for share in rows["churnPercent"]]
    return [f"{size} GiB{share}" for size, share in zip(sizes, shares, strict=True)]


def _figure(value: float, digits: int) -> str:
    """A figure of at least so many digits, as people write it: no powers of ten.

    >>> _figure(184.3, 2), _figure(0.0351, 2), _figure(9999.6, 3), _figure(1e-7, 3), _figure(0, 2)
    ('184', '0.035', '10,000', 'under 0.001', '0')
    """
    if 0 < value < 0.001:
        return "under 0.001"
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.{digits}g}"


def _noun(group: str | None) -> str:
    return {"dataSourceId": "disk", "policyId": "policy", "vaultName": "vault"}.get(str(group), "subscription")


def _labels(rows: pandas.DataFrame, group: str | None) -> list[object]:
    """What each group is called: a disk by its instance, a policy with its vault, for ids are too long to read."""
    if group == "dataSourceId" and "dataSourceName" in rows:
        return list(rows["dataSourceName"].fillna(rows[group]))
    if group == "policyId":
        return [" / ".join(str(one).split("/")[-3::2][::-1]) if "/" in str(one) else one for one in rows[group]]
    return list(rows[group or _GROUPS[0]])


def _note(frame: pandas.DataFrame, rows: pandas.DataFrame, shown: pandas.DataFrame) -> str:
    left = len(rows) - len(shown)
    said = [f"{left:,} groups that change less are not shown" if left else ""]
    if "unmeasured" in frame and (unmeasured := int(frame["unmeasured"].fillna(0).sum())):
        said.append(f"{unmeasured:,} of {int(frame['disks'].fillna(0).sum()):,} disks were not measured")
    return " · ".join(part for part in said if part)
