"""What Azure Backup can protect, as data: one JSON file a datasource type; adding a type is adding a file.

The six are those of az dataprotection 1.5.4.  A file's keys are the fields of `Manifest`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from dpmagic.errors import InvalidArgument, did_you_mean

Place = Literal["DataSource", "DataSourceRG", "SnapshotRG", "TargetStorageAccount"]


@dataclass(frozen=True)
class Role:
    """An Azure role by its name, and where it is needed: a resource, or the resource group of one."""

    name: str
    at: Place


@dataclass(frozen=True)
class Manifest:
    """What is particular to a datasource type.

    ``name`` is az's, ``datasource_type`` and ``resource_type`` are ARM's; ``position`` is its place in az's lists.
    ``set_info`` says what a datasource's ``dataSourceSetInfo`` is: nothing, the datasource itself, or its parent.
    ``friendly_name_required``: the person gives it, and it becomes ``<name>/<given>``.  ``snapshot_group``: snapshots
    go to a resource group of the person's.  ``secret_store``: the password comes from a key vault.
    ``backup_configuration`` and ``restore_configuration`` are the objectType of what is said about what to back up
    and restore, ``""`` for types that have none.  ``absolute_criteria_only``: a tag is the first backup of a day,
    week, month or year, nothing finer.  The roles are what the vault's identity, and the datasource's own, need for
    a backup and for a restore; none for a restore where az cannot grant any.
    """

    position: int
    name: str
    datasource_type: str
    resource_type: str
    stores: tuple[str, ...]
    frequencies: tuple[str, ...]
    tags: tuple[str, ...]
    absolute_criteria_only: bool
    restore_modes: tuple[str, ...]
    restore_targets: tuple[str, ...]
    default_policy: Mapping[str, Any] = field(repr=False)
    item_level: bool = False
    set_info: Literal["", "self", "parent"] = ""
    friendly_name_required: bool = False
    snapshot_group: bool = False
    secret_store: bool = False
    backup_configuration: str = ""
    backup_configuration_required: bool = False
    restore_configuration: str = ""
    vault_backup_roles: tuple[Role, ...] = ()
    datasource_backup_roles: tuple[Role, ...] = ()
    vault_restore_roles: tuple[Role, ...] = ()
    datasource_restore_roles: tuple[Role, ...] = ()

    def policy_template(self) -> dict[str, Any]:
        """A new copy of the default policy, as ``backup-policy create`` takes it."""
        return deepcopy(dict(self.default_policy))


@cache
def _manifests() -> dict[str, Manifest]:
    found = [_read(file.read_text("utf-8")) for file in files(__name__).iterdir() if file.name.endswith(".json")]
    return {one.name: one for one in sorted(found, key=lambda one: (one.position, one.name))}


def _read(text: str) -> Manifest:
    read: dict[str, Any] = json.loads(text)
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in read.items()}
    for key in fields:
        if key.endswith("_roles"):
            fields[key] = tuple(Role(**one) for one in fields[key])
    return Manifest(**fields)


def names() -> tuple[str, ...]:
    """az's names of the types, in az's order.

    >>> names()[:2]
    ('AzureDisk', 'AzureBlob')
    """
    return tuple(_manifests())


def manifest(name: str) -> Manifest:
    """The manifest of a type by az's name, whatever its case.  Raises `InvalidArgument` for an unknown one.

    >>> manifest("AzureDisk").datasource_type
    'Microsoft.Compute/disks'
    """
    for one in _manifests().values():
        if one.name.lower() == name.lower():
            return one
    raise InvalidArgument(
        f"{name!r} is not a datasource type", did_you_mean(name, names(), f"one of: {', '.join(names())}")
    )


def by_arm_type(datasource_type: str) -> Manifest:
    """The manifest of a type by ARM's name, whatever its case.  Raises `InvalidArgument` for an unknown one.

    >>> by_arm_type("microsoft.compute/disks").name
    'AzureDisk'
    """
    for one in _manifests().values():
        if one.datasource_type.lower() == datasource_type.lower():
            return one
    known = [one.datasource_type for one in _manifests().values()]
    raise InvalidArgument(
        f"{datasource_type!r} is not the type of a datasource known here",
        did_you_mean(datasource_type, known, f"one of: {', '.join(known)}"),
    )
