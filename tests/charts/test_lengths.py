"""Charts of durations and days: of five rows, of five thousand groups with odd names, of nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas
import pytest
from matplotlib.axes import Axes
from matplotlib.dates import num2date

from dpmagic import charts
from dpmagic.charts.style import picture
from tests.charts.test_style import TOLD

ODD = ["$x^{2}$", "_hidden", "\\frac", "a" * 80, "line\nbreak", "%d {0}"]


def told(frame: pandas.DataFrame) -> pandas.DataFrame:
    frame.attrs["dpmagic"] = TOLD
    return frame


def names(rows: int) -> list[str]:
    return [f"{ODD[number % len(ODD)]}{number}" for number in range(rows)]


def durations(rows: int) -> pandas.DataFrame:
    seconds = np.geomspace(20, 90_000, max(rows, 1))[:rows]
    shares = {
        name: pandas.to_timedelta(seconds * factor, unit="s")
        for name, factor in {"p50": 1, "p90": 1.2, "p95": 1.4, "p99": 2, "max": 3}.items()
    }
    return told(pandas.DataFrame({"vaultName": names(rows), "vaultId": names(rows), "n": range(1, rows + 1), **shares}))


def by_day(rows: int) -> pandas.DataFrame:
    made = durations(rows)
    days = pandas.date_range("2026-03-01", periods=14, tz="UTC")
    return told(made.assign(day=[days[number % 14] for number in range(rows)])[["vaultName", "day", *made.columns[2:]]])


def by_month(rows: int) -> pandas.DataFrame:
    return by_day(rows).rename(columns={"day": "month"})


def outliers(rows: int) -> pandas.DataFrame:
    at = pandas.to_datetime(np.linspace(1_772_000_000, 1_773_000_000, rows), unit="s", utc=True)
    usual = pandas.to_timedelta(np.full(rows, 200.0), unit="s")
    times = np.linspace(1.5, 300, max(rows, 1))[:rows]
    return told(
        pandas.DataFrame(
            {"dataSourceName": names(rows), "startTime": at, "usual": usual, "duration": usual * times, "times": times}
        )
    )


def running(rows: int) -> pandas.DataFrame:
    times = pandas.date_range("2026-03-01", periods=max(rows // 4, 1), freq="15min", tz="UTC")
    made = {"vaultName": names(rows), "time": [times[n % len(times)] for n in range(rows)], "jobs": range(1, rows + 1)}
    return told(pandas.DataFrame(made).astype({"time": "datetime64[us, UTC]"}))


def calendar(rows: int) -> pandas.DataFrame:
    days = pandas.date_range("2026-03-01", periods=14, tz="UTC")
    made = {
        "vaultName": names(rows),
        "day": [days[n % 14] for n in range(rows)],
        "due": 4,
        "met": [n % 5 for n in range(rows)],
    }
    return told(pandas.DataFrame(made).astype({"day": "datetime64[us, UTC]"}))


DRAWN: list[tuple[Callable[..., Axes], Callable[[int], pandas.DataFrame]]] = [
    (charts.durations, durations),
    (charts.durations, by_day),
    (charts.durations, by_month),
    (charts.duration_outliers, outliers),
    (charts.concurrency, running),
    (charts.coverage_calendar, calendar),
]


@pytest.mark.parametrize(("chart", "make"), DRAWN)
@pytest.mark.parametrize("rows", [1, 5, 5000])
def test_the_axis_below_says_its_unit(chart: Any, make: Any, rows: int) -> None:
    drawn = chart(make(rows))
    assert "(UTC)" in drawn.get_xlabel() or "duration" in drawn.get_xlabel()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("chart", "make"), [(charts.durations, by_day), (charts.duration_outliers, outliers)])
def test_one_instant_is_shown_with_its_day_not_with_years(chart: Any, make: Any) -> None:
    made = make(1)
    drawn = chart(made)
    picture(drawn, dpi=50)
    first, last = (num2date(edge) for edge in drawn.get_xlim())
    at = made["startTime" if "startTime" in made else "day"].iloc[0]
    assert first < at < last and last - first <= pandas.Timedelta("48h")


def test_the_busiest_quarter_is_in_the_caption() -> None:
    drawn = charts.concurrency(running(5))
    assert any("most: 15 jobs at 2026-03-01 00:00 UTC" in " ".join(text.get_text().split()) for text in drawn.texts)
