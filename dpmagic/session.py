"""A session: the connection in use, the names that statements store and read, who hears and who answers.

There is one for a process; a notebook's magics, `dpmagic.run` and the shell share it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from dpmagic.connection import Connection, SystemClock, connect_azure
from dpmagic.errors import InvalidArgument, NotConnected
from dpmagic.progress import Observer, Silent

if TYPE_CHECKING:  # a notebook loads this room at %load_ext: what it needs of the others comes when it is used
    from dpmagic.answers import Form, Result
    from dpmagic.handles import Handle


@dataclass
class Session:
    """What statements share.

    ``ask`` is None where nobody can answer a question; ``output`` is the form of answers when ``-o`` is not given;
    ``width`` is how many characters a line of the terminal holds, None where that is no matter; ``coloured`` is
    whether ``jsonc`` and ``yamlc`` may have colours.  ``prefix`` is what a person types before a statement; ``stays``
    is whether the session outlives it; ``asked`` is whether someone has said where to connect.  ``handles`` are the
    operations that nobody waited for to the end, the latest last; ``changes`` grows whenever the estate may look
    different.
    """

    connection: Connection | None = None
    names: MutableMapping[str, Any] = field(default_factory=dict)
    observer: Observer = field(default_factory=Silent)
    ask: Callable[[str], bool] | None = None
    output: str = "frame"
    width: int | None = None
    coloured: bool = True
    prefix: str = ""
    stays: bool = True
    asked: bool = False
    handles: list[Handle] = field(default_factory=list)
    changes: int = 0
    _subscription: str | None = None

    def use(self, connection: Connection, subscription: str | None = None) -> None:
        """Make ``connection`` the one that statements use; ``subscription`` is its default one's id, where known."""
        self.connection, self._subscription = connection, subscription

    def connected(self) -> Connection:
        """The connection.  The first use without ``connect`` means Azure; the principal is then said once.

        Raises `NotConnected` when someone has said ``connect`` and it failed, or ``DPMAGIC_TARGET`` is something else:
        who asked for the sandbox, or for ``--read-only``, does not mean Azure as it is.
        """
        if self.connection is None:
            self._check_that_azure_is_meant()
            connection = connect_azure()
            principal = connection.principal
            self.use(connection)
            self.observer.say(f"connected to Azure as {principal}")
        assert self.connection is not None
        return self.connection

    def _check_that_azure_is_meant(self) -> None:
        hint = f"{self.prefix}connect sandbox, {self.prefix}connect azure, or {self.prefix}connect --endpoint URL"
        if self.asked:
            raise NotConnected("not connected: the last connect failed", hint)
        if (target := os.environ.get("DPMAGIC_TARGET") or "azure") != "azure":
            raise NotConnected(
                f"not connected: DPMAGIC_TARGET is {target!r}, which only a shell's commands follow", hint
            )

    def subscription(self, given: str | None = None) -> str:
        """The id of the subscription ``given`` by name or id, or of the default one (looked up once)."""
        from dpmagic.arm import subscriptions

        if given:
            return subscriptions.resolve(self.connected(), given)
        if self._subscription is None:
            self._subscription = subscriptions.default(self.connected(), self.observer.say)
        return self._subscription

    @property
    def known_subscription(self) -> str | None:
        """The id of the default subscription, if it has been looked up."""
        return self._subscription

    @property
    def takes_time(self) -> bool:
        """Whether waiting is real.  On a clock of its own (the sandbox's) it takes none: there is nothing to watch."""
        return self.connection is None or isinstance(self.connection.clock, SystemClock)

    def give(
        self, value: Any, form: Form, connection: Connection | None, file: str = "", observer: Observer | None = None
    ) -> Result:
        """An answer in the form that was asked for, or in the session's own; another ``observer`` may hear of it."""
        if not self.coloured and form.output in ("jsonc", "yamlc"):
            form = replace(form, output=form.output.removesuffix("c"))
        return form.give(value, connection, self.output, self.width, file, (observer or self.observer).say)

    def keep(self, handle: Handle) -> Handle:
        """Remember a handle for `resume`; those that have ended are forgotten."""
        self.handles = [*(one for one in self.handles if not one.done), handle]
        return handle

    def resume(self, token: str | None = None) -> Handle:
        """The handle of a `Handle.token`, or the latest one of this session that is not known to have ended.

        Raises `InvalidArgument` when there is none, when it is no token, or one of another target.
        """
        if token is not None and not token.strip():  # mostly a variable that is not set
            raise InvalidArgument(
                "the token is empty", "give a handle's .token, or none for the change that was left last"
            )
        if token is not None:
            from dpmagic.handles import restored

            return self.keep(restored(token, self.connected(), self))
        if not self.handles:
            hint = f"give a handle's token: {self.prefix}resume TOKEN"
            raise InvalidArgument("nothing was left unfinished here", hint)
        return ([one for one in self.handles if not one.done] or self.handles)[-1]

    def how_to_resume(self, handle: Handle) -> str:
        """What to type to go on waiting, here or, where the session ends with the command, in the next one."""
        command = f"{self.prefix}resume"
        if not (self.stays and self.handles and self.handles[-1] is handle):
            return f"go on waiting with: {command} {handle.token}"
        elsewhere = f"`{command} --no-wait` gives a handle, whose .token serves another process"
        return f"go on waiting with `{command}`; {elsewhere}"


@cache
def current() -> Session:
    """The session of this process."""
    return Session()
