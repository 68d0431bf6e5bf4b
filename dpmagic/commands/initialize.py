"""``backup-instance initialize``: the JSON of a backup instance, to check, change and create."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from dpmagic.arm.ids import group_path, parse_id
from dpmagic.arm.plans import Plan, Say
from dpmagic.commands import initialize_config
from dpmagic.commands.camel import camel
from dpmagic.commands.common import DATASOURCE_TYPE, POLICY_ID, TAGS, policy_path, region
from dpmagic.commands.datasource_info import SECRET_STORE, checked_id, credentials, datasource, datasource_set
from dpmagic.commands.examples import DISK_ID, VAULT_ID
from dpmagic.commands.model import Args, Command, Option
from dpmagic.datasources import Manifest, manifest
from dpmagic.errors import InvalidArgument, MissingArgument


def _initialize(args: Args) -> Plan:
    kind = manifest(args.datasource_type)
    id_ = checked_id(kind, "--datasource-id", args.datasource_id)
    policy_path(args.policy_id)  # for its check
    location = region(args.datasource_location)
    info, set_info = datasource(kind, id_, location), datasource_set(kind, id_, location)
    for option in _ignored(kind, args):
        yield Say(f"{option} is left out: {kind.name} has no use for it")
    name, set_name = info["resourceName"], (set_info or info)["resourceName"]
    return {
        "backupInstanceName": f"{set_name}-{name}-{uuid.uuid1()}",
        "properties": {
            "dataSourceInfo": info,
            "dataSourceSetInfo": set_info,
            "datasourceAuthCredentials": credentials(kind, args.secret_store_type, args.secret_store_uri),
            "friendlyName": _friendly_name(kind, args.friendly_name, name, set_name),
            "objectType": "BackupInstance",
            "policyInfo": {"policyId": args.policy_id, "policyParameters": _policy_parameters(kind, args, id_)},
        },
        "tags": args.tags,
    }


def _ignored(kind: Manifest, args: Args) -> Iterator[str]:
    if args.friendly_name and not kind.friendly_name_required:
        yield "--friendly-name"
    if args.snapshot_resource_group_name and not kind.snapshot_group:
        yield "--snapshot-resource-group-name"
    if args.backup_configuration is not None and not kind.backup_configuration:
        yield "--backup-configuration"
    if (args.secret_store_type or args.secret_store_uri) and not kind.secret_store:
        yield "the secret store"


def _friendly_name(kind: Manifest, given: str | None, name: str, set_name: str) -> str:
    if not kind.friendly_name_required:
        return f"{set_name}/{name}" if kind.set_info == "parent" else name
    if not given:
        raise MissingArgument(f"{kind.name} needs --friendly-name", f"it becomes {name}/NAME")
    return f"{name}/{given}"


def _policy_parameters(kind: Manifest, args: Args, id_: str) -> dict[str, Any] | None:
    parameters: dict[str, Any] = {}
    if kind.snapshot_group:
        parameters["dataStoreParametersList"] = [
            {
                "objectType": "AzureOperationalStoreParameters",
                "dataStoreType": "OperationalStore",
                "resourceGroupId": _snapshot_group(args.snapshot_resource_group_name, id_),
            }
        ]
    if kind.backup_configuration and args.backup_configuration is not None:
        parameters["backupDatasourceParametersList"] = [_configuration(kind, args.backup_configuration)]
    elif kind.backup_configuration_required:
        raise MissingArgument(
            f"{kind.name} needs --backup-configuration", "`backup-instance initialize-backupconfig` writes it"
        )
    return parameters or None


def _snapshot_group(name: str | None, id_: str) -> str:
    if name and "/" in name:
        raise InvalidArgument(
            f"--snapshot-resource-group-name {name!r} is not a name",
            "give the name only: the group is in the datasource's subscription",
        )
    parsed = parse_id(id_)
    return group_path(parsed.subscription, name or parsed.resource_group)


def _configuration(kind: Manifest, given: Any) -> dict[str, Any]:
    found = camel(given)
    if not initialize_config.is_backup_configuration(kind, found):
        raise InvalidArgument(
            f"--backup-configuration is not that of {kind.name}",
            f"`backup-instance initialize-backupconfig --datasource-type {kind.name}` writes it",
        )
    return {**found, "objectType": kind.backup_configuration}


COMMANDS = (
    Command(
        "backup-instance initialize",
        "Write the JSON of a backup instance.",
        _initialize,
        (
            DATASOURCE_TYPE,
            Option(("--datasource-id",), "Resource id of what is to be backed up.", "id", required=True),
            Option(
                ("--datasource-location", "-l"), "Region of what is to be backed up.", required=True, live="location"
            ),
            POLICY_ID,
            Option(
                ("--snapshot-resource-group-name", "--snapshot-rg"),
                "Resource group of the snapshots (AzureDisk, AzureKubernetesService); else the datasource's.",
                live="group",
            ),
            Option(("--friendly-name",), "A name for the backup of a cluster; other datasources have their own."),
            Option(
                ("--backup-configuration",),
                "What to back up of it (AzureBlob, AzureKubernetesService), as initialize-backupconfig writes it.",
                "object",
            ),
            *SECRET_STORE,
            TAGS,
        ),
        details="Nothing is sent: give the JSON to backup-instance validate-for-backup, then to create.",
        examples=(
            "backup-instance initialize --datasource-type AzureDisk -l westus --snapshot-rg snapshotrg "
            f"--datasource-id {DISK_ID} --policy-id {VAULT_ID}/backupPolicies/diskPolicy > backup_instance.json",
        ),
    ),
    *initialize_config.COMMANDS,
)
