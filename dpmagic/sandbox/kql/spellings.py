"""Spellings that Resource Graph takes and the parser (duckdb-kql) refuses or misreads, and what stands for them.

The edits give equivalent text that survives parsing; ``operators`` and ``special`` give the marked ones their meaning:

- a name that is a keyword to the parser alone is quoted: ``kind`` becomes ``['kind']``
- ``project-keep a`` becomes ``project-away ['project-keep'], a``, and so for ``project-reorder``; wildcards
  become quoted names (``['*Id']``), as do the stars of ``distinct *`` and of ``where * has 'x'``
- ``sample 5`` becomes ``take 5``, and a query that starts with an operator starts at ``resources``
- ``count(x)`` becomes ``count()``; ``arg_max(t, n = x)`` becomes ``arg_max(t, named('n', x))``, else the name is lost
- ``between (a .. b+c)`` becomes ``between ((a) .. (b+c))``, ``on a and b`` of a join ``on a, b``
- ``typeof(int)`` as an argument becomes ``'int'``, ``take n`` behind ``let n = 5`` becomes ``take 5``, and
  ``notcontains`` becomes ``!contains``
- in a key of an order the parser takes ``desc`` and ``asc`` for its direction, within names too: ``description``
  becomes ``['d' 'escription']``
- in a text ``\\u0041``, ``\\U00000041`` and ``\\x41`` become the character that they stand for
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence

from .model import words
from .refusals import KIND_VALUES
from .tokens import LIMITS, OPERATORS, Token, closing, operators

Edit = tuple[int, int, str]

#: Words that the parser reserves and Kusto does not: as columns, and as members of a dynamic.
_SOFT = words("kind title first last date time timeline card others panels")
_SOFT_MEMBERS = _SOFT | words(
    "table flags regex set to of simple relaxed filter sample string int long real double bool boolean decimal "
    "datetime timespan dynamic uniqueid scan serialize find search"
)
_NAMED_ARGUMENTS = frozenset({"arg_max", "arg_min", "take_any", "any"})
_OLD_OPERATORS = {"notcontains": "!contains", "containscs": "contains_cs", "notcontainscs": "!contains_cs"}
_TEXT_OPERATORS = words(
    "has has_cs hasprefix hassuffix contains contains_cs startswith endswith has_any has_all matches"
)
_DIRECTION, _DIRECTIONS = re.compile("(?i)desc|asc"), words("asc desc ascending descending")
#: A character by its number, or any other that a backslash stands before.
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|.)", re.DOTALL)
#: How the parser wants the characters that cannot stand for themselves.
_ESCAPED = {"\0": "\\0", "'": "\\'", '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r"}


def _character(escape: re.Match[str]) -> str:
    number = next(filter(None, escape.groups()), "")
    if not number or int(number, 16) > sys.maxunicode:
        return escape[0]
    return _ESCAPED.get(chr(int(number, 16)), chr(int(number, 16)))


class Spellings:
    """The edits of one query's tokens."""

    def __init__(self, tokens: Sequence[Token], length: int) -> None:
        self._tokens = tokens
        self._length = length

    def edits(self) -> list[Edit]:
        """Start, end and replacement of each piece of text to change, in order."""
        first = self._tokens[0] if self._tokens else None
        start = [(0, 0, "resources | ")] if first and first.text in OPERATORS and first.text != "union" else []
        found = [*start, *self._soft_words(), *self._operators(), *self._named_arguments(), *self._functions()]
        return sorted([*found, *self._ranges(), *self._words(), *self._texts(), *self._keys()])

    def _at(self, index: int) -> str:
        return self._tokens[index].text if 0 <= index < len(self._tokens) else ""

    def _soft_words(self) -> Iterator[Edit]:
        """Quote the names that the parser takes for keywords."""
        for index, token in enumerate(self._tokens):
            if token.text not in _SOFT_MEMBERS:
                continue
            before, after = self._at(index - 1), self._at(index + 1).lower()
            if before == ".":
                if self._at(index - 2) not in ("$left", "$right", "hint"):
                    yield self._tokens[index - 1].start, token.end, f"['{token.text}']"
            elif token.text in _SOFT and after != "(" and before != "nulls":
                option = token.text == "kind" and after == "=" and self._at(index + 2).lower() in KIND_VALUES
                if not option:
                    yield token.start, token.end, f"['{token.text}']"

    def _keys(self) -> Iterator[Edit]:
        """Break the names in keys of an order that have a direction within."""
        for _, index in operators(self._tokens):
            if self._at(index) in ("order", "sort", "top"):
                yield from self._broken(index + 1)

    def _broken(self, start: int) -> Iterator[Edit]:
        depth = 0
        for index, token in enumerate(self._tokens[start:], start):
            depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
            if token.text in ("|", ";") or depth < 0:
                return
            named = token.kind == "word" and self._at(index + 1) != "(" and token.text not in _DIRECTIONS
            if named and (at := _DIRECTION.search(token.text)):
                begins = self._tokens[index - 1].start if self._at(index - 1) == "." else token.start
                cut = at.start() + 1
                yield begins, token.end, f"['{token.text[:cut]}' '{token.text[cut:]}']"

    def _operators(self) -> Iterator[Edit]:
        for _, index in operators(self._tokens):
            token = self._tokens[index]
            if token.text == "sample":
                yield token.start, token.end, "take"
            elif token.text in ("project-keep", "project-reorder"):
                yield token.start, token.end, f"project-away ['{token.text}'],"
            if token.text in ("project-away", "project-keep", "project-reorder", "distinct"):
                yield from self._wildcards(index + 1)

    def _wildcards(self, index: int) -> Iterator[Edit]:
        """Quote each name of a list that holds a star, and its order if it has one: ``['a* desc']``."""
        item: list[Token] = []
        for token in [*self._tokens[index:], Token("mark", "|", self._length)]:
            if token.text in (",", "|", ")", ";"):
                words = [part.text for part in item]
                ordered = words[-1:] in (["asc"], ["desc"])
                if ("*" in words or ordered) and "(" not in words:
                    name = "".join(words[:-1]) + " " + words[-1] if ordered else "".join(words)
                    yield item[0].start, item[-1].end, f"['{name}']"
                if token.text != ",":
                    return
                item = []
            else:
                item.append(token)

    def _functions(self) -> Iterator[Edit]:
        """Empty ``count(type)``, which counts rows like ``count()``; quote ``typeof(int)`` among arguments."""
        for index, token in enumerate(self._tokens):
            if token.text == "count" and self._at(index + 1) == "(":
                end = closing(self._tokens, index + 1)
                if end < len(self._tokens):
                    yield self._tokens[index + 1].end, self._tokens[end].start, ""
            elif token.text == "typeof" and self._at(index - 1) == ",":
                end = closing(self._tokens, index + 1)
                if end < len(self._tokens):
                    yield token.start, self._tokens[end].end, f"'{self._at(index + 2)}'"

    def _ranges(self) -> Iterator[Edit]:
        """Brackets around both ends of ``between``, which the parser takes for single values."""
        for index, token in enumerate(self._tokens):
            end = closing(self._tokens, index + 1)
            if token.text != "between" or self._at(index + 1) != "(" or end == len(self._tokens):
                continue
            depth = 0
            for inner in self._tokens[index + 2 : end]:
                depth += (inner.text in ("(", "[", "{")) - (inner.text in (")", "]", "}"))
                if inner.text == ".." and not depth:
                    yield self._tokens[index + 1].end, self._tokens[index + 1].end, "("
                    yield inner.start, inner.end, ") .. ("
                    yield self._tokens[end].start, self._tokens[end].start, ")"

    def _words(self) -> Iterator[Edit]:
        """Old operators, the star of ``where * has 'x'``, and limits that a let holds."""
        numbers = {
            self._at(index + 1): self._at(index + 3)
            for index, token in enumerate(self._tokens)
            if (token.text, self._at(index + 2), self._at(index + 4)) == ("let", "=", ";")
            and self._at(index + 3).isdecimal()
        }
        keys = False
        for index, token in enumerate(self._tokens):
            before, after = self._at(index - 1), self._at(index + 1)
            keys = token.text == "on" or (keys and token.text not in ("|", ")", ";"))
            if keys and token.text == "and":
                yield token.start, token.end, ","
            elif token.text in _OLD_OPERATORS:
                yield token.start, token.end, _OLD_OPERATORS[token.text]
            elif token.text == "*" and after in _TEXT_OPERATORS and before in ("where", "and", "or", "("):
                yield token.start, token.end, "['*']"
            elif before in LIMITS | {"top"} and token.text in numbers:
                yield token.start, token.end, numbers[token.text]

    def _texts(self) -> Iterator[Edit]:
        """Characters by their numbers.  In what is dynamic ``"..."`` is JSON's, and is read as such."""
        json = 0
        for index, token in enumerate(self._tokens):
            if token.text == "dynamic" and self._at(index + 1) == "(":
                json = closing(self._tokens, index + 1)
            if token.kind != "string" or token.text.lstrip("hH")[0] not in ("'" if index < json else "\"'"):
                continue
            if (written := _ESCAPE.sub(_character, token.text)) != token.text:
                # Halves of a pair come together, and one alone is in no encoding.
                yield token.start, token.end, written.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _named_arguments(self) -> Iterator[Edit]:
        for index, token in enumerate(self._tokens[:-1]):
            if token.text in _NAMED_ARGUMENTS and self._at(index + 1) == "(":
                yield from self._names_of(index + 2)

    def _names_of(self, index: int) -> Iterator[Edit]:
        depth, fresh, open_name = 0, True, False
        for place in range(index, len(self._tokens)):
            token = self._tokens[place]
            if depth == 0 and token.text in (",", ")"):
                if open_name:
                    yield token.start, token.start, ")"
                if token.text == ")":
                    return
                fresh, open_name = True, False
                continue
            if fresh and token.kind == "word" and self._at(place + 1) == "=":
                yield token.start, self._tokens[place + 1].end, f"named('{token.text}',"
                open_name = True
            fresh = False
            depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
