"""Microsoft.Compute: disks and snapshots, and the operations that make and remove them."""

from __future__ import annotations

from typing import Any

from . import faults, times
from .messages import Request, answer, listing, visible
from .operations import FIRST_WAIT, NEXT_WAIT
from .reply import Reply
from .resources import keep_location, normal_location
from .store import Document
from .world import World, group_id

GIB = 1024**3

# Premium SSD sizes of Microsoft's documents: GiB up to, tier, IOPS, MB/s.
_PREMIUM = (
    (4, "P1", 120, 25),
    (8, "P2", 120, 25),
    (16, "P3", 120, 25),
    (32, "P4", 120, 25),
    (64, "P6", 240, 50),
    (128, "P10", 500, 100),
    (256, "P15", 1100, 125),
    (512, "P20", 2300, 150),
    (1024, "P30", 5000, 200),
    (2048, "P40", 7500, 250),
    (4096, "P50", 7500, 250),
    (8192, "P60", 16000, 500),
    (16384, "P70", 18000, 750),
    (32767, "P80", 20000, 900),
)


def list_disks(world: World, request: Request) -> Reply:
    """GET disks of a resource group or of a subscription."""
    return _list(world, request, "disk")


def list_snapshots(world: World, request: Request) -> Reply:
    """GET snapshots of a resource group or of a subscription."""
    return _list(world, request, "snapshot")


def get_disk(world: World, request: Request) -> Reply:
    """GET one disk."""
    return answer(200, visible(_existing(world, request, "disk")))


def get_snapshot(world: World, request: Request) -> Reply:
    """GET one snapshot."""
    return answer(200, visible(_existing(world, request, "snapshot")))


def put_disk(world: World, request: Request) -> Reply:
    """PUT a disk, empty or a copy of a disk or snapshot: 202, done a moment later."""
    group = world.group(request)
    body = request.object()
    location = normal_location(body)
    properties = body.get("properties") or {}
    existing = world.store.get("disk", group["id"], request["name"])
    keep_location(existing, location, request["name"], group["name"])
    size = _size(world, properties, existing)
    disk = make_disk(world, group, request["name"], location, body, size)
    if existing is not None:
        kept = {key: existing["properties"][key] for key in ("timeCreated", "uniqueId", "diskState")}
        disk["properties"] |= kept
    operation = _start(world, "put", disk)
    tier = {key: disk["properties"][key] for key in ("tier",) if key in disk["properties"]}
    preview = {
        "name": disk["name"],
        "location": location,
        "tags": disk["tags"],
        "sku": {"name": disk["sku"]["name"]},
        "properties": {
            **{key: value for key, value in properties.items() if value is not None},
            "diskSizeGB": size,
            "provisioningState": "Updating",
            "isArmResource": True,
            "colocationConstraints": {},
            **tier,
        },
    }
    return answer(202, preview, _headers(request, operation))


def delete_disk(world: World, request: Request) -> Reply:
    """DELETE a disk: 202, or 204 if there is none."""
    return _delete(world, request, "disk")


def delete_snapshot(world: World, request: Request) -> Reply:
    """DELETE a snapshot: 202, or 204 if there is none."""
    return _delete(world, request, "snapshot")


def get_operation(world: World, request: Request) -> Reply:
    """GET DiskOperations/{operation}: the status, or with ``monitor=true`` the resource itself."""
    world.subscription(request)
    operation = world.store.get("diskOperation", "", request["operation"])
    if operation is None:
        raise faults.gateway(404, "NotFound", f"The operation '{request['operation']}' was not found.")
    running = operation["end"] == times.UNSET
    if request.query.get("monitor") == "true":
        if running:
            headers = {**NEXT_WAIT, "location": _operation_link(request, operation, monitor="true")}
            return answer(202, headers=headers)
        return answer(200, operation.get("output"))
    body: dict[str, Any] = {"startTime": times.compute(operation["start"])}
    if not running:
        body["endTime"] = times.compute(operation["end"])
    body["status"] = "InProgress" if running else "Succeeded"
    if operation.get("output"):
        body["properties"] = {"output": operation["output"]}
    body["name"] = operation["name"]
    return answer(200, body, NEXT_WAIT if running else None)


def finish(world: World, operation: str) -> None:
    """The event that ends a disk operation."""
    document = world.store.get("diskOperation", "", operation)
    assert document is not None, "operations are never removed"
    target = document.pop("target")
    parent = group_id(target["id"])
    if document["verb"] == "put":
        world.store.put("disk", parent, target["name"], target)
        document["output"] = visible(target)
    else:
        world.store.drop(document["kind"], parent, target["name"])
    document["end"] = world.now
    world.store.put("diskOperation", "", operation, document)


def make_disk(world: World, group: Document, name: str, location: str, body: dict[str, Any], size: int) -> Document:
    """The document of a disk of so many GiB."""
    sku = (body.get("sku") or {}).get("name") or "Standard_LRS"
    properties = body.get("properties") or {}
    kept = {key: properties[key] for key in ("osType", "hyperVGeneration") if properties.get(key)}
    disk: Document = {
        "name": name,
        "id": f"{group['id']}/providers/Microsoft.Compute/disks/{name}",
        "type": "Microsoft.Compute/disks",
        "location": location,
        "tags": body.get("tags") or {},
        "sku": {"name": sku, "tier": sku.partition("_")[0].removesuffix("SSD").removesuffix("V2")},
        "properties": {
            **kept,
            "creationData": properties.get("creationData") or {"createOption": "Empty"},
            "diskSizeGB": size,
            **_performance(sku, size),
            "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
            "networkAccessPolicy": "AllowAll",
            "publicNetworkAccess": "Enabled",
            "timeCreated": times.compute(world.now),
            "provisioningState": "Succeeded",
            "diskState": "Unattached",
            "diskSizeBytes": size * GIB,
            "uniqueId": world.guid("disk"),
        },
    }
    if body.get("zones"):
        disk["zones"] = body["zones"]
    if sku.startswith("Premium"):
        disk["properties"]["tier"] = _premium(size)[1]
    return disk


def take_snapshot(world: World, disk: Document, group: Document, name: str, tags: dict[str, str]) -> Document:
    """Make an incremental snapshot of a disk, as Azure Backup does, and return it."""
    snapshot = make_snapshot(disk, group, name, tags, world.now, world.guid("snapshot"))
    world.store.put("snapshot", group["id"], name, snapshot)
    return snapshot


def make_snapshot(
    disk: Document, group: Document, name: str, tags: dict[str, str], created: int, unique: str
) -> Document:
    """The document of an incremental snapshot; ``unique`` is its own ``uniqueId``."""
    return {
        "name": name,
        "id": f"{group['id']}/providers/Microsoft.Compute/snapshots/{name}",
        "type": "Microsoft.Compute/snapshots",
        "location": disk["location"],
        "tags": tags,
        "sku": {"name": "Standard_ZRS", "tier": "Standard"},
        "properties": {
            "creationData": {
                "createOption": "Copy",
                "sourceResourceId": disk["id"],
                "sourceUniqueId": disk["properties"]["uniqueId"],
            },
            "diskSizeGB": disk["properties"]["diskSizeGB"],
            "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
            "incremental": True,
            "incrementalSnapshotFamilyId": disk["properties"]["uniqueId"],
            "networkAccessPolicy": "AllowAll",
            "publicNetworkAccess": "Enabled",
            "timeCreated": times.compute(created),
            "provisioningState": "Succeeded",
            "diskState": "Unattached",
            "diskSizeBytes": disk["properties"]["diskSizeBytes"],
            "uniqueId": unique,
            "completionPercent": 100.0,
        },
    }


def _list(world: World, request: Request, kind: str) -> Reply:
    if "group" in request.names:
        items = world.store.children(kind, world.group(request)["id"])
    else:
        items = list(world.store.below(kind, world.subscription(request)["id"]))
    return listing(request, items, world.page_size)


def _existing(world: World, request: Request, kind: str) -> Document:
    group = world.group(request)
    found = world.store.get(kind, group["id"], request["name"])
    if found is None:
        raise faults.not_found(f"Microsoft.Compute/{kind}s", request["name"], request["group"])
    return found


def _delete(world: World, request: Request, kind: str) -> Reply:
    group = world.group(request)
    found = world.store.get(kind, group["id"], request["name"])
    if found is None:
        return answer(204)
    operation = _start(world, "delete", found, kind)
    return answer(202, headers=_headers(request, operation))


def _size(world: World, properties: dict[str, Any], existing: Document | None) -> int:
    """The disk's GiB: asked for, or its source's. Raises a 400 fault if neither is given."""
    size = properties.get("diskSizeGB")
    source = (properties.get("creationData") or {}).get("sourceResourceId", "")
    origin = world.find("snapshot", source) or world.find("disk", source) or existing
    if source and origin is None:
        raise faults.Fault(404, "NotFound", f"The source resource '{source}' does not exist.")
    if size is None and origin is not None:
        size = origin["properties"]["diskSizeGB"]
    if not isinstance(size, int) or not 1 <= size <= 65536:
        message = "The value of parameter disk.properties.diskSizeGB is invalid."
        raise faults.Fault(400, "InvalidParameter", message)
    return size


def _performance(sku: str, size: int) -> dict[str, int]:
    if sku.startswith("Premium"):
        _, _, iops, throughput = _premium(size)
        return {"diskIOPSReadWrite": iops, "diskMBpsReadWrite": throughput}
    return {"diskIOPSReadWrite": 500, "diskMBpsReadWrite": 60 if sku.startswith("Standard_") else 100}


def _premium(size: int) -> tuple[int, str, int, int]:
    return next((row for row in _PREMIUM if size <= row[0]), _PREMIUM[-1])


def _start(world: World, verb: str, target: Document, kind: str = "disk") -> Document:
    operation = {
        "name": world.guid("diskOperation"),
        "caller": world.guid("caller"),
        "verb": verb,
        "kind": kind,
        "location": target["location"],
        "target": target,
        "start": world.now,
        "end": times.UNSET,
    }
    world.store.put("diskOperation", "", operation["name"], operation)
    world.at(world.now + world.vary(0.3, 0.5), "compute.finish", operation=operation["name"])
    return operation


def _headers(request: Request, operation: Document) -> dict[str, str]:
    return {
        "azure-asyncoperation": _operation_link(request, operation),
        "location": _operation_link(request, operation, monitor="true"),
        **FIRST_WAIT,
    }


def _operation_link(request: Request, operation: Document, **query: str) -> str:
    path = (
        f"/subscriptions/{request['subscription']}/providers/Microsoft.Compute/locations/"
        f"{operation['location']}/DiskOperations/{operation['name']}"
    )
    return request.link(path, p=operation["caller"], **query)
