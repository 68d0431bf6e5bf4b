"""Recovery points that were recorded from Azure, with the policies that made them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dpmagic.schedules import Schedule, expected_points
from tests.schedules.policies import policy

WIRE = Path(__file__).resolve().parents[2] / ".." / "shared" / "reference" / "wire"
pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded answers are not beside this checkout")


def items(value: Any, kind: str) -> Iterator[dict[str, Any]]:
    """The ``properties`` of an object type, wherever they are."""
    if isinstance(value, dict):
        if value.get("objectType") == kind:
            yield value
        for part in value.values():
            yield from items(part, kind)
    elif isinstance(value, list):
        for part in value:
            yield from items(part, kind)


def points(name: str) -> pd.DataFrame:
    """The points of a policy, once each, in order of creation."""
    recorded = json.loads((WIRE / "recovery-point.json").read_text())
    rows = {
        point["recoveryPointId"]: (point["recoveryPointDataStoresDetails"][0]["creationTime"], point["expiryTime"])
        for point in items(recorded, "AzureBackupDiscreteRecoveryPoint")
        if point["policyName"] == name and point.get("expiryTime")
    }
    frame = pd.DataFrame(sorted(rows.values()), columns=["created", "expiry"])
    return frame.apply(lambda column: pd.to_datetime(column, utc=True, format="ISO8601").dt.as_unit("us"))


def test_a_disk_s_points_of_a_week() -> None:
    """Daily at noon, kept seven days: each was created within two minutes and goes to the microsecond."""
    found = points("diskpolicy")
    window = (found["created"].min().normalize(), found["created"].max())
    expected = expected_points(policy("R/2021-05-02T12:00:00+00:00/P1D", Default="P7D"), window)
    lags = found["created"].to_numpy() - expected["due"].to_numpy()
    assert len(found) == 7
    assert lags.min() > np.timedelta64(0, "us")
    assert lags.max() < np.timedelta64(2, "m")
    assert ((found["expiry"] - found["created"]) == pd.Timedelta(days=7)).all()


def test_three_months_go_by_the_calendar() -> None:
    """A weekly policy's points, Sundays at ten in the evening, expire on the same day of the third month after."""
    found = points("crrclitestbackuppolicy")
    schedule = Schedule.of(policy("R/2023-12-31T22:00:00+00:00/P1W", Default="P3M"))
    created = found["created"].dt.tz_localize(None).to_numpy()
    expiry = schedule.expiries(["Default"], np.zeros(len(found), np.int64), created)
    # One expiry was reckoned from 16 milliseconds later than its point's creation.
    off = np.abs(found["expiry"].dt.tz_localize(None).to_numpy() - expiry)
    assert len(found) >= 10
    assert off.max() <= np.timedelta64(16, "ms")
    assert (off == np.timedelta64(0, "us")).sum() >= len(found) - 1
    scheduled = found["created"].dt.hour == 22
    due = schedule.due(np.datetime64("2024-02-25", "us"), np.datetime64("2024-05-06", "us"))
    lags = created[scheduled] - due
    assert np.timedelta64(0, "us") < lags.min()
    assert lags.max() < np.timedelta64(1, "m")


def test_every_recorded_policy_can_be_read() -> None:
    """With or without a schedule; tags have the retention that their policies say."""
    read = 0
    for path in sorted(WIRE.glob("*.json")):
        for found in items(json.loads(path.read_text()), "BackupPolicy"):
            schedule = Schedule.of(found)
            assert schedule.period(schedule.default) is not None
            assert all(schedule.period(rule.tag) for rule in schedule.ways)
            read += 1
    assert read >= 10
