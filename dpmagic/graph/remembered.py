"""Which subscriptions of a scope can be read, remembered for a minute: so that many queries do not ask it each time."""

from __future__ import annotations

import weakref
from datetime import datetime, timedelta

from dpmagic.connection import Connection
from dpmagic.graph.scope import Scope

KEPT = timedelta(minutes=1)

_Known = dict[Scope, tuple[datetime, tuple[str, ...]]]
_known: weakref.WeakKeyDictionary[Connection, _Known] = weakref.WeakKeyDictionary()


def recall(connection: Connection, scope: Scope) -> tuple[str, ...] | None:
    """The readable subscriptions as `remember` was told less than `KEPT` ago by the connection's clock, else None."""
    at, readable = _known.get(connection, {}).get(scope, (None, ()))
    return readable if at is not None and connection.now() - at < KEPT else None


def remember(connection: Connection, scope: Scope, readable: tuple[str, ...]) -> None:
    """Remember the readable subscriptions of a scope."""
    _known.setdefault(connection, {})[scope] = (connection.now(), readable)
