"""An estate in a folder: kept, read again, also when it was written by another version."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas
import pytest

import dpmagic
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from dpmagic.estate.columns import tables

SMALL = ("subscriptions", "vaults", "policies", "instances", "jobs", "virtual_machines", "exemptions")


@pytest.fixture(scope="module")
def folder(live: Estate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return live.save(tmp_path_factory.mktemp("saved") / "estate", SMALL)


def test_what_was_saved_is_what_is_loaded(live: Estate, folder: Path) -> None:
    loaded = dpmagic.open(folder)
    assert (loaded.now, loaded.window) == (live.now, live.window)
    now = live.over((live.window.start, live.now + timedelta.resolution))
    for name in SMALL:
        pandas.testing.assert_frame_equal(loaded.table(name), live.table(name))
        # Jobs are kept up to now, and were asked for so.
        said = live.table(name).attrs["dpmagic"] | {"kql": now.table(name).attrs["dpmagic"]["kql"]}
        assert loaded.table(name).attrs["dpmagic"] == said
    pandas.testing.assert_frame_equal(loaded.over(now.window).jobs(), now.jobs())
    assert len(now.jobs()) > len(live.jobs())
    assert loaded.over(now.window).jobs().attrs["dpmagic"]["notes"] == live.jobs().attrs["dpmagic"]["notes"]
    assert loaded.source.scope == live.source.scope
    assert [name for name in tables() if loaded.has(name)] == list(SMALL)
    assert loaded.reach() == live.reach()


def test_opened_over_another_window(live: Estate, folder: Path) -> None:
    week = dpmagic.open(folder, window="7d")
    assert week.window == live.over("7d").window
    pandas.testing.assert_frame_equal(week.jobs(), live.over("7d").jobs())


@pytest.mark.parametrize(
    ("given", "told", "hint"),
    [
        ({"at": "2026-03-01"}, "at is for an archive: '.*' is as it was saved, at 2026-", "leave it out"),
        ({"window": "soon"}, "soon", "14d"),
        ({"where": 3}, "3 is no folder", r"dpmagic.open\(\) for now"),
    ],
)
def test_what_a_saved_estate_cannot_be_opened_with(folder: Path, given: dict[str, Any], told: str, hint: str) -> None:
    with pytest.raises(InvalidArgument, match=told) as error:
        dpmagic.open(**{"where": folder, **given})
    assert re.search(hint, error.value.hint)


def test_what_is_not_kept_is_saved_all_the_same(live: Estate, folder: Path, tmp_path: Path) -> None:
    names = ["subscriptions", "vaults", "jobs"]
    fresh = Estate(live.source, live.now, live.window)
    had = fresh.vaults()
    loaded = Estate.load(fresh.save(tmp_path / "saved", names, keep=False))
    assert [one.known.name for one in fresh.kept.tables] == ["vaults"]
    pandas.testing.assert_frame_equal(loaded.vaults(), had)
    for name in names:
        pandas.testing.assert_frame_equal(loaded.table(name), Estate.load(folder).table(name))
        assert loaded.table(name).attrs == Estate.load(folder).table(name).attrs


def test_without_names_all_that_there_is(tmp_path: Path) -> None:
    jobs = pandas.DataFrame({"id": ["a"], "startTime": ["2026-03-01T08:00:00Z"], "extra": [1]})
    loaded = Estate.load(Estate.of({"jobs": jobs}).save(tmp_path))
    made = loaded.jobs()
    assert list(made) == list(tables()["jobs"].columns)
    assert made["id"].tolist() == ["a"] and made["status"].isna().all()
    assert made.dtypes.astype(str).to_dict() == tables()["jobs"].dtypes
    assert "saved before there was a column status" in made.attrs["dpmagic"]["notes"]
    assert dpmagic.open(loaded.save(tmp_path)).jobs()["id"].tolist() == ["a"]


def test_over_another_window_only_what_was_saved(live: Estate, folder: Path) -> None:
    loaded = Estate.load(folder)
    day = ("2026-02-20", "2026-02-21")
    pandas.testing.assert_frame_equal(loaded.over(day).jobs(), live.over(day).jobs(), check_like=True)
    assert loaded.over(day).jobs().attrs["dpmagic"]["notes"] == live.jobs().attrs["dpmagic"]["notes"]
    said = loaded.over(("2026-01-01", "2026-02-21")).jobs().attrs["dpmagic"]["notes"]
    until = (live.now + timedelta.resolution).isoformat().replace("+00:00", "Z")
    assert f"jobs were saved for 2026-02-16T00:00:00Z to {until} only" in said


def test_a_table_that_was_not_saved(folder: Path) -> None:
    with pytest.raises(InvalidArgument, match="the table 'disks' was not saved") as caught:
        Estate.load(folder).disks()
    assert "these were: subscriptions, vaults" in caught.value.hint
    with pytest.raises(InvalidArgument, match="answers no query"):
        Estate.load(folder).query("resources")


def _of_a_newer_version(folder: Path) -> None:
    said = json.loads((folder / "estate.json").read_bytes())
    (folder / "estate.json").write_text(json.dumps(said | {"version": said["version"] + 1}))


def _told(folder: Path, text: str) -> None:
    (folder / "estate.json").write_text(text)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "estate.json").unlink(), "is no saved estate: it has no estate.json"),
        (lambda folder: _told(folder, "{"), "is damaged"),
        (lambda folder: _told(folder, "[]"), "is of something else"),
        (lambda folder: _told(folder, '{"format": "notes"}'), "is of something else"),
        (lambda folder: _told(folder, '{"format": "dpmagic estate", "version": 1}'), "is damaged: it has no target"),
        (_of_a_newer_version, "was saved by a newer version"),
        (lambda folder: (folder / "jobs.parquet").unlink(), "jobs.parquet' is not there"),
        (lambda folder: (folder / "jobs.parquet").write_bytes(b"PAR1"), "jobs.parquet' is damaged"),
    ],
)
def test_what_is_no_saved_estate(spoil: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    jobs = pandas.DataFrame({"id": ["a"], "startTime": ["2026-03-01T08:00:00Z"]})
    folder = Estate.of({"jobs": jobs}).save(tmp_path / "estate")
    spoil(folder)
    with pytest.raises(InvalidArgument, match=message) as caught:
        Estate.load(folder).jobs()
    assert caught.value.hint


def test_what_an_earlier_save_left_goes(tmp_path: Path) -> None:
    jobs = pandas.DataFrame({"id": ["a"], "startTime": ["2026-03-15T08:00:00Z"]})
    Estate.of({"jobs": jobs, "vaults": jobs[["id"]]}).save(tmp_path)
    (tmp_path / "mine.parquet").touch()
    Estate.of({"jobs": jobs}).save(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["estate.json", "jobs.parquet", "mine.parquet"]


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    estate = Estate.of({}, now="2026-03-01")
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(InvalidArgument, match="holds other things"):
        estate.save(tmp_path)
    with pytest.raises(InvalidArgument, match="is a file"):
        estate.save(tmp_path / "mine.txt")
    with pytest.raises(InvalidArgument, match="there is no folder"):
        Estate.load(tmp_path / "nowhere")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
