"""What could stand where the cursor is: from the text before it to candidates.

They come out of the command table, the folder and the names that are stored; names of the estate are asked for and
looked up elsewhere, see `dpmagic.live_names`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from dpmagic import language, session_commands
from dpmagic.commands.help import describe
from dpmagic.commands.model import Command, Option
from dpmagic.commands.table import GROUPS, commands, group
from dpmagic.live_names import Name, Question

# Kinds of option that take several words, so that after one of them another value or an option may follow.
_SEVERAL = frozenset({"texts", "ids", "jsons", "settings", "json", "object", "pairs"})
_FILE_KINDS = frozenset({"json", "object", "jsons"})
_FILE_OPTIONS = frozenset({"--ca", "--state"})
# The options that say where a name is looked for, in the order of `Question`.
_PLACES = ("subscription_given", "resource_group", "vault_name", "backup_instance_name")
_NAME_ALONE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")

Live = Callable[[Question], Sequence[Name]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to type in place of the fragment; ``help`` says in a line what it is for, or nothing."""

    text: str
    type: Literal["group", "command", "option", "value", "name", "file"]
    help: str = ""


def _nothing(question: Question) -> Sequence[Name]:
    return ()


def candidates(text: str, names: Mapping[str, Any], live: Live = _nothing) -> tuple[str, list[Candidate]]:
    """The end of ``text`` that would be replaced, and what could stand there; required options come first.

    ``text`` is what a cell holds before the cursor, without the magic's own name; ``names`` are what ``$`` may stand
    before; ``live`` answers what is there now.  Never raises, whatever the text.

    >>> fragment, found = candidates("sleep --f", {})
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
    return _word(here, names, live)


def _names(here: language.Partial, names: Mapping[str, Any]) -> list[Candidate]:
    before, after = ("${", "}") if here.word.startswith("${") else ("$", "")
    fitting = sorted(name for name in names if name.startswith(here.typed) and not name.startswith("_"))
    return [Candidate(f"{before}{name}{after}", "name") for name in fitting]


def _word(here: language.Partial, names: Mapping[str, Any], live: Live) -> tuple[str, list[Candidate]]:
    """Candidates for a word of a command line: a member of a group, an option, or an option's value."""
    name, command = _walk(here.words)
    rest = here.words[len(name.split()) :]
    found = [] if rest else [one for one in _members().get(name, ()) if one.text.startswith(here.typed)]
    if command is None:
        asks = here.typed.startswith("-") and not rest and "--help".startswith(here.typed)
        return _fragment(here), [Candidate("--help", "option", "Show this help.")] if asks else found
    state = _read(command, rest)

    def values(option: Option, typed: str) -> list[Candidate]:
        listed = _values(option, typed)
        if listed is None:
            question = _question(command, option, typed, state.given, names)
            listed = [Candidate(one.text, "value", one.help) for one in live(question)] if question else []
        return _written(here, (one for one in listed if one.text.lower().startswith(typed.lower())))

    spelling, equals, value = here.typed.partition("=")
    if here.typed.startswith("-") and equals:
        option = command.by_name.get(spelling)
        return _fragment(here, "="), values(option, value) if option else []
    if state.open and not here.typed.startswith("-"):
        found += values(state.open, here.typed)
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
    """Where the options stand: which were typed, which one the next word would belong to, the last word of each."""

    used: frozenset[str]
    open: Option | None
    needs_value: bool
    given: Mapping[str, str] = field(default_factory=dict)


def _read(command: Command, words: Sequence[str]) -> _State:
    used: set[str] = set()
    opened: Option | None = None
    needs_value = False
    given: dict[str, str] = {}
    for word in words:
        if word.startswith("-"):
            spelling, equals, value = word.partition("=")
            opened = command.by_name.get(spelling)
            used |= {opened.key} if opened else set()
            if opened and equals:
                given[opened.key] = value
            if opened and (equals or opened.kind == "flag"):
                opened = None
            needs_value = opened is not None and opened.kind != "boolean"
        else:
            if opened:
                given[opened.key] = word
            opened = opened if opened and opened.kind in _SEVERAL else None
            needs_value = False
    return _State(frozenset(used), opened, needs_value, given)


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


def _values(option: Option, typed: str) -> list[Candidate] | None:
    """What the option takes, as far as that is known without asking; None where only the estate knows."""
    if typed.startswith("@"):
        return [Candidate(f"@{one.text}", "file") for one in _files(typed[1:])]
    if option.choices or option.kind == "boolean":
        return [Candidate(choice, "value") for choice in option.choices or ("true", "false")]
    if option.kind in _FILE_KINDS or option.shown in _FILE_OPTIONS:
        return _files(typed)
    return None


def _question(
    command: Command, option: Option, typed: str, given: Mapping[str, str], names: Mapping[str, Any]
) -> Question | None:
    """What to ask the estate for a value of the option; None where it does not know, or a name's value is not text."""
    if not option.live:
        return None
    places = [_text(given.get(key, ""), names) for key in _PLACES]
    if option.live == "subscription":  # which there are does not hang on what else was typed
        places = [""] * len(places)
    if None in places:
        return None
    subscription, group, vault, instance = (place or "" for place in places)
    question = Question(option.live, subscription, group, vault, instance, as_ids=option.kind in ("id", "ids"))
    if option.live != "id":
        return question
    types = tuple(one.id_part for one in command.options if one.id_part not in ("", "resourceGroups"))
    for depth in range(len(types) - 1, 0, -1):
        before, list_, _ = typed.lower().rpartition(f"/{types[depth].lower()}/")
        if list_:
            above = typed[: len(before) + len(list_) - 1]
            return replace(question, types=types[depth:], above=above)
    return replace(question, types=types)


def _text(word: str, names: Mapping[str, Any]) -> str | None:
    """The word with its name expanded, if it is one; None where that takes more than looking the name up."""
    found = _NAME_ALONE.fullmatch(word)
    if not found:
        return None if "$" in word else word
    value = names.get(found[1] or found[2])
    return value if isinstance(value, str) else None


def _files(typed: str) -> list[Candidate]:
    """The files and folders that go on from ``typed``; hidden ones once their dot is typed."""
    folder, slash, start = typed.rpartition("/")
    try:
        with os.scandir(Path(folder + slash).expanduser()) as entries:
            found = sorted(entry.name + "/" * entry.is_dir() for entry in entries if entry.name.startswith(start))
    except (OSError, ValueError, RuntimeError):  # no such folder, no name for one, no such user's home
        return []
    return [Candidate(folder + slash + name, "file") for name in found if start or not name.startswith(".")]
