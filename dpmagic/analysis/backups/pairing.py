"""Which scheduled job is the run of which due time, for all instances of a policy at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpmagic.schedules import Instants

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_FAR = np.timedelta64(86_400_000_000, "us")  # nothing starts a day late


def pair(due: Instants, instances: Numbers, starts: Instants, failed: Flags) -> Numbers:
    """The place in ``due`` of the run that each job is, -1 for a job that began before all of them.

    ``instances`` are numbers; jobs must be in order of instance and start. A job is the run of the latest due time that
    is not after its start. Of several jobs that this gives one due time the first is its run; one that follows a failed
    one is a second attempt at it; any other is late, from the latest earlier due time that has no job.
    """
    runs = np.searchsorted(due, starts, side="right").astype(np.int64) - 1
    same = np.zeros(len(runs), bool)
    same[1:] = (instances[1:] == instances[:-1]) & (runs[1:] == runs[:-1]) & (runs[1:] >= 0)
    again = np.zeros(len(runs), bool)
    again[1:] = same[1:] & failed[:-1]
    late = np.flatnonzero(same & ~again)
    if len(late):
        _late(due, instances, starts, runs, late)
    return runs


def _late(due: Instants, instances: Numbers, starts: Instants, runs: Numbers, late: Numbers) -> None:
    """Give jobs that are late the due times they are of; those without such a one stay what they are."""
    for one in np.unique(instances[late]).tolist():
        low, high = np.searchsorted(instances, [one, one + 1])
        taken = set(runs[low:high].tolist())
        for job in late[(late >= low) & (late < high)].tolist():
            free = _free(due, taken, int(runs[job]), starts[job])
            if free >= 0:
                runs[job] = free
                taken.add(free)


def _free(due: Instants, taken: set[int], place: int, start: Any) -> int:
    """The latest due time before a place that no job is of, within a day of the start; -1 if there is none."""
    while place >= 0 and start - due[place] <= _FAR:
        if place not in taken:
            return place
        place -= 1
    return -1
