"""Findings are what was planted: on the default estate and on thirty generated ones, to the second and the last id."""

from __future__ import annotations

import pytest

from tests.analysis import estates, truth_runs, truth_snapshots

pytestmark = pytest.mark.slow


# One test an estate, for making and reading one takes longer than looking at it.
@pytest.mark.parametrize("name", estates.NAMES)
def test_what_is_found_is_what_was_planted(name: str) -> None:
    truth_runs.check_missed(name)
    truth_runs.check_delays(name)
    truth_runs.check_triage(name)
    truth_snapshots.check_points(name)
    truth_snapshots.check_listed(name)
    truth_snapshots.check_retention(name)
    truth_snapshots.check_orphans(name)
    truth_snapshots.check_headroom(name)
