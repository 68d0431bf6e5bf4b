"""Excerpts of tables: right in Kusto's own eyes, asked for only where reading spends a quota, and no more than once."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pandas
import pytest

from dpmagic.analysis.backups.recent import TELLING, body
from dpmagic.connection import Connection
from dpmagic.estate import Estate, packing, views
from dpmagic.estate.excerpts import CHANGED_VAULTS, DELETED_DISKS, EVENTS, NEWEST_SNAPSHOTS
from dpmagic.estate.opening import open_live
from dpmagic.estate.saved import save
from dpmagic.estate.window import Window
from tests.kusto import KustoParser

WINDOW = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 15, tzinfo=UTC))
COLUMNS = ["id", "name", "resourceGroup", "sourceResourceId", "sourceUniqueId", "timeCreated", "tags"]


def test_the_queries_are_right(kusto_parser: KustoParser) -> None:
    for wanted in (DELETED_DISKS, CHANGED_VAULTS, EVENTS):
        assert kusto_parser.faults(views.query("changes", WINDOW, ["id"], wanted.clause)) == []
    for more in ([], ["subscriptionId", "axis = tolower(sourceResourceId)"]):
        kql = f"{views.view('snapshots', WINDOW)}\n{NEWEST_SNAPSHOTS.body(COLUMNS, more)}"
        assert kusto_parser.faults(kql) == []
        assert kusto_parser.faults(f"{kql}\n| summarize rows = count() by subscriptionId") == []
        packed = f"{views.view('snapshots', WINDOW)}\n{packing.body(COLUMNS, more)}"
        assert kusto_parser.faults(f"{packed}\n| summarize rows = max_of(count(), 1 + sum(n) / 30) by n") == []
    jobs = views.view("jobs", WINDOW)
    assert kusto_parser.faults(f"{jobs}\n{TELLING.clause}") == []
    assert kusto_parser.faults(f"{jobs}\n{body(['subscriptionId'])}") == []


def test_the_newest_snapshot_of_each_disk(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    estate = open_live(connection)
    monkeypatch.setattr(
        "dpmagic.estate.grouped.PAGE", 100
    )  # so that a resource group has too many disks for one answer
    few = estate.excerpt(NEWEST_SNAPSHOTS, COLUMNS)
    everything = Estate(estate.source, estate.now, estate.window).snapshots()
    ours = everything[everything["name"].str.startswith("AzureBackup_")]
    newest = ours.groupby(["sourceUniqueId", ours["resourceGroup"].str.lower()])["timeCreated"].max()
    found = few.groupby(["sourceUniqueId", few["resourceGroup"].str.lower()])["timeCreated"].max()
    assert found.to_dict() == newest.to_dict() and len(newest) > 100
    assert len(few) == len(newest) < len(ours)
    same = everything.set_index("id").loc[few["id"]].reset_index()[COLUMNS]
    pandas.testing.assert_frame_equal(few[COLUMNS], same)
    [told] = few.attrs["dpmagic"]["notes"]
    assert told == "of snapshots only the newest of each disk in each resource group by Azure Backup were asked for"
    assert len(re.findall("arg_max", few.attrs["dpmagic"]["kql"])) == 3


def test_what_the_service_does_not_group_is_read_whole(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    estate = open_live(connection)
    monkeypatch.setattr("dpmagic.estate.grouped.PAGE", 0)  # no answer is small enough
    few = estate.excerpt(NEWEST_SNAPSHOTS, COLUMNS)
    [told] = estate.completeness["tables"]["snapshots"]["notes"]
    assert len(few) == len(estate.snapshots())
    assert told.startswith("read whole, not grouped: rows of one sourceResourceId have more than 0 groups")


def test_an_excerpt_is_asked_for_once(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    estate = open_live(connection)
    first = estate.excerpt(NEWEST_SNAPSHOTS, COLUMNS)
    monkeypatch.setattr(estate.source, "query", None)
    assert estate.excerpt(NEWEST_SNAPSHOTS, COLUMNS).equals(first)
    assert estate.completeness["tables"]["snapshots"]["rows"] == len(first)


def test_a_table_at_hand_is_given_whole(connection: Connection, tmp_path: Path) -> None:
    estate = open_live(connection)
    whole = estate.snapshots()
    assert len(estate.excerpt(NEWEST_SNAPSHOTS, ["id"])) == len(whole)
    saved = Estate.load(estate.save(tmp_path / "saved", ["snapshots", "changes"]))
    assert len(saved.excerpt(NEWEST_SNAPSHOTS, ["id"])) == len(whole)
    assert len(saved.excerpt(DELETED_DISKS, ["id"])) == len(estate.changes())
    assert estate.completeness["tables"]["snapshots"]["notes"] == []
    # Only who says that an excerpt does is given no more of what is not at hand.
    few = Estate.load(save(open_live(connection), tmp_path / "few", ["changes"], excerpts=[EVENTS])).changes()
    whole = estate.changes()
    disks = whole["targetResourceType"].eq("microsoft.compute/disks") & whole["changeType"].eq("Delete")
    meant = whole[disks | whole["targetResourceType"].eq("microsoft.dataprotection/backupvaults")]
    assert few["id"].tolist() == meant["id"].tolist() and 0 < disks.sum() <= len(meant) < len(whole)
    assert few.attrs["dpmagic"]["notes"][-1] == EVENTS.note and few.attrs["dpmagic"]["of"] == len(few)


def test_a_table_is_read_whole_after_its_excerpt(connection: Connection) -> None:
    estate = open_live(connection)
    few = estate.excerpt(NEWEST_SNAPSHOTS, ["id"])
    assert len(estate.snapshots()) > len(few)
    assert estate.completeness["tables"]["snapshots"]["rows"] == len(estate.snapshots())


def test_snapshots_by_disk_are_those_row_by_row(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    estate = open_live(connection)
    monkeypatch.setattr(packing, "MOST_SECONDS", 0.1)
    monkeypatch.setattr("dpmagic.estate.grouped.PAGE", 250)  # so that a resource group is too much for an answer
    columns = [*COLUMNS, "incremental", "diskSizeGB", "subscriptionId"]
    packing.read_packed(estate, columns, "jobs")
    [kept] = estate.kept.of("snapshots")
    assert kept.rows.attrs["dpmagic"]["kql"].count("make_list") > 1
    whole = Estate(estate.source, estate.now, estate.window).snapshots().sort_values("id", ignore_index=True)
    pandas.testing.assert_frame_equal(kept.rows, whole[list(kept.rows)])
    monkeypatch.setattr(estate.source, "count", None)
    packing.read_packed(estate, columns, "jobs")  # they are there
