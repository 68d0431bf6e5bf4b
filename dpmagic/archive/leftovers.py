"""Files in an archive's folder that are no part of it: what the next run removes, and what is somebody else's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dpmagic.archive import lock
from dpmagic.archive.faults import reading
from dpmagic.archive.folder import FILE, is_ours, read_manifest


@dataclass(frozen=True)
class Leftovers:
    """By their names in the folder, with their sizes in bytes.

    ``removed`` are those that the next run removes: what a killed run left, what the last run replaced and a reader may
    have open, and what a run that goes on is writing.  ``others`` are not an archive's, and no run touches them.
    """

    removed: dict[str, int]
    others: dict[str, int]


def leftovers(path: Path) -> Leftovers:
    """What is in the folder beside the archive.  Raises as `read_manifest` does."""
    with reading(path):
        known = {part.file for part in read_manifest(path).parts}
        files = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if not file.is_dir()}
        sizes = {name: _size(file) for name, file in sorted(files.items())}
    # A run may have ended meanwhile.
    known |= {part.file for part in read_manifest(path).parts} | {FILE, *lock.OWN}
    beside = {name: size for name, size in sizes.items() if name not in known and size is not None}
    ours = {name: size for name, size in beside.items() if is_ours(name)}
    return Leftovers(ours, {name: size for name, size in beside.items() if name not in ours})


def _size(file: Path) -> int | None:
    """None of one that has gone since it was listed."""
    try:
        return file.lstat().st_size
    except FileNotFoundError:
        return None
