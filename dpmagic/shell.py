"""The ``dpmagic`` command: the same statements in a shell, with az's exit codes.

0 for success, 1 when the service or a value is to blame, 2 when the command line is, 3 when a thing is not there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

from dpmagic.errors import CommandLineError, DpmagicError


class Terminal:
    """Shows what goes on, on standard error: lines always, progress only to a person."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._live = stream, stream.isatty()
        self._shown = 0

    def say(self, text: str) -> None:
        self.done()
        print(text, file=self._stream, flush=True)

    def stage(self, text: str) -> None:
        if self._live:
            self.done()
            self._stream.write(text)
            self._stream.flush()
            self._shown = len(text)

    def done(self) -> None:
        if self._shown:
            self._stream.write("\r" + " " * self._shown + "\r")
            self._shown = 0


def main(words: Sequence[str] | None = None) -> int:
    """The entry point.  Returns the exit code."""
    arguments = _parser().parse_args(words)
    try:
        return int(arguments.act(arguments))
    except DpmagicError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
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
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from dpmagic.execute import one
    from dpmagic.session import current

    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    words = words[1:] if words[:1] == ["az"] else words
    words = words[1:] if words[:1] == ["dataprotection"] else words
    if not words:
        raise CommandLineError("run what?", "dpmagic run -- backup-vault list; see `dpmagic commands`")
    session = current()
    session.observer = Terminal(sys.stderr)
    session.ask = _ask if sys.stdin.isatty() else None
    if sys.stdout.isatty():
        session.output, session.width = "table", shutil.get_terminal_size().columns
    else:
        session.output = "json"
    _connect(arguments, session)
    result = one(words, session)
    _show(result)
    return 0


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
        session.use(connection.connect_sandbox(state=Path(arguments.state) if arguments.state else None, **common))
    elif target != "azure":
        raise CommandLineError(f"DPMAGIC_TARGET is {target!r}", "azure or sandbox")
    else:
        session.use(connection.connect_azure(tenant=arguments.tenant, cloud_name=arguments.cloud, **common))


def _ask(question: str) -> bool:
    print(f"{question} (y/n): ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _show(result: Any) -> None:
    from dpmagic.results import Preview

    value = result.value
    if isinstance(value, Preview) and not sys.stdout.isatty():
        print(json.dumps(value.to_json(), indent=2, ensure_ascii=False))
    elif value is not None:
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
