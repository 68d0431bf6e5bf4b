"""Our commands beside az's table of them: the same options; and examples that parse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from dpmagic.commands.model import IDS, NO_WAIT, YES, Command
from dpmagic.commands.parse import parse
from tests.canned import recorded

_BROUGHT = {name for option in (YES, NO_WAIT, IDS) for name in option.names}
# az's choices where the option is true or false; we say so with the option's kind.
_BOOLEANS = (["true", "false"], ["true", "t", "yes", "y", "1", "false", "f", "no", "n", "0"])


def option_differences(commands: Iterable[Command]) -> list[str]:
    """What of the options of ``commands`` is not as az has it."""
    surface = {command["name"]: command for command in recorded("az-surface.json")["commands"]}
    return [line for command in commands for line in _differences(command, surface[command.name])]


def _differences(command: Command, theirs: dict[str, Any]) -> Iterable[str]:
    marks = {"asks": "confirmation", "waits": "noWait", "ids": "acceptsIds"}
    if command.name.endswith("update-msi-permissions"):  # it has a --yes of its own
        del marks["asks"]
    for mark, their_mark in marks.items():
        if getattr(command, mark) != theirs[their_mark]:
            yield f"{command.name}: {mark} is {getattr(command, mark)}"
    ours = {frozenset(option.names): option for option in command.options}
    expected = {
        frozenset(argument["options"]): argument
        for argument in theirs["arguments"].values()
        if not _BROUGHT & set(argument["options"])
    }
    yield from (f"{command.name}: {sorted(names)}" for names in ours.keys() ^ expected.keys())
    for names in ours.keys() & expected.keys():
        option, argument = ours[names], expected[names]
        choices = argument.get("choices") or []
        found = (option.required, list(option.choices), option.default)
        wanted = (argument["required"], [] if choices in _BOOLEANS else choices, argument.get("default"))
        if found != wanted:
            yield f"{command.name} {option.shown}: {found}, az has {wanted}"


def words_of(example: str) -> list[str]:
    """The words of an example, as the cell language splits them."""
    from dpmagic import language

    [statement] = language.parse(example)
    assert isinstance(statement, language.Statement)
    return language.expand(statement.words, {})


def check_examples(command: Command) -> None:
    """Every command has an example, and its options parse; files in it need not be there."""
    assert command.examples
    for example in command.examples:
        words = words_of(example)
        name = command.name.split()
        assert words[: len(name)] == name, example
        plain = replace(command, options=tuple(replace(o, kind=_plain(o.kind)) for o in command.options))
        assert parse(plain, words[len(name) :])


def _plain(kind: Any) -> Any:
    return "texts" if kind in ("json", "jsons", "object") else kind
