"""Where a daily figure is going: Theil and Sen's line, and the band in which most days should fall."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas

from dpmagic.errors import InvalidArgument
from dpmagic.estate.completeness import KEY
from dpmagic.frames.told import Told

LEAST = 21
"""Daily points without which there is no line, only bounds."""

SHARE = 0.8
"""The share of days that the band should hold."""

_Z = 1.2815515655446004  # of a normal distribution, half of `SHARE` to either side


def forecast(given: pandas.DataFrame, days: int = 90, value: str = "usedGiB") -> pandas.DataFrame:
    """The days after those of ``given`` (a frame of ``day`` and ``value``, such as `stored` gives without ``by``).

    Columns: ``day`` (UTC), ``value``'s name, ``low`` and ``high`` of the band that should hold 80 % of days.  The line
    is Theil and Sen's (the median of all slopes); the band widens with the uncertainty of the slope (80 %, by Kendall's
    test) and holds the scatter around the line.  No figure is below zero.

    With fewer than 21 days there is no line: the value is missing, and ``low`` and ``high`` are bounds, as if every
    day changed by the least, or the most, that a day has.  ``attrs["dpmagic"]`` has ``method`` (line or bounds),
    ``perDay``, ``n`` and ``band``.

    Raises `InvalidArgument` for a frame without what is needed, with several figures a day, or of less than two days.
    """
    known = _daily(given, value)
    start = known.index[-1]
    ahead = np.arange(1, days + 1, dtype=float)
    method, middle, low, high, slope = _line(known, ahead) if len(known) >= LEAST else _bounds(known, ahead)
    made = pandas.DataFrame(
        {
            "day": start + pandas.to_timedelta(ahead, unit="D"),
            value: pandas.Series(middle, dtype="Float64").clip(lower=0),
            "low": pandas.Series(low, dtype="Float64").clip(lower=0),
            "high": pandas.Series(high, dtype="Float64").clip(lower=0),
        }
    )
    made["day"] = made["day"].astype("datetime64[us, UTC]")
    told = {"method": method, "perDay": slope, "n": len(known), "band": SHARE if method == "line" else None}
    made.attrs[KEY] = Told(given.attrs.get(KEY, {}), **told)
    return made


def _daily(given: pandas.DataFrame, value: str) -> pandas.Series:
    missing = [name for name in ("day", value) if name not in given]
    if missing:
        raise InvalidArgument(
            f"the frame has no column {', '.join(missing)}", f"it has: {', '.join(map(str, given.columns)) or 'none'}"
        )
    known = given[["day", value]].dropna()
    if known["day"].duplicated().any():
        raise InvalidArgument("the frame has several figures a day", "sum them, or give one group of `stored`")
    if len(known) < 2:
        raise InvalidArgument(f"{len(known)} days say nothing of the next", "give the exports of at least two days")
    return known.set_index("day")[value].astype(float).sort_index()


def _line(known: pandas.Series, ahead: Any) -> tuple[str, Any, Any, Any, float]:
    from scipy.stats import theilslopes

    days = (known.index - known.index[0]) / pandas.Timedelta(days=1)
    place = days.to_numpy(float)
    values = known.to_numpy()
    slope, intercept, flattest, steepest = theilslopes(values, place, alpha=SHARE)
    rest = values - (intercept + slope * place)
    scatter = _scatter(rest)
    later = place[-1] + ahead
    unsure = (steepest - flattest) / 2 * np.abs(later - np.median(place))
    half = np.sqrt(scatter**2 * (1 + 1 / len(values)) + unsure**2)
    middle = intercept + slope * later
    return "line", middle, middle - half, middle + half, float(slope)


def _scatter(rest: Any) -> float:
    """How far from the line 80 % of days lie: as the middle 80 % of them, or as their median says, whichever is more.

    Few days show less than there is: Student's quantile, and two days fewer, make up for that.
    """
    from scipy.stats import t as student

    n = len(rest)
    low, high = np.quantile(rest, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    spread = max(1.4826 * float(np.median(np.abs(rest - np.median(rest)))), float(high - low) / (2 * _Z))
    quantile: float = student.ppf((1 + SHARE) / 2, n - 2)
    return float(spread * quantile * (n / (n - 2)) ** 0.5)


def _bounds(known: pandas.Series, ahead: Any) -> tuple[str, Any, Any, Any, float | None]:
    steps = known.diff().dropna() / (known.index.to_series().diff().dropna().dt.total_seconds() / 86_400)
    last = float(known.iloc[-1])
    unknown = np.full(len(ahead), np.nan)
    return "bounds", unknown, last + float(steps.min()) * ahead, last + float(steps.max()) * ahead, None
