"""What files leave out is given back, by dpmagic and in KQL; files of older versions are read beside new ones."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pandas
import pyarrow
from hypothesis import given, settings
from hypothesis import strategies as some
from pandas.testing import assert_frame_equal
from pyarrow import parquet

from dpmagic.archive.collect import collect
from dpmagic.archive.compact import check, compact, read_parts
from dpmagic.archive.folder import read_manifest, writing
from dpmagic.archive.opening import open_archive
from dpmagic.estate.estate import Estate
from dpmagic.estate.window import Window

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SUB = "/subscriptions/11111111-1111-4111-8111-111111111111"
GROUP = f"{SUB}/resourceGroups/rg/providers/Microsoft.Compute"
SNAPSHOT = f"{GROUP}/snapshots/AzureBackup_22222222-2222-4222-8222-222222222222_2026-03-02T08-00-00.0000000"

ROWS = some.lists(
    some.tuples(
        some.one_of(some.none(), some.text(some.sampled_from("/aB é"), max_size=6)),
        some.one_of(some.none(), some.text(some.sampled_from("/aB é"), max_size=4)),
        some.integers(0, 3),
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(ROWS, some.booleans(), some.sampled_from([None, ["name"], ["id"], ["name", "n"], ["n"]]))
def test_a_name_is_given_back(tmp_path_factory, rows, ending, columns) -> None:  # type: ignore[no-untyped-def]
    told = [
        {"id": id, "name": (None if id is None else id.split("/")[-1]) if ending else name, "n": n}
        for id, name, n in rows
    ]
    schema = pyarrow.schema([("id", "string"), ("name", "string"), ("n", "int64")])
    made = pyarrow.Table.from_pylist(told, schema=schema)
    with writing(tmp_path_factory.mktemp("a"), NOW, create=True) as writer:
        part = writer.write("vaults", "whole", made, NOW, NOW)
        stored = parquet.read_schema(writer.path / part.file).names
        again = read_parts(writer.path, [part], columns=columns)
    assert ("name" in stored) == (not told or [one["name"] for one in told] != [end(one["id"]) for one in told])
    assert again.to_pylist() == made.select(columns or schema.names).to_pylist()


def end(id: str | None) -> str | None:
    return None if id is None else id.rpartition("/")[2]


def look(day: int) -> Estate:
    """Snapshots of four days, of which one more goes each day, and all changes that Azure tells of them."""
    now = NOW + timedelta(days=day, hours=1)
    made = [(NOW + timedelta(days=number), f"{SNAPSHOT}{number}") for number in range(-4, day + 1)]
    there = [(at, id) for at, id in made if at > now - timedelta(days=4)]
    events = [(at, id, "Create") for at, id in made]
    events += [(at + timedelta(days=4), id, "Delete") for at, id in made if at <= now - timedelta(days=4)]
    changes = [
        {
            "id": f"{id}/providers/Microsoft.Resources/changes/{how}", "name": how, "subscriptionId": SUB.split("/")[2],
            "targetResourceId": id, "targetResourceType": "microsoft.compute/snapshots", "changeType": how,
            "timestamp": at, "changedBy": "Azure Backup", "changedByType": "Application", "correlationId": f"c-{at:%d}",
        }
        for at, id, how in events
    ]  # fmt: skip
    person = {"changedBy": "eve@contoso.com", "changedByType": "User", "targetResourceId": SNAPSHOT}
    at = NOW - timedelta(hours=1)
    changes.append({**changes[0], **person, "id": f"{SNAPSHOT}/changes/x", "name": "x", "timestamp": at})
    tables = {
        "subscriptions": pandas.DataFrame({"id": [SUB], "subscriptionId": [SUB.split("/")[2]], "name": ["Shop"]}),
        "snapshots": pandas.DataFrame(
            {
                "id": [id for _, id in there], "name": [end(id) for _, id in there],
                "subscriptionId": SUB.split("/")[2], "timeCreated": [at for at, _ in there],
            }
        ),
        "changes": pandas.DataFrame(changes),
    }  # fmt: skip
    return Estate.of(tables, now=now, window=Window(now - timedelta(days=14), now))


def as_second_format(path: Path) -> None:
    """The archive as versions before left it: a name in every file, Parquet in its own way."""
    told = orjson.loads((path / "archive.json").read_bytes())
    parts = {part.file: part for part in read_manifest(path).parts}
    for one in told["parts"]:
        rows = read_parts(path, [parts[one["file"]]])
        parquet.write_table(rows, path / one["file"], compression="zstd")
        content = (path / one["file"]).read_bytes()
        one |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (path / "archive.json").write_text(json.dumps({**told, "format": 2}))


def test_an_archive_of_an_older_version_goes_on(tmp_path: Path) -> None:
    for day in range(6):
        collect(look(day), tmp_path / "new")
        collect(look(day), tmp_path / "old")
        if day < 3:
            as_second_format(tmp_path / "old")
    assert "name" in parquet.read_schema(next((tmp_path / "old/parts/snapshots").glob("*whole*"))).names
    for act in (lambda: None, lambda: compact(tmp_path / "old", NOW + timedelta(days=90))):
        act()
        assert set(check(tmp_path / "old")["found"]) == {"sound"}
        for day in range(6):
            old, new = (kept(tmp_path / one, look(day).now) for one in ("old", "new"))
            assert_frame_equal(by(old.changes(), "targetResourceId"), by(new.changes(), "targetResourceId"))
            want = by(look(day).snapshots(), "id")
            for one in (old, new):
                assert_frame_equal(by(one.snapshots(), "id")[[*want]], want)
        kql = "snapshots | project name | order by name asc"
        names = [list(kept(tmp_path / one, look(5).now).query(kql)["name"]) for one in ("old", "new")]
        assert names == [sorted(look(5).snapshots()["name"])] * 2


def kept(path: Path, at: datetime) -> Estate:
    return open_archive(path, at=at, window=(NOW - timedelta(days=14), at))


def by(rows: pandas.DataFrame, key: str) -> pandas.DataFrame:
    return rows.sort_values([key, *rows.columns.intersection(["timestamp"])], ignore_index=True)


def test_what_azure_backup_does_all_day_keeps_no_guids_and_what_a_person_does_all(tmp_path: Path) -> None:
    collect(look(0), tmp_path)
    found, live = (by(one.changes(), "targetResourceId") for one in (kept(tmp_path, look(0).now), look(0)))
    ours = found["changedBy"] == "Azure Backup"
    assert ours.sum() == 6
    assert found.loc[ours, ["id", "name", "correlationId"]].isna().all(axis=None)
    columns = ["targetResourceId", "changeType", "timestamp", "changedBy", "changedByType", "targetResourceType"]
    assert_frame_equal(found[columns], live[columns])
    assert_frame_equal(found.loc[~ours, [*live]], live[~ours])


def test_routine_changes_are_stored_once_however_runs_overlap(tmp_path: Path) -> None:
    collect(look(1), tmp_path)
    told = collect(look(1), tmp_path).set_index("table").loc["changes"]
    assert (told["new"], told["changed"]) == (0, 0)
    told = collect(look(2), tmp_path).set_index("table").loc["changes"]
    assert (told["new"], told["changed"]) == (2, 0)
