"""The sandbox behind TLS on a loopback port: for tests of ``--endpoint URL --ca FILE`` and of other clients."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

from dpmagic.sandbox import Sandbox


@dataclass
class Served:
    """Where the server is, which CA to trust, and the requests it got: method, path and authorization header."""

    url: str
    ca: Path
    sandbox: Sandbox
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)


@contextmanager
def served_sandbox(folder: Path) -> Iterator[Served]:
    """A sandbox that answers at an https URL of this machine until the block ends."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    ca = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)) or None
            with lock:
                served.requests.append((self.command, self.path, self.headers.get("authorization")))
                reply = served.sandbox.handle(self.command, served.url + self.path, dict(self.headers), body)
                waits = reply.headers.get("retry-after")
                if waits:
                    # The client would sleep this long: the sandbox's own clock does it for both.
                    served.sandbox.sleep(float(waits))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                if name.lower() not in ("content-length", "date", "retry-after"):
                    self.send_header(name, value)
            if waits:
                self.send_header("retry-after", "0")
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer

        def log_message(self, format: str, *arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    served = Served(f"https://localhost:{server.server_address[1]}", ca, Sandbox())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
