"""A scope of more subscriptions than a request takes: each query goes in batches, and the answers are the same."""

from __future__ import annotations

import json
from typing import Any

import pandas
import pytest

import dpmagic
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from dpmagic.estate.opening import open_live
from dpmagic.graph.scope import SUBSCRIPTIONS
from dpmagic.sandbox import Sandbox
from tests.wire import Wire

OTHERS = [f"99999999-0000-4000-8000-{number:012}" for number in range(SUBSCRIPTIONS)]


@pytest.fixture(scope="module")
def wire() -> Wire:
    """The default estate with a thousand subscriptions more, in which nothing is."""
    return Wire(Sandbox(estate="default", subscriptions=OTHERS))


@pytest.fixture(scope="module")
def many(wire: Wire) -> Estate:
    return open_live(wire.connection())


@pytest.fixture(scope="module")
def few() -> Estate:
    return open_live(Wire(Sandbox(estate="default")).connection())


@pytest.fixture
def named(wire: Wire) -> Any:
    """How many subscriptions each query of Resource Graph's names from here on."""
    found: list[int] = []

    def noted(request: Any) -> None:
        if request.method == "POST":
            found.append(len(json.loads(request.content)["subscriptions"]))

    wire.before = noted
    yield found
    wire.before = lambda request: None


@pytest.mark.parametrize("by", ["vault", "subscription"])
def test_a_grouped_question_is_asked_in_batches(many: Estate, few: Estate, named: list[int], by: Any) -> None:
    found = dpmagic.durations(many, by=by, method="buckets")
    extra = len(many.source.scope.readable) - SUBSCRIPTIONS
    assert extra == 6
    assert max(named) == SUBSCRIPTIONS
    assert named.count(SUBSCRIPTIONS) == named.count(extra) >= 2, "what counts, and what is counted"
    assert found.attrs["dpmagic"]["method"] == "buckets"
    pandas.testing.assert_frame_equal(found, dpmagic.durations(few, by=by, method="buckets"))


def test_a_plan_counts_the_batches(many: Estate, named: list[int]) -> None:
    planned = many.plan(dpmagic.durations, by="vault", method="buckets").requests
    named.clear()
    dpmagic.durations(many, by="vault", method="buckets")
    assert planned == len(named)


def test_groups_that_are_no_ones_alone_are_refused(many: Estate) -> None:
    with pytest.raises(InvalidArgument, match="1,006 subscriptions take 2 requests") as caught:
        many.query("resources | summarize count() by type")
    assert "group by subscriptionId too" in caught.value.hint


OWN = "resources | where type =~ 'microsoft.compute/disks' | project id"


def test_a_plan_of_ones_own_query_counts_each_batch(many: Estate, few: Estate, named: list[int]) -> None:
    plan = many.plan(lambda estate: estate.query(OWN))
    named.clear()
    assert plan.rows == len(many.query(OWN)) == len(few.query(OWN)) > 0
    assert plan.requests == len(named) == 2
    with pytest.raises(InvalidArgument, match="1,006 subscriptions take 2 requests"):
        many.plan(lambda estate: estate.query("resources | summarize count() by type"))
