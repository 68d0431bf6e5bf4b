"""Named controls: verdicts by hand, exceptions, and faults of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas
import pytest

from dpmagic.analysis.controls import control_members, controls
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from tests.analysis.byhand import SUB, VAULT, disks, estate, instance, nightly, policies
from tests.schedules.policies import policy

FRESH = nightly("a", "27", "28", "3-01")
KEPT = {"kind": "retention", "atLeast": "35d"}
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
        (KEPT | {"where": {"tags": {"env": "none"}}}, "not applicable", (0, 0, 0, 0, 0, 0)),
        (KEPT | {"where": {"policy": ["p"]}}, "fail", (1, 0, 1, 0, 0, 0)),
        (KEPT | {"where": {"subscription": SUB.rpartition("/")[2].upper()}}, "fail", (2, 1, 1, 0, 0, 0)),
        (KEPT | {"except": [OFF]}, "excepted", (2, 1, 0, 1, 0, 0)),
        (KEPT | {"except": [OFF | {"until": "2026-03-02T08:00Z"}]}, "fail", (2, 1, 1, 0, 0, 0)),
        (KEPT | {"except": [{**OFF, "id": None, "tag": "env=dev"}]}, "excepted", (2, 1, 0, 1, 0, 0)),
        ({"kind": "frequency", "atMost": "1d"}, "pass", (2, 2, 0, 0, 0, 0)),
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
