"""An archive's folder: how files come into it and go, so that it is whole at every instant.

Parts are written first, under names that nothing refers to; the manifest that lists them then takes the old one's place
in one step of the file system.  A run that is killed leaves files that no manifest lists: the next one removes them.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args
from uuid import uuid4

from dpmagic.archive import lock
from dpmagic.archive.faults import NotAnArchive, gone, reading, telling
from dpmagic.archive.manifest import FORMAT, Kind, Manifest, NewerFormat, Part, Run
from dpmagic.archive.packing import packed

if TYPE_CHECKING:
    import pyarrow

FILE = "archive.json"
"""The manifest's file."""

_PARTS = "parts"
_NAME = rf"\d{{4}}-\d\d-({'|'.join(get_args(Kind))})-[0-9a-f]{{12}}\.parquet"
_OURS = re.compile(rf"{_PARTS}/\w+/{_NAME}|{re.escape(FILE)}\.new")


def is_archive(path: Path) -> bool:
    """Whether there is an archive in ``path``."""
    return (path / FILE).is_file()


def is_ours(name: str) -> bool:
    """Whether a file's name in the folder is one that a run gives: only such files are ever removed.

    >>> is_ours("parts/jobs/2026-03-rows-0123456789ab.parquet"), is_ours("parts/jobs/notes.txt")
    (True, False)
    """
    return _OURS.fullmatch(name) is not None


def read_manifest(path: Path) -> Manifest:
    """The archive in ``path`` as it is now.  Raises `NotAnArchive`, and `InvalidArgument` without the right to read."""
    try:
        with reading(path):
            if not path.is_dir():
                raise NotAnArchive(f"there is no folder {str(path)!r}", "make one with `dpmagic collect DIR`")
            return Manifest.decode((path / FILE).read_bytes())
    except FileNotFoundError:
        hint = "make one with `dpmagic collect DIR`, in a new or an empty folder"
        raise NotAnArchive(f"{str(path)!r} is not an archive", hint) from None
    except NewerFormat as newer:
        told = f"the archive {str(path)!r} is of format {newer}, newer than this version's {FORMAT}"
        raise NotAnArchive(told, "pip install --upgrade dpmagic") from None
    except (ValueError, KeyError, TypeError) as error:
        raise NotAnArchive(f"{FILE} in {str(path)!r} is not an archive's", "restore it from a copy") from error


@contextmanager
def writing(path: Path, now: datetime, *, create: bool = False) -> Iterator[Writer]:
    """The archive in ``path`` for one writer; with ``create`` made when the folder is new or empty.

    What the block writes counts when it has called `Writer.commit`, and not before.

    Raises `NotAnArchive`, `ArchiveHeld` when another run is writing, and `InvalidArgument` when there is no room or
    no right to write.
    """
    if create and not is_archive(path):
        _make(path)
    elif not is_archive(path):
        read_manifest(path)  # says what is wrong
    with lock.held(path, now):
        if create and not is_archive(path):
            _replace(path, Manifest())
        writer = Writer(path, read_manifest(path))
        writer.sweep()
        try:
            yield writer
        except FileNotFoundError as error:  # nobody else writes: it is not that it was replaced
            raise gone(error.filename) from error
        finally:
            writer.sweep()


def _make(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise NotAnArchive(f"{str(path)!r} is a file, not a folder", "name a new or an empty folder")
    with telling(path):
        path.mkdir(parents=True, exist_ok=True)
        others = [one.name for one in path.iterdir() if one.name not in (*lock.OWN, _PARTS) and one.suffix != ".new"]
    if others:
        raise NotAnArchive(
            f"{str(path)!r} is not an archive, and holds other things ({sorted(others)[0]})",
            "name a new or an empty folder",
        )


class Writer:
    """What one writer does to an archive."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest = path, manifest

    def write(
        self, table: str, kind: Kind, rows: pyarrow.Table, first: datetime, last: datetime, *, again: bool = False
    ) -> Part:
        """A new file with ``rows``.  It is no part of the archive before `commit`."""
        from pyarrow import parquet

        file = f"{_PARTS}/{table}/{first:%Y-%m}-{kind}-{uuid4().hex[:12]}.parquet"
        target = self.path / file
        with telling(self.path):
            target.parent.mkdir(parents=True, exist_ok=True)
            made, settings = packed(rows, kind)
            parquet.write_table(made, target, **settings)
            content = target.read_bytes()
            _settle(target)
        return Part(table, kind, file, rows.num_rows, len(content), _sum(content), first, last, again)

    def commit(self, added: list[Part], removed: list[Part], run: Run | None = None) -> Manifest:
        """Make ``added`` part of the archive and ``removed`` no longer so, in one step.

        The files of what is removed stay until the next run: a reader may be about to open them.
        """
        self.manifest = self.manifest.changed(added, removed, run)
        _replace(self.path, self.manifest)
        return self.manifest

    def sweep(self) -> None:
        """Delete what the manifest does not list: what a killed run left, and what was retired before; no file that is
        somebody else's."""
        known = {part.file for part in self.manifest.parts} | set(self.manifest.retired)
        with telling(self.path):
            for file in [*self.path.glob(f"{_PARTS}/*/*"), *self.path.glob("*.new")]:
                name = file.relative_to(self.path).as_posix()
                if name not in known and is_ours(name):
                    file.unlink()


def _replace(path: Path, manifest: Manifest) -> None:
    fresh = path / f"{FILE}.new"
    with telling(path):
        fresh.write_bytes(manifest.encode())
        _settle(fresh)
        fresh.replace(path / FILE)
        _settle(path)


def _settle(path: Path) -> None:
    """Have the system write a file, or what a folder lists, to the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows has no way to ask that of a folder
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def intact(path: Path, part: Part) -> bool:
    """Whether a part's file is there, byte for byte as it was written."""
    try:
        return _sum((path / part.file).read_bytes()) == part.sha256
    except FileNotFoundError:
        return False
