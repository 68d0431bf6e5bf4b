"""Cross-region restore: what the paired region of a geo-redundant vault answers about the vault's backups.

The requests go to a region, under the resource group of the vault, and name the vault or instance in their body. Only
recovery points in the vault's own store are replicated.
"""

from __future__ import annotations

from typing import Any

from . import faults, guarding, jobs, kinds, operations, recovery_points, restore_targets, times, vaults
from .messages import Request, answer, listing, without_nulls
from .reply import Reply
from .store import Document
from .world import World

LAG = 3600 * times.SECOND  # until a recovery point is in the paired region
_TYPE = "Microsoft.DataProtection/BackupVaults/backupJobs"  # recorded so, with a capital B


def list_points(world: World, request: Request) -> Reply:
    """POST fetchSecondaryRecoveryPoints: 200 with the instance's points that have been replicated, newest first."""
    body = request.object()
    _, instance = _instance(world, request, body.get("sourceBackupInstanceId"), body.get("sourceRegion"))
    return listing(request, [recovery_points.arm(point, None) for point in points(world, instance)], world.page_size)


def points(world: World, instance: Document) -> list[Document]:
    """The recovery points of an instance that have been replicated, newest first."""
    if kinds.of(instance).store != kinds.VAULT:
        return []
    return [p for p in recovery_points.all_points(world, instance["id"]) if p["time"] + LAG <= world.now]


def list_jobs(world: World, request: Request) -> Reply:
    """POST fetchCrossRegionRestoreJobs: 200 with the restores of a vault in the region, without what is null."""
    vault = _vault(world, request, request.object())
    found = jobs.recent(world, vault["id"], "secondaryJob")
    return listing(request, [_arm(jobs.listed(job)) for job in found], world.page_size)


def get_job(world: World, request: Request) -> Reply:
    """POST fetchCrossRegionRestoreJob: 200 with one restore in the region, by its bare id."""
    body = request.object()
    vault = _vault(world, request, body)
    job = world.store.get("secondaryJob", vault["id"], str(body.get("jobId") or ""))
    if job is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    return answer(200, _arm(jobs.shown(job)))


def validate(world: World, request: Request) -> Reply:
    """POST validateCrossRegionRestore: 202; the operation fails with what stands in the way."""
    vault, args = _order(world, request, request.object())
    return _accepted(request, vault, operations.start(world, vault, 45, "restore.check", **args))


def restore(world: World, request: Request) -> Reply:
    """POST crossRegionRestore: 202; the operation's properties name the job by its bare id."""
    body = request.object()
    vault, args = _order(world, request, body)
    sent = body["restoreRequestObject"]
    requests = sent.get("resourceGuardOperationRequests") or body.get("resourceGuardOperationRequests")
    guarding.require(world, vault, guarding.RESTORE, requests)
    return _accepted(request, vault, operations.start(world, vault, 2, "restore.begin", **args))


def _order(world: World, request: Request, body: dict[str, Any]) -> tuple[Document, dict[str, Any]]:
    """The vault as seen from the region, and what the events of a restore there are told."""
    details = body.get("crossRegionRestoreDetails") or {}
    vault, instance = _instance(world, request, details.get("sourceBackupInstanceId"), details.get("sourceRegion"))
    order = restore_targets.read(world, instance, body.get("restoreRequestObject"))
    if order["point"] not in {point["name"] for point in points(world, instance)}:
        raise faults.backup("UserErrorRecoveryPointNotFound", point=order["point"])
    region = _normal(request["location"])
    if order["location"] != region:
        raise _invalid(f"restoreLocation is {order['location']!r}, the request went to {region}")
    there = {**vault, "location": region}
    return there, {"instance": instance["id"], "order": order, "region": region}


def _instance(world: World, request: Request, arm_id: Any, source_region: Any) -> tuple[Document, Document]:
    instance = world.find("instance", arm_id) if isinstance(arm_id, str) else None
    if instance is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    return _checked(world, request, instance["_"]["vault"], source_region), instance


def _vault(world: World, request: Request, body: dict[str, Any]) -> Document:
    return _checked(world, request, body.get("sourceBackupVaultId"), body.get("sourceRegion"))


def _checked(world: World, request: Request, vault_id: Any, source_region: Any) -> Document:
    """The vault, which must be able to restore to the region asked. Raises 400 or 404 faults."""
    world.group(request)
    vault = world.find("vault", vault_id) if isinstance(vault_id, str) else None
    if vault is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    if _normal(source_region) != vault["location"]:
        raise _invalid(f"sourceRegion is {source_region!r}, the Backup vault is in {vault['location']}")
    region = _normal(request["location"])
    if vaults.secondary_region(vault) != region:
        raise faults.backup("UserErrorCrossRegionRestoreNotEnabled", vault=vault["name"], region=region)
    return vault


def _accepted(request: Request, vault: Document, token: str) -> Reply:
    return answer(202, headers=operations.region_headers(request, vault, token))


def _arm(job: dict[str, Any]) -> dict[str, Any]:
    arm_id = job["id"].replace("/backupVaults/", "/BackupVaults/")
    shown: dict[str, Any] = without_nulls({**job, "id": arm_id, "type": _TYPE})
    return shown


def _normal(region: Any) -> str:
    return str(region or "").replace(" ", "").lower()


def _invalid(reason: str) -> faults.BackupFault:
    return faults.backup("BMSUserErrorInvalidInput", reason=reason)
