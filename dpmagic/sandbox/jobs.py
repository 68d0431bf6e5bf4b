"""Microsoft.DataProtection/backupVaults/backupJobs, in the three spellings that the service has for one job.

Read alone, a job has ISO durations, trimmed fractions and its details; in a list it has .NET durations and no details;
in Resource Graph .NET durations, seven digits and the details.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from . import faults, kinds, times, vaults
from .messages import Request, answer, listing
from .reply import Reply
from .store import Document
from .world import World, group_id, name_of, subscription_of

TYPE = f"{vaults.TYPE}/backupJobs"
LISTED = 14 * times.DAY  # how far back lists and Resource Graph reach, as recorded


def list_jobs(world: World, request: Request) -> Reply:
    """GET the jobs of a vault started in the last 14 days, oldest first."""
    found = recent(world, vaults.find(world, request)["id"])
    return listing(request, map(listed, found), world.page_size, always_link=True)


def get(world: World, request: Request) -> Reply:
    """GET one job, of any age."""
    job = world.store.get("job", vaults.find(world, request)["id"], request["job"])
    if job is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    return answer(200, shown(job))


def shown(job: Document) -> dict[str, Any]:
    """A job as it is read alone."""
    details = {**_details(job, times.trimmed), "warningDetails": None}
    return _arm(job, times.iso_span(_duration(job)), details)


def listed(job: Document) -> dict[str, Any]:
    """A job as it is in a list."""
    return _arm(job, times.timespan(_duration(job)), None)


def graph_properties(job: Document) -> dict[str, Any]:
    """The job's ``properties`` as Resource Graph has them."""
    return _properties(job, times.full, times.timespan(_duration(job)), _details(job, times.full))


def recent(world: World, vault: str, shelf: str = "job") -> list[Document]:
    """The jobs of a vault, or below a scope, that lists still show, oldest first; ``shelf`` as in :func:`begin`."""
    found = [job for job in world.store.below(shelf, vault) if job["start"] > world.now - LISTED]
    return sorted(found, key=lambda job: (job["start"], job["name"]))


def begin(
    world: World, instance: Document, operation: str, *, tag: str | None = None, shelf: str = "job", **facts: Any
) -> Document:
    """Start a job of an instance: ``Backup`` or ``Restore``; ``facts`` are what the details tell beside.

    Those of the vault's region are on the shelf ``job``, those of its paired region on ``secondaryJob``.
    """
    source, info = instance["properties"]["dataSourceInfo"], instance["properties"]["policyInfo"]
    source_set = instance["properties"].get("dataSourceSetInfo") or {}
    name = world.guid("job")
    job = {
        "id": f"{instance['_']['vault']}/backupJobs/{name}",
        "name": name,
        "activity": world.guid("activity"),
        "shelf": shelf,
        "instance": instance["id"],
        "vault": instance["_"]["vault"],
        "friendlyName": instance["properties"]["friendlyName"],
        "policy": info["policyId"],
        "source": {key: source[key] for key in ("resourceID", "resourceName", "resourceLocation", "datasourceType")},
        "sourceSet": source_set.get("resourceName"),
        "operation": operation,
        "status": "InProgress",
        "start": world.now,
        "end": None,
        "changed": world.now,
        "tag": tag,
        **facts,
    }
    save(world, job)
    world.store.put("running", instance["id"], operation, {"job": job["id"]})
    return job


def finish(world: World, job: Document, fault: faults.BackupFault | None = None, **facts: Any) -> None:
    """End a job, well or with a fault."""
    job |= {"status": "Failed" if fault else "Completed", "end": world.now, **facts}
    if fault:
        job["errors"] = fault.job_details()
    save(world, job)
    world.store.drop("running", job["instance"], job["operation"])


def find(world: World, arm_id: str) -> Document:
    """A job that is known to exist."""
    where = arm_id.rpartition("/backupJobs/")[0], name_of(arm_id)
    job = world.store.get("job", *where) or world.store.get("secondaryJob", *where)
    assert job is not None, "jobs are never removed"
    return job


def reference(job: Document) -> dict[str, str]:
    """What the operation that began a job says of it: its id, for databases in another casing, as recorded."""
    arm_id: str = job["id"]
    if job["shelf"] == "secondaryJob":
        arm_id = job["name"]
    elif kinds.known(job["source"]["datasourceType"]).progress:
        arm_id = arm_id.replace("/resourceGroups/", "/resourcegroups/").replace("/backupVaults/", "/BackupVaults/")
    return {"jobId": arm_id, "objectType": "OperationJobExtendedInfo"}


def running(world: World, instance: Document, operation: str) -> bool:
    """Whether the instance has a job of the kind in progress."""
    return world.store.get("running", instance["id"], operation) is not None


def save(world: World, job: Document) -> None:
    """Put the job back; its etag follows a moment after the change, as recorded."""
    job["changed"] = world.now + world.vary(0.25, 0.5)
    world.store.put(job["shelf"], job["vault"], job["name"], job)


def _arm(job: Document, duration: str, details: dict[str, Any] | None) -> dict[str, Any]:
    properties = _properties(job, times.trimmed, duration, details)
    return {"properties": properties, "id": job["id"], "name": job["name"], "type": TYPE}


def _properties(job: Document, spell: Any, duration: str, details: dict[str, Any] | None) -> dict[str, Any]:
    source, backup = job["source"], job["operation"] == "Backup"
    kind = kinds.known(source["datasourceType"])
    changed = quote(times.trimmed(job["changed"]), safe="")
    return {
        "activityID": job["activity"],
        "subscriptionId": subscription_of(job["vault"]),
        "backupInstanceId": job["instance"],
        "policyId": job["policy"],
        "dataSourceId": source["resourceID"],
        "vaultName": name_of(job["vault"]),
        "backupInstanceFriendlyName": job["friendlyName"],
        "policyName": name_of(job["policy"]),
        "sourceResourceGroup": name_of(group_id(source["resourceID"])),
        "dataSourceSetName": job["sourceSet"],
        "dataSourceName": source["resourceName"],
        "sourceDataStoreName": None,
        "sourceDataStoreType": job.get("sourceStore"),
        "destinationDataStoreName": kind.destination if backup and job["status"] != "InProgress" else None,
        "progressEnabled": kind.progress,
        "etag": f"W/\"datetime'{changed}'\"",
        "sourceSubscriptionID": subscription_of(source["resourceID"]),
        "dataSourceLocation": source["resourceLocation"],
        "startTime": spell(job["start"]),
        "endTime": None if job["end"] is None else spell(job["end"]),
        "dataSourceType": source["datasourceType"],
        "operationCategory": job["operation"] if job["shelf"] == "job" else "CrossRegionRestore",
        "operation": job["operation"],
        "status": job["status"],
        "restoreType": None,
        "isUserTriggered": job.get("userTriggered", True),
        "rehydrationPriority": None,
        "supportedActions": [""] if job.get("userTriggered", True) else [],
        "duration": duration,
        "progressUrl": None,
        "isCrossRegionRestore": None,
        "errorDetails": job.get("errors"),
        "extendedInfo": details,
    }


def _details(job: Document, spell: Any) -> dict[str, Any]:
    backup, done = job["operation"] == "Backup", job["status"] != "InProgress"
    target, source = job.get("targetPoint"), job.get("sourcePoint")
    sized = backup and job["status"] == "Completed" and kinds.known(job["source"]["datasourceType"]).progress
    extra = {"OriginalDatasourceSizeInBytes": str(job.get("bytes") or 0)} if backup else {}
    extra |= {"TaskId": job["activity"], "DatasourceType": job["source"]["datasourceType"]}
    extra |= {} if backup else {"DataTransferredInBytes": str(job.get("moved") or 0)}
    task = {
        "taskId": 1,
        "taskName": f"Trigger {job['operation']}",
        "taskStatus": job["status"],
        "taskProgress": None,
        "additionalDetails": extra if done else None,
    }
    return {
        "backupInstanceState": None,
        "dataTransferredInBytes": float(job.get("bytes") or 0) if sized else None,
        "targetRecoverPoint": target and {"recoveryPointID": target, "recoveryPointTime": spell(times.UNSET)},
        "sourceRecoverPoint": source and _source_point(source),
        "recoveryDestination": job.get("destination"),
        "subTasks": [task],
        "additionalDetails": _additional(job),
    }


def _source_point(source: dict[str, Any]) -> dict[str, Any]:
    """What was restored: a recovery point, or an instant, which has no id and is spelled without needless digits."""
    time = times.full(source["time"]) if source["name"] else times.trimmed(source["time"])
    return {"recoveryPointID": source["name"], "recoveryPointTime": time}


def _additional(job: Document) -> dict[str, str] | None:
    if job["tag"]:
        return {"RetentionTag": job["tag"]}
    return {"Restore File Prefix": job["prefix"]} if job.get("prefix") else None


def _duration(job: Document) -> int:
    return 0 if job["end"] is None else int(job["end"] - job["start"])
