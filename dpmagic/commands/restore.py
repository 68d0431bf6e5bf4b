"""``backup-instance restore trigger`` and ``validate-for-restore``: a restore request, checked or carried out."""

from __future__ import annotations

from typing import Any

from dpmagic.arm.plans import Plan, fetch
from dpmagic.arm.requests import Request
from dpmagic.commands.camel import camel
from dpmagic.commands.common import (
    GROUP,
    INSTANCE,
    OPERATION_REQUESTS,
    TENANT_ID,
    USE_SECONDARY_REGION,
    VAULT,
    instance,
)
from dpmagic.commands.examples import AT, DISK_INSTANCE
from dpmagic.commands.guard_requests import PERMISSION as OF_REQUESTS
from dpmagic.commands.guard_requests import from_tenant, operation_requests
from dpmagic.commands.model import Args, Command, Option
from dpmagic.commands.regions import in_region, instance_regions
from dpmagic.errors import InvalidArgument


def _trigger(args: Args) -> Plan:
    restore = _request(args)
    requests = yield from operation_requests(args)
    if requests:
        restore["resourceGuardOperationRequests"] = requests
    path, body = instance(args, "restore"), restore
    if args.use_secondary_region:
        path, body = yield from _elsewhere(args, "crossRegionRestore", restore["objectType"], restore)
    post = _post(path, body, f"restore {args.backup_instance_name}")
    return (yield from fetch(from_tenant(post, args.tenant_id)))


def _validate(args: Args) -> Plan:
    restore = _request(args)
    path, body = instance(args, "validateRestore"), {"restoreRequestObject": restore}
    if args.use_secondary_region:
        kind = "ValidateRestoreRequestObject"
        path, body = yield from _elsewhere(args, "validateCrossRegionRestore", kind, restore)
    return (yield from fetch(_post(path, body, f"validate restore of {args.backup_instance_name}")))


def _elsewhere(args: Args, action: str, object_type: str, restore: dict[str, Any]) -> Plan:
    """Path and body of the same in the paired region."""
    regions = yield from instance_regions(args)
    details = {"sourceBackupInstanceId": regions.id, "sourceRegion": regions.primary}
    body = {"objectType": object_type, "restoreRequestObject": restore, "crossRegionRestoreDetails": details}
    return in_region(args, regions.secondary, action), body


def _request(args: Args) -> dict[str, Any]:
    restore = camel(args.restore_request_object, resource_id="resourceId")
    if not isinstance(restore, dict) or "objectType" not in restore:
        raise InvalidArgument(
            "--restore-request-object is not a restore request: it has no objectType",
            "make one with `backup-instance restore initialize-for-data-recovery`",
        )
    return restore


def _post(path: str, body: dict[str, Any], purpose: str) -> Request:
    return Request("POST", path, body, follow="location", no_wait=True, purpose=purpose)


_RESTORE_REQUEST = Option(
    ("--restore-request-object",),
    "The restore request, as one of `backup-instance restore initialize-for-...` writes it.",
    "object",
    required=True,
)
_NAMED = (GROUP, VAULT, INSTANCE, _RESTORE_REQUEST)
_ACTION = "Microsoft.DataProtection/backupVaults/backupInstances"
_SECONDARY = "with --use-secondary-region Microsoft.DataProtection/locations"
_AT = f"{AT} -n {DISK_INSTANCE}"

COMMANDS = (
    Command(
        "backup-instance restore trigger",
        "Restore a backup instance.",
        _trigger,
        (*_NAMED, OPERATION_REQUESTS, TENANT_ID, USE_SECONDARY_REGION),
        waits=True,
        ids=True,
        details="The answer names the job that restores: follow it with `job show`. With --use-secondary-region the "
        "restore takes place in the vault's paired region.",
        examples=(f"backup-instance restore trigger {_AT} --restore-request-object restore.json",),
        permission=f"{_ACTION}/restore/action; {_SECONDARY}/crossRegionRestore/action; {OF_REQUESTS}",
    ),
    Command(
        "backup-instance validate-for-restore",
        "Check whether a restore request can be carried out.",
        _validate,
        (*_NAMED, USE_SECONDARY_REGION),
        waits=True,
        ids=True,
        examples=(f"backup-instance validate-for-restore {_AT} --restore-request-object restore.json",),
        permission=f"{_ACTION}/validateRestore/action; {_SECONDARY}/validateCrossRegionRestore/action",
    ),
)
