"""``%resourcegraph`` and ``%%resourcegraph``: what stands before the query, the query, and its rows shown or stored."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dpmagic.errors import CommandLineError, InvalidChoice, MissingOption, UnknownOption, did_you_mean
from dpmagic.notebook.display import show_line
from dpmagic.session import Session

NAME = "resourcegraph"
OPTIONS = {
    "--scope": "A subscription or management group by id or name, several times for more; tenant: all you can see.",
    "--archive": "The folder of an archive, whose tables (jobs, vaults ...) are asked in place of Azure.",
    "--top": "The first rows only, as many as this.",
    "--out": "A variable to store the rows in, or a file: .csv, .parquet, .json, .xlsx, .yaml.",
    "-o": "Another form than a frame: json, table, tsv, yaml.",
}
_SPELLINGS = {"--output": "-o", "--subscription": "--scope", "--management-group": "--scope", "--first": "--top"}
_STORED = re.compile(r"\s*([^\W\d]\w*)\s*<<")
_OPTION = re.compile(r"\s*(--?[A-Za-z][\w-]*)(?:=|(?=\s)|$)")
# A file as a shell would have it: at the start, where nothing of KQL's is, or at the end by its suffix.
_REDIRECTED = re.compile(
    r"\A\s*>\s*(\S+)|^(?!.*//).*>\s*(\S+\.(?:csv|tsv|json|parquet|xlsx|ya?ml))\s*;?\s*\Z", re.MULTILINE
)
_VALUE = re.compile(r"[^\S\n]*(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|(\S+))")


@dataclass
class Wanted:
    """What a line asks for: the ``query``, and what is to be done with its rows."""

    query: str = ""
    target: str = ""
    scope: list[str] = field(default_factory=list)
    archive: str = ""
    top: int | None = None
    file: Path | None = None
    form: str = "frame"
    silent: bool = False


def read(text: str) -> Wanted:
    """The options at the start of a text, and the query after them.

    Raises `CommandLineError` for an option that is not there, lacks its value or has a wrong one.

    >>> wanted = read("jobs << --top 5 --scope 'My Subscription' resources | count")
    >>> wanted.target, wanted.top, wanted.scope, wanted.query
    ('jobs', 5, ['My Subscription'], 'resources | count')
    """
    wanted = Wanted()
    if stored := _STORED.match(text):
        wanted.target, text = _variable(stored[1]), text[stored.end() :]
    while found := _OPTION.match(text):
        name = _SPELLINGS.get(found[1], found[1])
        if name not in OPTIONS:
            raise UnknownOption(
                f"%{NAME} has no option {found[1]}", did_you_mean(found[1], OPTIONS, f"it has {', '.join(OPTIONS)}")
            )
        value = _VALUE.match(text, found.end())
        if not value:
            raise MissingOption(f"{found[1]} needs a value", OPTIONS[name])
        _take(wanted, name, next(one for one in value.groups() if one is not None))
        text = text[value.end() :]
    if redirected := _REDIRECTED.search(text):
        file = redirected[1] or redirected[2]
        raise CommandLineError(f"`> {file}` is no KQL", f"before the query: %{NAME} --out {file} ...")
    if text.rstrip().endswith(";"):
        wanted.silent, text = True, text.rstrip()[:-1]
    wanted.query = text.strip() if "\n" not in text.strip() else text.lstrip(" \t").removeprefix("\n")
    return wanted


def _take(wanted: Wanted, name: str, value: str) -> None:
    from dpmagic.queries import FORMS

    match name:
        case "--scope":
            wanted.scope.append(value)
        case "--archive":
            wanted.archive = value
        case "--top":
            if not value.isdigit() or not int(value):
                raise InvalidChoice(f"--top is a whole number from 1, not {value!r}", "--top 10")
            wanted.top = int(value)
        case "--out" if value.isidentifier():
            wanted.target = _variable(value)
        case "--out":
            wanted.file = Path(value).expanduser()
        case _:
            if value not in FORMS:
                raise InvalidChoice(f"there is no form {value!r}", did_you_mean(value, FORMS, ", ".join(FORMS)))
            wanted.form = value


def _variable(name: str) -> str:
    if keyword.iskeyword(name):
        raise CommandLineError(f"{name} is a word of Python's and no name", "take another name")
    return name


@dataclass(frozen=True)
class At:
    """The option that the cursor is at: of a ``name`` the value, without one the option itself; ``typed`` so far."""

    name: str
    typed: str
    choices: list[str]


def option_at(text: str) -> At | None:
    """Which option is being typed where the text ends; None where it is the query, whose text is `query_of`."""
    rest = query_of(text)
    if option := re.fullmatch(r"\s*(--?[\w-]*)", rest):
        return At("", option[1], list(OPTIONS))
    if value := re.fullmatch(r"\s*(--?[A-Za-z][\w-]*)(?:=|\s+)(\S*|\"[^\"]*)", rest):
        from dpmagic.queries import FORMS

        name = _SPELLINGS.get(value[1], value[1])
        return At(name, value[2], list(FORMS) if name == "-o" else [])
    return None


def query_of(text: str) -> str:
    """The text behind all options that are typed to their end."""
    if stored := _STORED.match(text):
        text = text[stored.end() :]
    while found := _OPTION.match(text):
        value = _VALUE.match(text, found.end())
        if not value or value.end() == len(text):
            break
        text = text[value.end() :]
    return text


def ran(wanted: Wanted, session: Session, names: Mapping[str, Any]) -> Any:
    """The rows of a query in the form that is wanted; None when they went to a file, of which one line is said.

    Raises what `dpmagic.query` does.
    """
    wanted = _named(wanted, names)
    if wanted.archive:
        return _of_archive(wanted, session, names)
    from dpmagic.arm.paging import uncollected

    with uncollected():
        return _of_azure(wanted, session, names)


def _named(wanted: Wanted, names: Mapping[str, Any]) -> Wanted:
    """The same with the values of names in place of options that are ``$name``; a list is several scopes.

    Raises `LanguageError` for a name that is not there.
    """
    from dpmagic import language

    def value_of(text: str) -> list[str]:
        if not text.startswith("$"):
            return [text]
        (statement,) = language.parse(f"with {text}")
        assert isinstance(statement, language.Statement)
        return language.expand(statement.words[1:], names)

    scope = [one for text in wanted.scope for one in value_of(text)]
    if wanted.scope and not all(one.strip() for one in scope or [""]):  # mostly a variable that is not set
        raise CommandLineError("--scope is empty", "give a name or an id, or leave --scope out")
    (archive,) = value_of(wanted.archive)
    file = wanted.file and Path(*value_of(str(wanted.file))).expanduser()
    return replace(wanted, scope=scope, archive=archive, file=file)


def _of_azure(wanted: Wanted, session: Session, names: Mapping[str, Any]) -> Any:
    from dpmagic import queries
    from dpmagic.graph.query import ask
    from dpmagic.results import Text

    connection = session.connected()
    scope = queries.resolved(connection, wanted.scope or None)
    queries.warn(wanted.query, names, session.observer)
    answer = ask(connection, wanted.query, scope, names=names, top=wanted.top, observer=session.observer)
    queries.say(answer, session.observer)
    if wanted.file is not None:
        show_line(queries.write(answer, wanted.file, connection))
        if wanted.target:
            session.names[wanted.target] = queries.frame_of(answer, connection)
        return None
    if wanted.form == "frame":
        value: Any = queries.frame_of(answer, connection)
    else:
        value = Text(queries.text(answer, wanted.form, connection)) if wanted.form != "none" else None
    if wanted.target:
        session.names[wanted.target] = value
    return value


def _of_archive(wanted: Wanted, session: Session, names: Mapping[str, Any]) -> Any:
    """The same of an archive's tables.  Raises what `dpmagic.archive.opening.open_archive` does."""
    from dpmagic import output
    from dpmagic.archive.opening import open_archive
    from dpmagic.frames.files import records
    from dpmagic.results import Text

    if wanted.scope:
        raise CommandLineError("--scope is for Azure; an archive has what it was given", "leave it out")
    rows = open_archive(wanted.archive).query(wanted.query, **names)
    rows = rows if wanted.top is None else rows.head(wanted.top)
    if wanted.file is not None:
        show_line(output.write(rows, wanted.file))
        if wanted.target:
            session.names[wanted.target] = rows
        return None
    value: Any = rows
    if wanted.form != "frame":
        value = Text(output.text(records(rows), wanted.form)) if wanted.form != "none" else None
    if wanted.target:
        session.names[wanted.target] = value
    return value
