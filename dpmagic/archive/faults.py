"""What can be wrong with an archive's folder, each as one line and a hint."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dpmagic.errors import DpmagicError, InvalidArgument

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_BARRED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR)


class NotAnArchive(InvalidArgument):
    """The folder is not there, or is something else, or was written by a newer version."""


class ArchiveHeld(DpmagicError):
    """Another run is writing into the archive."""


class ArchiveDamaged(DpmagicError):
    """A file of the archive is missing or is not what was written."""


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """What the system refuses in the block, told as `InvalidArgument`.  The archive is as it was before."""
    try:
        yield
    except OSError as error:
        where = str(path)
        if error.errno in _FULL:
            raise InvalidArgument(
                f"there is no room left for the archive {where!r}", "free some; the archive is as it was before"
            ) from error
        if error.errno in _BARRED:
            raise InvalidArgument(
                f"the archive {where!r} cannot be written: {error.strerror}",
                "choose another folder, or the account that owns it",
            ) from error
        if error.errno is None:  # a lock that another holds
            raise
        raise _failing(path, error) from error


def gone(file: object) -> ArchiveDamaged:
    """That a file which the archive lists is not there."""
    return ArchiveDamaged(f"a file of the archive is gone: {file}", "see `dpmagic archive check DIR`; use a copy")


@contextmanager
def sound(file: Path) -> Iterator[None]:
    """Reading a Parquet file in the block: FileNotFoundError names it, what is no such file is `ArchiveDamaged`."""
    import pyarrow

    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file)) from error
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        raise damaged(file) from error


def damaged(file: Path) -> ArchiveDamaged:
    """That a file is not what was written."""
    told = f"a file of the archive is not what was written: {file}"
    return ArchiveDamaged(told, "see `dpmagic archive check DIR`; use a copy")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """That this account, or this machine, cannot read the archive in ``path``, told as `InvalidArgument`."""
    try:
        yield
    except PermissionError as error:
        raise InvalidArgument(
            f"the archive {str(path)!r} cannot be read: {os.strerror(errno.EACCES)}",
            "be the account that owns it, or have that one let you read it",
        ) from error
    except (FileNotFoundError, NotADirectoryError):
        raise  # what is not there is for others to tell
    except OSError as error:
        raise _failing(path, error) from error


def _failing(path: Path, error: OSError) -> InvalidArgument:
    """That the disk or the share itself fails: input and output errors, stale handles, a server that is away."""
    return InvalidArgument(
        f"the disk of the archive {str(path)!r} fails: {error.strerror or error}",
        "see to the disk or the network share, then run it again; the archive is as it was before",
    )
