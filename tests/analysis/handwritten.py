"""Estates of one thing each: a policy, a disk or three, and what goes wrong with them, as specs.

They are those of which the sandbox's own tests say by hand what is in them.
"""

from __future__ import annotations

from typing import Any

_POLICIES = {
    "nightly": {"every": "P1D", "start": "2024-01-01T22:00:00+00:00", "keep": "P7D"},
    "six-hourly": {
        "every": "PT6H",
        "start": "2024-01-01T00:00:00+00:00",
        "keep": "P2D",
        "daily": "P5D",
        "weekly": "P28D",
    },
}


def _spec(policy: str, *plant: dict[str, Any], disks: str = "d") -> dict[str, Any]:
    rows = [{"name": name, "vault": "v", "policy": policy} for name in disks.split()]
    subscription = {"name": "S", "vaults": {"v": {"policies": list(_POLICIES)}}, "disks": rows}
    end = "2026-03-02T08:00:00Z"  # a Monday
    return {"end": end, "days": 14, "policies": _POLICIES, "subscriptions": [subscription], "plant": list(plant)}


def _on(kind: str, at: str, disk: str = "d", **options: Any) -> dict[str, Any]:
    return {"kind": kind, "disks": disk, "at": at, **options}


_ALONE: dict[str, Any] = {
    "end": "2026-03-02T08:00:00Z",
    "subscriptions": [
        {
            "name": "A",
            "disks": [
                {"name": "vm", "count": 3, "perVm": 3, "vmBackup": "rsv", "excludeLuns": [1]},
                {"name": "alone"},
            ],
        },
        {"name": "Empty"},
        {"name": "Hidden", "readable": False, "disks": [{"name": "h"}]},
    ],
}

#: Ten, the fourth in five variants, and one of the boundaries of 14 days.
HAND_WRITTEN: dict[str, dict[str, Any]] = {
    "healthy": _spec("nightly"),
    "tags": _spec("six-hourly"),
    "first-success": _spec("six-hourly", _on("failed", "2026-02-26T00:00:00Z", runs=2, code="InternalServerError")),
    **{
        f"late-by-{by}": _spec("nightly", _on("late", "2026-02-28T12:00:00Z", by=by))
        for by in ("1h59m", "1h59m59s", "2h", "2h0m1s", "2h1m")
    },
    "two-nights": _spec("nightly", _on("missed", "2026-02-24T00:00:00Z", runs=2)),
    "hangs": _spec("nightly", _on("stuck", "2026-02-26T00:00:00Z", lasts="33h")),
    "ends": _spec(
        "nightly",
        _on("stopped", "-5d", "a"),
        _on("suspended", "-5d", "b"),
        _on("softDeleted", "-5d", "c"),
        disks="a b c d",
    ),
    "recreated": _spec("nightly", _on("diskRecreated", "2026-02-24T12:00:00Z", after="2d")),
    "kept": _spec(
        "nightly",
        _on("kept", "-14d", "more", by="1s"),
        _on("kept", "-14d", "less", by="-1s"),
        _on("lingering", "-14d", "ghost", by="1d"),
        disks="more less ghost",
    ),
    "spec": _ALONE,
    "fortnight": _spec(
        "nightly",
        *(_on("onDemand", at, disk) for disk, at in {"a": "-14d1s", "b": "-14d", "c": "-13d23h59m59s"}.items()),
        disks="a b c",
    ),
}
