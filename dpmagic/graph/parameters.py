"""``$name`` in a query: a value in place of a name, as a literal of its type.  Values are never read as KQL."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from typing import Any

from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.graph.literals import literal, literals
from dpmagic.graph.text import Edit
from dpmagic.graph.tokens import Token, tokens

_QUOTED = re.compile(r"""["']\$\{?([^\W\d]\w*)\}?["']""")
KQLS_OWN = ("$left", "$right")


def asked(kql: str) -> list[str]:
    """The names that a query has values put in place of, in its order.

    >>> asked("disks | where name in~ ($some) and location == ${where} // $not")
    ['some', 'where']
    """
    found = (token for token in tokens(kql) if token.kind == "name" and token.text not in KQLS_OWN)
    return list(dict.fromkeys(token.text.strip("${}") for token in found))


def in_quotes(kql: str, names: Container[str]) -> list[str]:
    """The texts of a query that are nothing but a ``$name`` of ``names``: nothing is put in their place.

    >>> in_quotes("disks | where name == '$some' and kind != '$5' and id == $id", {"some": "a", "id": "b"})
    ["'$some'"]
    """
    texts = dict.fromkeys(token.text for token in tokens(kql) if token.kind == "string")
    return [one for one in texts if (found := _QUOTED.fullmatch(one)) and found[1] in names]


def bound(kql: str, names: Mapping[str, Any]) -> list[Edit]:
    """The edits that put the literals of ``names`` in place of ``$name`` and ``${name}``, outside quotes and comments.

    A list (any iterable) becomes its literals with commas between; behind ``in`` without brackets it gets them.
    ``$left`` and ``$right`` are KQL's own.

    Raises `InvalidArgument` for a name that is not there and a value that has no literal; no message shows a value.

    >>> kql = "disks | where name in~ ($some) and location == $where"
    >>> [new for _, _, new in bound(kql, {"some": ["a", "b"], "where": "eastus"})]
    ["'a','b'", "'eastus'"]
    """
    edits, before = [], ""
    for token in tokens(kql):
        if token.kind == "name" and token.text not in KQLS_OWN:
            edits.append((token.start, token.end, _literal(token, before, kql, names)))
        before = token.text
    return edits


def _literal(token: Token, before: str, kql: str, names: Mapping[str, Any]) -> str:
    name = token.text.strip("${}")
    line = kql.count("\n", 0, token.start) + 1
    if name not in names:
        known = [one for one in names if isinstance(one, str) and not one.startswith("_")]
        raise InvalidArgument(
            f"line {line}: there is no name {name}",
            did_you_mean(name, known, f"set it first; {' and '.join(KQLS_OWN)} are KQL's own"),
        )
    value = names[name]
    try:
        several = _items(value)
        if several is None:
            return literal(value)
        made = literals(several)
    except InvalidArgument as error:
        raise InvalidArgument(f"line {line}: ${name}: {error.message}", error.hint) from None
    return made if before in ("(", ",") else f"({made})"


def _items(value: Any) -> Iterable[Any] | None:
    """The items of a list, tuple, set, Series or array; None for a single value, and for what has no literal."""
    kind = type(value)
    frame = hasattr(kind, "to_dict") and hasattr(kind, "columns")
    if isinstance(value, (str, bytes, bytearray, Mapping)) or frame or not hasattr(kind, "__iter__"):
        return None
    try:
        found = iter(value)
    except TypeError:  # a NumPy scalar says so only when asked
        return None
    return sorted(found, key=str) if isinstance(value, (set, frozenset)) else found
