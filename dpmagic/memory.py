"""Where Arrow takes its memory from, for processes that are dpmagic's own: it has to be said before Arrow is loaded."""

from __future__ import annotations

import os
import sys

FROM_SYSTEM = {"ARROW_DEFAULT_MEMORY_POOL": "system"} if sys.platform == "linux" else {}
"""Arrow's own allocator gives memory back to Linux and takes it anew with each step: a quarter of what a year's jobs
take, a tenth of a report."""


def from_system() -> None:
    """Have this process take it where that costs least, unless its environment says otherwise."""
    for name, pool in FROM_SYSTEM.items():
        os.environ.setdefault(name, pool)
