"""An answer that the service cuts and does not page, asked for in pieces until each is whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from dpmagic.errors import IncompleteAnswer
from dpmagic.graph.literals import literal
from dpmagic.graph.paging import Query, Reading, Task, groups, limits, not_all, reading

# Pieces of one answer: beyond that something is wrong with how it splits.
_MOST = 4_000
_FIRST = "subscriptionId"
_ORDERED = ("string", "integer", "number", "datetime")
Condition = str


def split(query: Query, part: Mapping[str, Any], cut: Reading) -> Task[Reading]:
    """The whole answer, in which ``cut`` has rows missing.

    The answer's own rows are split, never what they are made from, so a group stays one: by subscription where rows
    name it, else and then by a range of the column that tells most rows apart.

    Raises `IncompleteAnswer` with the reason when it cannot be split.
    """
    _check(query, cut)
    whole = yield from _pieces(query, part, cut, "")
    whole.requests += cut.requests
    if whole.count < cut.of:
        raise not_all(replace(whole, of=cut.of))
    whole.notes = [f"{whole.of:,} groups do not page: asked for in {len(whole.pages)} pieces, each whole"]
    return whole


def by_ids(query: Query, part: Mapping[str, Any], seen: Reading) -> Task[Reading]:
    """The rows of a query by ranges of ``id``, a page each, in the order of ids; ``seen`` is a reading of its pages."""
    whole = yield from _pieces(query, part, replace(seen, whole=False), "id")
    at = [column["name"] for column in seen.columns].index("id")
    whole.pages = [sorted(whole.rows, key=lambda row: str(row[at] if isinstance(row, list) else row["id"]).lower())]
    whole.notes = [f"then by ranges of ids, {whole.requests} pages of an instant each; in the order of ids"]
    return whole


def _pieces(query: Query, part: Mapping[str, Any], cut: Reading, only: str) -> Task[Reading]:
    pieces: list[tuple[Condition, Reading]] = [("", cut)]
    whole = replace(cut, pages=[], whole=True, requests=0, notes=[])
    while pieces:
        condition, piece = pieces.pop()
        if piece.whole:
            whole.pages += piece.pages
            continue
        for half in _halves(piece, only):
            both = f"({condition}) and ({half})" if condition else half
            found = yield from reading(query, part, f"{query.kql}\n| where {both}", pages=1)
            whole.requests += found.requests
            pieces.append((both, found))
        if whole.requests > _MOST:
            raise _refused(f"{_MOST:,} pieces are not enough", "group by less, or ask for fewer subscriptions")
    whole.of, whole.constant, whole.repeats = whole.count, True, False
    return whole


def _check(query: Query, cut: Reading) -> None:
    if limits(query.kql):
        raise _refused("a query with take or limit does not page", "leave it away, and take the first rows with --top")
    if not groups(query.kql) and cut.columns and all(column.get("type") == "object" for column in cut.columns):
        raise _refused("an answer without one plain column does not page", "project id, too")
    if not groups(query.kql):
        raise not_all(cut)
    if query.form != "table":
        raise _refused("a grouped answer does not page", "ask for it in table format")


def _refused(reason: str, hint: str) -> IncompleteAnswer:
    return IncompleteAnswer(f"Resource Graph gave only some of the rows: {reason}", hint)


def _halves(cut: Reading, only: str) -> tuple[Condition, Condition]:
    """Two conditions, of which each row meets one: on the first column that splits what was seen."""
    found = [
        (name != _FIRST, -len(values), index, type_, values)
        for index, (name, type_, values) in enumerate(_columns(cut))
        if type_ in _ORDERED and len(values) > 1 and only in ("", name)
    ]
    if not found:
        names = ", ".join(column["name"] for column in cut.columns)
        raise _refused("rows cannot be told apart by a text, number or time", f"the columns are: {names}")
    _, _, index, type_, values = min(found)
    return _conditions(cut.columns[index]["name"], type_, values)


def _columns(cut: Reading) -> Iterator[tuple[str, str, list[Any]]]:
    """Each column's name, type and different values, in order; in objectArray only an id's type is known."""
    for index, column in enumerate(cut.columns):
        name = column["name"]
        type_ = column.get("type") or ("string" if name == "id" else "object")
        cells = (row[index] if isinstance(row, list) else row[name] for row in cut.rows)
        yield name, type_, sorted({cell for cell in cells if cell is not None}) if type_ in _ORDERED else []


def _conditions(name: str, type_: str, values: Sequence[Any]) -> tuple[Condition, Condition]:
    middle, column = values[len(values) // 2], f"['{name}']"
    if type_ == "string":  # KQL has no order of texts but this one
        return f"strcmp({column}, {literal(middle)}) < 0", f"strcmp({column}, {literal(middle)}) >= 0"
    at = literal(datetime.fromisoformat(middle) if type_ == "datetime" else middle)
    return f"isnull({column}) or {column} < {at}", f"{column} >= {at}"
