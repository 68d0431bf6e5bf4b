"""A query as it was typed and as it is sent, and where a place of the one is in the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dpmagic.graph.literals import literal
from dpmagic.graph.tokens import CLOSING, OPENING, Token, tokens

Edit = tuple[int, int, str]
"""From where to where, and what stands there instead."""


@dataclass(frozen=True)
class Text:
    """``typed`` with ``edits`` made: they do not overlap, and are in order."""

    typed: str
    edits: tuple[Edit, ...] = ()

    @property
    def sent(self) -> str:
        """The query that is sent."""
        parts, at = [], 0
        for start, end, new in self.edits:
            parts += [self.typed[at:start], new]
            at = end
        return "".join([*parts, self.typed[at:]])

    def typed_at(self, line: int, position: int) -> int | None:
        """Where in ``typed`` it is what is at a line (from 1) and position (from 0) of ``sent``; None beyond its end.

        >>> Text("where a == $x and b", ((11, 13, "'long'"),)).typed_at(1, 22)
        18
        """
        lines = self.sent.splitlines(keepends=True)
        if not 0 < line <= len(lines) + 1 or position < 0:
            return None
        at = sum(map(len, lines[: line - 1])) + position
        for start, end, new in self.edits:
            if at < start:
                break
            if at < start + len(new):
                return start
            at += (end - start) - len(new)
        return min(at, len(self.typed))


def frozen(kql: str, now: datetime) -> list[Edit]:
    """The edits that bind ``now()`` and ``ago()`` to one instant, so that all pages and batches mean the same time.

    >>> from datetime import UTC
    >>> Text(kql := "x | where t > ago(1d)", tuple(frozen(kql, datetime(2024, 1, 1, tzinfo=UTC)))).sent
    'x | where t > (datetime(2024-01-01T00:00:00.0000000Z) - (1d))'
    """
    found, edits = tokens(kql), []
    for index, token in enumerate(found[:-1]):
        before = found[index - 1].text if index else ""
        if token.kind != "word" or token.text not in ("now", "ago") or found[index + 1].text != "(" or before == ".":
            continue
        last = _closing(found, index + 1)
        if last is None:
            continue
        if last > index + 2:
            sign = "-" if token.text == "ago" else "+"
            edits += [(token.start, token.end, f"({literal(now)} {sign} "), (found[last].end, found[last].end, ")")]
        elif token.text == "now":
            edits.append((token.start, found[last].end, literal(now)))
    return sorted(edits)


def _closing(found: Sequence[Token], opened: int) -> int | None:
    depth = 0
    for index in range(opened, len(found)):
        depth += (found[index].text in OPENING) - (found[index].text in CLOSING)
        if not depth:
            return index
    return None
