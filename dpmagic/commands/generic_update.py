"""az's generic update: --set, --add and --remove on the JSON of a resource before it is sent back.

A path is ``properties.policyRules[0].name`` or ``properties.policyRules[name=Default].lifecycles``; keys are found
whatever their case, and in snake_case and kebab-case, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from dpmagic.commands.camel import camel_key
from dpmagic.commands.shorthand import parse_value
from dpmagic.errors import InvalidArgument, did_you_mean

_STEP = r"[^.\[\]=\s]+|\[[^\[\]]*\]"
_STEPS = re.compile(_STEP)
_PATH = re.compile(rf"(?!\[)(?:{_STEP})(?:\.(?!\[)(?:{_STEP})|\[[^\[\]]*\])*")
# What a resource of ARM can have beside what it has: anything else at the top is a misspelling.
_TOP = ("eTag", "identity", "location", "properties", "tags")


def generic_update(
    value: Mapping[str, Any],
    add: Sequence[str] | None,
    set_: Sequence[str] | None,
    remove: Sequence[str] | None,
    force_string: bool | None,
) -> dict[str, Any]:
    """A changed copy of ``value``: first what is set, then added, then removed.

    ``set_`` is PATH=VALUE words; ``add`` the path of a list and its new items, of which KEY=VALUE words make one
    object; ``remove`` paths, each with the index of a list's item or without.  Values are read as JSON or shorthand
    where they can be, unless ``force_string``; a tag's value is always text.  Raises `InvalidArgument` for a path
    that leads nowhere.

    >>> generic_update({"properties": {"n": [1]}}, ["properties.n", "2"], ["tags.a=1"], None, None)
    {'properties': {'n': [1, 2]}, 'tags': {'a': '1'}}
    """
    result = deepcopy(dict(value))
    for word in set_ or ():
        _set(result, word, bool(force_string))
    if add:
        _add(result, add[0], add[1:], bool(force_string))
    for path, index in _removals(remove or ()):
        _remove(result, path, index)
    return result


def _set(root: dict[str, Any], word: str, force_string: bool) -> None:
    path = _PATH.match(word)
    if path is None or word[path.end() : path.end() + 1] != "=":
        raise InvalidArgument(f"--set {word!r} is not PATH=VALUE", "write --set properties.NAME=VALUE")
    *above, last = _steps(path[0])
    holder = _walk(root, above, path[0], make=True)
    text = word[path.end() + 1 :]
    new = text if force_string or (above and above[0] == "tags") else _read(text)
    if isinstance(holder, list):
        holder[_position(holder, last, path[0])] = new
    else:
        holder[_key(holder, last, path[0], new=True, top=not above, free=above[:1] == ["tags"])] = new


def _add(root: dict[str, Any], path: str, words: Sequence[str], force_string: bool) -> None:
    if not words:
        raise InvalidArgument(f"--add {path} says nothing to add", "write --add PATH VALUE, or PATH key=value ..")
    *above, last = _steps(path)
    holder = _walk(root, above, path, make=True)
    if isinstance(holder, list):
        target = holder[_position(holder, last, path)]
    else:
        key = _key(holder, last, path, new=True, top=not above)
        target = holder[key] = [] if holder.get(key) is None else holder[key]
    if not isinstance(target, list):
        raise InvalidArgument(f"--add {path}: it is not a list", f"write --set {path}.NAME=VALUE")
    read = str if force_string else _read
    pairs: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if equals and not word.startswith(("{", "[")):
            if not pairs:
                target.append(pairs)
            pairs[camel_key(key)] = read(text)
        else:
            pairs = {}
            target.append(read(word))


def _removals(words: Sequence[str]) -> list[tuple[str, str]]:
    """Paths with the index after each, or ``""``."""
    found: list[tuple[str, str]] = []
    for word in words:
        if found and not found[-1][1] and re.fullmatch(r"-?\d{1,6}", word):
            found[-1] = (found[-1][0], word)
        else:
            found.append((word, ""))
    return found


def _remove(root: dict[str, Any], path: str, index: str) -> None:
    steps = [*_steps(path), f"[{index}]"] if index else _steps(path)
    holder = _walk(root, steps[:-1], path, make=False)
    if isinstance(holder, list):
        del holder[_position(holder, steps[-1], path)]
    else:
        del holder[_key(holder, steps[-1], path, new=False)]


def _steps(path: str) -> list[str]:
    if not _PATH.fullmatch(path):
        raise InvalidArgument(f"{path!r} is not a path", "write it as properties.list[0].name")
    return _STEPS.findall(path)


def _walk(root: dict[str, Any], steps: Sequence[str], path: str, *, make: bool) -> Any:
    """The object or list that ``steps`` lead to; with ``make``, objects that are not there are made."""
    here: Any = root
    for number, step in enumerate(steps):
        if isinstance(here, list):
            here = here[_position(here, step, path)]
        else:
            key = _key(here, step, path, new=make, top=number == 0)
            if make and here.get(key) is None:
                here[key] = {}
            here = here[key]
        if not isinstance(here, dict | list):
            raise InvalidArgument(f"{path}: {step} is {here!r}, with nothing below it", "see the resource with show")
    return here


def _key(holder: Mapping[str, Any], step: str, path: str, *, new: bool, top: bool = False, free: bool = False) -> str:
    """The key of ``holder`` that ``step`` names; with ``new``, what it would be.  ``free`` keys are as typed."""
    if step in holder or (free and new):
        return step
    wanted = camel_key(step)
    known = [*holder, *(one for one in _TOP if new and top and one not in holder)]
    for key in known:
        if camel_key(key).lower() == wanted.lower():
            return key
    if step.startswith("[") or not new or top:
        there = ", ".join(holder) or "nothing"
        raise InvalidArgument(f"{path}: there is no {step}", did_you_mean(step, known, f"there is: {there}"))
    return wanted


def _position(holder: Sequence[Any], step: str, path: str) -> int:
    """Where in a list ``[0]`` or ``[name=Default]`` is."""
    key, equals, wanted = step.strip("[]").partition("=")
    if step.startswith("[") and equals:
        for position, one in enumerate(holder):
            if isinstance(one, Mapping) and str(one.get(camel_key(key))).lower() == wanted.lower():
                return position
        names = [str(one[camel_key(key)]) for one in holder if isinstance(one, Mapping) and camel_key(key) in one]
        raise InvalidArgument(
            f"{path}: no item has {key}={wanted}", did_you_mean(wanted, names, f"there are: {', '.join(names)}")
        )
    if step.startswith("[") and re.fullmatch(r"-?\d{1,6}", key) and -len(holder) <= int(key) < len(holder):
        return int(key)
    raise InvalidArgument(
        f"{path}: {step} is not in a list of {len(holder)}", "write [0], the first, or [key=value] to pick an item"
    )


def _read(text: str) -> Any:
    """JSON or shorthand where it is that, else text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return parse_value(text)
