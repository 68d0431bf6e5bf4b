"""``dpmagic sandbox``: a local Azure for any client."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add it to the commands of ``dpmagic``."""
    sandbox = commands.add_parser("sandbox", help="a local Azure for any client")
    _serve_parser(sandbox.add_subparsers(required=True, metavar="COMMAND"))


def _serve_parser(commands: Any) -> None:
    serve = commands.add_parser(
        "serve",
        help="serve it over TLS at this machine: to az, the SDKs, dpmagic run --endpoint",
        description="A local Azure over TLS, until Ctrl-C.  Without --state it is new, and gone in the end.  Waits "
        "that answers ask for (Retry-After) are shortened as --pace says, to a second at least; a silence counts for "
        "an hour at most.  For the holder of any token: POST /sandbox/clock lets time pass, PUT /sandbox/mishaps makes "
        "things go wrong, GET /sandbox/mishaps says which can.",
    )
    serve.add_argument("--port", type=int, metavar="N", help="0 is any free one (default: 10443)")
    serve.add_argument("--state", type=Path, metavar="DIR", help="folder that keeps the world and the certificates")
    serve.add_argument("--estate", metavar="NAME", help="what is in it: default, starter, or a YAML file")
    serve.add_argument(
        "--pace",
        type=float,
        metavar="N",
        help="sandbox's seconds in one of yours; 1 is real time; at 0 only requests and their waits take time "
        "(default: 60)",
    )
    serve.add_argument("--json", action="store_true", help="one line: endpoint, caFile, subscriptions, token")
    serve.add_argument("--host", metavar="ADDRESS", help="another address than 127.0.0.1")
    serve.add_argument("--reachable-by-anyone", action="store_true", help="let --host be one that others can reach")
    serve.set_defaults(act=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    from dpmagic import connection

    names = ("port", "state", "estate", "pace", "host", "reachable_by_anyone")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    connection.serve_sandbox(
        lambda served: print(served.line() if arguments.json else served, flush=True),
        **given,
    )
    return 0
