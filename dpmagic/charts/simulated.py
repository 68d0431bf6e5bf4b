"""What policies keep before and after a change, against what a disk can have."""

from __future__ import annotations

import pandas
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from dpmagic.charts.axis import names_axis
from dpmagic.charts.beside import make_room, say
from dpmagic.charts.checked import checked
from dpmagic.charts.style import BAD, BAD_INK, COLOURS, INK, UNKNOWN, axes, empty, finish, grid, legend, plain

_TITLE, _SAME = "Points a disk by retention tag, before (pale) and after", "Points that policies keep of a disk, by tag"
_NEEDED = ("policyName", "retentionTag", "pointsBefore", "pointsAfter", "limit", "byOthers", "status")
_MOST = 20  # policies, of two bars each
_TAGS = (*COLOURS[:5], "#000000")  # the orange-red is the limit's
_FEW = len(_TAGS) - 1


def what_if(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """Two bars a policy of `dpmagic.simulate` by retention tag: the points of a disk before, paler, and after; one bar
    where nothing is changed at all.

    Beside them are the snapshots that others made, and a line at the limit of a disk.  What Azure would refuse, or
    does not fit, is in red.  Of more policies than can be read those with most points afterwards are shown.  Raises
    `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, _NEEDED, "simulate")
    rows = frame[frame["retentionTag"].notna()]
    names = _names(rows)
    totals = rows.groupby(names, sort=False)[["pointsBefore", "pointsAfter"]].sum()
    shown = list(totals.sort_values("pointsAfter", ascending=False, kind="stable").index[:_MOST])
    same = _same(rows)
    title = _SAME if same else _TITLE
    drawn = axes(ax, height=1.9 + (0.3 if same else 0.5) * max(len(shown), 3))
    if not shown:
        return empty(drawn, frame, title, "no policies" if frame.empty else "no policy that can be read")
    rows = rows.assign(label=names)[names.isin(shown)]
    tags = _tags(rows)
    _draw(drawn, [rows[rows["label"] == name] for name in shown], tags, same)
    limit = rows["limit"].max()
    widest = float((totals.loc[shown].max(axis=1) + rows.groupby("label")["byOthers"].max().fillna(0)).max())
    longest = max(widest, 1.0) * 1.05
    if pandas.notna(limit):
        drawn.axvline(float(limit), color=BAD, linewidth=1.2)
        longest = max(longest, float(limit) * 1.15)
    names_axis(drawn, shown)
    drawn.set_xlim(0, longest)
    drawn.set_xlabel("recovery points, and snapshots by others, of a disk")
    grid(drawn, "x")
    _legend(drawn, tags, rows)
    make_room(drawn)
    left = len(totals) - len(shown)
    unread = int(frame["retentionTag"].isna().sum())
    said = [f"{left:,} policies with fewer points are not shown" if left else ""]
    said += [f"{unread:,} policies cannot be read" if unread else ""]
    return finish(drawn, frame, title, note=" · ".join(part for part in said if part))


def _names(rows: pandas.DataFrame) -> pandas.Series:
    """What each policy is called: with its vault, where it has one."""
    name = rows["policyName"].astype("str").fillna("(the policy)")
    if "vaultName" not in rows:
        return name
    return (name + " / " + rows["vaultName"].astype("str")).where(rows["vaultName"].notna(), name)


def _tags(rows: pandas.DataFrame) -> dict[str, str]:
    """A colour a tag; those beyond the first few share one."""
    known = list(dict.fromkeys(rows["retentionTag"]))
    return {tag: _TAGS[min(place, _FEW)] for place, tag in enumerate(known)}


def _same(rows: pandas.DataFrame) -> bool:
    """Whether nothing was changed."""
    pairs = [(f"{name}Before", f"{name}After") for name in ("points", "interval", "retention")]
    return all(rows[one].equals(rows[other]) for one, other in pairs if one in rows)


def _draw(drawn: Axes, policies: list[pandas.DataFrame], tags: dict[str, str], same: bool) -> None:
    """The bars of each policy, one below the other, and what they come to."""
    bars = [("After", 0.0, 1.0)] if same else [("Before", -0.2, 0.45), ("After", 0.2, 1.0)]
    for when, offset, alpha in bars:
        parts: dict[str, list[tuple[float, float, float]]] = {}  # of each tag where its bars stand, and their lengths
        ends = []
        for place, rows in enumerate(policies):
            left = 0.0
            for tag, count in zip(rows["retentionTag"], rows[f"points{when}"].astype(float), strict=True):
                parts.setdefault(tag, []).append((place + offset, left, count))
                left += count
            ends.append((place + offset, left, _others(rows)))
        beside = [end for end in ends if end[2]]
        for tag, bar in parts.items():
            places, lefts, counts = zip(*bar, strict=True)
            drawn.barh(places, counts, 0.36, left=lefts, color=tags[tag], alpha=alpha, linewidth=0)
        if beside:
            places, lefts, counts = zip(*beside, strict=True)
            drawn.barh(places, counts, 0.36, left=lefts, color=UNKNOWN, alpha=alpha, hatch="//", edgecolor="white")
        for rows, (at, points, others) in zip(policies, ends, strict=True):
            _tell(drawn, at, points, others, _wrong(rows) if when == "After" else "")


def _others(rows: pandas.DataFrame) -> float:
    others = rows["byOthers"].max()
    return 0.0 if pandas.isna(others) else float(others)


def _wrong(rows: pandas.DataFrame) -> str:
    status = rows["status"].iloc[0]
    return "" if status == "ok" else f", {'does not fit' if status == 'willFill' else status}"


def _tell(drawn: Axes, at: float, points: float, others: float, wrong: str) -> None:
    said = f"{points:,.0f}" + (f" + {others:,.0f} by others" if others else "") + wrong
    over = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # the line of the limit
    say(drawn, points + others, at, said, color=BAD_INK if wrong else INK, bbox=over)


def _legend(drawn: Axes, tags: dict[str, str], rows: pandas.DataFrame) -> None:
    many = len(tags) > len(_TAGS)
    named = list(tags.items())[:_FEW] if many else list(tags.items())
    made: list[Patch | Line2D] = [Patch(color=colour, label=f" {plain(tag, 24)}") for tag, colour in named]
    if many:
        made.append(Patch(color=_TAGS[_FEW], label=f"{len(tags) - _FEW:,} other tags"))
    if (rows["byOthers"].fillna(0) > 0).any():
        made.append(Patch(facecolor=UNKNOWN, edgecolor="white", hatch="//", label="by others"))
    limits = rows["limit"].dropna()
    if len(limits):
        made.append(Line2D([], [], color=BAD, linewidth=1.2, label=f"limit: {limits.max():,} a disk"))
    legend(drawn, handles=made)
