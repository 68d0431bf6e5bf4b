"""Spans whose jobs nobody saw: a run that was due then is not known to have been missed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.backups.history import History
from dpmagic.analysis.backups.keys import SLACK, instants, subscriptions
from dpmagic.estate.completeness import KEY
from dpmagic.estate.estate import Estate
from dpmagic.estate.live import KEPT
from dpmagic.estate.window import Window, instant
from dpmagic.frames.times import format_time

_SLACK = np.timedelta64(SLACK)


@dataclass(frozen=True)
class Hole:
    """A span whose jobs nobody saw: of one ``subscription``, in lower case, or of all ("")."""

    start: np.datetime64
    end: np.datetime64
    subscription: str = ""

    @property
    def why(self) -> str:
        first, last = (pandas.Timestamp(at).tz_localize("UTC").to_pydatetime() for at in (self.start, self.end))
        whose = f" of subscription {self.subscription}" if self.subscription else ""
        return f"no run saw the jobs{whose} from {format_time(first, 'auto')} to {format_time(last, 'auto')}"

    def of(self, owners: Any) -> Any:
        """Which of these subscriptions, in lower case, it is about."""
        return np.full(len(owners), True) if not self.subscription else np.asarray(owners == self.subscription)


def holes_of(told: Any) -> list[Hole]:
    """The holes that the completeness of jobs names, in order of time."""
    found = [Hole(_instant(start), _instant(end), *map(str.lower, whose)) for start, end, *whose in told or ()]
    return sorted(found, key=lambda one: (one.start, one.subscription))


def holes_in(estate: Estate) -> list[Hole]:
    """The holes of the estate's window."""
    return holes_of(estate.remembers("jobs").get("holes"))


def known_since(estate: Estate, jobs: pandas.DataFrame, said: str | None) -> datetime:
    """From when on there are jobs, as their table says; one that does not say is taken to go back the 14 days for
    which the service keeps them, and as far as its oldest job."""
    if said:
        return instant(said)
    oldest: list[datetime] = [one.to_pydatetime() for one in jobs["startTime"].dropna().nsmallest(1)]
    return min([estate.now - KEPT, *oldest])


def jobs_known(estate: Estate, jobs: pandas.DataFrame) -> Window | None:
    """The last span up to the window's end of which all ``jobs`` are there; None if there is none."""
    said = estate.remembers("jobs")
    seen = [pandas.Timestamp(hole.end).tz_localize("UTC").to_pydatetime() for hole in holes_of(said.get("holes"))]
    until = min([estate.window.end, estate.now, *map(instant, said.get("until", ()))])
    start = max([estate.window.start, known_since(estate, jobs, said.get("since")), *seen])
    return Window(start, until) if start < until else None


def told(estate: Estate) -> list[str]:
    """The holes of the estate's window, each as a line."""
    return [hole.why for hole in holes_in(estate)]


def within(holes: Iterable[Hole], ids: pandas.Series) -> pandas.Series:
    """Which of these ids lie in a subscription whose jobs nobody saw for a while."""
    owners, found = subscriptions(ids), np.full(len(ids), False)
    for hole in holes:
        found |= hole.of(owners)
    return pandas.Series(found, ids.index)


def without(found: History, jobs: pandas.DataFrame, unreadable: Collection[str] = ()) -> History:
    """The history, where what was due in a hole of these ``jobs`` and has no job in time is unverifiable.

    Of an ``unreadable`` subscription nothing else is known either: what is not seen there is not gone.
    """
    for hole in holes_of(jobs.attrs.get(KEY, {}).get("holes")):
        found = _without(found, hole)
    unsure = found.unverifiable
    if not unreadable or not len(unsure):
        return found
    blind = pandas.Series(subscriptions(unsure["instance"]), unsure.index).isin([one.lower() for one in unreadable])
    return replace(found, unverifiable=unsure.assign(why=unsure["why"].mask(blind, "the subscription cannot be read")))


def _without(found: History, hole: Hole) -> History:
    due, began = (instants(found.expected[name]) for name in ("due", "startTime"))
    inside = (due < hole.end) & (due + _SLACK > hole.start) & ~(began - due <= _SLACK)
    if hole.subscription and inside.any():
        inside[inside] = hole.of(subscriptions(found.expected.loc[inside, "instance"]))
    if not inside.any():
        return found
    lost = found.expected[inside].groupby(["instance", "policy"], sort=False, observed=True)["due"]
    rows = lost.agg(due="min", runs="size").reset_index().assign(why=hole.why)
    rows = rows.astype({name: found.unverifiable[name].dtype for name in rows})
    unsure = [rows[found.unverifiable.columns], found.unverifiable]
    known = found.expected[~inside].reset_index(drop=True)
    made = pandas.concat([one for one in unsure if len(one)], ignore_index=True)
    return replace(found, expected=known, unverifiable=made)


def _instant(text: str) -> np.datetime64:
    return np.datetime64(instant(text).replace(tzinfo=None), "us")
