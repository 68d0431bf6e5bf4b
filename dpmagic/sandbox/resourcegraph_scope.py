"""What a Resource Graph request reaches: subscriptions, management groups, and role assignments above and below."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: A request for a management group or the tenant covers so many subscriptions, and says so in a header.
MAX_REACH = 10_000
#: Tables that ``authorizationScopeFilter`` is about.
SCOPED_TABLES = frozenset({"authorizationresources", "policyresources"})
SCOPE_FILTERS = ("AtScopeAndBelow", "AtScopeAndAbove", "AtScopeAboveAndBelow", "AtScopeExact")

_GROUP = "/providers/microsoft.management/managementgroups/"


@dataclass(frozen=True)
class ManagementGroup:
    """A management group: its id (``name``), the parent's id, None for the root, and its own subscriptions."""

    name: str
    displayName: str
    parent: str | None
    subscriptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reach:
    """The subscriptions that a request reaches, and whose assignments it sees.

    ``exact`` and ``above`` are lower-case ARM scopes: those asked for, and their ancestors; ``groups`` the management
    groups at or below those asked for. ``cut`` says that there were more subscriptions than a request covers.
    """

    subscriptions: tuple[str, ...]
    exact: frozenset[str]
    above: frozenset[str]
    groups: frozenset[str]
    filter: str = SCOPE_FILTERS[0]
    cut: bool = False

    def sees(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of a scoped table is seen; one that has no scope goes by its subscription."""
        subscription = str(row.get("subscriptionId") or "").lower()
        inside = subscription in self.subscriptions
        scope = (row.get("properties") or {}).get("scope")
        if scope is None:
            return inside or not subscription
        at = "/" + str(scope).strip("/").lower()
        below = inside or at in self.groups or at in self.exact
        return {
            "AtScopeAndBelow": below,
            "AtScopeAndAbove": at in self.exact | self.above,
            "AtScopeAboveAndBelow": below or at in self.above,
            "AtScopeExact": at in self.exact,
        }[self.filter]


class Hierarchy:
    """The management groups of the tenant."""

    def __init__(self, groups: Iterable[ManagementGroup]) -> None:
        self._groups = {group.name.lower(): group for group in groups}
        self._owner = {one.lower(): group for group in self._groups.values() for one in group.subscriptions}

    def chain(self, group: ManagementGroup | None) -> list[ManagementGroup]:
        """A group and its ancestors, the nearest first."""
        found: list[ManagementGroup] = []
        while group is not None and group not in found:
            found.append(group)
            group = self._groups.get((group.parent or "").lower())
        return found

    def above(self, subscription: str) -> list[ManagementGroup]:
        """The ancestors of a subscription, the nearest first."""
        return self.chain(self._owner.get(subscription.lower()))

    def below(self, names: Sequence[str]) -> list[ManagementGroup]:
        """The groups of these names (ids, in any case) and all their descendants."""
        wanted = {name.lower() for name in names}
        return [g for g in self._groups.values() if wanted & {one.name.lower() for one in self.chain(g)}]

    def of_subscriptions(self, subscriptions: Collection[str], scope_filter: str) -> Reach:
        """The reach of a request that names subscriptions."""
        above = {scope_of(group.name) for one in subscriptions for group in self.above(one)}
        exact = frozenset(f"/subscriptions/{one.lower()}" for one in subscriptions)
        return Reach(_lower(subscriptions), exact, frozenset({*above, "/"}), frozenset(), scope_filter)

    def of_groups(self, names: Sequence[str], readable: Collection[str], scope_filter: str) -> Reach:
        """The reach of a request that names management groups."""
        groups = self.below(names)
        inside = {one.lower() for group in groups for one in group.subscriptions}
        found = [one for one in _lower(readable) if one in inside]
        asked = [self._groups[name.lower()] for name in names if name.lower() in self._groups]
        above = {scope_of(group.name) for one in asked for group in self.chain(one)[1:]}
        exact = frozenset(scope_of(group.name) for group in asked)
        below = frozenset(scope_of(group.name) for group in groups)
        reached, cut = tuple(found[:MAX_REACH]), len(found) > MAX_REACH
        return Reach(reached, exact, frozenset({*above, "/"}), below, scope_filter, cut)

    def of_tenant(self, readable: Collection[str], scope_filter: str) -> Reach:
        """The reach of a request that names neither."""
        every = frozenset(scope_of(group.name) for group in self._groups.values())
        found = _lower(readable)
        cut = len(found) > MAX_REACH
        return Reach(found[:MAX_REACH], frozenset({"/"}), frozenset(), every, scope_filter, cut)


def scope_of(name: str) -> str:
    """The lower-case ARM scope of a management group.

    >>> scope_of("Corp")
    '/providers/microsoft.management/managementgroups/corp'
    """
    return _GROUP + name.lower()


def _lower(subscriptions: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({one.lower() for one in subscriptions}))
