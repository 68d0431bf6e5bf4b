"""What a word is made of, and how to write one so that it is read back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from dpmagic.errors import LanguageError

Quote = Literal["", "'", '"']

_NEEDS_NO_QUOTES = re.compile(r"(?!=)[\w./:,=@%+~^*?!(){}\[\]-]+", re.ASCII)
_ESCAPED_IN_DOUBLE_QUOTES = re.compile(r'(["\\$`])')


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a word: literal text, or a reference to a name.

    ``text`` is the literal text with its escapes undone, or the reference as typed (``$name``, ``${name.field[0]}``).
    ``name`` is empty for literal text; ``steps`` are the reference's steps into the value: ``("field", 0)``.
    """

    text: str
    quote: Quote = ""
    name: str = ""
    steps: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where it begins; ``str(word)`` is its text with the quotes undone and names not yet expanded."""

    pieces: tuple[Piece, ...]
    line: int
    column: int

    def __str__(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    def bare(self) -> str:
        """The word's text if it is plain text without quotes or names, else ``""``."""
        first, *rest = self.pieces
        return "" if rest or first.quote or first.name else first.text


def error_at(line: int, column: int, message: str, hint: str) -> LanguageError:
    """The error, not raised, with its place in the text in front (both count from 1)."""
    return LanguageError(f"line {line}, column {column}: {message}", hint)


def quote(word: str) -> str:
    """``word`` as it is typed after a command: an argument that `parse` reads back unchanged.

    >>> quote("TestBkpVault"), quote("O'Brien"), quote("[?a > `1`]"), quote("")
    ('TestBkpVault', '"O\\'Brien"', "'[?a > `1`]'", "''")
    """
    if _NEEDS_NO_QUOTES.fullmatch(word):
        return word
    if "'" not in word:
        return f"'{word}'"
    return '"' + _ESCAPED_IN_DOUBLE_QUOTES.sub(r"\\\1", word) + '"'
