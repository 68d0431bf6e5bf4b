"""The world as Resource Graph's tables: full records with the columns, casing and empty values recorded.

Every row has the same sixteen columns in the same order; ``kind`` and ``managedBy`` are "" when there is nothing,
the others null. ``type`` and ``resourceGroup`` are lower case, ids keep ARM's casing, except that a vault's own row
says ``/BackupVaults/``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from . import (
    authorization,
    cross_region,
    graph_scopes,
    instances,
    jobs,
    policies,
    recovery_points,
    resourcegraph_changes,
    times,
    tracked,
    vaults,
)
from .layered import LayeredStore
from .messages import visible
from .resourcegraph_scope import Hierarchy
from .store import Document
from .world import World, group_id, name_of, subscription_of

UNSET_SPAN = "-10675199.02:48:05.4775808"  # .NET's smallest TimeSpan: "no such thing"

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
        "kind": document.get("kind") or "",
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


def _tracked(world: World) -> Iterator[Row]:
    for kind in ("disk", "snapshot"):
        for document in _put(world, kind):
            yield _row(world, document, document["properties"])
    for kind in ("extraSnapshot", "guard", "virtualMachine", "recoveryVault", *tracked.TYPES):
        for document in world.store.below(kind):
            yield _row(world, document, document["properties"])


def _put(world: World, kind: str) -> Iterable[Document]:
    """The documents of a kind but for generated ones, whose rows are typed columns."""
    return world.store.own(kind) if isinstance(world.store, LayeredStore) else world.store.below(kind)


def _instances(world: World) -> Iterator[Row]:
    for instance in _put(world, "instance"):
        yield _row(world, instance, _instance_properties(world, instance), tags=instance.get("tags"))


def _jobs(world: World) -> Iterator[Row]:
    for job in _put(world, "job"):
        if job["start"] <= world.now - jobs.LISTED:
            continue
        document = {"id": job["id"], "name": job["name"], "type": jobs.TYPE}
        yield _row(world, document, jobs.graph_properties(job))


def _protected_items(world: World) -> Iterator[Row]:
    for item in world.store.below("protectedItem"):
        yield _row(world, item, item["properties"])


def _policies(world: World) -> Iterator[Row]:
    for policy in world.store.below("policy"):
        yield _row(world, policy, policy["properties"])


def _subscriptions(world: World) -> Iterator[Row]:
    hierarchy = Hierarchy(graph_scopes.management_groups(world))
    for subscription in world.store.children("subscription", ""):
        document = {
            "id": subscription["id"],
            "name": subscription["displayName"],
            "type": "Microsoft.Resources/subscriptions",
            "tags": subscription.get("tags"),
        }
        properties = {
            "managedByTenants": [],
            "managementGroupAncestorsChain": graph_scopes.ancestors(hierarchy, subscription["subscriptionId"]),
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
        yield _row(world, assignment, assignment["properties"], location="global")


def _policy_objects(world: World) -> Iterator[Row]:
    for kind in ("policyAssignment", "policyExemption"):
        for document in world.store.below(kind):
            yield _row(world, document, document["properties"])


def _definitions(world: World) -> Iterator[Row]:
    for subscription in world.store.children("subscription", ""):
        for role in authorization.definitions():
            document = authorization.definition(role, subscription["subscriptionId"])
            yield _row(world, document, document["properties"], location="global")


def _management_groups(world: World) -> Iterator[Row]:
    for document, properties in graph_scopes.group_rows(world):
        yield _row(world, document, properties)


def _changes(world: World) -> Iterator[Row]:
    for document, properties in resourcegraph_changes.changes(world):
        yield _row(world, document, properties)


_TABLES: dict[str, tuple[Callable[[World], Iterable[Row]], ...]] = {
    "resources": (_vaults, _tracked),
    "recoveryservicesresources": (_instances, _jobs, _policies, _protected_items),
    "resourcecontainers": (_management_groups, _subscriptions, _groups),
    "resourcechanges": (_changes,),
    "authorizationresources": (_assignments, _definitions),
    "policyresources": (_policy_objects,),
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
    secondary = vaults.secondary_region(vault) if vault else ""
    points = recovery_points.all_points(world, instance["id"])
    replicas = cross_region.points(world, instance) if secondary else []
    return {
        "protectionStateInSecondaryRegion": "ProtectionConfigured" if secondary else "NotProtected",
        "protectedPrimaryRegion": vault["location"] if vault else "",
        "vaultId": instance["_"]["vault"],
        "protectedSecondaryRegion": secondary,
        "dataSourceExtendedInfo": {"dataSourceId": instance["properties"]["friendlyName"]},
        "policyExtendedInfo": _policy_extended(world, instance, secondary),
        "recoveryPointInfo": {
            "latestRecoveryPointInSecondaryRegion": _time_of(replicas, 0),
            "oldestRecoveryPointInSecondaryRegion": _time_of(replicas, -1),
            "oldestRecoveryPointInPrimaryRegion": _time_of(points, -1),
            "latestRecoveryPointInPrimaryRegion": _time_of(points, 0),
        },
        "allowedOperations": ALLOWED.get(instance["properties"]["currentProtectionState"], []),
    }


def _time_of(points: list[Document], place: int) -> str:
    """When a point of a list is of, cut to milliseconds as recorded; the unset instant if there is none."""
    instant = points[place]["time"] if points else times.UNSET
    return times.full(instant - instant % (times.SECOND // 1000))


ALLOWED = {
    "ProtectionConfigured": ["BackupNow", "Restore", "ChangePolicy", "StopBackup", "Delete"],
    "ProtectionStopped": ["Restore", "ResumeBackup", "Delete"],
    "BackupsSuspended": ["Restore", "ResumeBackup", "Delete"],
}


def policy_spans(world: World, policy: str) -> tuple[int, int]:
    """The longest retention and the time between two backups of a policy given by its id, in ticks."""
    document = world.find("policy", policy)
    return (policies.longest_retention(document), policies.frequency(document)) if document else (0, 0)


FOREVER = "36600.00:00:00"  # what stopped protection is recorded to say
_POLICY_SPANS = (
    "configuredRPGenerationFrequencyInSecondaryRegion",
    "configuredMaximumRetentionInSecondaryRegion",
    "rpoWarningThresholdInSecondaryRegion",
    "rpoWarningThresholdInPrimaryRegion",
    "configuredRPGenerationFrequency",
    "configuredMaximumRetention",
)


def _policy_extended(world: World, instance: Document, secondary: str) -> dict[str, str]:
    """Spans of the policy.

    In every recorded row the warning threshold is one and a half times the frequency, and the paired region's
    frequency six hours more than the other.
    """
    span, frequency = policy_spans(world, instance["properties"]["policyInfo"]["policyId"])
    later = frequency + 6 * 3600 * times.SECOND
    if instance["properties"]["currentProtectionState"] == instances.STOPPED:
        return dict.fromkeys(_POLICY_SPANS, UNSET_SPAN) | {"configuredMaximumRetention": FOREVER}
    return {
        "configuredRPGenerationFrequencyInSecondaryRegion": times.timespan(later) if secondary else UNSET_SPAN,
        "configuredMaximumRetentionInSecondaryRegion": times.timespan(span) if secondary else UNSET_SPAN,
        "rpoWarningThresholdInSecondaryRegion": times.timespan(later * 3 // 2) if secondary else UNSET_SPAN,
        "rpoWarningThresholdInPrimaryRegion": times.timespan(frequency * 3 // 2),
        "configuredRPGenerationFrequency": times.timespan(frequency),
        "configuredMaximumRetention": times.timespan(span),
    }
