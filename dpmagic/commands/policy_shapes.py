"""The two shapes in which az takes a policy: as the API has it, and as its generated ``backup-policy update`` wants it.

The second names the type of an object by the key that it is under, ``{azure-retention-rule: {..}}``, where the API has
an ``objectType`` in it; and az's shorthand, in which it is written, has texts for numbers and truth.
"""

from __future__ import annotations

from typing import Any

_TYPES = {
    name[0].lower() + name[1:]: name
    for name in (
        *("AzureBackupRule", "AzureRetentionRule", "AzureBackupParams", "ScheduleBasedBackupCriteria"),
        *("AdhocBasedTriggerContext", "ScheduleBasedTriggerContext"),
        *("CustomCopyOption", "CopyOnExpiryOption", "ImmediateCopyOption"),
    )
}
_NUMBERS, _TRUTHS = {"date", "taggingPriority"}, {"isDefault", "isLast"}
_TRUTH = {"true": True, "false": False}


def api_shape(value: Any) -> Any:
    """A policy, or part of one, as the API has it; keys are camelCase, and what has that shape already stays.

    >>> api_shape({"name": "Default", "azureRetentionRule": {"isDefault": "true"}})
    {'name': 'Default', 'objectType': 'AzureRetentionRule', 'isDefault': True}
    """
    if isinstance(value, list):
        return [api_shape(one) for one in value]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for key, one in value.items():
        if key in _TYPES and isinstance(one, dict | None):
            result |= {"objectType": _TYPES[key], **api_shape(one or {})}
        else:
            result[key] = _scalar(key, one) if isinstance(one, str) else api_shape(one)
    return result


def _scalar(key: str, text: str) -> Any:
    if key in _NUMBERS and text.isascii() and text.isdigit():
        return int(text)
    return _TRUTH.get(text.lower(), text) if key in _TRUTHS else text
