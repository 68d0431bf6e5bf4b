"""Times and durations: every spelling of the service there and back, alone and by the column."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.errors import InvalidArgument
from dpmagic.frames.times import (
    format_duration,
    format_time,
    looks_like_duration,
    looks_like_time,
    parse_duration,
    parse_durations,
    parse_time,
    parse_times,
)

MICROSECOND = timedelta(microseconds=1)
# The first second is .NET's "unset"; the last day would leave the calendar with a negative offset.
instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
lengths = st.timedeltas(timedelta(days=-99_999_999), timedelta(days=99_999_999))
junk = st.text(st.sampled_from("0123456789-:.TZPDHMSW+ "), max_size=30)


@st.composite
def spelled_times(draw: st.DrawFn) -> tuple[str, datetime]:
    """A spelling of the service, with the instant that it means."""
    instant = draw(instants)
    digits = draw(st.integers(0, 7))
    zone = draw(st.one_of(st.sampled_from(["Z", ""]), offsets))
    local = instant if isinstance(zone, str) else instant.astimezone(zone)
    fraction = f"{local.microsecond:06}{draw(st.integers(0, 9))}"[:digits]
    kept = instant.replace(microsecond=int(fraction.ljust(6, "0")[:6]))
    ending = zone if isinstance(zone, str) else local.isoformat()[-6:]
    stamp = f"{local.year:04}-{local:%m-%dT%H:%M:%S}"
    return stamp + (f".{fraction}" if digits else "") + ending, kept


def clock(length: timedelta) -> tuple[int, int, int, int]:
    minutes, seconds = divmod(length.seconds, 60)
    return minutes // 60, minutes % 60, seconds, length.microseconds


def timespan(length: timedelta, seventh: int) -> str:
    """As .NET writes a TimeSpan of this length and ``seventh`` tenths of a microsecond."""
    sign, length = ("-", -length) if length < timedelta(0) else ("", length)
    hours, minutes, seconds, micros = clock(length)
    days = f"{length.days}." if length.days else ""
    fraction = f".{micros:06}{seventh}" if micros or seventh else ""
    return f"{sign}{days}{hours:02}:{minutes:02}:{seconds:02}{fraction}"


def iso(length: timedelta, seventh: int) -> str:
    """As .NET's XmlConvert writes it: no part that is zero, but ``PT0S``."""
    sign, length = ("-", -length) if length < timedelta(0) else ("", length)
    hours, minutes, seconds, micros = clock(length)
    fraction = f".{micros:06}{seventh}".rstrip("0") if micros or seventh else ""
    parts = [f"{hours}H" if hours else "", f"{minutes}M" if minutes else ""]
    parts.append(f"{seconds}{fraction}S" if seconds or fraction else "")
    day, time = f"{length.days}D" if length.days else "", "".join(parts)
    return f"{sign}P{day}" + (f"T{time}" if time else "") if day or time else "PT0S"


@given(spelled_times())
def test_a_time_is_read_in_every_spelling(spelled: tuple[str, datetime]) -> None:
    text, instant = spelled
    assert parse_time(text) == instant
    assert looks_like_time(text)


@given(st.lists(st.one_of(st.none(), spelled_times())))
def test_a_column_of_times_is_read_as_each_alone(column: list[tuple[str, datetime] | None]) -> None:
    parsed = parse_times([spelled and spelled[0] for spelled in column])
    assert str(parsed.type) == "timestamp[us, tz=UTC]"
    assert parsed.to_pylist() == [spelled and spelled[1] for spelled in column]


@given(instants)
def test_a_formatted_time_is_read_back(instant: datetime) -> None:
    assert parse_time(format_time(instant)) == instant
    assert parse_time(format_time(instant, "seconds")) == instant.replace(microsecond=0)


@given(lengths, st.integers(0, 9))
def test_a_duration_is_read_in_both_spellings_and_cut_to_the_microsecond(length: timedelta, seventh: int) -> None:
    for text in (timespan(length, seventh), iso(length, seventh)):
        assert parse_duration(text) == length, text
        assert looks_like_duration(text)
    assert parse_duration(format_duration(length)) == length


@given(st.lists(st.one_of(st.none(), st.tuples(lengths, st.integers(0, 9), st.sampled_from([timespan, iso])))))
def test_a_column_of_durations_is_read_as_each_alone(column: list) -> None:
    parsed = parse_durations([cell and cell[2](cell[0], cell[1]) for cell in column])
    assert str(parsed.type) == "duration[us]"
    assert [cell and cell.value for cell in parsed] == [cell and cell[0] // MICROSECOND for cell in column]


@given(junk)
def test_one_and_many_agree_on_what_is_none(text: str) -> None:
    for one, many in ((parse_time, parse_times), (parse_duration, parse_durations)):
        try:
            expected = one(text)
        except InvalidArgument:
            with pytest.raises(InvalidArgument):
                many([text])
        else:
            assert many([text])[0].as_py() == expected


@pytest.mark.parametrize(
    "text",
    ["", "0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.0000000Z", "0001-01-01T00:00:00+00:00"],
)
def test_an_unset_time_is_missing(text: str) -> None:
    assert parse_time(text) is None
    assert parse_times([text, "2024-01-01T00:00:00Z"]).null_count == 1


@pytest.mark.parametrize("text", ["", "-10675199.02:48:05.4775808", "-P10675199DT2H48M5.4775808S"])
def test_an_unset_duration_is_missing(text: str) -> None:
    assert parse_duration(text) is None
    assert parse_durations([text, "00:00:00"]).null_count == 1


def test_for_ever_is_an_answer() -> None:
    assert parse_time("9999-12-31T23:59:59.9999999Z") == datetime.max.replace(tzinfo=UTC)
    assert parse_duration("36600.00:00:00") == timedelta(days=36600)
    assert parse_duration("10675199.02:48:05.4775807") == timedelta(10675199, 10085, 477580)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT0S", 0), ("P7D", 604800), ("P1DT2H", 93600), ("P2W", 1209600), ("00:00:00", 0), ("1.12:00:00", 129600)],
)
def test_durations_of_policies_and_instances(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["P3M", "P1Y", "P", "PT", "P1DT", "24:00:00", "1:02:03", "12:60:00", "P1.5D", "five"])
def test_what_has_no_fixed_length_is_no_duration(text: str) -> None:
    assert not looks_like_duration(text)
    with pytest.raises(InvalidArgument) as caught:
        parse_duration(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01",
        "20240101T000000Z",
        "2024-01-01 00:00:00",
        "2024-01-01T24:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-01-01T00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "2024-01-01T00:00:00Z ",
        "٢٠٢٤-01-01T00:00:00Z",
    ],
)
def test_what_is_no_instant_is_no_time(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_time(text)
    with pytest.raises(InvalidArgument):
        parse_times(["2024-01-01T00:00:00Z", text])


def test_an_error_names_no_value() -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_times(["hunter2"])
    assert "hunter2" not in " ".join(caught.value.lines())


whole = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))
written = st.tuples(whole, st.integers(0, 9)).map(
    lambda of: f"{of[0].isoformat(timespec='seconds')}.{of[0].microsecond:06}{of[1]}Z"
)
twisted = st.tuples(written, st.integers(0, 27), st.sampled_from("0259-:TZ. é")).map(
    lambda of: of[0][: of[1]] + of[2] + of[0][of[1] + 1 :]
)


@given(st.lists(st.none() | written | twisted))
def test_a_column_of_one_shape_is_read_as_each_alone(texts: list[str | None]) -> None:
    column = pa.array(texts, pa.large_string())
    try:
        alone = [text and parse_time(text) for text in texts]
    except InvalidArgument:
        with pytest.raises(InvalidArgument):
            parse_times(column)
    else:
        assert parse_times(column).to_pylist() == alone
        assert parse_times(column.slice(1)).to_pylist() == alone[1:]
