"""Where a daily figure is going: Theil and Sen's line, and the band in which most days should fall."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.arguments import text, whole_number
from dpmagic.errors import InvalidArgument
from dpmagic.estate.completeness import KEY

LEAST = 21
"""Daily points without which there is no line, only bounds."""

SHARE = 0.8
"""The share of days that the band should hold."""

# So many days in a row beyond the band, on one side, and the line has ended: of 3,000 with noise one looks so.
_LAST = 3
# Of those lines none has a later half that scatters so many times less.
_BENT = 2.0
_Z = 1.2815515655446004  # of a normal distribution, half of `SHARE` to either side


def forecast(given: pandas.DataFrame, days: int = 90, value: str = "usedGiB") -> pandas.DataFrame:
    """The days after those of ``given`` (a frame of ``day`` and ``value``, such as `stored` gives without ``by``).

    ``value="perMonth"`` is where the bill is going.

    Columns: ``day`` (UTC), ``value``'s name, ``low`` and ``high`` of the band that should hold 80 % of days.  The line
    is Theil and Sen's (the median of all slopes); the band widens with the uncertainty of the slope (80 %, by Kendall's
    test) and holds the scatter around the line, which is taken to be of each day by itself: where what one day is off
    carries over to the next, it holds fewer.  No figure is below zero.

    Where the line does not hold up to now, what made the earlier days grow has ended, as when policies have filled up:
    then it is that of the later half of the days only, and so on, down to 21; a note says so.  It does not hold where
    the last three days are beyond the band on one side, or the later half by itself scatters less than half as much.

    With fewer than 21 days, or where that line does not hold either, there is none: the value is missing, and
    ``low`` and ``high`` are bounds, as if every day changed by the least, or the most, that one of those days has.
    ``attrs["dpmagic"]`` has ``method`` (line or bounds), ``perDay``, ``n`` (the days it is from), ``band`` and
    ``history``, the days that are known and their figures, for the chart.

    Raises `InvalidArgument` for a frame without what is needed, with several figures a day, or of less than two days.
    """
    whole_number(days, "days", " of days, such as 90", least=0)
    known = _daily(given, value)
    start = known.index[-1]
    ahead = np.arange(1, days + 1, dtype=float)
    fit, found = _fitted(known, ahead)
    middle, low, high, slope = found
    made = pandas.DataFrame(
        {
            "day": start + pandas.to_timedelta(ahead, unit="D"),
            value: pandas.Series(middle, dtype="Float64").clip(lower=0),
            "low": pandas.Series(low, dtype="Float64").clip(lower=0),
            "high": pandas.Series(high, dtype="Float64").clip(lower=0),
        }
    )
    made["day"] = made["day"].astype("datetime64[us, UTC]")
    made.attrs[KEY] = {**given.attrs.get(KEY, {}), **_told(given, known, fit, slope, value)}
    return made


def _told(given: pandas.DataFrame, known: pandas.Series, fit: pandas.Series, slope: Any, value: str) -> dict[str, Any]:
    """What a forecast says of itself."""
    told: dict[str, Any] = {"method": "line" if slope is not None else "bounds", "perDay": slope, "n": len(fit)}
    told |= {"band": SHARE if slope is not None else None}
    told["history"] = {"day": [f"{day:%Y-%m-%d}" for day in known.index], value: known.to_list()}
    currencies: list[str] = list(given["currency"].dropna().unique()) if "currency" in given else []
    told |= {"currency": str(currencies[0])} if len(currencies) == 1 else {}
    notes = list((given.attrs.get(KEY) or {}).get("notes") or [])
    if len(fit) < len(known):
        notes.append(f"no line through all {len(known):,} days holds to the last: this is from the last {len(fit):,}")
    return {**told, "notes": notes}


Found = tuple[Any, Any, Any, float | None]


def _fitted(known: pandas.Series, ahead: Any) -> tuple[pandas.Series, Found]:
    """The days that count, and what they say: the longest stretch up to now whose line holds to its end."""
    fit = known
    while len(fit) >= LEAST:
        found, scatter, leaves = _line(fit, ahead)
        later = fit.iloc[-(len(fit) // 2) :]
        if not leaves and scatter <= _BENT * _line(later, ahead)[1]:
            return fit, found
        if len(fit) == LEAST:
            break
        fit = fit.iloc[-max(LEAST, len(later)) :]
    return fit, _bounds(fit, ahead)


def _daily(given: pandas.DataFrame, value: str) -> pandas.Series:
    if not isinstance(given, pandas.DataFrame):
        raise InvalidArgument(f"{type(given).__name__} is no frame of days", "give what dpmagic.stored gives")
    missing = [name for name in ("day", text(value, "value", "usedGiB")) if name not in given]
    if missing:
        raise InvalidArgument(
            f"the frame has no column {', '.join(missing)}", f"it has: {', '.join(map(str, given.columns)) or 'none'}"
        )
    known = given[["day", value]].dropna()
    if not (pandas.api.types.is_datetime64_any_dtype(known["day"]) and pandas.api.types.is_numeric_dtype(known[value])):
        kinds = f"{given['day'].dtype} and {given[value].dtype}"
        raise InvalidArgument(
            f"day and {value} are {kinds}", "give instants and numbers: pandas.to_datetime, pandas.to_numeric"
        )
    if known["day"].duplicated().any():
        raise InvalidArgument("the frame has several figures a day", "sum them, or give one group of `stored`")
    if len(known) < 2:
        told = f"{len(known)} day{' says' if len(known) == 1 else 's say'} nothing of the next"
        raise InvalidArgument(told, "give the exports of at least two days")
    return known.set_index("day")[value].astype(float).sort_index()


def _line(known: pandas.Series, ahead: Any) -> tuple[Found, float, bool]:
    """The line and its band, how far days lie from it, and whether the last days leave it."""
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
    leaves = bool((rest[-_LAST:] > scatter).all() or (rest[-_LAST:] < -scatter).all())
    return (middle, middle - half, middle + half, float(slope)), scatter, leaves


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


def _bounds(known: pandas.Series, ahead: Any) -> Found:
    steps = known.diff().dropna() / (known.index.to_series().diff().dropna().dt.total_seconds() / 86_400)
    last = float(known.iloc[-1])
    unknown = np.full(len(ahead), np.nan)
    return unknown, last + float(steps.min()) * ahead, last + float(steps.max()) * ahead, None
