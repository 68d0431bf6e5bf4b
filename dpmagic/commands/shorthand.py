"""az's shorthand: JSON that survives a shell, and KEY=VALUE words.

::

    value   a word, 'quoted text', {key:value,..} or [value,..]; null is no value
    word    anything but space, quotes and , : ] }; always text: numbers and booleans are not told apart
    quoted  '..', in which '/ is one quote
    pair    key=value, key.key=value, key[0]=value; the value is text, or JSON or shorthand in brackets

Whitespace around punctuation is let through, which az does not do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from dpmagic.errors import InvalidArgument

_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"""[^,:\]}\s'"]+""")
_QUOTED = re.compile(r"'((?:[^']|'/)*)'(?!/)")
_NAME = r"""(?:[^.\[\]=\s'"]+|'(?:[^']|'/)*'(?!/))"""
_INDEX = r"\[(-?\d{1,6})\]"
_PAIR = re.compile(rf"({_NAME}(?:\.{_NAME}|{_INDEX})*)=(.*)", re.DOTALL)
_STEP = re.compile(rf"\.?({_NAME})|{_INDEX}")
# Deeper than any body of Azure's, and far from where Python's own recursion ends.
_DEEPEST = 100


def parse_shorthand(text: str) -> Any:
    """The value that ``text`` spells: str, None, dict or list.

    A key without a value has None.  Raises `InvalidArgument` that says at which character (from 1) it went wrong.

    >>> parse_shorthand("[{type:LocallyRedundant,datastore-type:VaultStore}]")
    [{'type': 'LocallyRedundant', 'datastore-type': 'VaultStore'}]
    >>> parse_shorthand("{note:'it'/s, here',days:7,tags:null}")
    {'note': "it's, here", 'days': '7', 'tags': None}
    """
    reader = _Reader(text)
    value = reader.value()
    if reader.peek():
        reader.fail("nothing more was expected")
    return value


def parse_pairs(option_name: str, words: Sequence[str]) -> dict[str, Any]:
    """The object that KEY=VALUE words spell; of a key given twice, the last counts.

    Raises `InvalidArgument` that names the option and the word.

    >>> parse_pairs("--tags", ["env=test", "cost-centre=12"])
    {'env': 'test', 'cost-centre': '12'}
    >>> parse_pairs("--policy", ["rules[0].name=Default", "rules[0].stores=[VaultStore]"])
    {'rules': [{'name': 'Default', 'stores': ['VaultStore']}]}
    """
    result: dict[str, Any] = {}
    for word in words:
        pair = _PAIR.fullmatch(word)
        if pair is None:
            raise InvalidArgument(
                f"{option_name}: {word!r} is not KEY=VALUE",
                f"write {option_name} key=value key2=value2; a key with dots or spaces goes in '...'",
            )
        try:
            _put(result, _path(pair[1]), parse_value(pair[pair.re.groups]))
        except InvalidArgument as error:
            raise InvalidArgument(f"{option_name}: {word!r}: {error.message}", error.hint) from error
    return result


def parse_value(text: str) -> Any:
    """What stands after ``=``: JSON or shorthand when it is in brackets or '...', else text; ``null`` is None.

    Raises `InvalidArgument` for brackets that do not close or quotes that do not end.

    >>> parse_value('{"keep":true}'), parse_value("P30D"), parse_value("a, b"), parse_value("null")
    ({'keep': True}, 'P30D', 'a, b', None)
    """
    if text.startswith(("{", "[")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return parse_shorthand(text)
    if text.startswith("'"):
        return parse_shorthand(text)
    return None if text == "null" else text


class _Reader:
    """Reads a value from the left; ``at`` is where it stands."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self._depth = text, 0, 0

    def peek(self) -> str:
        """The next character that is not space, ``""`` at the end."""
        if space := _SPACE.match(self.text, self.at):
            self.at = space.end()
        return self.text[self.at : self.at + 1]

    def fail(self, reason: str) -> NoReturn:
        near = self.text[self.at : self.at + 20]
        raise InvalidArgument(
            f"shorthand, character {self.at + 1}: {reason}" + (f", before {near!r}" if near else ""),
            "write {key:value,key:[value,value]}; text with spaces, quotes or any of ,:[]{} goes in '...'",
        )

    def value(self) -> Any:
        match self.peek():
            case "{":
                return dict(self._members("}"))
            case "[":
                return self._members("]")
            case "'":
                return self._quoted()
        word = self._word()
        return None if word == "null" else word

    def _members(self, end: str) -> list[Any]:
        self._depth += 1
        if self._depth > _DEEPEST:
            self.fail(f"more than {_DEEPEST} brackets inside each other")
        self.at += 1
        members: list[Any] = []
        keys: set[str] = set()
        while self.peek() != end:
            members.append(self._member(keys) if end == "}" else self.value())
            if self.peek() == ",":
                self.at += 1
            elif self.peek() != end:
                self.fail(f"',' or {end!r} was expected")
        self.at += 1
        self._depth -= 1
        return members

    def _member(self, keys: set[str]) -> tuple[str, Any]:
        start = self.at
        key = self._quoted() if self.peek() == "'" else self._word()
        if key in keys:
            self.at = start
            self.fail(f"the key {key!r} was there already")
        keys.add(key)
        if self.peek() != ":":
            return key, None
        self.at += 1
        return key, self.value()

    def _word(self) -> str:
        return self._take(_WORD, "a value was expected")[0]

    def _quoted(self) -> str:
        return self._take(_QUOTED, "the quote does not end")[1].replace("'/", "'")

    def _take(self, pattern: re.Pattern[str], otherwise: str) -> re.Match[str]:
        found = pattern.match(self.text, self.at)
        if found is None:
            self.fail(otherwise)
        self.at = found.end()
        return found


def _path(key: str) -> list[str | int]:
    """``a.b[0]`` as its steps."""
    steps = [int(index) if index else _unquoted(name) for name, index in _STEP.findall(key)]
    if len(steps) > _DEEPEST:
        raise InvalidArgument(f"more than {_DEEPEST} keys inside each other", "give the object as JSON, or in a file")
    return steps


def _unquoted(name: str) -> str:
    return name[1:-1].replace("'/", "'") if name.startswith("'") else name


def _put(container: Any, path: Sequence[str | int], value: Any) -> None:
    """Set what is at ``path``, making the objects and lists on the way."""
    step, *rest = path
    if isinstance(container, list) and isinstance(step, int):
        if not -len(container) <= step <= len(container):
            raise InvalidArgument(f"[{step}] is not in a list of {len(container)}", "number the items from [0]")
        if step == len(container):
            container.append(None)
    elif not (isinstance(container, dict) and isinstance(step, str)):
        kind = "a list, with [0] and up" if isinstance(container, list) else "an object, with keys"
        what = f"what it names is {kind}" if isinstance(container, dict | list) else "it already is a plain value"
        raise InvalidArgument(f"{step!r} does not fit: {what}", "give each key one kind of value")
    if not rest:
        container[step] = value
        return
    below = container.get(step) if isinstance(container, dict) else container[step]
    if below is None:
        below = container[step] = [] if isinstance(rest[0], int) else {}
    _put(below, rest, value)
