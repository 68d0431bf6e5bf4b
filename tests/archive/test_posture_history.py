"""What vaults were set to, from when until when: from an archive's runs and from the changes that Azure remembers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pandas
import pytest

import dpmagic
from dpmagic import posture_history
from dpmagic.analysis.protection.undone import touches
from dpmagic.archive.collect import collect
from dpmagic.archive.compact import compact
from dpmagic.archive.opening import open_archive
from dpmagic.connection import Connection, connect_sandbox
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from dpmagic.execute import execute
from dpmagic.session import Session
from tests.archive.test_collect import START, estate

SOFT = {"soft": {"column": "softDeleteState", "allowed": ["On"]}}
SPEC: dict[str, Any] = {
    "end": "2026-03-02T08:00:00Z",
    "days": 2,
    "policies": {"nightly": {"every": "P1D", "start": "2024-01-01T22:00:00Z", "keep": "P5D"}},
    "subscriptions": [
        {
            "name": "Shop",
            "vaults": {"v": {"policies": ["nightly"]}, "w": {"policies": ["nightly"], "softDelete": "Off"}},
            "disks": [{"name": "d", "vault": "v", "policy": "nightly", "group": "rg-d"}],
        }
    ],
    "plant": [{"kind": "rolesRemoved", "disks": "d", "at": "-1h"}],
}


def rows(found: pandas.DataFrame, vault: str, control: str) -> list[dict[str, Any]]:
    made = found[(found["name"] == vault) & (found["control"] == control)]
    return made.astype(object).where(made.notna(), None).to_dict("records")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive")


@pytest.fixture(scope="module")
def shop(folder: Path) -> Connection:
    """Collected on five mornings; soft delete was switched on after the second, immutability in two steps after the
    third."""
    made = connect_sandbox(estate=SPEC)
    session = Session()
    session.use(made)
    subscription = dpmagic.open(connection=made, subscriptions="Shop").vaults()["subscriptionId"][0]

    def update(vault: str, what: str) -> None:
        list(execute(f"backup-vault update -g rg-backup -v {vault} {what} --subscription {subscription}", session))

    after: dict[int, Callable[[], None]] = {
        1: lambda: update("w", "--soft-delete-state On"),
        2: lambda: update("v", "--immutability-state Unlocked"),
    }
    for morning in range(5):
        collect(dpmagic.open(connection=made, subscriptions="Shop"), folder, recovery_points=False)
        if morning in after:
            after[morning]()
        made.sandbox.advance("6h")
        if morning == 2:
            update("v", "--immutability-state Locked")
        if morning < 4:
            made.sandbox.advance("18h")
    return made


@pytest.mark.slow
def test_an_archive_tells_between_which_runs_and_by_whom(shop: Connection, folder: Path) -> None:
    runs = [run.at for run in open_archive(folder).source.runs]  # type: ignore[attr-defined]
    found = posture_history(folder)
    off, on = rows(found, "w", "softDelete")
    assert (off["verdict"], off["since"], off["until"], off["atLeast"]) == ("fail", runs[0], runs[2], True)
    assert (on["verdict"], on["since"], on["notBefore"], on["until"]) == ("pass", runs[2], runs[1], None)
    assert (on["before"], on["valueBefore"], on["value"], on["atLeast"]) == ("fail", "Off", "On", False)
    assert on["lasted"] == runs[-1] - runs[2] and on["changedBy"] == "77777777-7777-4777-8777-777777777777"
    unset, locked = rows(found, "v", "immutability")
    assert (unset["value"], locked["value"], locked["since"]) == ("Disabled", "Locked", runs[3])
    assert [row["verdict"] for row in rows(found, "v", "roles")] == ["fail"]
    assert [row["since"] for row in rows(found, "v", "softDelete")] == [runs[0]]
    later = posture_history(dpmagic.open(folder).over((runs[2] + timedelta(hours=1), runs[4])))
    assert [row["since"] for row in rows(later, "w", "softDelete")] == [runs[2]], "as it was when the window began"
    assert len(rows(later, "v", "immutability")) == 2
    assert posture_history(dpmagic.open(folder, at=runs[1]))["before"].isna().all()


@pytest.mark.slow
def test_changes_are_taken_back_to_the_second(shop: Connection, folder: Path, tmp_path: Path) -> None:
    live = dpmagic.open(connection=shop, subscriptions="Shop")
    found = posture_history(live)
    unset, unlocked, locked = rows(found, "v", "immutability")
    assert [row["value"] for row in (unset, unlocked, locked)] == ["Disabled", "Unlocked", "Locked"]
    assert unset["atLeast"] and unset["since"] == live.now - timedelta(days=14) and unset["changedBy"] is None
    assert unset["until"] == unlocked["since"] and unlocked["until"] == locked["since"] and locked["until"] is None
    assert timedelta(hours=6) < unlocked["lasted"] < timedelta(hours=6, minutes=2)
    assert (unlocked["before"], locked["before"], locked["valueBefore"]) == ("fail", "pass", "Unlocked")
    assert locked["changedBy"] == "77777777-7777-4777-8777-777777777777"
    # Of soft delete's days nobody asks while it is off.
    assert [row["verdict"] for row in rows(found, "w", "softDeleteDays")] == ["not applicable", "pass"]
    [roles] = rows(found, "v", "roles")
    assert (roles["verdict"], roles["since"], roles["atLeast"]) == ("fail", None, True)
    live.save(tmp_path / "saved", ["vaults", "changes", "instances", "role_assignments", "subscriptions"])
    kept = posture_history(Estate.load(tmp_path / "saved"))
    pandas.testing.assert_frame_equal(kept, found)
    now = posture_history(open_archive(folder))
    for one in ("softDelete", "immutability", "multiUserAuthorization", "roles"):
        for vault in ("v", "w"):
            mine, theirs = rows(found, vault, one)[-1], rows(now, vault, one)[-1]
            assert (mine["verdict"], mine["value"]) == (theirs["verdict"], theirs["value"])


@pytest.mark.parametrize("seed", range(6))
def test_stretches_are_those_of_a_plain_loop(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    nights = random.randint(4, 12)
    seen: list[dict[str, str]] = []
    for night in range(nights):
        states = {name: random.choice(["On", "On", "Off", "gone"]) for name in "abc"}
        states = {
            name: seen[-1].get(name, "gone") if seen and random.random() < 0.5 else states[name] for name in "abc"
        }
        seen.append({name: state for name, state in states.items() if state != "gone"} or {"z": "On"})
        now = START + timedelta(days=night * 7)  # so that months end
        collect(estate([], seen[-1], now), tmp_path, recovery_points=False)
        if random.random() < 0.3:
            compact(tmp_path, now)
    expected = []
    for name in "abcz":
        for night, states in enumerate(seen):
            before = seen[night - 1].get(name) if night else None
            if name in states and states[name] != before:
                ends = next((n for n in range(night, nights) if seen[n].get(name) != states[name]), None)
                expected.append((name, states[name], night, ends))
    found = posture_history(tmp_path, SOFT)
    got = [
        (row["name"], row["value"], (row["since"] - START).days // 7, _weeks(row["until"]))
        for row in found.astype(object).where(found.notna(), None).to_dict("records")
    ]
    assert got == expected
    known = {(name, night): state for night, states in enumerate(seen) for name, state in states.items()}
    last = {name: value for name, value, *_ in expected}
    for row in found[found["before"].notna()].itertuples():
        assert row.valueBefore in ("On", "Off") and last[row.name] and not row.atLeast
        assert (row.name, (row.since - START).days // 7) in known


def _weeks(until: Any) -> int | None:
    return None if until is None else (until - START).days // 7


def test_what_has_no_past_is_refused() -> None:
    given = estate([], {"a": "On"}, START)
    with pytest.raises(InvalidArgument, match="these tables have no past") as caught:
        posture_history(given, SOFT)
    assert "archive" in caught.value.hint
    with pytest.raises(InvalidArgument, match="DataFrame is no estate"):
        posture_history(given.vaults())
    changes = pandas.DataFrame(
        columns=["targetResourceId", "targetResourceType", "changeType", "timestamp", "changedBy", "changes"]
    )
    none = Estate.of(
        {"vaults": given.vaults().head(0).assign(resourceGroup="", location=""), "changes": changes},
        now=START,
        window="14d",
    )
    assert len(posture_history(none, SOFT)) == 0
    assert str(posture_history(none, SOFT)["since"].dtype) == "datetime64[us, UTC]"


def test_a_vault_that_was_made_has_nothing_before(tmp_path: Path) -> None:
    told = {"targetResourceType": "Microsoft.DataProtection/BackupVaults", "changedBy": "ann"}
    paths = {
        "properties.securitySettings": {"previousValue": '{"SoftDeleteSettings": {"state": "Off"}}', "newValue": "{}"},
        "properties.storageSettings[0].type": {"previousValue": "GeoRedundant"},
        "properties.isVaultProtectedByResourceGuard": {"previousValue": "false"},
        "properties.securitySettings.immutabilitySettings.state": {"previousValue": None},
        "tags": {"previousValue": "{not json"},
    }
    days = [START - timedelta(days=3), START - timedelta(days=1), START]
    happened = [
        ("/v/A", "Create", days[0], {}),
        ("/v/a", "Update", days[1], paths),
        ("/v/gone", "Delete", days[2], None),
    ]
    names = ("targetResourceId", "changeType", "timestamp", "changes")
    changes = pandas.DataFrame([{**told, **dict(zip(names, one, strict=True))} for one in happened])
    vaults = (
        estate([], {"a": "On"}, START).vaults().assign(storageType="LocallyRedundant", resourceGroup="g", location="l")
    )
    asked = SOFT | {"copies": {"column": "storageType", "allowed": ["GeoRedundant"]}}
    found = posture_history(Estate.of({"vaults": vaults, "changes": changes}, now=START, window="14d"), asked)
    was, is_ = rows(found, "a", "soft")
    assert (was["value"], was["since"], was["atLeast"], was["before"]) == (
        "Off",
        START - timedelta(days=3),
        False,
        None,
    )
    assert (is_["value"], is_["since"], is_["changedBy"]) == ("On", START - timedelta(days=1), "ann")
    assert [row["verdict"] for row in rows(found, "a", "copies")] == ["pass", "fail"]
    assert touches(paths, "isVaultProtectedByResourceGuard") and touches(paths, "encryptionState") is not None
