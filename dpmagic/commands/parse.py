"""From words to arguments: one lazily built argparse leaf splits them, this module says what is wrong with them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import cache
from typing import Any, NoReturn

from dpmagic.commands.model import Command, Option
from dpmagic.commands.values import convert
from dpmagic.errors import CommandLineError, InvalidArgument, MissingOption, UnknownOption, did_you_mean, hide

_WORDS_EACH: dict[str, Any] = {
    "flag": 0,
    "boolean": "?",
    "texts": "+",
    "ids": "+",
    "jsons": "+",
    "settings": "+",
    "json": "+",
    "object": "+",
    "pairs": "*",
}
# What ARM takes in no name of a resource.
_NEVER_IN_NAMES = frozenset("/\\?#%<>&{}")
_SEVERAL = frozenset(kind for kind, words in _WORDS_EACH.items() if words in ("+", "*"))


class _Leaf(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        option = message.partition(":")[0].removeprefix("argument ").split("/")[-1]
        raise MissingOption(f"{self.prog}: {option} has no value", f"write {option} VALUE")


@cache
def _leaf(command: Command) -> _Leaf:
    leaf = _Leaf(prog=command.name, add_help=False, allow_abbrev=False)
    for option in command.all_options:
        words = _WORDS_EACH.get(option.kind, 1)
        if words == 0:
            leaf.add_argument(*option.names, dest=option.key, action="store_const", const=[], default=None)
        elif words == "?":
            leaf.add_argument(*option.names, dest=option.key, nargs="*", default=None)
        else:
            leaf.add_argument(*option.names, dest=option.key, nargs=words, action="extend", default=None)
    return leaf


def given(command: Command, words: Sequence[str]) -> dict[str, list[str]]:
    """The words after each option that was typed, by option key.

    Raises `UnknownOption` for an option that the command does not have, `CommandLineError` for a word that belongs
    to none.
    """
    namespace, rest = _leaf(command).parse_known_args(list(words))
    for option in command.all_options:
        for secret in (getattr(namespace, option.key) or ()) if option.secret else ():
            hide(secret)  # before anything can go wrong, and be told with the values of variables
    if rest:
        raise _misplaced(command, rest[0])
    return {key: value for key, value in vars(namespace).items() if value is not None}


def parse(command: Command, words: Sequence[str]) -> dict[str, Any]:
    """The arguments of ``command`` by option key, with defaults for what was not typed (None when it has none).

    Raises one of the family of `CommandLineError`, or `InvalidArgument` for a value that does not fit its option.
    """
    typed = given(command, words)
    if "help" in typed or any("??" in words for words in typed.values()):  # as in az, ?? asks about an option
        return {"help": True}
    missing = [option for option in command.all_options if option.required and option.key not in typed]
    covered = {option.key for option in missing if option.id_part} if "ids" in typed else set()
    if missing := [option for option in missing if option.key not in covered]:
        raise _missing(command, missing)
    return {option.key: _value(command, option, typed) for option in command.all_options}


def _missing(command: Command, options: Sequence[Option]) -> MissingOption:
    error = MissingOption(
        f"{command.name} needs {', '.join(_spelled(option) for option in options)}", _usage(command, options)
    )
    if command.ids and all(option.id_part for option in options):
        error.exit_code = 1  # as in az, which looks for a name that --ids may hold only after the command line is read
    return error


def _value(command: Command, option: Option, typed: dict[str, list[str]]) -> Any:
    if option.key not in typed:
        return option.default
    words = typed[option.key]
    if option.kind not in _SEVERAL and len(words) > 1:
        if option.kind == "boolean":
            raise _misplaced(command, words[1])
        words = words[-1:]  # as in az, the last of a repeated option counts
    value = convert(option, words)
    if isinstance(value, str) and not value.strip() and _names(option):
        # Mostly a variable that is not set. Without a name the address is another one: of all groups, of all vaults.
        hint = f"give {option.shown} a value" if option.required else f"give it a value, or leave {option.shown} out"
        raise InvalidArgument(f"{command.name}: {option.shown} is empty", hint)
    if isinstance(value, str) and option.id_part:
        _check_name(command, option, value)
    return value


def _check_name(command: Command, option: Option, value: str) -> None:
    """Raise for what no resource is called: put into an address, it would lead to another one."""
    if value.startswith(("{", "[")):
        variable = value[1:-1] if value[1:-1].isidentifier() else ""
        field = f"for the variable write ${variable}" if variable else "of a variable write the field: ${name.field}"
        raise InvalidArgument(f"{option.shown} is a name, not {value[:40] if variable else 'JSON'}", field)
    wrong = next((sign for sign in value if sign in _NEVER_IN_NAMES or not sign.isprintable()), "")
    if not wrong:
        return
    ids = "--ids takes an id; " if command.ids and value.lower().startswith("/subscriptions/") else ""
    hint = f"{ids}of an id it is the part after {option.id_part}/" if "/" in value else "look it up with `list`"
    raise InvalidArgument(f"{option.shown} {value[:80]!r} is no name: none has a {wrong!r}", hint)


def _names(option: Option) -> bool:
    """Whether the option says what the command is about."""
    return bool(option.id_part or option.required or option.live == "subscription")


def _spelled(option: Option) -> str:
    return "/".join(sorted(option.names, key=lambda name: (not name.startswith("--"), name != option.shown)))


def _usage(command: Command, missing: Sequence[Option]) -> str:
    choices = [f"{option.shown}: one of {', '.join(option.choices)}" for option in missing if option.choices]
    ids = (
        ["--ids ID stands for the options that name it"] if command.ids and any(one.id_part for one in missing) else []
    )
    return "; ".join([*choices, *ids, f"see `{command.name} --help`"])


def _misplaced(command: Command, word: str) -> CommandLineError:
    if word.startswith("-") and word != "-":
        name = word.partition("=")[0]
        known = [spelling for spelling in command.by_name if spelling.startswith("--") or not name.startswith("--")]
        return UnknownOption(
            f"{command.name} has no option {name}",
            did_you_mean(name, known, f"see `{command.name} --help`"),
        )
    return CommandLineError(
        f"{command.name} does not know what to do with {word!r}",
        "every value follows an option; quote a value that has spaces",
    )
