"""A local Azure for the commands and queries of this project: no subscription, no network, no waiting.

:class:`Sandbox` answers HTTP requests; :func:`transport` puts one behind the Azure SDK's clients. It shares the wire
with the rest of dpmagic and nothing else. What it makes up, where no recording says, is listed in :data:`MODELLED`,
what it leaves out in :data:`NOT_DONE`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .listening import ServeError
from .mishaps import Mishap, Mishaps
from .modelled import MODELLED, NOT_DONE
from .reply import Reply
from .service import DEFAULT_ESTATE, Sandbox
from .store import StateError

if TYPE_CHECKING:
    from .http_transport import SandboxTransport
    from .server import Served

__all__ = [
    "DEFAULT_ESTATE",
    "MODELLED",
    "NOT_DONE",
    "Mishap",
    "Mishaps",
    "Reply",
    "Sandbox",
    "ServeError",
    "StateError",
    "serve",
    "transport",
]


def transport(state: Path | None = None, **options: Any) -> SandboxTransport:
    """A transport for Azure SDK clients, with a sandbox of its own behind it as ``.sandbox``.

    ``state`` names a folder that keeps the world; without it the world is in memory. ``options`` are those of
    :class:`Sandbox`. Raises :class:`StateError` if the folder cannot be used.
    """
    from .http_transport import SandboxTransport  # the Azure SDK is heavy, and not every caller needs it

    return SandboxTransport(Sandbox(state, **options))


def serve(announce: Callable[[Served], None], wall: Callable[[], float], **options: Any) -> None:
    """Serve a sandbox over TLS to any client of Azure, until SIGINT or SIGTERM: see :func:`.server.serve`.

    ``announce`` is told where it is, ``wall`` gives seconds that only grow. Raises :class:`ServeError` and
    :class:`StateError`, and ModuleNotFoundError where the extra ``local`` is not installed.
    """
    from .server import serve as run  # what it needs comes with an extra

    run(announce, wall, **options)
