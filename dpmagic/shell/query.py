"""``dpmagic query``: a file of KQL, and the rows on standard output."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from dpmagic.commands.files import SAVE_AS, text_of
from dpmagic.errors import CommandLineError, InvalidArgument, did_you_mean
from dpmagic.shell import target

_FILE = "give a file of KQL, or - to read it here"
_FORMS = ("csv", "parquet", "json", "table")


def add(commands: Any) -> None:
    """Add it to the commands of ``dpmagic``."""
    query = commands.add_parser(
        "query",
        help="ask Azure Resource Graph, or an archive, in KQL",
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
    query.add_argument("--archive", metavar="DIR", help="ask the tables of the archive in DIR in place of Azure")
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
    kql = _text(arguments.file)
    names = _names(kql, arguments.param)
    form = arguments.output or ("table" if sys.stdout.isatty() else "json")
    if form == "parquet" and sys.stdout.isatty():
        raise CommandLineError("Parquet is nothing for a terminal", "dpmagic query ... -o parquet > rows.parquet")
    if arguments.archive:
        return _of_archive(arguments, kql, names, form)
    from dpmagic.arm.paging import uncollected

    with uncollected():
        return _of_azure(arguments, kql, names, form)


def _of_azure(arguments: argparse.Namespace, kql: str, names: dict[str, Any], form: str) -> int:
    from dpmagic import queries
    from dpmagic.graph.query import ask

    session = target.session(arguments)
    connection = session.connected()
    scope = queries.resolved(connection, arguments.scope)
    answer = ask(connection, kql, scope, names=names, top=arguments.top, observer=session.observer)
    queries.say(answer, session.observer)
    if form == "table":
        print(queries.text(answer, form, connection, _width()))
    else:
        _write(queries.data(answer, form, connection))
    return 0


def _of_archive(arguments: argparse.Namespace, kql: str, names: dict[str, Any], form: str) -> int:
    """The same of an archive's tables.  Raises what `dpmagic.archive.opening.open_archive` does."""
    from dpmagic.archive.opening import open_archive
    from dpmagic.frames import files
    from dpmagic.frames.terminal import terminal_table

    if arguments.scope:
        raise CommandLineError("--scope is for Azure; an archive has what it was given", "leave it out")
    rows = open_archive(arguments.archive).query(kql, **names)
    if arguments.top is not None and arguments.top < len(rows):
        print(f"the first {arguments.top:,} of {len(rows):,} rows", file=sys.stderr)
        rows = rows.head(arguments.top)
    if form == "table":
        print(terminal_table(rows, _width()))
    elif form == "json":
        _write((json.dumps(files.records(rows), indent=2, ensure_ascii=False) + "\n").encode(errors="backslashreplace"))
    else:
        _write(files.parquet_bytes(rows) if form == "parquet" else files.csv_bytes(rows))
    return 0


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _write(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _text(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return text_of(Path(file).expanduser())
    except OSError as error:
        reason = (error.strerror or "").lower()
        hint = "a query itself goes in by a pipe: echo '...' | dpmagic query -" if "|" in file else _FILE
        raise InvalidArgument(f"cannot read {file}: {reason}", hint) from None
    except UnicodeDecodeError:
        raise InvalidArgument(f"{file} is no text in UTF-8 or UTF-16", SAVE_AS) from None


def _names(kql: str, given: list[str]) -> dict[str, Any]:
    """The values by name; each is of one name that the query has, or it would be ignored without a word."""
    pairs = list(map(_parameter, given))
    names = dict(pairs)
    from dpmagic.graph.parameters import asked

    known = asked(kql)
    for name, value in pairs:
        if name not in known:
            hint = f"it has {', '.join(f'${one}' for one in known)}" if known else "it has no $NAME: leave --param out"
            raise CommandLineError(f"the query has no ${name}", did_you_mean(name, known, hint))
        if names[name] != value:
            raise CommandLineError(f"--param {name} is given twice", "give it once; several values as a JSON list")
    if missing := [name for name in known if name not in names]:
        raise CommandLineError(f"${missing[0]} has no value", f"--param {missing[0]}=VALUE")
    return names


def _parameter(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not equals or not name.isidentifier():
        raise CommandLineError(f"--param {given!r} is no NAME=VALUE", "--param vault=TestBkpVault")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
