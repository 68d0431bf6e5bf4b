"""The grouped queries of durations: right in Kusto's own eyes, and within what Resource Graph takes."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from dpmagic.analysis.lengths.at_source import body
from dpmagic.analysis.lengths.groups import GROUPS, groups, kql_groups
from dpmagic.estate import views
from dpmagic.estate.window import Window
from tests.kusto import KustoParser

WINDOW = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 15, tzinfo=UTC))


@pytest.mark.parametrize(
    "by", [*([name] for name in GROUPS), [], ["vault", "day"], ["month", "week"], ["sizeClass", "policy"]]
)
@pytest.mark.parametrize("failed", [False, True])
def test_a_grouped_query_is_right(kusto_parser: KustoParser, by: list[str], failed: bool) -> None:
    before, keys, shown = kql_groups(groups(by), WINDOW)
    for more in ([], ["subscriptionId", "axis = bin(startTime, 1d)"]):
        kql = f"{views.view('jobs', WINDOW)}\n{body(before, keys, shown, more, 'Backup', failed)}"
        assert kusto_parser.faults(kql) == []
        assert kusto_parser.faults(f"{kql}\n| summarize rows = count() by subscriptionId") == []
        assert not re.search(r"\b(now|ago|log|log2|pow|exp)\s*\(", kql)
        assert len(re.findall(r"\|\s*(?:join|union)\b", kql)) == ("sizeClass" in by)


def test_a_category_is_a_literal(kusto_parser: KustoParser) -> None:
    odd = "it's' | take 1 //"
    assert kusto_parser.faults(f"{views.view('jobs', WINDOW)}\n{body('', [], [], [], odd, False)}") == []
