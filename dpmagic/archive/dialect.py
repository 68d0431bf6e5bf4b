"""KQL as Resource Graph takes it, spelled as duckdb-kql takes it; and what to write where it cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dpmagic.archive.additions import MOST
from dpmagic.graph.refusals import instead
from dpmagic.graph.tokens import CLOSING, OPENING, Token, operators, tokens

# Names of columns to Kusto, keywords to the parser.
_NAMES = frozenset({"first", "last", "kind", "title", "date", "time", "timeline", "card", "others", "panels"})
_KINDS = frozenset(
    {"inner", "innerunique", "leftouter", "rightouter", "fullouter", "outer"}
    | {"anti", "leftanti", "leftantisemi", "rightanti", "leftsemi", "rightsemi"}
)

_GATHERING = {
    "make_list": ("make_list", 1), "makelist": ("make_list", 1), "make_list_if": ("make_list_if", 2),
    "make_set": ("make_set", 1), "makeset": ("make_set", 1), "make_set_if": ("make_set_if", 2),
}  # fmt: skip
_VERBATIM = re.compile(r"""[hH]?(?:@|```|~~~)""")
_DIRECTION = re.compile("(?i)desc|asc")
_DIRECTIONS = frozenset({"asc", "desc", "ascending", "descending"})
_NUMBERED = re.compile(r"\\(?:(?P<number>u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2})|.)", re.DOTALL)

_INSTEAD = {
    "percentiles_array": "percentile(x, 50), percentile(x, 95)",
    "percentilesw": "percentile(x, 50) without weights, or numpy.quantile in pandas",
    "sample": "take",
    "make_bag": "make_list(), and a dict of it in pandas",
    "make_bag_if": "make_list(), and a dict of it in pandas",
    "bin_at": "bin(x - offset, 1d) + offset",
    "buildschema": "take one row and look at its columns",
}


def spelled(kql: str) -> str:
    """The query with its `percentiles` one by one, and names that the parser takes for keywords in quotes.

    >>> spelled("jobs | summarize percentiles(durationSeconds, 50, 95), last = max(endTime) by time")
    "jobs | summarize percentile_durationSeconds_50 = percentile(durationSeconds, 50), \
percentile_durationSeconds_95 = percentile(durationSeconds, 95), ['last'] = max(endTime) by ['time']"
    """
    made, done = [], 0
    found = tokens(kql)
    for start, end, text in sorted(
        [*_percentiles(kql, found), *_quoted(found), *_at_most(kql, found), *_texts(found), *_keys(kql)]
    ):
        if start >= done:
            made += [kql[done:start], text]
            done = end
    return "".join([*made, kql[done:]])


def advice(construct: str) -> str:
    """What to write in place of what duckdb-kql does not run, which it calls ``aggregate:minif``."""
    name = construct.rpartition(":")[2].lower()
    return f"write {_INSTEAD[name]}" if name in _INSTEAD else instead().get(name, "read the table and go on in pandas")


def _quoted(found: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    for index, token in enumerate(found):
        before, after = (found[at].text if 0 <= at < len(found) else "" for at in (index - 1, index + 1))
        if token.kind != "word" or token.text not in _NAMES or after == "(" or before == "nulls":
            continue
        if token.text == "kind" and after == "=" and index + 2 < len(found) and found[index + 2].text in _KINDS:
            continue
        if before == ".":
            yield found[index - 1].start, token.end, f"['{token.text}']"
        else:
            yield token.start, token.end, f"['{token.text}']"


def _at_most(kql: str, found: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """The names of aggregates that are told how many values to gather, which are others then."""
    for index, token in enumerate(found[:-1]):
        if (plain := _GATHERING.get(token.text)) and found[index + 1].text == "(":
            name, arity = plain
            if len(_arguments(kql, found, index + 1)) > arity:
                yield token.start, token.end, f"{name}{MOST}"


def _texts(found: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """Texts with the characters that they give by number."""
    for token in found:
        if token.kind == "string" and "\\" in token.text and not _VERBATIM.match(token.text):
            told = _NUMBERED.sub(_character, token.text)
            if told != token.text:
                yield token.start, token.end, told


def _character(escaped: re.Match[str]) -> str:
    number = escaped["number"]
    if number is None:
        return escaped[0]
    made = chr(int(number[1:], 16))
    return made if made.isprintable() and made not in "'\"\\" else escaped[0]


def _keys(kql: str) -> Iterator[tuple[int, int, str]]:
    """The names in keys of an order that have its direction within, broken: the parser takes it for theirs.

    >>> spelled("exemptions | order by description asc | project description")
    "exemptions | order by ['d' 'escription'] asc | project description"
    """
    found = tokens(kql)
    orders = {token.start for _, token in operators(kql) if token.text in ("order", "sort", "top")}
    depth = -1  # below 0: outside of an order
    for index, token in enumerate(found):
        depth = 0 if token.start in orders else depth
        if depth < 0:
            continue
        depth += (token.text in OPENING) - (token.text in CLOSING)
        depth = -1 if token.text in ("|", ";") else depth
        called = found[index + 1 : index + 2] and found[index + 1].text == "("
        at = None if called or token.kind != "word" else _DIRECTION.search(token.text)
        if at and token.text not in _DIRECTIONS:
            member = found[index - 1].text == "."
            cut = at.start() + 1
            text = f"['{token.text[:cut]}' '{token.text[cut:]}']"
            yield found[index - 1].start if member else token.start, token.end, text


def _percentiles(kql: str, found: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """Each ``percentiles(x, 50, 95)``, with the names given to it: ``(p50, p95) = percentiles(...)``."""
    for index, token in enumerate(found[:-1]):
        if token.text != "percentiles" or found[index + 1].text != "(":
            continue
        value, *shares = _arguments(kql, found, index + 1)
        plain = value.strip() if value.strip().isidentifier() else ""
        names = [f"percentile_{plain}_{share.strip()}" for share in shares]
        names = [name if name.isidentifier() else f"['{name}']" for name in names]
        given, start = _names_before(found, index)
        names[: len(given)] = given[: len(names)]
        pairs = zip(names, shares, strict=True)
        text = ", ".join(f"{name} = percentile({value.strip()}, {share.strip()})" for name, share in pairs)
        yield start, found[_closing(found, index + 1)].end, text


def _arguments(kql: str, found: Sequence[Token], opened: int) -> list[str]:
    closed, depth, edges = _closing(found, opened), 0, [found[opened].end]
    for token in found[opened + 1 : closed]:
        depth += (token.text in OPENING) - (token.text in CLOSING)
        if token.text == "," and not depth:
            edges += [token.start, token.end]
    edges.append(found[closed].start)
    return [kql[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _names_before(found: Sequence[Token], index: int) -> tuple[list[str], int]:
    """The names in ``(a, b) =`` or ``a =`` before a token, and where they begin."""
    if index < 2 or found[index - 1].text != "=":
        return [], found[index].start
    if found[index - 2].text != ")":
        return [found[index - 2].text], found[index - 2].start
    at = index - 3
    while at > 0 and found[at].text != "(":
        at -= 1
    return [token.text for token in found[at:index] if token.kind == "word"], found[at].start


def _closing(found: Sequence[Token], opened: int) -> int:
    """The index of the bracket that closes one; the last token's where none does."""
    depth = 0
    for index in range(opened, len(found)):
        depth += (found[index].text in OPENING) - (found[index].text in CLOSING)
        if not depth:
            return index
    return len(found) - 1
