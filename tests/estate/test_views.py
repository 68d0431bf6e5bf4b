"""The views as texts: right by Kusto's own parser, within Resource Graph's limits, whatever the window."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpmagic.errors import InvalidArgument
from dpmagic.estate import Window, views
from dpmagic.estate.columns import table
from tests.kusto import KustoParser

WINDOW = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 15, tzinfo=UTC))


def test_the_parser_finds_what_is_wrong(kusto_parser: KustoParser) -> None:
    assert kusto_parser.faults("resources\n| where name == 'a'") == []
    (first, *_) = kusto_parser.faults("resources\n| whre name == 'a'")
    assert (first["line"], first["column"], first["text"]) == (2, 3, "whre")


@pytest.mark.parametrize("name", views.VIEWS)
def test_a_view_is_right_and_within_the_limits(kusto_parser: KustoParser, name: str) -> None:
    kql = views.query(name, WINDOW)
    assert kusto_parser.faults(kql) == []
    assert not re.search(r"\b(now|ago)\s*\(", kql)
    assert len(re.findall(r"\|\s*(?:join|union)\b", kql)) <= 3
    assert not re.search(r"leftanti|leftsemi|rightanti|rightsemi|\$(start|end)|//", kql)
    assert re.search(r"\| project id, name,", kql)
    assert re.search(r"\n\| order by id asc(, \w+ asc)?$", kql)
    assert kql.count(f"datetime({WINDOW.start.isoformat()[:10]}") == (1 if table(name).time else 0)


@pytest.mark.parametrize("name", views.VIEWS)
def test_a_view_goes_on_with_summarize(kusto_parser: KustoParser, name: str) -> None:
    assert kusto_parser.faults(f"{views.view(name, WINDOW)}\n| summarize count() by subscriptionId") == []


@settings(max_examples=30)
@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)), st.timedeltas(timedelta(microseconds=1), timedelta(100)))
def test_any_window_is_two_literals(kusto_parser: KustoParser, start: datetime, span: timedelta) -> None:
    window = Window(start.replace(tzinfo=UTC), start.replace(tzinfo=UTC) + span)
    assert kusto_parser.faults(views.query("jobs", window)) == []


def test_what_is_no_view_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="'recovery_points' is no view") as caught:
        views.query("recovery_points", WINDOW)
    assert "jobs" in caught.value.hint
