"""The datasource types that the sandbox protects, and what their backups have in common and apart.

Durations are the recorded ones; where only one of a kind is recorded it stands for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OPERATIONAL, VAULT = "OperationalStore", "VaultStore"


@dataclass(frozen=True)
class Kind:
    """One datasource type; ``type`` is how ``datasourceType`` spells it.

    ``document`` is what the world calls the resource behind it. ``store`` gets the recovery points of backups, which
    are of the type ``point``. ``destination`` is a finished backup job's ``destinationDataStoreName``. A backup takes
    the seconds of ``steps``: until the data is captured, until the point is visible, until the job ends.
    """

    type: str
    document: str
    store: str
    point: str
    destination: str | None
    progress: bool
    steps: tuple[float, float, float]
    restore: float


DISK = Kind(
    "Microsoft.Compute/disks", "disk", OPERATIONAL, "Incremental", "OperationalTierStore", False, (56, 75, 60), 365
)
BLOB = Kind(
    "Microsoft.Storage/storageAccounts/blobServices",
    "storageAccount", VAULT, "Full", "VaultStore", False, (760, 0.06, 61), 365,
)  # fmt: skip
AKS = Kind(
    "Microsoft.ContainerService/managedClusters", "cluster", OPERATIONAL, "Incremental", None, False, (48, 95, 42), 214
)
POSTGRES = Kind(
    "Microsoft.DBforPostgreSQL/servers/databases",
    "database", VAULT, "Full", "VaultStore", True, (60, 0.06, 34), 106,
)  # fmt: skip
POSTGRES_FLEXIBLE = Kind(
    "Microsoft.DBforPostgreSQL/flexibleServers",
    "postgresFlexibleServer", VAULT, "Full", "VaultStore", True, (890, 0.06, 51), 124,
)  # fmt: skip
MYSQL = Kind(
    "Microsoft.DBforMySQL/flexibleServers",
    "mysqlFlexibleServer", VAULT, "Full", "VaultStore", True, (65, 0.06, 60), 98,
)  # fmt: skip

_ALL = {kind.type.lower(): kind for kind in (DISK, BLOB, AKS, POSTGRES, POSTGRES_FLEXIBLE, MYSQL)}


def find(datasource_type: str) -> Kind | None:
    """The kind of a ``datasourceType``, in whatever case; None if the sandbox does not protect it."""
    return _ALL.get(datasource_type.lower())


def known(datasource_type: str) -> Kind:
    """The kind of a ``datasourceType`` that was looked up before."""
    return _ALL[datasource_type.lower()]


def of(instance: Mapping[str, Any]) -> Kind:
    """The kind of what an instance protects."""
    return known(instance["properties"]["dataSourceInfo"]["datasourceType"])
