"""What planted defects do to single runs: miss them, delay them, fail them, stretch them, keep their points otherwise.

A rule looks at runs when they fall due, before they start. What it changes depends on the run alone, never on other
runs, so that the order in which time passes makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..times import SECOND
from . import failures, streams
from .columns import WAITING, Table
from .streams import Keys

DONE, FAILED, MISSED = 0, 1, 2
NEVER = np.iinfo(np.int64).max  # the end of a run that hangs


@dataclass(frozen=True)
class Rule:
    """One behaviour of some instances, for runs due from ``since`` to ``until`` of each. Spans are in ticks.

    ``effect`` is one of missed, late, failed, flaky, retried, long, stuck, drift, kept, lingering; the other members
    are what those need: ``lag`` after the due time, ``lasts``, ``fault`` by number, ``rate`` of failures, ``slope`` a
    day, ``extra`` retention, ``pause`` before a retry.
    """

    effect: str
    members: NDArray[np.int64]  # instances by number, sorted
    since: NDArray[np.int64]  # of each member
    until: NDArray[np.int64]
    cause: int
    lag: int = 0
    lasts: int = 0
    fault: int = 0
    rate: float = 0.0
    slope: int = 0
    extra: int = 0
    pause: int = 0

    def apply(self, runs: Table, keys: Keys, seed: int) -> Table:
        """Change the runs that the rule is about; returns runs to add, retries."""
        due = runs["due"]
        if not len(due) or due.max() < self.since.min() or due.min() > self.until.max():
            return Table.empty(WAITING)
        member = np.minimum(np.searchsorted(self.members, runs["instance"]), len(self.members) - 1)
        hit = (self.members[member] == runs["instance"]) & (due >= self.since[member]) & (due <= self.until[member])
        if self.effect == "flaky":
            hit &= streams.below(streams.draw(seed, keys, "flaky", runs["due"]), self.rate)
        if not hit.any():
            return Table.empty(WAITING)
        runs["cause"] = np.where(hit, self.cause, runs["cause"])
        return getattr(self, f"_{self.effect}")(runs, hit) or Table.empty(WAITING)

    def _missed(self, runs: Table, hit: NDArray[np.bool_]) -> None:
        runs["status"] = np.where(hit, MISSED, runs["status"])

    def _late(self, runs: Table, hit: NDArray[np.bool_]) -> None:
        lasts = runs["end"] - runs["start"]
        runs["start"] = np.where(hit, runs["due"] + self.lag, runs["start"])
        runs["end"] = np.where(hit, runs["start"] + lasts, runs["end"])

    def _failed(self, runs: Table, hit: NDArray[np.bool_]) -> None:
        runs["status"] = np.where(hit, FAILED, runs["status"])
        runs["fault"] = np.where(hit, self.fault, runs["fault"])
        self._shrink(runs, hit)

    _flaky = _failed

    def _retried(self, runs: Table, hit: NDArray[np.bool_]) -> Table:
        """The first attempt fails, the second does what the run would have done."""
        again = runs.take(hit)
        self._failed(runs, hit)
        lasts = again["end"] - again["start"]
        again["start"] = runs["end"][hit] + self.pause
        again["end"] = again["start"] + lasts
        again["attempt"] = 1
        again["cause"] = self.cause
        return again

    def _long(self, runs: Table, hit: NDArray[np.bool_]) -> None:
        runs["end"] = np.where(hit, runs["start"] + self.lasts, runs["end"])

    def _stuck(self, runs: Table, hit: NDArray[np.bool_]) -> None:
        """It hangs for good, or until the service gives up."""
        runs["end"] = np.where(hit, runs["start"] + self.lasts if self.lasts else NEVER, runs["end"])
        runs["status"] = np.where(hit, FAILED, runs["status"])
        runs["fault"] = np.where(hit, self.fault, runs["fault"])

    def _drift(self, runs: Table, hit: NDArray[np.bool_]) -> None:
        more = self.slope * ((runs["due"] - self.since[0]) // SECOND) // 86_400  # the same of every member
        runs["end"] = np.where(hit, runs["end"] + more, runs["end"])

    def _kept(self, runs: Table, hit: NDArray[np.bool_]) -> None:
        runs["kept"] = np.where(hit, self.extra, runs["kept"])

    def _lingering(self, runs: Table, hit: NDArray[np.bool_]) -> None:
        runs["linger"] = np.where(hit, self.extra, runs["linger"])

    def _shrink(self, runs: Table, hit: NDArray[np.bool_]) -> None:
        """A failure takes its own time, give or take as much as the run would have."""
        lasts = runs["end"] - runs["start"]
        runs["end"] = np.where(hit, runs["start"] + self.lasts + lasts % (5 * SECOND), runs["end"])


def fails_after(code: str) -> int:
    """How long a run that fails with the code takes, in ticks."""
    return failures.seconds(code) * SECOND
