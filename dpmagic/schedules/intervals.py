"""Repeating intervals: ``R/2024-01-01T22:00:00+00:00/P1D`` is due at its anchor and every whole period after it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

import numpy as np

from dpmagic.errors import InvalidArgument
from dpmagic.schedules.instants import ZERO, Instants, instant
from dpmagic.schedules.periods import Period

# What the service documents: extended ISO 8601 only, minutes at least, up to seven digits of a second.
_INTERVAL = re.compile(r"R/(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,7})?)?)(Z|[+-]\d{2}:\d{2})?/(P[0-9A-Z]+)")
_EXAMPLE = "write R/2024-01-01T22:00:00+00:00/P1D"


@dataclass(frozen=True)
class Repeating:
    """An anchor in UTC and the step between due times."""

    anchor: np.datetime64
    step: np.timedelta64

    @classmethod
    def parse(cls, text: str, where: tzinfo = UTC) -> Repeating:
        """The interval of a text; an anchor without an offset is what clocks in the zone ``where`` show.

        Of an hour that comes twice there the first is meant. Raises `InvalidArgument` if the text is no such
        interval, or repeats by months or years, which no schedule does.

        >>> print(Repeating.parse("R/2024-01-01T22:00:00-08:00/PT4H").anchor)
        2024-01-02T06:00:00.000000
        """
        match = _INTERVAL.fullmatch(text if isinstance(text, str) else "")
        if match is None:
            raise InvalidArgument(f"{text!r} is not a repeating interval", _EXAMPLE)
        period = Period.parse(match[3])
        if period.months or period.rest <= ZERO:
            raise InvalidArgument(f"{text!r} does not repeat by hours, days or weeks", _EXAMPLE)
        try:
            wall = datetime.fromisoformat(match[1] + (match[2] or ""))
            anchor = wall if match[2] else wall.replace(tzinfo=where)
            return cls(instant(anchor), period.rest)
        except (ValueError, OverflowError) as error:
            raise InvalidArgument(f"{text!r} does not begin with a day and a time of day", _EXAMPLE) from error

    def between(self, start: np.datetime64, end: np.datetime64) -> Instants:
        """The due times in ``[start, end)``, none before the anchor."""
        skipped = max(0, -int((self.anchor - start) // self.step))
        first = self.anchor + skipped * self.step
        return np.arange(first, max(first, end), self.step)
