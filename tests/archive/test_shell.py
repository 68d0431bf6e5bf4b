"""The folder from a shell, against the sandbox: as a scheduler runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas
import pytest

import dpmagic
from dpmagic.archive.collect import collect
from dpmagic.archive.folder import read_manifest
from dpmagic.estate.estate import Estate
from dpmagic.shell import main

DPMAGIC = [sys.executable, "-m", "dpmagic.shell"]


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """What the command prints, in this process: starting another takes most of the time."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(word) for word in words])
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nights") / "archive"
    words = ["collect", str(path), "--target", "sandbox", "--no-recovery-points"]
    told = subprocess.run([*DPMAGIC, *words], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stderr == ""
    [line] = told.stdout.splitlines()
    assert line.startswith("run 1 at 2026-03-02T08:00:0")
    assert line.endswith("6 of 6 subscriptions")
    return path


def test_what_came_in_is_what_was_there(archive: Path) -> None:
    dpmagic.connect_sandbox()
    live, kept = dpmagic.open(), dpmagic.open(archive)
    for name in ("vaults", "policies", "instances", "disks", "snapshots", "role_assignments", "jobs", "changes"):
        keys = ["timestamp", "targetResourceId"] if name == "changes" else ["id"]
        want, got = (one.table(name).sort_values(keys, ignore_index=True) for one in (live, kept))
        if name == "changes":  # a snapshot's that Azure Backup made or deleted
            want.loc[got["id"].isna(), ["id", "name", "correlationId"]] = None
        pandas.testing.assert_frame_equal(got, want)


def test_looked_after(archive: Path) -> None:
    assert "none damaged" in run("archive", "check", archive).stdout
    assert "6 of 6 subscriptions" in run("archive", "runs", archive).stdout
    assert run("archive", "compact", archive).returncode == 0


@pytest.mark.parametrize("suffix", ["csv", "parquet", "xlsx", "json"])
def test_a_table_as_a_file(archive: Path, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"vaults.{suffix}"
    told = run("archive", "export", archive, "vaults", file)
    assert told.returncode == 0, told.stderr
    readers = {
        "csv": pandas.read_csv,
        "parquet": pandas.read_parquet,
        "xlsx": pandas.read_excel,
        "json": pandas.read_json,
    }
    assert sorted(readers[suffix](file)["name"]) == sorted(dpmagic.open(archive).vaults()["name"])


def test_damage_is_told_by_the_exit_code(archive: Path) -> None:
    part = next(one for one in read_manifest(archive).parts if one.table == "exemptions")
    content = (archive / part.file).read_bytes()
    (archive / part.file).unlink()
    told = run("archive", "check", archive)
    (archive / part.file).write_bytes(content)
    assert told.returncode == 1
    assert f"missing: {part.file}" in told.stdout


def test_what_else_is_in_the_folder_is_told_and_not_removed(tmp_path: Path) -> None:
    """A run replaces files, another one is killed, and somebody puts notes there."""
    tables = {"vaults": pandas.DataFrame([{"id": "/v/a", "name": "a"}])}
    for day in (1, 2):
        tables["vaults"].loc[0, "softDeleteState"] = f"is {day}"
        collect(Estate.of(tables, now=datetime(2026, 3, day, tzinfo=UTC)), tmp_path)
    replaced = [one for one in read_manifest(tmp_path).retired if (tmp_path / one).exists()]
    assert len(replaced) == 1
    killed = tmp_path / "parts" / "jobs" / "2026-03-rows-0123456789ab.parquet"
    others = [tmp_path / "parts" / "jobs" / "notes.txt", tmp_path / "README", tmp_path / "a" / "b.parquet"]
    for file in (killed, *others):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x" * 2**20)
    told = run("archive", "check", tmp_path)
    assert told.returncode == 0
    [_, left, beside] = told.stdout.splitlines()
    size = 2**20 + (tmp_path / replaced[0]).stat().st_size
    assert left.startswith(
        f"2 more, {size:,} bytes, left over or being written, which the next run removes: parts/jobs/"
    )
    assert beside.startswith("3 more, 3,145,728 bytes, not the archive's, which no run touches: README, a/b.parquet, p")
    run("archive", "compact", tmp_path)
    assert not killed.exists() and all(file.exists() for file in others)
    assert run("archive", "check", tmp_path).stdout.splitlines()[-1] == beside


def test_a_subscription_that_nobody_can_read(tmp_path: Path) -> None:
    lost = "88888888-8888-4888-8888-888888888888"
    told = run("collect", tmp_path / "a", "--target", "sandbox", "--no-recovery-points", "--expect", lost)
    assert told.returncode == 1
    assert told.stderr.strip() == f"unreadable: {lost}"
    assert "6 of 7 subscriptions" in told.stdout
    assert dpmagic.open(tmp_path / "a").vaults().attrs["dpmagic"]["subscriptions"]["unreadable"] == [lost]


def test_bad_input(archive: Path, tmp_path: Path) -> None:
    past = ["--window", "2020-01-01/2020-02-01"]
    for words, told in (
        (["archive", "check", tmp_path / "none"], "there is no folder"),
        (["archive", "export", archive, "vualts", tmp_path / "x.csv"], "did you mean vaults?"),
        (["archive", "export", archive, "jobs", tmp_path / "x.csv", *past], "name a later"),
        (["archive", "export", archive, "jobs", tmp_path / "x.csv", "--at", "yesterday"], "--at 'yesterday' is not"),
        (["archive", "export", archive, "jobs", tmp_path / "jobs.foo"], "end it in .csv, .tsv, .parquet, .xlsx"),
        (["archive", "export", archive, "jobs", tmp_path / "jobs"], "end it in .csv, .tsv, .parquet, .xlsx"),
        (["archive", "export", archive, "jobs", tmp_path / "none" / "jobs.csv"], "make the folder first"),
        (["collect", "/proc/archive", "--target", "sandbox"], "archive"),
    ):
        done = run(*words)
        assert done.returncode == 1, done
        assert told in done.stderr
        assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_holes_of_what_is_exported_are_said(archive: Path, tmp_path: Path) -> None:
    told = run("archive", "export", archive, "jobs", tmp_path / "x.csv", "--at", "2026-03-05", "--window", "90d")
    assert told.returncode == 0
    lines = told.stderr.splitlines()
    assert lines[0].startswith("wrote ")
    assert lines[1].startswith("  of 2025-12-05T00:00:00Z to 2026-03-05T00:00:00Z; see --window")
    assert lines[2].startswith("  no run saw the jobs from 2025-12-05T00:00:00Z to 2026-02-16T08:00:0")
    assert lines[3].startswith("  no run saw the jobs from 2026-03-02T08:0")


@contextmanager
def another_account() -> Iterator[None]:
    """Root may read everything: be somebody else for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="the rights of Windows are others")
@pytest.mark.parametrize("barred", ["archive.json", "parts/vaults"])
def test_an_archive_that_others_may_not_read(archive: Path, barred: str) -> None:
    # Not in pytest's own folder, which nobody else may enter; and with all that is imported late imported by now.
    with TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        copy = Path(shutil.copytree(archive, Path(folder) / "a"))
        (Path(folder) / "q.kql").write_text("vaults | count")
        export = ("archive", "export", copy, "vaults", Path(folder) / "x.csv")
        asked = ("query", "--archive", copy, Path(folder) / "q.kql", "-o", "table")
        check = ("archive", "check", copy)
        assert [run(*words).returncode for words in (export, asked, check)] == [0, 0, 0]
        (copy / barred).chmod(0)
        with another_account():
            done = [run(*words) for words in (export, asked, check)]
        (copy / barred).chmod(0o700)
    for one in done:
        assert one.returncode == 1
        assert "cannot be read: Permission denied" in one.stderr


def test_where_the_locale_knows_no_more_than_ascii(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "q.kql").write_text("vaults | take 1 | project x = 'お · é'", encoding="utf-8")
    own = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(Path(__file__).parents[2])}
    words = [*DPMAGIC, "query", "--archive", str(archive), str(tmp_path / "q.kql"), "-o", "table"]
    for more, want in ({}, "お · é"), ({"PYTHONIOENCODING": "ascii"}, "\\u304a \\xb7 \\xe9"):
        told = subprocess.run(words, capture_output=True, check=False, env=own | more, cwd=tmp_path)
        assert (told.returncode, want in told.stdout.decode()) == (0, True), told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_output_that_finds_no_room(archive: Path) -> None:
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [*DPMAGIC, "archive", "runs", str(archive)], stdout=full, stderr=-1, text=True, check=False
        )
    assert (told.returncode, told.stderr.splitlines()[0]) == (
        1,
        "the output cannot be written: No space left on device",
    )
    assert len(told.stderr.splitlines()) == 2
