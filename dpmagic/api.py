"""The library's front door: what the magics do, as plain functions."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpmagic import connection as connections
from dpmagic.arm.requests import API_VERSION, Request, send
from dpmagic.connection import Connection
from dpmagic.errors import InvalidArgument
from dpmagic.execute import execute
from dpmagic.handles import Handle
from dpmagic.session import Session, current

if TYPE_CHECKING:
    from dpmagic.estate import Estate

_USUAL = "14d"  # what Azure remembers


def run(text: str, /, **names: Any) -> Any:
    """Run a command, or several, one a line, and give the last one's answer.

    Returns a DataFrame (columns as Azure names them, see `dpmagic.frames.frame`); a `Text` for ``-o json`` and its
    like; a `Preview` for ``--dry-run``; a `Handle` for ``--no-wait``; None for a command that gives nothing.
    ``$name`` in the text is looked up in ``names``, then among what earlier statements stored.

    Raises the error of the first statement that fails, one of `dpmagic.errors`.
    """
    value = None
    for result in execute(text, current(), names):
        value = result.value
    return value


def connected() -> Connection:
    """The connection in use; the first use means Azure."""
    return current().connected()


def connect_sandbox(
    *,
    state: str | Path | None = None,
    estate: Any = None,
    subscription: str | None = None,
    read_only: bool = False,
) -> Connection:
    """Use a local Azure in this process, on a clock of its own; ``state`` is a folder that keeps it.

    ``estate`` is what is in it: a name (``default``, ``starter``), a YAML file or its text, or a mapping; without it
    ``default``, or what the folder has.
    """
    session = _asked()
    made = connections.connect_sandbox(
        state=Path(state) if state else None, estate=estate, subscription=subscription, read_only=read_only
    )
    session.use(made)
    return made


def connect_azure(
    *, tenant: str | None = None, subscription: str | None = None, cloud: str = "AzureCloud", read_only: bool = False
) -> Connection:
    """Use Azure, as the person who ran ``az login``."""
    session = _asked()
    made = connections.connect_azure(tenant=tenant, subscription=subscription, cloud_name=cloud, read_only=read_only)
    session.use(made)
    return made


def connect_endpoint(
    url: str,
    *,
    ca: str | Path | None = None,
    token: str | None = None,
    subscription: str | None = None,
    read_only: bool = False,
) -> Connection:
    """Use any ARM endpoint: a private cloud, an emulator, a served sandbox."""
    session = _asked()
    made = connections.connect_endpoint(
        url, ca=Path(ca) if ca else None, token=token, subscription=subscription, read_only=read_only
    )
    session.use(made)
    return made


def _asked() -> Session:
    """The session, from now on without going to Azure unasked, should the connection that is wanted fail."""
    session = current()
    session.asked = True
    return session


def resume(token: str | None = None) -> Handle:
    """A change that Azure goes on with: that of a `Handle.token`, or the one that this process has left last.

    Sends nothing that changes anything: ``resume(token).wait()`` gives what the command would have given, also in
    another process.  Raises `InvalidArgument` when it is no token or one of another target, and `NotConnected` when
    the caller does not see its subscription.
    """
    return current().resume(token)


def rest(method: str, url: str, body: Any = None, *, api_version: str = API_VERSION) -> Any:
    """Send one ARM request, as ``az rest`` does, and give the decoded body.

    ``url`` is a path below the endpoint.  A read-only connection refuses changes here too.  Raises `AzureError`.
    """
    return send(current().connected(), Request(method.upper(), url, body=body, api_version=api_version)).json


def open(
    where: str | PathLike[str] | None = None,
    *,
    subscriptions: str | Iterable[str] | None = None,
    management_groups: str | Iterable[str] | None = None,
    expected: str | Iterable[str] | None = None,
    window: Any = None,
    at: Any = None,
    connection: Connection | None = None,
) -> Estate:
    """An estate: what the current connection shows, or what is kept in the folder ``where``.

    The folder is one of `Estate.save`, or an archive of `collect`: then ``window`` can be any that it reaches, and
    ``at`` an earlier instant, at which the estate is as it was known then.

    ``subscriptions`` are ids or names, without them all that can be seen; ``management_groups`` leaves those below
    one of these, by name or display name; ``expected`` are those that should be there: each that is not is
    unreadable, and every answer says so.  ``window`` is what jobs and changes are taken from: ``"14d"``, the last 14
    whole days in UTC, without it (see `dpmagic.Window.of`); of a saved estate what it was saved for.  What time it is
    is settled here, once.

    Raises `InvalidArgument` for a name that nobody has, a window that is none or that an archive does not reach, and a
    folder that is no saved estate, and for what a folder or a connection does not have; `NotConnected` when no
    subscription can be seen.
    """
    if where is not None:
        _none_of(subscriptions=subscriptions, management_groups=management_groups, expected=expected)
        if not isinstance(where, (str, PathLike)):
            raise InvalidArgument(f"{where!r} is no folder", 'write dpmagic.open("FOLDER"), or dpmagic.open() for now')
        return _kept(Path(where).expanduser(), window, at)
    if at is not None:
        raise InvalidArgument("at is for an archive: Azure shows what is now", "dpmagic.open(FOLDER, at=...)")
    from dpmagic.estate.opening import open_live

    session = current()
    return open_live(
        connection or session.connected(),
        subscriptions=subscriptions,
        management_groups=management_groups,
        expected=expected,
        window=_USUAL if window is None else window,
        observer=session.observer,
    )


def _none_of(**given: object) -> None:
    """Nothing to choose from is left aside without a word."""
    for name in (name for name, value in given.items() if value is not None):
        raise InvalidArgument(
            f"{name} is for a connection: a folder has what was kept in it", "leave it out, and take rows of its tables"
        )


def _kept(folder: Path, window: Any, at: Any) -> Estate:
    from dpmagic.archive.folder import is_archive

    if is_archive(folder):
        from dpmagic.archive.opening import open_archive

        return open_archive(folder, at=at, window=_USUAL if window is None else window)
    from dpmagic.estate import Estate

    saved = Estate.load(folder)
    if at is not None:
        told = f"at is for an archive: {str(folder)!r} is as it was saved, at {saved.now:%Y-%m-%d %H:%M}Z"
        raise InvalidArgument(told, "leave it out, or open a folder of `dpmagic collect`")
    return saved if window is None else saved.over(window)
