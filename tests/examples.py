"""The commands' examples: their words, and the files that they read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from dpmagic import language
from dpmagic.commands.model import Command, Option
from dpmagic.commands.table import commands
from dpmagic.execute import execute
from dpmagic.session import Session

# Each writes a file that other examples read; in this order, as some read what an earlier one wrote.
_WRITERS = (
    "backup-policy get-default-policy-template",
    "backup-policy retention-rule create-lifecycle",
    "backup-policy tag create-absolute-criteria",
    "backup-policy retention-rule set",
    "backup-policy tag set",
    "backup-instance initialize",
    "backup-instance initialize-backupconfig",
    "backup-instance restore initialize-for-data-recovery",
)

Words = list[tuple[Option, list[str]]]
"""The options of a command line, each with the words after it."""


def write_files(folder: Path) -> None:
    """Put the files that examples read into ``folder``, the current one: made by the examples that write them."""
    for name, text in _files().items():
        (folder / name).write_text(text)


@cache
def _files() -> dict[str, str]:
    session = Session()
    found: dict[str, Path] = {}
    for name in _WRITERS:
        for _ in execute(commands()[name].examples[0], session):
            [statement] = language.parse(commands()[name].examples[0])
            assert isinstance(statement, language.Statement)
            found[str(statement.file)] = Path(str(statement.file))
    return {name: path.read_text() for name, path in found.items()}


def options_of(command: Command, text: str) -> Words:
    """The options of a command line of ``command``."""
    [statement] = language.parse(text)
    assert isinstance(statement, language.Statement)
    words = language.expand(statement.words, {})[len(command.name.split()) :]
    found: Words = []
    for word in words:
        if word in command.by_name:
            found.append((command.by_name[word], []))
        else:
            found[-1][1].append(word)
    return found


def with_words(options: Words, option: Option, words: list[str] | None) -> Words:
    """The same with other words after an option, which is added when it is not there; None takes it out."""
    rest = [one for one in options if one[0] is not option]
    return rest if words is None else [*rest, (option, words)]


def line_of(command: Command, options: Words) -> list[str]:
    """The words of a command line."""
    return [*command.name.split(), *(word for option, words in options for word in (option.shown, *words))]
