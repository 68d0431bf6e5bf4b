"""What could stand where the cursor is: from the text before it to candidates, out of the command table alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from dpmagic import language, session_commands
from dpmagic.commands.help import describe
from dpmagic.commands.model import Command, Option
from dpmagic.commands.table import GROUPS, commands, group

# Kinds of option that take several words, so that after one of them another value or an option may follow.
_SEVERAL = frozenset({"texts", "jsons", "settings", "json", "pairs"})
_FILE_KINDS = frozenset({"json", "jsons"})
_FILE_OPTIONS = frozenset({"--ca", "--state"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to type in place of the fragment; ``help`` says in a line what it is for, or nothing."""

    text: str
    type: Literal["group", "command", "option", "value", "name", "file"]
    help: str = ""


def candidates(text: str, names: Iterable[str]) -> tuple[str, list[Candidate]]:
    """The end of ``text`` that would be replaced, and what could stand there; required options come first.

    ``text`` is what a cell holds before the cursor, without the magic's own name; ``names`` are what ``$`` may stand
    before.  Never raises, whatever the text.

    >>> fragment, found = candidates("sleep --f", ())
    >>> fragment, [one.text for one in found]
    ('--f', ['--for'])
    """
    here = language.partial(text)
    if here.kind == "name":
        return here.word, _names(here, names)
    if here.kind == "none":
        return here.word, []
    if here.kind == "file":
        return _fragment(here), _written(here, _files(here.typed))
    return _word(here)


def _names(here: language.Partial, names: Iterable[str]) -> list[Candidate]:
    before, after = ("${", "}") if here.word.startswith("${") else ("$", "")
    fitting = sorted(name for name in names if name.startswith(here.typed) and not name.startswith("_"))
    return [Candidate(f"{before}{name}{after}", "name") for name in fitting]


def _word(here: language.Partial) -> tuple[str, list[Candidate]]:
    """Candidates for a word of a command line: a member of a group, an option, or an option's value."""
    name, command = _walk(here.words)
    rest = here.words[len(name.split()) :]
    found = [] if rest else [one for one in _members().get(name, ()) if one.text.startswith(here.typed)]
    if command is None:
        asks = here.typed.startswith("-") and not rest and "--help".startswith(here.typed)
        return _fragment(here), [Candidate("--help", "option", "Show this help.")] if asks else found
    state = _read(command, rest)
    spelling, equals, value = here.typed.partition("=")
    if here.typed.startswith("-") and equals:
        option = command.by_name.get(spelling)
        return _fragment(here, "="), _written(here, _values(option, value)) if option else []
    if state.open and not here.typed.startswith("-"):
        found += _written(here, _values(state.open, here.typed))
    if here.typed.startswith("-") or not (here.typed or state.needs_value):
        found += _options(command, state.used, here.typed)
    return _fragment(here), found


def _fragment(here: language.Partial, after: str = "") -> str:
    """The part of the word to replace: all of it, what follows ``after``, or what follows an open quote."""
    if here.quote:
        return here.word.rpartition(here.quote)[2]
    return here.word.partition(after)[2] if after else here.word


def _written(here: language.Partial, found: Iterable[Candidate]) -> list[Candidate]:
    """The candidates as they are typed: quoted where they need it, plain inside an open quote."""
    if not here.quote:
        return [Candidate(language.quote(one.text), one.type, one.help) for one in found]
    special = "'" if here.quote == "'" else '"\\$'
    return [one for one in found if not any(char in one.text for char in special)]


@cache
def _by_name() -> dict[str, Command]:
    return {**commands(), **{command.name: command for command in session_commands.COMMANDS}}


@cache
def _members() -> dict[str, tuple[Candidate, ...]]:
    """What may follow each group's name."""
    listed: dict[str, list[Candidate]] = {name: [] for name in GROUPS}
    for name in GROUPS:
        of = group(name)
        for member in of.members if of else ():
            full = f"{name} {member}".strip()
            below = group(full)
            kind: Literal["group", "command"] = "group" if below else "command"
            listed[name].append(Candidate(member, kind, below.help if below else commands()[full].help))
    for command in session_commands.COMMANDS:
        above, _, last = command.name.rpartition(" ")
        listed.setdefault(above, []).append(Candidate(last, "command", command.help))
    return {name: tuple(below) for name, below in listed.items()}


def _walk(words: Sequence[str]) -> tuple[str, Command | None]:
    """The longest command or group that the first words name; ``connect`` is both."""
    name = ""
    for word in words:
        longer = f"{name} {word}".strip()
        if longer not in _by_name() and longer not in _members():
            break
        name = longer
    return name, _by_name().get(name)


@dataclass(frozen=True, slots=True)
class _State:
    """Where the options stand: which were typed, and which one the next word would belong to."""

    used: frozenset[str]
    open: Option | None
    needs_value: bool


def _read(command: Command, words: Sequence[str]) -> _State:
    used: set[str] = set()
    opened: Option | None = None
    needs_value = False
    for word in words:
        if word.startswith("-"):
            spelling, equals, _ = word.partition("=")
            opened = command.by_name.get(spelling)
            used |= {opened.key} if opened else set()
            if opened and (equals or opened.kind == "flag"):
                opened = None
            needs_value = opened is not None and opened.kind != "boolean"
        else:
            opened = opened if opened and opened.kind in _SEVERAL else None
            needs_value = False
    return _State(frozenset(used), opened, needs_value)


def _options(command: Command, used: frozenset[str], typed: str) -> list[Candidate]:
    """Each option not typed yet, once: as help spells it, or by the spelling that was begun."""
    found = []
    for option in sorted(command.all_options, key=lambda option: not option.required):
        if option.key in used:
            continue
        fitting = [name for name in option.names if name.startswith(typed)]
        shown = [option.shown] if option.shown in fitting else fitting
        found += [Candidate(name, "option", describe(option)) for name in shown]
    return found


def _values(option: Option, typed: str) -> Iterator[Candidate]:
    if typed.startswith("@"):
        yield from (Candidate(f"@{one.text}", "file") for one in _files(typed[1:]))
    elif option.choices or option.kind == "boolean":
        choices = option.choices or ("true", "false")
        yield from (Candidate(choice, "value") for choice in choices if choice.lower().startswith(typed.lower()))
    elif option.kind in _FILE_KINDS or option.shown in _FILE_OPTIONS:
        yield from _files(typed)


def _files(typed: str) -> list[Candidate]:
    """The files and folders that go on from ``typed``; hidden ones once their dot is typed."""
    folder, slash, start = typed.rpartition("/")
    try:
        with os.scandir(Path(folder + slash).expanduser()) as entries:
            found = sorted(entry.name + "/" * entry.is_dir() for entry in entries if entry.name.startswith(start))
    except (OSError, ValueError, RuntimeError):  # no such folder, no name for one, no such user's home
        return []
    return [Candidate(folder + slash + name, "file") for name in found if start or not name.startswith(".")]
