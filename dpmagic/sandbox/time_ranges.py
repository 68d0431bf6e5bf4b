"""POST findRestorableTimeRanges: the window in which a blob datasource can go back to any instant."""

from __future__ import annotations

import re
from typing import Any

from . import faults, instances, kinds, policies, times
from .messages import Request, answer
from .reply import Reply
from .world import World

_SEVEN_DIGITS = re.compile(r".*\.\d{7}Z")


def find(world: World, request: Request) -> Reply:
    """POST findRestorableTimeRanges: 200 with one range, cut to what was asked for.

    The oddities are recorded ones: an end alone is a 500, a start alone must have seven digits and Z, and a window that
    lies wholly outside comes back turned round.
    """
    _, instance = instances.find(world, request)
    kind = instance["properties"]["dataSourceInfo"]["datasourceType"]
    if kind.lower() != kinds.BLOB.type.lower():
        raise faults.backup("UserErrorOperationNotSupported", actual=kind)
    body = request.object()
    start, end = _read(body.get("startTime"), body.get("endTime"))
    policy = instances.policy_of(world, instance)
    period = policies.retention(policy, "Default", kinds.OPERATIONAL) if policy else None
    oldest = world.now - (times.later(world.now, period or "P30D") - world.now)
    first = max(oldest, instance["_"].get("protectedSince", world.now))
    found = {
        "startTime": times.full(first if start is None else max(first, start)),
        "endTime": times.full(world.now if end is None else min(world.now, end)),
        "objectType": "RestorableTimeRange",
    }
    properties = {"restorableTimeRanges": [found], "objectType": "AzureBackupFindRestorableTimeRangesResponse"}
    answered: dict[str, Any] = {"properties": properties, "id": instance["name"]}
    answered["type"] = f"{instances.TYPE}/findRestorableTimeRanges"
    return answer(200, answered)


def _read(start: str | None, end: str | None) -> tuple[int | None, int | None]:
    if start is None and end is not None:
        fault = faults.backup("CloudInternalError", 500)
        fault.headers["x-ms-failure-cause"] = "service"
        raise fault
    if start is not None and end is None and not _SEVEN_DIGITS.fullmatch(start):
        raise faults.backup("DppPluginInvalidInputParameters")
    try:
        first, last = (None if text is None else times.parse(text) for text in (start, end))
    except ValueError as error:
        raise faults.backup("DppPluginInvalidInputParameters") from error
    if first is not None and last is not None and first > last:
        raise faults.backup("UserErrorInvalidRestorableTimeRange")
    return first, last
