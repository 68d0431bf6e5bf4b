"""Where a served sandbox listens: at this machine alone, unless one insists."""

from __future__ import annotations

import ipaddress
import socket


class ServeError(Exception):
    """The sandbox cannot be served so. ``str()`` says what is wrong, ``hint`` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def listen(host: str, port: int, *, reachable_by_anyone: bool = False) -> socket.socket:
    """A socket that listens; port 0 is any free one.

    Raises `ServeError` for a port that is taken or none, and for an address that other machines can reach unless
    ``reachable_by_anyone`` says that this is meant: the sandbox keeps nobody out.
    """
    if not (is_loopback(host) or reachable_by_anyone):
        raise ServeError(
            f"other machines could reach the sandbox at {host}, and it takes any token",
            "leave --host away, or add --reachable-by-anyone",
        )
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        wrong = f"the sandbox cannot listen at {host}:{port}: {error.strerror or error}"
        raise ServeError(wrong, "name another --port, or 0 for any free one") from error
    except OverflowError as error:
        raise ServeError(f"{port} is no port", "name one from 1 to 65535, or 0 for any free one") from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.2", "::1", "0.0.0.0", "example.org")]
    [True, True, True, False, False]
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
