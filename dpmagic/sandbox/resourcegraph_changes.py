"""The table ``resourcechanges``: what was made, changed and deleted in the last 14 days.

Documented are the shape of a row, the 14 days and that resources alone are covered, not backup instances, policies
or jobs. Modelled: the change is there at once; who did it, which the store does not know, is the owner for all but
snapshots, which Azure Backup makes and deletes; a created or deleted resource lists no changed members.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from . import times
from .messages import visible
from .store import Document
from .world import World

KEPT = 14 * times.DAY
SERVICE = "Azure Backup"
CLIENT = "Unspecified"

_NAMESPACE = uuid.UUID("d9a7c000-5a4d-4b0c-8e1d-00000000c4a6")


class Recorder:
    """Writes down each change of a resource; given to the store as its observer."""

    kinds = frozenset({"vault", "disk", "snapshot", "guard"})

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self, kind: str, before: Document | None, after: Document | None) -> None:
        """A resource was put (``after``) or dropped; ``before`` is what it was, None if there was none."""
        subject = after or before
        changed = {} if before is None or after is None else dict(_differences(visible(before), visible(after)))
        if subject is None or (before is not None and after is not None and not changed):
            return
        how = "Delete" if after is None else "Create" if before is None else "Update"
        days = self._world.store.get("changeDays", "", "all") or {}
        today = str(self._world.now // times.DAY)
        days[today] = days.get(today, 0) + 1
        change = {
            "id": subject["id"],
            "type": subject["type"],
            "how": how,
            "at": self._world.now,
            "by": "Application" if kind == "snapshot" else "User",
            "changes": changed,
        }
        self._world.store.put("change", today, f"{days[today]:09}", change)
        self._world.store.put("changeDays", "", "all", self._without_old(days))

    def _without_old(self, days: dict[str, int]) -> dict[str, int]:
        """The days that are still shown; the changes of the others go."""
        first = (self._world.now - KEPT) // times.DAY
        for day in [day for day in days if int(day) < first]:
            for number in range(1, days.pop(day) + 1):
                self._world.store.drop("change", day, f"{number:09}")
        return days


def changes(world: World) -> Iterator[tuple[Document, dict[str, Any]]]:
    """Each change of the last 14 days: the document that a row is made of, and its ``properties``."""
    tenant = world.store.get("tenant", "", "home") or {}
    for change in world.store.below("change"):
        if change["at"] < world.now - KEPT:
            continue
        name = str(uuid.uuid5(_NAMESPACE, f"{change['id']}/{change['how']}/{change['at']}"))
        document = {
            "id": f"{change['id']}/providers/Microsoft.Resources/changes/{name}",
            "name": name,
            "type": "microsoft.resources/changes",
        }
        yield document, _properties(change, name, str(tenant.get("owner", "")))


def _properties(change: Document, name: str, owner: str) -> dict[str, Any]:
    user = change["by"] == "User"
    kind = change["type"].lower()
    return {
        "targetResourceId": change["id"],
        "targetResourceType": kind,
        "changeType": change["how"],
        "changeAttributes": {
            "timestamp": times.full(change["at"]),
            "changedBy": change.get("who") or (owner if user else SERVICE),
            "changedByType": change["by"],
            "clientType": change.get("client", CLIENT),
            "operation": f"{kind}/{'delete' if change['how'] == 'Delete' else 'write'}",
            "correlationId": str(uuid.uuid5(_NAMESPACE, name)),
            "changesCount": len(change["changes"]),
        },
        "changes": change["changes"],
    }


def _differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each member that differs, by its dotted path, as Resource Graph writes it: values as text."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            yield from _differences(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif before != after:
        kind = "Insert" if before is None else "Remove" if after is None else "Update"
        yield (
            path,
            {
                "previousValue": None if before is None else _text(before),
                "newValue": None if after is None else _text(after),
                "changeCategory": "User",
                "propertyChangeType": kind,
                "isTruncated": "false",
            },
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
