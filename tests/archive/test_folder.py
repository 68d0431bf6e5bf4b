"""The folder itself: whole at every instant, one writer, and one line for each thing that can be wrong with it."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import resource
import signal
import tempfile
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow
import pytest

from dpmagic.archive.faults import ArchiveHeld, NotAnArchive
from dpmagic.archive.folder import intact, is_archive, read_manifest, writing
from dpmagic.archive.manifest import Manifest, Run, days_without, never_seen
from dpmagic.errors import DpmagicError, InvalidArgument

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
_FORK = multiprocessing.get_context("fork")


def rows(*ids: str) -> pyarrow.Table:
    return pyarrow.table({"id": list(ids)})


def add(path: Path, *ids: str) -> Manifest:
    with writing(path, NOW, create=True) as writer:
        return writer.commit([writer.write("jobs", "rows", rows(*ids), NOW, NOW)], [])


def files(path: Path) -> set[str]:
    return {one.relative_to(path).as_posix() for one in path.rglob("*.parquet")}


def run_at(day: float, since: float) -> Run:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return Run(0, start + timedelta(days=day), start + timedelta(days=since), "azure", {}, {}, {})


def test_what_is_committed_is_there_and_sound(tmp_path: Path) -> None:
    add(tmp_path / "a", "x", "y")
    manifest = add(tmp_path / "a", "z")
    assert [part.rows for part in manifest.of("jobs", "rows")] == [2, 1]
    assert read_manifest(tmp_path / "a") == manifest
    assert all(intact(tmp_path / "a", part) for part in manifest.parts)


def test_a_changed_or_lost_file_is_not_intact(tmp_path: Path) -> None:
    manifest = add(tmp_path, "x")
    file = tmp_path / manifest.parts[0].file
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert not intact(tmp_path, manifest.parts[0])
    file.unlink()
    assert not intact(tmp_path, manifest.parts[0])


def test_what_is_not_committed_never_counts(tmp_path: Path) -> None:
    before = add(tmp_path, "x")
    with pytest.raises(RuntimeError), writing(tmp_path, NOW) as writer:
        writer.write("jobs", "rows", rows("y"), NOW, NOW)
        raise RuntimeError
    assert read_manifest(tmp_path) == before
    assert files(tmp_path) == {part.file for part in before.parts}


def test_a_removed_part_stays_readable_until_the_next_run(tmp_path: Path) -> None:
    old = add(tmp_path, "x").parts[0]
    with writing(tmp_path, NOW) as writer:
        writer.commit([writer.write("jobs", "rows", rows("x"), NOW, NOW)], [old])
    assert intact(tmp_path, old)
    add(tmp_path, "y")
    assert not (tmp_path / old.file).exists()


def _commit_until_killed(path: Path, ready: threading.Event) -> None:
    ready.set()
    number = 0
    while True:
        number += 1
        with writing(path, NOW, create=True) as writer:
            latest = writer.manifest.of("jobs", "latest")
            whole = rows(*(str(one) for one in range(number % 7 + 1)))
            writer.commit([writer.write("jobs", kind, whole, NOW, NOW) for kind in ("latest", "rows")], latest)


@pytest.mark.slow
def test_killed_a_hundred_times_it_is_whole_and_the_next_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    committed = 0
    for number in range(100):
        ready = _FORK.Event()
        child = _FORK.Process(target=_commit_until_killed, args=(path, ready))
        child.start()
        ready.wait(10)
        child.join(0.0007 * number)
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        if not is_archive(path):
            continue  # killed before it was one
        manifest = read_manifest(path)
        assert all(intact(path, part) for part in manifest.parts)
        latest, added = manifest.of("jobs", "latest"), manifest.of("jobs", "rows")
        assert len(latest) <= 1
        assert len(added) == manifest.version >= committed
        committed = manifest.version
    assert committed > 0
    manifest = add(path, "after")
    assert files(path) == {part.file for part in manifest.parts} | set(manifest.retired)


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    add(tmp_path, "x")
    with (
        writing(tmp_path, NOW),
        pytest.raises(ArchiveHeld, match=rf"process {os.getpid()} on .* since 2026-03-02T08") as held,
    ):
        add(tmp_path, "y")
    assert held.value.hint
    add(tmp_path, "y")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format": 1}', b'{"format": "x"}'])
def test_a_manifest_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "archive.json").write_bytes(content)
    with pytest.raises(NotAnArchive, match="not an archive's"):
        read_manifest(tmp_path)


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    add(tmp_path, "x")
    file = tmp_path / "archive.json"
    told = json.loads(file.read_bytes())
    file.write_text(json.dumps({**told, "format": 99}))
    for refuse in (read_manifest, lambda path: add(path, "y")):
        with pytest.raises(NotAnArchive, match="format 99, newer than this version's 3") as error:
            refuse(tmp_path)
        assert "upgrade" in error.value.hint
    assert json.loads(file.read_bytes())["format"] == 99


def test_a_folder_of_the_first_format_is_read(tmp_path: Path) -> None:
    with writing(tmp_path, NOW, create=True) as writer:
        writer.commit([], [], run_at(1, 0.5))
    file = tmp_path / "archive.json"
    told = json.loads(file.read_bytes())
    del told["runs"][0]["since_of"]
    file.write_text(json.dumps({**told, "format": 1}))
    assert read_manifest(tmp_path).runs[0].asked("jobs") == run_at(1, 0.5).since
    add(tmp_path, "y")
    assert (read_manifest(tmp_path).runs, json.loads(file.read_bytes())["format"]) == ((run_at(1, 0.5),), 3)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(NotAnArchive, match="holds other things"):
        add(tmp_path, "x")
    assert [one.name for one in tmp_path.iterdir()] == ["photo.jpg"]
    with pytest.raises(NotAnArchive, match="is not an archive"):
        read_manifest(tmp_path)
    with pytest.raises(NotAnArchive, match="no folder"):
        read_manifest(tmp_path / "nowhere")


def _in_child(act: object, path: Path, results: object) -> None:
    try:
        act(path)  # type: ignore[operator]
        results.put(None)  # type: ignore[attr-defined]
    except DpmagicError as error:
        results.put((type(error).__name__, error.message, error.hint))  # type: ignore[attr-defined]
    except BaseException as error:  # told as well: a child that says nothing would be waited for without end
        results.put((type(error).__name__, traceback.format_exc(), ""))  # type: ignore[attr-defined]
        raise


def refused(act: object, path: Path) -> tuple[str, str, str]:
    """What ``act`` raises in a process of its own."""
    results = _FORK.SimpleQueue()
    child = _FORK.Process(target=_in_child, args=(act, path, results))
    child.start()
    child.join(60)  # a child that has died without a word would be waited for without end
    if child.exitcode is None:
        child.kill()
    assert not results.empty(), f"the child said nothing and ended with {child.exitcode}"
    told: tuple[str, str, str] = results.get()
    return told


def _as_nobody(path: Path) -> None:
    if os.getuid() == 0:
        os.setuid(65534)
    add(path, "y")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter; the folders above pytest's own are for its user alone."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_read_only_folder(open_folder: Path) -> None:
    path = open_folder / "archive"
    before = add(path, "x")
    for one in [*path.rglob("*"), path]:
        one.chmod(0o555 if one.is_dir() else 0o444)
    try:
        kind, message, hint = refused(_as_nobody, path)
    finally:
        for one in [path, *path.rglob("*")]:
            one.chmod(0o755)
    assert kind == "InvalidArgument", message
    assert "cannot be written: Permission denied" in message
    assert hint
    assert read_manifest(path) == before


def _with_no_room(path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
    add(path, *(os.urandom(16).hex() for _ in range(1_000)))


def test_a_full_disk(tmp_path: Path) -> None:
    before = add(tmp_path, "x")
    kind, message, hint = refused(_with_no_room, tmp_path)
    assert kind == "InvalidArgument"
    assert "no room left" in message
    assert "as it was before" in hint
    assert read_manifest(tmp_path) == before
    add(tmp_path, "y")
    assert len(files(tmp_path)) == 2


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    with pytest.raises(NotAnArchive, match="is a file, not a folder") as error, writing(file, NOW, create=True):
        pass
    assert error.value.hint
    assert file.read_text() == "mine"


def test_days_without_a_run_and_jobs_that_nobody_saw() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    runs = [run_at(0.1, -14), run_at(1.1, 0), run_at(4.1, 1), run_at(30.1, 16.1)]
    names = [day.day for day in days_without(runs, start - timedelta(days=9), start + timedelta(days=6))]
    assert names == [3, 4, 6]
    holes = never_seen(runs, start - timedelta(days=20), start + timedelta(days=31))
    spans = [((a - start) / timedelta(days=1), (b - start) / timedelta(days=1)) for a, b in holes]
    assert [(round(a, 3), round(b, 3)) for a, b in spans] == [(-20, -14), (4.1, 16.1), (30.1, 31)]
    assert never_seen(runs, start, start + timedelta(days=2)) == []
    assert days_without([], start, start + timedelta(days=3)) == []


def test_bad_values_stay_errors_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument), writing(tmp_path, NOW, create=True):
        raise InvalidArgument("x", "y")


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EXDEV])
def test_a_share_that_fails_while_the_manifest_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    before = add(tmp_path, "x")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as share:
        share.setattr(Path, "replace", fail)
        with pytest.raises(InvalidArgument, match=f"fails: {os.strerror(number)}") as told:
            add(tmp_path, "y")
        assert "as it was before" in told.value.hint
    assert read_manifest(tmp_path) == before
    with monkeypatch.context() as share:
        share.setattr(Path, "read_bytes", fail)
        with pytest.raises(InvalidArgument, match=f"fails: {os.strerror(number)}"):
            read_manifest(tmp_path)
    assert len(add(tmp_path, "y").parts) == 2
