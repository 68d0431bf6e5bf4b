"""Coverage of the ten tiny estates whose contents are worked out by hand, put side by side, and of their neighbours.

Each is a disk or three under a policy, and one thing that goes wrong; the history ends on Monday 2 March 2026 at 08:00
UTC.  What goes wrong is in tests/sandbox/estates/test_by_hand.py; here is what it means for coverage: what went wrong
days ago and is well again is no gap.
"""

from __future__ import annotations

from typing import Any

import pandas
import pytest

import dpmagic
from dpmagic.connection import connect_sandbox

POLICIES = {
    "nightly": {"every": "P1D", "start": "2024-01-01T22:00:00+00:00", "keep": "P7D"},
    "six-hourly": {
        "every": "PT6H", "start": "2024-01-01T00:00:00+00:00", "keep": "P2D", "daily": "P5D", "weekly": "P28D",
    },
}  # fmt: skip

# Disk, policy, what goes wrong; then the reason of its gap, and whether it is still effective.
Case = tuple[str, str, dict[str, Any], str, bool]
WELL: list[tuple[str, str, dict[str, Any]]] = [
    ("1-healthy", "nightly", {}),
    ("2-tags", "six-hourly", {}),
    ("3-first-moves", "six-hourly", {"kind": "failed", "at": "2026-02-26T00:00:00Z", "runs": 2}),
    ("4-late", "nightly", {"kind": "late", "at": "2026-02-28T12:00:00Z", "by": "2h1m"}),
    ("5-two-nights", "nightly", {"kind": "missed", "at": "2026-02-24T00:00:00Z", "runs": 2}),
    ("6-hangs", "nightly", {"kind": "stuck", "at": "2026-02-26T00:00:00Z", "lasts": "33h"}),
    ("8-made-anew", "nightly", {"kind": "diskRecreated", "at": "2026-02-24T12:00:00Z", "after": "2d"}),
    ("9-kept-less", "nightly", {"kind": "kept", "at": "-14d", "by": "-1s"}),
    ("9-lingers", "nightly", {"kind": "lingering", "at": "-14d", "by": "1d"}),
]
GAPS: list[Case] = [
    ("7-stopped", "nightly", {"kind": "stopped", "at": "-5d"}, "stopped", False),
    ("7-suspended", "nightly", {"kind": "suspended", "at": "-5d"}, "suspended", False),
    ("7-deleted", "nightly", {"kind": "softDeleted", "at": "-5d"}, "soft-deleted", False),
    ("missed", "nightly", {"kind": "missed", "at": "2026-03-01T12:00:00Z"}, "stale", False),
    ("failed", "nightly", {"kind": "failed", "at": "2026-03-01T12:00:00Z"}, "stale", False),
    ("stuck", "nightly", {"kind": "stuck", "at": "2026-03-01T12:00:00Z"}, "stale", False),
    # Its points are of another disk; its newest point cannot be restored any more.
    ("other-disk", "nightly", {"kind": "diskRecreated", "at": "2026-03-01T23:00:00Z", "after": "1h"}, "stale", False),
    ("no-snapshot", "nightly", {"kind": "snapshotDeleted", "at": "2026-03-02T07:00:00Z"}, "stale", False),
    ("in-error", "nightly", {"kind": "inError", "at": "-1h", "code": "UserErrorSnapshotRGNotFound"}, "error", False),
    # What is there will do until tomorrow; the next backup will not work.
    ("no-reader", "nightly", {"kind": "rolesRemoved", "at": "-1h"}, "permission lost", True),
    ("no-writer", "nightly", {"kind": "rolesRemoved", "at": "-1h", "role": "snapshots"}, "permission lost", True),
]
HIDDEN = "abababab-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def gaps() -> pandas.DataFrame:
    """The gaps of one subscription with a vault and all of these disks, each in groups of its own."""
    cases = [(name, policy, plant) for name, policy, plant, *_ in [*WELL, *GAPS]]
    rows = [
        {"name": name, "vault": "v", "policy": policy, "group": f"rg-{name}", "snapshots": f"rg-{name}-snapshots"}
        for name, policy, _ in cases
    ]
    machine = {"name": "vm", "count": 3, "perVm": 3, "vmBackup": "rsv", "excludeLuns": [1]}
    vaults = {"v": {"policies": list(POLICIES)}}
    spec = {
        "end": "2026-03-02T08:00:00Z",
        "days": 14,
        "policies": POLICIES,
        "subscriptions": [
            {"name": "S", "vaults": vaults, "disks": [*rows, machine, {"name": "alone"}]},
            {"name": "Empty"},
            {"name": "Hidden", "id": HIDDEN, "readable": False, "disks": [{"name": "h"}]},
        ],
        "plant": [{"disks": name, **plant} for name, _, plant in cases if plant],
    }
    estate = dpmagic.open(connection=connect_sandbox(estate=spec), subscriptions=["S", "Empty"], expected=[HIDDEN])
    return dpmagic.coverage_gaps(estate).set_index("name")


def test_what_is_well_again_is_no_gap(gaps: pandas.DataFrame) -> None:
    assert not {name for name, *_ in WELL} & set(gaps.index)


@pytest.mark.parametrize(("name", "policy", "plant", "reason", "effective"), GAPS, ids=lambda one: str(one)[:12])
def test_what_is_wrong_now(
    gaps: pandas.DataFrame, name: str, policy: str, plant: dict[str, Any], reason: str, effective: bool
) -> None:
    assert (gaps["reason"][name], gaps["effective"][name]) == (reason, effective)


def test_10_what_the_spec_alone_says(gaps: pandas.DataFrame) -> None:
    """Of a machine's three disks one is left out; one disk has nothing; a subscription is empty, one out of sight."""
    rest = gaps.drop([name for name, *_ in GAPS])
    assert rest["reason"].to_dict() == {"alone": "never configured", "vm-003": "excluded from its VM's backup"}
    assert rest["evidence"].to_dict() == {"alone": "inferred", "vm-003": "observed"}
    scope = gaps.attrs["dpmagic"]["subscriptions"]
    assert (scope["unreadable"], len(scope["empty"])) == ([HIDDEN], 1)
