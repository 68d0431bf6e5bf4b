"""Rows given as typed columns answer every query as the same rows given as records do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dpmagic.sandbox.kql import Answer, Engine, Tables, TypedRows, run

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
JOBS = "microsoft.dataprotection/backupvaults/backupjobs"
START = datetime(2026, 11, 9, 1, 0, 0, 123456)


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def typed(number: int = 8) -> TypedRows:
    """Jobs j0, j1...: every fourth failed, every third without a tag, the last still running."""
    numbers = range(number)
    table = pa.table(
        {
            "n": pa.array(numbers, pa.int32()),
            "vault": pa.array([f"v{n % 2}" for n in numbers]).dictionary_encode(),
            "sub": pa.array([f"S{n % 2}" for n in numbers]).dictionary_encode(),
            "status": pa.array(["Failed" if n % 4 == 0 else "Completed" for n in numbers]).dictionary_encode(),
            "start": pa.array([START + timedelta(hours=n) for n in numbers], pa.timestamp("us")),
            "seconds": pa.array([None if n == number - 1 else 60 + n for n in numbers], pa.int32()),
            "tag": pa.array([None if n % 3 == 0 else "Default" for n in numbers]),
        }
    )
    columns = {"id": "'/jobs/j' || n", "name": "'j' || n", "type": f"'{JOBS}'", "subscriptionId": "sub"}
    members = {
        "$.vaultName": "vault",
        "$.status": "status",
        "$.startTime": "start",
        "$.endTime": "start + to_seconds(seconds)",
        "$.isUserTriggered": "n % 2 = 0",
        "$.extendedInfo.additionalDetails.RetentionTag": "tag",
        '$.extendedInfo."bytes moved"': "n * 1000000",
        "$.share": "n / 4",
        "$.errorDetails": "CASE WHEN status = 'Failed' THEN CAST('[{\"code\": \"X\"}]' AS JSON) END",
    }
    return TypedRows(table, columns, members)


def records(number: int = 8) -> list[dict[str, Any]]:
    """The same jobs as full records."""
    return [
        {
            "id": f"/jobs/j{n}",
            "name": f"j{n}",
            "type": JOBS,
            "subscriptionId": f"S{n % 2}",
            "properties": {
                "vaultName": f"v{n % 2}",
                "status": "Failed" if n % 4 == 0 else "Completed",
                "startTime": stamp(START + timedelta(hours=n)),
                "endTime": None if n == number - 1 else stamp(START + timedelta(hours=n, seconds=60 + n)),
                "isUserTriggered": n % 2 == 0,
                "extendedInfo": {
                    "additionalDetails": {"RetentionTag": None if n % 3 == 0 else "Default"},
                    "bytes moved": n * 1_000_000,
                },
                "share": n / 4,
                "errorDetails": [{"code": "X"}] if n % 4 == 0 else None,
            },
        }
        for n in range(number)
    ]


POLICY = {"id": "/p", "name": "p", "type": "t/policies", "subscriptionId": "S0", "properties": {"vaultName": "v9"}}
ENGINES = {"typed": Engine(), "records": Engine(), "mixed": Engine(), "awkward": Engine()}
ROWS: dict[str, list[Any]] = {
    "typed": [typed(), POLICY],
    "records": [*records(), POLICY],
    "mixed": [TypedRows(typed().table.slice(0, 4), typed().columns, typed().members), *records()[4:], POLICY],
}


def ask(query: str, shape: str, **scope: Any) -> Answer:
    tables = Tables({"resources", "resourcecontainers"}, lambda name: ROWS[shape], **scope)
    return ENGINES[shape].run(query, tables, NOW, version=1)


QUERIES = [
    "resources",
    "resources | project id, properties",
    "resources | where properties.status == 'Failed' | project name",
    "resources | where properties.status =~ 'failed' or properties.vaultName in~ ('V9') | project name",
    "resources | where isnull(properties.endTime) | project name, properties.endTime",
    "resources | where isempty(properties.extendedInfo.additionalDetails.RetentionTag) | count",
    "resources | where properties.isUserTriggered == 'true' or properties.isUserTriggered == false | count",
    "resources | where properties.share > 1 and properties.extendedInfo['bytes moved'] >= 6000000 | project name",
    "resources | where todatetime(properties.startTime) > datetime(2026-11-09 04:00) | project name",
    "resources | where properties.startTime > datetime(2026-11-09 04:00) | project name, properties.startTime",
    "resources | summarize ok = countif(properties.status == 'Completed') by v = tostring(properties.vaultName)",
    "resources | summarize count() by bin(todatetime(properties.startTime), 3h), tobool(properties.isUserTriggered)",
    "resources | extend d = todatetime(properties.endTime) - todatetime(properties.startTime) | project name, d",
    "resources | summarize sum(properties.share), max(tolong(properties.extendedInfo['bytes moved']))",
    "resources | summarize arg_max(todatetime(properties.startTime), name) by tostring(properties.vaultName)",
    "resources | summarize make_set(properties.status), make_list(properties.share) by tostring(properties.vaultName)",
    "resources | project properties | where properties.status == 'Failed' | project properties.vaultName",
    "resources | extend p = properties | project p.status, p.extendedInfo, tostring(p)",
    "resources | extend s = properties.status | where s contains 'Fail' | distinct tostring(s)",
    "resources | mv-expand e = properties.errorDetails | project name, code = tostring(e.code), properties.status",
    "resources | extend k = 'status' | project x = properties[k], properties['vaultName'], properties.nosuch.deeper",
    "resources | project properties.extendedInfo.additionalDetails, bag_keys(properties.extendedInfo)",
    "resources | join kind=leftouter (resources | project id, again = properties.status) on id | project name, again, "
    "properties.vaultName, properties",
    "resources | union (resourcecontainers | project name, properties) | where properties.status == 'Failed' | count",
    "resources | where properties has 'Failed' | project-away properties | take 2",
    "resources | order by properties.share desc, name asc | project name, properties.share",
    "resources | top 3 by todatetime(properties.startTime) | project-keep name, properties",
    "resources | extend properties = parse_json('{}') | project properties.status",
    "resources | project-rename props = properties | project props.status, props",
    "resources | where * has 'Default' | count",
    "let f = resources | where properties.status == 'Failed'; f | join (f) on name | project properties1.share",
    f"resources | where type =~ '{JOBS.upper()}' and properties.status == 'Failed' | project name, type",
    "resources | where type == 't/policies' or type in~ ('T/Policies', 'none') | project name, properties.vaultName",
    "resources | where type !~ 't/policies' | count",
    "resources | where type == 't/policies' | union (resources | where name == 'j1') | project name, type",
    f"resources | where type =~ '{JOBS}' | join kind=inner (resources | where type == 't/policies' | project tenantId, "
    "p = name) on tenantId | project name, p, properties.status",
    "let type = 'none'; let all = resources; all | where type == 't/policies' | project name",
    f"resources | where name in (resources | where type == '{JOBS}' | project name) | where name == 'j1' | project id",
    "resources | extend a = name, b = properties.status | extend a = strcat(a, kind), c = b | project a | order by a",
    "resources | extend s = tostring(properties.status) | summarize count(), any(name) by s | project s",
    "resources | mv-expand with_itemindex=i e = properties.errorDetails | extend u = tags | project name, e.code, i",
    "resources | mv-expand errors = properties.errorDetails | mv-expand errors | where name != 'j4' | count",
    "resources | extend unread = properties.share | project unread, id | count",
    "resources | project x = properties.errorDetails[0].code, y = properties.errorDetails, properties.none.at.all",
    "resources | extend e = properties.extendedInfo | project e.additionalDetails, tostring(e), properties.share.x",
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("shape", ["typed", "mixed"])
def test_typed_columns_answer_as_records_do(query: str, shape: str) -> None:
    expected, answer = ask(query, "records"), ask(query, shape)
    assert answer.columns == expected.columns
    assert answer.rows == expected.rows
    assert expected.rows


def sql(query: str, shape: str) -> str:
    ask(query, shape)
    engine = ENGINES[shape]
    return engine._plan(query, frozenset({"resources", "resourcecontainers"}))[0].sql


def test_a_member_that_has_a_column_is_read_from_it() -> None:
    query = "resources | where properties.status == 'Failed' | summarize count() by tostring(properties.vaultName)"
    assert "shred~" in sql(query, "typed") and "json_extract" not in sql(query, "typed")
    assert "shred~" not in sql(query, "records")


def test_a_document_is_not_made_for_members_that_are_written_out() -> None:
    query = (
        "resources | project a = properties.errorDetails[0].code, b = properties.extendedInfo, c = properties.no.such"
    )
    ask(query, "typed")
    store = ENGINES["typed"]._store
    assert store is not None
    last = next(reversed(store._prepared))
    assert "'errorDetails'" not in last and "'RetentionTag'" in last
    assert ask(query, "typed").rows == ask(query, "records").rows


def test_a_record_that_holds_another_type_at_a_path_keeps_its_value() -> None:
    odd = {"id": "/q", "name": "q", "properties": {"status": {"code": 5}, "startTime": "soon", "share": 1}}
    ROWS["awkward"] = [typed(2), odd]
    query = "resources | project name, properties.status, properties.startTime, properties.share"
    assert ask(query, "awkward").rows == [
        ("j0", "Failed", "2026-11-09T01:00:00.1234560Z", 0.0),
        ("j1", "Completed", "2026-11-09T02:00:00.1234560Z", 0.25),
        ("q", {"code": 5}, "soon", 1),
    ]


def test_a_member_put_under_a_name_is_read_from_its_column() -> None:
    query = """resources | extend info = properties.extendedInfo, p = properties | extend more = info.additionalDetails
        | where p.status == 'Completed'
        | project name, a = info["bytes moved"], b = more.RetentionTag, c = info.additionalDetails.RetentionTag, info"""
    assert ask(query, "typed").rows == ask(query, "records").rows
    assert "json_extract" not in sql(query, "typed").partition("_s3 AS")[2]
    assert ask(query.replace("more.", "p.extendedInfo.additionalDetails."), "typed").rows == ask(query, "records").rows


def test_rows_that_change_are_answered_as_the_first_ones() -> None:
    odd = {"id": "/q", "name": "q", "properties": {"status": {"code": 5}, "startTime": "soon"}}
    fewer = TypedRows(typed(3).table, typed(3).columns, dict(list(typed(3).members.items())[:4]))
    wider = typed(4).table
    wider = wider.set_column(wider.schema.get_field_index("n"), "n", pa.array(range(4), pa.int64()))
    worlds: list[Any] = [
        [typed(8)],
        [typed(5)],
        [typed(5), *records(9)[8:]],
        [typed(5), POLICY],
        [typed(6), odd],
        [odd],
        [typed(6), *records(9)[8:]],
        [fewer],
        [TypedRows(wider, typed(4).columns, typed(4).members), typed(2)],
        [],
        [typed(8)],
    ]
    queries = [
        "resources | project id, name, properties",
        "resources | where properties.status == 'Completed' | summarize n = count(), max(toint(properties.share))",
        "resources | project name, properties.status, todatetime(properties.startTime)",
        "resources | where type =~ 't/policies' | project name, properties.vaultName",
        "resources | project name, properties.errorDetails[0], properties.extendedInfo",
    ]
    engine = Engine()
    for version, rows in enumerate(worlds):
        tables = Tables(frozenset({"resources"}), lambda name, rows=rows: rows)  # type: ignore[misc]
        for query in queries:
            answer = engine.run(query, tables, NOW, version=version)
            assert answer.rows == run(query, {"resources": rows}, NOW).rows, (version, query)


def test_nanoseconds_show_seven_digits() -> None:
    table = pa.table({"t": pa.array([1_700_000_000_123_456_700], pa.timestamp("ns"))})
    rows = TypedRows(table, {"id": "'/1'"}, {"$.t": "t"})
    query = "resources | project properties.t, todatetime(properties.t)"
    (row,) = run(query, {"resources": [rows]}, NOW).rows
    assert row == ("2023-11-14T22:13:20.1234567Z", "2023-11-14T22:13:20.1234560Z")


def test_subscriptions_narrow_typed_rows_and_records_alike() -> None:
    for shape in ("typed", "mixed", "records"):
        names = [row[0] for row in ask("resources | project name", shape, subscriptions=frozenset({"s1"})).rows]
        assert names == ["j1", "j3", "j5", "j7"]
        assert ask("resources | count", shape, subscriptions=frozenset({"s0", "s1", "s2"})).rows == [(9,)]
        assert ask("resources | count", shape).rows == [(9,)]


@QUICK
@given(st.lists(st.tuples(st.text(max_size=8), st.none() | st.integers(-(2**40), 2**40), st.booleans()), max_size=6))
def test_any_values_come_back(values: list[tuple[str, int | None, bool]]) -> None:
    names, numbers, flags = (list(one) for one in zip(*values, strict=True)) if values else ([], [], [])
    table = pa.table(
        {
            "i": pa.array([f"/{n:03}" for n in range(len(values))], pa.string()),
            "a": pa.array(names, pa.string()),
            "b": pa.array(numbers, pa.int64()),
            "c": pa.array(flags, pa.bool_()),
        }
    )
    rows = TypedRows(table, {"id": "i", "name": "a"}, {"$.a": "a", "$.x.b": "b", "$.c": "c"})
    query = "resources | project name, properties, properties.a, properties.x.b, tolong(properties.x.b), properties.c"
    assert run(query, {"resources": [rows]}, NOW).rows == [
        (a, {"a": a, "x": {"b": b}, "c": c}, a, b, b, c) for a, b, c in values
    ]


@pytest.mark.parametrize(
    ("columns", "members"),
    [({"nosuch": "a"}, {}), ({"properties": "a"}, {}), ({}, {"status": "a"}), ({}, {"$": "a"}), ({}, {"$.a[0]": "a"})],
)
def test_what_is_no_column_or_path_is_refused(columns: dict[str, str], members: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not a"):
        TypedRows(pa.table({"a": ["x"]}), columns, members)
