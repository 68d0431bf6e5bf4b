"""What every answer says of itself, and what analyses ask of an estate beside its tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas

from dpmagic.analysis.backups.history import History, backups, history
from dpmagic.analysis.backups.keys import key
from dpmagic.analysis.backups.policies import Schedules, schedules_of
from dpmagic.estate.completeness import KEY
from dpmagic.estate.estate import Estate

_A_DAY = timedelta(days=1)  # a job that began later than that is not the run of a due time before


def answer(estate: Estate, frame: pandas.DataFrame, *notes: str, **more: Any) -> pandas.DataFrame:
    """The frame with its completeness: what was read for it, the notes, and ``more`` figures, all JSON."""
    whole = {**estate.completeness, "window": estate.window.texts(), "rows": len(frame)}
    frame.attrs[KEY] = {**whole, "notes": [note for note in notes if note], **more}
    return frame


def jobs_of(estate: Estate) -> pandas.DataFrame:
    """The backup jobs from the window's start until a day after its end, as `backups` has them; now, if that is sooner.

    A run that was due before the window's end may begin after it.
    """
    until = min(estate.now + timedelta.resolution, max(estate.window.end + _A_DAY, estate.window.end))
    wider = estate if until <= estate.window.end else estate.over((estate.window.start, until))
    return backups(wider.jobs())


def jobs_until_now(estate: Estate) -> pandas.DataFrame:
    """The backup jobs from the window's start until now."""
    if estate.now < estate.window.end:
        return backups(estate.jobs())
    return backups(estate.over((estate.window.start, estate.now + timedelta.resolution)).jobs())


def history_of(estate: Estate, jobs: pandas.DataFrame) -> tuple[History, Schedules]:
    """The history of the estate's window, and the schedules of its policies."""
    schedules = schedules_of(estate.policies())
    return history(estate.instances(), jobs, schedules, estate.window, estate.now), schedules


def readable(estate: Estate, ids: pandas.Series) -> pandas.Series:
    """Whether what stands below each id can be seen: its subscription answered, or nothing says which did."""
    scope = estate.source.scope
    if not scope.asked:
        return ids.notna()
    seen = {one.lower() for one in scope.readable}
    return key(ids).str.extract(r"^/subscriptions/([^/]+)", expand=False).isin(seen)
