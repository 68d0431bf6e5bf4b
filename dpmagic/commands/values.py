"""From the words after an option to its value: files, JSON, shorthand, KEY=VALUE, times, numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dpmagic.arm.ids import parse_id
from dpmagic.commands.files import SAVE_AS, text_of
from dpmagic.commands.model import Option
from dpmagic.commands.shorthand import parse_pairs, parse_shorthand
from dpmagic.errors import InvalidArgument, InvalidChoice, did_you_mean, nearest

# A `$name` that is a DataFrame goes in as its rows, which have dotted columns: not the JSON it came from.
_AS_JSON = "store the JSON, not the DataFrame: name << command -o json"
_SOURCES = "give a file, @file, or the JSON itself"
# What begins so is meant as JSON, not as shorthand.
_JSON_TEXT = re.compile(r'[\s\[{]*"')
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")


def convert(option: Option, words: Sequence[str]) -> Any:
    """The value of ``option`` given ``words``.

    As in az, ``@file`` stands for what is in the file.  Raises `InvalidChoice` or `InvalidArgument`, each naming the
    option and what would do.
    """
    words = list(words) if option.kind in _OF_FILES else [_content(option, word) for word in words]
    value = _KINDS[option.kind](option, words)
    if option.choices:
        value = [_choice(option, one) for one in value] if isinstance(value, list) else _choice(option, value)
    return value


def _content(option: Option, word: str) -> str:
    """The word, or for ``@file`` the file's text without the end of its last line."""
    if not word.startswith("@"):
        return word
    return _text_of(option, Path(word[1:]).expanduser(), "what begins with @ is a file").rstrip("\r\n")


def _choice(option: Option, word: str) -> str:
    canonical = {choice.lower(): choice for choice in option.choices}.get(str(word).lower())
    if canonical is None:
        raise InvalidChoice(
            f"{option.shown} cannot be {word!r}",
            did_you_mean(str(word), option.choices, f"one of: {', '.join(option.choices)}"),
        )
    return canonical


def _boolean(option: Option, words: list[str]) -> bool:
    word = words[0].lower() if words else "true"
    if word not in (*_TRUE, *_FALSE):
        raise InvalidChoice(f"{option.shown} cannot be {words[0]!r}", "true or false")
    return word in _TRUE


def _integer(option: Option, words: list[str]) -> int:
    try:
        return int(words[0])
    except ValueError:
        raise InvalidArgument(f"{option.shown} {words[0]!r} is not a whole number", "such as 7") from None


def _number(option: Option, words: list[str]) -> float:
    try:
        return float(words[0])
    except ValueError:
        raise InvalidArgument(f"{option.shown} {words[0]!r} is not a number", "such as 14") from None


def parse_instant(text: str) -> datetime:
    """An ISO 8601 date or time as an aware UTC datetime; without an offset it is UTC already.

    Raises ValueError when it is neither.

    >>> parse_instant("2024-01-01T05:30:00+05:30").isoformat()
    '2024-01-01T00:00:00+00:00'
    """
    read = datetime.fromisoformat(text.strip())
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def _time(option: Option, words: list[str]) -> datetime:
    try:
        return parse_instant(words[0])
    except ValueError:
        raise InvalidArgument(
            f"{option.shown} {words[0]!r} is not a time", "write it as 2024-01-31T13:00:00Z"
        ) from None


def _texts(option: Option, words: list[str]) -> list[str]:
    """Words; one in square brackets is a list of them, as JSON or shorthand."""
    found: list[Any] = []
    for word in words:
        listed = word.startswith("[") and word.endswith("]")
        found += _inline(option, word) if listed else [word]
    if wrong := [one for one in found if not isinstance(one, str)]:
        raise InvalidArgument(
            f"{option.shown} has {json.dumps(wrong[0])[:40]}, which is no text", "write a b, or [a,b]"
        )
    return found


def _id(option: Option, word: str) -> str:
    """An id as given.  Only those below a subscription have a form that we know: the rest is for the service to say."""
    if word.startswith("/") and not word.lower().startswith("/subscriptions"):
        return word
    try:
        return parse_id(word).text
    except InvalidArgument as error:
        raise InvalidArgument(f"{option.shown}: {error.message}", error.hint) from None


def _json(option: Option, words: list[str]) -> Any:
    """A file, @file, JSON text, shorthand in brackets, or KEY=VALUE words."""
    if len(words) > 1 or _is_pair(words[0]):
        return parse_pairs(option.shown, words)
    text = words[0]
    if text.strip() in ("", "@"):
        raise InvalidArgument(f"{option.shown} is empty", _SOURCES)
    if not text.lstrip().startswith(("{", "[")):
        return read_json(option, Path(text.removeprefix("@")).expanduser())
    value = _inline(option, text)
    if isinstance(value, list) and any(isinstance(one, dict) and any("." in key for key in one) for one in value):
        raise InvalidArgument(f"{option.shown} has the rows of a DataFrame", _AS_JSON)
    return value


def _object(option: Option, words: list[str]) -> dict[str, Any]:
    return _checked_object(option, _json(option, words))


def _checked_object(option: Option, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        rows = bool(value) and all(isinstance(one, dict) for one in value)
        raise InvalidArgument(f"{option.shown} is a list, not an object", _AS_JSON if rows else "write {key: value}")
    raise InvalidArgument(f"{option.shown} is {json.dumps(value)[:40]}, not an object", "write {key: value}")


def _jsons(option: Option, words: list[str]) -> list[Any]:
    """One list, or several values of which each may be a list."""
    values = [_json(option, [word]) for word in words]
    found = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return [_checked_object(option, one) for one in found]


def _is_pair(word: str) -> bool:
    key, equals, _ = word.partition("=")
    return bool(equals) and not any(character in key for character in "{[/\\\"'@ ")


def _inline(option: Option, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        try:
            return parse_shorthand(text)
        except InvalidArgument as shorthand:
            if not _JSON_TEXT.match(text):
                raise InvalidArgument(f"{option.shown}: {shorthand.message}", shorthand.hint) from None
            raise InvalidArgument(
                f"{option.shown} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
                "quote the whole text with '...', its keys and values with \"...\"",
            ) from None


def read_json(option: Option, path: Path) -> Any:
    """The JSON in a file.  Raises `InvalidArgument` that names file, line and column."""
    text = _text_of(option, path, _SOURCES)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = text.splitlines()[error.lineno - 1].strip() if text.strip() else ""
        raise InvalidArgument(
            f"{path}, line {error.lineno}, column {error.colno}: {error.msg}",
            f"the line reads: {line[:100]}" if line else "the file is empty",
        ) from None


def _text_of(option: Option, path: Path, hint: str) -> str:
    try:
        return text_of(path)
    except FileNotFoundError:
        beside = {entry.stem: entry.name for entry in path.parent.iterdir()} if path.parent.is_dir() else {}
        near = beside.get(nearest(path.stem, beside))  # by the stem: that both end in .json says nothing
        raise InvalidArgument(
            f"{option.shown}: the file {str(path)!r} is not there",
            f"did you mean {near}?" if near else hint,
        ) from None
    except IsADirectoryError:
        raise InvalidArgument(f"{option.shown}: {str(path)!r} is a folder", hint) from None
    except UnicodeDecodeError as error:
        told = f"{option.shown}: the file {str(path)!r} is no text in UTF-8 or UTF-16, from byte {error.start + 1:,}"
        raise InvalidArgument(told, SAVE_AS) from None
    except OSError as error:
        raise InvalidArgument(
            f"{option.shown}: the file {str(path)!r} cannot be read: {error.strerror}", hint
        ) from error


def _pairs(option: Option, words: list[str]) -> dict[str, Any]:
    """An object of texts.  Unlike in az a key may be any text up to the ``=``, as a tag's name may."""
    odd = [word for word in words if _is_odd_pair(word)]
    rest = [word for word in words if word not in odd]
    hint = f"write {option.shown} key=value key2=value2"
    paired = all("=" in word and word[0] not in "{[@" for word in rest)
    if len(rest) == 1 and not (paired or re.match(r"\s*[@{\[]|.*\.\w+$", rest[0]) or Path(rest[0] or "..").is_file()):
        raise InvalidArgument(f"{option.shown}: {rest[0]!r} is not KEY=VALUE", hint)
    value: Any = {} if not rest else parse_pairs(option.shown, rest) if paired else _json(option, rest)
    if not isinstance(value, dict):
        raise InvalidArgument(f"{option.shown} is not a set of KEY=VALUE", hint)
    return {key: _tag(option, key, one) for key, one in value.items()} | dict(word.split("=", 1) for word in odd)


def _tag(option: Option, key: str, value: Any) -> str:
    """A tag's value as text, which is all that Azure has: a number as JSON writes it, ``True`` as ``true``."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, (dict, list)):
        told = "nothing" if value is None else f"{json.dumps(value)[:40]}"
        raise InvalidArgument(f"{option.shown}: {key} is {told}, and a tag's value is text", "'' is the empty text")
    return json.dumps(value)


def _is_odd_pair(word: str) -> bool:
    key, equals, _ = word.partition("=")
    return bool(key and equals) and key[0] not in "{[@'" and not re.fullmatch(r"[\w-]+", key, re.ASCII)


def _settings(option: Option, words: list[str]) -> list[dict[str, Any]]:
    """A list of objects.  In the KEY=VALUE form a repeated key begins the next object."""
    settings: list[dict[str, Any]] = [{}]
    for word in words:
        if not _is_pair(word):
            settings += [*_jsons(option, [word]), {}]
            continue
        ((key, value),) = parse_pairs(option.shown, [word]).items()
        if key in settings[-1]:
            settings.append({})
        settings[-1][key] = value
    return [one for one in settings if one]


# Kinds that look into files by themselves: a file may go without its @.
_OF_FILES = frozenset({"json", "object", "jsons", "pairs", "settings"})
_KINDS: dict[str, Callable[[Option, list[str]], Any]] = {
    "text": lambda option, words: words[0],
    "texts": _texts,
    "id": lambda option, words: _id(option, words[0]),
    "ids": lambda option, words: [_id(option, word) for word in words],
    "flag": lambda option, words: True,
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "time": _time,
    "json": _json,
    "object": _object,
    "jsons": _jsons,
    "pairs": _pairs,
    "settings": _settings,
}
