"""Where a shell's command goes: the options of every command that asks Azure, and the connection they make."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path
from typing import Any

from dpmagic.errors import CommandLineError
from dpmagic.progress import Terminal


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that say where and as whom."""
    parser.add_argument(
        "--target",
        choices=("azure", "sandbox"),
        help="where to run it; else DPMAGIC_TARGET, which may be an endpoint, else azure",
    )
    parser.add_argument("--state", metavar="DIR", help="folder that keeps the sandbox from one run to the next")
    parser.add_argument("--estate", metavar="NAME", help="what is in the sandbox: default, starter, or a YAML file")
    parser.add_argument("--endpoint", metavar="URL", help="any ARM endpoint, https only")
    parser.add_argument("--ca", metavar="FILE", help="PEM file with the certificates to trust; else DPMAGIC_CA")
    parser.add_argument(
        "--token", metavar="TEXT", help="bearer token; better in DPMAGIC_TOKEN, which no process list shows"
    )
    parser.add_argument("--tenant", metavar="ID")
    parser.add_argument("--cloud", default="AzureCloud", metavar="NAME")
    parser.add_argument("--subscription", metavar="ID", help="name or id of the default subscription")


def session(arguments: argparse.Namespace, *, read_only: bool = True) -> Any:
    """The process's session, with the connection that the options name; progress goes to a terminal only."""
    from dpmagic.session import current

    if arguments.subscription is not None and not arguments.subscription.strip():  # mostly a variable that is not set
        raise CommandLineError("--subscription is empty", "give its name or id, or leave --subscription out")
    made = current()
    made.observer = Terminal(lambda: made.takes_time)
    made.prefix, made.stays = again(arguments), False
    _connect(arguments, made, read_only)
    return made


def again(arguments: argparse.Namespace) -> str:
    """What to type before another command, to the same target; a token stays in the environment."""
    options = {
        "--target": arguments.target,
        "--state": arguments.state,
        "--estate": arguments.estate,
        "--endpoint": arguments.endpoint,
        "--ca": arguments.ca,
        "--tenant": arguments.tenant,
        "--cloud": arguments.cloud if arguments.cloud != "AzureCloud" else None,
        "--subscription": arguments.subscription,
    }
    given = [word for name, value in options.items() if value for word in (name, value)]
    return shlex.join(["dpmagic", "run", *given, "--", ""]).removesuffix("''")


def _connect(arguments: argparse.Namespace, session: Any, read_only: bool) -> None:
    """Set the target, unless it is plain Azure, which the first request connects to."""
    from dpmagic import connection

    target = arguments.target or os.environ.get("DPMAGIC_TARGET") or "azure"
    url = target if arguments.endpoint is None and target.startswith("https://") else arguments.endpoint
    ca = arguments.ca or os.environ.get("DPMAGIC_CA")
    common = {"subscription": arguments.subscription, "read_only": read_only}
    if url is not None:  # an empty one is a mistake, not Azure
        session.use(
            connection.connect_endpoint(
                url,
                ca=Path(ca) if ca else None,
                token=arguments.token or os.environ.get("DPMAGIC_TOKEN"),
                tenant=arguments.tenant,
                **common,
            )
        )
    elif target == "sandbox":
        state = Path(arguments.state) if arguments.state else None
        session.use(connection.connect_sandbox(state=state, estate=arguments.estate, **common))
    elif target != "azure":
        raise CommandLineError(f"DPMAGIC_TARGET is {target!r}", "azure, sandbox or an https:// URL")
    else:
        session.use(connection.connect_azure(tenant=arguments.tenant, cloud_name=arguments.cloud, **common))
