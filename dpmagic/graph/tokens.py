"""The tokens of KQL, as far as they have to be known here: what is text, what is comment, and where a word stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n\r]*)
  | (?P<string>[hH]?(?:@"(?:[^"]|"")*"|@'(?:[^']|'')*'|```.*?```|~~~.*?~~~|"(?:\\.|[^"\\\n\r])*"|'(?:\\.|[^'\\\n\r])*'))
  | (?P<name>\$\{\w+\}|\$\w+)
  | (?P<word>[A-Za-z_]\w*(?:-(?:away|keep|rename|reorder|expand|apply|series|kv|where|distinct|hitters|nested|match|
        graph|to-table)\b)*)
  | (?P<number>\d\w*(?:\.\d\w*)*)
  | (?P<mark>==|=~|=>|!=|!~|<=|>=|<>|\.\.|\S)
    """,
    re.VERBOSE | re.DOTALL,
)
OPENING, CLOSING = ("(", "[", "{"), (")", "]", "}")


class Token(NamedTuple):
    """A piece of a query: ``kind`` is string, name (``$x``), word, number or mark; ``start`` counts from 0."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)


@lru_cache(maxsize=64)  # each question about a query begins here
def tokens(kql: str) -> tuple[Token, ...]:
    """The tokens of a query, without spaces and comments.

    >>> [token.text for token in tokens("resources | where a-b == '|' // $done")]
    ['resources', '|', 'where', 'a', '-', 'b', '==', "'|'"]
    """
    found = (Token(str(match.lastgroup), match.group(), match.start()) for match in _TOKEN.finditer(kql))
    return tuple(token for token in found if token.kind != "space")


def operators(kql: str) -> Iterator[tuple[int, Token]]:
    """Each word that stands where an operator or a table may, with how many brackets it stands in.

    >>> [(depth, token.text) for depth, token in operators("resources | join (disks | count) on id | take 3")]
    [(0, 'resources'), (0, 'join'), (1, 'disks'), (1, 'count'), (0, 'take')]
    """
    depth, fresh = 0, True
    for token in tokens(kql):
        depth += (token.text in OPENING) - (token.text in CLOSING)
        if fresh and token.kind == "word":
            yield depth, token
        fresh = token.text in ("|", "(", ";", "{")


def outside_brackets(kql: str) -> list[str]:
    """The operators of all statements outside brackets, those of lets too, in order, in lower case."""
    return [token.text.lower() for depth, token in operators(kql) if not depth]


def top_level(kql: str) -> list[str]:
    """The operators of the query's last statement outside brackets, in order, in lower case; its table first."""
    last = max((token.start for token in tokens(kql) if token.text == ";"), default=-1)
    return [token.text.lower() for depth, token in operators(kql) if not depth and token.start > last]
