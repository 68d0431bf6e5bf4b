"""Which subscription a command means: the one given, by name or id, or the one az would take."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dpmagic.arm.paging import every_page
from dpmagic.arm.requests import Request
from dpmagic.connection import Connection
from dpmagic.errors import InvalidArgument, NotConnected, did_you_mean

_ID = re.compile(r"(?:/subscriptions/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?", re.IGNORECASE)


def visible(connection: Connection) -> list[dict[str, Any]]:
    """The subscriptions that the caller can see: ``subscriptionId``, ``displayName``, ``state`` and more."""
    request = Request("GET", "/subscriptions", api_version="2022-12-01", every_page=True)
    found: list[dict[str, Any]] = every_page(connection, request).json["value"]
    return found


def resolve(connection: Connection, given: str) -> str:
    """The id of the subscription with this name or id, or ARM's id of it, ``/subscriptions/ID``.

    Raises `InvalidArgument` with the nearest name when the caller sees none like it, and when several have the name:
    a subscription's name need not be its own.
    """
    if known := _ID.fullmatch(given.strip()):
        return known[1]
    seen = visible(connection)
    wanted = [one for one in seen if given.lower() in (one["subscriptionId"].lower(), _name(one).lower())]
    if len(wanted) > 1:
        ids = ", ".join(sorted(one["subscriptionId"] for one in wanted))
        raise InvalidArgument(f"{len(wanted)} subscriptions are called {given!r}", f"give the id of one: {ids}")
    if wanted:
        return str(wanted[0]["subscriptionId"])
    names = [_name(one) or one["subscriptionId"] for one in seen]
    raise InvalidArgument(
        f"no subscription is called {given!r}",
        did_you_mean(given, names, f"you can see: {', '.join(sorted(names)) or 'none'}"),
    )


def _name(subscription: Mapping[str, Any]) -> str:
    return str(subscription.get("displayName") or "")


def default(connection: Connection, say: Callable[[str], None] | None = None) -> str:
    """The id of the subscription to use when none is given.

    The order: the connection's own, ``AZURE_SUBSCRIPTION_ID``, az's default (``az account set``) when the
    connection is Azure, the only one that the caller can see.  Of several, elsewhere than in Azure, the first, as with
    az; ``say`` hears of it, but for a sandbox, whose first is meant to be it.
    """
    if connection.default_subscription:
        return resolve(connection, connection.default_subscription)
    if connection.target != "sandbox" and (named := os.environ.get("AZURE_SUBSCRIPTION_ID")):
        return named
    if connection.target == "azure" and (profiled := _az_default(connection.cloud.name)):
        return profiled
    seen = visible(connection)
    if len(seen) == 1 or (seen and connection.target != "azure"):
        first = str(seen[0]["subscriptionId"])
        if say and len(seen) > 1 and connection.target != "sandbox":
            named = seen[0].get("displayName") or first
            say(f"no subscription was chosen: {named}, the first of {len(seen)}; --subscription NAME takes another")
        return first
    if not seen:
        raise NotConnected(
            f"{connection.target} shows no subscription to {connection.principal}",
            "ask for Reader on one, or connect as someone else",
        )
    names = ", ".join(sorted(str(one.get("displayName") or one["subscriptionId"]) for one in seen)[:8])
    raise NotConnected(
        f"{len(seen)} subscriptions can be seen and none was chosen", f"add --subscription NAME; for example: {names}"
    )


def _az_default(cloud_name: str) -> str:
    """The default of az's own profile, or ``""`` when there is no profile."""
    folder = Path(os.environ.get("AZURE_CONFIG_DIR") or Path.home() / ".azure")
    profile = folder / "azureProfile.json"
    if not profile.is_file():
        return ""
    # az writes the file with a byte-order mark.
    known = json.loads(profile.read_text(encoding="utf-8-sig")).get("subscriptions", [])
    for one in known:
        if one.get("isDefault") and one.get("environmentName", cloud_name) == cloud_name:
            return str(one["id"])
    return ""
