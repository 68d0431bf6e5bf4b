"""``backup-instance initialize-backupconfig`` and ``initialize-restoreconfig``: what of a datasource is taken."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from dpmagic.arm.ids import group_path
from dpmagic.arm.plans import Plan, Step, items
from dpmagic.arm.requests import Request
from dpmagic.commands.common import DATASOURCE_TYPE, pure
from dpmagic.commands.model import Args, Command, Option
from dpmagic.datasources import Manifest, manifest, names
from dpmagic.errors import InvalidArgument, MissingArgument

_STORAGE_API = "2025-08-01"
_REFERENCE = {"name", "namespace"}


@dataclass(frozen=True)
class _Setting:
    """A key of a configuration, the option it comes from and what it is when that is not given."""

    key: str
    option: Option
    otherwise: Any = None


_RESOURCES = (
    _Setting(
        "excludedResourceTypes",
        Option(("--excluded-resource-types", "--excluded-resource-type"), "Resource types left out.", "texts"),
    ),
    _Setting(
        "includedResourceTypes",
        Option(("--included-resource-types", "--included-resource-type"), "Resource types taken.", "texts"),
    ),
    _Setting("excludedNamespaces", Option(("--excluded-namespaces",), "Namespaces left out.", "texts")),
    _Setting("includedNamespaces", Option(("--included-namespaces",), "Namespaces taken.", "texts")),
    _Setting("labelSelectors", Option(("--label-selectors",), "Labels of what is taken.", "texts")),
    _Setting(
        "includeClusterScopeResources",
        Option(
            ("--include-cluster-scope-resources", "--include-cluster-scope"),
            "Whether what belongs to no namespace is taken; true when not given.",
            "boolean",
        ),
        True,
    ),
)
_BACKUP = (
    *_RESOURCES,
    _Setting(
        "snapshotVolumes",
        Option(("--snapshot-volumes",), "Whether volumes are taken; true when not given.", "boolean"),
        True,
    ),
    _Setting(
        "backupHookReferences",
        Option(
            ("--backup-hook-references", "--backup-hook-refs"),
            "Hooks that run around the backup: a list of name and namespace.",
            "json",
        ),
    ),
)
_RESTORE = (
    *_RESOURCES,
    _Setting(
        "persistentVolumeRestoreMode",
        Option(
            ("--persistent-volume-restore-mode", "--persistent-restoremode"),
            "Whether volumes get their data back; RestoreWithVolumeData when not given.",
            choices=("RestoreWithVolumeData", "RestoreWithoutVolumeData"),
        ),
        "RestoreWithVolumeData",
    ),
    _Setting(
        "conflictPolicy",
        Option(
            ("--conflict-policy",),
            "What becomes of a resource that is there already; Skip when not given.",
            choices=("Skip", "Patch"),
        ),
        "Skip",
    ),
    _Setting(
        "namespaceMappings",
        Option(("--namespace-mappings",), "Namespaces with those they become: {from:to}.", "object"),
    ),
    _Setting(
        "restoreHookReferences",
        Option(
            ("--restore-hook-references", "--restore-hook-refs"),
            "Hooks that run around the restore: a list of name and namespace.",
            "json",
        ),
    ),
    _Setting(
        "stagingResourceGroupId",
        Option(
            ("--staging-resource-group-id", "--staging-rg-id"),
            "Resource group that data from a vault passes through.",
            "id",
        ),
    ),
    _Setting(
        "stagingStorageAccountId",
        Option(
            ("--staging-storage-account-id", "--staging-storage-id"),
            "Storage account that a vault's data passes through.",
            "id",
        ),
    ),
    _Setting(
        "resourceModifierReference",
        Option(
            ("--resource-modifier-reference", "--resource-modifier"),
            "Config map that changes resources on their way: {name:..,namespace:..}.",
            "object",
        ),
    ),
)
_CONTAINERS = (
    Option(
        ("--container-list", "--vaulted-backup-containers"),
        "Containers that are backed up to the vault.",
        "texts",
        dest="vaulted_backup_containers",
    ),
    Option(("--include-all-containers",), "Back up every container there is now.", "boolean"),
)
_ACCOUNT = (
    Option(("--storage-account-name",), "Storage account, for --include-all-containers."),
    Option(
        ("--storage-account-resource-group", "--storage-account-rg"),
        "Its resource group, for --include-all-containers.",
        live="group",
    ),
)


def is_backup_configuration(kind: Manifest, configuration: Mapping[str, Any]) -> bool:
    """Whether JSON is a backup configuration of this datasource type: by its objectType, and else by its keys."""
    blob, cluster = {"containersList"}, {setting.key for setting in _BACKUP}
    own, other = (cluster, blob) if kind.restore_configuration else (blob, cluster)
    named = configuration.get("objectType", kind.backup_configuration) == kind.backup_configuration
    return named and not other & configuration.keys() and bool({"objectType", *own} & configuration.keys())


def _backup(args: Args) -> Plan:
    kind = manifest(args.datasource_type)
    if not kind.backup_configuration:
        raise InvalidArgument(
            f"{kind.name} has no backup configuration", f"those that have one: {_having('backup_configuration')}"
        )
    if kind.restore_configuration:
        _refuse(args, kind.name, (*_CONTAINERS, *_ACCOUNT))
        return _configuration(kind.backup_configuration, _BACKUP, args)
    _refuse(args, kind.name, tuple(setting.option for setting in _BACKUP))
    return {"objectType": kind.backup_configuration, "containersList": (yield from _containers(args))}


@pure
def _restore(args: Args) -> dict[str, Any]:
    kind = manifest(args.datasource_type)
    if not kind.restore_configuration:
        raise InvalidArgument(
            f"{kind.name} has no restore configuration", f"those that have one: {_having('restore_configuration')}"
        )
    return _configuration(kind.restore_configuration, _RESTORE, args)


def _having(what: str) -> str:
    return ", ".join(name for name in names() if getattr(manifest(name), what))


def _configuration(object_type: str, settings: tuple[_Setting, ...], args: Args) -> dict[str, Any]:
    configuration: dict[str, Any] = {"objectType": object_type}
    for setting in settings:
        value = getattr(args, setting.option.key)
        if value is not None and setting.option.kind in ("json", "object"):
            value = _checked(setting, value)
        configuration[setting.key] = setting.otherwise if value is None else value
    return configuration


def _checked(setting: _Setting, value: Any) -> Any:
    """A namespace mapping, a reference or a list of references.  Raises `InvalidArgument` when it is not that."""
    if setting.key == "namespaceMappings":
        fits = isinstance(value, dict) and all(isinstance(name, str) for name in value.values())
        shape = "an object: {from:to}"
    elif setting.key.endswith("References"):
        value = value if isinstance(value, list) else [value]
        fits, shape = all(_is_reference(one) for one in value), "a list: [{name:..,namespace:..}]"
    else:
        fits, shape = _is_reference(value), "an object: {name:..,namespace:..}"
    if not fits:
        raise InvalidArgument(f"{setting.option.shown} has not the right shape", f"give {shape}")
    return value


def _is_reference(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == _REFERENCE
        and all(isinstance(name, str) and name for name in value.values())
    )


def _containers(args: Args) -> Generator[Step, Any, list[str]]:
    chosen, every = args.vaulted_backup_containers, args.include_all_containers
    if chosen and every:
        raise InvalidArgument("--container-list does not go with --include-all-containers", "give one of them")
    if chosen:
        _refuse(args, "--container-list", _ACCOUNT)
        return list(chosen)
    account, group = args.storage_account_name, args.storage_account_resource_group
    if not every:
        raise MissingArgument("which containers is not said", "give --container-list or --include-all-containers")
    if not (account and group):
        raise MissingArgument(
            "--include-all-containers needs --storage-account-name and --storage-account-resource-group",
            "say which storage account, or give --container-list",
        )
    below = f"providers/Microsoft.Storage/storageAccounts/{quote(account, safe='')}/blobServices/default/containers"
    path = f"{group_path(args.subscription, group)}/{below}"
    found = yield from items(Request("GET", path, api_version=_STORAGE_API, every_page=True))
    if not found:
        raise InvalidArgument(f"storage account {account} has no container", "make one, then run this again")
    return [container["name"] for container in found]


def _refuse(args: Args, what: str, options: tuple[Option, ...]) -> None:
    if given := [option.shown for option in options if option.key in args]:
        raise InvalidArgument(f"{given[0]} does not go with {what}", "leave it out")


COMMANDS = (
    Command(
        "backup-instance initialize-backupconfig",
        "Write what of a storage account or cluster is backed up.",
        _backup,
        (DATASOURCE_TYPE, *_CONTAINERS, *_ACCOUNT, *(setting.option for setting in _BACKUP)),
        details="For --backup-configuration of backup-instance initialize. --include-all-containers sends a read.",
        examples=(
            "backup-instance initialize-backupconfig --datasource-type AzureBlob --container-list invoices receipts "
            "> containers.json",
            "backup-instance initialize-backupconfig --datasource-type AzureKubernetesService "
            "--included-namespaces shop",
        ),
        permission="Microsoft.Storage/storageAccounts/blobServices/containers/read (with --include-all-containers)",
    ),
    Command(
        "backup-instance initialize-restoreconfig",
        "Write what of a cluster's backup is restored, and how.",
        _restore,
        (
            replace(DATASOURCE_TYPE, help="Type of what is restored: AzureKubernetesService."),
            *(setting.option for setting in _RESTORE),
        ),
        details="For --restore-configuration of backup-instance restore initialize-for-data-recovery.",
        examples=(
            "backup-instance initialize-restoreconfig --datasource-type AzureKubernetesService "
            "--namespace-mappings shop=shop-test",
        ),
    ),
)
