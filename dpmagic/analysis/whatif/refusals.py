"""What Azure does not take of a policy for disks, as its documentation says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dpmagic.datasources import manifest
from dpmagic.schedules import Schedule, Steady
from dpmagic.schedules.instants import DAY, ZERO

_HOUR = np.timedelta64(3_600_000_000, "us")
# Hours between backups of a disk, and for the two kinds below: of the support matrix.
_EVERY, _SLOWER = (1, 2, 4, 6, 8, 12, 24), 12
_SLOW = ("premiumv2_lrs", "ultrassd_lrs")
_YEAR = 366  # days: "1 year or 450 snapshots, whichever is first"


def refusals(schedule: Schedule, kept: Steady, skus: Any, policy_limit: int) -> Iterator[str]:
    """Why the service would not take the policy for disks of these SKUs, reason by reason; none if it would."""
    if len(kept.due) > policy_limit:
        yield f"{len(kept.due):,} points a disk: a policy may keep {policy_limit:,}"
    steps = [int(one.step // _HOUR) if one.step % _HOUR == ZERO else 0 for one in schedule.intervals]
    if any(step not in _EVERY for step in steps):
        yield f"disks are backed up every {', '.join(map(str, _EVERY[:-1]))} hours or every day"
    slow = int(skus.str.lower().isin(_SLOW).sum()) if len(skus) else 0
    if slow and any(0 < step < _SLOWER for step in steps):
        yield f"{slow:,} of its disks are Premium SSD v2 or Ultra: every {_SLOWER} hours or every day"
    if odd := [tag for tag in kept.tags if tag.lower() not in _tags(schedule)]:
        yield f"disks have no retention tag {', '.join(odd)}"
    longest = max((one.length(longest=True) for one in schedule.retentions.values()), default=0 * DAY)
    if longest > _YEAR * DAY:
        yield f"kept for {int(longest // DAY):,} days: a year at most"


def _tags(schedule: Schedule) -> set[str]:
    return {schedule.default.lower(), *(tag.lower() for tag in manifest("AzureDisk").tags)}
