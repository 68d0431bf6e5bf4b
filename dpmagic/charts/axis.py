"""Axes of time (UTC), of durations in units that people use, and of names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, DayLocator
from matplotlib.ticker import Formatter, Locator, MaxNLocator, NullLocator

from dpmagic.charts.style import plain

_FEW = 9  # days, each of which can be named
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
_ROUND = [
    *(one * unit for unit in (0.001, 0.01, 0.1) for one in (1, 2, 5)),
    *(1, 2, 5, 10, 20, 30),
    *(one * _MINUTE for one in (1, 2, 5, 10, 20, 30)),
    *(one * _HOUR for one in (1, 2, 4, 8, 12)),
    *(one * _DAY * ten for ten in (1, 10, 100, 1000) for one in (1, 2, 5)),
]


def duration_text(seconds: float, digits: int = 2) -> str:
    """Seconds as a person says them, in one unit and so many digits; whole units have all of theirs.

    >>> duration_text(0.25), duration_text(90), duration_text(7200), duration_text(130000)
    ('0.25 s', '1.5 min', '2 h', '1.5 d')
    """
    for unit, size in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if abs(seconds) >= size * 0.9995:
            return f"{_digits(seconds / size, digits)} {unit}"
    return f"{_digits(seconds, digits)} s"


def _digits(value: float, digits: int) -> str:
    text = f"{value:.0f}" if abs(value) >= 99.5 else f"{value:.{digits}g}"
    return f"{float(text):,.6g}"


class DurationLocator(Locator):
    """Ticks at lengths that people name: 30 s, 5 min, 2 h; never more than ``most``."""

    def __init__(self, most: int = 9) -> None:
        self._most = most

    def __call__(self) -> Sequence[float]:
        low, high = self.axis.get_view_interval()  # type: ignore[union-attr] # a locator in use has its axis
        return self.tick_values(low, high)

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        low, high = sorted((vmin, vmax))
        inside = [one for one in _ROUND if low <= one <= high]
        if len(inside) < 2:  # all of it is between two round lengths
            unit = next((size for size in (_DAY, _HOUR, _MINUTE) if high >= size), 1.0)
            between = [
                float(one) * unit for one in np.asarray(MaxNLocator(nbins=4).tick_values(low / unit, high / unit))
            ]
            return [one for one in between if low <= one <= high]
        return inside[:: -(-len(inside) // self._most)]


class DurationFormatter(Formatter):
    """Ticks in as many digits as tell them apart."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return duration_text(x, 3)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        texts = [duration_text(one, 3) for one in values]
        for digits in (4, 5, 6):
            if len(set(texts)) == len(texts):
                break
            texts = [duration_text(one, digits) for one in values]
        return texts


def duration_axis(axis: Axis, label: str, most: int = 9) -> None:
    """Make an axis of seconds logarithmic and readable, with at most so many ticks."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})  # type: ignore[attr-defined] # "x" or "y"
    axis.set_major_locator(DurationLocator(most))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(DurationFormatter())
    axis.set_label_text(f"{label} (s, min, h, d; logarithmic)")


def utc_axis(axis: Axis, label: str, *, days: bool = False) -> None:
    """Make an axis of times, on which all is drawn, say that they are UTC; of ``days`` it names no hours."""
    drawn = axis.axes
    few = days and (drawn.dataLim.width if axis is drawn.xaxis else drawn.dataLim.height) <= _FEW
    locator = DayLocator(tz=UTC) if few else AutoDateLocator(tz=UTC, maxticks=10)  # type: ignore[no-untyped-call]
    axis.set_major_locator(locator)
    formats: Any = {"formats": _DATES, "zero_formats": _ZEROS, "show_offset": False}
    axis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC, **formats))  # type: ignore[no-untyped-call]
    axis.set_label_text(f"{label} (UTC)")
    if axis is drawn.xaxis and drawn.dataLim.width == 0:  # one instant, which matplotlib would show years around
        drawn.set_xlim(drawn.dataLim.x0 - 0.5, drawn.dataLim.x0 + 0.5)


# Year, month, day, hour, minute, second: as ISO has them, so that nobody takes a day for a month.
_DATES = ["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%S.%f"]
_ZEROS = ["", "%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M"]


def names_axis(drawn: Axes, names: Sequence[object], most: int = 36) -> None:
    """Names down the y axis, the first on top, each of at most so many characters."""
    drawn.set_yticks(range(len(names)), [plain(name, most) for name in names], fontsize=8 if len(names) <= 15 else 7)
    drawn.set_ylim(len(names) - 0.4, -0.6)


def bars(drawn: Axes, lengths: Any, left: Any, **how: Any) -> None:
    """Bars from ``left`` on, one below the other as `names_axis` has them; where there is no length there is none."""
    lengths, left = np.asarray(lengths, float), np.asarray(left, float)
    [there] = np.nonzero(lengths)
    drawn.barh(there, lengths[there], left=left[there], **how)


def utc(times: Any) -> Any:
    """A column of times as matplotlib takes them: ``datetime64`` in UTC without saying so."""
    return times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
