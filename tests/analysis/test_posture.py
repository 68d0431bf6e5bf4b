"""Vaults against a baseline: pass, fail, not applicable, not verifiable; a baseline that asks for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas
import pytest

from dpmagic import posture
from dpmagic.connection import connect_sandbox
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from dpmagic.estate.opening import open_live
from dpmagic.execute import execute
from dpmagic.session import Session

from .disks_by_hand import CONTRIBUTOR, NOW, READER, VAULT, disk, estate, group, instance, role, vault
from .worlds import estate as world

SET: dict[str, Any] = {
    "softDeleteState": "On",
    "retentionDurationInDays": 14.0,
    "immutabilityState": None,
    "isVaultProtectedByResourceGuard": False,
    "storageType": "LocallyRedundant",
    "crossRegionRestoreState": None,
}


def verdicts(baseline: Any = None, roles: list[dict[str, Any]] | None = None, **columns: Any) -> dict[str, str]:
    """By control, the verdict on one vault."""
    usual = [role(READER, group()), role(CONTRIBUTOR, group("rg-snapshots"))]
    tables = estate(vaults=[vault(**SET | columns)], role_assignments=usual if roles is None else roles)
    found = posture(Estate.of(tables, now=NOW, window="14d"), baseline)
    assert set(found["id"]) == {VAULT}
    return dict(zip(found["control"], found["verdict"], strict=True))


def test_the_baseline_that_comes_along() -> None:
    assert verdicts() == {
        "softDelete": "pass",
        "softDeleteDays": "pass",
        "immutability": "fail",
        "multiUserAuthorization": "fail",
        "redundancy": "fail",
        "crossRegionRestore": "not applicable",
        "identity": "pass",
        "roles": "pass",
    }


def test_whole_days_are_told_as_such() -> None:
    found = posture(Estate.of(estate(vaults=[vault(**SET)]), now=NOW, window="14d")).set_index("control")
    assert found.loc["softDeleteDays", ["value", "wanted"]].tolist() == ["14", "at least 14"]


@pytest.mark.parametrize(
    ("columns", "control", "verdict"),
    [
        ({"softDeleteState": "AlwaysOn"}, "softDelete", "pass"),
        ({"softDeleteState": "alwayson"}, "softDelete", "pass"),
        ({"softDeleteState": "Off"}, "softDelete", "fail"),
        ({"softDeleteState": None}, "softDelete", "not verifiable"),
        ({"softDeleteState": "Off"}, "softDeleteDays", "not applicable"),
        ({"retentionDurationInDays": 13.5}, "softDeleteDays", "fail"),
        ({"immutabilityState": "Locked"}, "immutability", "pass"),
        ({"isVaultProtectedByResourceGuard": True}, "multiUserAuthorization", "pass"),
        ({"storageType": "GeoRedundant"}, "redundancy", "pass"),
        ({"storageType": "GeoRedundant"}, "crossRegionRestore", "fail"),
        ({"storageType": "GeoRedundant", "crossRegionRestoreState": "Enabled"}, "crossRegionRestore", "pass"),
        ({"identityType": None}, "identity", "fail"),
    ],
)
def test_each_control(columns: dict[str, Any], control: str, verdict: str) -> None:
    assert verdicts(**columns)[control] == verdict


def test_roles_name_the_instances_without() -> None:
    rows = {"disks": [disk("a"), disk("b", in_group="rg2")], "instances": [instance("a"), instance("b")]}
    rows["instances"][1]["dataSourceId"] = rows["disks"][1]["id"]
    tables = estate(**rows, vaults=[vault(**SET)], role_assignments=[role(READER, group()), role(CONTRIBUTOR, "/")])
    found = posture(Estate.of(tables, now=NOW, window="14d")).set_index("control").loc["roles"]
    assert (found["verdict"], found["value"]) == ("fail", "a role is gone for 1 of 2")
    assert found["evidence"] == [rows["instances"][1]["id"]]
    assert verdicts(roles=[role("Our own role", "/")])["roles"] == "not verifiable"
    assert verdicts(identityType="UserAssigned", principalId=None)["roles"] == "not verifiable"


def test_a_baseline_of_ones_own(tmp_path: Path) -> None:
    assert verdicts({"days": {"column": "retentionDurationInDays", "least": 30}}) == {"days": "fail"}
    file = tmp_path / "baseline.toml"
    file.write_text('[where]\ncolumn = "location"\nallowed = ["westeurope", "northeurope"]\n')
    assert verdicts(file) == verdicts(str(file)) == {"where": "pass"}


@pytest.mark.parametrize(
    ("baseline", "says"),
    [
        ({"a": {}}, "the control a names no column"),
        ({"a": {"column": "location"}}, "the control a asks for nothing"),
        ({"a": {"column": "location", "allowed": ["x"], "least": 1}}, "asks for nothing, or for two things"),
        ({"a": {"column": "locatoin", "allowed": ["x"]}}, "the control a is about locatoin, which vaults have not"),
        ({"a": {"column": "location", "allow": ["x"]}}, "the control a has no allow"),
        ({"a": {"column": "location", "least": 1}}, "the control a has least, and location is no number"),
        ({"a": {"column": "location", "least": "1"}}, "the control a: '1' is no number"),
        ({"a": {"column": "location", "allowed": ["x"], "when": 1}}, "the control a: when is no mapping"),
        ({"a": {"column": "location", "allowed": ["x"], "remedy": "it's"}}, "its remedy does not read: no closing"),
        ("no such file.toml", "the baseline no such file.toml cannot be read"),
    ],
)
def test_a_baseline_that_is_none(baseline: Any, says: str) -> None:
    with pytest.raises(InvalidArgument, match=says):
        verdicts(baseline)


def test_it_takes_the_vaults_alone_when_it_asks_for_no_roles() -> None:
    rows = pandas.DataFrame([vault(**SET)])
    given = Estate.of({"vaults": rows}, now=NOW, window="14d")
    assert posture(given, {"a": {"column": "location", "allowed": ["westeurope"]}})["verdict"].tolist() == ["pass"]
    with pytest.raises(InvalidArgument, match="the table instances is missing"):
        posture(given)


@pytest.mark.slow
def test_the_default_estate() -> None:
    found = posture(world("default")).set_index(["name", "control"])
    assert found.loc[("bv-shop-legacy", "softDelete"), "verdict"] == "fail"
    assert found.loc[("bv-shop-legacy", "roles"), "verdict"] == "fail"
    assert len(found.loc[("bv-shop-legacy", "roles"), "evidence"]) == 3
    assert found.loc[("bv-shop", "redundancy"), "verdict"] == "pass"
    assert found.loc[("bv-dev", "roles"), "verdict"] == "pass"


@pytest.mark.slow
def test_what_fails_comes_with_what_makes_it_pass() -> None:
    vaults = {"v": {"policies": ["p"], "softDelete": "Off", "redundancy": "GeoRedundant"}}
    spec = {"policies": {"p": {"every": "P1D"}}, "subscriptions": [{"name": "Shop", "vaults": vaults}]}
    session = Session()
    session.use(connect_sandbox(estate=spec))
    session.ask = lambda question: True

    def seen() -> pandas.DataFrame:
        return posture(open_live(session.connected(), subscriptions="Shop")).set_index("control")

    before = seen()
    failing = before[before["verdict"] == "fail"]
    assert set(failing.index) == {"softDelete", "immutability", "multiUserAuthorization", "crossRegionRestore"}
    assert failing["command"].notna().sum() == 3 and failing.loc["multiUserAuthorization", "advice"]
    assert before.loc[before["verdict"] != "fail", ["command", "advice"]].isna().all(axis=None)
    for line in failing["command"].dropna():
        list(execute(line, session))
    after = seen()["verdict"]
    assert after[failing["command"].dropna().index].unique().tolist() == ["pass"]
    longer = {"days": {"column": "retentionDurationInDays", "least": 30, "remedy": "--soft-delete-retention 30"}}
    for verdict in ("fail", "pass"):
        [row] = posture(open_live(session.connected(), subscriptions="Shop"), longer).to_dict("records")
        assert row["verdict"] == verdict
        if verdict == "fail":
            list(execute(row["command"], session))
