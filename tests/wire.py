"""A sandbox on a wire that tests listen to and tamper with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dpmagic.clouds import Cloud, StaticToken
from dpmagic.connection import Clock, Connection
from dpmagic.sandbox import Sandbox
from dpmagic.sandbox.http_transport import SandboxTransport

BACKUP = "11111111-1111-4111-8111-111111111111"
TOKEN = "s3cr3t-bearer-token"


class Wire(SandboxTransport):
    """Keeps the method and URL of every request in ``sent``, and does ``before`` each one is sent."""

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        super().__init__(sandbox or Sandbox())
        self.sent: list[tuple[str, str]] = []
        self.slept: list[float] = []
        self.before: Callable[[Any], None] = lambda request: None

    def send(self, request: Any, **options: Any) -> Any:
        self.sent.append((request.method, request.url))
        self.before(request)
        return super().send(request, **options)

    def sleep(self, duration: float) -> None:
        self.slept.append(duration)
        super().sleep(duration)

    @property
    def changes(self) -> list[tuple[str, str]]:
        """The requests that are no reads."""
        return [(method, url) for method, url in self.sent if method != "GET"]

    def connection(self, clock: Clock | None = None) -> Connection:
        """A connection through it, as `connect_sandbox` makes one."""
        cloud = Cloud("sandbox", "https://sandbox.invalid", "https://sandbox.invalid/.default")
        return Connection("sandbox", cloud, StaticToken(TOKEN), clock or self, self, default_subscription=BACKUP)


def nothing(request: Any) -> None:
    """What `Wire.before` does when nothing is wrong."""
