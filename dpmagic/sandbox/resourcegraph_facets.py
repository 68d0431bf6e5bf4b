"""Facets of a Resource Graph answer: its rows counted by some of its columns, as queries on top of the query."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from .kql.model import Answer, KqlError
from .kql.tokens import tokens

_COUNT = "count of the facet"
_PATH = re.compile(r"""[A-Za-z_]\w*(?:\.[A-Za-z_$]\w*|\[['"][^'"]+['"]\]|\[\d+\])*""")


@dataclass(frozen=True)
class Facet:
    """A facet asked for: columns, separated by commas, and how their counts are cut and ordered."""

    expression: str
    sort_by: str | None = None
    sort_order: str = "desc"
    filter: str | None = None
    top: int = 10


def facet(asked: Facet, query: str, answer: Answer, run: Callable[[str], Answer]) -> dict[str, Any]:
    """One entry of ``facets``: a FacetResult, or a FacetError where columns are unknown or the options do not run.

    ``answer`` is that of the query, and ``run`` runs another one in its place.
    """
    columns = {column.name: column.type for column in answer.columns}
    items = [item.strip() for item in asked.expression.split(",")]
    keys = {item: _key(item, columns) for item in items}
    invalid = [item for item, key in keys.items() if key is None]
    if invalid:
        nothing = [_error("NoValidColumns", "No valid columns in facet expression.")]
        unknown = _error("InvalidColumnNames", f"Invalid column names: [{', '.join(invalid)}].")
        return _failed(asked, [*(nothing if len(invalid) == len(items) else []), unknown])
    named = [key for key in keys.values() if key]
    try:
        counted = run(_query(asked, query, named))
    except KqlError as error:
        return _failed(asked, [_error(error.code, error.message)])
    data = [dict(zip([name for name, _ in named] + ["count"], row, strict=True)) for row in counted.slice(0, asked.top)]
    return {
        "expression": asked.expression,
        "resultType": "FacetResult",
        "totalRecords": counted.count,
        "count": len(data),
        "data": data,
    }


def _key(item: str, columns: dict[str, Any]) -> tuple[str, str] | None:
    """The name and the KQL of a column to count by: one of the answer, or a member of one."""
    flat = re.sub(r"\W+", "_", item).strip("_")
    for name in (item, flat):
        if name in columns:
            kql = f"['{name}']"
            return name, f"tostring({kql})" if columns[name] == "dynamic" else kql
    root = re.split(r"[.\[]", item)[0]
    if _PATH.fullmatch(item) and columns.get(root) == "dynamic":
        return flat, f"tostring({item})"
    return None


def _query(asked: Facet, query: str, keys: Collection[tuple[str, str]]) -> str:
    """The facet as a query; the main one's comments end at a line of their own."""
    listed = tokens(query)
    main = query[: listed[-1].start] if listed and listed[-1].text == ";" else query
    kept = f"| where {asked.filter}\n" if asked.filter else ""
    by = ", ".join(f"['{name}'] = {kql}" for name, kql in keys)
    order = asked.sort_by or f"['{_COUNT}']"
    shown = ", ".join(f"['{name}']" for name, _ in keys)
    counted = f"| summarize ['{_COUNT}'] = count() by {by}\n| order by {order} {asked.sort_order}"
    return f"{main}\n{kept}{counted}\n| project {shown}, ['{_COUNT}']"


def _error(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}


def _failed(asked: Facet, errors: list[dict[str, str]]) -> dict[str, Any]:
    return {"expression": asked.expression, "resultType": "FacetError", "errors": errors}
