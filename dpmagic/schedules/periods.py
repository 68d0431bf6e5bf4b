"""ISO 8601 periods, which go by the calendar: a month from 31 January ends on the last of February."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from dpmagic.errors import InvalidArgument
from dpmagic.schedules.instants import DAY, MONTH, Instants

_PERIOD = re.compile(
    r"P(?=[0-9T])(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?"
)
# Four years have every length of month and year that there is.
_STARTS = np.arange("2024-01-01", "2028-01-01", dtype="datetime64[D]").astype("datetime64[us]")


@dataclass(frozen=True)
class Period:
    """A period: calendar months, and ``rest`` beside them."""

    text: str
    months: int
    rest: np.timedelta64

    @classmethod
    def parse(cls, text: str) -> Period:
        """The period of a text such as ``P7D``, ``P1Y2M`` or ``PT4H``. Raises `InvalidArgument` if it is none.

        >>> print(Period.parse("P1Y2M").months, Period.parse("P1W").rest // DAY)
        14 7
        """
        match = _PERIOD.fullmatch(text if isinstance(text, str) else "")
        if match is None:
            raise InvalidArgument(f"{text!r} is not an ISO 8601 period", "write P7D, P12W, P3M or PT4H")
        years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        whole = (weeks * 7 + days) * 86_400 + hours * 3600 + minutes * 60 + seconds
        return cls(text, years * 12 + months, np.timedelta64(whole * 1_000_000, "us"))

    def after(self, instants: Instants) -> Instants:
        """When the period is over that begins at each of the instants: months first, then the rest.

        >>> [str(at)[:10] for at in Period.parse("P1M").after(np.array(["2026-01-31", "2026-03-31"], "datetime64[us]"))]
        ['2026-02-28', '2026-04-30']
        """
        if not self.months:
            return instants + self.rest
        month = instants.astype("datetime64[M]")
        into = instants - month.astype("datetime64[us]")
        target = month + self.months * MONTH
        last = (target + MONTH).astype("datetime64[D]") - target.astype("datetime64[D]") - np.timedelta64(1, "D")
        day = np.minimum(into // DAY, last.astype(np.int64))
        ends: Instants = target.astype("datetime64[us]") + day * DAY + into % DAY + self.rest
        return ends

    def length(self, longest: bool = False) -> np.timedelta64:
        """The shortest span that the period can be, or the longest.

        >>> print(Period.parse("P1M").length() // DAY, Period.parse("P1M").length(longest=True) // DAY)
        28 31
        """
        return _length(self, longest)


@cache
def _length(period: Period, longest: bool) -> np.timedelta64:
    spans = period.after(_STARTS) - _STARTS
    found: np.timedelta64 = spans.max() if longest else spans.min()
    return found
