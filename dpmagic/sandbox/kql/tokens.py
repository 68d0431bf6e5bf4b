"""The tokens of a query, and the operators that Resource Graph's KQL has and has not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .model import words

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
#: Operators that cut the rows themselves.
LIMITS = frozenset({"limit", "take", "sample"})

#: The texts of a query, as a pattern.
STRINGS = r"""[hH]?(?:@"(?:[^"]|"")*"|@'(?:[^']|'')*'|```.*?```|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
_HYPHENATED = sorted((o for o in OPERATORS | FOREIGN_OPERATORS if "-" in o), key=len, reverse=True)
_TOKEN = re.compile(
    rf"""
    (?P<space>\s+|//[^\n]*)
  | (?P<string>{STRINGS})
  | (?P<word>(?:{"|".join(_HYPHENATED)})\b|[A-Za-z_$][A-Za-z0-9_]*)
  | (?P<number>\d\w*(?:\.\d\w*)*)
  | (?P<mark>==|=~|!=|!~|<=|>=|<>|\.\.|[^\s])
    """,
    re.VERBOSE | re.DOTALL,
)
_OPENING, _CLOSING = ("(", "{", "["), (")", "}", "]")


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


def operators(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Each word that stands where an operator may: the depth of brackets it stands in, and its index."""
    depth, fresh = 0, True
    for index, token in enumerate(tokens):
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if token.kind == "word" and fresh:
            yield depth, index
        fresh = token.text in ("|", "(", ";", "{")


def closing(tokens: Sequence[Token], opened: int) -> int:
    """The index of the bracket that closes the one at an index; the number of tokens when none does.

    >>> closing(tokens("f(a, (b)) | count"), 1)
    7
    """
    depth = 0
    for index in range(opened, len(tokens)):
        depth += (tokens[index].text in _OPENING) - (tokens[index].text in _CLOSING)
        if not depth:
            return index
    return len(tokens)
