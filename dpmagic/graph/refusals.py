"""What Resource Graph refuses, told with the place in the query that it means and with what to write instead."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from dpmagic.arm.faults import fault_of
from dpmagic.arm.requests import Answer
from dpmagic.errors import AzureError, QueryError, did_you_mean
from dpmagic.graph.text import Text
from dpmagic.graph.tokens import Token, operators, tokens
from dpmagic.graph.vocabulary import COLUMNS, FUNCTIONS, OPERATORS, TABLES

_ADVICE = {
    403: "you can read none of these subscriptions: ask for Reader on one, or connect as someone who has it",
    429: "someone else is using up your quota; run it again in a minute",
}
_WIDTH = 100  # characters of a line that are shown


@cache
def instead() -> Mapping[str, str]:
    """What to write in place of an operator or function of Kusto's that Resource Graph lacks, by its name."""
    return tomllib.loads(files("dpmagic.graph").joinpath("instead.toml").read_text(encoding="utf-8"))


def refusal(answer: Answer, text: Text) -> AzureError:
    """The service's refusal of a query as an error: what its last detail says, the line it points at, a caret.

    The message above the details is left out: it is only about what to tell support.
    """
    body = answer.json if isinstance(answer.json, dict) else {}
    request_id = str(answer.headers.get("x-ms-request-id") or answer.headers.get("x-ms-correlation-request-id") or "")
    details = [one for one in (body.get("error") or {}).get("details") or [] if isinstance(one, dict)]
    if not details:
        return fault_of(answer.status, body, request_id)
    last = details[-1]
    token, at = str(last.get("token") or "") or _table(last), None
    if last.get("line", -1) > 0:
        at = text.typed_at(last["line"], last.get("characterPositionInLine", -1))
    elif found := _first(text.typed, token):
        at = found.start
    shown, caret = ("", "") if at is None else _pointed(text.typed, at, token)
    return QueryError(
        str(last.get("code") or details[0].get("code")),
        _told(last, text.typed, at),
        status=answer.status,
        request_id=request_id,
        hint=_hint(last, token, text.typed) or _ADVICE.get(answer.status, ""),
        line=shown,
        caret=caret,
    )


def code_of(answer: Answer) -> str:
    """The code of the last detail of a refusal, ``""`` where there is none."""
    error = answer.json.get("error") if isinstance(answer.json, dict) else None
    details = (error or {}).get("details") or [{}]
    return str(details[-1].get("code") or "")


def _told(detail: Mapping[str, Any], kql: str, at: int | None) -> str:
    message, token = str(detail.get("message") or ""), str(detail.get("token") or "")
    said = [] if message == detail.get("code") else [message.strip()]
    if at is not None:
        said += [f"line {kql.count(chr(10), 0, at) + 1}, position {at - (kql.rfind(chr(10), 0, at) + 1)}"]
    named = "the end" if token == "<EOF>" else repr(token)
    if detail.get("expectedToken"):
        said += [f"{named} stands where {detail['expectedToken']!r} is expected" if token else ""]
    elif token and token not in message:
        said += [f"{named} is not understood"]
    said = list(filter(None, said))
    return ", ".join([*(one.rstrip(".") for one in said[:-1]), *said[-1:]]) or "the service gave no reason"


def _hint(detail: Mapping[str, Any], token: str, kql: str) -> str:
    code, lower = str(detail.get("code")), token.lower()
    if code == "ResponsePayloadTooLarge":
        return "one row alone is too large: project the columns you need"
    if code == "DisallowedLogicalTableName":
        known = instead().get(lower, f"the tables are: {', '.join(TABLES[:6])} and more")
        return known if lower in instead() else did_you_mean(token, TABLES, known)
    if code in instead():
        return instead()[code]
    if given := instead().get(lower) or instead().get(f"{lower.partition('_')[0]}_"):
        return given
    if habit := _habit(detail, lower, kql):
        return habit
    if detail.get("expectedToken") == "where":
        return did_you_mean(token, OPERATORS)
    if "function" in str(detail.get("message")).lower():
        return did_you_mean(token, FUNCTIONS)
    if code == "SemanticError" and "resolve" in str(detail.get("message")):
        return did_you_mean(token, [*COLUMNS, *_named(kql)], _COLUMN)
    if not kql.strip():
        return "a query starts with a table: resources | take 5"
    return ""


def _habit(detail: Mapping[str, Any], lower: str, kql: str) -> str:
    """What to write for a slip of those who write something else all day."""
    expected = detail.get("expectedToken")
    if lower in ("'", '"') and expected == lower:
        return f"the text that it begins has no end: a {lower} is missing"
    if expected != "<EOF>":
        return ""
    if wrong := next(
        (one for _, one in operators(kql) if one.text.lower() in OPERATORS and one.text not in OPERATORS), None
    ):
        return f"KQL's operators are in small letters: {wrong.text.lower()}"
    if kql.lower().lstrip().startswith("select "):
        return instead()["select"]
    return "a | stands before it" if lower in OPERATORS else ""


def _table(detail: Mapping[str, Any]) -> str:
    """The table that a refusal is about: of it the message alone speaks."""
    found = re.match(r"Table (\S+) is ", str(detail.get("message") or ""))
    return found[1] if found and detail.get("code") == "DisallowedLogicalTableName" else ""


_COLUMN = "a field of a resource is in properties: properties.name; project it before you use it by its own name"


def _named(kql: str) -> list[str]:
    """The names that a query gives to columns of its own."""
    found = tokens(kql)
    return [one.text for one, after in pairwise(found) if one.kind == "word" and after.text == "="]


def _first(kql: str, token: str) -> Token | None:
    """Where the token stands, or several that it is made of: ``hint.strategy``."""
    lower, found = kql.lower(), tokens(kql) if token else []
    same = (one for one in found if one.text.lower() == token.lower())
    return next(same, next((one for one in found if lower.startswith(token.lower(), one.start)), None))


def _pointed(kql: str, at: int, token: str) -> tuple[str, str]:
    """The line at a place, at most `_WIDTH` characters of it, and a caret for each character of the token."""
    start = kql.rfind("\n", 0, at) + 1
    line = kql[start:].split("\n", 1)[0].rstrip("\r").replace("\t", " ")
    column = at - start
    first = max(0, min(column - _WIDTH // 2, len(line) - _WIDTH))
    before, after = "..." if first else "", "..." if first + _WIDTH < len(line) else ""
    width = len(token) if token and line[column:].lower().startswith(token.lower()) else 1
    return f"{before}{line[first : first + _WIDTH]}{after}", " " * (len(before) + column - first) + "^" * width
