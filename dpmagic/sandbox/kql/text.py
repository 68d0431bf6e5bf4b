"""The text of a query, before the parser: tokens, the few spellings the parser lacks, and where things stand.

The parser (duckdb-kql) refuses or misreads a handful of spellings that Resource Graph takes. They are
rewritten to equivalent ones that survive parsing; ``operators`` gives the marked ones their meaning:

- a name that is a keyword to the parser alone is quoted: ``kind`` becomes ``['kind']``
- ``project-keep a`` becomes ``project-away ['project-keep'], a``, and so for ``project-reorder``; wildcards
  become quoted names (``['*Id']``), as does the star of ``distinct *``
- ``sample 5`` becomes ``take 5``, and a query that starts with an operator starts at ``resources``
- ``count(x)`` becomes ``count()``; ``arg_max(t, n = x)`` becomes ``arg_max(t, named('n', x))``, else the name is lost
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from .model import KqlError, outside_language, words

#: Resource Graph's tabular operators: those it lists, and those that published Resource Graph queries use.
OPERATORS = words(
    "count distinct extend join limit lookup mv-expand mvexpand order parse project project-away project-keep "
    "project-rename project-reorder sample sort summarize take top union where"
)
#: Kusto's operators outside that list.
FOREIGN_OPERATORS = words(
    "as consume evaluate facet filter find fork getschema graph-match graph-to-table invoke macro-expand "
    "make-graph make-series mv-apply parse-kv parse-where partition print range reduce render "
    "sample-distinct scan search serialize top-hitters top-nested externaldata datatable"
)
JOIN_KINDS = frozenset({"innerunique", "inner", "leftouter", "fullouter"})
MAX_JOINS = 3
MAX_MV_EXPANDS = 3

_LIMITS = frozenset({"limit", "take", "sample"})
_KIND_VALUES = words(
    "innerunique inner leftouter rightouter fullouter leftanti rightanti anti leftsemi rightsemi leftantisemi "
    "rightantisemi outer array bag simple regex relaxed"
)
#: Words that the parser reserves and Kusto does not: as columns, and as members of a dynamic.
_SOFT = words("kind title first last date time timeline card others panels")
_SOFT_MEMBERS = _SOFT | words(
    "table flags regex set to of simple relaxed filter sample string int long real double bool boolean decimal "
    "datetime timespan dynamic uniqueid scan serialize find search"
)
_NAMED_ARGUMENTS = frozenset({"arg_max", "arg_min", "take_any", "any"})
_HYPHENATED = sorted((o for o in OPERATORS | FOREIGN_OPERATORS if "-" in o), key=len, reverse=True)

_TOKEN = re.compile(
    rf"""
    (?P<space>\s+|//[^\n]*)
  | (?P<string>[hH]?(?:@"(?:[^"]|"")*"|@'(?:[^']|'')*'|```.*?```|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
  | (?P<word>(?:{"|".join(_HYPHENATED)})\b|[A-Za-z_$][A-Za-z0-9_]*)
  | (?P<number>\d[\w.]*)
  | (?P<mark>==|=~|!=|!~|<=|>=|<>|\.\.|[^\s])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A piece of the query: what it is, its text and where it starts."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def tokens(text: str) -> list[Token]:
    """The tokens of a query without spaces and comments.

    >>> [token.text for token in tokens("resources | where a-b == 'x' // done")]
    ['resources', '|', 'where', 'a', '-', 'b', '==', "'x'"]
    """
    found = (Token(str(match.lastgroup), match.group(), match.start()) for match in _TOKEN.finditer(text))
    return [token for token in found if token.kind != "space"]


class Source:
    """A query's text, the rewritten text, and the way back from the second to the first."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self._check_brackets()
        self._check_operators()
        self._check_joins()
        self._check_predicates()
        self.rewritten, self._edges, self._shifts = _apply(text, sorted(self._edits()))

    @property
    def limited(self) -> bool:
        """Whether the main pipeline cuts its own rows."""
        ends = [token.end for token in self.tokens if token.text == ";" and token is not self.tokens[-1]]
        main = ends[-1] if ends else 0
        return any(not depth and t.start >= main and t.text in _LIMITS for depth, t in self._operators())

    def locate(self, offset: int) -> tuple[int, int]:
        """Line (1-based) and column (0-based) of an offset into the text."""
        line = self.text.count("\n", 0, offset)
        return line + 1, offset - (self.text.rfind("\n", 0, offset) + 1)

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

    def _operators(self) -> Iterator[tuple[int, Token]]:
        """Each operator with the depth of brackets that it stands in."""
        depth, fresh = 0, True
        for token in self.tokens:
            if token.text in ("(", "{", "["):
                depth += 1
            elif token.text in (")", "}", "]"):
                depth -= 1
            elif token.kind == "word" and fresh:
                yield depth, token
            fresh = token.text in ("|", "(", ";", "{")

    def failure(self, token: Token | None, expected: str) -> KqlError:
        """A ``ParserFailure`` at a token, or at the end of the query."""
        line, column = self.locate(len(self.text) if token is None else token.start)
        text = "<EOF>" if token is None else token.text
        return KqlError("ParserFailure", "ParserFailure", line=line, position=column, token=text, expected=expected)

    def _check_brackets(self) -> None:
        closers = {"(": ")", "[": "]", "{": "}"}
        wanted: list[str] = []
        for token in self.tokens:
            if token.text in closers:
                wanted.append(closers[token.text])
            elif token.text in closers.values() and (not wanted or wanted.pop() != token.text):
                raise self.failure(token, "<EOF>")
            elif token.text in ("'", '"'):
                raise self.failure(token, token.text)
        if wanted:
            raise self.failure(None, wanted[-1])

    def _check_operators(self) -> None:
        for index, token in enumerate(self.tokens):
            previous = self.tokens[index - 1].text if index else "|"
            following = self.tokens[index + 1].text if index + 1 < len(self.tokens) else ""
            word = token.text.lower()
            if previous == "|" and index and word not in OPERATORS | FOREIGN_OPERATORS:
                raise self.failure(token, "where")
            if token.kind != "word" or word not in FOREIGN_OPERATORS:
                continue
            if previous == "|" or (previous in ("(", ";", "=") and following not in (".", ",", ")", "==", "=~")):
                if word == "range" and following == "(":
                    continue
                raise outside_language(token.text)

    def _check_joins(self) -> None:
        words = [token.text for _, token in self._operators()]
        if words.count("join") + words.count("lookup") + words.count("union") > MAX_JOINS:
            raise KqlError(
                "DisallowedMaxNumberOfJoinsOrUnions", f"A query may hold {MAX_JOINS} join or union together."
            )
        if words.count("mv-expand") + words.count("mvexpand") > MAX_MV_EXPANDS:
            raise KqlError("DisallowedMaxNumberOfMvExpands", f"A query may hold {MAX_MV_EXPANDS} mv-expand.")
        for before, equals, value in zip(self.tokens, self.tokens[1:], self.tokens[2:], strict=False):
            kind = value.text.lower()
            if (before.text, equals.text) == ("kind", "=") and kind in _KIND_VALUES and self._joins(before):
                if kind in JOIN_KINDS:
                    continue
                raise self.failure(value, "inner")

    def _check_predicates(self) -> None:
        """``where type = 'x'`` is a slip that the parser would read as a name for the value."""
        depth, opened = 0, None
        for token in self.tokens:
            depth += (token.text in ("(", "{", "[")) - (token.text in (")", "}", "]"))
            if opened is not None and token.text == "=":
                raise self.failure(token, "==")
            if token.text == "where":
                opened = depth
            elif token.text in ("|", ";") or (opened is not None and depth < opened):
                opened = None

    def _joins(self, kind: Token) -> bool:
        """Whether this ``kind`` belongs to a join or lookup, with hints allowed between."""
        before = [token.text for token in self.tokens if token.start < kind.start]
        for word in reversed(before):
            if word in ("join", "lookup"):
                return True
            if word in ("|", "(", ")", "union", "mv-expand", "parse"):
                return False
        return False

    def _edits(self) -> Iterator[tuple[int, int, str]]:
        first = self.tokens[0] if self.tokens else None
        if first is not None and first.text in OPERATORS and first.text != "union":
            yield 0, 0, "resources | "
        yield from self._soft_words()
        yield from self._operator_edits()
        yield from self._named_arguments()
        yield from self._counted()

    def _soft_words(self) -> Iterator[tuple[int, int, str]]:
        """Quote the names that the parser takes for keywords."""
        for index, token in enumerate(self.tokens):
            if token.text not in _SOFT_MEMBERS:
                continue
            before = self.tokens[index - 1] if index else None
            rest = [following.text.lower() for following in self.tokens[index + 1 : index + 3]]
            if before is not None and before.text == ".":
                if self.tokens[index - 2].text not in ("$left", "$right", "hint"):
                    yield before.start, token.end, f"['{token.text}']"
            elif token.text in _SOFT and rest[:1] != ["("] and (before is None or before.text != "nulls"):
                parameter = token.text == "kind" and rest[:1] == ["="] and rest[1:] and rest[1] in _KIND_VALUES
                if not parameter:
                    yield token.start, token.end, f"['{token.text}']"

    def _operator_edits(self) -> Iterator[tuple[int, int, str]]:
        places = {token.start: index for index, token in enumerate(self.tokens)}
        for _, token in self._operators():
            if token.text == "sample":
                yield token.start, token.end, "take"
            elif token.text in ("project-keep", "project-reorder"):
                yield token.start, token.end, f"project-away ['{token.text}'],"
            if token.text in ("project-away", "project-keep", "project-reorder", "distinct"):
                yield from self._wildcards(places[token.start] + 1)

    def _wildcards(self, index: int) -> Iterator[tuple[int, int, str]]:
        """Quote each name of a list that holds a star, and its order if it has one: ``['a* desc']``."""
        item: list[Token] = []
        for token in [*self.tokens[index:], Token("mark", "|", len(self.text))]:
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

    def _counted(self) -> Iterator[tuple[int, int, str]]:
        """Empty ``count(type)``, which counts rows like ``count()`` and which the parser reads as a call of type."""
        for index, token in enumerate(self.tokens[:-2]):
            if token.text == "count" and self.tokens[index + 1].text == "(":
                depth = 0
                for inner in self.tokens[index + 1 :]:
                    depth += (inner.text == "(") - (inner.text == ")")
                    if not depth:
                        yield self.tokens[index + 1].end, inner.start, ""
                        break

    def _named_arguments(self) -> Iterator[tuple[int, int, str]]:
        for index, token in enumerate(self.tokens[:-1]):
            if token.text in _NAMED_ARGUMENTS and self.tokens[index + 1].text == "(":
                yield from self._names_of(index + 2)

    def _names_of(self, index: int) -> Iterator[tuple[int, int, str]]:
        depth, fresh, open_name = 0, True, False
        for place in range(index, len(self.tokens)):
            token = self.tokens[place]
            if depth == 0 and token.text in (",", ")"):
                if open_name:
                    yield token.start, token.start, ")"
                if token.text == ")":
                    return
                fresh, open_name = True, False
                continue
            if fresh and token.kind == "word" and self.tokens[place + 1].text == "=":
                yield token.start, self.tokens[place + 1].end, f"named('{token.text}',"
                open_name = True
            fresh = False
            depth += (token.text in ("(", "[")) - (token.text in (")", "]"))


def _apply(text: str, edits: list[tuple[int, int, str]]) -> tuple[str, list[int], list[int]]:
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
