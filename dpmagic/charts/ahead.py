"""Where a daily figure comes from and where it is going."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

from dpmagic.charts.axis import utc, utc_axis
from dpmagic.charts.checked import checked
from dpmagic.charts.style import COLOURS, UNKNOWN, axes, empty, finish, grid, legend
from dpmagic.estate.completeness import KEY

_TITLE = "What is stored, and where it is going"
_COSTS = ("cost", "perMonth")
_LINE, _BAND = COLOURS[5], COLOURS[1]


def forecast(frame: pandas.DataFrame, ax: Axes | None = None) -> Axes:
    """`dpmagic.forecast` as lines: the days that are known, Theil and Sen's line through them and on, and the band
    that should hold 80 % of days.

    With too few days for a line there are bounds only, and the legend says so.  What was never measured is labelled as
    an upper bound.  Raises `InvalidArgument` for a frame that is none of it.
    """
    checked(frame, ("day", "low", "high"), "forecast")
    told = frame.attrs.get(KEY) or {}
    value = next((str(name) for name in frame.columns if name not in ("day", "low", "high")), "")
    checked(frame, [value or "usedGiB"], "forecast")
    drawn = axes(ax)
    if frame.empty:
        return empty(drawn, frame, _TITLE, "no days ahead")
    known = _history(told, value)
    line = frame[value].notna().any()
    if len(known):
        drawn.plot(utc(known["day"]), known[value], ".", markersize=4, color=COLOURS[0], label="known")
    if line:
        _draw_line(drawn, frame, known, value, told)
    bounds = "bounds: as if every day were\nthe least, or the most, that one was"
    drawn.fill_between(
        utc(frame["day"]), frame["low"].astype(float), frame["high"].astype(float), alpha=0.35, linewidth=0,
        color=_BAND if line else UNKNOWN, label=f"{100 * (told.get('band') or 0.8):.0f} % of days" if line else bounds,
    )  # fmt: skip
    drawn.set_ylabel(_unit(value, told))
    drawn.yaxis.set_major_formatter(StrMethodFormatter("{x:,.6g}"))
    drawn.set_ylim(bottom=max(0.0, drawn.get_ylim()[0]))
    utc_axis(drawn.xaxis, "day")
    grid(drawn, "y")
    legend(drawn)
    return finish(drawn, frame, _TITLE, note=_note(told, value))


def _history(told: Mapping[str, Any], value: str) -> pandas.DataFrame:
    kept = told.get("history") or {}
    days = pandas.to_datetime(pandas.Series(kept.get("day", []), dtype="str"), utc=True)
    return pandas.DataFrame({"day": days, value: pandas.Series(kept.get(value, []), dtype=float)})


def _draw_line(drawn: Axes, frame: pandas.DataFrame, known: pandas.DataFrame, value: str, told: Any) -> None:
    """The line over the days ahead, and dashed back through those it is from."""
    known = known.tail(int(told.get("n") or 0))
    drawn.plot(utc(frame["day"]), frame[value].astype(float), color=_LINE, linewidth=1.6, label="median of all slopes")
    if len(known) and told.get("perDay") is not None:
        back = pandas.Series([known["day"].iloc[0], frame["day"].iloc[0]])
        first = float(frame[value].iloc[0])
        days = (back.iloc[1] - back.iloc[0]) / pandas.Timedelta(days=1)
        drawn.plot(utc(back), [first - told["perDay"] * days, first], "--", color=_LINE, linewidth=1)


def _unit(value: str, told: Mapping[str, Any]) -> str:
    unit = f"{value} ({told['currency']})" if value in _COSTS and told.get("currency") else value
    unit = f"{value} (GiB)" if value.endswith("GiB") else unit
    bound = value.startswith("atMost") or told.get("measured") is False
    return f"upper bound: {unit}, provisioned" if bound else unit


def _note(told: Mapping[str, Any], value: str) -> str:
    days = told.get("n")
    if days is None:
        return ""
    if told.get("perDay") is None:
        return f"from {days:,} days, which give no line"
    unit = " GiB" if value.endswith("GiB") else f" {told.get('currency', '')}".rstrip() if value in _COSTS else ""
    return f"from {days:,} days: {_signed(told['perDay'])}{unit} a day"


def _signed(value: float) -> str:
    return f"{value:+,.0f}" if abs(value) >= 100 else f"{value:+.3g}"
