"""The body of a backup instance: from what ``initialize`` writes, and from what the service gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dpmagic.commands.camel import camel
from dpmagic.errors import InvalidArgument, MissingArgument

# What only the service writes: of an instance, of its properties, of its policyInfo.
_READ_ONLY = (
    "currentProtectionState",
    "protectionErrorDetails",
    "protectionStatus",
    "provisioningState",
)
_POLICY_READ_ONLY = ("name", "policyVersion")


def body_of(given: Any) -> dict[str, Any]:
    """The JSON of ``--backup-instance`` as the service takes it: camelCase, without nulls.

    Raises `InvalidArgument` when it is not a backup instance.
    """
    instance = without_nulls(camel(given)) if isinstance(given, Mapping) else {}
    properties = instance.get("properties")
    if not (isinstance(properties, dict) and isinstance(properties.get("dataSourceInfo"), dict)):
        lacking = "properties.dataSourceInfo" if isinstance(properties, dict) else "properties"
        raise InvalidArgument(
            f"--backup-instance holds no backup instance: it has no {lacking}",
            "give what `backup-instance initialize` writes",
        )
    return {key: instance[key] for key in ("properties", "tags") if key in instance}


def name_of(given: Mapping[str, Any]) -> str:
    """The name in the JSON of ``--backup-instance``.  Raises `MissingArgument` when it has none."""
    name = camel(given).get("backupInstanceName")
    if not name:
        raise MissingArgument(
            "--backup-instance has no backup_instance_name",
            "give what `backup-instance initialize` writes, or add the key",
        )
    return str(name)


def writable(instance: Mapping[str, Any]) -> dict[str, Any]:
    """An instance as the service gave it, without what only the service writes."""
    properties = {key: value for key, value in instance["properties"].items() if key not in _READ_ONLY}
    policy = properties.get("policyInfo") or {}
    properties["policyInfo"] = {key: value for key, value in policy.items() if key not in _POLICY_READ_ONLY}
    body = without_nulls({"properties": properties, "tags": instance.get("tags")})
    return dict(body)


def container_list(given: Any) -> dict[str, Any]:
    """The JSON of ``--vaulted-blob-container-list`` in camelCase.

    Raises `InvalidArgument` when it is not what ``initialize-backupconfig`` writes.
    """
    configuration: dict[str, Any] = camel(given)
    names = configuration.get("containersList")
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise InvalidArgument(
            "--vaulted-blob-container-list has no containersList",
            "give what `backup-instance initialize-backupconfig` writes",
        )
    return configuration


def with_containers(body: Mapping[str, Any], configuration: Mapping[str, Any]) -> dict[str, Any]:
    """``body`` with ``configuration``, from `container_list`, as what of a storage account is backed up."""
    policy = body["properties"]["policyInfo"]
    parameters = {**policy.get("policyParameters", {}), "backupDatasourceParametersList": [configuration]}
    return {
        **body,
        "properties": {**body["properties"], "policyInfo": {**policy, "policyParameters": without_nulls(parameters)}},
    }


def containers(body: Mapping[str, Any]) -> list[str]:
    """The containers of a storage account that are backed up to the vault."""
    parameters = (body["properties"].get("policyInfo") or {}).get("policyParameters") or {}
    return [
        name
        for one in parameters.get("backupDatasourceParametersList") or []
        for name in one.get("containersList") or []
    ]


def without_nulls(value: Any) -> Any:
    """The same JSON with no member that is null.

    >>> without_nulls({"a": None, "b": [{"c": None}]})
    {'b': [{}]}
    """
    if isinstance(value, Mapping):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value
