"""The text of a query, before the parser: refused or rewritten, and the way back to where things stand."""

from __future__ import annotations

import re
from bisect import bisect_right

from . import refusals
from .spellings import Edit, Spellings
from .tokens import LIMITS, operators, tokens


class Source:
    """A query's text, the rewritten text, and the way back from the second to the first.

    Raises KqlError for what the text alone shows to be refused.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        refusals.Refusals(text, self.tokens).check()
        self.rewritten, self._edges, self._shifts = _apply(text, Spellings(self.tokens, len(text)).edits())

    @property
    def limited(self) -> bool:
        """Whether the main pipeline cuts its own rows."""
        return bool(self._main_operators() & LIMITS)

    @property
    def grouped(self) -> bool:
        """Whether the main pipeline groups rows."""
        return "summarize" in self._main_operators()

    def locate(self, offset: int) -> tuple[int, int]:
        """Line (1-based) and column (0-based) of an offset into the text."""
        return refusals.locate(self.text, offset)

    def original(self, line: int, column: int) -> int:
        """The offset into the text of a place (1-based, 0-based) in the rewritten text."""
        starts = [0, *(match.end() for match in re.finditer("\n", self.rewritten))]
        offset = min(starts[min(line, len(starts)) - 1] + column, len(self.rewritten))
        return min(max(offset - self._shifts[bisect_right(self._edges, offset) - 1], 0), len(self.text))

    def word_at(self, offset: int) -> str:
        """The token that covers an offset, ``<EOF>`` behind the last one."""
        return next((token.text for token in self.tokens if token.start <= offset < token.end), "<EOF>")

    def find(self, word: str) -> int:
        """The offset of the first use of a piece of text, a whole token first; -1 when there is none."""
        exact = (token.start for token in self.tokens if token.text == word)
        return next(exact, self.text.find(word))

    def _main_operators(self) -> set[str]:
        """The operators of the statement behind the lets, outside brackets."""
        ends = [token.end for token in self.tokens if token.text == ";" and token is not self.tokens[-1]]
        main = ends[-1] if ends else 0
        found = ((depth, self.tokens[index]) for depth, index in operators(self.tokens))
        return {token.text for depth, token in found if not depth and token.start >= main}


def _apply(text: str, edits: list[Edit]) -> tuple[str, list[int], list[int]]:
    """The edited text, and for each stretch of it where it starts and how far it has moved."""
    pieces: list[str] = []
    edges, shifts, done, length = [0], [0], 0, 0
    for start, end, replacement in edits:
        piece = text[done:start] + replacement
        pieces.append(piece)
        length += len(piece)
        done = end
        edges.append(length)
        shifts.append(length - end)
    return "".join([*pieces, text[done:]]), edges, shifts
