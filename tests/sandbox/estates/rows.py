"""What an estate's columns say, as plain rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from dpmagic.sandbox import times
from dpmagic.sandbox.estates import Estate, generate

END = "2026-03-02T08:00:00Z"  # a Monday


def estate(disks: Any = None, *, policy: dict[str, Any] | None = None, plant: Any = (), **spec: Any) -> Estate:
    """An estate of one subscription and vault with one policy, ``p``; by default a disk ``d`` backed up each night."""
    rows = disks if disks is not None else [{"name": "d"}]
    placed = [{"vault": "v", "policy": "p", **row} for row in rows]
    subscription = {"name": "S", "vaults": {"v": {"policies": list(spec.get("policies", ["p"]))}}, "disks": placed}
    policies = {"p": policy or {}, **spec.pop("policies", {})}
    subscription["vaults"]["v"]["policies"] = list(policies)
    return generate(
        {"end": END, "days": 14, "policies": policies, "subscriptions": [subscription], "plant": list(plant), **spec}
    )


def jobs(of: Estate, disk: str = "") -> list[dict[str, Any]]:
    """The jobs of the disk of a name, or all: due, start, end, status, code and tag, in order of start."""
    found = []
    for piece in of.engine.jobs.pieces():
        for row in range(len(piece)):
            instance = of.instances[int(piece["instance"][row])]
            if not disk or instance.source.rpartition("/")[2].lower() == disk.lower():
                found.append(
                    {
                        "id": instance.id,
                        "due": int(piece["due"][row]),
                        "start": int(piece["start"][row]),
                        "end": int(piece["end"][row]),
                        "status": int(piece["status"][row]),
                        "code": of.engine.codes[int(piece["fault"][row])],
                        "tag": of.engine.tags.names[int(piece["tag"][row])],
                    }
                )
    return sorted(found, key=lambda job: (job["start"], job["id"]))


def points(of: Estate, disk: str = "") -> list[dict[str, Any]]:
    """The recovery points that exist now, in order of time."""
    found = []
    for piece in of.engine.points.pieces():
        for row in range(len(piece)):
            instance = of.instances[int(piece["instance"][row])]
            if disk and instance.source.rpartition("/")[2].lower() != disk.lower():
                continue
            point = {name: int(piece[name][row]) for name in ("created", "time", "expiry", "gone")}
            if point["time"] <= of.now < max(point["expiry"], point["gone"]):
                found.append({**point, "tag": of.engine.tags.names[int(piece["tag"][row])], "id": instance.id})
    return sorted(found, key=lambda point: (point["time"], point["id"]))


def ticks(text: str) -> int:
    """The instant of an ISO 8601 text; of less than a date, on 2026-03-01."""
    return times.parse(text if "T" in text else f"2026-03-01T{text}:00Z")


def day(instant: int) -> str:
    """An instant's date, hour and minute: ``03-01 21:00``."""
    return f"{times.moment(instant):%m-%d %H:%M}"


def after(days: float) -> datetime:
    """An instant so many days after the end of these estates' history."""
    return datetime(2026, 3, 2, 8, tzinfo=UTC) + timedelta(days=days)
