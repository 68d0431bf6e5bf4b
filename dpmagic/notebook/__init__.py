"""The magics ``%dataprotection`` and ``%resourcegraph``, their completion and their display in IPython.

These are the only rooms that import IPython.  `load` is what ``%load_ext dpmagic`` does.
"""

from __future__ import annotations

from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from dpmagic.errors import DpmagicError
from dpmagic.notebook.display import observer_of
from dpmagic.notebook.magics import NAME, NAMES, DataProtection
from dpmagic.notebook.typed import as_typed
from dpmagic.session import current

__all__ = ["load", "unload"]


def load(shell: InteractiveShell) -> None:
    """Register the magics, complete them, and bind the session to the notebook's names.

    Prints nothing and connects to nothing; a second time changes nothing.  Raises `DpmagicError` when another
    extension has a magic of the same name.
    """
    if _loaded(shell):
        return
    _check_name_is_free(shell)
    session = current()
    magics = DataProtection(shell, session)
    session.names, session.observer = shell.user_ns, observer_of(shell, session)
    session.prefix = f"%{NAME} "
    shell.register_magics(magics)
    shell.Completer.custom_matchers.append(magics.matcher)
    shell.input_transformers_cleanup.append(as_typed)


def unload(shell: InteractiveShell) -> None:
    """Take away what `load` has added and give the session back what it had; without a `load`, nothing."""
    magics = _loaded(shell)
    if magics is None:
        return
    manager = shell.magics_manager
    del manager.registry[DataProtection.__name__]
    # Only what is still ours: someone may have put a magic of their own in its place since.
    ours = [(kind, name) for kind, name, found in _registered(shell) if getattr(found, "__self__", None) is magics]
    for kind, name in ours:
        del manager.magics[kind][name]
    shell.configurables.remove(magics)  # type: ignore[arg-type]  # IPython's annotation is narrower than its use
    shell.Completer.custom_matchers.remove(magics.matcher)
    shell.input_transformers_cleanup.remove(as_typed)
    magics.session.names, magics.session.observer, magics.session.prefix = magics.before


def _loaded(shell: InteractiveShell) -> DataProtection | None:
    found: DataProtection | None = shell.magics_manager.registry.get(DataProtection.__name__)
    return found


def _registered(shell: InteractiveShell) -> list[tuple[str, str, Any]]:
    """The line and the cell magics of our names, whoever they belong to."""
    magics = shell.magics_manager.magics
    return [(kind, name, magics[kind][name]) for kind in ("line", "cell") for name in NAMES if name in magics[kind]]


def _check_name_is_free(shell: InteractiveShell) -> None:
    for kind, name, found in _registered(shell):
        owner = getattr(found, "__module__", None) or type(found).__module__
        raise DpmagicError(
            f"there is already a {kind} magic {name}, from {owner}",
            "unload that one first, then %load_ext dpmagic again",
        )
