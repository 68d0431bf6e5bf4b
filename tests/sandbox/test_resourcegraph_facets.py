"""Facets: the rows of a query counted by its columns."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from dpmagic.sandbox.resourcegraph import ResourceGraph

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
DISKS = [
    {
        "id": f"/d/{name}",
        "name": name,
        "type": "microsoft.compute/disks",
        "location": location,
        "resourceGroup": group,
        "subscriptionId": "S",
        "properties": {"diskState": state, "encryption": {"type": "platform"}},
    }
    for name, location, group, state in [
        ("a", "eastus", "B-TEST", "Attached"),
        ("b", "eastus", "c-rg", "Attached"),
        ("c", "westus", "a-test", "Unattached"),
        ("d", "eastus", "c-rg", "Attached"),
        ("e", "northeurope", "z", "Reserved"),
    ]
]
GRAPH = ResourceGraph(lambda table: DISKS if table == "resources" else [], lambda: ["S"], version=lambda: 1)


def facets(query: str, *asked: dict[str, Any], **body: Any) -> list[dict[str, Any]]:
    reply = GRAPH.answer({"query": query, "facets": list(asked), **body}, NOW, str(uuid.uuid4()))
    answer = json.loads(reply.body)
    assert reply.status == 200, answer
    found: list[dict[str, Any]] = answer["facets"]
    return found


def pairs(facet: dict[str, Any]) -> list[tuple[Any, ...]]:
    assert facet["resultType"] == "FacetResult"
    return [tuple(row.values()) for row in facet["data"]]


def test_a_facet_has_the_documented_shape() -> None:
    (facet,) = facets("Resources | project location", {"expression": "location", "options": {"$top": 2}})
    assert list(facet) == ["expression", "resultType", "totalRecords", "count", "data"]
    assert (facet["expression"], facet["totalRecords"], facet["count"]) == ("location", 3, 2)
    assert facet["data"] == [{"location": "eastus", "count": 3}, {"location": "northeurope", "count": 1}]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [("eastus", 3), ("northeurope", 1), ("westus", 1)]),
        ({"sortOrder": "asc"}, [("northeurope", 1), ("westus", 1), ("eastus", 3)]),
        ({"sortBy": "tolower(location)", "sortOrder": "asc"}, [("eastus", 3), ("northeurope", 1), ("westus", 1)]),
        ({"sortBy": "location", "sortOrder": "desc", "$top": 1}, [("westus", 1)]),
        ({"filter": "resourceGroup contains 'test'"}, [("eastus", 1), ("westus", 1)]),
    ],
)
def test_options(options: dict[str, Any], expected: list[tuple[Any, ...]]) -> None:
    (facet,) = facets("Resources", {"expression": "location", "options": options})
    assert pairs(facet) == expected


def test_a_member_is_named_as_a_projection_of_it_is() -> None:
    asked = {"expression": "properties.encryption.type"}
    for query in ("Resources", "Resources | project id, properties.encryption.type"):
        assert facets(query, asked)[0]["data"] == [{"properties_encryption_type": "platform", "count": 5}]


def test_several_columns_make_one_facet() -> None:
    (facet,) = facets("Resources", {"expression": "location, properties.diskState"})
    assert facet["data"][0] == {"location": "eastus", "properties_diskState": "Attached", "count": 3}


def test_a_facet_counts_what_the_query_answers_not_a_page_of_it() -> None:
    asked = {"expression": "location"}
    assert pairs(facets("Resources", asked, options={"$top": 1})[0])[0] == ("eastus", 3)
    assert pairs(facets("Resources | limit 2", asked)[0]) == [("eastus", 2)]
    assert pairs(facets("let t = Resources; t | where name > 'c' // the last\n;", asked)[0])[0] == ("eastus", 1)
    assert pairs(facets("Resources // by place", asked)[0])[0] == ("eastus", 3)


def test_unknown_columns_are_errors_of_the_facet_alone() -> None:
    good, bad, partly = facets(
        "Resources", {"expression": "location"}, {"expression": "nosuch"}, {"expression": "location, nosuch"}
    )
    assert good["resultType"] == "FacetResult"
    assert bad == {
        "expression": "nosuch",
        "resultType": "FacetError",
        "errors": [
            {"code": "NoValidColumns", "message": "No valid columns in facet expression."},
            {"code": "InvalidColumnNames", "message": "Invalid column names: [nosuch]."},
        ],
    }
    assert [error["code"] for error in partly["errors"]] == ["InvalidColumnNames"]


@pytest.mark.parametrize("options", [{"filter": "nosuch == 1"}, {"filter": "name =="}, {"sortBy": "nosuch"}])
def test_options_that_do_not_run_are_errors_of_the_facet(options: dict[str, Any]) -> None:
    (facet,) = facets("Resources", {"expression": "location", "options": options})
    assert facet["resultType"] == "FacetError" and facet["errors"][0]["code"]
