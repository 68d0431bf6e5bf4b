"""Reading the body that describes a backup instance: what is kept of it, in the order and casing that ARM shows."""

from __future__ import annotations

from typing import Any

from . import disk_checks, faults, kinds
from .store import Document
from .world import World, name_of

_SOURCE = (
    "resourceID",
    "resourceUri",
    "datasourceType",
    "resourceName",
    "resourceType",
    "resourceLocation",
    "objectType",
)
# What ARM shows of a cluster's parameters, null where it was not sent.
_CLUSTER = (
    "objectType",
    "includeClusterScopeResources",
    "snapshotVolumes",
    "includedNamespaces",
    "excludedNamespaces",
    "includedResourceTypes",
    "excludedResourceTypes",
    "labelSelectors",
    "backupHookReferences",
)


def read(world: World, vault: Document, sent: Any) -> dict[str, Any]:
    """The properties that an instance keeps, in recorded order and casing. Raises a 400 fault on a wrong body."""
    if not isinstance(sent, dict):
        raise _invalid("the backup instance is missing")
    source, info = sent.get("dataSourceInfo"), sent.get("policyInfo")
    if not isinstance(source, dict) or not (source.get("resourceID") or source.get("resourceId")):
        raise _invalid("dataSourceInfo.resourceID is missing")
    if not isinstance(info, dict) or not isinstance(info.get("policyId"), str):
        raise _invalid("policyInfo.policyId is missing")
    datasource = _source(source, "Datasource")
    policy = world.find("policy", info["policyId"])
    if policy is None or not policy["id"].lower().startswith(vault["id"].lower() + "/"):
        raise faults.backup("UserErrorPolicyNotFound", policy=name_of(info["policyId"]))
    kind, expected = datasource["datasourceType"], policy["properties"]["datasourceTypes"][0]
    if kind.lower() != expected.lower():
        words = {"policy": policy["name"], "expected": expected, "actual": kind}
        raise faults.backup("UserErrorDatasourceTypeMismatch", **words)
    if kinds.find(kind) is None:
        raise faults.backup("UserErrorOperationNotSupported", actual=kind)
    parameters = _parameters(info.get("policyParameters") or {})
    properties: dict[str, Any] = {
        "friendlyName": sent.get("friendlyName") or datasource["resourceName"],
        "dataSourceInfo": datasource,
    }
    if sent.get("dataSourceSetInfo"):
        properties["dataSourceSetInfo"] = _source(sent["dataSourceSetInfo"], "DatasourceSet")
    properties["policyInfo"] = {
        "policyId": info["policyId"],
        **({"policyParameters": parameters} if parameters else {}),
    }
    if sent.get("datasourceAuthCredentials"):
        properties["datasourceAuthCredentials"] = _credentials(sent["datasourceAuthCredentials"])
    if kinds.find(kind) in (kinds.DISK, kinds.AKS):
        disk_checks.snapshot_group_id(properties)
    return properties


def _source(sent: dict[str, Any], object_type: str) -> dict[str, Any]:
    """A datasource as ARM shows it: ``resourceID`` with a capital D, whichever spelling came in."""
    arm_id = sent.get("resourceID") or sent.get("resourceId") or ""
    kind = sent.get("datasourceType") or ""
    known = {
        **sent,
        "resourceID": arm_id,
        "resourceUri": sent.get("resourceUri") or "",
        "datasourceType": kind,
        "resourceName": sent.get("resourceName") or name_of(arm_id),
        "resourceType": sent.get("resourceType") or kind,
        "resourceLocation": sent.get("resourceLocation") or "",
        "objectType": object_type,
    }
    return {key: known[key] for key in _SOURCE}


def _parameters(sent: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in sent.items() if value is not None}
    if "backupDatasourceParametersList" in kept:
        kept["backupDatasourceParametersList"] = [
            {**dict.fromkeys(_CLUSTER), **one}
            if one.get("objectType") == "KubernetesClusterBackupDatasourceParameters"
            else one
            for one in kept["backupDatasourceParametersList"]
        ]
    return kept


def _credentials(sent: dict[str, Any]) -> dict[str, Any]:
    """The credentials with the place of the secret's value, which is never shown."""
    resource = sent.get("secretStoreResource") or {}
    shown = {"secretStoreType": resource.get("secretStoreType"), "uri": resource.get("uri"), "value": None}
    return {"objectType": sent.get("objectType"), "secretStoreResource": shown}


def _invalid(reason: str) -> faults.BackupFault:
    return faults.backup("BMSUserErrorInvalidInput", reason=reason)
