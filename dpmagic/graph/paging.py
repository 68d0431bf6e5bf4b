"""The pages of a query: by their tokens alone, whole or an error, whatever comes and goes meanwhile.

Everything here is a task: a generator that yields requests and is sent their answers (see `dpmagic.arm.fan_out`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dpmagic.arm.requests import Answer, Request
from dpmagic.errors import AzureError, IncompleteAnswer
from dpmagic.graph.refusals import code_of, refusal
from dpmagic.graph.scope import Scope, options_of
from dpmagic.graph.text import Text
from dpmagic.graph.tokens import outside_brackets, top_level

API_VERSION = "2021-03-01"
# The first that knows authorizationScopeFilter and is no preview.
_SCOPED_API_VERSION = "2022-10-01"
PAGE = 1_000
"""Rows: the most that the service gives at once."""
# Answers that are read here: a refused query, nothing readable, too many queries.
_ANSWERED = (400, 403, 429)
_LIMITS = frozenset({"limit", "take", "sample"})

Made = TypeVar("Made")
Task = Generator[Request, Answer, Made]
Rows = Sequence[Any]
"""Decoded rows: lists in table format, dicts in objectArray."""
Pack = Callable[[Sequence[str], Rows], Rows]


@dataclass(frozen=True)
class Query:
    """What is asked, and how: ``form`` is Resource Graph's ``resultFormat``, ``top`` how many rows are wanted at most.

    ``heard`` is called with the rows of each page and how many there are in all.  ``pack`` makes of the columns' names
    and a page's rows a sequence of the same rows that takes less memory.
    """

    text: Text
    scope: Scope = field(default_factory=Scope)
    form: str = "table"
    top: int | None = None
    heard: Callable[[int, int], None] = lambda rows, of: None
    pack: Pack | None = None

    @property
    def kql(self) -> str:
        """The query as it is sent."""
        return self.text.sent


@dataclass
class Reading:
    """What one part of a scope gave: ``pages`` of rows, ``of`` how many rows the service says there are.

    ``constant`` is whether all pages said so, ``repeats`` whether one went back over the one before; ``whole`` whether
    no row is missing for want of a token; ``reached`` is False where the scope has more subscriptions than a request
    covers; ``size`` is the last page's; ``ends`` are each page's first and last id, where it has rows and they have
    ids; ``denied`` is the refusal where nothing of the part can be read.
    """

    columns: list[dict[str, str]] = field(default_factory=list)
    pages: list[Rows] = field(default_factory=list)
    of: int = 0
    constant: bool = True
    repeats: bool = False
    whole: bool = True
    reached: bool = True
    size: int = 0
    requests: int = 0
    ends: list[tuple[Any, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    denied: AzureError | None = None

    @property
    def steady(self) -> bool:
        """Whether nothing moved while the pages were read."""
        return self.constant and not self.repeats

    @property
    def count(self) -> int:
        """How many rows were read."""
        return sum(map(len, self.pages))

    @property
    def rows(self) -> Rows:
        """All of them."""
        return [row for page in self.pages for row in page]


def once(query: Query, part: Mapping[str, Any], kql: str, size: int, token: str = "") -> Task[Answer]:
    """One request, refused or not."""
    options: dict[str, Any] = {"$top": size, "$skip": 0, "resultFormat": query.form, **options_of(query.scope, part)}
    if token:
        del options["$skip"]
        options["$skipToken"] = token
    return (
        yield Request(
            "POST",
            "/providers/Microsoft.ResourceGraph/resources",
            {**part, "query": kql, "options": options},
            api_version=_SCOPED_API_VERSION if query.scope.authorization else API_VERSION,
            allow=_ANSWERED,
            purpose="query Resource Graph",
        )
    )


def reading(query: Query, part: Mapping[str, Any], kql: str = "", pages: int | None = None) -> Task[Reading]:
    """The pages of a query in one part of its scope, read once to the last one, to `Query.top` rows, or so many pages.

    Pages that are too large are halved.  Raises `AzureError` for a query that is refused, `IncompleteAnswer` for a page
    that comes twice.
    """
    kql, found, tokens = kql or query.kql, Reading(size=PAGE), [""]
    while True:
        wanted = found.size if query.top is None else min(found.size, query.top - found.count)
        answer = yield from once(query, part, kql, wanted, tokens[-1])
        found.requests += 1
        if answer.status == 400 and code_of(answer) == "ResponsePayloadTooLarge" and wanted > 1:
            found.size = wanted // 2
            continue
        if answer.status >= 400:
            raise refusal(answer, query.text)
        token = answer.json.get("$skipToken") or ""
        if token and not (found.pages or pages or ordered(kql)) and "id" in _names(answer, query):
            kql = f"{kql}\n| order by id asc"  # without an order the pages may overlap
            continue
        _add(found, answer, query)
        if query.top is not None and found.count >= query.top:
            return found
        if token and pages == len(found.pages):
            found.whole = False
            return found
        if not token:
            found.whole = found.count >= found.of and not _cut_by_the_page(found, kql)
            return found
        if token in tokens:
            raise IncompleteAnswer("Resource Graph gave the same page twice", "run it again")
        tokens.append(token)


def _add(found: Reading, answer: Answer, query: Query) -> None:
    body = answer.json
    data = body["data"]
    rows: Rows = data["rows"] if query.form == "table" else data
    if not found.pages:
        found.columns = data["columns"] if query.form == "table" else [{"name": name} for name in (rows or [{}])[0]]
        found.of = body["totalRecords"]
        found.reached = answer.headers.get("x-ms-tenant-subscription-limit-hit", "").lower() != "true"
    elif body["totalRecords"] != found.of:
        found.constant, found.of = False, body["totalRecords"]
    found.repeats |= bool(found.pages) and _again(found, rows)
    if rows and (key := id_key(found)) is not None:
        found.ends.append((rows[0][key], rows[-1][key]))
    if query.pack is not None:
        rows = query.pack([column["name"] for column in found.columns], rows)
    found.pages.append(rows)
    query.heard(len(rows), found.of)


def _names(answer: Answer, query: Query) -> list[str]:
    data = answer.json["data"]
    return [column["name"] for column in data["columns"]] if query.form == "table" else list((data or [{}])[0])


def ordered(kql: str) -> bool:
    """Whether the query puts its rows in an order."""
    return not {"order", "sort", "top"}.isdisjoint(top_level(kql))


def _again(found: Reading, rows: Rows) -> bool:
    """Whether the page goes back over the one before: a row came in front of it.  Without ids nobody can tell."""
    return bool(rows and found.pages[-1]) and id_key(found) is not None and rows[0] in found.pages[-1]


def _cut_by_the_page(found: Reading, kql: str) -> bool:
    """Whether a grouped answer has as many rows as a page holds: the service gives no token for more."""
    return len(found.pages) == 1 and found.count == found.size and groups(kql)


def groups(kql: str) -> bool:
    """Whether the query, or what it calls by a ``let``, groups rows."""
    return not {"summarize", "distinct"}.isdisjoint(outside_brackets(kql))


def limits(kql: str) -> bool:
    """Whether the query, or what it calls by a ``let``, limits its rows itself."""
    return not _LIMITS.isdisjoint(outside_brackets(kql))


def id_key(found: Reading) -> Any:
    """What a row's id is found under: an index, or the name; None where rows have none."""
    names = [column["name"] for column in found.columns]
    if "id" not in names:
        return None
    return names.index("id") if found.columns[0].get("type") else "id"


def not_all(found: Reading) -> IncompleteAnswer:
    """That rows are missing, or there are more than there should be."""
    return IncompleteAnswer(
        f"Resource Graph says there are {found.of:,} rows, and gave {found.count:,}", "run it again"
    )
