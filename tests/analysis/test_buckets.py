"""Buckets: never off by more than is said, the same in whatever pieces they come, the same in KQL."""

from __future__ import annotations

import re

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.analysis.lengths import buckets

lengths = st.floats(0, 10_000_000, allow_nan=False)
SHARES = [0.0, 0.5, 0.9, 0.95, 0.99, 1.0]


def pieces(seconds: list[float]) -> pandas.DataFrame:
    values = np.array(seconds, float)
    return pandas.DataFrame({"g": 0, "bucket": buckets.lower_edges(values), "n": 1, "max": values})


@given(lengths)
def test_a_value_is_in_its_bucket(seconds: float) -> None:
    [edge], [width] = buckets.lower_edges(np.array([seconds])), buckets.widths(np.array([seconds]))
    assert edge <= seconds < edge + width
    assert width / 2 <= max(1 / 32, buckets.ERROR * seconds)
    assert buckets.widths(np.array([edge]))[0] == width  # so that a lower edge says how wide it is


@given(st.lists(lengths, min_size=1, max_size=80))
def test_percentiles_are_as_near_as_is_said(seconds: list[float]) -> None:
    found = buckets.percentiles(buckets.merged(pieces(seconds), ["g"]), ["g"], SHARES)
    exact = pandas.Series(seconds, dtype=float)
    assert (found["n"][0], found["max"][0]) == (len(seconds), max(seconds))
    for share in SHARES:
        wanted = exact.quantile(share)
        assert abs(found[share][0] - wanted) <= max(1 / 32, buckets.ERROR * wanted) + 1e-9


@given(st.lists(st.tuples(st.integers(0, 3), lengths), min_size=1, max_size=60), st.integers(1, 6))
def test_pieces_add_up_in_any_order(rows: list[tuple[int, float]], batches: int) -> None:
    whole = pandas.concat([pieces([value]).assign(g=group) for group, value in rows], ignore_index=True)
    mixed = whole.sample(frac=1, random_state=len(rows))
    parts = [buckets.merged(mixed.iloc[start::batches], ["g"]) for start in range(batches) if start < len(mixed)]
    again = buckets.merged(pandas.concat(parts), ["g"])
    pandas.testing.assert_frame_equal(again, buckets.merged(whole, ["g"]))


@given(lengths)
def test_kql_has_the_same_edges(seconds: float) -> None:
    """`case` and `bin` read as Kusto reads them."""
    text = buckets.kql("d")
    branches = re.findall(r"d < (\d+), bin\(d, ([\d.]+)\)", text)
    rest = re.findall(r"bin\(d, ([\d.]+)\)\)$", text)
    width = next((float(step) for below, step in branches if seconds < float(below)), float(rest[0]))
    assert np.floor(seconds / width) * width == buckets.lower_edges(np.array([seconds]))[0]


def test_kql_is_made_of_case_and_bin_only() -> None:
    assert set(re.findall(r"([a-z_]+)\(", buckets.kql("durationSeconds"))) == {"case", "bin"}


def test_of_nothing_there_are_no_percentiles() -> None:
    found = buckets.percentiles(buckets.merged(pieces([]), ["g"]), ["g"], SHARES)
    assert not len(found) and list(found.columns) == ["g", "n", "max", *SHARES]


@pytest.mark.parametrize("octave", range(24))
def test_sixteen_an_octave(octave: int) -> None:
    edges = np.unique(buckets.lower_edges(np.linspace(2.0**octave, 2.0 ** (octave + 1), 1000, endpoint=False)))
    assert len(edges) == buckets.PER_OCTAVE
