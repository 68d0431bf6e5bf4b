"""What is written in charts can be read: beside the legend and not on it, in figures as people write them."""

from __future__ import annotations

import warnings
from typing import Any

import pandas
import pytest
from matplotlib.text import Annotation

from dpmagic import charts
from dpmagic.charts import axis, style
from tests.charts import test_capacity, test_compliance
from tests.charts.test_style import inked

WIDE = "备份" * 40  # as many letters as a disk's name may have, and of the widest


@pytest.mark.parametrize(
    ("chart", "make", "column"),
    [
        (charts.what_if, test_capacity.what_if, "policyName"),
        (charts.churn, test_capacity.churn, "dataSourceName"),
        (charts.rpo_gaps, test_compliance.gaps, "name"),
        (charts.controls, test_compliance.controls, "control"),
        (charts.success_rate, test_compliance.rates, "vaultName"),
    ],
)
def test_words_at_bars_end_before_the_legend(chart: Any, make: Any, column: str) -> None:
    rows = make(400).iloc[-40:]
    drawn = chart(rows.assign(**{column: [f"{WIDE}{place}" for place in range(len(rows))]}))
    assert not inked(style.picture(drawn, dpi=50))
    words = [one for one in drawn.texts if isinstance(one, Annotation) and one.xycoords == "data"]
    assert words
    legend = drawn.get_legend()
    if legend is not None:
        drawn.figure.draw_without_rendering()
        assert max(one.get_window_extent().x1 for one in words) <= legend.get_window_extent().x0


def test_names_of_vaults_alike_are_escaped_once() -> None:
    drawn = charts.posture(test_compliance.posture(5000))
    names = [label.get_text() for label in drawn.get_yticklabels()]
    assert any(r"\$x" in name for name in names) and not any(r"\\" in name for name in names)


def test_ticks_between_two_round_lengths_are_round_and_differ() -> None:
    drawn = style.axes()
    drawn.plot([0, 1], [89_300, 89_900])
    axis.duration_axis(drawn.yaxis, "duration")
    drawn.set_ylim(89_300, 89_900)
    texts = [label.get_text() for label in drawn.get_yticklabels()]
    assert texts == ["1.034 d", "1.036 d", "1.038 d", "1.04 d"]


def test_days_are_named_without_hours() -> None:
    drawn = charts.durations(_by_day(5))
    assert [label.get_text() for label in drawn.get_xticklabels()] == ["2026-03", "03-02", "03-03", "03-04", "03-05"]


def _by_day(days: int) -> pandas.DataFrame:
    lengths = pandas.to_timedelta(range(60, 60 + days), unit="s")
    times = dict.fromkeys(("p50", "p90", "p95", "p99", "max"), lengths)
    return pandas.DataFrame({"day": pandas.date_range("2026-03-01", periods=days, tz="UTC"), "n": 3, **times})


def test_letters_without_a_font_are_told_once_for_a_picture_and_not_for_a_page() -> None:
    drawn = style.axes()
    drawn.set_title("\U0001e900 \U0001e901 \U0001e902")  # Adlam, which hardly a system has
    with pytest.warns(UserWarning, match="no font here has letters of Adlam: they are boxes; install one") as told:
        style.picture(drawn)
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        style.vector(drawn)
