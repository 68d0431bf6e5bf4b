"""Subscriptions that cannot be read for some nights, and come back; that are not asked for; and what cannot be read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

import pandas
import pytest

import dpmagic
from dpmagic.archive.collect import collect
from dpmagic.archive.compare import compare
from dpmagic.archive.opening import open_archive
from dpmagic.estate.columns import tables as known_tables
from dpmagic.estate.estate import Estate
from dpmagic.estate.window import Window
from dpmagic.shell import main
from dpmagic.shell.archive import NEWS
from tests.archive.conftest import SHOP as PLANTED
from tests.archive.test_collect import START, job

SHOP, OPS = (f"{digit}0000000-0000-4000-8000-000000000000" for digit in "12")
VAULT = "/subscriptions/{}/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/v"


def night(
    day: float, readable: Collection[str], asked: Collection[str] = (SHOP, OPS), *, unread: Collection[str] = ()
) -> Estate:
    """Both subscriptions as they are seen: a vault, an instance, its point, and jobs every six hours of each."""
    now = START + timedelta(days=day)
    hours = range(-14 * 24, int(day * 24), 6)
    begun = [
        START + timedelta(hours=hour) for hour in hours if START + timedelta(hours=hour) > now - timedelta(days=14)
    ]
    said = {"dpmagic": {"subscriptions": {"asked": list(asked), "answered": list(readable)}, "unread": list(unread)}}
    jobs = [
        job(1, at, 5) | {"id": f"{VAULT.format(one)}/backupJobs/{at:%d-%H}", "subscriptionId": one}
        for one in readable
        for at in begun
    ]
    instances = [f"{VAULT.format(one)}/backupInstances/i" for one in readable]
    rows = {
        "subscriptions": [{"id": f"/subscriptions/{one}", "name": one[:1]} for one in readable],
        "vaults": [{"id": VAULT.format(one), "name": f"v{one[:1]}"} for one in readable],
        "instances": [{"id": one, "name": "i"} for one in instances],
        "recovery_points": [{"id": f"{one}/recoveryPoints/p"} for one in instances if one not in unread],
        "jobs": jobs,
    }
    columns = ["id", "name", "subscriptionId"]
    tables = {name: pandas.DataFrame(some, columns=None if some else columns) for name, some in rows.items()}
    for name, frame in tables.items():
        if name != "recovery_points":  # which has no such column
            frame["subscriptionId"] = frame["id"].str.split("/").str[2]
        frame.attrs |= said
    return Estate.of(tables, now=now, window=Window(now - timedelta(days=14), now))


def of(name: str, folder: Path, one: str, at: datetime | None = None) -> int:
    window = ("2026-02-17", at or START + timedelta(days=30))
    return int(open_archive(folder, at=at, window=window).table(name)["id"].str.contains(one).sum())


@pytest.mark.parametrize("asked", [(SHOP, OPS), (SHOP,)])
def test_jobs_of_the_nights_without_it_are_there_once_it_is_back(tmp_path: Path, asked: tuple[str, ...]) -> None:
    for day in range(1, 3):
        collect(night(day, (SHOP, OPS)), tmp_path)
    for day in range(3, 7):
        collect(night(day, (SHOP,), asked), tmp_path)
    before = of("jobs", tmp_path, OPS)
    assert before < of("jobs", tmp_path, SHOP)
    collect(night(7, (SHOP, OPS)), tmp_path)
    assert of("jobs", tmp_path, OPS) == of("jobs", tmp_path, SHOP) == before + 4 * 5
    told = collect(night(8, (SHOP, OPS)), tmp_path)
    assert told.attrs["dpmagic"]["since"] == (START + timedelta(days=6)).isoformat()


def test_jobs_that_azure_forgot_meanwhile_are_named_a_hole(tmp_path: Path) -> None:
    collect(night(1, (SHOP, OPS)), tmp_path)
    for day in (2, 3, 10, 17, 19):
        collect(night(day, (SHOP,)), tmp_path)
    window = (START, START + timedelta(days=19))
    told = f"no run saw the jobs of subscription {OPS} from 2026-03-03T08:00:00Z to "
    assert open_archive(tmp_path, window=window).jobs().attrs["dpmagic"]["notes"] == [f"{told}2026-03-21T08:00:00Z"]
    collect(night(20, (SHOP, OPS)), tmp_path)
    assert open_archive(tmp_path, window=window).jobs().attrs["dpmagic"]["notes"] == [f"{told}2026-03-08T08:00:00Z"]
    later = open_archive(tmp_path, window=(START + timedelta(days=7), START + timedelta(days=20)))
    assert later.jobs().attrs["dpmagic"]["notes"] == []
    assert later.query("jobs | count").attrs["dpmagic"]["notes"] == [f"{told}2026-03-08T08:00:00Z"]


def test_one_that_comes_later_is_asked_for_all_that_is_remembered(tmp_path: Path) -> None:
    collect(night(1, (SHOP,), (SHOP,)), tmp_path)
    collect(night(2, (SHOP, OPS)), tmp_path)
    assert of("jobs", tmp_path, OPS) == 14 * 4 - 1


@pytest.mark.parametrize("table", ["vaults", "instances", "recovery_points", "subscriptions"])
def test_how_things_are_where_nobody_can_look_is_not_told(tmp_path: Path, table: str) -> None:
    for day in (1, 2, 3):
        collect(night(day, (SHOP, OPS)), tmp_path)
    told = collect(night(4, (SHOP,)), tmp_path)
    assert told["gone"].sum() == 0
    blind = open_archive(tmp_path)
    assert (blind.source.scope.unreadable, blind.source.scope.readable) == ([OPS], [SHOP])
    assert (of(table, tmp_path, OPS), of(table, tmp_path, SHOP)) == (0, 1)
    assert of(table, tmp_path, OPS, START + timedelta(days=3)) == 1
    told = collect(night(5, (SHOP, OPS)), tmp_path)
    assert told.set_index("table").loc[table, ["new", "gone"]].sum() == 0
    assert of(table, tmp_path, OPS) == 1


def test_two_runs_of_a_night_read_a_half_each(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        collect(night(day, (SHOP,), (SHOP,)), tmp_path)
        told = collect(night(day + 0.1, (OPS,), (OPS,)), tmp_path)
        assert told.attrs["dpmagic"]["vanished"] == [SHOP]
        assert len(open_archive(tmp_path).vaults()) == 2
    for day in (4, 5):
        collect(night(day, (SHOP,), (SHOP,)), tmp_path)
    assert open_archive(tmp_path).source.scope.unreadable == [OPS]
    assert (of("vaults", tmp_path, OPS), of("vaults", tmp_path, SHOP)) == (0, 1)
    told = collect(night(18, (SHOP,), (SHOP,)), tmp_path)
    assert told.attrs["dpmagic"]["vanished"] == []


def test_points_of_an_instance_that_cannot_be_read_are_not_gone(tmp_path: Path) -> None:
    instance = f"{VAULT.format(OPS)}/backupInstances/i"
    collect(night(1, (SHOP, OPS)), tmp_path)
    told = collect(night(2, (SHOP, OPS), unread=[instance]), tmp_path)
    assert told["gone"].sum() == 0
    assert told.attrs["dpmagic"]["unread"]["recovery_points"] == [instance]
    assert of("recovery_points", tmp_path, OPS) == 1


def seen(archive: Path, day: int, *, but: str = "") -> Estate:
    """The estate of two looks as at the first, on another day, without what lies in a subscription."""
    source, now = dpmagic.open(archive, at="2026-03-02T09:00Z"), START + timedelta(days=day)
    tables = {name: source.table(name) for name in known_tables() if source.has(name)}
    for name, rows in tables.items():
        scope = rows.attrs["dpmagic"]["subscriptions"]
        tables[name] = rows[rows["subscriptionId"] != but] if "subscriptionId" in rows else rows
        tables[name].attrs = {"dpmagic": {"subscriptions": scope | {"answered": [*{*scope["asked"]} - {but}]}}}
    return Estate.of(tables, now=now, window=Window(now - timedelta(days=14), now))


def test_nothing_is_compared_of_one_that_a_look_could_not_read(archive: Path, tmp_path: Path) -> None:
    for day, but in ((1, ""), (2, PLANTED), (3, "")):
        collect(seen(archive, day, but=but), tmp_path)
    for days in ((1, 2), (2, 3)):
        found = compare(tmp_path, *(START + timedelta(days=day) for day in days))
        assert not found["id"].str.contains(PLANTED).any()
        told = [note for note in found.attrs["dpmagic"]["notes"] if "nothing is compared" in note]
        assert told == ["of subscription Shop nothing is compared: not read at 2026-03-04 08:00Z"]
    whole = compare(tmp_path, START + timedelta(days=1), "now")
    assert whole["id"].str.contains(PLANTED).any() and set(whole["change"]) <= {"open", "new", "fixed"}
    assert not whole["reason"].isin(("added", "removed")).any()


def test_findings_without_a_table_are_not_compared(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the sandbox refuses one at the first look, and all is read at the second."""
    for day, without in ((1, ["snapshots"]), (2, [])):
        live = seen(archive, day)
        only = [name for name in known_tables() if live.has(name) and name not in without]
        collect(live, tmp_path, only=only)
    assert main(["compare", str(tmp_path)]) in (1, NEWS)
    out, err = capsys.readouterr()
    assert err.strip().startswith("findings of kind gap, failure, orphanInstance, ")
    assert "are not compared: the table snapshots" in err and "(posture)" in out
    assert not {"(gap)", "(failure)", "(headroom)"} & {*out.split()}
