"""The body of a Resource Graph request, read: the query, its options and facets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .kql.model import INVALID_QUERY
from .resourcegraph_facets import Facet
from .resourcegraph_scope import SCOPE_FILTERS, Reach

MAX_PAGE = 1_000
MAX_SUBSCRIPTIONS = 1_000
#: The first api-version that knows ``authorizationScopeFilter``.
_SCOPE_FILTER_SINCE = "2021-06-01"


class BadRequest(Exception):
    """A refusal with its status, outer code and details."""

    def __init__(self, details: list[dict[str, Any]], status: int = 400, code: str = "BadRequest") -> None:
        super().__init__(details[0]["message"])
        self.status, self.code, self.details = status, code, details


@dataclass(frozen=True)
class Query:
    """A request to answer. ``reach`` is whose rows it is about."""

    text: str
    reach: Reach
    top: int
    skip: int
    token: str | None
    table: bool
    facets: tuple[Facet, ...]


def detail(code: str, message: str) -> dict[str, Any]:
    """One entry of an error's ``details``."""
    return {"code": code, "message": message}


def refuse(code: str, message: str) -> BadRequest:
    """A 400 with one detail."""
    return BadRequest([detail(code, message)])


def read(body: Mapping[str, Any], reach: Reach) -> Query:
    """The request of a body. Raises BadRequest for what the service refuses before it runs anything."""
    text = body.get("query")
    if not isinstance(text, str) or not text.strip():
        raise refuse("InvalidQuery", INVALID_QUERY)
    options = _options(body)
    form = options.get("resultFormat") or "objectArray"
    if form not in ("objectArray", "table"):
        raise refuse("InvalidOptions", f"resultFormat is objectArray or table, not {form!r}.")
    token = options.get("$skipToken") or None
    if token is not None and not isinstance(token, str):
        raise refuse("InvalidSkipToken", "$skipToken is not a string.")
    top, skip = _whole(options, "$top", MAX_PAGE, 1, MAX_PAGE), _whole(options, "$skip", 0, 0, 2**31 - 1)
    return Query(text, reach, top, skip, token, form == "table", _facets(body.get("facets") or []))


def scope_filter(body: Mapping[str, Any], api_version: str | None) -> str:
    """``authorizationScopeFilter``: the default where it is left out or the api-version does not know it."""
    wanted = _options(body).get("authorizationScopeFilter")
    if wanted is None or (api_version is not None and api_version[:10] < _SCOPE_FILTER_SINCE):
        return SCOPE_FILTERS[0]
    if wanted not in SCOPE_FILTERS:
        raise refuse("InvalidOptions", f"authorizationScopeFilter is one of {', '.join(SCOPE_FILTERS)}.")
    return str(wanted)


def names(body: Mapping[str, Any], key: str) -> list[str]:
    """``subscriptions`` or ``managementGroups`` as given, [] where left out."""
    given = body.get(key) or []
    if not isinstance(given, Sequence) or isinstance(given, str) or not all(isinstance(one, str) for one in given):
        raise refuse("InvalidScope", f"{key} is a list of ids.")
    return list(given)


def _options(body: Mapping[str, Any]) -> Mapping[str, Any]:
    options = body.get("options") or {}
    if not isinstance(options, Mapping):
        raise refuse("InvalidOptions", "options is an object.")
    if not isinstance(options.get("allowPartialScopes", False), bool | None):
        raise refuse("InvalidOptions", "allowPartialScopes is true or false.")
    return options


def _facets(given: Any) -> tuple[Facet, ...]:
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise refuse("InvalidFacets", "facets is a list of objects with an expression.")
    found = []
    for one in given:
        expression, options = one.get("expression"), one.get("options") or {}
        if not isinstance(expression, str) or not expression.strip():
            raise refuse("InvalidFacets", "A facet has an expression.")
        order = str(options.get("sortOrder") or "desc").lower()
        if order not in ("asc", "desc"):
            raise refuse("InvalidFacets", "sortOrder is asc or desc.")
        top = _whole(options, "$top", Facet.top, 1, MAX_PAGE)
        found.append(Facet(expression, options.get("sortBy"), order, options.get("filter"), top))
    return tuple(found)


def _whole(options: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = options.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise refuse("InvalidOptions", f"{name} is a whole number from {least} to {most}.")
    return value
