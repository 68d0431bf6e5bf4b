"""Where an id stands: itself, its resource group, its subscription, the management groups above, the root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas

ROOT = "/"
_GROUP = r"^(/subscriptions/[^/]+/resourcegroups/[^/]+)"
_SUBSCRIPTION = r"^(/subscriptions/[^/]+)"
_GUID = r"^/subscriptions/([^/]+)"
_MANAGEMENT = "/providers/microsoft.management/managementgroups/"

Chains = Mapping[str, list[str]]
"""By subscription, in lower case, the scopes of the management groups above it, nearest first."""


def subscription_of(ids: pandas.Series) -> pandas.Series:
    """The subscription's id (a GUID, in lower case) of lower-case resource ids; missing where there is none."""
    return ids.str.extract(_GUID, expand=False)


def group_of(ids: pandas.Series) -> pandas.Series:
    """The resource group's id of lower-case resource ids."""
    return ids.str.extract(_GROUP, expand=False)


def chains(subscriptions: pandas.DataFrame | None) -> Chains:
    """The management groups above each subscription of the table, as scopes."""
    if subscriptions is None or "managementGroups" not in subscriptions:
        return {}
    pairs = zip(subscriptions["subscriptionId"].str.lower(), subscriptions["managementGroups"], strict=True)
    return {key: [_scope(one) for one in above] for key, above in pairs if isinstance(above, list)}


def _scope(group: object) -> str:
    name = group.get("name") if isinstance(group, Mapping) else group
    return f"{_MANAGEMENT}{name}".lower()


def levels(ids: pandas.Series, above: Chains) -> Iterator[pandas.Series]:
    """The scopes that hold each lower-case resource id, one level at a time, the resource itself first."""
    yield ids
    yield group_of(ids)
    yield ids.str.extract(_SUBSCRIPTION, expand=False)
    subscription = subscription_of(ids)
    for depth in range(max(map(len, above.values()), default=0)):
        yield subscription.map({key: scopes[depth] for key, scopes in above.items() if depth < len(scopes)})
    yield pandas.Series(ROOT, index=ids.index, dtype="str")
