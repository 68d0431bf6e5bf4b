"""``dpmagic run`` and ``dpmagic commands``: the commands of az dataprotection in a shell."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from typing import Any

from dpmagic.errors import CommandLineError, UnknownOption
from dpmagic.shell import target

# Options of ``dpmagic run`` that no command has.
_BEFORE = ("--target", "--state", "--estate", "--endpoint", "--ca", "--token", "--tenant", "--cloud", "--read-only")


def add(commands: Any) -> None:
    """Add both to the commands of ``dpmagic``."""
    run = commands.add_parser(
        "run", help="run one command of az dataprotection", usage="dpmagic run [options] -- COMMAND"
    )
    target.add_options(run)
    run.add_argument("--read-only", action="store_true", help="refuse every request that changes something")
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    run.set_defaults(act=_run)

    table = commands.add_parser("commands", help="list the commands")
    table.add_argument("--json", action="store_true", help="the whole table: options, choices, what waits, what asks")
    table.set_defaults(act=_commands)


def _run(arguments: argparse.Namespace) -> int:
    from dpmagic.execute import one

    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    words = words[1:] if words[:1] == ["az"] else words
    words = words[1:] if words[:1] == ["dataprotection"] else words
    if not words:
        raise CommandLineError("run what?", "dpmagic run -- backup-vault list; see `dpmagic commands`")
    if words[0] == "connect" and not {"-h", "--help"} & set(words):
        # It would be gone with the process, and the next command be sent somewhere else, perhaps not read-only.
        hint = "give --target, --subscription and --read-only with each command, before its --; or set DPMAGIC_TARGET"
        raise CommandLineError("connect is for notebooks and scripts: nothing keeps a connection in a shell", hint)
    session = target.session(arguments, read_only=arguments.read_only)
    session.ask = _ask if sys.stdin.isatty() else None
    if sys.stdout.isatty():
        session.output, session.width = "table", shutil.get_terminal_size().columns
    else:
        session.output, session.coloured = "json", False  # as az: colours are for a terminal
    try:
        _show(one(words, session))
    except UnknownOption as error:
        if (name := error.message.rpartition(" ")[2]) in _BEFORE:
            error.hint = f"{name} goes before the command: dpmagic run {name} ... -- {words[0]} ..."
        raise
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
        print(text, end="" if not text or text.endswith("\n") else "\n")
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
