"""The words of a ``dpmagic`` command line: what is wrong with them in one line, what to write instead in another."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from dpmagic.errors import CommandLineError, InvalidChoice, UnknownCommand, UnknownOption, did_you_mean


class Parser(argparse.ArgumentParser):
    """argparse's parser, and those of its commands, whose complaints are our own errors.

    Raises `UnknownCommand`, `UnknownOption`, `InvalidChoice`, and `CommandLineError` for the rest.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As argparse's, but that nothing may be left over: a command's own parser knows best what it should be."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            raise self._left_over(rest[0])
        return found, rest

    def error(self, message: str) -> NoReturn:
        """Raises `CommandLineError` of argparse's own words."""
        raise CommandLineError(f"{self.prog}: {message.partition(' (choose from')[0]}", self._see())

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        known = list(action.choices)
        if isinstance(action, argparse._SubParsersAction):
            problem: type[CommandLineError] = UnknownCommand
            text = f"{self.prog} has no command {value!r}"
            if hint := _elsewhere(value):
                raise UnknownCommand(text, hint)
        else:
            problem, name = InvalidChoice, "/".join(action.option_strings) or action.metavar or action.dest
            text = f"{self.prog}: {name} cannot be {value!r}"
        raise problem(text, did_you_mean(str(value), known, f"one of: {', '.join(map(str, known))}"))

    def _left_over(self, word: str) -> CommandLineError:
        if word.startswith("-") and word != "-":
            name = word.partition("=")[0]
            known = [one for one in self._option_string_actions if one.startswith("--")]
            return UnknownOption(f"{self.prog} has no option {name}", did_you_mean(name, known, self._see()))
        return CommandLineError(f"{self.prog} does not know what to do with {word!r}", self._see())

    def _see(self) -> str:
        return f"see `{self.prog} --help`"


def _elsewhere(word: str) -> str:
    """Where a first word belongs that is a command all the same: behind ``run``, or to az; else ``""``."""
    from dpmagic.commands.elsewhere import instead
    from dpmagic.commands.table import GROUPS
    from dpmagic.session_commands import COMMANDS

    ours = {one.name.split()[0] for one in COMMANDS} - {"connect"}
    if word in ("az", "dataprotection") or word in GROUPS or word in ours:
        return f"dpmagic run -- {'backup-vault list' if word in ('az', 'dataprotection') else f'{word} ...'}"
    if word == "connect":
        return "a shell has no connection to keep: dpmagic run --target ... --subscription ... -- COMMAND"
    told = instead(word)
    return told[1] if told else ""
