"""Which handler answers which request, and which action each event runs: the sandbox's table of contents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from . import (
    authorization,
    backups,
    compute,
    cross_region,
    databases,
    faults,
    guard_proxies,
    guards,
    instances,
    jobs,
    key_vaults,
    limits,
    operations,
    policies,
    protection,
    recovery_points,
    recovery_services,
    resources,
    restores,
    storage,
    time_ranges,
    tracked,
    vaults,
)
from .messages import Request
from .reply import Reply
from .world import Action, World

Handler = Callable[[World, Request], Reply]

_S = "/subscriptions/{subscription}"
_G = f"{_S}/resourceGroups/{{group}}"
_DP = "/providers/Microsoft.DataProtection"
_V = f"{_G}{_DP}/backupVaults/{{vault}}"
_I = f"{_V}/backupInstances/{{instance}}"
_D = f"{_V}/deletedBackupInstances/{{instance}}"
_R = f"{_G}{_DP}/resourceGuards/{{guard}}"
_M = f"{_V}/backupResourceGuardProxies"
_L = f"{_G}{_DP}/locations/{{location}}"
_C = "/providers/Microsoft.Compute"
_K = f"{_G}/providers/Microsoft.KeyVault/vaults/{{name}}"
_PG = "/providers/Microsoft.DBforPostgreSQL"
_PS = f"{_G}{_PG}/servers/{{name}}"
_A = "{scope}/providers/Microsoft.Authorization"
_RS = f"{_G}/providers/Microsoft.RecoveryServices/vaults/{{vault}}/backupFabrics/{{fabric}}"

_Route = tuple[str, str, Handler, limits.Limit]


def _readable() -> Iterator[_Route]:
    """What can only be read: one resource, and the lists of a resource group and of a subscription."""
    for kind, resource in tracked.TYPES.items():
        for scope in (_S, _G):
            yield "GET", f"{scope}/providers/{resource}", tracked.lister(kind), limits.NONE
        yield "GET", f"{_G}/providers/{resource}/{{name}}", tracked.getter(kind), limits.NONE


ROUTES: tuple[_Route, ...] = (
    ("GET", "/subscriptions", resources.list_subscriptions, limits.NONE),
    ("GET", _S, resources.get_subscription, limits.NONE),
    ("GET", f"{_S}/resourceGroups", resources.list_groups, limits.NONE),
    ("GET", _G, resources.get_group, limits.NONE),
    ("PUT", _G, resources.put_group, limits.NONE),
    ("GET", f"{_S}{_C}/disks", compute.list_disks, limits.DISK_READ),
    ("GET", f"{_G}{_C}/disks", compute.list_disks, limits.DISK_READ),
    ("GET", f"{_G}{_C}/disks/{{name}}", compute.get_disk, limits.DISK_READ),
    ("PUT", f"{_G}{_C}/disks/{{name}}", compute.put_disk, limits.DISK_WRITE),
    ("DELETE", f"{_G}{_C}/disks/{{name}}", compute.delete_disk, limits.DISK_DELETE),
    ("GET", f"{_S}{_C}/snapshots", compute.list_snapshots, limits.DISK_READ),
    ("GET", f"{_G}{_C}/snapshots", compute.list_snapshots, limits.DISK_READ),
    ("GET", f"{_G}{_C}/snapshots/{{name}}", compute.get_snapshot, limits.DISK_READ),
    ("DELETE", f"{_G}{_C}/snapshots/{{name}}", compute.delete_snapshot, limits.DISK_DELETE),
    (
        "GET",
        f"{_S}{_C}/locations/{{location}}/DiskOperations/{{operation}}",
        compute.get_operation,
        limits.DISK_OPERATION,
    ),
    ("GET", f"{_A}/roleDefinitions", authorization.list_definitions, limits.NONE),
    ("GET", f"{_A}/roleDefinitions/{{name}}", authorization.get_definition, limits.NONE),
    ("GET", f"{_A}/roleAssignments", authorization.list_assignments, limits.NONE),
    ("GET", f"{_A}/roleAssignments/{{name}}", authorization.get_assignment, limits.NONE),
    ("PUT", f"{_A}/roleAssignments/{{name}}", authorization.put_assignment, limits.ACTION),
    ("DELETE", f"{_A}/roleAssignments/{{name}}", authorization.delete_assignment, limits.NONE),
    ("GET", f"{_S}{_DP}/backupVaults", vaults.list_vaults, limits.VAULT_READ),
    ("GET", f"{_G}{_DP}/backupVaults", vaults.list_vaults, limits.VAULT_READ),
    ("GET", _V, vaults.get, limits.VAULT_READ),
    ("PUT", _V, vaults.put, limits.VAULT_WRITE),
    ("PATCH", _V, vaults.patch, limits.VAULT_WRITE),
    ("DELETE", _V, vaults.delete, limits.VAULT_WRITE),
    ("GET", f"{_V}/operationStatus/{{token}}", operations.status, limits.STATUS),
    ("GET", f"{_V}/operationResults/{{token}}", operations.result, limits.RESULTS),
    ("GET", f"{_S}{_DP}/locations/{{location}}/operationStatus/{{token}}", operations.status, limits.REGION_STATUS),
    ("GET", f"{_G}{_DP}/locations/{{location}}/operationStatus/{{token}}", operations.status, limits.REGION_STATUS),
    ("GET", f"{_S}{_DP}/locations/{{location}}/operationResults/{{token}}", operations.result, limits.RESULTS),
    ("GET", f"{_V}/backupPolicies", policies.list_policies, limits.POLICY_READ),
    ("GET", f"{_V}/backupPolicies/{{name}}", policies.get, limits.POLICY_READ),
    ("PUT", f"{_V}/backupPolicies/{{name}}", policies.put, limits.POLICY_WRITE),
    ("DELETE", f"{_V}/backupPolicies/{{name}}", policies.delete, limits.POLICY_DELETE),
    ("POST", f"{_V}/validateForBackup", instances.validate, limits.ACTION),
    ("GET", f"{_V}/backupInstances", instances.list_instances, limits.INSTANCE_READ),
    ("GET", _I, instances.get, limits.INSTANCE_READ),
    ("PUT", _I, instances.put, limits.INSTANCE_WRITE),
    ("DELETE", _I, protection.delete, limits.INSTANCE_WRITE),
    ("POST", f"{_I}/stopProtection", protection.stop, limits.ACTION),
    ("POST", f"{_I}/suspendBackups", protection.suspend, limits.ACTION),
    ("POST", f"{_I}/resumeProtection", protection.resume, limits.ACTION),
    ("POST", f"{_I}/backup", backups.backup, limits.ACTION),
    ("POST", f"{_I}/validateRestore", restores.validate, limits.ACTION),
    ("POST", f"{_I}/restore", restores.restore, limits.ACTION),
    ("POST", f"{_I}/findRestorableTimeRanges", time_ranges.find, limits.ACTION),
    ("GET", f"{_I}/recoveryPoints", recovery_points.list_points, limits.POINT_READ),
    ("GET", f"{_I}/recoveryPoints/{{point}}", recovery_points.get, limits.POINT_READ),
    ("GET", f"{_V}/deletedBackupInstances", protection.list_deleted, limits.INSTANCE_READ),
    ("GET", _D, protection.get_deleted, limits.INSTANCE_READ),
    ("POST", f"{_D}/undelete", protection.undelete, limits.INSTANCE_READ),
    ("GET", f"{_S}{_DP}/resourceGuards", guards.list_guards, limits.GUARD_READ),
    ("GET", f"{_G}{_DP}/resourceGuards", guards.list_guards, limits.GUARD_READ),
    ("GET", _R, guards.get, limits.GUARD_READ),
    ("PUT", _R, guards.put, limits.GUARD_WRITE),
    ("DELETE", _R, guards.delete, limits.GUARD_WRITE),
    ("GET", f"{_R}/{{requests}}", guards.list_requests, limits.GUARD_READ),
    ("GET", f"{_R}/{{requests}}/{{name}}", guards.get_request, limits.GUARD_READ),
    ("GET", _M, guard_proxies.list_proxies, limits.GUARD_READ),
    ("GET", f"{_M}/{{name}}", guard_proxies.get, limits.GUARD_READ),
    ("PUT", f"{_M}/{{name}}", guard_proxies.put, limits.GUARD_WRITE),
    ("DELETE", f"{_M}/{{name}}", guard_proxies.delete, limits.PROXY_DELETE),
    ("POST", f"{_M}/{{name}}/unlockDelete", guard_proxies.unlock_delete, limits.ACTION),
    ("POST", f"{_L}/fetchSecondaryRecoveryPoints", cross_region.list_points, limits.ACTION),
    ("POST", f"{_L}/fetchCrossRegionRestoreJobs", cross_region.list_jobs, limits.ACTION),
    ("POST", f"{_L}/fetchCrossRegionRestoreJob", cross_region.get_job, limits.ACTION),
    ("POST", f"{_L}/validateCrossRegionRestore", cross_region.validate, limits.ACTION),
    ("POST", f"{_L}/crossRegionRestore", cross_region.restore, limits.ACTION),
    *_readable(),
    (
        "GET",
        f"{_RS}/protectionContainers/{{container}}/protectedItems/{{item}}",
        recovery_services.get_item,
        limits.NONE,
    ),
    (
        "GET",
        f"{_G}/providers/Microsoft.Storage/storageAccounts/{{name}}/blobServices/default/containers",
        storage.list_containers,
        limits.NONE,
    ),
    ("GET", f"{_PS}/databases", databases.list_databases, limits.NONE),
    ("GET", f"{_PS}/firewallRules", databases.list_rules, limits.NONE),
    ("GET", f"{_PS}/firewallRules/{{rule}}", databases.get_rule, limits.NONE),
    ("PUT", f"{_PS}/firewallRules/{{rule}}", databases.put_rule, limits.ACTION),
    ("GET", f"{_S}{_PG}/locations/{{location}}/azureAsyncOperation/{{operation}}", databases.get_status, limits.NONE),
    ("GET", f"{_S}{_PG}/locations/{{location}}/operationResults/{{operation}}", databases.get_result, limits.NONE),
    ("PUT", _K, key_vaults.put, limits.ACTION),
    ("PATCH", _K, key_vaults.patch, limits.ACTION),
    ("PUT", f"{_K}/accessPolicies/add", key_vaults.add_policies, limits.ACTION),
    ("GET", f"{_K}/secrets/{{secret}}", key_vaults.get_secret, limits.NONE),
    ("GET", f"{_V}/backupJobs", jobs.list_jobs, limits.JOB_READ),
    ("GET", f"{_V}/backupJobs/{{job}}", jobs.get, limits.JOB_READ),
)

ACTIONS: dict[str, Action] = {
    "operation.end": operations.end,
    "compute.finish": compute.finish,
    "database.rule": databases.rule_made,
    "vault.settle": vaults.settle,
    "vault.remove": vaults.remove,
    "instance.validate": instances.check,
    "instance.provisioned": instances.provisioned,
    "instance.protect": instances.protect,
    "instance.repolicy": instances.repolicy,
    "instance.pause": protection.paused,
    "instance.resume": protection.resumed,
    "instance.remove": protection.removed,
    "instance.purge": protection.purged,
    "backup.begin": backups.begin,
    "backup.snapshot": backups.snapshot,
    "backup.point": backups.point,
    "backup.finish": backups.finish,
    "point.expiry": recovery_points.set_expiry,
    "point.erase": recovery_points.erase,
    "point.expire": recovery_points.expire,
    "restore.check": restores.check,
    "restore.begin": restores.begin,
    "restore.finish": restores.finish,
}

_Node = dict[str, Any]  # a segment's lower-case text, or "*" for a name, leads to the next node; "" holds the handlers


class Router:
    """Finds handlers by walking the path's segments, without case."""

    def __init__(self) -> None:
        self._root: _Node = {}
        self._scoped: _Node = {}
        for method, path, handler, limit in ROUTES:
            root, path = (self._scoped, path[len("{scope}") :]) if path.startswith("{scope}") else (self._root, path)
            _plant(root, path, method, (handler, limit))

    def find(self, request: Request) -> tuple[Handler, dict[str, str], limits.Limit]:
        """The handler of a request, the names in its path and its rate-limit headers.

        Raises ARM's 404 or 405 fault if there is none.
        """
        root, names, path = self._root, {}, request.path
        marker = path.lower().rfind("/providers/microsoft.authorization/")
        if marker >= 0:
            root, names, path = self._scoped, {"scope": path[:marker]}, path[marker:]
        node = root
        for segment in path.strip("/").split("/"):
            if segment.lower() in node:
                node = node[segment.lower()]
            elif "*" in node and segment:
                name, node = node["*"]
                names[name] = segment
            else:
                raise _unknown(request.path)
        handlers: dict[str, tuple[Handler, limits.Limit]] = node.get("", {})
        if not handlers:
            raise _unknown(request.path)
        if request.method not in handlers:
            message = f"The requested resource does not support http method '{request.method}'."
            raise faults.Fault(405, "MethodNotAllowed", message, {"allow": ", ".join(sorted(handlers))})
        handler, limit = handlers[request.method]
        return handler, names, limit


def _plant(root: _Node, path: str, method: str, found: tuple[Handler, limits.Limit]) -> None:
    node = root
    for segment in path.strip("/").split("/"):
        if segment.startswith("{"):
            node = node.setdefault("*", (segment[1:-1], {}))[1]
        else:
            node = node.setdefault(segment.lower(), {})
    node.setdefault("", {})[method] = found


def _unknown(path: str) -> faults.Fault:
    """ARM's word for a type that it does not know, which is what it says of everything left out of the sandbox."""
    _, _, tail = path.rpartition("/providers/")
    namespace, *rest = tail.split("/") if tail and "/providers/" in path else [""]
    if not namespace or not rest:
        return faults.gateway(404, "NotFound", f"No resource is found at '{path}'.")
    kind = "/".join(rest[::2])
    message = f"The resource type '{kind}' could not be found in the namespace '{namespace}' for this api version."
    return faults.gateway(404, "InvalidResourceType", message)
