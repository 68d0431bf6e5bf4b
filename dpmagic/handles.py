"""A handle: a change that Azure goes on with and nobody waits for, to be looked at, waited for, and resumed.

A token is a handle as one word of text, for another process: what was sent, where and when, Azure's links to ask at,
and the form in which the answer was wanted.  It holds no credential.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import asdict
from html import escape
from typing import Any, Protocol
from urllib.parse import urlsplit

from dpmagic.answers import Form, Result
from dpmagic.arm import operations, subscriptions
from dpmagic.arm.operations import Operation
from dpmagic.connection import Connection
from dpmagic.errors import Interrupted, InvalidArgument, NotConnected, OutOfTouch
from dpmagic.progress import Observer

_WHOLE = "give the whole of a handle's .token, one long word"


class Home(Protocol):
    """What a handle wants of the session that it is in."""

    observer: Observer
    connection: Connection | None

    def give(self, value: Any, form: Form, connection: Connection, file: str = "") -> Result:
        """An answer in its form."""

    def how_to_resume(self, handle: Handle) -> str:
        """What a person types to go on waiting."""


class Handle:
    """A change that Azure has accepted: what ``--no-wait`` and `dpmagic.resume` give and what Ctrl-C leaves behind."""

    def __init__(self, operation: Operation, form: Form, home: Home) -> None:
        self._operation, self._form, self._home = operation, form, home

    @property
    def status(self) -> str:
        """Azure's word for where it stood when last asked: ``InProgress`` and its like, ``Succeeded``, ``Failed``."""
        return self._operation.status

    @property
    def done(self) -> bool:
        """Whether it had ended, well or not, when last asked."""
        return self._operation.done

    def refresh(self) -> Handle:
        """Ask Azure once where it stands, and give the handle itself, to be shown.

        Raises `ConnectionFailed` when there is no word, `NotFound` when Azure knows no such operation (any more).
        """
        self._follow_the_session()
        self._operation.look()
        return self

    def wait(self) -> Any:
        """Follow it to its end, on the connection's clock, and give what the command itself would have given: a
        DataFrame, or what ``-o`` and ``--query`` made of it, or None.  A second time it gives the same again.

        Raises `AzureError` when the operation failed.  Ctrl-C raises `Interrupted`: the operation goes on and can be
        waited for again, as after `OutOfTouch`, when Azure does not answer.
        """
        result = self.finish()
        if result.line:
            self._home.observer.say(result.line)
        return result.value

    def finish(self) -> Result:
        """The same, with the line that says what was done where the command has no answer."""
        self._follow_the_session()
        try:
            answer = self._operation.wait(self._home.observer)
        except (Interrupted, OutOfTouch) as stopped:
            stopped.hint = "; then ".join(filter(None, [stopped.hint, self.advice]))
            raise
        value = None if self._form.done else answer.json
        return self._home.give(value, self._form, self._operation.connection)

    def _follow_the_session(self) -> None:
        """Ask through the session's connection where that is to the same Azure: since then someone may have connected
        again, with a token that is good."""
        here, now = self._operation.connection, self._home.connection
        if now is not None and _azure_of(now) == _azure_of(here):
            self._operation.connection = now

    @property
    def advice(self) -> str:
        """How to go on waiting."""
        return self._home.how_to_resume(self)

    @property
    def token(self) -> str:
        """The handle as one word, for `dpmagic.resume` in another process.  It holds no bearer token, yet names the
        subscription and the resource; it is good for as long as Azure remembers the operation.
        """
        connection = self._operation.connection
        state = {
            "target": connection.target,
            "endpoint": connection.cloud.endpoint,
            "form": asdict(self._form),
            "operation": self._operation.state(),
        }
        # Azure's two links repeat each other at length.
        return base64.urlsafe_b64encode(zlib.compress(json.dumps(state).encode(), 9)).decode()

    @property
    def headline(self) -> str:
        """What it does and where it stood.  It tells the instant, not how long ago: an output stays as it is."""
        return f"{self._operation.what}: {self._told}"

    def __repr__(self) -> str:
        return f"{self.headline}; {self._next}"

    def _repr_html_(self) -> str:
        what, told, hint = escape(self._operation.what), escape(self._told), escape(self._next)
        return f"<p><b>{what}</b>: {told}<br><small>{hint}</small></p>"

    @property
    def _told(self) -> str:
        return f"{self.status}, accepted {self._operation.started:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def _next(self) -> str:
        if not self.done:
            return ".wait() follows it to its end"
        return ".wait() gives its answer" if self.status.lower() == "succeeded" else ".wait() says what went wrong"


def _azure_of(connection: Connection) -> tuple[str, str, int]:
    """Which Azure it leads to: every sandbox of this process has the same address."""
    return connection.target, connection.cloud.endpoint, id(getattr(connection.transport, "sandbox", None))


def restored(token: str, connection: Connection, home: Home) -> Handle:
    """The handle of a `Handle.token`.  Reads the subscriptions, and changes nothing.

    Raises `InvalidArgument` when it is no token or one of another target, and `NotConnected` when the caller does not
    see its subscription.
    """
    state = _state(token)
    here = {"target": connection.target, "endpoint": connection.cloud.endpoint}
    there = {key: state.get(key) for key in here}
    if here != there:
        raise InvalidArgument(
            f"the token is from {there['target']} ({there['endpoint']}), this connection is to {here['target']}"
            f" ({here['endpoint']})",
            "connect to where the operation was begun, then resume",
        )
    try:
        form = Form(**state["form"])
    except (KeyError, TypeError) as error:
        raise InvalidArgument("the token holds no command", _WHOLE) from error
    operation = operations.restored(connection, state.get("operation") or {})
    _check_subscription(operation, connection)
    return Handle(operation, form, home)


def _state(token: str) -> dict[str, Any]:
    try:
        state = json.loads(zlib.decompress(base64.b64decode(token.strip(), altchars=b"-_", validate=True)))
    except (binascii.Error, zlib.error, ValueError) as error:
        raise InvalidArgument("the token cannot be read", _WHOLE) from error
    if not isinstance(state, dict):
        raise InvalidArgument("the token cannot be read", _WHOLE)
    return state


def _check_subscription(operation: Operation, connection: Connection) -> None:
    _, kind, *rest = urlsplit(operation.request.path).path.split("/")
    subscription = rest[0] if kind.lower() == "subscriptions" and rest else ""
    if subscription.lower() not in {one["subscriptionId"].lower() for one in subscriptions.visible(connection)}:
        raise NotConnected(
            f"the operation is in subscription {subscription}, which {connection.principal} does not see",
            "connect as who began it, then resume",
        )
