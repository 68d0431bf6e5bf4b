"""What an archive's runs saw of a table, and which days and spans of a window nobody did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dpmagic.archive.answered import unseen
from dpmagic.archive.manifest import Run, days_told, days_without, never_seen
from dpmagic.estate.columns import table
from dpmagic.estate.window import Window
from dpmagic.frames.times import format_time


@dataclass(frozen=True)
class Looks:
    """The ``runs`` until ``now``, in order."""

    runs: Sequence[Run]
    now: datetime

    def last(self, name: str) -> datetime | None:
        """When the last of them read a table."""
        return next((run.at for run in reversed(self.runs) if run.read(name)), None)

    def says(self, name: str, window: Window) -> Mapping[str, Any]:
        """What the completeness of a table says of a window: ``notes``, ``holes`` and, of what happened, ``since``."""
        holes = [
            [_shown(first), _shown(last), *([one] if one else [])] for one, first, last in self._holes(name, window)
        ]
        if not table(name).time:
            return {"notes": self._days(name, window), "holes": holes}
        looks = self._of(name)
        since = {"since": format_time(looks[0].asked(name))} if looks else {}
        return {"notes": self.unseen(name, window), "holes": holes, **since}

    def unseen(self, name: str, window: Window) -> list[str]:
        """The spans of the window whose jobs, or changes, no run has seen, each as a line."""
        found = [(f" of subscription {one}" if one else "", a, b) for one, a, b in self._holes(name, window)]
        return [f"no run saw the {name}{whose} from {_shown(first)} to {_shown(last)}" for whose, first, last in found]

    def _holes(self, name: str, window: Window) -> list[tuple[str, datetime, datetime]]:
        """The spans of the window whose jobs, or changes, no run has seen: of all subscriptions (""), and of each."""
        of, end = name if table(name).time else "jobs", min(window.end, self.now)
        spans = never_seen(self._of(of), window.start, end, of)
        return [*(("", *span) for span in spans), *unseen(self.runs, window.start, end, of)]

    def _days(self, name: str, window: Window) -> list[str]:
        """The days on which no run looked at all, and those on which one did, but not at this table."""
        end = min(window.end, self.now)
        none = days_without(self.runs, window.start, end)
        left = [day for day in days_without(self._of(name), window.start, end) if day not in none]
        notes = [f"no run looked at the estate on {days_told(none)}"] if none else []
        return [*notes, f"no run read the {name.replace('_', ' ')} on {days_told(left)}"] if left else notes

    def _of(self, name: str) -> list[Run]:
        """The runs that have read a table."""
        return [run for run in self.runs if run.read(name)]


def _shown(moment: datetime) -> str:
    return format_time(moment, "auto")
