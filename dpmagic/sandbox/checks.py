"""What Azure Backup looks at before it protects anything: its type's own checks, and who protects it already."""

from __future__ import annotations

from typing import Any

from . import disk_checks, faults, kinds, workload_checks
from .store import Document
from .world import World

_IDLE = ("ProtectionStopped", "SoftDeleted")
_PROTECTABLE = {
    kinds.DISK: disk_checks.protectable,
    kinds.BLOB: workload_checks.blobs,
    kinds.AKS: workload_checks.cluster,
    kinds.POSTGRES: workload_checks.postgres,
    kinds.POSTGRES_FLEXIBLE: workload_checks.postgres_flexible,
    kinds.MYSQL: workload_checks.mysql,
}


def protectable(world: World, vault: Document, properties: dict[str, Any]) -> None:
    """Raise the fault that keeps the vault from backing the datasource up, if there is one."""
    _PROTECTABLE[kinds.of({"properties": properties})](world, vault, properties)


def unclaimed(world: World, vault: Document, datasource: str, *, besides: str = "") -> None:
    """Raise if another instance protects the datasource: of this vault in any state, of another one if it is active.

    ``besides`` is the name of the instance that may.
    """
    for kind in ("instance", "deletedInstance"):
        for other in world.store.protecting(kind, datasource):
            same_vault = other["_"]["vault"].lower() == vault["id"].lower()
            status = other["properties"]["currentProtectionState"]
            if (same_vault and other["name"].lower() == besides.lower() and kind == "instance") or (
                not same_vault and status in _IDLE
            ):
                continue
            words = {"instance": other["properties"]["friendlyName"], "status": status}
            if same_vault:
                raise faults.backup("UserErrorDatasourceAlreadyPresentInTheSameVault", **words)
            words["vault"] = other["_"]["vault"]
            raise faults.backup("UserErrorDppDatasourceAlreadyHasBackupInstance", **words)
