"""An estate looked at twice, with things put wrong and put right between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import dpmagic

SHOP = "33333333-3333-4333-8333-333333333333"
# The history ends at 2026-03-02T08:00Z, the first look; what comes later is between the looks.
SPEC: dict[str, Any] = {
    "seed": 3,
    "days": 16,
    "policies": {
        "p": {"every": "PT4H", "start": "2024-01-01T01:00:00Z", "keep": "P7D"},
        "q": {"every": "P1D", "start": "2024-01-01T22:00:00Z", "keep": "P7D"},
    },
    "subscriptions": [
        {
            "name": "Shop",
            "id": SHOP,
            "vaults": {"v": {"policies": ["p", "q"]}},
            "disks": [
                {"name": "d", "count": 8, "vault": "v", "policy": "p", "group": "rg", "tags": {"owner": "dba|<b>"}},
                {"name": "free", "count": 2, "group": "rg"},
            ],
        }
    ],
    "plant": [
        {"kind": "failed", "disks": "d-001", "at": "-1d", "runs": 8},  # fails at the first look, is well at the second
        {"kind": "failed", "disks": "d-002", "at": "-1d", "runs": 100, "code": "UserErrorNotEnoughPermissionOnDisk"},
        {"kind": "failed", "disks": "d-003", "at": "2026-03-02T20:00:00Z", "runs": 100},
        {"kind": "stopped", "disks": "d-004", "at": "2026-03-02T18:00:00Z"},
        {"kind": "policyChanged", "disks": "d-005", "at": "2026-03-02T18:00:00Z", "policy": "q"},
        {"kind": "diskDeleted", "disks": "d-006", "at": "2026-03-02T19:00:00Z"},
        {"kind": "missed", "disks": "d-007", "at": "2026-03-02T12:00:00Z", "runs": 1},  # and is well again
        {"kind": "failed", "disks": "d-008", "at": "-1d", "runs": 8},  # recovers, and fails anew
        {"kind": "failed", "disks": "d-008", "at": "2026-03-02T20:00:00Z", "runs": 100},
    ],
}


@pytest.fixture(scope="package")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    (folder / "estate.yaml").write_text(yaml.safe_dump(SPEC))
    connection = dpmagic.connect_sandbox(estate=str(folder / "estate.yaml"))
    dpmagic.collect(dpmagic.open(), folder / "archive", recovery_points=False)
    connection.sandbox.advance("1d")
    dpmagic.run(f"backup-vault update -g rg-backup -v v --subscription {SHOP} --soft-delete-state Off")
    dpmagic.collect(dpmagic.open(), folder / "archive", recovery_points=False)
    return folder / "archive"
