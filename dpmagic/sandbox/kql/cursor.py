"""The tokens of a plain query one after the other; see ``plain``, which says what is plain."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn, TypeVar

from duckdb_kql._antlr.KqlLexer import KqlLexer

from .model import words
from .tokens import FOREIGN_OPERATORS, OPERATORS, Token, tokens

#: What the parser takes for more than a name, but where it stands for a column all the same.
_KEYWORDS = frozenset(name.strip("'") for name in KqlLexer.literalNames) | OPERATORS | FOREIGN_OPERATORS
_RESERVED = (_KEYWORDS | words("true false null regex")) - words("id hidden")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_Read = TypeVar("_Read")
END = Token("end", "", -1)


class OtherError(Exception):
    """What comes is not plain."""


def other() -> NoReturn:
    """Say that what comes is not plain."""
    raise OtherError


class Cursor:
    """A place among the tokens of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [*tokens(text), END]
        self._at = 0

    @property
    def peek(self) -> Token:
        """The token that comes; END behind the last."""
        return self._tokens[self._at]

    def next(self) -> Token:
        """The token that comes, which is then behind us."""
        token = self._tokens[self._at]
        self._at += token is not END
        return token

    def skip(self, text: str) -> bool:
        """Whether the next token is this one, which is then behind us."""
        found = self.peek.text == text and self.peek.kind != "string" and bool(text)
        self._at += found
        return found

    def want(self, text: str) -> None:
        """Go past this token, which has to come."""
        if not self.skip(text):
            other()

    def name(self) -> str:
        """A name, or ``['a name']``."""
        token = self.next()
        if token.text == "[" and self.peek.kind == "string":
            name = text(self.next().text)
            self.want("]")
            return name
        if token.kind != "word" or token.text in _RESERVED or not _NAME.fullmatch(token.text):
            other()
        return token.text

    def listed(self, read: Callable[[], _Read]) -> tuple[_Read, ...]:
        """What is read one or more times, with commas between."""
        found = [read()]
        while self.skip(","):
            found.append(read())
        return tuple(found)


def text(written: str) -> str:
    """What a string literal says."""
    if written[0] not in "'\"":
        other()
    if "\\" not in written:
        return written[1:-1]
    return _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1]) or other(), written[1:-1])
