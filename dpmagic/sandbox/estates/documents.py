"""ARM documents made of an estate's columns when somebody asks: disks, instances, jobs, recovery points, snapshots.

They are what the sandbox's providers keep in its store, so that everything that reads those reads these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from .. import compute, jobs, times
from ..store import Document
from ..times import SECOND
from ..world import World, group_id, name_of, subscription_of
from . import effects, failures, streams
from .behaviours import FAILED
from .columns import Table
from .estate import Estate
from .things import CLUSTERS, DISK, Disk, Extra, Instance

INSTANCES = "Microsoft.DataProtection/backupVaults/backupInstances"
_VAULT_LISTS = "Microsoft.DataProtection/backupVaults/deletedBackupInstances"


@dataclass
class _Maker:
    """What makers of documents want of a world: the instant, and a guid for a purpose."""

    now: int
    unique: str

    def guid(self, purpose: str) -> str:
        return self.unique


def disk_document(estate: Estate, disk: Disk) -> Document:
    """A disk."""
    maker = _Maker(disk.created, unique_id(estate, disk.id, disk.life))
    group = {"id": disk.group}
    system = {"osType": "Linux"} if disk.vm and disk.lun is None else {}
    body = {"sku": {"name": disk.sku}, "tags": dict(disk.tags), "properties": system}
    document = compute.make_disk(cast(World, maker), group, disk.name, disk.location, body, disk.size)
    if disk.vm:
        document["managedBy"] = disk.vm
        document["properties"]["diskState"] = "Attached"
    return document


def unique_id(estate: Estate, disk: str, life: int) -> str:
    """A disk's ``uniqueId``, another one each time that it is made anew."""
    return estate.guid(disk, "uniqueId", life)


def instance_document(estate: Estate, one: Instance) -> Document:
    """A backup instance; a soft-deleted one as its vault lists those."""
    source = {
        "resourceID": one.source,
        "resourceUri": "" if one.type == DISK else one.source,
        "datasourceType": one.type,
        "resourceName": name_of(one.source),
        "resourceType": one.type.removesuffix("/blobServices"),
        "resourceLocation": one.location,
        "objectType": "Datasource",
    }
    store = {
        "dataStoreType": "OperationalStore",
        "objectType": "AzureOperationalStoreParameters",
        "resourceGroupId": one.snapshots,
    }
    properties: dict[str, Any] = {"friendlyName": name_of(one.source), "dataSourceInfo": source}
    if one.type == CLUSTERS:
        properties["dataSourceSetInfo"] = {**source, "objectType": "DatasourceSet"}
    error = {"errorDetails": failures.details(one.error)[0]} if one.error else {}
    properties |= {
        "policyInfo": {"policyId": one.policy, "policyParameters": {"dataStoreParametersList": [store]}},
        "protectionStatus": {"status": one.state, **error},
        "currentProtectionState": one.state,
        "provisioningState": "Succeeded",
        "objectType": "BackupInstance",
    }
    if error:
        properties["protectionErrorDetails"] = error["errorDetails"]
    own = {"vault": one.vault, "store": estate.guid(one.id, "dataStore"), "snapshots": estate.guid(one.id, "snapshots")}
    document: Document = {"properties": properties, "id": one.id, "name": one.name, "type": INSTANCES, "_": own}
    return document if not one.deleted else _deleted(estate, one, document)


def _deleted(estate: Estate, one: Instance, document: Document) -> Document:
    purge = one.deleted + effects.SOFT_DELETE
    deletion = {
        "deletionTime": times.full(one.deleted),
        "billingEndDate": times.full(one.deleted),
        "scheduledPurgeTime": times.full(purge),
        "deleteActivityID": estate.guid(one.id, "deletion"),
    }
    properties = {"deletionInfo": deletion, **document["properties"], "objectType": "DeletedBackupInstance"}
    where = {"id": f"{one.vault}/deletedBackupInstances/{one.name}", "type": _VAULT_LISTS}
    return {**document, **where, "properties": properties, "_": {**document["_"], "purge": purge}}


@dataclass(frozen=True)
class Names:
    """The guids of rows, runs or points alike: of their job, its activity and its recovery point."""

    job: list[str]
    activity: list[str]
    point: list[str]

    @classmethod
    def of(cls, estate: Estate, rows: Table) -> Names:
        """The names of all rows."""
        keys = estate.engine.fleet["key"][rows["instance"]]
        parts = (guid_bits(estate, keys, rows["start"], purpose) for purpose in ("job", "activity", "point"))
        return cls(*(streams.texts(streams.guids(*halves)) for halves in parts))


def guid_bits(estate: Estate, keys: streams.Keys, at: Any, purpose: str) -> tuple[streams.Keys, streams.Keys]:
    """Both halves of the guids that objects have for a purpose at instants; they sort as their texts do."""
    high, low = (streams.draw(estate.seed, keys, part, at) for part in (purpose, f"{purpose}/low"))
    return streams.marked(high, low)


def job_document(estate: Estate, runs: Table, row: int, names: Names) -> Document:
    """A job as it is now: in progress until its end."""
    one = estate.instances[int(runs["instance"][row])]
    start, end = int(runs["start"][row]), int(runs["end"][row])
    done = end <= estate.now
    failed = done and runs["status"][row] == FAILED
    name = names.job[row]
    document: Document = {
        "id": f"{one.vault}/backupJobs/{name}",
        "name": name,
        "activity": names.activity[row],
        "shelf": "job",
        "instance": one.id,
        "vault": one.vault,
        "friendlyName": name_of(one.source),
        "policy": policy_id(estate, one, int(runs["policy"][row])),
        "source": {
            "resourceID": one.source,
            "resourceName": name_of(one.source),
            "resourceLocation": one.location,
            "datasourceType": one.type,
        },
        "sourceSet": name_of(one.source) if one.type == CLUSTERS else None,
        "operation": "Backup",
        "status": "Failed" if failed else "Completed" if done else "InProgress",
        "start": start,
        "end": end if done else None,
        "changed": (end if done else start) + SECOND // 4 + start % (SECOND // 4),
        "tag": estate.engine.tags.names[int(runs["tag"][row])],
        "userTriggered": bool(runs["user"][row]),
    }
    if failed:
        document["errors"] = failures.details(estate.engine.codes[int(runs["fault"][row])])
    elif done:
        document |= {"targetPoint": names.point[row].replace("-", ""), "bytes": size(one)}
    return document


def policy_id(estate: Estate, one: Instance, policy: int) -> str:
    """The id of the policy that a run followed, in the spelling of the instance if it still has it."""
    if estate.policies[one.policy.lower()] == policy:
        return one.policy
    plan = estate.engine.plans[policy]
    assert plan is not None, "runs come of plans"
    return f"{one.vault}/backupPolicies/{plan.name}"


def size(one: Instance) -> int:
    """The bytes of an instance's disk."""
    return one.size * compute.GIB or 1


def point_document(estate: Estate, points: Table, row: int, names: Names) -> Document:
    """A recovery point as it is now; its expiry shows some minutes after its snapshot."""
    one = estate.instances[int(points["instance"][row])]
    start, created, expiry = (int(points[name][row]) for name in ("start", "created", "expiry"))
    plan = estate.engine.plans[int(points["policy"][row])]
    assert plan is not None, "points come of plans"
    name = names.point[row].replace("-", "")
    shown = estate.now >= created + 240 * SECOND + start % (60 * SECOND)
    snapshot = estate.snapshot_id(one, created, start) if one.type == DISK else None
    return {
        "name": name,
        "friendlyName": name,
        "id": f"{one.id}/recoveryPoints/{name}",
        "instance": one.id,
        "kind": one.type,
        "created": created,
        "time": int(points["time"][row]),
        "expiry": expiry if shown else None,
        "store": estate.guid(one.id, "dataStore"),
        "bytes": size(one),
        "snapshot": snapshot,
        "metaData": None if snapshot is None else _metadata(one, snapshot),
        "tag": estate.engine.tags.names[int(points["tag"][row])],
        "tagVersion": str(plan.version),
        "policyName": plan.name,
    }


def _metadata(one: Instance, snapshot: str) -> dict[str, Any]:
    disk = one.disk
    return {
        "diskName": name_of(one.source),
        "sizeBytes": size(one),
        "diskSnapshotConsistency": "CrashConsistent",
        "subscriptionId": subscription_of(one.source),
        "location": one.location,
        "resourceGroupName": name_of(group_id(one.source)),
        "skuName": disk.sku if disk else "",
        "osType": "",
        "managedBy": disk.vm or None if disk else None,
        "snapshotSubscriptionId": subscription_of(snapshot),
        "snapshotRGName": name_of(group_id(snapshot)),
        "snapshotName": name_of(snapshot),
    }


def snapshot_document(estate: Estate, points: Table, row: int) -> Document:
    """The snapshot of a point of a disk."""
    one = estate.instances[int(points["instance"][row])]
    start, created = int(points["start"][row]), int(points["created"][row])
    arm_id = estate.snapshot_id(one, created, start)
    unique = unique_id(estate, one.disk.id if one.disk else one.source, int(points["life"][row]))
    tags = {"CreatedBy": "AzureBackup", "BackupVaultName": name_of(one.vault)}
    source = one.disk.id if one.disk else one.source
    own = estate.guid(one.id, "snapshot", start)
    return _snapshot(arm_id, own, (source, unique, one.location, size(one)), created, tags)


def extra_document(estate: Estate, extra: Extra) -> Document:
    """A snapshot that no point stands for."""
    ours = name_of(extra.id).startswith("AzureBackup_")
    source = (extra.source, extra.unique, extra.location, extra.size * compute.GIB)
    own = estate.guid(extra.id, "uniqueId")
    return _snapshot(extra.id, own, source, extra.created, {"CreatedBy": "AzureBackup"} if ours else {})


def _snapshot(arm_id: str, own: str, source: tuple[str, str, str, int], created: int, tags: dict[str, str]) -> Document:
    disk, unique, location, size_bytes = source
    properties = {"uniqueId": unique, "diskSizeGB": size_bytes // compute.GIB, "diskSizeBytes": size_bytes}
    origin = {"id": disk, "location": location, "properties": properties}
    return compute.make_snapshot(origin, {"id": group_id(arm_id)}, name_of(arm_id), tags, created, own)


def recent(now: int) -> int:
    """Jobs that started at this instant or before are not shown any more."""
    return now - jobs.LISTED
