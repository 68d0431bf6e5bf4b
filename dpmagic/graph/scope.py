"""Whom a query is asked of: subscriptions, management groups, or all that the caller can see."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dpmagic.errors import InvalidArgument

SUBSCRIPTIONS = 1_000
"""Subscriptions: the most that a request names."""
GROUPS = 10
"""Management groups: the most that a request names."""
REACH = 10_000
"""Subscriptions: the most that a request for management groups or the tenant covers."""
FILTERS = ("AtScopeAndBelow", "AtScopeAndAbove", "AtScopeAboveAndBelow", "AtScopeExact")


@dataclass(frozen=True)
class Scope:
    """The scope of a query, by id: ``subscriptions``, or ``management_groups``, or neither for the whole tenant.

    ``expected`` are the subscriptions that there have to be; without it those of ``subscriptions``, and None where
    nobody has said.  ``authorization`` is Resource Graph's ``authorizationScopeFilter``: whose assignments are seen.

    Raises `InvalidArgument` for both kinds at once, none of either, and too many groups.
    """

    subscriptions: tuple[str, ...] | None = None
    management_groups: tuple[str, ...] = ()
    expected: tuple[str, ...] | None = None
    authorization: str = ""

    def __post_init__(self) -> None:
        if self.subscriptions is not None and self.management_groups:
            raise InvalidArgument("a query goes to subscriptions or to management groups, not to both", "give one kind")
        if self.subscriptions is not None and not self.subscriptions:
            raise InvalidArgument(
                "there is no subscription to ask", "name one, or none at all for every subscription you can see"
            )
        if len(self.management_groups) > GROUPS:
            raise InvalidArgument(f"a query goes to {GROUPS} management groups at most", "give one above them")
        if self.authorization not in ("", *FILTERS):
            raise InvalidArgument(f"there is no scope filter {self.authorization!r}", f"one of: {', '.join(FILTERS)}")

    @classmethod
    def of(cls, given: Scope | str | Iterable[str] | None) -> Scope:
        """A scope from itself, the ids of subscriptions, or None for the whole tenant."""
        if given is None or isinstance(given, Scope):
            return given or cls()
        return cls((given,) if isinstance(given, str) else tuple(dict.fromkeys(given)))

    @property
    def asked(self) -> tuple[str, ...] | None:
        """The subscriptions that there have to be, None where nobody has said."""
        return self.expected if self.expected is not None else self.subscriptions

    def parts(self, least: int = 1) -> list[dict[str, Any]]:
        """The scope as members of request bodies, as few as the service takes, ``least`` where there is so much."""
        if self.subscriptions is None:
            return [{"managementGroups": list(self.management_groups)} if self.management_groups else {}]
        size = max(1, min(SUBSCRIPTIONS, -(-len(self.subscriptions) // least)))
        starts = range(0, len(self.subscriptions), size)
        return [{"subscriptions": list(self.subscriptions[start : start + size])} for start in starts]


@dataclass(frozen=True)
class Covered:
    """What came of a scope: the subscriptions ``asked``, ``answered`` (readable), ``unreadable`` (asked and not
    readable) and ``empty`` (readable, and without a row; [] where rows do not say whose they are)."""

    asked: tuple[str, ...]
    answered: tuple[str, ...]
    unreadable: tuple[str, ...]
    empty: tuple[str, ...]

    @classmethod
    def of(cls, asked: Iterable[str], readable: Iterable[str], with_rows: Collection[str] | None) -> Covered:
        """``with_rows`` are the lower-case ids of rows, None where rows do not say whose they are."""
        asked, seen = tuple(asked), {one.lower(): one for one in readable}
        answered = tuple(one for one in asked if one.lower() in seen)
        unreadable = tuple(one for one in asked if one.lower() not in seen)
        empty = () if with_rows is None else tuple(one for one in answered if one.lower() not in with_rows)
        return cls(asked, answered, unreadable, empty)

    def to_json(self) -> dict[str, list[str]]:
        """As JSON, a list a field."""
        return {key: list(getattr(self, key)) for key in ("asked", "answered", "unreadable", "empty")}


def options_of(scope: Scope, part: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a request for a part of the scope."""
    options: dict[str, Any] = {"allowPartialScopes": "subscriptions" not in part}
    return options | ({"authorizationScopeFilter": scope.authorization} if scope.authorization else {})
