"""Named controls: verdicts by hand, exceptions, and faults of the file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from dpmagic.analysis.controlling.reading import KINDS, read
from dpmagic.analysis.controls import control_members, controls
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from tests.analysis.byhand import SUB, VAULT, disks, estate, instance, nightly, policies
from tests.schedules.policies import policy

WHERE = {"subscriptionId": SUB.rpartition("/")[2], "resourceGroup": "rg", "location": "westeurope"}
FRESH = nightly("a", "27", "28", "3-01")
KEPT = {"kind": "retention", "atLeast": "35d"}
WHO = "by: me, reason: y, until: 2027-01-01"
OFF = {"id": f"{VAULT}/backupInstances/b", "reason": "moving", "by": "dba", "until": "2026-04-01"}


def two(**more: Any) -> Estate:
    long = policies(long=policy("R/2024-01-01T22:00:00Z/P1D", Default="P35D"))
    tagged = pandas.concat([disks("a", tags={"Env": "prod"}), disks("b", tags={"env": "dev"})])
    made = [instance("a", "long"), instance("b", currentProtectionState="ProtectionStopped")]
    return estate(made, FRESH, policies=long, disks=tagged, **more)


@pytest.mark.parametrize(
    ("control", "verdict", "counts"),
    [
        (KEPT, "fail", (2, 1, 1, 0, 0, 0)),
        (KEPT | {"atLeast": "7d"}, "pass", (2, 2, 0, 0, 0, 0)),
        (KEPT | {"where": {"tags": {"env": "PROD"}}}, "pass", (1, 1, 0, 0, 0, 0)),
        (KEPT | {"where": {"tags": {"env": "none"}}}, "not verifiable", (0, 0, 0, 0, 0, 0)),
        (KEPT | {"where": {"tags": {"env": "prod"}, "policy": "p"}}, "not applicable", (0, 0, 0, 0, 0, 0)),
        (KEPT | {"where": {"policy": ["p"]}}, "fail", (1, 0, 1, 0, 0, 0)),
        (KEPT | {"where": {"subscription": SUB.rpartition("/")[2].upper()}}, "fail", (2, 1, 1, 0, 0, 0)),
        (KEPT | {"except": [OFF]}, "excepted", (2, 1, 0, 1, 0, 0)),
        (KEPT | {"except": [OFF | {"until": "2026-03-02T08:00Z"}]}, "fail", (2, 1, 1, 0, 0, 0)),
        (KEPT | {"except": [{**OFF, "id": None, "tag": "env=dev"}]}, "excepted", (2, 1, 0, 1, 0, 0)),
        ({"kind": "frequency", "atMost": "1d"}, "fail", (2, 1, 1, 0, 0, 0)),  # b is stopped: none is due
        ({"kind": "frequency", "atMost": "12h"}, "fail", (2, 0, 2, 0, 0, 0)),
        ({"kind": "successRate", "atLeast": "100%"}, "pass", (2, 1, 0, 0, 1, 0)),
        ({"kind": "restoreTested", "atMost": "365d"}, "fail", (2, 0, 2, 0, 0, 0)),
    ],
)
def test_verdicts_by_hand(control: Any, verdict: str, counts: tuple[int, ...]) -> None:
    wide = "400d" if control["kind"] == "restoreTested" else "14d"
    [row] = controls(two(window=wide), {"it": control}).to_dict("records")
    names = ("n", "passed", "failed", "excepted", "notApplicable", "notVerifiable")
    assert (row["verdict"], tuple(row[name] for name in names)) == (verdict, counts)
    rows = control_members(two(window=wide), {"it": control})
    assert row["evidence"] == rows.loc[rows["verdict"] == "fail", "id"].tolist()
    if verdict == "excepted":
        assert (row["by"], row["until"]) == ("dba", pandas.Timestamp("2026-04-01", tz="UTC"))


def test_what_the_window_does_not_reach_and_who_cannot_be_read_is_not_verifiable() -> None:
    short = controls(two(), {"it": {"kind": "restoreTested", "atMost": "90d"}})
    assert short.loc[0, ["verdict", "notVerifiable"]].tolist() == ["not verifiable", 2]
    tables = {name: two().table(name) for name in ("instances", "jobs", "policies", "disks")}
    here = SUB.rpartition("/")[2]
    for rows in tables.values():
        rows.attrs["dpmagic"]["subscriptions"] |= {"asked": [here, "other"], "answered": [here]}
    found = controls(
        Estate.of(tables, now=two().now),
        {"all": KEPT | {"atLeast": "7d"}, "here": KEPT | {"atLeast": "7d", "where": {"subscription": here}}},
    )
    assert found["verdict"].tolist() == ["not verifiable", "pass"]


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("a: {kind: rop, atMost: 1d}", "line 1: the kind rop", "did you mean rpo?"),
        ("a:\n  kind: rpo\n  atmost: 1d", "line 3:", "did you mean atMost?"),
        ("a: {kind: rpo}", "line 1: the control a has no atMost", "give"),
        ("a:\n  kind: rpo\n  atMost: soon", "line 3: 'soon' is not a span", "24h"),
        ("a: {kind: rpo, atMost: 1d,\n where: {tag: x}}", "line 2:", "did you mean tags?"),
        ("a: {kind: coverage}\na: {kind: coverage}", "line 2: a is there twice", "line 1"),
        ("a: {kind: posture, setting: softDelet}", "the setting softDelet", "did you mean softDelete?"),
        ("a: {kind: successRate, atLeast: 95}", "95 is no share", "95%"),
        ("a: {kind: coverage, except: [{id: x, by: me, reason: y}]}", "has no until", "give"),
        (
            "a:\n  kind: rpo\n  atMost: 1d\n  except:\n  - {id: x, by: me, reason: y, untill: 2027-01-01}",
            "line 5:",
            "did you mean until?",
        ),
        (
            "a:\n  kind: coverage\n  except:\n  - tag: x\n    by: me\n    reason: y\n    until: soon",
            "line 7: ",
            "write",
        ),
        (
            "a:\n  kind: coverage\n  except:\n  - {by: me, reason: y, until: 2027-01-01}",
            "line 4: an exception needs",
            "id",
        ),
        ("a:\n  kind: coverage\n  except: {id: x}", "line 3: except is no list", "dash"),
        ("a:\n  kind: coverage\n  state: efective", "line 3: the state efective", "did you mean effective?"),
        ("a:\n  kind: coverage\n  where: env=prod", "line 3: where is no mapping", "tags"),
        (
            "a:\n  kind: posture\n  column: storagetype\n  allowed: [x]",
            "line 3: the column",
            "did you mean storageType?",
        ),
        ("a:\n  kind: posture\n  column: storageType", "line 3: the control a asks for nothing", "allowed"),
        ("a:\n  kind: posture\n  column: name\n  least: 1", "line 4: the control a has least", "allowed"),
        ("a:\n  kind: posture\n  setting: roles\n  allowed: [x]", "line 4: the control a has a setting", "leave"),
        ("a:\n  kind: posture", "line 1: the control a has no setting", "column"),
        (
            "a:\n  kind: posture\n  column: name\n  allowed: [x]\n  when:\n    softDeleteSate: On",
            "line 6:",
            "softDeleteState",
        ),
        ("a:\n  kind: adherence\n  atLeast: 95%\n  atMost: 1d", "line 4:", "did you mean atLeast?"),
        ("a:\n  kind: adherence\n  atLeast: 95%\n  over: forever", "line 4:", "14d"),
        ("a: {atMost: 1d}", "line 1: the control a has no kind", "rpo"),
        ("- kind: rpo", "names no controls: it is a list", "write"),
        ("a: !foo {kind: rpo, atMost: 1d}", "line 1: the tag !foo is not known", "leave"),
        ("? [a, b]\n: {kind: rpo, atMost: 1d}", "line 1: a member has no name", "write"),
        ("a: {kind: rpo, atMost: 0h}", "line 1: 0h is no time at all", "24h"),
        ("a: {kind: coverage, where: {tags: {env: }}}", "line 1: env has no value", "list"),
        ("a: {kind: coverage, where: {tags: {env: {is: prod}}}}", "line 1: env has no value", "list"),
        (
            "a: {kind: posture, column: softDeleteState, allowed: []}",
            "line 1: the control a allows no value",
            "allowed",
        ),
        (f"a:\n  kind: coverage\n  except:\n  - {{id: b, {WHO}}}", "line 4: 'b' is no id", "whole"),
        (f"a:\n  kind: coverage\n  except:\n  - {{tag: {{env: dev}}, {WHO}}}", "line 4: tag is no text", "give"),
        (
            "a: {kind: coverage, except: [{tag: x, by: me, reason: y, until: 2026-02-30}]}",
            "until '2026-02-30' is",
            "20",
        ),
        (
            "a: {kind: coverage, except: [{tag: x, by: me, reason: y, until: 01.04.2027}]}",
            "until '01.04.2027' is",
            "20",
        ),
        ("- a", "no controls", "write"),
        ("a:\n\tb", "line 2: not YAML", "correct"),
        ("a: [", "not YAML", "correct"),
        ("", "no controls", "write"),
    ],
)
def test_a_fault_has_its_line_and_a_hint(tmp_path: Path, text: str, said: str, hint: str) -> None:
    path = tmp_path / "controls.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(InvalidArgument) as caught:
        controls(two(), path)
    assert said in caught.value.message and hint in caught.value.hint


def test_those_that_ship_are_what_aws_and_microsoft_ask_for(tmp_path: Path) -> None:
    shipped = {one.name: one for one in read(None)}
    assert list(shipped) == [
        "inPlan", "effective", "minimumFrequency", "minimumRetention", "lastRecoveryPoint", "softDelete",
        "immutability", "multiUserAuthorization", "customerManagedKeys", "crossRegionRestore", "restoreTime",
        "restoreTested",
    ]  # fmt: skip
    keys = ["Enabled", "Disabled", None]
    vaults = pandas.DataFrame(
        [{"id": f"/v/{n}", "name": str(n), "encryptionState": one, **WHERE} for n, one in enumerate(keys)]
    )
    control = {"kind": "posture", **shipped["customerManagedKeys"].baseline["customerManagedKeys"]}
    members = control_members(estate([instance("a")], FRESH, vaults=vaults), {"keys": control})
    assert members["verdict"].tolist() == ["pass", "fail", "fail"] and members["name"].tolist() == ["0", "1", "2"]


def test_the_page_on_controls_has_all_of_them_and_its_file_reads(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "controls.md").read_text("utf-8")
    assert [one for one in (*KINDS, *(shipped.name for shipped in read(None))) if f"`{one}`" not in page] == []
    path = tmp_path / "controls.yaml"
    path.write_text(page.partition("```yaml\n")[2].partition("```")[0], "utf-8")
    made = {one.name: one for one in read(path)}
    assert [one.tag for one in made["restored"].excepted] == ["env=test", ""] and len(made) == 6


def test_words_of_azure_are_no_booleans(tmp_path: Path) -> None:
    path = tmp_path / "controls.yaml"
    path.write_text(
        "a: {kind: posture, column: softDeleteState, allowed: [On], where: {tags: {tier: 010, dr: no}}}", "utf-8"
    )
    tags = [{"tier": "010", "dr": "no"}, {"tier": "8", "dr": "no"}, {"tier": "010", "dr": "false"}]
    vaults = pandas.DataFrame(
        [{"id": f"/v/{n}", "name": str(n), "softDeleteState": "On", "tags": one, **WHERE} for n, one in enumerate(tags)]
    )
    [row] = controls(estate([instance("a")], FRESH, vaults=vaults), path).to_dict("records")
    assert (row["wanted"], row["verdict"], row["n"]) == ("softDeleteState is On", "pass", 1)


def test_members_that_were_asked_are_not_asked_again() -> None:
    made = {"kept": KEPT, "daily": {"kind": "frequency", "atMost": "1d"}}
    asked = control_members(two(), made)
    nothing = Estate.of({"instances": two().instances()}, now=two().now)
    columns = ["control", "wanted", "verdict", "n", "failed", "evidence"]
    found = controls(nothing, made, members=asked)[columns]
    pandas.testing.assert_frame_equal(found, controls(two(), made)[columns], check_like=True)


WORDS = [
    "kind",
    "atMost",
    "atLeast",
    "where",
    "except",
    "tags",
    "id",
    "until",
    "setting",
    "column",
    "allowed",
    "when",
    "least",
    "over",
    "state",
    "rpo",
    "posture",
    "coverage",
    "adherence",
    "14d",
    "95%",
    "softDelete",
    "name",
    "2027-01-01",
]
SCALARS = some.one_of(some.none(), some.booleans(), some.integers(), some.floats(), some.text(max_size=5), some.dates())
LEAVES = some.one_of(some.sampled_from(WORDS), SCALARS)
ANYTHING = some.recursive(
    LEAVES,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from(WORDS), inner, max_size=5),
    max_leaves=12,
)


@given(some.dictionaries(some.text(min_size=1, max_size=3), ANYTHING, min_size=1, max_size=2), some.text(max_size=30))
def test_whatever_a_file_holds_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, made: Any, text: str
) -> None:
    kind = {"kind": "posture", "column": "name", "allowed": ["x"]}
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    for one in (made, {name: kind | of for name, of in made.items() if isinstance(of, dict)}):
        path.write_text(yaml.safe_dump(one, allow_unicode=True), "utf-8")
        for given_as in (path, one):
            with suppress(InvalidArgument):
                read(given_as)
    path.write_text(text, "utf-8", errors="ignore")
    with suppress(InvalidArgument):
        read(path)


def test_a_table_that_is_not_there_leaves_the_other_controls_their_answers() -> None:
    """Each control that needs it says so, for all of its members; without their table there are none to say it of."""
    asked = {
        "fresh": {"kind": "rpo", "atMost": "1d", "except": [OFF]},
        "kept": KEPT,
        "covered": {"kind": "coverage"},
        "prod": {"kind": "frequency", "atMost": "1d", "where": {"tags": {"env": "prod"}}},
        "soft": {"kind": "posture", "setting": "softDelete"},
    }
    known = two()
    there = {name: known.table(name) for name in ("instances", "policies", "disks")}
    without = Estate.of(there, now=known.now, window=known.window)
    found = controls(without, asked).set_index("control")
    assert found["verdict"].to_dict() == {
        "fresh": "not verifiable",
        "kept": controls(known, {"kept": KEPT})["verdict"].iloc[0],
        "covered": "not verifiable",
        "prod": "pass",
        "soft": "not verifiable",
    }
    assert found.loc["fresh", ["n", "notVerifiable", "excepted"]].tolist() == [2, 1, 1]
    assert found.loc[["covered", "soft"], "n"].tolist() == [2, 0]
    assert found.loc["fresh", "reason"] == "the table jobs is missing"
    assert "'vaults'" in found.loc["soft", "reason"] and pandas.isna(found.loc["kept", "reason"])
    assert "fresh is not verifiable: the table jobs is missing" in found.attrs["dpmagic"]["notes"]
    nothing = controls(Estate.of({}, now=known.now), asked)
    assert set(nothing["verdict"]) == {"not verifiable"} and set(nothing["n"]) == {0}


@pytest.mark.parametrize(
    ("until", "left"),
    [
        ("2026-03-03", 1),  # tomorrow: it is 2026-03-02 08:00 UTC
        ("2026-03-02", 0),  # a day is over when it begins
        ("2026-03-02 08:30:00", 1),
        ("2026-03-02T10:30:00+02:00", 1),
        ("2026-03-02 10:30:00 +02:00", 1),
        ("2026-03-02T09:30:00+02:00", 0),
    ],
)
def test_until_when_an_exception_counts(tmp_path: Path, until: str, left: int) -> None:
    file = tmp_path / "controls.yaml"
    file.write_text(
        "a:\n  kind: retention\n  atLeast: 35d\n  except:\n"
        f"  - {{tag: Env = DEV, reason: 4711, by: dba, until: {until}}}\n"
        f"  - {{tag: nosuch, {WHO}}}\n"
    )
    found = controls(two(), file)
    assert found.loc[0, "excepted"] == left
    gone = (
        []
        if left
        else [
            f"a: the exception of Env = DEV by dba ran out at {pandas.to_datetime(until, utc=True):%Y-%m-%d %H:%M} UTC"
        ]
    )
    assert found.attrs["dpmagic"]["notes"] == [*gone, "a: the exception of nosuch by me is about nobody"]


def test_what_a_file_shares_and_what_it_means_as_written(tmp_path: Path) -> None:
    file = tmp_path / "controls.yaml"
    file.write_text(
        "first: &all {kind: retention, atLeast: 35d, where: {tags: {v: 1.10}}}\nlater:\n  <<: *all\n  atLeast: 7d\n"
    )
    first, later = read(file)
    assert (first.limit, later.limit) == (pandas.Timedelta(days=35), pandas.Timedelta(days=7))
    assert first.where == later.where == {"tags": {"v": "1.10"}}


def test_a_control_about_nobody_is_not_verifiable_and_a_value_that_nobody_has_is_noted() -> None:
    wrong = {"policy": "longe", "tags": {"env": ["prod", "deb"]}}
    [row] = (found := controls(two(), {"it": KEPT | {"where": wrong}})).to_dict("records")
    assert (row["verdict"], row["n"]) == ("not verifiable", 0)
    assert row["reason"] == (
        "about nobody: no instance is of policy longe; did you mean long?; no instance is of tag env deb; did you"
        " mean dev?; correct its where, or leave it out"
    )
    assert found.attrs["dpmagic"]["unanswered"] == {"it": row["reason"]}
    assert found.attrs["dpmagic"]["notes"] == [f"it is not verifiable: {row['reason']}"]
    some = {"tags": {"env": ["prod", "deb"]}}
    [row] = (found := controls(two(), {"it": KEPT | {"where": some}})).to_dict("records")
    assert (row["verdict"], row["n"]) == ("pass", 1)
    assert found.attrs["dpmagic"]["notes"] == ["it: no instance is of tag env deb; did you mean dev?"]
