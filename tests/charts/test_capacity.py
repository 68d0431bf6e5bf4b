"""Charts of churn, forecasts and what-ifs: what is in them, of every size, of nothing, of odd names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection

import dpmagic
from dpmagic import charts
from tests.charts.test_lengths import names, told
from tests.schedules.policies import DAILY, WEEKLY, policy

FOUR_HOURLY = policy("R/2024-01-01T01:00:00+00:00/PT4H", tags=[DAILY, WEEKLY], Daily="P30D", Weekly="P12W")


def churn(rows: int) -> pandas.DataFrame:
    changes = np.geomspace(0.01, 900, max(rows, 1))[:rows]
    made = {"dataSourceId": names(rows), "disks": 1, "dataSourceName": names(rows), "provisionedGiB": 1024.0}
    made |= {"churnGiB": changes, "usedGiB": 500.0, "churnPercent": changes / 5, "unmeasured": 0}
    return told(pandas.DataFrame(made))


def unmeasured(rows: int) -> pandas.DataFrame:
    made = churn(rows)[["dataSourceId", "disks", "dataSourceName", "provisionedGiB"]]
    return told(made.assign(churnGiB=np.nan, atMostGiB=made["provisionedGiB"]))


def stored(rows: int) -> pandas.DataFrame:
    days = pandas.date_range("2020-01-01", periods=rows, tz="UTC")
    random = np.random.default_rng(1)
    return told(pandas.DataFrame({"day": days, "usedGiB": 1e5 + 90 * np.arange(rows) + random.normal(0, 400, rows)}))


def forecast(rows: int) -> pandas.DataFrame:
    return dpmagic.forecast(stored(300), days=rows)


def bounds(rows: int) -> pandas.DataFrame:
    return dpmagic.forecast(stored(5), days=rows)


def what_if(rows: int) -> pandas.DataFrame:
    counts = [number % 400 for number in range(rows)]
    made = {"policyName": names(rows), "vaultName": names(rows), "retentionTag": names(rows), "pointsBefore": counts}
    made |= {"pointsAfter": counts, "limit": 500, "byOthers": counts, "status": "willFill"}
    return told(pandas.DataFrame(made))


DRAWN: list[tuple[Callable[..., Axes], Callable[[int], pandas.DataFrame]]] = [
    (charts.churn, churn),
    (charts.churn, unmeasured),
    (charts.forecast, forecast),
    (charts.forecast, bounds),
    (charts.what_if, what_if),
]


def legend(drawn: Axes) -> list[str]:
    found = drawn.get_legend()
    assert found is not None
    return [" ".join(text.get_text().split()) for text in found.get_texts()]


def test_a_forecast_has_history_line_and_band() -> None:
    found = forecast(90)
    drawn = charts.forecast(found)
    assert drawn.get_ylabel() == "usedGiB (GiB)" and drawn.get_xlabel() == "day (UTC)"
    assert legend(drawn) == ["known", "median of all slopes", "80 % of days"]
    known, line, back = drawn.lines
    assert len(known.get_xdata()) == 300 and len(line.get_xdata()) == 90
    # The dashed part leads to the line's first day at the same slope.
    (first, last), days = back.get_ydata(), np.diff(back.get_xdata())[0] / np.timedelta64(1, "D")  # type: ignore[index,operator]
    assert last == found["usedGiB"].iloc[0] and (last - first) / days == pytest.approx(found.attrs["dpmagic"]["perDay"])
    assert any("from 300 days: +" in text.get_text() for text in drawn.texts)


def test_costs_have_their_currency() -> None:
    costs = stored(40).rename(columns={"usedGiB": "perMonth"}).assign(currency="EUR")
    drawn = charts.forecast(dpmagic.forecast(costs, value="perMonth"))
    assert drawn.get_ylabel() == "perMonth (EUR)"
    assert any(" EUR a day" in text.get_text() for text in drawn.texts)


def test_bounds_are_no_line_and_say_so() -> None:
    drawn = charts.forecast(bounds(30))
    assert len(drawn.lines) == 1  # what is known
    assert legend(drawn)[1].startswith("bounds: as if every day")
    assert any("5 days, which give no line" in text.get_text() for text in drawn.texts)
    [area] = [one for one in drawn.collections if isinstance(one, FillBetweenPolyCollection)]
    assert area.get_paths()


def test_what_was_not_measured_is_an_upper_bound() -> None:
    drawn = charts.churn(unmeasured(5))
    assert "upper bound" in drawn.get_xlabel() and "at most" in drawn.get_title(loc="left")
    assert legend(drawn) == ["upper bound: all of it"]
    provisioned = stored(30).rename(columns={"usedGiB": "atMostGiB"})
    ahead = charts.forecast(dpmagic.forecast(provisioned, value="atMostGiB"))
    assert ahead.get_ylabel() == "upper bound: atMostGiB (GiB), provisioned"


def test_a_what_if_by_hand() -> None:
    found = dpmagic.simulate(FOUR_HOURLY, schedule="PT1H", retention={"Default": "P21D"})
    drawn = charts.what_if(found)
    assert [label.get_text() for label in drawn.get_yticklabels()] == ["p"]
    widths = [bar.get_width() for bar in drawn.patches]
    # Default, Daily and Weekly before, and after: 23 of a day's 24 are Default; nobody else makes snapshots.
    assert widths == [35, 26, 12, 23 * 21, 26, 12]
    assert legend(drawn) == ["Default", "Daily", "Weekly", "limit: 500 a disk"]
    assert [text.get_text() for text in drawn.texts][:2] == ["73", "521, refused"]
    [limit] = drawn.lines
    assert set(limit.get_xdata()) == {500.0}  # type: ignore[arg-type]


def test_names_of_groups_tell_them_apart() -> None:
    vaults = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DataProtection/backupVaults"
    by_policy = churn(2).drop(columns=["dataSourceId", "dataSourceName"])
    by_policy["policyId"] = [f"{vaults}/one/backupPolicies/daily", f"{vaults}/two/backupPolicies/daily"]
    labels = [label.get_text() for label in charts.churn(by_policy).get_yticklabels()]
    assert labels == ["daily / two", "daily / one"]
