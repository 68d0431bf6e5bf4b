"""JSON as az has it: a ``resourceGroup`` in each object that is in one, and keys in order."""

from __future__ import annotations

import operator
from typing import Any


def az_json(value: Any) -> Any:
    """The value as az has it: `with_resource_group`, the keys of every object in alphabetical order."""
    return _sorted(with_resource_group(value))


def with_resource_group(value: Any) -> Any:
    """The value, in which every object with an ARM ``id`` below a resource group has a ``resourceGroup``, last.

    What was given stays as it is; what has no such object in it is given back, not copied.  As in az: an object that
    has the key in any spelling keeps its own, the id of the group itself does not count, and nothing inside
    ``sourceVault`` changes.

    >>> with_resource_group({"id": "/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Compute/disks/d"})
    {'id': '/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Compute/disks/d', 'resourceGroup': 'rg1'}
    """
    if isinstance(value, list):
        items = [with_resource_group(item) if isinstance(item, (dict, list)) else item for item in value]
        return items if any(map(operator.is_not, items, value)) else value
    if not isinstance(value, dict):
        return value
    made = value
    for key, item in value.items():
        # A call for each text and number would be most of the work of a long list.
        if isinstance(item, (dict, list)) and key != "sourceVault":
            shaped = with_resource_group(item)
            if shaped is not item:
                made = dict(value) if made is value else made
                made[key] = shaped
    group = _resource_group(value.get("id"))
    if group is None or any(key.lower() == "resourcegroup" for key in value):
        return made
    return {**made, "resourceGroup": group}


def _resource_group(arm_id: Any) -> str | None:
    parts = arm_id.split("/") if isinstance(arm_id, str) else []
    # "", subscriptions, S, resourceGroups, G, providers, N, T, name
    return parts[4] if len(parts) > 8 and parts[3].lower() == "resourcegroups" else None


def _sorted(value: Any) -> Any:
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return value
