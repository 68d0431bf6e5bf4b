"""camelCase, as Azure writes the keys of JSON; snake_case and kebab-case are read, too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_JOINT = re.compile(r"[_\-]([a-zA-Z0-9])")
_SNAKE = re.compile(r"[a-z][a-z0-9]*([_\-][a-zA-Z0-9]+)+")
# Their keys are a person's own names, not Azure's.
_NAMED_BY_PEOPLE = frozenset({"tags", "namespaceMappings", "userAssignedIdentities"})


def camel(value: Any, *, resource_id: str = "resourceID") -> Any:
    """The same JSON with camelCase keys; keys that people chose (of ``tags``, say) stay.

    ``resource_id`` is how the id of a datasource is spelt, whichever way it came: backup instances have
    ``resourceID``, restore requests ``resourceId``.

    >>> camel({"data_source_info": {"resource_id": "/x", "object-type": "Datasource"}, "tags": {"a_b": "c"}})
    {'dataSourceInfo': {'resourceID': '/x', 'objectType': 'Datasource'}, 'tags': {'a_b': 'c'}}
    """
    if isinstance(value, list | tuple):
        return [camel(one, resource_id=resource_id) for one in value]
    if not isinstance(value, Mapping):
        return value
    result = {}
    for key, one in value.items():
        name = camel_key(key)
        if name.lower() == "resourceid":
            name = resource_id
        result[name] = one if name in _NAMED_BY_PEOPLE else camel(one, resource_id=resource_id)
    return result


def camel_key(key: str) -> str:
    """One key; what is no snake_case or kebab-case is left as it is.

    >>> camel_key("policy_parameters"), camel_key("datastore-type"), camel_key("eTag"), camel_key("/subscriptions/a_b")
    ('policyParameters', 'datastoreType', 'eTag', '/subscriptions/a_b')
    """
    return _JOINT.sub(lambda joint: joint[1].upper(), key) if _SNAKE.fullmatch(key) else key
