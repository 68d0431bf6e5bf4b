"""Nested answers as typed frames, beside what pandas makes of them without types."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import Any

import pandas

from dpmagic.frames import frame

ROWS = 10_000


def instance(number: int) -> dict[str, Any]:
    """A backup instance with the nesting and the fields of Azure's."""
    base = f"/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/v{number % 9}"
    info = {"objectType": "Datasource", "resourceID": f"/d/{number}", "resourceName": f"d{number}", "resourceUri": ""}
    points = {"latestRecoveryPointInPrimaryRegion": "2026-03-01T08:00:00.1234567Z", "oldestRecoveryPoint": None}
    return {
        "id": f"{base}/backupInstances/b{number}",
        "name": f"b{number}",
        "type": "Microsoft.DataProtection/backupVaults/backupInstances",
        "properties": {
            "currentProtectionState": "ProtectionConfigured",
            "dataSourceInfo": info,
            "dataSourceSetInfo": info | {"objectType": "DatasourceSet"},
            "friendlyName": f"d{number}",
            "policyInfo": {"policyId": f"{base}/backupPolicies/p", "policyParameters": {"dataStoreParametersList": []}},
            "protectionStatus": {"status": "ProtectionConfigured", "errorDetails": None},
            "backupInstanceExtendedProperties": {"recoveryPointInfo": points, "vaultId": base},
            "provisioningState": "Succeeded",
        },
        "tags": {"env": "prod"},
    }


def _cost(build: Callable[[Any], pandas.DataFrame], rows: list[dict[str, Any]]) -> float:
    started = process_time()
    build(rows)
    return process_time() - started


def measure() -> list[str]:
    """Lines for the report: the best of three each, and their ratio."""
    rows = [instance(number) for number in range(ROWS)]
    ours, theirs = (min(_cost(build, rows) for _ in range(3)) for build in (frame, pandas.json_normalize))
    return [f"frame of {ROWS:,} instances, typed: {ours / theirs:.2f}x pandas.json_normalize, untyped ({theirs:.2f} s)"]
