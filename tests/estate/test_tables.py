"""Each table of the default estate beside a naive reading of Resource Graph's records."""

from __future__ import annotations

from typing import Any

import pandas
import pytest

from dpmagic.arm.plans import Manner, carry_out
from dpmagic.arm.requests import Request, send
from dpmagic.connection import Connection, connect_sandbox
from dpmagic.errors import InvalidArgument, NotConnected
from dpmagic.estate import Estate
from dpmagic.estate.columns import table
from dpmagic.estate.opening import open_live
from dpmagic.estate.views import VIEWS
from dpmagic.graph.query import ask, rows
from dpmagic.graph.scope import Scope
from dpmagic.progress import Silent
from tests.canned import canned_connection
from tests.estate.raw import TABLES, Record, cell, instant, spread


def records(connection: Connection, live: Estate, name: str) -> list[Record]:
    """The raw records of a table's rows, in order of id."""
    kql = f"{TABLES[name][0]} | order by id asc"
    found: list[Record] = carry_out(rows(kql, live.source.scope.readable), lambda: connection, Manner(Silent())).value
    if name == "virtual_machines":
        return [one for record in found for one in spread(record)]
    if name == "role_assignments":
        # Those inherited from above are in no subscription.
        above = ask(connection, kql, Scope(tuple(live.source.scope.readable), authorization="AtScopeAboveAndBelow"))
        names = [column["name"] for column in above.columns]
        everyone = [dict(zip(names, row, strict=True)) for row in above.rows]
        assert len(everyone) > len(found)
        return [{**record, "role": role(connection, record)} for record in everyone]
    if name == "exemptions":
        return [{**record, "assignment": assignment(connection, live, record)} for record in found]
    time = {"jobs": "properties.startTime", "changes": "properties.changeAttributes.timestamp"}.get(name)
    if time is None:
        return found
    first, *rest = time.split(".")
    assert first == "properties"

    def within(record: Record) -> bool:
        value: Any = record["properties"]
        for key in rest:
            value = value[key]
        moment = instant(value)
        return moment is not None and live.window.start <= moment < live.window.end

    return [record for record in found if within(record)]


def assignment(connection: Connection, live: Estate, record: Record) -> Any:
    """The properties of what the exemption is from."""
    kql = f"policyresources | where id =~ '{record['properties']['policyAssignmentId']}'"
    [found] = carry_out(rows(kql, live.source.scope.readable), lambda: connection, Manner(Silent())).value
    return found["properties"]


def role(connection: Connection, record: Record) -> str:
    path = record["properties"]["roleDefinitionId"]
    answer = send(connection, Request("GET", path, api_version="2022-04-01"))
    return str(answer.json["properties"]["roleName"])


def plain(value: Any) -> Any:
    """A frame's cell as Python has it: None where it is missing."""
    if isinstance(value, (list, dict)):
        return value
    if pandas.isna(value):
        return None
    return value.to_pydatetime(warn=False) if isinstance(value, pandas.Timestamp) else value


@pytest.mark.parametrize("name", VIEWS)
def test_a_table_says_what_the_records_say(connection: Connection, live: Estate, name: str) -> None:
    live = live.over("4d") if table(name).time else live
    made, naive = live.table(name), records(connection, live, name)
    assert len(made) == len(naive) > 0
    made = made.sort_values("id")
    naive = sorted(naive, key=lambda record: record["id"])
    if name == "virtual_machines":
        made = made.sort_values(["id", "diskId"])
        naive = sorted(naive, key=lambda record: (record["id"], record["disk"]["managedDisk"]["id"]))
    for column, known in table(name).columns.items():
        expected = [cell(record, name, column, known.dtype) for record in naive]
        found = [plain(value) for value in made[column]]
        if known.dtype.startswith("timedelta"):
            # The sandbox's engine keeps microseconds: an end and a start that are cut may make one too many.
            assert [one is None for one in found] == [one is None for one in expected]
            assert all(abs(one - other) <= one.resolution for one, other in zip(found, expected, strict=True) if one)
        else:
            assert found == expected, column


@pytest.mark.parametrize("name", VIEWS)
def test_columns_and_dtypes_are_those_declared(live: Estate, name: str) -> None:
    assert live.table(name).dtypes.astype(str).to_dict() == table(name).dtypes
    assert list(live.table(name)) == list(table(name).columns)


def test_and_so_they_are_when_there_is_nothing() -> None:
    empty = open_live(connect_sandbox(estate=None), subscriptions="Workloads")
    for name in VIEWS:
        made = empty.table(name)
        assert made.dtypes.astype(str).to_dict() == table(name).dtypes, name
    assert empty.jobs().empty and empty.exemptions().empty


def test_ids_are_unique_where_a_row_is_an_object(live: Estate) -> None:
    assert not [name for name in VIEWS if name != "virtual_machines" and live.table(name)["id"].duplicated().any()]


def test_completeness_tells_the_unreadable_from_the_empty(connection: Connection) -> None:
    hidden = "99999999-0000-4000-8000-000000000009"
    estate = open_live(connection, subscriptions=["Backup", "Shop"], expected=[hidden, "Nowhere"])
    said = estate.vaults().attrs["dpmagic"]["subscriptions"]
    backup, shop = estate.source.scope.readable
    assert said == {
        "asked": [backup, shop, hidden, "Nowhere"],
        "answered": [backup, shop],
        "unreadable": [hidden, "Nowhere"],
        "empty": [backup],
    }
    assert estate.completeness["subscriptions"] == said


def test_a_window_that_begins_before_azure_remembers_says_so(live: Estate) -> None:
    said = live.jobs().attrs["dpmagic"]
    assert said["notes"] == ["jobs are kept for 14 days, and the window begins before that"]
    assert live.reach() is not None
    assert live.reach() == type(live.window)(instant(said["since"]), live.window.end)  # type: ignore[arg-type]
    assert live.over("13d").jobs().attrs["dpmagic"]["notes"] == []
    assert live.over("13d").reach() == live.over("13d").window
    assert live.over(("2025-01-01", "2025-02-01")).reach() is None


def test_management_groups_leave_what_is_below_them(connection: Connection, live: Estate) -> None:
    known = live.subscriptions()
    group = known["managementGroup"].iloc[0]
    below = open_live(connection, management_groups=group)
    assert set(below.subscriptions()["managementGroup"]) == {group}
    assert set(below.source.scope.asked) == set(known.loc[known["managementGroup"] == group, "subscriptionId"])


def test_names_that_nobody_has_are_refused(connection: Connection) -> None:
    with pytest.raises(InvalidArgument, match="no subscription is called 'Bakup'") as caught:
        open_live(connection, subscriptions="Bakup")
    assert caught.value.hint == "did you mean Backup?"
    with pytest.raises(InvalidArgument, match="management group called 'Platfrom'") as caught:
        open_live(connection, management_groups=["Platfrom"])
    assert caught.value.hint == "did you mean Platform?"
    with pytest.raises(InvalidArgument, match="has none in it"):
        open_live(connection, subscriptions=[])


def test_a_subscription_that_nobody_can_read_leaves_empty_tables_that_say_so(connection: Connection) -> None:
    hidden = "99999999-0000-4000-8000-000000000009"
    made = open_live(connection, subscriptions=hidden).jobs()
    assert made.empty and made.dtypes.astype(str).to_dict() == table("jobs").dtypes
    assert made.attrs["dpmagic"]["subscriptions"] == {
        "asked": [hidden],
        "answered": [],
        "unreadable": [hidden],
        "empty": [],
    }


def test_a_caller_who_sees_nothing_is_told_so() -> None:
    nobody, _ = canned_connection([["GET", "/subscriptions", 200, {}, {"value": []}]])
    with pytest.raises(NotConnected, match="shows no subscription") as caught:
        open_live(nobody)
    assert "ask for Reader" in caught.value.hint


def test_a_query_of_the_estate_is_typed_and_says_what_it_covers(live: Estate) -> None:
    kql = "resources | where name == $name | project id, name, timeCreated = properties.timeCreated, subscriptionId"
    name = live.disks()["name"].iloc[0]
    made = live.query(f"{kql} | order by id asc", name=name)
    assert made["name"].tolist() == [name] and str(made["timeCreated"].dtype) == "datetime64[us, UTC]"
    said = made.attrs["dpmagic"]
    assert (said["target"], said["rows"], said["of"]) == ("sandbox", 1, 1)
    assert said["subscriptions"]["answered"] == list(live.source.scope.readable)
    assert Estate.of({"disks": made}, now=live.now).disks()["name"].tolist() == [name]
