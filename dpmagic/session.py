"""A session: the connection in use, the names that statements store and read, who hears and who answers.

There is one for a process; a notebook's magics, `dpmagic.run` and the shell share it.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from dpmagic.arm import subscriptions
from dpmagic.connection import Connection, connect_azure
from dpmagic.progress import Observer, Silent


@dataclass
class Session:
    """What statements share.

    ``ask`` is None where nobody can answer a question; ``output`` is the form of answers when ``-o`` is not given;
    ``width`` is how many characters a line of the terminal holds, None where that is no matter.
    """

    connection: Connection | None = None
    names: MutableMapping[str, Any] = field(default_factory=dict)
    observer: Observer = field(default_factory=Silent)
    ask: Callable[[str], bool] | None = None
    output: str = "frame"
    width: int | None = None
    _subscription: str | None = None

    def use(self, connection: Connection) -> None:
        """Make ``connection`` the one that statements use from now on."""
        self.connection, self._subscription = connection, None

    def connected(self) -> Connection:
        """The connection.  The first use without ``connect`` means Azure; the principal is then said once."""
        if self.connection is None:
            connection = connect_azure()
            principal = connection.principal
            self.use(connection)
            self.observer.say(f"connected to Azure as {principal}")
        assert self.connection is not None
        return self.connection

    def subscription(self, given: str | None = None) -> str:
        """The id of the subscription ``given`` by name or id, or of the default one (looked up once)."""
        if given:
            return subscriptions.resolve(self.connected(), given)
        if self._subscription is None:
            self._subscription = subscriptions.default(self.connected())
        return self._subscription


@cache
def current() -> Session:
    """The session of this process."""
    return Session()
