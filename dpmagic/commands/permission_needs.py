"""What a backup or restore needs roles on: read from the options of ``update-msi-permissions`` and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dpmagic.arm.ids import parse_id
from dpmagic.commands.camel import camel
from dpmagic.commands.common import region
from dpmagic.commands.instance_body import body_of
from dpmagic.commands.model import Args
from dpmagic.commands.role_assignments import widened
from dpmagic.datasources import Manifest, Role, manifest
from dpmagic.errors import InvalidArgument, MissingArgument


@dataclass(frozen=True)
class Need:
    """A datasource type, the roles of either identity, the datasource, and the rest of the JSON that speaks of it."""

    manifest: Manifest
    vault_roles: tuple[Role, ...]
    datasource_roles: tuple[Role, ...]
    datasource: Mapping[str, Any]
    properties: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The datasource's id.  Raises `InvalidArgument` when the JSON has none."""
        found = self.datasource.get("resourceID")
        if not found:
            raise InvalidArgument("the JSON names no datasource", "its resource_id is needed for the roles")
        return parse_id(str(found)).text

    @property
    def secret_uri(self) -> str:
        """Where the password of the datasource is kept."""
        return str(_within(self.properties, "datasourceAuthCredentials", "secretStoreResource").get("uri") or "")


def need_of(args: Args) -> Need:
    """What the options ask for.  Raises `MissingArgument` or `InvalidArgument` when they do not go together."""
    about = manifest(args.datasource_type)
    need = _backup(args, about) if args.operation == "Backup" else _restore(args, about)
    found = need.datasource.get("datasourceType")
    # A restore as files names no datasource.
    if (found or args.operation == "Backup") and str(found).lower() != about.datasource_type.lower():
        raise InvalidArgument(
            f"the JSON is of {found or 'no datasource type'}, --datasource-type is {about.name}",
            f"{about.name} is {about.datasource_type}",
        )
    return need


def _backup(args: Args, about: Manifest) -> Need:
    if args.backup_instance is None:
        raise MissingArgument("--operation Backup needs --backup-instance", "give what `initialize` wrote")
    if about.secret_store and not args.keyvault_id:
        raise MissingArgument(f"--datasource-type {about.name} needs --keyvault-id", "give the key vault's id")
    properties = body_of(args.backup_instance)["properties"]
    datasource = properties["dataSourceInfo"]
    return Need(about, about.vault_backup_roles, about.datasource_backup_roles, datasource, properties)


def _restore(args: Args, about: Manifest) -> Need:
    if not about.vault_restore_roles:
        raise InvalidArgument(
            f"no roles are known for a restore of {about.name}", "assign by hand what the restore's error asks for"
        )
    if args.restore_request_object is None:
        raise MissingArgument(
            "--operation Restore needs --restore-request-object", "give what `restore initialize-for-...` wrote"
        )
    target = camel(args.restore_request_object).get("restoreTargetInfo")
    if not isinstance(target, dict):
        raise InvalidArgument(
            "--restore-request-object is not a restore request: it has no restoreTargetInfo",
            "give what `restore initialize-for-...` wrote",
        )
    datasource = _within(target, "datasourceInfo")
    return Need(about, about.vault_restore_roles, about.datasource_restore_roles, datasource, target)


def check_region(args: Args, need: Need, vault: Mapping[str, Any]) -> None:
    """Raises `InvalidArgument` when what is to be backed up is in another region than the vault."""
    place = str(need.datasource.get("resourceLocation") or "")
    if args.operation == "Backup" and region(place) != region(vault["location"]):
        raise InvalidArgument(
            f"the datasource is in {place or 'no region'}, vault {args.vault_name} in {vault['location']}",
            "use a vault in the datasource's region",
        )


def resource_of(args: Args, need: Need, role: Role) -> str:
    """The id of what a role is needed on; ``""`` for a snapshot resource group that nobody named."""
    match role.at:
        case "SnapshotRG":
            return _snapshot_group(args, need)
        case "TargetStorageAccount":
            return _target(args, need)
        case "DataSourceRG":
            return widened(need.id, "ResourceGroup")
        case "DataSource":
            return widened(need.id, "Resource")


def _snapshot_group(args: Args, need: Need) -> str:
    stores = _within(need.properties, "policyInfo", "policyParameters").get("dataStoreParametersList")
    store = stores[0] if isinstance(stores, list) and stores else None
    found = args.snapshot_resource_group_id or _within(store).get("resourceGroupId")
    return parse_id(str(found)).text if found else ""


def _target(args: Args, need: Need) -> str:
    found = args.target_storage_account_id or _within(need.properties, "targetDetails").get("targetResourceArmId")
    if not found:
        raise MissingArgument(
            f"a restore of {need.manifest.name} needs --target-storage-account-id",
            "give the id of the storage account that the restore writes to",
        )
    return parse_id(str(found)).text


def _within(value: Any, *keys: str) -> Mapping[str, Any]:
    """The object that ``keys`` lead to in JSON that a person wrote; an empty one where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
