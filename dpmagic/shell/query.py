"""``dpmagic query``: a file of KQL, and the rows on standard output."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from dpmagic.errors import CommandLineError, InvalidArgument
from dpmagic.shell import target

_FORMS = ("csv", "parquet", "json", "table")


def add(commands: Any) -> None:
    """Add it to the commands of ``dpmagic``."""
    query = commands.add_parser(
        "query",
        help="ask Azure Resource Graph in KQL",
        description="Every row of a query of Azure Resource Graph, on standard output.  Names in the query, $name, "
        "stand for the values of --param, as literals.",
    )
    target.add_options(query)
    query.add_argument("file", metavar="FILE.kql", help="the query; - is standard input")
    query.add_argument("-o", "--output", choices=_FORMS, help="else a table on a terminal, and json elsewhere")
    query.add_argument(
        "--scope",
        action="append",
        metavar="NAME",
        help="a subscription or management group, by name or id; several times for more; else all that you can see",
    )
    query.add_argument("--top", type=int, metavar="N", help="the first N rows")
    query.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a value for $NAME: text, or JSON for numbers, booleans and lists",
    )
    query.set_defaults(act=_query)


def _query(arguments: argparse.Namespace) -> int:
    from dpmagic import queries
    from dpmagic.graph.query import ask

    kql, names = _text(arguments.file), dict(map(_parameter, arguments.param))
    form = arguments.output or ("table" if sys.stdout.isatty() else "json")
    if form == "parquet" and sys.stdout.isatty():
        raise CommandLineError("Parquet is nothing for a terminal", "dpmagic query ... -o parquet > rows.parquet")
    session = target.session(arguments)
    connection = session.connected()
    scope = queries.resolved(connection, arguments.scope)
    answer = ask(connection, kql, scope, names=names, top=arguments.top, observer=session.observer)
    queries.say(answer, session.observer)
    if form == "table":
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        print(queries.text(answer, form, connection, width))
    else:
        sys.stdout.buffer.write(queries.data(answer, form, connection))
        sys.stdout.buffer.flush()
    return 0


def _text(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return Path(file).expanduser().read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise InvalidArgument(f"cannot read {file}: {reason}", "give a file of KQL, or - to read it here") from None
    except UnicodeDecodeError:
        raise InvalidArgument(f"{file} is not UTF-8", "save it as UTF-8") from None


def _parameter(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not equals or not name.isidentifier():
        raise CommandLineError(f"--param {given!r} is no NAME=VALUE", "--param vault=TestBkpVault")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
