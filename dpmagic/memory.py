"""Where processes that are dpmagic's own take their memory from: it has to be said before they load Arrow, or start."""

from __future__ import annotations

import os
import platform
import sys

FROM_SYSTEM = {"ARROW_DEFAULT_MEMORY_POOL": "system"} if sys.platform == "linux" else {}
"""Arrow's own allocator gives memory back to Linux and takes it anew with each step: a quarter of what a year's jobs
take, a tenth of a report."""

_HEAP = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(256 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(512 << 20),
}


def from_system() -> None:
    """Have this process take it where that costs least, unless its environment says otherwise."""
    for name, pool in FROM_SYSTEM.items():
        os.environ.setdefault(name, pool)


def for_large() -> dict[str, str]:
    """The environment of a process of its own that works on large tables: what it lets go of it takes again.

    By itself glibc takes whatever has more than 32 MiB, as columns of texts have from some thousand disks on, from
    Linux page by page and gives it back when it is done, each time.  Other C libraries do not heed what is said here;
    and a glibc before 2.36, the first it was measured with, is told nothing: mallopt(3) has it refuse thresholds that
    high, and it would then keep to 128 KiB.
    """
    name, version = platform.libc_ver()
    known = name == "glibc" and tuple(int(part) for part in version.split(".")[:2]) >= (2, 36)
    return FROM_SYSTEM | (_HEAP if known else {})
