"""What could stand where the cursor is in a query: tables, operators, columns, functions, paths below ``properties``.

From the text before the cursor alone; nothing is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from dpmagic.graph.tokens import Token, tokens
from dpmagic.graph.vocabulary import COLUMNS, FUNCTIONS, OPERATORS, PROPERTIES, TABLE_OF, TABLES

_OPEN_QUOTE = re.compile(r"(?:'(?:[^'\\\n]|\\.)*|\"(?:[^\"\\\n]|\\.)*)\Z")
_FRAGMENT = re.compile(r"\$?\{?[\w.-]*\Z")
_KINDS = ("inner", "innerunique", "leftouter", "fullouter")
_ORDERS = ("asc", "desc")
# What one types behind some operators before anything else.
_NEXT = {"order": ("by",), "sort": ("by",), "kind=": _KINDS}


@dataclass(frozen=True)
class Candidate:
    """Something to type in place of the fragment."""

    text: str
    type: Literal["table", "operator", "column", "function", "property", "type", "name", "value"]


def candidates(text: str, names: Iterable[str] = ()) -> tuple[str, list[Candidate]]:
    """The end of ``text`` that would be replaced, and what could stand there, the likeliest first.

    ``names`` are what ``$`` may stand before.  Never raises, whatever the text.

    >>> [one.text for one in candidates("recov")[1]]
    ['recoveryservicesresources']
    >>> candidates("resources | where type =~ 'microsoft.compute/disks' | project properties.diskSt")[1][0].text
    'properties.diskState'
    """
    read = tokens(text)
    if (quoted := _open_quote(text, read)) is not None:
        return quoted, [Candidate(one, "type") for one in TABLE_OF if one.startswith(quoted.lower())]
    found = _FRAGMENT.search(text)
    fragment = found.group() if found else ""
    if _in_comment(text):
        return fragment, []
    before = [token for token in read if token.start < len(text) - len(fragment)]
    if fragment.startswith("$"):
        return fragment, _dollars(fragment, names)
    fragment = fragment.rpartition("-")[2] if _spelled(before) != "|" else fragment
    fitting = [one for one in _all(before, read) if one.text.lower().startswith(fragment.lower())]
    return fragment, fitting


def _in_comment(text: str) -> bool:
    line = text.rpartition("\n")[2]
    marker = next((match.start() for match in re.finditer("//", line)), None)
    return marker is not None and not any(
        token.kind == "string" and token.start <= marker < token.end for token in tokens(line)
    )


def _open_quote(text: str, read: Sequence[Token]) -> str | None:
    """What was typed since a quote that is still open."""
    line = text.rpartition("\n")[2]
    at = len(text) - len(line)
    last = [token for token in read if token.kind == "mark" and token.text in ("'", '"') and token.start >= at]
    if not last or not _OPEN_QUOTE.match(text, last[0].start):
        return None
    return text[last[0].start + 1 :]


def _spelled(before: Sequence[Token]) -> str:
    return before[-1].text if before else ""


def _all(before: Sequence[Token], read: Sequence[Token]) -> list[Candidate]:
    """Everything that may stand behind these tokens."""
    last = _spelled(before)
    if last in ("", ";", "union") or (last == "(" and _behind_join(before)) or _in_union(before):
        return [Candidate(one, "table") for one in [*_lets(before), *TABLES]]
    if last == "|":
        return [Candidate(one, "operator") for one in OPERATORS]
    two = "".join(token.text for token in before[-2:])
    if following := _NEXT.get(two) or _NEXT.get(last):
        return [Candidate(one, "value") for one in following]
    columns = dict.fromkeys([*_made(before), *COLUMNS])
    found = [Candidate(one, "table") for one in TABLES] if last == "=" and _lets(before[-3:]) else []
    found += [Candidate(one, "column") for one in columns]
    if before[-1].kind == "word" and _operator(before) in ("order", "sort", "top") and last not in ("by", "order"):
        return [Candidate(one, "value") for one in _ORDERS]
    found += [Candidate(f"properties.{path}", "property") for path in _paths(read)]
    return found + [Candidate(f"{one}(", "function") for one in FUNCTIONS]


def _behind_join(before: Sequence[Token]) -> bool:
    words = [token.text for token in before[-7:-1]]
    return "join" in words[-1:] or ("kind" in words and "join" in words) or "union" in words[-1:]


def _in_union(before: Sequence[Token]) -> bool:
    """Whether the cursor is behind a comma of a union's tables."""
    words = [token.text for token in before]
    start = max((place for place, text in enumerate(words) if text in ("|", ";", "union")), default=-1)
    return words[-1:] == [","] and words[start : start + 1] == ["union"]


def _lets(before: Sequence[Token]) -> list[str]:
    """The names that the query has given by ``let``."""
    return [one.text for let, one in pairwise(before) if let.text == "let" and one.kind == "word"]


def _operator(before: Sequence[Token]) -> str:
    """The operator that the cursor is behind."""
    for token, after in zip(reversed(before[:-1]), reversed(before[1:]), strict=True):
        if token.text == "|":
            return after.text
    return ""


def _made(before: Sequence[Token]) -> list[str]:
    """The columns that the query has made so far."""
    return [one.text for one, after in pairwise(before) if one.kind == "word" and after.text == "="]


def _paths(read: Sequence[Token]) -> list[str]:
    """The paths below ``properties`` of the types that the query names, else of those in its tables."""
    texts = {token.text.strip("'\"").lower() for token in read if token.kind == "string"}
    types = [one for one in PROPERTIES if one in texts]
    if not types:
        words = {token.text.lower() for token in read if token.kind == "word"}
        types = [one for one, table in TABLE_OF.items() if table in words and one in PROPERTIES]
    return list(dict.fromkeys(path for one in types for path in PROPERTIES[one]))


def _dollars(fragment: str, names: Iterable[str]) -> list[Candidate]:
    before, after = ("${", "}") if fragment.startswith("${") else ("$", "")
    typed = fragment[len(before) :]
    every = [*(() if before == "${" else ("left", "right")), *sorted(names)]
    found = [one for one in every if one.startswith(typed) and not one.startswith("_")]
    return [Candidate(f"{before}{one}{after}", "name") for one in found]
