"""How the backups of each instance have gone: from all jobs or, where those are too many, from the ones that tell.

Those are the backups that did not succeed, row by row, and of the others the last of each instance with how long they
all took: one row an instance, grouped at the source.  What is made of them is the same to the microsecond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.backups.answers import RECENT
from dpmagic.analysis.backups.keys import SUCCESS, among, is_backup, key, numbered
from dpmagic.errors import AzureError, IncompleteAnswer
from dpmagic.estate.columns import table
from dpmagic.estate.estate import Estate
from dpmagic.estate.excerpts import Excerpt
from dpmagic.estate.grouped import among as one_by_one
from dpmagic.estate.grouped import between, grouped
from dpmagic.estate.kept import Kept
from dpmagic.estate.plan import too_many
from dpmagic.estate.portions import large, portions
from dpmagic.frames.declared import conform
from dpmagic.graph.literals import literals

_OURS = "operationCategory =~ 'Backup' and isnotempty(backupInstanceId)"
_DONE = f"status in~ ({literals(SUCCESS)})"
TELLING = Excerpt(
    "jobs", "the backups that did not succeed, and of each instance the last that did,", f"{_OURS} and not({_DONE})"
)
"""The rows of jobs that tell how the last backups went; those that succeeded are grouped besides."""

_SHARE = 0.95


@dataclass(frozen=True)
class Recent:
    """``jobs`` are all backups, or those that tell, with the columns of `RECENT`; ``usual`` is by instance the 95th
    percentile of the durations of those that succeeded; ``note`` says why it is not all, if it is not."""

    jobs: pandas.DataFrame
    usual: pandas.Series
    note: str = ""


def recent(estate: Estate) -> Recent:
    """The backups in the estate's window; not to be changed, for it is made once."""
    if large(estate) and estate.now + timedelta.resolution < estate.window.end:  # as of one that ends now
        estate = estate.over((estate.window.start, estate.now + timedelta.resolution))
    return estate.once(_recent)


def _recent(estate: Estate) -> Recent:
    why = too_many(estate, "jobs", RECENT)
    try:
        if why:
            return _telling(estate, f"from the jobs that tell, counted at the source: rows would take {why}")
    except (AzureError, IncompleteAnswer) as refused:
        if isinstance(refused, AzureError) and refused.status != 400:
            raise
        why = f"from rows: Resource Graph does not group them ({refused.message})"
    if large(estate):
        return _of_portions(estate)
    jobs = estate.table("jobs", RECENT)
    return Recent(jobs, usual(jobs), why)


def _of_portions(estate: Estate) -> Recent:
    """Those that tell, of an archive's year a portion at a time."""
    failed, done, lengths = [], [], []
    for part in portions(estate, RECENT, together=True, category="backup"):
        jobs = part.table("jobs", RECENT)
        numbers, _ = numbered(jobs["backupInstanceId"])
        jobs = jobs.assign(number=numbers)[is_backup(jobs) & (numbers >= 0)]
        good = among(jobs["status"], SUCCESS)
        last = jobs[good].sort_values("startTime", kind="stable").drop_duplicates("number", keep="last")
        failed.append(jobs[~good].drop(columns="number"))
        done.append(last.drop(columns="number"))
        lengths.append(usual(jobs))
    rows = pandas.concat([*failed, *done], ignore_index=True)
    rows.attrs = failed[0].attrs
    return Recent(rows, pandas.concat(lengths))


def usual(jobs: pandas.DataFrame) -> pandas.Series:
    """By instance, the 95th percentile of the durations of its successful backups, to the microsecond."""
    numbers, keys = numbered(jobs["backupInstanceId"])
    done = (is_backup(jobs) & among(jobs["status"], SUCCESS) & jobs["duration"].notna()).to_numpy() & (numbers >= 0)
    lasted = jobs["duration"][done].astype("timedelta64[us]").astype("int64")
    found = _percentile(lasted, numbers[done])
    return found.set_axis(pandas.Index(keys[found.index]))


def last_success(jobs: pandas.DataFrame) -> pandas.Series:
    """By instance, when its last successful backup began."""
    numbers, keys = numbered(jobs["backupInstanceId"])
    done = (is_backup(jobs) & among(jobs["status"], SUCCESS)).to_numpy() & (numbers >= 0)
    found: pandas.Series = jobs["startTime"][done].groupby(numbers[done]).max()
    return found.set_axis(pandas.Index(keys[found.index]))


def _percentile(microseconds: pandas.Series, of: Any) -> pandas.Series:
    found: pandas.Series = microseconds.groupby(of).quantile(_SHARE).round().astype("int64").astype("timedelta64[us]")
    return found


def body(more: Sequence[str]) -> str:
    """The query behind the view of jobs: one row an instance, with the durations of its successful backups; of one that
    has some on demand, two."""
    keys = [*more, "instance = tolower(backupInstanceId)", "isUserTriggered"]
    return (
        f"| where {_OURS} and {_DONE}\n| summarize arg_max(startTime, policyId, status, errorCode), "
        f"n = countif(isnotnull(durationSeconds)), lengths = make_list(durationSeconds) by {', '.join(keys)}"
    )


def _telling(estate: Estate, note: str) -> Recent:
    axes = [*map(one_by_one, ("subscriptionId", "vaultId")), between("backupInstanceId")]
    found, _ = grouped(estate, "jobs", body, axes)
    failed = estate.excerpt(TELLING, RECENT)
    absent = [name for name in ("instance", "n", "lengths", *RECENT) if name not in found]
    found = found.assign(**dict.fromkeys(absent)).assign(operationCategory="Backup", duration=None)
    lengths = found.pop("lengths")
    if not lengths.map(_count).eq(found["n"].fillna(0)).all():
        raise IncompleteAnswer("Resource Graph gave only some of the durations of an instance", "run it again")
    done = conform(found.assign(backupInstanceId=found["instance"])[[*RECENT]], table("jobs").dtypes)
    jobs = pandas.concat([failed, done], ignore_index=True)
    jobs.attrs = failed.attrs
    estate.kept.keep(Kept(table("jobs"), estate.window, frozenset(map(str, failed)), jobs, TELLING))
    return Recent(jobs, _of_lists(lengths, key(found["instance"].astype("str"))), note)


def _of_lists(lengths: pandas.Series, instance: pandas.Series) -> pandas.Series:
    counts: Any = lengths.map(_count).to_numpy(np.int64)
    filled = [one for one in lengths if _count(one)]
    seconds = np.concatenate([np.asarray(one, float) for one in filled]) if filled else np.array([])
    # By way of Kusto's ticks, cut to the microsecond, as all durations are.
    microseconds = pandas.Series((seconds * 1e7).round().astype("int64") // 10)
    numbers, keys = numbered(instance)  # of millions of durations no id is written out
    found = _percentile(microseconds, np.repeat(numbers, counts))
    return found.set_axis(pandas.Index(keys[found.index]))


def _count(one: Any) -> int:
    return len(one) if isinstance(one, list) else 0
