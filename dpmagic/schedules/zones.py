"""Time zones by the names that policies carry: Windows' (``W. Europe Standard Time``) or IANA's."""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.schedules.instants import ZERO, Instants

_UTC = ("", "utc", "coordinated universal time")


@cache
def zone(name: str | None) -> tzinfo:
    """The time zone of a name in any case; no name is UTC. Raises `InvalidArgument` where there is none.

    >>> zone("w. europe standard time")
    zoneinfo.ZoneInfo(key='Europe/Berlin')
    >>> zone(None)
    datetime.timezone.utc
    """
    from tzlocal.windows_tz import win_tz

    wanted = (name or "").strip().lower()
    if wanted in _UTC:
        return UTC
    known = {windows.lower(): iana for windows, iana in win_tz.items()}
    try:
        return ZoneInfo(known.get(wanted) or (name or "").strip())
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        hint = did_you_mean(wanted, win_tz, "policies name zones as Windows does, such as W. Europe Standard Time")
        raise InvalidArgument(f"{name!r} is not a time zone", hint) from error


def walls(instants: Instants, where: tzinfo) -> Instants:
    """What clocks in the zone show at UTC instants."""
    if where is UTC or not len(instants):
        return instants
    weeks = instants.astype("datetime64[W]")
    after = weeks + np.timedelta64(1, "W")
    edges = np.unique(np.concatenate([weeks, after]))
    if len(edges) * 2 > len(instants):
        return _each(instants, where)
    # No zone moves its clocks twice in a week: where the offset is the same at both ends it is so in between.
    edged = edges.astype("datetime64[us]")
    offsets = _each(edged, where) - edged
    first, last = (offsets[np.searchsorted(edges, week)] for week in (weeks, after))
    moved = first != last
    shown: Instants = instants + first
    shown[moved] = _each(instants[moved], where)
    return shown


def _each(instants: Instants, where: tzinfo) -> Instants:
    given = instants.astype("datetime64[us]").tolist()
    return np.array([where.fromutc(at.replace(tzinfo=where)).replace(tzinfo=None) for at in given], "datetime64[us]")


def changes(where: tzinfo, start: np.datetime64, end: np.datetime64) -> Instants:
    """When, to the hour, the zone's offset from UTC changes between two instants."""
    if where is UTC:
        return np.empty(0, "datetime64[us]")
    hours = np.arange(start.astype("datetime64[h]"), end.astype("datetime64[h]") + np.timedelta64(1, "h")).astype(
        "datetime64[us]"
    )
    days = hours[:: max(1, min(24, len(hours) - 1))]
    moved = np.flatnonzero(np.diff(walls(days, where) - days))
    return np.concatenate([_within(where, hours, days[at], days[at + 1]) for at in moved] or [hours[:0]])


def _within(where: tzinfo, hours: Instants, low: np.datetime64, high: np.datetime64) -> Instants:
    """The hours at which the offset differs from an hour before, of those after one instant up to another."""
    some = hours[(hours >= low) & (hours <= high)]
    moved: Instants = some[1:][np.diff(walls(some, where) - some) != ZERO]
    return moved
