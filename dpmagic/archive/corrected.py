"""Days whose jobs Azure tells otherwise than the archive does, though it has seen them: jobs that were corrected, or
came into Resource Graph, more than a day after they began.

Rows that Azure shows again are the only ones that it can have changed: it is asked for how many there are of each
status, how long they took together, and how long the codes and messages of their errors are, by day and subscription.
That is an answer of a few rows; a day whose figures differ is read again.  A message that is reworded at its length, or
another recommendation alone, is not seen so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas

from dpmagic.archive.folder import Writer
from dpmagic.archive.forms import plain_frame
from dpmagic.archive.happened import Happened
from dpmagic.archive.manifest import never_seen
from dpmagic.errors import AzureError
from dpmagic.estate.columns import table
from dpmagic.estate.estate import Estate
from dpmagic.estate.grouped import grouped
from dpmagic.estate.window import Window

_A_DAY = timedelta(days=1)
_TEXTS = ("errorCode", "errorMessage")
_COLUMNS = ("subscriptionId", "status", "startTime", "duration", *_TEXTS)
_BY = ["subscriptionId", "day", "status"]
_FIGURES = ["n", "seconds", "letters"]
_SECOND = 1.0  # what sums of durations may differ by for nothing


def corrected(writer: Writer, estate: Estate, window: Window) -> list[datetime]:
    """The UTC days, as their midnights, of the window of which Azure now has jobs that the archive does not have, or
    has with another status, duration or error; of those that it has seen, and no other.

    Raises what asking Azure raises; where the service does not group, there are none.
    """
    days = _seen(writer, window)
    if not days:
        return []
    try:
        theirs = _now(estate.over(window))
    except AzureError as refused:
        if refused.status != 400:
            raise
        return []
    both = theirs.join(_stored(writer, window).add_suffix("Stored")).fillna(0)
    more = both["n"] > both["nStored"]
    other = (both["seconds"] - both["secondsStored"]).abs().gt(_SECOND) | both["letters"].ne(both["lettersStored"])
    found = both.index[more | both["n"].eq(both["nStored"]) & other].get_level_values("day").unique()
    return sorted(day for one in found if (day := one.to_pydatetime()) in days)


def _seen(writer: Writer, window: Window) -> set[datetime]:
    """The days of the window that have no hole."""
    looks = [run for run in writer.manifest.runs if run.read("jobs")]
    holes = never_seen(looks, window.start, window.end)
    day, found = window.start.replace(hour=0, minute=0, second=0, microsecond=0), set()
    while day < window.end:
        if not any(start < day + _A_DAY and end > day for start, end in holes):
            found.add(day)
        day += _A_DAY
    return found


def _now(estate: Estate) -> pandas.DataFrame:
    """What Azure says; where nothing has a price, by the rows themselves."""
    if not estate.source.metered:
        there = estate.source.columns("jobs") or ()
        return _figures(estate.table("jobs", [name for name in _COLUMNS if name in there]))
    found, _ = grouped(estate, "jobs", _body)
    if not len(found):
        return _figures(pandas.DataFrame())
    return _added(found.assign(day=pandas.to_datetime(found["day"], utc=True)))


def _body(more: Sequence[str]) -> str:
    keys = ", ".join(dict.fromkeys([*more, "subscriptionId", "status", "day = bin(startTime, 1d)"]))
    letters = f"sum({' + '.join(f'strlen({one})' for one in _TEXTS)})"
    return f"| summarize n = count(), seconds = sum(durationSeconds), letters = {letters} by {keys}"


def _stored(writer: Writer, window: Window) -> pandas.DataFrame:
    known = table("jobs")
    rows = Happened(writer.path, writer.manifest, known, window, [known.wire[one] for one in _COLUMNS]).rows()
    if rows is None:
        return _figures(pandas.DataFrame())
    return _figures(plain_frame(rows).rename(columns={known.wire[one]: one for one in _COLUMNS}))


def _figures(jobs: pandas.DataFrame) -> pandas.DataFrame:
    """Of rows of jobs: how many, how many seconds they took, and how many letters their errors have, by subscription,
    day and status."""
    jobs = jobs.reindex(columns=list(_COLUMNS))
    took = jobs["duration"]
    seconds = took.dt.total_seconds() if took.dtype.kind == "m" else took.astype("Float64")
    day = pandas.to_datetime(jobs["startTime"], utc=True).dt.floor("D")
    letters = sum(jobs[name].astype("str").str.len().fillna(0) for name in _TEXTS)
    return _added(jobs[["subscriptionId", "status"]].assign(day=day, n=1, seconds=seconds, letters=letters))


def _added(rows: pandas.DataFrame) -> pandas.DataFrame:
    keyed = rows.assign(
        **{name: rows[name].astype("str").str.lower().fillna("") for name in ("subscriptionId", "status")}
    )
    return keyed.groupby(_BY)[_FIGURES].sum().astype("float64")
