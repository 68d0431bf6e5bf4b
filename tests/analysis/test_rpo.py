"""Ages, gaps and time in compliance, against plain loops."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as property_of
from hypothesis import settings
from hypothesis import strategies as st

from dpmagic.analysis.backups.gaps import gaps
from dpmagic.analysis.rpo import rpo
from tests.analysis.byhand import at, estate, instance, job, nightly, snapshot

DAY = timedelta(days=1)
WINDOW = (at("20").to_pydatetime(), at("25").to_pydatetime())


def one(given: Any, *arguments: Any, name: str = "a") -> Any:
    return rpo(given, *arguments).set_index("name").loc[name]


def test_five_days_with_a_night_missing() -> None:
    """Points at 22:00 of the 19th, 20th, 21st and 23rd; the RPO is 26 hours.

    Gaps: 24 h, 24 h, 48 h, and 26 h to the window's end less the two hours from 22:00 to midnight: 26 h is not more
    than 26 h. The one of 48 hours is a breach of 22 hours out of 120.
    """
    days = ("19", "20", "21", "23")
    given = estate([instance("a")], nightly("a", *days, second=0), window=WINDOW, snapshots=[snapshot("a", "23 22:01")])
    found = one(given, "26h")
    assert (found["points"], found["breaches"], found["maxGap"]) == (3, 1, 2 * DAY)
    assert found["breachTime"] == timedelta(hours=22)
    assert found["compliance"] == pytest.approx(1 - 22 / 120)
    assert not found["headCensored"]
    assert (found["latestPoint"], found["age"]) == (at("23 22:01"), at("3-02 08:00") - at("23 22:01"))
    assert (found["status"], found["rpoSource"]) == ("breached", "argument")


def test_edges() -> None:
    """No point before the window is known: its first gap counts from the start, and is marked."""
    given = estate([instance("a")], nightly("a", "23", second=0), window=WINDOW)
    found = one(given, "1d")
    assert found["headCensored"]
    assert (found["maxGap"], found["breaches"]) == (timedelta(hours=94), 2)  # 94 h from the start, 26 h to the end
    assert found["breachTime"] == timedelta(hours=94 - 24 + 26 - 24)


def test_to_the_microsecond() -> None:
    """A gap as long as the RPO is none; a point as old as the RPO is within."""
    second = timedelta(seconds=1)
    given = estate([instance("a")], nightly("a", "19", "20", "21", second=0), window=(at("20"), at("22")),
                   snapshots=[snapshot("a", "3-01 08:00:00")])  # fmt: skip
    assert (one(given, DAY)["breaches"], one(given, DAY)["status"]) == (0, "within")
    assert one(given, DAY)["compliance"] == 1
    assert (one(given, DAY - second)["breaches"], one(given, DAY - second)["status"]) == (2, "breached")
    assert one(given, DAY - second)["breachTime"] == 2 * second


def test_what_is_not_known() -> None:
    """Without an RPO there are no breaches; without a point that exists, none is within."""
    rows = [
        instance("blobs", "gone", dataSourceType="Microsoft.Storage/storageAccounts/blobServices"),
        instance("none"),
        instance("aks", dataSourceType="Microsoft.ContainerService/managedClusters"),
    ]
    found = rpo(estate(rows, [job("x", "20 22:00")], window=WINDOW)).set_index("name")
    assert found["status"].to_dict() == {"blobs": "unverifiable", "none": "noPoint", "aks": "unverifiable"}
    assert found["breaches"].isna().to_dict() == {"blobs": True, "none": False, "aks": False}
    assert pd.isna(found.loc["blobs", "compliance"])
    assert pd.isna(found.loc["blobs", "maxGap"])
    assert found.loc["none", "compliance"] == pytest.approx(26 / 120)


Spans = list[tuple[int, int]]


def plain(points: list[int], rpo: int | None, start: int, end: int, blind: Spans) -> tuple[Any, ...]:
    """The same, gap by gap, in minutes."""
    before = [at for at in points if at < start]
    edges = [max(before, default=start), *sorted(at for at in points if start <= at < end), end]
    pairs = list(pairwise(edges))
    for first, last in blind:
        cut = [(a, b) for a, b in pairs if a < last and b > first]
        pairs = [pair for pair in pairs if pair not in cut]
        pairs += [(a, first) for a, b in cut if a < first and first > start] + [(last, b) for a, b in cut if b > last]
    longest = max((last - first for first, last in pairs), default=0)
    if rpo is None:
        return len(edges) - 2, longest if len(edges) > 2 else None, None, None
    over = sum(max(0, last - max(first + rpo, start)) for first, last in pairs)
    return len(edges) - 2, longest, sum(last - first > rpo for first, last in pairs), over


@property_of(
    st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 400), max_size=12, unique=True)),
    st.dictionaries(st.sampled_from("abc"), st.one_of(st.none(), st.integers(1, 200)), min_size=1),
    st.integers(0, 300),
    st.integers(1, 200),
    st.lists(st.integers(0, 520), max_size=4, unique=True).filter(lambda edges: len(edges) % 2 == 0),
)
@settings(deadline=None)
def test_gaps_are_those_of_a_plain_loop(
    points: dict[str, list[int]], allowed: dict[str, int | None], start: int, length: int, edges: list[int]
) -> None:
    base, end = pd.Timestamp("2026-02-20T00:00Z").as_unit("us"), start + length
    spans = list(zip(sorted(edges)[::2], sorted(edges)[1::2], strict=True))
    minutes = [(name, base + timedelta(minutes=at)) for name, of in points.items() for at in of]
    frame = pd.DataFrame(
        {
            "instance": pd.Series([name for name, _ in minutes], dtype="str"),
            "at": pd.Series([at for _, at in minutes], dtype="datetime64[us, UTC]"),
        }
    )
    limits = {name: None if most is None else timedelta(minutes=most) for name, most in allowed.items()}
    # Nobody saw points of ``a``.
    of = np.array([name == "a" for name in limits])
    blind = [
        (of, *(np.datetime64(base.tz_localize(None) + timedelta(minutes=at), "us") for at in span)) for span in spans
    ]
    found = gaps(
        frame,
        pd.Series(limits, dtype="timedelta64[us]"),
        base + timedelta(minutes=start),
        base + timedelta(minutes=end),
        blind,
    )
    for name, most in allowed.items():
        row, mine = found.loc[name], spans if name == "a" else []
        count, longest, breaches, over = plain(points.get(name, []), most, start, end, mine)
        shown = [None if pd.isna(row[key]) else row[key] for key in ("maxGap", "breaches", "breachTime")]
        lengths = [None if value is None else timedelta(minutes=value) for value in (longest, over)]
        assert [row["points"], *shown] == [count, lengths[0], breaches, lengths[1]]
        seen = length - sum(max(0, min(last, end) - max(first, start)) for first, last in mine)
        assert (
            pd.isna(row["compliance"])
            if over is None or not seen
            else row["compliance"] == pytest.approx(1 - over / seen)
        )
