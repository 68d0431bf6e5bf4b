"""Microsoft.DataProtection/backupVaults/backupInstances/recoveryPoints, and the snapshots behind them."""

from __future__ import annotations

import re
from typing import Any

import orjson

from . import compute, faults, instances, kinds, policies, times
from .messages import Request, answer, listing
from .reply import Reply
from .store import Document
from .world import World, group_id, name_of, subscription_of

TYPE = f"{instances.TYPE}/recoveryPoints"

_FILTER = re.compile(r"(startDate|endDate) (?:eq|ge|le) '([^']*)'", re.IGNORECASE)


def list_points(world: World, request: Request) -> Reply:
    """GET the recovery points of an instance, newest first, between the filter's startDate and endDate."""
    _, instance = instances.find(world, request)
    start, end = _window(request.query.get("$filter", ""))
    points = [point for point in all_points(world, instance["id"]) if start <= point["time"] <= end]
    items = [arm(point, None) for point in points]
    return listing(request, items, world.page_size)


def get(world: World, request: Request) -> Reply:
    """GET one recovery point; only here ``metaData`` names the snapshot."""
    _, instance = instances.find(world, request)
    point = world.store.get("point", instance["id"], request["point"])
    if point is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    shown = orjson.dumps([point["metaData"]]).decode() if point["metaData"] else None
    return answer(200, arm(point, shown))


def all_points(world: World, instance: str) -> list[Document]:
    """The recovery points of an instance, newest first."""
    points = world.store.children("point", instance)
    return sorted(points, key=lambda point: (point["time"], point["name"]), reverse=True)


def capture(world: World, instance: Document, disk: Document, snapshot_group: Document) -> Document:
    """Take the snapshot of a backup and return the point that will show it, not yet visible.

    The snapshot's name is as recorded: a guid that stays with the instance, and the instant at which the snapshot was
    asked for, 20 to 37 seconds before it is there.
    """
    asked = times.full(world.now - world.vary(28, 0.3))
    stamp = asked[:-1].replace(":", "-")
    name = f"AzureBackup_{instance['_']['snapshots']}_{stamp}"
    tags = {"CreatedBy": "AzureBackup", "BackupVaultName": name_of(instance["_"]["vault"])}
    snapshot = compute.take_snapshot(world, disk, snapshot_group, name, tags)
    return {
        **_point(world, instance, kinds.DISK, disk["properties"]["diskSizeBytes"]),
        "snapshot": snapshot["id"],
        "metaData": {
            "diskName": disk["name"],
            "sizeBytes": disk["properties"]["diskSizeBytes"],
            "diskSnapshotConsistency": "CrashConsistent",
            "subscriptionId": subscription_of(disk["id"]),
            "location": disk["location"],
            "resourceGroupName": name_of(group_id(disk["id"])),
            "skuName": disk["sku"]["name"],
            "osType": disk["properties"].get("osType", ""),
            "managedBy": disk.get("managedBy"),
            "snapshotSubscriptionId": subscription_of(snapshot["id"]),
            "snapshotRGName": snapshot_group["name"],
            "snapshotName": name,
        },
    }


def draw(world: World, instance: Document, resource: Document) -> Document:
    """Capture data that leaves no snapshot of ours, and return the point that will show it, not yet visible."""
    kind = kinds.of(instance)
    point = _point(world, instance, kind, resource["_"]["bytes"])
    if kind == kinds.POSTGRES:
        point["friendlyName"] = world.guid("friendlyName").replace("-", "")  # another one than the name, as recorded
    return point


def _point(world: World, instance: Document, kind: kinds.Kind, size: int) -> Document:
    name = world.guid("point").replace("-", "")
    return {
        "name": name,
        "friendlyName": name,
        "id": f"{instance['id']}/recoveryPoints/{name}",
        "instance": instance["id"],
        "kind": kind.type,
        "created": world.now,
        "time": None,
        "expiry": None,
        "store": instance["_"]["store"],
        "bytes": size,
        "snapshot": None,
        "metaData": None,
    }


def publish(world: World, point: Document, policy: Document, tag: str) -> None:
    """Make a point visible now; its expiry is filled in some minutes later."""
    period = policies.retention(policy, tag, kinds.known(point["kind"]).store)
    assert period is not None, "the caller has looked"
    point |= {
        "time": world.now,
        "tag": tag,
        "tagVersion": str(policy["_"]["version"]),
        "policyName": policy["name"],
    }
    world.store.put("point", point["instance"], point["name"], point)
    expiry = times.later(point["created"], period)
    where = {"instance": point["instance"], "point": point["name"]}
    world.at(point["created"] + world.vary(270), "point.expiry", expiry=expiry, **where)
    world.at(expiry, "point.expire", **where)


def set_expiry(world: World, instance: str, point: str, expiry: int) -> None:
    """The event in which a point gets its expiryTime."""
    document = world.store.get("point", instance, point)
    if document is not None:
        world.store.put("point", instance, point, {**document, "expiry": expiry})


def expire(world: World, instance: str, point: str) -> None:
    """The event at a point's expiry: it goes, unless protection is stopped, which keeps it until it is resumed."""
    owner, document = world.find("instance", instance), world.store.get("point", instance, point)
    if (
        document is not None
        and owner is not None
        and owner["properties"]["currentProtectionState"] == instances.STOPPED
    ):
        world.store.put("point", instance, point, {**document, "overdue": True})
    else:
        erase(world, instance, point)


def erase_overdue(world: World, instance: str) -> None:
    """Let the points go that were only there because protection was stopped."""
    for point in all_points(world, instance):
        if point.get("overdue"):
            erase(world, instance, point["name"])


def erase(world: World, instance: str, point: str) -> None:
    """A point goes, and its snapshot with it."""
    document = world.store.get("point", instance, point)
    if document is not None:
        world.store.drop("point", instance, point)
        if document["snapshot"]:
            world.store.drop("snapshot", group_id(document["snapshot"]), name_of(document["snapshot"]))


def arm(point: Document, metadata: str | None) -> dict[str, Any]:
    """A recovery point as ARM shows it."""
    kind = kinds.known(point["kind"])
    expiry = None if point["expiry"] is None else times.full(point["expiry"])
    store = {
        "id": point["store"],
        "type": kind.store,
        "creationTime": times.full(point["created"]),
        "expiryTime": expiry,
        "metaData": metadata,
        "visible": True,
        "state": "COMMITTED",
        "rehydrationExpiryTime": None,
        "rehydrationStatus": None,
    }
    properties = {
        "objectType": "AzureBackupDiscreteRecoveryPoint",
        "recoveryPointId": point["name"],
        "recoveryPointTime": times.full(point["time"]),
        "recoveryPointType": kind.point,
        "friendlyName": point["friendlyName"],
        "recoveryPointDataStoresDetails": [store],
        "retentionTagName": point["tag"],
        "retentionTagVersion": point["tagVersion"],
        "policyName": point["policyName"],
        "policyVersion": None,
        "expiryTime": expiry,
        "recoveryPointState": "Completed" if kind.store == kinds.VAULT else None,
    }
    return {"properties": properties, "id": point["id"], "name": point["name"], "type": TYPE}


def _window(text: str) -> tuple[int, int]:
    """The instants that the filter allows; an empty filter allows all. Raises a 400 fault on another filter."""
    bounds = {"startdate": times.UNSET, "enddate": 2**63}
    for term in filter(None, re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE)):
        match = _FILTER.fullmatch(term)
        if match is None:
            raise faults.backup("DppPluginInvalidInputParameters")
        try:
            bounds[match[1].lower()] = times.parse(match[2])
        except ValueError as error:
            raise faults.backup("DppPluginInvalidInputParameters") from error
    return bounds["startdate"], bounds["enddate"]
