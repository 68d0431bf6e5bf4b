"""Azure Backup vaults in a notebook.

``%load_ext dpmagic`` registers ``%dataprotection`` and ``%%dataprotection``; `run` does the same in a script.
Nothing heavy is loaded until it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dpmagic.api import connect_azure, connect_endpoint, connect_sandbox, connected, rest, resume, run

__all__ = ["connect_azure", "connect_endpoint", "connect_sandbox", "connected", "rest", "resume", "run"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from dpmagic import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def load_ipython_extension(shell: Any) -> None:
    """Register the magics: what ``%load_ext dpmagic`` calls."""
    from dpmagic.notebook import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics and their completion away again."""
    from dpmagic.notebook import unload

    unload(shell)
