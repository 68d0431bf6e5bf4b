"""``$name``: from words to the words that a command gets.  Names are looked up, never evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dpmagic.errors import LanguageError, did_you_mean
from dpmagic.language.fields import NoField, field
from dpmagic.language.values import is_keyed, items, to_text
from dpmagic.language.words import Piece, Word, error_at


def expand(words: Iterable[Word], names: Mapping[str, Any]) -> list[str]:
    """The words with every name replaced by its value.

    A value never splits a word, whatever is in it.  A word that is nothing but ``$name`` spreads a list (any iterable:
    list, tuple, set, Series, Index, array) into as many words as it has items, an empty one into none.
    ``${name.field}`` is a key of a mapping, a column of a DataFrame (its value when there is one row, else the list of
    them) or an attribute; ``${name[0]}`` and ``${name.0}`` are an item or a row.  `values.to_text` says how each kind
    of value is written.

    Raises `LanguageError`, with the line and column of the word, for a name or field that is not there, a value that
    is None, and a list inside a longer word or in quotes.  No message shows a value.

    >>> from dpmagic.language import parse
    >>> statement, = parse('vault show -g $rg --ids $ids -n "${rg}-x"')
    >>> expand(statement.words, {"rg": "prod; rm", "ids": ["a", "b"]})
    ['vault', 'show', '-g', 'prod; rm', '--ids', 'a', 'b', '-n', 'prod; rm-x']
    """
    expanded: list[str] = []
    for word in words:
        lone = _lone(word)
        spread = items(_look_up(lone, word, names)) if lone else None
        if lone and spread is not None:
            expanded += [_text(part, f"an item of {lone.text}", word) for part in spread]
        else:
            expanded.append(_join(word, names))
    return expanded


def expand_value(word: Word, names: Mapping[str, Any]) -> Any:
    """What an assignment stores: for a lone ``$name`` the object itself, else the text of the word."""
    lone = _lone(word)
    return _look_up(lone, word, names) if lone else _join(word, names)


def _lone(word: Word) -> Piece | None:
    """The reference that is all of the word, if so; quotes ask for one word, so a quoted one is not lone."""
    first, *rest = word.pieces
    return first if first.name and not first.quote and not rest else None


def _join(word: Word, names: Mapping[str, Any]) -> str:
    parts: list[str] = []
    for piece, following in zip(word.pieces, (*word.pieces[1:], None), strict=True):
        if not piece.name:
            parts.append(piece.text)
            continue
        value = _look_up(piece, word, names)
        _check_in_word(piece, following, value, word)
        parts.append(_text(value, piece.text, word))
    return "".join(parts)


def _check_in_word(piece: Piece, following: Piece | None, value: Any, word: Word) -> None:
    """Refuse what cannot be part of a longer word, and ``$name.field`` where ``${name.field}`` was meant."""
    name = piece.text.removeprefix("$").strip("{}")
    if items(value) is not None:
        hint = f"write {piece.text} on its own, without quotes, to spread it, or ${{{name}[0]}} for one item"
        raise _error(word, f"{piece.text} is a list and cannot be part of a word", hint)
    after = following.text if following and not following.name else ""
    if is_keyed(value) and after[:1] == "." and after[1:2].isalpha():
        message = f"{piece.text} is a {type(value).__name__} and cannot be part of a word"
        raise _error(word, message, f"for a field write ${{{name}.field}}")


def _look_up(piece: Piece, word: Word, names: Mapping[str, Any]) -> Any:
    name = piece.name
    if name not in names:
        known = [other for other in names if isinstance(other, str) and not other.startswith("_")]
        otherwise = f'set it first ({name} = "text"), or write $$ for a dollar'
        raise _error(word, f"there is no name {name}", did_you_mean(name, known, otherwise))
    try:
        return field(names[name], piece.steps)
    except NoField as error:
        hint = did_you_mean(error.step, error.known, f"look at {name} in a Python cell")
        raise _error(word, f"{piece.text} leads nowhere: there is no {error.step}", hint) from None


def _text(value: Any, what: str, word: Word) -> str:
    try:
        return to_text(value)
    except LanguageError as error:
        raise _error(word, f"{what} {error.message}", error.hint) from None


def _error(word: Word, message: str, hint: str) -> LanguageError:
    return error_at(word.line, word.column, message, hint)
