"""The calendar adds up to adherence, group by group and day by day."""

from __future__ import annotations

import pytest

import dpmagic
from dpmagic.analysis.coverage_calendar import GROUPS
from dpmagic.errors import InvalidArgument
from tests.analysis.lengths import estate


@pytest.mark.parametrize("by", GROUPS)
@pytest.mark.parametrize("name", ["default", "0"])
def test_it_adds_up_to_adherence(name: str, by: str) -> None:
    known = estate(name)
    calendar, adherence = dpmagic.coverage_calendar(known, by), dpmagic.adherence(known)
    assert (calendar["due"].sum(), calendar["met"].sum()) == (adherence["due"].sum(), adherence["met"].sum())
    sums = adherence.groupby(GROUPS[by])[["due", "met"]].sum()
    sums = sums[sums["due"] > 0].astype("Int64")
    assert calendar.groupby(GROUPS[by])[["due", "met"]].sum().equals(sums)


def test_a_day_that_was_missed_is_missed_there() -> None:
    known = estate("default")
    calendar = dpmagic.coverage_calendar(known, "datasource")
    days = calendar[calendar["met"] < calendar["due"]]
    lost = {(name, f"{day:%Y-%m-%d}") for name, day in zip(days["dataSourceName"], days["day"], strict=True)}
    adherence = dpmagic.adherence(known)
    named = zip(adherence["dataSourceName"], adherence["missed"], strict=True)
    assert lost == {(name, day) for name, missed in named for day in missed}
    assert len(lost) > 10


def test_another_group_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="not by 'valut'") as caught:
        dpmagic.coverage_calendar(estate("default"), "valut")
    assert caught.value.hint.startswith("did you mean vault? there are: vault")
