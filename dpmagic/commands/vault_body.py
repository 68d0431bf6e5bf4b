"""The body of a vault: made from options for a new one, merged from what is there and the options for a change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from dpmagic.commands.model import Args
from dpmagic.commands.shorthand import parse_shorthand
from dpmagic.errors import InvalidArgument, MissingArgument, did_you_mean

# Where in the body each option's value goes.
_PLACES = {
    "azure_monitor_alerts_for_job_failures": (
        "properties.monitoringSettings.azureMonitorAlertSettings.alertsForAllJobFailures"
    ),
    "cmk_encryption_key_uri": "properties.securitySettings.encryptionSettings.keyVaultProperties.keyUri",
    "cmk_encryption_state": "properties.securitySettings.encryptionSettings.state",
    "cmk_identity_type": "properties.securitySettings.encryptionSettings.kekIdentity.identityType",
    "cmk_infrastructure_encryption": "properties.securitySettings.encryptionSettings.infrastructureEncryption",
    "cmk_user_assigned_identity_id": "properties.securitySettings.encryptionSettings.kekIdentity.identityId",
    "cross_region_restore_state": "properties.featureSettings.crossRegionRestoreSettings.state",
    "cross_subscription_restore_state": "properties.featureSettings.crossSubscriptionRestoreSettings.state",
    "e_tag": "eTag",
    "immutability_state": "properties.securitySettings.immutabilitySettings.state",
    "retention_duration_in_days": "properties.securitySettings.softDeleteSettings.retentionDurationInDays",
    "soft_delete_state": "properties.securitySettings.softDeleteSettings.state",
    "tags": "tags",
    "type": "identity.type",
}
_STORAGE = {
    "datastoreType": ("ArchiveStore", "OperationalStore", "VaultStore"),
    "type": ("GeoRedundant", "LocallyRedundant", "ZoneRedundant"),
}
_READ_ONLY = (
    "bcdrSecurityLevel",
    "isVaultProtectedByResourceGuard",
    "provisioningState",
    "resourceMoveDetails",
    "resourceMoveState",
    "secureScore",
)


def body_of(args: Args) -> dict[str, Any]:
    """What the options say of a vault, in the service's shape.  Raises `InvalidArgument` for what cannot be."""
    body: dict[str, Any] = {}
    for key, place in _PLACES.items():
        if key in args:
            _put(body, place, getattr(args, key))
    if "user_assigned_identities" in args:
        _put(body, "identity.userAssignedIdentities", identities(args.user_assigned_identities))
    if "storage_setting" in args:
        given = args.storage_setting or [{}]  # of no setting at all, everything is missing
        _put(body, "properties.storageSettings", [_storage_setting(one) for one in given])
    if args.cmk_identity_type == "SystemAssigned" and "cmk_user_assigned_identity_id" not in args:
        _put(body, _PLACES["cmk_user_assigned_identity_id"], None)
    return body


def writable(vault: Mapping[str, Any]) -> dict[str, Any]:
    """A vault as the service gave it, without what only the service writes."""
    body = {key: vault[key] for key in ("eTag", "location", "tags") if vault.get(key) is not None}
    body["properties"] = {key: value for key, value in vault["properties"].items() if key not in _READ_ONLY}
    if identity := vault.get("identity"):
        body["identity"] = {"type": identity["type"]}
        if assigned := identity.get("userAssignedIdentities"):
            body["identity"]["userAssignedIdentities"] = {id_: {} for id_ in assigned}
    return body


def merged(vault: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """``change`` laid over ``vault``: objects are merged (tags, too), anything else is replaced.

    >>> merged({"tags": {"a": "b"}, "eTag": "1"}, {"tags": {"x": "y"}})
    {'tags': {'a': 'b', 'x': 'y'}, 'eTag': '1'}
    """
    result = dict(vault)
    for key, value in change.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result


def changed(vault: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be put for ``vault`` (as `writable` gives it) so that ``change`` comes to it.

    Azure refuses user-assigned identities of a vault whose identity is of another type: they go with the type.
    """
    result = merged(vault, change)
    if identity := result.get("identity"):
        kept = "UserAssigned" in identity["type"]
        result["identity"] = identity if kept else {"type": identity["type"]}
    return result


def identities(words: Iterable[str]) -> dict[str, dict[str, Any]]:
    """User-assigned identities from ``ID``, ``ID={}`` or ``{"ID": {}}``, as the service takes them."""
    found: dict[str, dict[str, Any]] = {}
    for word in words:
        if word.lstrip().startswith("{"):
            found |= {id_: {} for id_ in _object(word)}
        else:
            found[word.partition("=")[0]] = {}
    if bad := next((id_ for id_ in found if not id_.startswith("/")), None):
        raise InvalidArgument(
            f"--user-assigned-identities {bad!r} is not a resource id",
            "give ids such as /subscriptions/SUB/resourceGroups/GROUP/providers/"
            "Microsoft.ManagedIdentity/userAssignedIdentities/NAME",
        )
    return found


def _object(text: str) -> Mapping[str, Any]:
    try:
        read = json.loads(text)
    except json.JSONDecodeError:
        read = parse_shorthand(text)
    if not isinstance(read, dict):
        raise InvalidArgument("--user-assigned-identities is not an object", 'write {"ID": {}}')
    return read


def _put(body: dict[str, Any], place: str, value: Any) -> None:
    *above, last = place.split(".")
    for key in above:
        body = body.setdefault(key, {})
    body[last] = value


def _storage_setting(given: Mapping[str, Any]) -> dict[str, Any]:
    keys = {key.lower(): key for key in _STORAGE}
    setting: dict[str, Any] = {}
    for key, value in given.items():
        name = keys.get(key.replace("-", "").replace("_", "").lower())
        if name is None:
            raise InvalidArgument(
                f"--storage-setting has no {key!r}",
                did_you_mean(key, ("datastore-type", "type"), "datastore-type, type"),
            )
        setting[name] = _storage_value(name, str(value))
    if missing := [key for key in _STORAGE if key not in setting]:
        raise MissingArgument(
            f"--storage-setting needs {' and '.join(missing)}",
            "write --storage-setting type=LocallyRedundant datastore-type=VaultStore",
        )
    return setting


def _storage_value(name: str, value: str) -> str:
    known = {one.lower(): one for one in _STORAGE[name]}
    if value.lower() not in known:
        raise InvalidArgument(
            f"--storage-setting: {name} cannot be {value!r}",
            did_you_mean(value, _STORAGE[name], f"one of: {', '.join(_STORAGE[name])}"),
        )
    return known[value.lower()]
