"""The world as Resource Graph's tables: full records with the columns, casing and empty values recorded.

Every row has the same sixteen columns in the same order; ``kind`` and ``managedBy`` are "" when there is nothing,
the others null. ``type`` and ``resourceGroup`` are lower case, ids keep ARM's casing, except that a vault's own row
says ``/BackupVaults/``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from . import authorization, jobs, policies, recovery_points, times
from .messages import visible
from .store import Document
from .world import World, group_id, name_of, subscription_of

_UNSET_SPAN = "-10675199.02:48:05.4775808"  # .NET's smallest TimeSpan: "no such thing"

Row = dict[str, Any]


def rows(world: World, table: str, subscriptions: Collection[str] | None) -> Sequence[Mapping[str, Any]]:
    """The rows of a table (lower-case name) in the subscriptions, None being all; a table not kept here is empty."""
    wanted = None if subscriptions is None else {name.lower() for name in subscriptions}
    made = (row for make in _TABLES.get(table, ()) for row in make(world))
    return [row for row in made if wanted is None or row["subscriptionId"].lower() in wanted]


def _row(world: World, document: Mapping[str, Any], properties: Any, **columns: Any) -> Row:
    """A row with what an ARM document tells; ``columns`` override."""
    row: Row = {
        "id": document["id"],
        "name": document["name"],
        "type": document["type"].lower(),
        "tenantId": world.tenant,
        "kind": "",
        "location": document.get("location", ""),
        "resourceGroup": name_of(group_id(document["id"])).lower(),
        "subscriptionId": subscription_of(document["id"]),
        "managedBy": document.get("managedBy") or "",
        "sku": document.get("sku"),
        "plan": None,
        "properties": properties,
        "tags": document.get("tags") or None,
        "identity": document.get("identity"),
        "zones": document.get("zones"),
        "extendedLocation": None,
    }
    return {**row, **columns}


def _vaults(world: World) -> Iterator[Row]:
    for vault in world.store.below("vault"):
        yield _row(world, vault, vault["properties"], id=vault["id"].replace("/backupVaults/", "/BackupVaults/"))


def _compute(world: World) -> Iterator[Row]:
    for kind in ("disk", "snapshot"):
        for document in world.store.below(kind):
            yield _row(world, document, document["properties"])


def _instances(world: World) -> Iterator[Row]:
    for instance in world.store.below("instance"):
        yield _row(world, instance, _instance_properties(world, instance), tags=instance.get("tags"))


def _jobs(world: World) -> Iterator[Row]:
    for job in jobs.recent(world, ""):
        document = {"id": job["id"], "name": job["name"], "type": jobs.TYPE}
        yield _row(world, document, jobs.graph_properties(job))


def _policies(world: World) -> Iterator[Row]:
    for policy in world.store.below("policy"):
        yield _row(world, policy, policy["properties"])


def _subscriptions(world: World) -> Iterator[Row]:
    for subscription in world.store.children("subscription", ""):
        document = {
            "id": subscription["id"],
            "name": subscription["displayName"],
            "type": "Microsoft.Resources/subscriptions",
        }
        properties = {
            "managedByTenants": [],
            "managementGroupAncestorsChain": [{"displayName": "Tenant Root Group", "name": world.tenant}],
            "state": subscription["state"],
            "subscriptionPolicies": subscription["subscriptionPolicies"],
        }
        yield _row(world, document, properties)


def _groups(world: World) -> Iterator[Row]:
    for group in world.store.below("group"):
        document = {**visible(group), "type": "Microsoft.Resources/subscriptions/resourceGroups"}
        yield _row(world, document, group["properties"])


def _assignments(world: World) -> Iterator[Row]:
    for assignment in world.store.below("roleAssignment"):
        if subscription_of(assignment["id"]):
            yield _row(world, assignment, assignment["properties"], location="global")


def _definitions(world: World) -> Iterator[Row]:
    for subscription in world.store.children("subscription", ""):
        for role in authorization.definitions():
            document = authorization.definition(role, subscription["subscriptionId"])
            yield _row(world, document, document["properties"], location="global")


_TABLES: dict[str, tuple[Callable[[World], Iterable[Row]], ...]] = {
    "resources": (_vaults, _compute),
    "recoveryservicesresources": (_instances, _jobs, _policies),
    "resourcecontainers": (_subscriptions, _groups),
    "authorizationresources": (_assignments, _definitions),
}


def _instance_properties(world: World, instance: Document) -> dict[str, Any]:
    """What ARM shows, with null for what is not set, and the extended properties that only Resource Graph has."""
    sent = instance["properties"]
    status = sent["protectionStatus"]
    source_set = sent.get("dataSourceSetInfo")
    return {
        "currentProtectionState": sent["currentProtectionState"],
        "objectType": sent["objectType"],
        "dataSourceSetInfo": _source(source_set) if source_set else None,
        "protectionStatus": {"errorDetails": status.get("errorDetails"), "status": status["status"]},
        "dataSourceInfo": _source(sent["dataSourceInfo"]),
        "friendlyName": sent["friendlyName"],
        "policyInfo": _policy_info(sent["policyInfo"]),
        "datasourceAuthCredentials": sent.get("datasourceAuthCredentials"),
        "protectionErrorDetails": sent.get("protectionErrorDetails"),
        "dataSourceProperties": None,
        "provisioningState": sent["provisioningState"],
        "identityDetails": None,
        "validationType": None,
        "resourceGuardOperationRequests": None,
        "backupInstanceExtendedProperties": _extended(world, instance),
    }


def _source(source: dict[str, Any]) -> dict[str, Any]:
    return {**source, "resourceProperties": None, "baseUri": None}


def _policy_info(info: dict[str, Any]) -> dict[str, Any]:
    sent = info.get("policyParameters")
    keys = ("tags", "backupDatasourceParametersList", "dataStoreParametersList")
    parameters = None if sent is None else {key: sent.get(key) for key in keys}
    return {"policyId": info["policyId"], "policyParameters": parameters, "policyVersion": None}


def _extended(world: World, instance: Document) -> dict[str, Any]:
    vault = world.find("vault", instance["_"]["vault"])
    points = recovery_points.all_points(world, instance["id"])
    newest, oldest = (_milliseconds(points[place]["time"]) if points else times.UNSET for place in (0, -1))
    return {
        "protectionStateInSecondaryRegion": "NotProtected",
        "protectedPrimaryRegion": vault["location"] if vault else "",
        "vaultId": instance["_"]["vault"],
        "protectedSecondaryRegion": "",
        "dataSourceExtendedInfo": {"dataSourceId": instance["properties"]["friendlyName"]},
        "policyExtendedInfo": _policy_extended(world, instance),
        "recoveryPointInfo": {
            "latestRecoveryPointInSecondaryRegion": times.full(times.UNSET),
            "oldestRecoveryPointInSecondaryRegion": times.full(times.UNSET),
            "oldestRecoveryPointInPrimaryRegion": times.full(oldest),
            "latestRecoveryPointInPrimaryRegion": times.full(newest),
        },
        "allowedOperations": _ALLOWED.get(instance["properties"]["currentProtectionState"], []),
    }


def _milliseconds(instant: int) -> int:
    """Resource Graph cuts the instants of recovery points to milliseconds, as recorded."""
    return instant - instant % (times.SECOND // 1000)


_ALLOWED = {
    "ProtectionConfigured": ["BackupNow", "Restore", "ChangePolicy", "StopBackup", "Delete"],
    "ProtectionStopped": ["Restore", "ResumeBackup", "Delete"],
    "BackupsSuspended": ["Restore", "ResumeBackup", "Delete"],
}


def _policy_extended(world: World, instance: Document) -> dict[str, str]:
    """Spans of the policy. The warning threshold is one and a half times the frequency in every recorded row."""
    policy = world.find("policy", instance["properties"]["policyInfo"]["policyId"])
    span = policies.longest_retention(policy) if policy else 0
    frequency = policies.frequency(policy) if policy else 0
    return {
        "configuredRPGenerationFrequencyInSecondaryRegion": _UNSET_SPAN,
        "configuredMaximumRetentionInSecondaryRegion": _UNSET_SPAN,
        "rpoWarningThresholdInSecondaryRegion": _UNSET_SPAN,
        "rpoWarningThresholdInPrimaryRegion": times.timespan(frequency * 3 // 2),
        "configuredRPGenerationFrequency": times.timespan(frequency),
        "configuredMaximumRetention": times.timespan(span),
    }
