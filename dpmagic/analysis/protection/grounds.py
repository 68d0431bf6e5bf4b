"""What a gap rests on: observed or inferred, since when, and the detail in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.backups.keys import SLACK
from dpmagic.analysis.protection.verdicts import (
    DELETED,
    ERROR,
    EXCLUDED,
    NEVER,
    PERMISSION,
    STALE,
    STOPPED,
    SUSPENDED,
    UNSUPPORTED,
    UNVERIFIABLE,
)
from dpmagic.estate.window import Window


def explain(gaps: pandas.DataFrame, known: Window | None, complete: bool) -> pandas.DataFrame:
    """``evidence``, ``since``, ``sinceIs`` and ``detail`` of gaps.

    ``known`` is the span of which there are all jobs, None if there is none; ``complete`` says that no subscription
    that was asked for is unreadable, so that what is not seen is not there.
    ``since`` is when the gap began (``at``), or an instant that it began after or before.
    """
    reason = gaps["reason"]
    made = pandas.DataFrame({"evidence": "observed"}, index=gaps.index)
    unseen = reason.eq(NEVER) & gaps["instance"].isna()
    unproven = reason.eq(PERMISSION) & ~_says_so(gaps)
    guessed = reason.eq(STALE) & ~gaps["observed"].astype("boolean").fillna(False) & gaps["instance"].notna()
    inferred = (unseen & (not complete)) | unproven | guessed | reason.eq(UNVERIFIABLE)
    made.loc[inferred.to_numpy(bool), "evidence"] = "inferred"
    made["since"], made["sinceIs"] = _since(gaps, _idle(gaps, known))
    made["detail"] = _detail(gaps)
    return made


def _idle(gaps: pandas.DataFrame, known: Window | None) -> pandas.Series:
    """By when a run should have begun in a span without any: by then its instance was not protected any more."""
    if known is None:
        return pandas.Series(pandas.NaT, gaps.index, "datetime64[us, UTC]")
    due = (pandas.Timestamp(known.start) + gaps["interval"] + SLACK).astype("datetime64[us, UTC]")
    return due.where(due <= pandas.Timestamp(known.end))


def _since(gaps: pandas.DataFrame, idle: pandas.Series) -> tuple[pandas.Series, pandas.Series]:
    """When each gap began, and whether it is that instant, or after it, or before it."""
    reason = gaps["reason"]
    changed = reason.isin((ERROR, STOPPED, SUSPENDED)) & gaps["instance"].notna()
    point = gaps["latestPoint"].where(gaps["instance"].notna(), gaps["itemPoint"])
    limit = gaps["rpo"].where(gaps["instance"].notna(), gaps["itemRpo"])
    machine = reason.isin((ERROR, STOPPED, SUSPENDED)) & gaps["instance"].isna()
    refused = reason.eq(PERMISSION) & _says_so(gaps)
    # A backup that succeeded later had a point: it has gone since, nobody knows when.
    lost = reason.eq(STALE) & ~(gaps["lastSuccess"] <= point) & gaps["lastSuccess"].notna()
    overdue = (point + limit).astype("datetime64[us, UTC]")
    latest = gaps["lastSuccess"].astype("datetime64[us, UTC]")
    latest = latest.mask(overdue > latest, overdue)
    ways = (
        (reason.eq(DELETED) & gaps["deletionTime"].notna(), gaps["deletionTime"], "at"),
        (reason.isin((NEVER, UNSUPPORTED)), gaps["timeCreated"], "at"),
        (refused & gaps["failingSince"].notna(), gaps["failingSince"], "before"),
        (reason.eq(PERMISSION) & gaps["lastSuccess"].notna(), gaps["lastSuccess"], "after"),
        (lost, latest, "after"),
        (reason.eq(STALE) & point.notna(), overdue, "at"),
        # A run that a person asked for does not say that the schedule was on.
        (changed & gaps["lastScheduled"].notna(), gaps["lastScheduled"], "after"),
        (changed & gaps["lastRun"].isna(), idle, "before"),
        (machine, gaps["itemPoint"], "after"),
    )
    since = pandas.Series(pandas.NaT, gaps.index, "datetime64[us, UTC]")
    how = pandas.Series(np.nan, gaps.index, "str")
    for condition, instant, word in reversed(ways):
        since, how = since.mask(condition, instant.astype(since.dtype)), how.mask(condition, word)
    return since, how.mask(since.isna())


def _says_so(gaps: pandas.DataFrame) -> pandas.Series:
    """Whether the last backup that is over failed for want of a role."""
    return gaps["lastCode"].str.contains("permission|msi", case=False, na=False)


def _detail(gaps: pandas.DataFrame) -> pandas.Series:
    """What stands behind each reason, in words."""
    said: dict[Any, str] = {}
    for reason, (columns, say) in _SAYS.items():
        rows = gaps.loc[gaps["reason"].eq(reason), list(columns)]
        cells = rows.astype(object).where(rows.notna(), None)
        said |= zip(rows.index, (say(*row) for row in cells.itertuples(index=False, name=None)), strict=True)
    return pandas.Series([said[place] for place in gaps.index], gaps.index, "str")


def _never(state: str | None) -> str:
    return f"its backup instance is {state}" if state else "no backup instance, and no backup of its machine"


def _error(code: str | None, message: str | None, vault: str | None) -> str:
    said = ": ".join(part for part in (code, message) if part)
    return said or (f"the backup of its machine in {vault} is in error" if vault else "in error, without a code")


def _paused(state: str | None, name: str | None, vault: str | None) -> str:
    return f"{state} ({name})" if state else f"the backup of its machine in {vault}"


def _deleted(name: str | None, purge: datetime | None) -> str:
    return f"{name} is kept until {_instant(purge)}" if purge else f"{name or 'its backup instance'} is being deleted"


def _permission(reader: bool | None, contributor: bool | None, vault: str | None, group: str | None) -> str:
    roles = [
        *(["Disk Backup Reader at the disk or above"] if reader else []),
        *([f"Disk Snapshot Contributor at {str(group).rsplit('/', 1)[-1]} or above"] if contributor else []),
    ]
    return f"the identity of {vault} lacks {' and '.join(roles)}"


def _stale(
    instance: str | None,
    point: Any,
    rpo: Any,
    item: Any,
    item_rpo: Any,
    status: str | None,
    code: str | None,
    running: Any,
) -> str:
    at, limit = (point, rpo) if instance else (item, item_rpo)
    newest = f"newest point {_instant(at)}" if at else "no recovery point was found"
    allowed = f", RPO {_hours(limit)}" if limit else ""
    last = f"; its last backup {status}{f' ({code})' if code else ''}" if instance and status else ""
    going = f"; one has been running since {_instant(running)}" if instance and running else ""
    return f"{newest}{allowed}{last}{going}"


def _left_out(lun: Any, vm: str | None, vault: str | None) -> str:
    return f"the backup of {vm} in {vault} leaves out LUN {lun}"


def _unsupported(why: str | None, sku: str | None, per_day: float | None) -> str:
    return why or f"{sku} takes at most two backups a day, its policy asks for {per_day:g}"


def _unverifiable(
    state: str | None, standing: str | None, vm: str | None, item: str | None, takes: bool | None, seen: Any
) -> str:
    if standing == "configured":
        return "the age of its newest point cannot be judged: its policy could not be read"
    if standing:
        return f"its backup instance is {state}, a state that is not known"
    if item and takes is None:
        return f"{vm} is backed up, and which of its disks is not given"
    if item:
        return f"the backup of {vm} is in a state that is not known"
    return f"Azure Backup made a snapshot of it at {_instant(seen)}, for no vault that could be read"


_SAYS: dict[str, tuple[tuple[str, ...], Callable[..., str]]] = {
    NEVER: (("state",), _never),
    ERROR: (("errorCode", "errorMessage", "itemVault"), _error),
    STOPPED: (("state", "instanceName", "itemVault"), _paused),
    SUSPENDED: (("state", "instanceName", "itemVault"), _paused),
    DELETED: (("deletedName", "scheduledPurgeTime"), _deleted),
    PERMISSION: (("lacksReader", "lacksContributor", "vaultName", "resourceGroupId"), _permission),
    STALE: (
        ("instance", "latestPoint", "rpo", "itemPoint", "itemRpo", "lastStatus", "lastCode", "runningSince"),
        _stale,
    ),
    EXCLUDED: (("lun", "vmName", "itemVault"), _left_out),
    UNSUPPORTED: (("unsupported", "sku", "perDay"), _unsupported),
    UNVERIFIABLE: (("state", "standing", "vmName", "itemStanding", "itemTakes", "seenBackup"), _unverifiable),
}


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _hours(length: timedelta) -> str:
    """A length of time in hours, as one speaks of RPOs.

    >>> _hours(timedelta(hours=26, minutes=4))
    '26.1 h'
    """
    return f"{length.total_seconds() / 3600:.3g} h"
