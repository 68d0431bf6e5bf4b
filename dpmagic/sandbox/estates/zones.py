"""Windows' names of time zones, which policies carry, and the calendar day of an instant in one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .. import times

# Windows name to IANA name: the territory-independent rows of Unicode CLDR's windowsZones for the regions Azure is in.
_WINDOWS = {
    "utc": "Etc/UTC",
    "gmt standard time": "Europe/London",
    "greenwich standard time": "Atlantic/Reykjavik",
    "w. europe standard time": "Europe/Berlin",
    "central europe standard time": "Europe/Budapest",
    "central european standard time": "Europe/Warsaw",
    "romance standard time": "Europe/Paris",
    "e. europe standard time": "Europe/Chisinau",
    "fle standard time": "Europe/Kyiv",
    "gtb standard time": "Europe/Bucharest",
    "turkey standard time": "Europe/Istanbul",
    "israel standard time": "Asia/Jerusalem",
    "south africa standard time": "Africa/Johannesburg",
    "arabian standard time": "Asia/Dubai",
    "arab standard time": "Asia/Riyadh",
    "india standard time": "Asia/Kolkata",
    "se asia standard time": "Asia/Bangkok",
    "china standard time": "Asia/Shanghai",
    "singapore standard time": "Asia/Singapore",
    "korea standard time": "Asia/Seoul",
    "tokyo standard time": "Asia/Tokyo",
    "aus eastern standard time": "Australia/Sydney",
    "new zealand standard time": "Pacific/Auckland",
    "e. south america standard time": "America/Sao_Paulo",
    "newfoundland standard time": "America/St_Johns",
    "atlantic standard time": "America/Halifax",
    "eastern standard time": "America/New_York",
    "central standard time": "America/Chicago",
    "mountain standard time": "America/Denver",
    "us mountain standard time": "America/Phoenix",
    "pacific standard time": "America/Los_Angeles",
    "alaskan standard time": "America/Anchorage",
    "hawaiian standard time": "Pacific/Honolulu",
}


def zone(name: str | None) -> tzinfo:
    """The time zone of a Windows or IANA name; nothing, or "UTC", is UTC. Raises ValueError if it is neither."""
    if not name or name.lower() in ("utc", "coordinated universal time"):
        return UTC
    try:
        return ZoneInfo(_WINDOWS.get(name.lower(), name))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"not a time zone: {name!r}") from error


def offset(where: tzinfo, instant: int) -> int:
    """How far the zone is ahead of UTC at an instant, in ticks."""
    if where is UTC:
        return 0
    ahead = times.moment(instant).astimezone(where).utcoffset()
    assert ahead is not None, "every zone of zone() knows"
    return ahead // timedelta(microseconds=1) * 10


def localise(wall: datetime, where: tzinfo) -> datetime:
    """A wall time in the zone as an aware UTC instant; of an hour that comes twice, the first."""
    return wall.replace(tzinfo=where, fold=0).astimezone(UTC)
