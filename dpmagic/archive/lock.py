"""Who writes into an archive: one run at a time, and the others are told who."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from dpmagic.archive.faults import ArchiveHeld, telling
from dpmagic.errors import extra

_LOCK, _HOLDER = "archive.lock", "archive.holder.json"
OWN = (_LOCK, _HOLDER)


@contextmanager
def held(path: Path, now: datetime) -> Iterator[None]:
    """Hold the archive in ``path`` for the block.  The system lets go of it when the process dies, however it does.

    Raises `ArchiveHeld` with who holds it and since when, and `InvalidArgument` when the folder cannot be written.
    """
    with extra("local", "an archive"):
        from filelock import FileLock, Timeout

    lock = FileLock(path / _LOCK, timeout=0)
    try:
        with telling(path):
            lock.acquire()
    except Timeout:
        raise ArchiveHeld(
            f"the archive {str(path)!r} is held by {_holder(path)}", "wait for that run to end, then run this again"
        ) from None
    try:
        with telling(path):
            told = {"process": os.getpid(), "host": socket.gethostname(), "since": now.isoformat(timespec="seconds")}
            (path / _HOLDER).write_text(json.dumps(told), encoding="utf-8")
        yield
    finally:
        (path / _HOLDER).unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    try:
        told = json.loads((path / _HOLDER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "another run that has just begun"
    return f"process {told['process']} on {told['host']} since {told['since']}"
