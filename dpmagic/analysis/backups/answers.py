"""What every answer says of itself, and what analyses ask of an estate beside its tables."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas

from dpmagic.analysis.backups.history import History, backups, history
from dpmagic.analysis.backups.keys import each, key
from dpmagic.analysis.backups.policies import schedules_of
from dpmagic.errors import InvalidArgument
from dpmagic.estate.columns import table
from dpmagic.estate.completeness import KEY
from dpmagic.estate.estate import Estate
from dpmagic.estate.window import instant
from dpmagic.frames.times import format_time
from dpmagic.frames.told import Told

_A_DAY = timedelta(days=1)  # a job that began later than that is not the run of a due time before
_KEPT = timedelta(days=14)  # how long Resource Graph has jobs


def answer(estate: Estate, frame: pandas.DataFrame, *notes: str, **more: Any) -> pandas.DataFrame:
    """The frame with its completeness: what was read for it, the notes, and ``more`` figures, all JSON."""
    said = {"window": estate.window.texts(), "rows": len(frame), "notes": [note for note in notes if note], **more}
    frame.attrs[KEY] = Told(estate.completeness | said)
    return frame


def whole(estate: Estate, name: str) -> pandas.DataFrame:
    """A table with all of its columns: those that it was given without are missing in every row."""
    rows = estate.table(name)
    absent = {column: dtype for column, dtype in table(name).dtypes.items() if column not in rows}
    nothing = {column: pandas.Series(None, index=rows.index, dtype=dtype) for column, dtype in absent.items()}
    return rows.assign(**nothing)


def jobs_of(estate: Estate) -> pandas.DataFrame:
    """The backup jobs from the window's start until a day after its end, as `backups` has them; now, if that is sooner.

    A run that was due before the window's end may begin after it.
    """
    until = min(estate.now + timedelta.resolution, max(estate.window.end + _A_DAY, estate.window.end))
    wider = estate if until <= estate.window.end else estate.over((estate.window.start, until))
    return backups(whole(wider, "jobs"))


def until_now(estate: Estate) -> Estate:
    """The estate from its window's start up to now."""
    return estate.over((min(estate.window.start, estate.now), estate.now + timedelta.resolution))


def jobs_until_now(estate: Estate) -> pandas.DataFrame:
    """The backup jobs from the window's start up to now."""
    return backups(whole(until_now(estate), "jobs"))


def history_of(estate: Estate, jobs: pandas.DataFrame) -> History:
    """The history of the estate's window, by jobs as `jobs_of` gives them."""
    reach = reached(estate, jobs)
    return history(whole(estate, "instances"), jobs, schedules_of(estate.policies()), estate.window, reach, estate.now)


def reached(estate: Estate, jobs: pandas.DataFrame) -> datetime:
    """From when in the window on there are jobs: the service forgets them after 14 days.

    Tables that do not say are taken to go back so far, and as far as their oldest job. Raises `InvalidArgument` when
    more than the window's first day is out of reach.
    """
    said = jobs.attrs.get(KEY, {}).get("since")
    known = [instant(said)] if said else [estate.now - _KEPT, *jobs["startTime"].dropna().nsmallest(1)]
    since = max(estate.window.start, min(known))
    if said and since >= min(estate.window.start + _A_DAY, estate.window.end):
        raise InvalidArgument(
            f"the window begins at {estate.window.texts()[0]}, and there are jobs from {format_time(since, 'auto')} on",
            "ask over a later window, or an archive that goes back so far",
        )
    return since


def readable(estate: Estate, ids: pandas.Series) -> pandas.Series:
    """Whether what stands below each id can be seen: its subscription answered, or nothing says which did."""
    scope = estate.source.scope
    if not scope.asked:
        return ids.notna()
    seen = {one.lower() for one in scope.readable}
    return each(key(ids), lambda spelled: spelled.str.extract(r"^/subscriptions/([^/]+)", expand=False)).isin(seen)
