"""The ``dpmagic`` command: the same statements in a shell, with az's exit codes.

0 for success, 1 when the service or a value is to blame, 2 when the command line is, 3 when a thing is not there.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dpmagic.errors import CommandLineError, DpmagicError, Interrupted
from dpmagic.progress import Terminal


def main(words: Sequence[str] | None = None) -> int:
    """The entry point.  Returns the exit code."""
    arguments = _parser().parse_args(words)
    try:
        return int(arguments.act(arguments))
    except DpmagicError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return error.exit_code
    except Interrupted as stopped:
        print("\n".join(stopped.lines()), file=sys.stderr)
        return stopped.exit_code
    except KeyboardInterrupt:
        return Interrupted.exit_code
    except BrokenPipeError:
        # The reader of our output has gone, as with `| head`; nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dpmagic", description="Azure Backup vaults: the az dataprotection commands, in a shell or a notebook."
    )
    parser.add_argument("--version", action="version", version=f"dpmagic {version('dpmagic')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run", help="run one command of az dataprotection", usage="dpmagic run [options] -- COMMAND"
    )
    run.add_argument("--target", choices=("azure", "sandbox"), help="where to run it; else DPMAGIC_TARGET, else azure")
    run.add_argument("--state", metavar="DIR", help="folder that keeps the sandbox from one run to the next")
    run.add_argument("--estate", metavar="NAME", help="what is in the sandbox: default, starter, or a YAML file")
    run.add_argument("--endpoint", metavar="URL", help="any ARM endpoint, https only")
    run.add_argument("--ca", metavar="FILE", help="PEM file with the certificates to trust")
    run.add_argument(
        "--token", metavar="TEXT", help="bearer token; better in DPMAGIC_TOKEN, which no process list shows"
    )
    run.add_argument("--tenant", metavar="ID")
    run.add_argument("--cloud", default="AzureCloud", metavar="NAME")
    run.add_argument("--subscription", metavar="ID", help="name or id of the default subscription")
    run.add_argument("--read-only", action="store_true", help="refuse every request that changes something")
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    run.set_defaults(act=_run)

    table = commands.add_parser("commands", help="list the commands")
    table.add_argument("--json", action="store_true", help="the whole table: options, choices, what waits, what asks")
    table.set_defaults(act=_commands)

    sandbox = commands.add_parser("sandbox", help="a local Azure for any client")
    _serve_parser(sandbox.add_subparsers(required=True, metavar="COMMAND"))
    return parser


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


def _run(arguments: argparse.Namespace) -> int:
    from dpmagic.execute import one
    from dpmagic.session import current

    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    words = words[1:] if words[:1] == ["az"] else words
    words = words[1:] if words[:1] == ["dataprotection"] else words
    if not words:
        raise CommandLineError("run what?", "dpmagic run -- backup-vault list; see `dpmagic commands`")
    session = current()
    session.observer = Terminal(lambda: session.takes_time)
    session.prefix, session.stays = _again(arguments), False
    session.ask = _ask if sys.stdin.isatty() else None
    if sys.stdout.isatty():
        session.output, session.width = "table", shutil.get_terminal_size().columns
    else:
        session.output = "json"
    _connect(arguments, session)
    _show(one(words, session))
    return 0


def _again(arguments: argparse.Namespace) -> str:
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


def _connect(arguments: argparse.Namespace, session: Any) -> None:
    """Set the target, unless it is plain Azure, which the first request connects to."""
    from dpmagic import connection

    target = arguments.target or os.environ.get("DPMAGIC_TARGET") or "azure"
    common = {"subscription": arguments.subscription, "read_only": arguments.read_only}
    if arguments.endpoint:
        session.use(
            connection.connect_endpoint(
                arguments.endpoint,
                ca=Path(arguments.ca) if arguments.ca else None,
                token=arguments.token or os.environ.get("DPMAGIC_TOKEN"),
                tenant=arguments.tenant,
                **common,
            )
        )
    elif target == "sandbox":
        state = Path(arguments.state) if arguments.state else None
        session.use(connection.connect_sandbox(state=state, estate=arguments.estate, **common))
    elif target != "azure":
        raise CommandLineError(f"DPMAGIC_TARGET is {target!r}", "azure or sandbox")
    else:
        session.use(connection.connect_azure(tenant=arguments.tenant, cloud_name=arguments.cloud, **common))


def _serve(arguments: argparse.Namespace) -> int:
    from dpmagic import connection

    names = ("port", "state", "estate", "pace", "host", "reachable_by_anyone")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    connection.serve_sandbox(
        lambda served: print(served.line() if arguments.json else served, flush=True),
        **given,
    )
    return 0


def _ask(question: str) -> bool:
    print(f"{question} (y/n): ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _show(result: Any) -> None:
    from dpmagic.handles import Handle
    from dpmagic.results import Preview

    value = result.value
    handles = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, Handle)]
    for handle in handles:
        # az prints nothing for --no-wait, and neither does standard output here.
        print(f"{handle.headline}; {handle.advice}", file=sys.stderr)
    if isinstance(value, Preview) and not sys.stdout.isatty():
        print(json.dumps(value.to_json(), indent=2, ensure_ascii=False))
    elif value is not None and not handles:
        text = str(value)
        print(text, end="" if text.endswith("\n") else "\n")
    if result.line:
        print(result.line, file=sys.stderr)


def _commands(arguments: argparse.Namespace) -> int:
    from dpmagic.commands.table import commands

    if arguments.json:
        print(json.dumps([_described(command) for command in commands().values()], indent=2))
    else:
        wide = max(len(name) for name in commands())
        for command in commands().values():
            print(f"{command.name:<{wide}}  {command.help}")
    return 0


def _described(command: Any) -> dict[str, Any]:
    return {
        "name": command.name,
        "help": command.help,
        "options": [
            {
                "names": list(option.names),
                "required": option.required,
                "choices": list(option.choices),
                "default": option.default,
                "kind": option.kind,
                "help": option.help,
            }
            for option in command.all_options
        ],
        "waits": command.waits,
        "asks": command.asks,
        "acceptsIds": command.ids,
        "examples": list(command.examples),
        "permission": command.permission,
    }


if __name__ == "__main__":
    sys.exit(main())
