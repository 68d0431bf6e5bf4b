"""One policy's due times, tags and expiries as a DataFrame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dpmagic.errors import InvalidArgument
from dpmagic.schedules.instants import DAY, edges, instant
from dpmagic.schedules.policies import Schedule

if TYPE_CHECKING:
    import pandas

_NO_SHIFT = "clocks do not change in the window"


def expected_points(
    policy: Any, window: Any, succeeded: Sequence[bool] | None = None, last_success: Any = None
) -> pandas.DataFrame:
    """The runs of a policy that are due in ``window`` = ``[a, b)``, one row each, and the point each should leave.

    ``due`` is in UTC and ``localTime`` the same on clocks in the policy's zone; ``retentionTag`` is the tag that wins,
    ``retention`` its period and ``expiryTime`` the end of that, reckoned from ``due`` (real points count from when
    they are created, about a minute later). ``succeeded`` says of each run whether it did, in order: a run that failed
    leaves no point, so its expiry is missing, and the next may be the first of the day. Without it all succeed.
    ``last_success`` is when the last run before the window that succeeded was due: by default the one before.

    ``attrs["schedule"]`` says the zone, and how the change to summer time is read. ``policy`` is as for `Schedule.of`.
    Raises `InvalidArgument` where the policy cannot be read, or ``succeeded`` has not one value a run.
    """
    import pandas as pd

    schedule = Schedule.of(policy)
    start, end = edges(window)
    due = schedule.due(_earlier(schedule, start, last_success), end)
    runs = np.flatnonzero(due >= start)
    done = np.ones(len(runs), bool) if succeeded is None else np.asarray(succeeded, bool)
    if len(done) != len(runs):
        raise InvalidArgument(f"succeeded has {len(done)} values, and {len(runs)} runs are due", "give one a run")
    tagging = schedule.tagging(due)
    before = np.maximum.accumulate(np.append([_first(due, start, last_success)], np.where(done, runs, -1)))[:-1]
    chosen = tagging.choose(runs, before)
    expiry = schedule.expiries(tagging.tags, chosen, due[runs])
    expiry[~done] = "NaT"
    periods = {tag: schedule.period(tag) for tag in tagging.tags}
    tags = [tagging.tags[number] for number in chosen]
    frame = pd.DataFrame(
        {
            "due": pd.Series(due[runs]).dt.tz_localize("UTC"),
            "localTime": schedule.walls(due[runs]),
            "retentionTag": pd.Series(tags, dtype="str"),
            "retention": pd.Series([found.text if (found := periods[tag]) else None for tag in tags], dtype="str"),
            "expiryTime": pd.Series(expiry).dt.tz_localize("UTC"),
            "succeeded": pd.Series(done, dtype="boolean"),
        }
    )
    frame.attrs["schedule"] = {"timeZone": str(schedule.zone), "clocks": _clocks(schedule, start, end)}
    return frame


def _earlier(schedule: Schedule, start: np.datetime64, last_success: Any) -> np.datetime64:
    """From when on due times matter: those before the window say which run is the first of its day."""
    back = start - 2 * max([DAY, *(interval.step for interval in schedule.intervals)])
    return back if last_success is None else min(back, instant(last_success))


def _first(due: Any, start: np.datetime64, last_success: Any) -> int:
    """The place of the last run before the window that succeeded, -1 if there is none."""
    known = due < start if last_success is None else due <= min(instant(last_success), start)
    return int(np.count_nonzero(known)) - 1


def _clocks(schedule: Schedule, start: np.datetime64, end: np.datetime64) -> str:
    shifts = schedule.shifts(start, end)
    when = ", ".join(f"{np.datetime_as_string(at, 'm')}Z" for at in shifts)
    return f"due times stay fixed in UTC though clocks change at {when}" if len(shifts) else _NO_SHIFT
