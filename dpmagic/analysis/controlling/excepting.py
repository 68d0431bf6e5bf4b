"""Exceptions of a control: who is let off, why, by whom, and until when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas

from dpmagic.analysis.controlling.marked import at, known
from dpmagic.analysis.protection.tags import tag
from dpmagic.errors import InvalidArgument
from dpmagic.estate.window import instant

_MEMBERS = ("id", "tag", "reason", "by", "until")
_HOW = "give `id` or `tag`, and `reason`, `by`, `until`"
_BEFORE_OFFSET = re.compile(r"\s+(?=(?:Z|[-+]\d\d(?::?\d\d)?)$)")  # YAML may have a space there


@dataclass(frozen=True)
class Exemption:
    """Why members that do not pass are let off, by whom, and until when: an id or what is below it, or a tag."""

    id: str
    tag: str
    reason: str
    by: str
    until: datetime

    def covers(self, made: pandas.DataFrame) -> pandas.Series:
        """Which of these members, by ``id`` and ``tags``, it is about."""
        if self.id:
            return (made["id"].str.lower() + "/").str.startswith(f"{self.id}/")
        name, equals, value = self.tag.removeprefix("tags.").partition("=")
        found = tag(made["tags"], name.strip())
        return found.str.lower().eq(value.strip().lower()) if equals else found.notna()

    def __str__(self) -> str:
        return f"of {self.id or self.tag} by {self.by}"


def exemptions(of: Any) -> tuple[Exemption, ...]:
    """The exceptions of a control.  Raises `InvalidArgument` for one that is not understood, with its line."""
    found = of.get("except") or []
    if not isinstance(found, list):
        raise InvalidArgument(f"{at(of, 'except')}except is no list", "write it with a dash before each")
    return tuple(_exemption(of, one) for one in found)


def _exemption(of: Any, one: Any) -> Exemption:
    if not isinstance(one, Mapping):
        raise InvalidArgument(f"{at(of, 'except')}an exception is no mapping", _HOW)
    for member in one:
        known(one, "of an exception, the member", member, _MEMBERS, member)
        if isinstance(one[member], Mapping | list):
            raise InvalidArgument(f"{at(one, member)}{member} is no text", _HOW)
    lacking = [member for member in ("reason", "by", "until") if not one.get(member)]
    if lacking or bool(one.get("id")) == bool(one.get("tag")):
        said = f"has no {lacking[0]}" if lacking else "needs one of id and tag"
        raise InvalidArgument(f"{at(one, '') or at(of, 'except')}an exception {said}", _HOW)
    whose = str(one.get("id") or "").lower().rstrip("/")
    if whose and not whose.startswith("/subscriptions/"):
        told = f"{at(one, 'id')}{str(one['id'])!r} is no id"
        raise InvalidArgument(told, "write it whole, from /subscriptions/ on, or choose by `tag`")
    texts = (str(one.get("tag") or ""), str(one["reason"]), str(one["by"]))
    return Exemption(whose, *texts, _until(one))


def _until(one: Any) -> datetime:
    """A day is over when it begins: what is let off until then is not let off on it."""
    until = one["until"]
    try:
        if isinstance(until, date):
            return instant(until.isoformat())
        return instant(_BEFORE_OFFSET.sub("", until.strip()) if isinstance(until, str) else until)
    except InvalidArgument as error:
        told = f"{at(one, 'until')}until {until!r} is no instant"
        raise InvalidArgument(told, "write 2027-01-01, or 2027-01-01T08:00:00Z") from error
