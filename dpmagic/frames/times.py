"""Azure's spellings of times and durations, one at a time and by the column.

A service writes the same instant with none to seven fractional digits, with ``Z``, an offset or nothing (which means
UTC), and the same duration in ISO 8601 (``GET`` of one job) or as a .NET TimeSpan (the list, Resource Graph).

Three rules hold everywhere:

- Both are kept to the microsecond; the rest is cut off towards zero, as the Azure SDKs do.
- .NET's "unset" is missing: ``0001-01-01T00:00:00``, ``TimeSpan.MinValue``, and the empty string.
- .NET's "for ever" is an answer and stays: ``9999-12-31T23:59:59.9999999Z``, ``36600.00:00:00``, ``TimeSpan.MaxValue``.

Calendar durations (``P3M``, ``P1Y``) have no length until they meet a date, and are no durations here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from dpmagic.errors import InvalidArgument

# Ranges are spelled out (and digits bounded, to fit 64 bits of microseconds) because Arrow's RE2 and Python's re must
# agree on them: RE2 has no lookahead, and Arrow would take a year 0 that Python does not have.
_YEAR = r"(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
_STAMP = rf"{_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T{_CLOCK}"
_OFFSET = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
_TIME = re.compile(_STAMP + _OFFSET)
_TIMESPAN = re.compile(r"(-?)(?:([0-9]{1,8})\.)?([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]{1,9}))?")
_ISO = re.compile(
    r"(-?)P(?:([0-9]{1,7})W|(?=[0-9T])(?:([0-9]{1,8})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,8})H)?(?:([0-9]{1,8})M)?(?:([0-9]{1,8})(?:\.([0-9]{1,9}))?S)?)?)"
)
_UNSET_TIME = re.compile(r"0001-01-01T00:00:00(?:\.0+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?")
# Resource Graph's way of writing a time, by which whole columns go: where its punctuation is and a microsecond ends.
_SHAPE, _UNSET = b"0000-00-00T00:00:00.0000000Z", "0001-01-01T00:00:00.0000000Z"
_MARKS, _CUT = bytes(0 if chr(mark).isdigit() else 255 for mark in _SHAPE), 26
_YEAR_ONE = -62_135_596_800_000_000  # in microseconds since 1970
_UNSET_DURATIONS = frozenset({"", "-10675199.02:48:05.4775808", "-P10675199DT2H48M5.4775808S"})


def parse_time(text: str) -> datetime | None:
    """The instant in UTC, or None where the service means "unset".

    Raises `InvalidArgument` when ``text`` is no date and time of day.

    >>> parse_time("2024-05-04T12:00:12.4810403Z")
    datetime.datetime(2024, 5, 4, 12, 0, 12, 481040, tzinfo=datetime.timezone.utc)
    >>> parse_time("2021-05-02T05:30:00+05:30")
    datetime.datetime(2021, 5, 2, 0, 0, tzinfo=datetime.timezone.utc)
    >>> parse_time("0001-01-01T00:00:00") is None
    True
    """
    if not text or _UNSET_TIME.fullmatch(text):
        return None
    if not _TIME.fullmatch(text):
        raise _not("a time", "2024-05-04T12:00:12Z")
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _not("a time", "2024-05-04T12:00:12Z") from error


def parse_duration(text: str) -> timedelta | None:
    """The length of time, or None where the service means "unset".

    Raises `InvalidArgument` when ``text`` is neither a TimeSpan nor an ISO 8601 duration of weeks, days, hours,
    minutes and seconds.

    >>> parse_duration("PT3M13.7413207S") == parse_duration("00:03:13.7413207") == timedelta(seconds=193.74132)
    True
    >>> parse_duration("1.09:22:25.7992056")
    datetime.timedelta(days=1, seconds=33745, microseconds=799205)
    >>> parse_duration("-10675199.02:48:05.4775808") is None
    True
    """
    if text in _UNSET_DURATIONS:
        return None
    if match := _TIMESPAN.fullmatch(text):
        sign, days, hours, minutes, seconds, fraction = match.groups()
        weeks = None
    elif match := _ISO.fullmatch(text):
        sign, weeks, days, hours, minutes, seconds, fraction = match.groups()
    else:
        raise _not("a duration", "PT3M13S or 00:03:13")
    length = timedelta(
        weeks=int(weeks or 0),
        days=int(days or 0),
        hours=int(hours or 0),
        minutes=int(minutes or 0),
        seconds=int(seconds or 0),
        microseconds=int((fraction or "").ljust(6, "0")[:6]),
    )
    return -length if sign else length


def format_time(instant: datetime, timespec: str = "microseconds") -> str:
    """The instant as ARM writes it, in UTC; ``timespec`` as in `datetime.isoformat`.

    >>> format_time(datetime(2024, 5, 4, 12, tzinfo=UTC), "seconds")
    '2024-05-04T12:00:00Z'
    """
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def format_duration(length: timedelta, fraction: bool = True) -> str:
    """The length of time as ARM's lists write it: ``[-][d.]hh:mm:ss[.ffffff]``; without ``fraction``, whole seconds.

    >>> format_duration(timedelta(days=1, hours=2, microseconds=-500000))
    '1.01:59:59.500000'
    >>> format_duration(timedelta(minutes=-3))
    '-00:03:00'
    """
    sign, length = ("-", -length) if length < timedelta(0) else ("", length)
    minutes, seconds = divmod(length.seconds, 60)
    clock = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    days = f"{length.days}." if length.days else ""
    return f"{sign}{days}{clock}" + (f".{length.microseconds:06}" if fraction and length.microseconds else "")


def looks_like_time(text: str) -> bool:
    """Whether the text has the shape of a date and a time of day; ``2024-05-04`` has not."""
    return _TIME.fullmatch(text) is not None


def looks_like_duration(text: str) -> bool:
    """Whether the text has the shape of a duration that `parse_duration` takes."""
    return (_TIMESPAN.fullmatch(text) or _ISO.fullmatch(text)) is not None


def parse_times(texts: Any) -> Any:
    """Many times, a sequence of texts or an Arrow array of them, as an Arrow array ``timestamp[us, UTC]``.

    Raises as `parse_time` does, whichever of them is wrong.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if (quick := _of_one_shape(texts)) is not None:
        return quick
    given = _cleaned(texts, _UNSET_TIME.pattern)
    # 26 characters reach to the microsecond; what is left of a shorter text ends in Z.
    usual = pc.match_substring_regex(given, f"^{_STAMP}Z?$")
    stamps = pc.ascii_rtrim(pc.utf8_slice_codeunits(pc.if_else(usual, given, None), 0, 26), "Z")
    try:
        instants = pc.cast(stamps, pa.timestamp("us")).view(pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid as error:  # the right shape and no such day, as 2023-02-29
        raise _not("a time", "2024-05-04T12:00:12Z") from error
    return _others(given, usual, instants, parse_time)


def _of_one_shape(texts: Any) -> Any:
    """The times of an array of texts that are all as Resource Graph writes them, ``2024-05-04T12:00:12.4810403Z``.

    None for any others, and where Arrow cannot read one.  Looking at bytes costs a tenth of matching expressions.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if not isinstance(texts, pa.LargeStringArray) or len(texts) == texts.null_count:
        return None
    offsets = np.frombuffer(texts.buffers()[1], "int64")[texts.offset : texts.offset + len(texts) + 1]
    there = texts.is_valid().to_numpy(zero_copy_only=False)
    if (np.diff(offsets) != there * len(_SHAPE)).any():
        return None
    characters = np.frombuffer(texts.buffers()[2], "uint8")[offsets[0] : offsets[-1]].reshape(-1, len(_SHAPE))
    # Four characters at a time.  Digits are Arrow's business, but for the last one, which is cut off.
    marks, shape = np.frombuffer(_MARKS, "uint32"), np.frombuffer(_SHAPE, "uint32")
    if (characters.view("uint32") & marks != shape & marks).any() or not _digits(characters[:, _CUT]):
        return None
    try:
        instants = pc.cast(_cut(characters, there), pa.timestamp("us"))
    except pa.ArrowInvalid:
        return None
    first = pc.min(instants.view(pa.int64())).as_py()
    if first < _YEAR_ONE:
        return None
    if first == _YEAR_ONE:
        instants = pc.if_else(pc.equal(texts, _UNSET), None, instants)
    return instants.view(pa.timestamp("us", "UTC"))


def _cut(characters: Any, there: Any) -> Any:
    """The times' characters up to the microsecond as texts, null where there is none."""
    import numpy as np
    import pyarrow as pa

    offsets = np.zeros(len(there) + 1, "int64")
    np.cumsum(there, out=offsets[1:])
    offsets *= _CUT
    texts = np.ascontiguousarray(characters[:, :_CUT])
    _, bits = pa.array(there).buffers()
    return pa.LargeStringArray.from_buffers(len(there), pa.py_buffer(offsets), pa.py_buffer(texts), bits)


def _digits(characters: Any) -> bool:
    return bool(((characters >= ord("0")) & (characters <= ord("9"))).all())


def parse_durations(texts: Any) -> Any:
    """Many durations, as an Arrow array ``duration[us]``; takes and raises what `parse_times` does."""
    import pyarrow as pa
    import pyarrow.compute as pc

    given = _cleaned(texts, "|".join(re.escape(text) for text in _UNSET_DURATIONS))
    # Arrow reads times of day fast, and a job's duration is one as long as it stays below a day.
    usual = pc.match_substring_regex(given, f"^{_CLOCK}$")
    clocks = pc.utf8_slice_codeunits(pc.if_else(usual, given, None), 0, 15)
    instants = pc.cast(pc.binary_join_element_wise("1970-01-01T", clocks, ""), pa.timestamp("us"))
    return _others(given, usual, instants.view(pa.duration("us")), parse_duration)


def _cleaned(texts: Any, unset: str) -> Any:
    """The texts, a sequence or an Arrow array of them, as an Arrow array, null where they mean "unset"."""
    import pyarrow as pa
    import pyarrow.compute as pc

    given = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string())
    return pc.if_else(pc.match_substring_regex(given, f"^(?:{unset})?$"), None, given)


def _others(given: Any, usual: Any, parsed: Any, parse: Callable[[str], object]) -> Any:
    """``parsed``, with each text that is not of the usual shape parsed by itself, once however often it comes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rare = pc.fill_null(pc.invert(usual), False)
    if not pc.any(rare, min_count=0).as_py():
        return parsed
    texts = given.filter(rare).dictionary_encode()
    values = pa.array([parse(text) for text in texts.dictionary.to_pylist()], parsed.type)
    # By way of integers: Arrow replaces timestamps and integers, and no durations.
    whole = pc.replace_with_mask(parsed.view(pa.int64()), rare, values.take(texts.indices).view(pa.int64()))
    return whole.view(parsed.type)


def _not(what: str, example: str) -> InvalidArgument:
    return InvalidArgument(f"the text is not {what}", f"write {example}")
