"""Opening what a connection shows: which subscriptions are meant, and what time it is."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dpmagic.arm.fan_out import only
from dpmagic.arm.requests import Request
from dpmagic.connection import Connection
from dpmagic.errors import InvalidArgument, NotConnected, did_you_mean
from dpmagic.estate.arm_tables import reading
from dpmagic.estate.completeness import Scope
from dpmagic.estate.estate import Estate
from dpmagic.estate.live import Live
from dpmagic.estate.window import Window
from dpmagic.progress import Observer, Silent

Names = str | Iterable[str] | None


def open_live(
    connection: Connection,
    *,
    subscriptions: Names = None,
    management_groups: Names = None,
    expected: Names = None,
    window: Any = "14d",
    observer: Observer | None = None,
) -> Estate:
    """The estate that the connection shows now; see `dpmagic.open`, which this is without a current connection."""
    now = connection.now()
    meant = Window.of(window, now)
    wanted, there, groups = map(_listed, (subscriptions, expected, management_groups))
    seen = _seen(connection)
    if not seen and wanted is None and there is None:
        raise NotConnected(
            f"{connection.target} shows no subscription to {connection.principal}",
            "ask for Reader on one, or connect as someone else",
        )
    asked = _asked(seen, wanted, there)
    live = Live(connection, Scope(asked, [one for one in asked if one in seen]), observer or Silent())
    made = Estate(live, now, meant)
    return _below(made, live, groups, seen) if groups else made


def _seen(connection: Connection) -> dict[str, str]:
    """The subscriptions that can be seen: their names by their ids."""
    request = Request("GET", "/subscriptions", api_version="2022-12-01")
    found = only(connection, reading(request, connection.cloud.endpoint))
    listed = found if isinstance(found, list) else []
    return {str(one["subscriptionId"]).lower(): str(one.get("displayName") or "") for one in listed}


def _asked(seen: Mapping[str, str], wanted: Sequence[str] | None, expected: Sequence[str] | None) -> list[str]:
    """The subscriptions to ask, by id: those wanted, else all that are seen, and those expected besides.

    Raises `InvalidArgument` for a wanted name that nobody has; what is expected may well be missing.
    """
    found: list[str] = []
    for given in seen if wanted is None else wanted:
        named = _named(seen, given)
        if not named:
            names = sorted(name or one for one, name in seen.items())
            raise InvalidArgument(
                f"no subscription is called {given!r}",
                did_you_mean(given, names, f"you can see: {', '.join(names) or 'none'}"),
            )
        found += named
    for given in expected or ():
        found += _named(seen, given) or [given]
    return list(dict.fromkeys(found))


def _named(seen: Mapping[str, str], given: str) -> list[str]:
    """The ids that are meant: an id, seen or not, or all subscriptions of a name."""
    if given.lower() in seen or _is_id(given):
        return [given.lower()]
    return [one for one, name in seen.items() if name.lower() == given.lower()]


def _below(estate: Estate, live: Live, groups: Sequence[str], seen: Mapping[str, str]) -> Estate:
    """The estate with only the subscriptions below these management groups, by name or display name."""
    found = estate.subscriptions()
    above = {
        str(one).lower(): {text.lower() for group in chain or () for text in group.values()}
        for one, chain in zip(found["subscriptionId"], found["managementGroups"], strict=True)
    }
    known = sorted({one["displayName"] for chain in found["managementGroups"] for one in chain or ()})
    for group in groups:
        if not any(group.lower() in texts for texts in above.values()):
            raise InvalidArgument(
                f"no subscription that you can see is below a management group called {group!r}",
                did_you_mean(group, known, f"there are: {', '.join(known) or 'none'}"),
            )
    wanted = {group.lower() for group in groups}
    # Where nobody can look, nobody can say that it is not below one of them.
    asked = [one for one in live.scope.asked if one not in seen or above.get(one, set()) & wanted]
    live.scope = Scope(asked, [one for one in asked if one in seen])
    return Estate(live, estate.now, estate.window)


def _listed(given: Names) -> list[str] | None:
    """One name, several, or None.  Raises `InvalidArgument` when there is none among several."""
    if given is None:
        return None
    if not isinstance(given, Iterable):
        raise InvalidArgument(f"names are text or a list of texts, not {type(given).__name__}", "give names or ids")
    names = [given] if isinstance(given, str) else [str(one) for one in given]
    if not names or not all(one.strip() for one in names):
        raise InvalidArgument("a list of names has none in it", "leave it out to mean all that you can see")
    return [one.strip() for one in names]


def _is_id(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False
