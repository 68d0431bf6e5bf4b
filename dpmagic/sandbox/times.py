"""How the sandbox writes time: instants and spans are whole .NET ticks (100 ns), spelled as each endpoint spells them.

An instant is the number of ticks since 0001-01-01T00:00:00Z, a span a number of ticks. Integers keep the seventh
digit of a fraction, which ``datetime`` cannot.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

SECOND = 10_000_000
DAY = 86_400 * SECOND
UNSET = 0  # .NET's default instant, which Azure sends for "not yet"

_YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,7}))?(Z|[+-]\d{2}:?\d{2})?", re.IGNORECASE
)
_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_PERIOD = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def ticks(moment: datetime) -> int:
    """The instant of an aware datetime.

    >>> ticks(datetime(2024, 6, 26, 7, 59, 49, 596609, tzinfo=UTC)) % SECOND
    5966090
    """
    since = moment - _YEAR_ONE
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 10


def moment(instant: int) -> datetime:
    """The aware UTC datetime of an instant, cut to microseconds."""
    return _YEAR_ONE + timedelta(microseconds=instant // 10)


def seconds(instant: int) -> str:
    """Whole seconds, as an operation's ``endTime``: ``2024-06-26T07:59:50Z``."""
    return f"{moment(instant):%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + "Z"


def full(instant: int) -> str:
    """Seven digits, as recovery points and Resource Graph have it.

    >>> full(ticks(datetime(2024, 4, 22, tzinfo=UTC)) + 1)
    '2024-04-22T00:00:00.0000001Z'
    """
    return f"{seconds(instant)[:-1]}.{instant % SECOND:07d}Z"


def trimmed(instant: int) -> str:
    """Without the fraction's trailing zeros, as jobs read from ARM have it.

    >>> trimmed(ticks(datetime(2024, 5, 4, 12, 3, 26, 222361, tzinfo=UTC)))
    '2024-05-04T12:03:26.222361Z'
    """
    return full(instant)[:-1].rstrip("0").rstrip(".") + "Z" if instant % SECOND else seconds(instant)


def compute(instant: int) -> str:
    """Microsoft.Compute's spelling: seven digits and ``+00:00``."""
    return full(instant)[:-1] + "+00:00"


def http_date(instant: int) -> str:
    """An HTTP ``Date`` header: ``Mon, 02 Mar 2026 08:00:00 GMT``."""
    return format_datetime(moment(instant), usegmt=True)


def timespan(span: int) -> str:
    """A .NET TimeSpan, as job lists and Resource Graph have it: ``[d.]hh:mm:ss[.fffffff]``.

    >>> timespan(1937137207), timespan(0), timespan(DAY + SECOND)
    ('00:03:13.7137207', '00:00:00', '1.00:00:01')
    """
    days, rest = divmod(span, DAY)
    hours, minutes, whole, fraction = _clock(rest)
    head = f"{days}." if days else ""
    tail = f".{fraction:07d}" if fraction else ""
    return f"{head}{hours:02d}:{minutes:02d}:{whole:02d}{tail}"


def iso_span(span: int) -> str:
    """An ISO 8601 duration, as one job read from ARM has it.

    >>> iso_span(1937413207), iso_span(0), iso_span(3600 * SECOND)
    ('PT3M13.7413207S', 'PT0S', 'PT1H')
    """
    days, rest = divmod(span, DAY)
    hours, minutes, whole, fraction = _clock(rest)
    spelled = f"{whole}.{fraction:07d}".rstrip("0").rstrip(".") if fraction else str(whole)
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    time += f"{spelled}S" if whole or fraction else ""
    if not days and not time:
        return "PT0S"
    return "P" + (f"{days}D" if days else "") + (f"T{time}" if time else "")


def parse(text: str) -> int:
    """The instant of an ISO 8601 text with up to seven digits; without an offset it is UTC.

    Raises ValueError if it is not one.

    >>> full(parse("2023-06-16T01:00:00+05:30"))
    '2023-06-15T19:30:00.0000000Z'
    """
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an ISO 8601 instant: {text!r}")
    day, time, fraction, offset = match.groups()
    base = datetime.fromisoformat(f"{day}T{time}{(offset or 'Z').upper()}")
    return ticks(base.astimezone(UTC)) + int((fraction or "").ljust(7, "0"))


def later(instant: int, period: str) -> int:
    """The instant one ISO 8601 period (``P7D``, ``P3M``, ``PT4H``) later; months and years by the calendar.

    Raises ValueError if the text is not a period.

    >>> full(later(ticks(datetime(2024, 1, 31, tzinfo=UTC)), "P1M"))[:10]
    '2024-02-29'
    """
    months, span = _period(period)
    start = moment(instant)
    index = start.year * 12 + start.month - 1 + months
    year, month = index // 12, index % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    shifted = ticks(start.replace(year=year, month=month, day=day)) + instant % 10
    return shifted + span


def span(text: str) -> int:
    """The ticks of a span: ``14d``, ``6h30m``, ``1h59m59s``, or an ISO 8601 period without months.

    Raises ValueError if the text is neither.

    >>> span("2h1m") // SECOND, span("P1D") // SECOND, span("0s")
    (7260, 86400, 0)
    """
    match = _SPAN.fullmatch(text.strip())
    if match and any(match.groups()):
        days, hours, minutes, whole = (int(part or 0) for part in match.groups())
        return days * DAY + (hours * 3600 + minutes * 60 + whole) * SECOND
    months, ticks = _period(text.strip())
    if months:
        raise ValueError(f"a span has no months: {text!r}")
    return ticks


def nominal(period: str) -> int:
    """The ticks of an ISO 8601 period that has no start: a month counts 31 days. Raises ValueError as above.

    >>> nominal("P3M") // DAY, nominal("P1W") // DAY
    (93, 7)
    """
    months, span = _period(period)
    return months * 31 * DAY + span


def _period(period: str) -> tuple[int, int]:
    """A period's months, and the rest of it in ticks."""
    match = _PERIOD.fullmatch(period)
    if match is None or not any(match.groups()):
        raise ValueError(f"not an ISO 8601 period: {period!r}")
    years, months, weeks, days, hours, minutes, whole = (int(part or 0) for part in match.groups())
    span = (weeks * 7 + days) * DAY + (hours * 3600 + minutes * 60 + whole) * SECOND
    return years * 12 + months, span


def _clock(span: int) -> tuple[int, int, int, int]:
    whole, fraction = divmod(span, SECOND)
    return whole // 3600, whole // 60 % 60, whole % 60, fraction
