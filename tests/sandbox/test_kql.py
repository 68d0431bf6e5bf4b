"""The dialect: where Resource Graph's KQL and plain duckdb-kql differ, and what each refuses."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dpmagic.graph import literals
from dpmagic.sandbox.kql import Answer, Engine, KqlError, Tables, iso, run

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])

DISKS: list[dict[str, Any]] = [
    {
        "id": f"/disks/{name}",
        "name": name,
        "type": "microsoft.compute/disks",
        "location": location,
        "sku": {"name": sku},
        "tags": tags,
        "zones": zones,
        "properties": {"diskSizeGB": gib, "encrypted": gib > 100, "hidden": None, "kind": "data", "count": 3},
    }
    for name, gib, sku, location, tags, zones in [
        ("d4", 200, "Premium_LRS", "westeurope", {"env": "prod", "Cost Center": "1003"}, ["1", "2"]),
        ("d1", 5, "Standard_LRS", "northeurope", {"env": "dev"}, None),
        ("d2", 64, "Premium_LRS", "westeurope", None, None),
        ("d3", 1000, "Standard_LRS", "westeurope", {}, ["3"]),
    ]
]
JOBS = [
    {
        "id": f"/jobs/{name}",
        "name": name,
        "type": "microsoft.dataprotection/backupvaults/backupjobs",
        "properties": {"duration": duration, "startTime": start, "diskId": disk},
    }
    for name, duration, start, disk in [
        ("j1", "00:03:08.0682064", "2026-11-09T01:00:00.1234567Z", "/DISKS/D1"),
        ("j2", "1.02:03:04", "2026-11-10T01:00:00Z", "/disks/d1"),
        ("j3", "-10675199.02:48:05.4775808", "2026-11-10T11:00:00Z", "/disks/gone"),
    ]
]
ROWS: dict[str, Any] = {"resources": DISKS, "recoveryservicesresources": JOBS, "resourcecontainers": []}
ENGINE = Engine()


def ask(query: str, now: datetime = NOW) -> Answer:
    return ENGINE.run(query, Tables(frozenset(ROWS), ROWS.__getitem__), now, version=0)


def values(query: str) -> list[Any]:
    """The rows of an answer; of one column, its values."""
    rows = ask(query).rows
    return [row[0] for row in rows] if rows and len(rows[0]) == 1 else rows


def refused(query: str) -> KqlError:
    with pytest.raises(KqlError) as caught:
        ask(query)
    return caught.value


@pytest.mark.parametrize("key", ["description asc", "cascade asc", "tolower(description) asc"])
def test_a_key_with_a_direction_in_its_name_is_ordered_as_written(key: str) -> None:
    query = f"resources | project description = name, cascade = name | order by {key} | project cascade"
    assert values(query) == ["d1", "d2", "d3", "d4"]
    assert values(query.replace(" asc", "")) == ["d4", "d3", "d2", "d1"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        # a dynamic next to a string, a number, a datetime, a bool
        ("where properties.encrypted == 'true' | project name", ["d3", "d4"]),
        ("where properties.encrypted == true | project name", ["d3", "d4"]),
        ("where properties.encrypted != 'true' | project name", ["d1", "d2"]),
        ("where properties.diskSizeGB > 64 | project name", ["d3", "d4"]),
        ("where properties.diskSizeGB in (5, 64) | project name", ["d1", "d2"]),
        ("where properties.diskSizeGB == '5' | project name", ["d1"]),
        ("where sku.name =~ 'premium_lrs' | project name", ["d2", "d4"]),
        ("extend s = sku.name | where s in~ ('PREMIUM_lrs') | project name", ["d2", "d4"]),
        ("extend s = sku.name | where s startswith 'Prem' and s !has 'Standard' | project name", ["d2", "d4"]),
        ("where tags.env in ('prod', 'dev') | project name", ["d1", "d4"]),
        ("where name in (dynamic(['d1'])) or name in~ (dynamic(['D2'])) | project name", ["d1", "d2"]),
        ("where tags.env has_any ('prod', 'x') | project name", ["d4"]),
        ("where properties.diskSizeGB between (64 .. 200) | project name", ["d2", "d4"]),
        # branches of several types
        ("project case(name == 'd1', 'one', name == 'd2', sku.name, 'x')", ["one", "Premium_LRS", "x", "x"]),
        ("project iff(isempty(zones), 'none', zones[0])", ["none", "none", "3", "1"]),
        ("project coalesce(tostring(tags.env), 'none')", ["dev", "none", "none", "prod"]),
        ("project iff(name == 'd1', 1, 2.5)", [1.0, 2.5, 2.5, 2.5]),
        # null
        ("where isnull(properties.hidden) and isnull(properties.absent) | count", [4]),
        ("project isnull(tags), isempty(tags), isnotempty(tags.env)", [
            (False, False, True), (True, True, False), (False, False, False), (False, False, True),
        ]),
        ("where isnull(managedBy) | count", [0]),
        # names
        ("project tags['Cost Center'], tags.env | take 1", [(None, "dev")]),
        ("where kind == '' | summarize count() by kind", [("", 4)]),
        ("project properties.kind, title = 1, time = 2 | take 1", [("data", 1, 2)]),
        ("extend Sku = tostring(sku.name) | project Sku, sku | take 1", [("Standard_LRS", {"name": "Standard_LRS"})]),
        ("project properties['count'] | take 1", [3]),
        # order
        ("project name", ["d1", "d2", "d3", "d4"]),
        ("order by properties.diskSizeGB desc | project name", ["d3", "d4", "d2", "d1"]),
        ("order by location asc | extend x = 1 | where name != 'd9' | project name", ["d1", "d2", "d3", "d4"]),
        ("take 2 | project name", ["d1", "d2"]),
        ("top 2 by toint(properties.diskSizeGB) asc | project name", ["d1", "d2"]),
        ("summarize max(properties.diskSizeGB), min(properties.diskSizeGB)", [(1000, 5)]),
        ("project array_sort_asc(dynamic([10, 9, 'a', 2])) | take 1", [[2, 9, 10, "a"]]),
        # functions that are missing or different in the engine
        (r"project replace(@'d(\d)', @'disk-\1', name) | take 1", ["disk-1"]),
        ("project split('a/b/c', '/', 1), split('a/b/c', '/')[2] | take 1", [(["b"], "c")]),
        ("where name == 'd4' | project bag_keys(tags)", [["env", "Cost Center"]]),
        ("where name == 'd4' | project bag_has_key(tags, 'env'), bag_has_key(tags, 'x')", [(True, False)]),
        ("project bag_merge(dynamic({'a': 1}), dynamic({'a': 2, 'b': 3})) | take 1", [{"a": 1, "b": 3}]),
        ("project bag_remove_keys(dynamic({'a': 1, 'b': 3}), dynamic(['a'])) | take 1", [{"b": 3}]),
        ("project s = set_difference(dynamic([1, 2, 3]), dynamic([2])) | project array_length(s) | take 1", [2]),
        ("project bin_at(7, 5, 1), bin(-7, 5), bin(7.5, 2) | take 1", [(6, -10, 6.0)]),
        ("project string_size('é'), strlen('é') | take 1", [(2, 1)]),
        ("project extract_json('$.a', '{\"a\": 5}') | take 1", ["5"]),
        ("project parse_json('{\"a\": [1, null]}').a[1], parse_json('oops') | take 1", [(None, "oops")]),
        ("project format_timespan(90061s, 'd.hh:mm:ss') | take 1", ["1.01:01:01"]),
        ("project 7 / 2, 7.0 / 2, -7 % 4, 5 / 0 | take 1", [(3, 3.5, 1, None)]),
        ("project p = pack_all() | project p.name, p.zones | take 1", [("d1", None)]),
        ("project name, tags, zones | project bag_keys(pack_all(true)) | where Column1 !has 'zones' | count", [2]),
        # aggregates that are missing or different
        ("summarize count(type), sum(properties.diskSizeGB), sum(toint(properties.diskSizeGB))", [(4, 1269.0, 1269)]),
        ("summarize percentiles(toint(properties.diskSizeGB), 50, 95)", [(64, 1000)]),
        ("summarize minif(name, location == 'westeurope'), maxif(name, name < 'd3')", [("d2", "d2")]),
        ("summarize count_distinct(location), dcount(location)", [(2, 2)]),
        ("summarize make_list(name, 2), make_set(sku.name), make_set_if(name, name > 'd2')", [
            (["d1", "d2"], ["Premium_LRS", "Standard_LRS"], ["d3", "d4"]),
        ]),
        ("summarize make_bag(bag_pack(name, 1)) | project array_length(bag_keys(bag_))", [4]),
        ("summarize arg_max(toint(properties.diskSizeGB), n = name) by location | project n", ["d1", "d3"]),
        ("summarize round(100.0 * countif(location == 'westeurope') / count(), 1)", [75.0]),
        ("summarize take_any(*) | project name, sku.name", [("d1", "Standard_LRS")]),
        ("summarize n = count() by tostring(tags.env)", [("", 2), ("dev", 1), ("prod", 1)]),
        # columns
        ("project-keep na*, zones | take 1", [("d1", None)]),
        ("project name, zones, id | project-reorder i*, name | take 1", [("/disks/d1", "d1", None)]),
        ("project b = 1, a = 2 | project-reorder * asc | take 1", [(2, 1)]),
        ("project name, location | distinct *", [
            ("d1", "northeurope"), ("d2", "westeurope"), ("d3", "westeurope"), ("d4", "westeurope"),
        ]),
        ("mv-expand z = zones | where isnotnull(z) | project name, z", [("d3", "3"), ("d4", "1"), ("d4", "2")]),
        ("mv-expand z = zones to typeof(long) limit 1 | summarize sum(z)", [0]),
        # several tables
        ("where name in ((Resources | where tags.env == 'prod' | project name)) | project name", ["d4"]),
        ("project x = toscalar(RecoveryServicesResources | count) | take 1", [3]),
        ("project x = toscalar(resources | where name != 'd1'), y = 2 | project y | take 1", [2]),
        ("union (RecoveryServicesResources | extend extra = 1) | summarize count(), sum(extra)", [(7, 3)]),
        ("lookup (resources | project id, again = name) on id | project again", ["d1", "d2", "d3", "d4"]),
        ("project name | union withsource=T (RecoveryServicesResources | project name) | summarize count() by T", [
            ("RecoveryServicesResources", 3), ("Resources", 4),
        ]),
        ("project n = 1 | union (RecoveryServicesResources | project n = name) | take 1 | project n_long, n_string", [
            (None, "j1"),
        ]),
        # members by a computed name
        ("extend k = 'env' | where tags[k] == 'dev' | project e = tags[strcat('e', 'nv')]", ["dev"]),
        ("extend k = 'Cost Center' | where isnotempty(tags[k]) | project name, zones[0], zones[-1]", [
            ("d4", "1", "2"),
        ]),
        ("extend d = dynamic({'a~/b': {'c': 1}}) | project c = d[strcat('a~', '/b')].c | take 1", [1]),
        # spellings
        ("where now() + 1d between (now() .. now()+2d) | count", [4]),
        ("where toint(properties.diskSizeGB) between (10..100) | project name", ["d2"]),
        ("where name notcontains 'd1' | count", [3]),
        ("where * has 'prod' or * contains 'dev' | project name", ["d1", "d4"]),
        (r"extend n = extract(@'d(\d)', 1, name, typeof(int)) | summarize sum(n)", [10]),
        # rarer functions
        ("project column_ifexists('nosuch', 'none'), column_ifexists('name', '') | take 1", [("none", "d1")]),
        ("summarize percentiles_array(toint(properties.diskSizeGB), 50, 100)", [[64, 1000]]),
        ("summarize stdevp(1), variancep(2), binary_all_or(5), anyif(name, name > 'd3')", [(0.0, 0.0, 5, "d4")]),
        ("summarize make_bag_if(bag_pack(name, 1), name < 'd3')", [{"d1": 1, "d2": 1}]),
        ("summarize make_list(todatetime(properties.hidden))", [[]]),
        ("project array_rotate_left(dynamic([1, 2, 3]), 1), array_shift_left(dynamic([1, 2]), -1) | take 1", [
            ([2, 3, 1], [None, 1]),
        ]),
        ("project ipv4_is_in_range('10.1.2.3', '10.0.0.0/8'), ipv4_is_private('8.8.8.8') | take 1", [(True, False)]),
        ("project around(10, 12, 2), tohex(255), repeat(1, 2), range(1, 5, 2) | take 1", [
            (True, "ff", [1, 1], [1, 3, 5]),
        ]),
        ("mv-expand x = range(1, 300) | summarize count() by name", [(n, 128) for n in ("d1", "d2", "d3", "d4")]),
        ("mv-expand x = range(1, 300) limit 200 | where name == 'd1' | count", [200]),
    ],
)  # fmt: skip
def test_dialect(query: str, expected: list[Any]) -> None:
    assert values(f"Resources | {query}") == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("project totimespan(properties.duration)", ["00:03:08.0682060", "1.02:03:04", "-10675199.02:48:05.4775800"]),
        ("project tostring(totimespan(properties.duration)) | take 1", ["00:03:08.0682060"]),
        ("where name == 'j2' | project totimespan(properties.duration) / 1h", [26 + 3 / 60 + 4 / 3600]),
        ("take 2 | summarize sum(totimespan(properties.duration))", ["1.02:06:12.0682060"]),
        ("where properties.startTime > datetime(2026-11-10T00:00:00Z) | project name", ["j2", "j3"]),
        ("where properties.startTime > ago(2h) | project now() - todatetime(properties.startTime)", ["01:00:00"]),
        ("where todatetime(properties.startTime) between (datetime(2026-11-10) .. 1d) | project name", ["j2", "j3"]),
        ("project properties.startTime | take 1", ["2026-11-09T01:00:00.1234567Z"]),
        ("project todatetime(properties.startTime) | take 1", ["2026-11-09T01:00:00.1234560Z"]),
        ("summarize count() by bin(todatetime(properties.startTime), 1d)", [
            ("2026-11-09T00:00:00.0000000Z", 1), ("2026-11-10T00:00:00.0000000Z", 2),
        ]),
        ("project d = dayofweek(todatetime(properties.startTime)) | project d / 1d | take 1", [1.0]),
        ("project format_datetime(todatetime(properties.startTime), 'yyyy-MM-dd HH') | take 1", ["2026-11-09 01"]),
    ],
)  # fmt: skip
def test_times(query: str, expected: list[Any]) -> None:
    assert values(f"recoveryservicesresources | {query}") == expected


@pytest.mark.parametrize(
    ("join", "expected"),
    [
        ("join kind=leftouter (disks) on disk | project name, gib, place, isempty(place)", [
            ("j1", 5, "northeurope", False), ("j2", 5, "northeurope", False), ("j3", None, "", True),
        ]),
        ("join (disks) on disk | count", [1]),
        ("join kind=inner (disks) on disk | project disk1", ["/disks/d1", "/disks/d1"]),
        ("join kind=inner (disks) on $left.disk == $right.disk | count", [2]),
        ("join kind=inner (disks) on disk and $left.disk == $right.disk | count", [2]),
        ("join kind=fullouter (disks) on disk | where isempty(disk) | count", [3]),
        ("lookup (disks) on disk | project name, gib", [("j1", 5), ("j2", 5), ("j3", None)]),
    ],
)  # fmt: skip
def test_joins(join: str, expected: list[Any]) -> None:
    text = "let disks = resources | project disk = id, gib = toint(properties.diskSizeGB), place = location;"
    jobs = "recoveryservicesresources | extend disk = tolower(tostring(properties.diskId))"
    assert values(f"{text} {jobs} | {join}") == expected


def test_a_query_may_start_at_an_operator_and_then_reads_resources() -> None:
    assert values("where name == 'd1' | project name") == ["d1"]


def test_lets_hold_scalars_tables_and_functions() -> None:
    text = (
        "let big = 100; let t = Resources | where properties.diskSizeGB > big; let f = (x:string) { strcat(x, '!') };"
    )
    assert values(f"{text} t | project f(name)") == ["d3!", "d4!"]


def test_types_of_columns() -> None:
    answer = ask(
        "resources | project name, sku, n = toint(properties.diskSizeGB), t = now(), s = 1h, r = 1.5, b = true"
    )
    assert [column.type for column in answer.columns] == [
        "string",
        "dynamic",
        "int",
        "datetime",
        "timespan",
        "real",
        "bool",
    ]
    assert answer.rows[0] == ("d1", {"name": "Standard_LRS"}, 5, iso(NOW), "01:00:00", 1.5, True)


def test_an_answer_keeps_null_members() -> None:
    assert ask("resources | take 1").records()[0]["properties"]["hidden"] is None


def test_a_limit_may_be_a_let() -> None:
    assert values("let n = 2; resources | take n | project name") == ["d1", "d2"]
    assert values("let n = 2; resources | top n by name desc | project name") == ["d4", "d3"]


def test_limited_is_about_the_main_pipeline() -> None:
    assert (
        ask("resources | take 2").limited and ask("resources | sample 2").limited and ask("resources | limit 2").limited
    )
    assert not ask("resources | top 2 by name").limited
    assert not ask("let t = resources | take 2; t | where name != ''").limited
    assert not ask("resources | where name in ((resources | take 2 | project name))").limited


def test_now_is_bound_at_each_run_of_a_kept_translation() -> None:
    for hour in (1, 2):
        now = datetime(2026, 1, 1, hour, tzinfo=UTC)
        assert ask("resources | project now() | take 1", now).rows == [(iso(now),)]
    elsewhere = NOW.astimezone(tz=None)
    assert ask("resources | project now() | take 1", elsewhere).rows == [(iso(NOW),)]


WRITTEN = [
    "where todatetime(properties.startTime) >= datetime({0}) | project name",
    "where todatetime(properties.startTime) between (datetime({0}) .. datetime({1})) | project name, x = datetime({0})",
    "summarize n = countif(todatetime(properties.startTime) > datetime({0})) by d = bin(datetime({1}), 1d)",
    "project t = 'datetime({0})', u = \"datetime({1})\", v = @'datetime({0})' // datetime({1})",
    "project d = dynamic(['datetime({0})', 1]), s = tostring(datetime({0})), n = datetime({1}) - datetime({0})",
    "project d = dynamic([datetime({0})]), i = iff(datetime({0}) < datetime({1}), 'a', 'b'), f = datetime({0}) + 1h",
    "where todatetime(properties.startTime) in (datetime({0}), datetime({1})) | project name",
    "where todatetime(properties.startTime) > datetime({0}) | where nosuch == 1",
]


@pytest.mark.parametrize("query", WRITTEN)
def test_queries_that_differ_in_instants_alone_answer_as_if_each_were_the_first(query: str) -> None:
    engine, tables = Engine(), Tables(frozenset(ROWS), ROWS.__getitem__)
    for pair in (
        ("2026-11-09T01:00:00.123456Z", "2026-11-10T11:00:00Z"),
        ("2026-11-10T01:00:00Z", "2026-11-10T10:59:59.9999990Z"),
        ("1871-02-03T04:05:06.000000Z", "2026-11-10T11:00:00Z"),
        ("2026-13-45T01:00:00Z", "2026-11-10T11:00:00Z"),
    ):
        text = "recoveryservicesresources | " + query.format(*pair)
        assert told(engine, text, tables) == told(Engine(), text, tables)


@pytest.mark.parametrize(
    "query",
    [
        "where (strcmp(id, '{0}') >= 0 and strcmp(tolower(id), '{1}') < 0) or id == '{1}' | project id",
        "where id =~ '{0}' or id has '{0}' or id startswith '{1}' | project id",
        "where id in~ ('{0}', '{1}') or id matches regex '{0}' or id endswith '{1}' | project id, x = strlen('{0}')",
        "project s = split(id, '{0}'), t = dynamic(['{0}']), u = @'{1}', r = replace_string(id, '{0}', '{1}') // '{0}'",
        "where todatetime(properties.startTime) > datetime(2026-11-09T01:00:00Z) | summarize count() by x=id=='{0}'",
        "extend x = tags['{0}'], y = h'{1}' | where id !contains '{0}' | project id, x, y",
        "where id > '{0}' | where nosuch == '{1}'",
    ],
)
def test_queries_that_differ_in_ids_alone_answer_as_if_each_were_the_first(query: str) -> None:
    rows = [{**row, "id": f"/subscriptions/1{row['id']}"} for row in ROWS["recoveryservicesresources"]]
    engine, tables = Engine(), Tables(frozenset(ROWS), lambda name: rows)
    known = [row["id"] for row in rows]
    for pair in (
        (known[0], known[-1]),
        (known[1], known[0].upper().replace("/SUBSCRIPTIONS", "/subscriptions")),
        ("/subscriptions/%", "/subscriptions/a_b"),
        ("/subscriptions/Stand-In_%/000", known[2]),
        (known[2], known[2]),
    ):
        text = "recoveryservicesresources | " + query.format(*pair)
        assert told(engine, text, tables) == told(Engine(), text, tables)


def told(engine: Engine, text: str, tables: Tables) -> Any:
    try:
        answer = engine.run(text, tables, NOW, version=0)
    except KqlError as error:
        return error.code, error.line, error.position, error.token
    return answer.columns, answer.rows


@pytest.mark.parametrize("op", ["<", "<=", ">", ">="])
def test_texts_compared_by_strcmp(op: str) -> None:
    found = values(f"resources | where strcmp(name, 'd2') {op} 0 | project name")
    assert found == values(f"resources | extend c = strcmp(name, 'd2') | where c {op} 0 | project name")
    assert found
    assert values(f"resources | where strcmp(tags.env, properties.nothing) {op} 0 | count") == values(
        f"resources | extend c = strcmp(tags.env, properties.nothing) | where c {op} 0 | count"
    )


def test_an_instant_of_a_query_is_none_of_its_translation() -> None:
    text = "recoveryservicesresources | where todatetime(properties.startTime) >= datetime(2026-11-{:02}T01:00:00Z)"
    assert [len(ask(text.format(day)).rows) for day in (9, 10, 11)] == [3, 2, 0]
    first, second = (ENGINE._plan(text.format(day), frozenset(ROWS))[0] for day in (9, 10))
    assert first is second


def test_the_ids_at_the_ends_of_pages_are_none_of_a_translation() -> None:
    text = (
        "resources | where strcmp(tolower(id), '/subscriptions/{0}/a') > 0 and strcmp(id, '/subscriptions/{0}/b') < 0"
    )
    first, second = (ENGINE._plan(text.format(one), frozenset(ROWS))[0] for one in "xy")
    assert first is second


def test_tables_are_loaded_again_unless_the_version_stands() -> None:
    engine, rows = Engine(), [{"id": "/a"}]
    tables = Tables(frozenset({"resources"}), lambda name: rows)

    def count(version: object | None) -> int:
        return int(engine.run("resources | count", tables, NOW, version=version).rows[0][0])

    assert count(1) == 1
    rows.append({"id": "/b"})
    assert (count(1), count(2), count(None)) == (1, 2, 2)


@pytest.mark.parametrize("query", ["['resources'] | count", "let r = RESOURCES; r | count", "resources // x\n| count"])
def test_a_table_is_loaded_however_it_is_named(query: str) -> None:
    asked: list[str] = []

    def rows(name: str) -> list[dict[str, Any]]:
        asked.append(name)
        return [{"id": "/a"}]

    assert Engine().run(query, Tables(frozenset(ROWS), rows), NOW).rows[0] == (1,)
    assert asked == ["resources"]


def test_tables_whose_names_are_texts_or_members_are_not_loaded() -> None:
    query = (
        "resources | where type != 'microsoft.resourcecontainers/x' and isnull(properties.recoveryservicesresources)"
    )
    tables = Tables(frozenset(ROWS), {"resources": [{"id": "/a"}]}.__getitem__)
    assert len(Engine().run(query, tables, NOW).rows) == 1


@pytest.mark.parametrize(
    ("query", "code", "token", "place"),
    [
        ("resources | where type ==", "ParserFailure", "<EOF>", (1, 25)),
        ("resources | where type = 'x'", "ParserFailure", "=", (1, 23)),
        ("resources\n| where (name == 'a'", "ParserFailure", "<EOF>", (2, 20)),
        ("resources | where name == 'a", "ParserFailure", "'", (1, 26)),
        ("resources | wher name == 'a'", "ParserFailure", "wher", (1, 12)),
        ("resources | where kind == 'a' | project name name", "ParserFailure", "name", (1, 45)),
        ("resources | project properties.count", "ParserFailure", "count", (1, 31)),
        ("resources | join kind=leftanti (resources) on id", "ParserFailure", "leftanti", (1, 22)),
        ("resources | where id > datetime(2020-01-01T00:00:00ZZ)", "ParserFailure", "2020-01-01T00:00:00ZZ", (1, 32)),
        ("", "ParserFailure", "<EOF>", (1, 0)),
        ("resources | evaluate bag_unpack(tags)", "InvalidQueryLanguage", "evaluate", (-1, -1)),
        ("resources | extend n = row_number()", "InvalidQueryLanguage", "row_number", (-1, -1)),
        ("print 1", "InvalidQueryLanguage", "print", (-1, -1)),
        ("resources\n| where kind == ''\n| where nosuch == 1", "SemanticError", "nosuch", (3, 8)),
        ("resources | project Name", "SemanticError", "Name", (1, 20)),
        ("resources | extend a = 1, b = a", "SemanticError", "a", (1, 19)),
        ("resources | extend x = nosuch(id)", "SemanticError", "nosuch", (1, 23)),
        ("resources | summarize nosuch(id)", "SemanticError", "nosuch", (1, 22)),
        ("resources | summarize name", "SemanticError", "name", (1, 22)),
        ("resources | summarize sum(name == 'a')", "SemanticError", None, (-1, -1)),
        ("resources | summarize sumif(name, true)", "SemanticError", None, (-1, -1)),
        ("resources | summarize n = count(), a = avg(isempty(name))", "SemanticError", None, (-1, -1)),
        ("resources | summarize stdev(id)", "SemanticError", None, (-1, -1)),
        ("resources | summarize binary_all_or(isempty(id))", "SemanticError", None, (-1, -1)),
        ("resources | project count(id)", "SemanticError", "count", (1, 20)),
        ("resources | where name == 5", "SemanticError", None, (-1, -1)),
        ("resources | where tags == sku", "SemanticError", None, (-1, -1)),
        ("resources | where name", "SemanticError", None, (-1, -1)),
        ("resources | where id.foo == 1", "SemanticError", None, (-1, -1)),
        ("resources | summarize count() by sku.name", "SemanticError", None, (-1, -1)),
        ("resources | distinct tags", "SemanticError", None, (-1, -1)),
        ("resources | extend s = sku | join (resourcecontainers | extend s = '') on s", "SemanticError", "s", (1, 19)),
        ("resources | project a = 1, a = 2", "SemanticError", "a", (1, 20)),
        ("Nosuch | take 1", "DisallowedLogicalTableName", "Nosuch", (1, 0)),
        ("resources | where", "ParserFailure", "<EOF>", (1, 17)),
        ("resources |", "ParserFailure", "<EOF>", (1, 11)),
        ("resources | order name", "ParserFailure", "name", (1, 18)),
        ("resources | top 5 name", "ParserFailure", "name", (1, 18)),
        ("resources | extend = 1", "ParserFailure", "=", (1, 19)),
        ("resources | take -1", "ParserFailure", "-", (1, 17)),
        ("resources | join (resourcecontainers)", "ParserFailure", "<EOF>", (1, 37)),
        ("resources | join (resourcecontainers) | count", "ParserFailure", "|", (1, 38)),
        ("let x = 1;", "ParserFailure", "<EOF>", (1, 10)),
        (".show tables", "ParserFailure", ".", (1, 0)),
        ("resources | take x", "SemanticError", "take", (1, 12)),
        ("resources | where name matches regex '('", "SemanticError", None, (-1, -1)),
        ("resources | extend x = strcat()", "SemanticError", "strcat", (1, 23)),
        ("resources | join hint.remote=left (resources) on id", "InvalidQueryLanguage", "hint.remote", (-1, -1)),
        ("union isfuzzy=true resources, nosuch", "InvalidQueryLanguage", "isfuzzy", (-1, -1)),
        ("arg('').resources", "InvalidQueryLanguage", "arg", (-1, -1)),
        ("database('x').resources | count", "InvalidQueryLanguage", "database", (-1, -1)),
        ("resources | extend x = series_stats(zones)", "InvalidQueryLanguage", "series_stats", (-1, -1)),
        ("resources | union a, b, c", "DisallowedLogicalTableName", "a", (1, 18)),
    ],
)  # fmt: skip
def test_refusals(query: str, code: str, token: str | None, place: tuple[int, int]) -> None:
    error = refused(query)
    assert (error.code, error.token, (error.line, error.position)) == (code, token, place)


def test_limits_of_joins_unions_and_expansions() -> None:
    twice = "resources | join (resourcecontainers) on id | join (ResourceContainers) on id"
    assert refused(twice).code == "DisallowedMaxNumberOfRemoteTables"
    hidden = "let c = resourcecontainers; resources | join (c) on id | join (c | where name != '') on id"
    assert refused(hidden).code == "DisallowedMaxNumberOfRemoteTables"
    assert refused("resources" + " | union resourcecontainers" * 4).code == "DisallowedMaxNumberOfJoinsOrUnions"
    assert refused("union resources, resources, resources, resources").code == "DisallowedMaxNumberOfUnionLegs"
    assert refused("resources" + " | mv-expand tags" * 4).code == "DisallowedMaxNumberOfMvExpands"
    assert refused("resources | mv-expand tags limit 2001").code == "DisallowedMaxMvExpandRowLimit"


def test_a_gap_of_the_sandbox_is_not_put_on_the_service() -> None:
    assert refused("resources | extend x = hll(name)").code == "SandboxUnsupported"
    assert refused("resources | extend x = range(1h, 5h)").code == "SandboxUnsupported"


def test_functions_of_the_engine_are_out_of_reach() -> None:
    for query in ("resources | extend x = rg_text(id)", "resources | extend x = read_text('/etc/hostname')"):
        assert refused(query).code == "SemanticError"


def test_nothing_heavy_is_imported_before_the_first_query() -> None:
    script = (
        "import sys, dpmagic.sandbox.kql, dpmagic.sandbox.resourcegraph;"
        "assert not {'duckdb', 'duckdb_kql', 'antlr4', 'pyarrow', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_pandas_is_not_imported_by_queries_either() -> None:
    script = """
import sys
from dpmagic.sandbox import Sandbox
query = "resources | extend at = todatetime(properties.timeCreated) | project id, at, tags | order by at asc"
url = "https://x/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01"
with Sandbox(estate="default") as sandbox:
    reply = sandbox.handle("POST", url, {"authorization": "Bearer x"}, ('{"query": "%s"}' % query).encode())
assert reply.status == 200 and b"AzureBackup_" in reply.body, reply
assert "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_engines_draw_no_bars_at_a_prompt() -> None:
    script = (
        "import duckdb; from dpmagic.archive.deltas import engine; from dpmagic.sandbox.kql.store import Store\n"
        "for one in (duckdb.connect(), engine(), Store()._connection):\n"
        "    print(one.sql(\"SELECT current_setting('enable_progress_bar')\").fetchall())"
    )
    printed = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    # DuckDB takes this for a prompt: one that is told nothing would draw.
    assert printed.split() == ["[(True,)]", "[(False,)]", "[(False,)]"]


def literal(text: str) -> str:
    escaped = (
        text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    )
    return f"'{escaped}'"


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], include_characters="\n\t"), max_size=20
)


@QUICK
@given(name=TEXT, other=TEXT)
def test_any_text_survives_as_value_and_as_literal(name: str, other: str) -> None:
    rows = [{"id": "/1", "name": name, "properties": {"text": name}}]
    found = f"properties.text == {literal(name)} and name == {literal(name)}"
    query = f"resources | where {found} | project name, {literal(other)}"
    assert ENGINE.run(query, Tables({"resources"}, lambda table: rows), NOW).rows == [(name, other)]


@QUICK
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=8,
    )
)
def test_any_document_comes_back_as_it_went_in(value: Any) -> None:
    rows = [{"id": "/1", "properties": {"value": value}}]
    answer = run("resources | project properties, v = properties.value", {"resources": rows}, NOW)
    assert answer.rows == [({"value": value}, value)]


@QUICK
@given(st.integers(-(10**14), 10**14))
def test_timespans_round_trip(micros: int) -> None:
    span = timedelta(microseconds=micros)
    days, rest = divmod(abs(micros), 86_400_000_000)
    seconds, fraction = divmod(rest, 1_000_000)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}0"
    text = f"{'-' if micros < 0 else ''}{days}.{clock}"
    rows = [{"id": "/1", "name": text}]
    (row,) = ENGINE.run(
        "resources | extend t = totimespan(name) | project t / 1s, t == totimespan(tostring(t))",
        Tables({"resources"}, lambda table: rows),
        NOW,
    ).rows
    assert row[0] == pytest.approx(span.total_seconds()) and row[1]


@QUICK
@given(st.text())
def test_a_text_as_dpmagic_writes_it_is_read_as_it_was(text: str) -> None:
    engine_reads(literals.literal(text), text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"'\u00e9\U0001F600\x41b'", "é😀Ab"),
        (r"'\ud83d\ude00 \\u0041'", r"😀 \u0041"),
        (r"'\u0027\u005c\u000a'", "'\\\n"),
        (r"@'\u0041'", r"\u0041"),
        (r"tostring(dynamic(['\u0041', '\\\\'])[0])", "A"),
        (r"'\u12 \UFFFFFFFF'", "u12 UFFFFFFFF"),
    ],
)
def test_characters_by_their_numbers(written: str, meant: str) -> None:
    engine_reads(written, meant)


def engine_reads(written: str, meant: str) -> None:
    assert ask(f"resources | take 1 | project x = {written}").rows == [(meant,)]


def test_ctrl_c_in_the_middle_of_a_query_is_ctrl_c_and_no_error_of_duckdbs() -> None:
    engine, rows = Engine(), [{"id": f"/{number}", "name": "a"} for number in range(3_000)]
    tables = Tables(frozenset(ROWS), lambda name: rows)
    count = "resources | project name | join kind=inner (resources | project name) on name | count"
    assert engine.run(count, tables, NOW, 1).rows == [(9_000_000,)]

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            for _ in range(100):
                signal.setitimer(signal.ITIMER_REAL, 0.005)
                engine.run(count, tables, NOW, 1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert engine.run("resources | count", tables, NOW, 1).rows == [(3_000,)]
