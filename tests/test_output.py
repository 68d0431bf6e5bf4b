"""--query, -o and > file: az's shape where az has one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pandas
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dpmagic import output
from dpmagic.errors import InvalidArgument

REFERENCE = Path(__file__).resolve().parents[1] / ".." / "shared" / "reference"
needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason="the recorded az runs are not beside this checkout")

VAULT_ID = "/subscriptions/s/resourceGroups/rg1/providers/Microsoft.DataProtection/backupVaults/v1"
VAULTS = [
    {"name": "v1", "id": VAULT_ID, "tags": {"b": "ü", "a": None}, "properties": {"n": 1, "on": True, "l": [1, 2]}},
    {"name": "v2", "id": VAULT_ID, "tags": None, "properties": {"n": 2, "on": False, "l": []}},
]
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.one_of(st.just("id"), st.text()), inner)),
    max_leaves=20,
)


def az_results() -> list[tuple[Any, Any]]:
    """Each recorded answer of the service, beside what az made of it."""
    answers = json.loads((REFERENCE / "az-runs-answers.json").read_text())
    bodies = []
    for *_, body in answers:
        if isinstance(body, dict):
            bodies += [body, *(body[key] for key in ("value", "data") if isinstance(body.get(key), list))]
    runs = [json.loads(line) for line in (REFERENCE / "az-runs.jsonl").read_text().splitlines()]
    pairs = []
    for run in runs:
        pairs += [
            (body, run["result"]) for body in bodies if body and without_group(body) == without_group(run["result"])
        ]
    return pairs


def without_group(value: Any) -> Any:
    if isinstance(value, list):
        return [without_group(item) for item in value]
    if isinstance(value, dict):
        return {key: without_group(item) for key, item in value.items() if key != "resourceGroup"}
    return value


@needs_reference
def test_az_json_is_what_az_prints() -> None:
    pairs = az_results()
    assert len(pairs) > 20
    for body, result in pairs:
        assert output.az_json(body) == result
        assert output.text(output.az_json(body), "json") == output.text(result, "json")


@needs_reference
def test_what_az_printed_stays_as_it_is() -> None:
    for line in (REFERENCE / "az-runs.jsonl").read_text().splitlines():
        result = json.loads(line)["result"]
        # A result that is made on the client, from an answer's parts, passes through the same filter in az.
        assert output.az_json(result) == result
        assert json.dumps(output.az_json(result)) == json.dumps(result, sort_keys=True)


@given(json_values)
def test_az_json_adds_groups_sorts_keys_and_does_nothing_else(value: Any) -> None:
    made = output.az_json(value)
    assert made == output.with_resource_group(value) == output.az_json(made)
    assert json.dumps(made) == json.dumps(made, sort_keys=True)
    assert without_group(made) == without_group(value)


@pytest.mark.parametrize(
    ("value", "group"),
    [
        ({"id": VAULT_ID}, "rg1"),
        ({"id": VAULT_ID.replace("resourceGroups", "resourcegroups")}, "rg1"),
        ({"id": VAULT_ID, "resourceGroup": "mine"}, "mine"),
        ({"id": VAULT_ID, "ResourceGroup": "mine"}, None),
        ({"id": "/subscriptions/s/resourceGroups/rg1"}, None),
        ({"id": "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/r/a/b"}, None),
        ({"id": "Default_"}, None),
        ({"id": ["x"]}, None),
        ({"id": None}, None),
    ],
)
def test_who_gets_a_resource_group(value: dict[str, Any], group: str | None) -> None:
    before = json.dumps(value)
    assert output.with_resource_group(value).get("resourceGroup") == group
    assert json.dumps(value) == before


def test_groups_are_added_at_any_depth_but_not_in_a_source_vault() -> None:
    made = output.with_resource_group({"a": [{"id": VAULT_ID}], "sourceVault": {"id": VAULT_ID}})
    assert made == {"a": [{"id": VAULT_ID, "resourceGroup": "rg1"}], "sourceVault": {"id": VAULT_ID}}


def test_a_query_keeps_the_order_it_asks_for() -> None:
    picked = output.query(VAULTS, "[].{name: name, id: id, first: tags.a}")
    assert list(picked[0]) == ["name", "id", "first"]
    assert output.text(picked, "tsv") == f"v1\t{VAULT_ID}\tNone\nv2\t{VAULT_ID}\tNone"
    assert output.text(picked, "table").split("\n")[0].split() == ["name", "id"]
    assert list(json.loads(output.text(picked, "json"))[0]) == ["first", "id", "name"]


@pytest.mark.parametrize("value", [["a", "b"], [1, 2], 7, "x", True, [True]])
def test_plain_values_are_headed_as_az_does(value: Any) -> None:
    assert output.text(value, "table").split("\n")[0].strip() == "Result"
    assert output.text([{"value": 1}], "table").split("\n")[0] == "value"


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("[?name==", "ends too early, at position 8"),
        ("[].{a:b", "ends too early, at position 7"),
        ("a b", "does not read on from 'b', at position 2"),
        ("[?a = 'x']", "does not read on from \"= 'x']\", at position 4"),
        ("[?a == 'x]", 'does not read on from "\'x]", at position 7'),
        ("", "cannot be empty"),
        ("frob(@)", "Unknown function: frob()"),
        ("abs(@, @)", "Expected 1 argument"),
        ("sort_by(@, &name)", "sort_by() takes array, and here gets object"),
    ],
)
def test_a_bad_query_says_where(expression: str, fault: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(fault)) as caught:
        output.query({"name": "hunter2"}, expression)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert "hunter2" not in caught.value.message
    assert caught.value.__suppress_context__


@given(json_values)
def test_json_and_yaml_hold_the_value(value: Any) -> None:
    assert json.loads(output.text(value, "json")) == value
    assert json.loads(output.text(value, "raw")) == value
    assert output.text(value, "json") == json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    assert output.text(value, "raw") == json.dumps(value, indent=2, ensure_ascii=False)


def test_yaml_is_read_back_and_sorted() -> None:
    shown = output.text(output.query(VAULTS, "[].{name: name, id: id, tags: tags}"), "yaml")
    assert yaml.safe_load(shown) == [{key: vault[key] for key in ("id", "name", "tags")} for vault in VAULTS]
    assert shown.startswith("- id: ")
    assert "ü" in shown


@pytest.mark.parametrize(("coloured", "plain"), [("jsonc", "json"), ("yamlc", "yaml")])
def test_colour_is_only_colour(coloured: str, plain: str) -> None:
    shown = output.text(VAULTS, coloured)
    assert "\x1b[" in shown
    assert re.sub(r"\x1b\[[\d;]*m", "", shown) == output.text(VAULTS, plain)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ([], ""),
        ("a", "a"),
        (True, "true"),
        ([True, None], "true\nNone"),
        (["a", 1, 1.5], "a\n1\n1.5"),
        ([["a", True], [None, [1, 2]]], "a\tTrue\nNone\t2"),
        ({"b": 1, "a": {"x": 1}}, "\t1"),
        (OrderedDict(b=1, a="é"), "1\té"),
        (VAULTS[:1], f"{VAULT_ID}\tv1\t\t"),
    ],
)
def test_tsv_is_azs(value: Any, expected: str) -> None:
    assert output.text(value, "tsv") == expected


def test_none_and_unknown_formats() -> None:
    assert output.text(VAULTS, "none") == output.text(None, "table") == ""
    assert output.text(None, "json") == "null"
    with pytest.raises(InvalidArgument, match="xml"):
        output.text(VAULTS, "xml")


@pytest.mark.parametrize("width", [None, 1000, 40])
def test_a_table_holds_whole_ids_at_any_width(width: int | None) -> None:
    assert VAULT_ID in output.text(VAULTS, "table", width=width)


@pytest.mark.parametrize("name", ["a.json", "a", "a.txt", "a.JSON"])
def test_a_file_holds_what_json_prints(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    line = output.write(VAULTS, path)
    assert path.read_text(encoding="utf-8") == output.text(VAULTS, "json") + "\n"
    assert line == f"wrote {path}: 2 objects, {path.stat().st_size:,} bytes"
    first = path.read_bytes()
    output.write(VAULTS, path)
    assert path.read_bytes() == first
    assert [item.name for item in tmp_path.iterdir()] == [name]


def test_a_file_is_written_by_its_suffix(tmp_path: Path) -> None:
    for name in ("a.yaml", "a.yml", "a.csv", "a.tsv", "a.parquet", "a.xlsx"):
        line = output.write(VAULTS, tmp_path / name)
        assert re.fullmatch(r"wrote .*: 2 (rows|objects), [\d,]+ bytes", line)
    assert yaml.safe_load((tmp_path / "a.yaml").read_text()) == VAULTS
    frames = [
        pandas.read_csv(tmp_path / "a.csv"),
        pandas.read_csv(tmp_path / "a.tsv", sep="\t"),
        pandas.read_parquet(tmp_path / "a.parquet"),
        pandas.read_excel(tmp_path / "a.xlsx"),
    ]
    for made in frames:
        assert made["name"].tolist() == ["v1", "v2"]
        assert json.loads(made["l"][0]) == [1, 2]


@pytest.mark.parametrize("value", [None, [], {}, "x", [1, None]])
@pytest.mark.parametrize("suffix", [".json", ".yaml", ".csv", ".tsv", ".parquet", ".xlsx"])
def test_little_can_be_written_too(tmp_path: Path, value: Any, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    assert str(path) in output.write(value, path)
    assert path.stat().st_size > 0


def test_the_path_is_named_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert output.write({"a": 1}, Path("x.json")) == "wrote x.json: 1 object, 13 bytes"


def test_half_of_a_surrogate_pair_can_be_written(tmp_path: Path) -> None:
    output.write({"a": "\ud800é"}, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"a": "\ud800é"}


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    output.write([{"a": 1}], path)
    before = path.read_bytes()
    with pytest.raises(InvalidArgument):
        output.write([{"a": "x" * 40_000}], path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_links_and_modes_outlive_a_write(tmp_path: Path) -> None:
    target, link = tmp_path / "real.json", tmp_path / "link.json"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    output.write([], link)
    assert link.is_symlink()
    assert target.read_text() == "[]\n"
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_device_is_written_to_and_not_replaced() -> None:
    assert output.write([], Path("/dev/null")) == "wrote /dev/null: 0 objects, 3 bytes"
    assert Path("/dev/null").is_char_device()


def test_what_cannot_be_written_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path, fault in (
        (tmp_path / "no" / "a.json", "there is no folder"),
        (tmp_path / "file" / "a.json", "there is no folder"),
        (tmp_path, "it is a folder"),
        (tmp_path / ("x" * 300), "file name too long"),
    ):
        with pytest.raises(InvalidArgument, match=fault) as caught:
            output.write(VAULTS, path)
        assert caught.value.hint
        assert len(caught.value.lines()) == 2
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys, dpmagic.output; print({'pandas', 'pyarrow', 'jmespath', 'pygments', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("wrong", "hinted", "right"),
    [
        ("sort_by([], &t)[].n", "&not_null(field, '')", "sort_by([], &not_null(t, ''))[].n"),
        ("sort_by([], &t)[].n", "[?field]", "[?t] | sort_by(@, &t)[].n"),
        ("[?starts_with(t, 'b')].n", "not_null(field, '')", "[?starts_with(not_null(t, ''), 'b')].n"),
        ("[?starts_with(t, 'b')].n", "[?field]", "[?t] | [?starts_with(t, 'b')].n"),
    ],
)
def test_a_query_over_missing_values_is_told_what_to_do(wrong: str, hinted: str, right: str) -> None:
    rows = [{"n": 1, "t": "b"}, {"n": 2}]
    with pytest.raises(InvalidArgument, match="gets null") as caught:
        output.query(rows, wrong)
    assert hinted in caught.value.hint
    assert 1 in output.query(rows, right)
