"""When policies are due, which retention tag each run's point gets, and until when the point is kept.

Pure: policies in, instants out; nothing is asked of a connection. `Schedule.of` reads a policy once and answers for any
number of instances; `expected_points` lays one policy's answers out as a DataFrame. An instant is a ``datetime64[us]``
in UTC.
"""

from __future__ import annotations

from dpmagic.schedules.changes import changed
from dpmagic.schedules.expected import expected_points
from dpmagic.schedules.instants import Instants
from dpmagic.schedules.intervals import Repeating
from dpmagic.schedules.periods import Period
from dpmagic.schedules.policies import Schedule
from dpmagic.schedules.steady import Steady, most, steady
from dpmagic.schedules.tagging import Tagging
from dpmagic.schedules.zones import zone

__all__ = [
    "Instants",
    "Period",
    "Repeating",
    "Schedule",
    "Steady",
    "Tagging",
    "changed",
    "expected_points",
    "most",
    "steady",
    "zone",
]
