"""Every answer that was recorded from Azure becomes a frame, with each of its values in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dpmagic.frames import frame
from tests.frames.leaves import found, leaves, values

WIRE = Path(__file__).resolve().parents[2] / ".." / "shared" / "reference" / "wire"
pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded answers are not beside this checkout")

TIME, DURATION = "datetime64[us, UTC]", "timedelta64[us]"
#: The dtype of each of these wherever a recorded answer has it.
DTYPES = {
    "startTime": TIME,
    "endTime": TIME,
    "recoveryPointTime": TIME,
    "expiryTime": TIME,
    "extendedInfo.targetRecoverPoint.recoveryPointTime": TIME,
    "deletionInfo.scheduledPurgeTime": TIME,
    "unlockDeleteExpiryTime": TIME,
    "systemData.lastModifiedAt": TIME,
    "createdDateTime": TIME,
    "backupInstanceExtendedProperties.recoveryPointInfo.latestRecoveryPointInPrimaryRegion": TIME,
    "duration": DURATION,
    "backupInstanceExtendedProperties.policyExtendedInfo.configuredMaximumRetention": DURATION,
    "backupInstanceExtendedProperties.policyExtendedInfo.rpoWarningThresholdInSecondaryRegion": DURATION,
    "isUserTriggered": "boolean",
    "isVaultProtectedByResourceGuard": "boolean",
    "securitySettings.softDeleteSettings.retentionDurationInDays": "Float64",
    "extendedInfo.dataTransferredInBytes": "Float64",
    "diskSizeGB": "Int64",
    "policyRules": "object",
    "errorDetails": "object",
    "supportedActions": "object",
    "restorableTimeRanges": "object",
    "id": "str",
    "tags.date": "str",
    "destinationDataStoreName": "str",
    "etag": "str",
}


@cache
def responses() -> list[Any]:
    """What each recorded request was answered with: a body, or None."""
    cases = [case for path in sorted(WIRE.glob("*.json")) for case in json.loads(path.read_text())]
    return [request["response"] for case in cases for request in case["requests"]]


def bodies() -> Iterator[Any]:
    yield from (body for body in responses() if body is not None)


@cache
def answers() -> list[list[Any]]:
    """The rows of each recorded answer: the elements of a list, or the one object."""
    found = []
    for body in bodies():
        listed = [body.get(key) for key in ("value", "data")] if isinstance(body, dict) else [body]
        found.append(next((rows for rows in listed if isinstance(rows, list)), [body]))
    return found


def test_each_recorded_answer_with_a_body_is_here() -> None:
    assert len(responses()) == 582
    assert len(answers()) == len(responses()) - responses().count(None) == 501
    assert sum(len(rows) > 1 for rows in answers()) > 20


def test_every_value_of_every_answer_is_in_its_frame() -> None:
    for rows in answers():
        made = frame(rows)
        assert len(made) == len(rows)
        assert found(made) == values(rows)


def test_every_field_of_every_answer_has_its_column() -> None:
    for rows in answers():
        columns = [f"{name}." for name in frame(rows).columns]
        for path in {path for row in rows for path, _ in leaves(row)}:
            whole = ".".join(path) + "."
            # What is null in one row and an object in another has the columns of the object.
            names = (whole, whole.removeprefix("properties."))
            assert any(column.startswith(names) for column in columns), path


def test_an_answer_as_it_came_keeps_what_is_around_its_rows() -> None:
    for body in bodies():
        assert found(frame(body)) == values([body])


def test_known_columns_have_their_dtypes_in_every_answer() -> None:
    seen: Counter[str] = Counter()
    for rows in answers():
        for name, dtype in frame(rows).dtypes.astype(str).items():
            if name in DTYPES:
                seen[str(name)] += 1
                assert dtype == DTYPES[str(name)], name
    assert seen.keys() == DTYPES.keys()


def test_all_answers_together_have_the_dtypes_that_each_has() -> None:
    dtypes = frame([row for rows in answers() for row in rows]).dtypes.astype(str).to_dict()
    assert {name: dtypes[name] for name in DTYPES} == DTYPES


def test_a_time_is_missing_only_where_the_service_says_unset() -> None:
    for rows in answers():
        made = frame(rows)
        given = [dict(leaves(row)) for row in rows]
        for name in set(made.columns) & {"startTime", "endTime", "duration", "recoveryPointTime", "expiryTime"}:
            path = ("properties", name) if any(("properties", name) in row for row in given) else (name,)
            expected = [row.get(path) in (None, "") or str(row[path]).startswith("0001-") for row in given]
            assert made[name].isna().tolist() == expected
