"""What every answer says of itself, and what analyses ask of an estate beside its tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import pandas

from dpmagic.analysis.backups.history import History, backups, history
from dpmagic.analysis.backups.holes import known_since, without
from dpmagic.analysis.backups.keys import among, subscriptions
from dpmagic.analysis.backups.policies import schedules_of
from dpmagic.analysis.backups.snapshots import newest
from dpmagic.errors import AzureError, InvalidArgument
from dpmagic.estate.columns import table
from dpmagic.estate.completeness import KEY
from dpmagic.estate.estate import Estate
from dpmagic.estate.excerpts import NEWEST_SNAPSHOTS
from dpmagic.estate.packing import read_packed
from dpmagic.estate.portions import OF_WHAT, large, portions, reading_once
from dpmagic.estate.reading import Wanted, ahead
from dpmagic.estate.window import instant
from dpmagic.frames.times import format_time
from dpmagic.frames.told import Told

RECENT = (
    "backupInstanceId", "policyId", "operationCategory", "status", "startTime", "duration", "errorCode",
    "isUserTriggered",
)  # fmt: skip
"""The columns of jobs that say how an instance's backups have gone: all that coverage takes of jobs."""

BACKUPS = (
    *RECENT, "id", "subscriptionId", "vaultName", "backupInstanceFriendlyName", "dataSourceId", "dataSourceName",
    "dataSourceType", "policyName", "endTime", "errorMessage", "isUserError",
    "recommendedAction", "retentionTag", "recoveryPointId",
)  # fmt: skip
"""The columns of jobs that any question about backups takes, so that several read them once."""

_ALSO = ("vaultId",)  # how long jobs of a vault take is not about backups alone: files need not be read anew for it

SNAPSHOTS = (
    "id", "name", "subscriptionId", "resourceGroup", "incremental", "sourceResourceId", "sourceUniqueId",
    "diskSizeGB", "timeCreated", "tags",
)  # fmt: skip
"""The columns of snapshots that any question takes."""

_A_DAY = timedelta(days=1)  # a job that began later than that is not the run of a due time before


def answer(estate: Estate, frame: pandas.DataFrame, *notes: str, **more: Any) -> pandas.DataFrame:
    """The frame with its completeness: what was read for it, the notes, and ``more`` figures, all JSON."""
    said = {"window": estate.window.texts(), "rows": len(frame), **more}
    said["notes"] = [*dict.fromkeys(note for note in notes if note)]
    frame.attrs[KEY] = Told(estate.completeness | said)
    return frame


def whole(estate: Estate, name: str, columns: Collection[str] | None = None) -> pandas.DataFrame:
    """A table with all of its columns, or all of these: those that it was given without are missing in every row."""
    rows, dtypes = estate.table(name, columns), table(name).dtypes
    absent = {one: dtypes[one] for one in (dtypes if columns is None else columns) if one not in rows}
    nothing = {column: pandas.Series(None, index=rows.index, dtype=dtype) for column, dtype in absent.items()}
    return rows.assign(**nothing)


def read_ahead(estate: Estate, *, snapshots: bool = False) -> None:
    """Read jobs as the questions to come take them, so that none has to read them anew; all ``snapshots``, too.

    Those of an archive's year are not kept: each question looks at them a portion at a time.  What is not there, or is
    refused, each question that needs it says itself.
    """
    wider, wanted = until_now(estate), []
    if snapshots and estate.has("snapshots"):
        with suppress(AzureError):
            read_packed(wider, SNAPSHOTS, "jobs")
        wanted.append(Wanted("snapshots", estate.window, frozenset(SNAPSHOTS)))
    if estate.has("jobs") and not large(wider):
        columns = BACKUPS if estate.source.metered else (*BACKUPS, *_ALSO)
        wanted.append(Wanted("jobs", wider.window, frozenset(columns)))
    ahead(estate, wanted)


@contextmanager
def read_once(estate: Estate, *, snapshots: bool = False) -> Iterator[None]:
    """`read_ahead`, and within it those of an archive's year are read from files once."""
    read_ahead(estate, snapshots=snapshots)
    with reading_once(until_now(estate), [name for name in BACKUPS if name != "recoveryPointId"]):
        yield


def newest_snapshots(estate: Estate, verify: str | None = None) -> pandas.DataFrame:
    """The snapshots that tell when the newest point was made; all of them where points are held against them."""
    return estate.table("snapshots", SNAPSHOTS) if verify else estate.once(_newest_snapshots)


def _newest_snapshots(estate: Estate) -> pandas.DataFrame:
    return newest(estate.excerpt(NEWEST_SNAPSHOTS, SNAPSHOTS))


def jobs_of(estate: Estate) -> pandas.DataFrame:
    """The backup jobs from the window's start until a day after its end, or now, as `backups` has them."""
    return with_runs(estate).once(_backups).copy(deep=False)


def with_runs(estate: Estate) -> Estate:
    """The estate over a day more, up to now: a run that was due before the window's end may begin after it."""
    until = min(estate.now + timedelta.resolution, max(estate.window.end + _A_DAY, estate.window.end))
    return estate if until <= estate.window.end else estate.over((estate.window.start, until))


def until_now(estate: Estate) -> Estate:
    """The estate from its window's start up to now."""
    return estate.over((min(estate.window.start, estate.now), estate.now + timedelta.resolution))


def jobs_until_now(estate: Estate) -> pandas.DataFrame:
    """The backup jobs from the window's start up to now."""
    return until_now(estate).once(_backups).copy(deep=False)


def _backups(estate: Estate) -> pandas.DataFrame:
    jobs = whole(estate, "jobs", BACKUPS)
    return backups(jobs.astype(dict.fromkeys(OF_WHAT, "category")))


def restores_of(estate: Estate, columns: Collection[str] = BACKUPS) -> pandas.DataFrame:
    """The restores from the window's start up to now: at least these columns, of an archive's year no others."""
    wider = until_now(estate)
    found = [part.table("jobs", BACKUPS) for part in portions(wider, columns, category="restore")]
    jobs = pandas.concat(found, ignore_index=True) if len(found) > 1 else found[0]
    return jobs[among(jobs["operationCategory"], ("restore",))]


def history_of(estate: Estate, *, keep: bool = True) -> History:
    """The history of the estate's window, by its `jobs_of`; not to be changed, for it is made once.

    It is as large as the jobs: do not ``keep`` that of a window that one question alone asks for.
    """
    return estate.once(_history) if keep else _history(estate)


def _history(estate: Estate) -> History:
    jobs = jobs_of(estate)
    reach, schedules = reached(estate, jobs), schedules_of(estate.policies())
    found = history(whole(estate, "instances"), jobs, schedules, estate.window, reach, known_until(estate, jobs))
    return without(found, jobs, estate.source.scope.unreadable)


def known_until(estate: Estate, jobs: pandas.DataFrame) -> datetime:
    """Up to when there are jobs: now, unless the table was read for less."""
    return min([estate.now, *map(instant, jobs.attrs.get(KEY, {}).get("until", ()))])


def unknown_since(estate: Estate, jobs: pandas.DataFrame) -> str:
    """A note of what is not looked at, where the jobs do not go on until now."""
    until = known_until(estate, jobs)
    if until == estate.now:
        return ""
    return f"jobs are there up to {format_time(until, 'auto')} only: what was due since is not looked at"


def reached(estate: Estate, jobs: pandas.DataFrame) -> datetime:
    """From when in the window on there are jobs: the service forgets them after 14 days.

    Tables that do not say are taken to go back so far, and as far as their oldest job. Raises `InvalidArgument` when
    more than the window's first day is out of reach.
    """
    said = jobs.attrs.get(KEY, {}).get("since")
    since = max(estate.window.start, known_since(estate, jobs, said))
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
    return pandas.Series(subscriptions(ids), ids.index).isin(seen)
