"""The sandbox behind TLS on a loopback port, in a thread: for tests of ``--endpoint URL --ca FILE`` and of clients."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dpmagic.sandbox import Reply, Sandbox
from dpmagic.sandbox.application import Application
from dpmagic.sandbox.certificates import certificates
from dpmagic.sandbox.listening import listen
from dpmagic.sandbox.server import Server, describe


class Recording(Application):
    """Remembers the requests: method, path with its query, authorization header."""

    def __init__(self, sandbox: Sandbox) -> None:
        # The wall stands still: time passes with what is asked, and the same requests get the same answers.
        super().__init__(sandbox, lambda: 0.0, pace=0)
        self.requests: list[tuple[str, str, str | None]] = []

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        self.requests.append((method, "/" + url.split("/", 3)[3], headers.get("authorization")))
        return super().answer(method, url, headers, body)


@dataclass
class Served:
    """Where the server is, which CA to trust, the sandbox behind it, and the requests it got."""

    url: str
    ca: Path
    sandbox: Sandbox
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)


@contextmanager
def served_sandbox(folder: Path, estate: Any = None) -> Iterator[Served]:
    """A sandbox that answers at an https URL of this machine until the block ends; ``estate`` is that of `Sandbox`."""
    application = Recording(Sandbox(estate=estate))
    trust = certificates(folder, "localhost")
    ready = threading.Event()
    with listen("127.0.0.1", 0) as listener:
        server = Server(application, trust, ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        assert ready.wait(10), "the server did not start"
        told = describe(application, trust, "localhost", listener)
        try:
            yield Served(told.endpoint, told.ca, application.sandbox, application.requests)
        finally:
            server.should_exit = True
            thread.join(10)
    assert not thread.is_alive(), "the server did not stop"
