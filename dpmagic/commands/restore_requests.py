"""``backup-instance restore initialize-for-..``: the JSON of a restore request, to validate and to start."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from dpmagic.arm.ids import parse_id, vault_path
from dpmagic.arm.plans import Plan, Say, Step, fetch
from dpmagic.arm.requests import Request
from dpmagic.commands import restore_criteria
from dpmagic.commands.camel import camel
from dpmagic.commands.common import DATASOURCE_TYPE, pure, region
from dpmagic.commands.datasource_info import SECRET_STORE, checked_id, credentials, datasource, datasource_set
from dpmagic.commands.examples import BLOB_INSTANCE, RECOVERY_POINT, RESTORED_ID, VAULT_ID
from dpmagic.commands.model import Args, Command, Option
from dpmagic.datasources import Manifest, manifest
from dpmagic.errors import InvalidArgument, MissingArgument

_REHYDRATION_DAYS = range(10, 31)
_LOCATIONS = {"AlternateLocation", "OriginalLocation"}


def _for_data(args: Args) -> Plan:
    kind = manifest(args.datasource_type)
    request = _request(kind, args)
    _check_target(args)
    if not _LOCATIONS & set(kind.restore_targets):
        yield Say(f"Azure restores {kind.name} as files only: see initialize-for-data-recovery-as-files")
    target: dict[str, Any] = {"objectType": "RestoreTargetInfo"}
    if kind.restore_configuration:
        target = _items([_restore_configuration(kind, args)])
    elif args.restore_configuration is not None:
        yield Say(f"--restore-configuration is left out: {kind.name} has no use for it")
    target |= yield from _datasource(kind, args)
    if found := credentials(kind, args.secret_store_type, args.secret_store_uri):
        target["datasourceAuthCredentials"] = found
    return _with_target(request, args, target)


@pure
def _as_files(args: Args) -> dict[str, Any]:
    kind = manifest(args.datasource_type)
    if "RestoreAsFiles" not in kind.restore_targets:
        raise InvalidArgument(f"{kind.name} cannot be restored as files", "use initialize-for-data-recovery")
    details = {
        "url": args.target_blob_container_url,
        "filePrefix": args.target_file_name,
        "restoreTargetLocationType": "AzureBlobs",
    }
    if args.target_resource_id:
        details["targetResourceArmId"] = args.target_resource_id
    return _with_target(_request(kind, args), args, {"objectType": "RestoreFilesTargetInfo", "targetDetails": details})


def _for_items(args: Args) -> Plan:
    kind = manifest(args.datasource_type)
    if not kind.item_level:
        raise InvalidArgument(f"{kind.name} is restored as a whole", "use initialize-for-data-recovery")
    request = _request(kind, args)
    _check_target(args)
    target = _items(_criteria(kind, args))
    target |= yield from _datasource(kind, args)
    return _with_target(request, args, target)


def _request(kind: Manifest, args: Args) -> dict[str, Any]:
    """The request but for its target.  Raises `InvalidArgument` or `MissingArgument` for what the type cannot do."""
    request = _moment(kind, args)
    if args.source_datastore not in kind.stores:
        raise InvalidArgument(f"{kind.name} has no {args.source_datastore}", f"one of: {', '.join(kind.stores)}")
    request["sourceDataStoreType"] = args.source_datastore
    if "rehydration_priority" in args:
        if args.rehydration_duration not in _REHYDRATION_DAYS:
            raise InvalidArgument(
                f"--rehydration-duration cannot be {args.rehydration_duration} days",
                f"{_REHYDRATION_DAYS.start} to {_REHYDRATION_DAYS.stop - 1}",
            )
        request["objectType"] = "AzureBackupRestoreWithRehydrationRequest"
        request["rehydrationPriority"] = args.rehydration_priority
        request["rehydrationRetentionDuration"] = f"P{args.rehydration_duration}D"
    return request


def _moment(kind: Manifest, args: Args) -> dict[str, Any]:
    point, time = args.recovery_point_id, args.point_in_time
    if bool(point) == bool(time):
        problem = InvalidArgument if point else MissingArgument
        raise problem(
            f"give {'only ' if point else ''}one of --recovery-point-id and --point-in-time",
            "`recovery-point list` and `restorable-time-range find` show what there is",
        )
    mode = "RecoveryPointBased" if point else "PointInTimeBased"
    if mode not in kind.restore_modes:
        raise InvalidArgument(
            f"{kind.name} cannot be restored to a point in time" if time else f"{kind.name} has no recovery points",
            f"it is restored by {'--recovery-point-id' if time else '--point-in-time'}",
        )
    if point:
        return {"objectType": "AzureBackupRecoveryPointBasedRestoreRequest", "recoveryPointId": point}
    return {"objectType": "AzureBackupRecoveryTimeBasedRestoreRequest", "recoveryPointTime": _ticks(time)}


def _ticks(time: datetime) -> str:
    """A time as .NET writes it, with seven decimals."""
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}0Z"


def _with_target(request: dict[str, Any], args: Args, target: Mapping[str, Any]) -> dict[str, Any]:
    place = {"restoreLocation": region(args.restore_location), "recoveryOption": "FailIfExists"}
    return {**request, "restoreTargetInfo": camel({**target, **place}, resource_id="resourceId")}


def _check_target(args: Args) -> None:
    if bool(args.target_resource_id) == bool(args.backup_instance_id):
        raise InvalidArgument(
            f"give {'only ' if args.target_resource_id else ''}one of --target-resource-id and --backup-instance-id",
            "the first restores to another place, the second to where the data came from",
        )


def _datasource(kind: Manifest, args: Args) -> Generator[Step, Any, dict[str, Any]]:
    """What is restored to: the target, or the datasource of a backup instance."""
    location = region(args.restore_location)
    if args.target_resource_id:
        id_ = checked_id(kind, "--target-resource-id", args.target_resource_id)
    else:
        instance = yield from fetch(Request("GET", _instance_path(args.backup_instance_id)))
        id_ = instance["properties"]["dataSourceInfo"]["resourceID"]
    target = {"datasourceInfo": datasource(kind, id_, location)}
    if set_info := datasource_set(kind, id_, location):
        target["datasourceSetInfo"] = set_info
    return target


def _instance_path(id_: str) -> str:
    parsed = parse_id(id_)
    vault, instance = parsed.named("backupVaults"), parsed.named("backupInstances")
    if not (vault and instance):
        raise InvalidArgument(
            f"{id_!r} is not the id of a backup instance", "take it from `backup-instance show --query id`"
        )
    return vault_path(parsed.subscription, parsed.resource_group, vault, "backupInstances", instance)


def _items(criteria: list[dict[str, Any]]) -> dict[str, Any]:
    return {"objectType": "ItemLevelRestoreTargetInfo", "restoreCriteria": criteria}


def _criteria(kind: Manifest, args: Args) -> list[dict[str, Any]]:
    """The items to restore, from the one way in which they were given."""
    ways = {
        "--container-list": args.container_list,
        "--from-prefix-pattern, --to-prefix-pattern": args.from_prefix_pattern or args.to_prefix_pattern,
        "--vaulted-blob-prefix-pattern": args.vaulted_blob_prefix_pattern,
    }
    given = [way for way, value in ways.items() if value is not None]
    if kind.restore_configuration:
        if given:
            raise InvalidArgument(f"{given[0]} does not go with {kind.name}", "use --restore-configuration")
        return [_restore_configuration(kind, args)]
    if not given:
        raise MissingArgument("which items to restore is not said", f"give one of: {'; '.join(ways)}")
    if len(given) > 1:
        raise InvalidArgument(f"{given[0]} does not go with {given[1]}", "give one of them")
    if args.container_list:
        return restore_criteria.of_containers(args.container_list, in_time=bool(args.point_in_time))
    if args.vaulted_blob_prefix_pattern is not None:
        return restore_criteria.of_paths(args.vaulted_blob_prefix_pattern)
    return restore_criteria.of_prefixes(args.from_prefix_pattern, args.to_prefix_pattern)


def _restore_configuration(kind: Manifest, args: Args) -> dict[str, Any]:
    how = f"`backup-instance initialize-restoreconfig --datasource-type {kind.name}` writes it"
    if args.restore_configuration is None:
        raise MissingArgument(f"{kind.name} needs --restore-configuration", how)
    found = camel(args.restore_configuration)
    if not isinstance(found, dict) or found.get("objectType") != kind.restore_configuration:
        raise InvalidArgument(f"--restore-configuration is not that of {kind.name}", how)
    return found


_SOURCE = Option(
    ("--source-datastore",),
    "Where the recovery point is kept.",
    required=True,
    choices=("ArchiveStore", "OperationalStore", "VaultStore"),
)
_PLACE = Option(("--restore-location",), "Region to restore to.", required=True, live="location")
_POINT = Option(("--recovery-point-id",), "The recovery point to restore.", live="recovery-point")
_TIME = Option(("--point-in-time",), "The time to restore to, in UTC (AzureBlob).", "time")
_COMMON = (DATASOURCE_TYPE, _SOURCE, _PLACE, _POINT, _TIME)
_REHYDRATION = (
    Option(
        ("--rehydration-priority",),
        "How soon a recovery point leaves the archive store.",
        choices=("Standard",),
    ),
    Option(("--rehydration-duration",), "For how many days it stays out: 10 to 30.", "integer", default=15),
)
_TARGET = Option(("--target-resource-id",), "Id of what is restored to, or will be: another place.", "id")
_INSTANCE_ID = Option(
    ("--backup-instance-id",), "Id of the backup instance, to restore to where the data came from.", "id"
)
_CONFIGURATION = Option(
    ("--restore-configuration",),
    "What to restore of a cluster and how, as initialize-restoreconfig writes it.",
    "object",
)
_READ = "Microsoft.DataProtection/backupVaults/backupInstances/read (with --backup-instance-id)"
_NEXT = "Give the JSON to backup-instance validate-for-restore, then to restore trigger."
COMMANDS = (
    Command(
        "backup-instance restore initialize-for-data-recovery",
        "Write a request to restore a whole datasource.",
        _for_data,
        (*_COMMON, _TARGET, _INSTANCE_ID, *SECRET_STORE, *_REHYDRATION, _CONFIGURATION),
        details=f"{_NEXT} With --backup-instance-id, the instance is read.",
        examples=(
            "backup-instance restore initialize-for-data-recovery --datasource-type AzureDisk "
            "--source-datastore OperationalStore --restore-location westus "
            f"--recovery-point-id {RECOVERY_POINT} --target-resource-id {RESTORED_ID} > restore.json",
        ),
        permission=_READ,
    ),
    Command(
        "backup-instance restore initialize-for-data-recovery-as-files",
        "Write a request to restore a database as files.",
        _as_files,
        (
            *_COMMON,
            Option(("--target-blob-container-url",), "Url of the container that the files go to.", required=True),
            Option(("--target-file-name",), "What the files' names begin with.", required=True),
            replace(_TARGET, help="Id of that container."),
            *_REHYDRATION,
        ),
        details=_NEXT,
        examples=(
            "backup-instance restore initialize-for-data-recovery-as-files --datasource-type AzureDatabaseForMySQL "
            "--source-datastore VaultStore --restore-location westus "
            f"--recovery-point-id {RECOVERY_POINT} "
            "--target-blob-container-url https://strestores.blob.core.windows.net/restored --target-file-name shop",
        ),
    ),
    Command(
        "backup-instance restore initialize-for-item-recovery",
        "Write a request to restore some containers or blobs, or some of a cluster.",
        _for_items,
        (
            *_COMMON,
            _TARGET,
            _INSTANCE_ID,
            Option(("--container-list",), "Containers to restore.", "texts"),
            Option(("--from-prefix-pattern",), "Where ranges of names begin.", "texts"),
            Option(("--to-prefix-pattern",), "Where they end, as many.", "texts"),
            Option(
                ("--vaulted-blob-prefix-pattern", "--vaulted-blob-prefix"),
                "What blobs of each container begin with: {containers:[{name:..,prefixmatch:[..]}]}.",
                "object",
            ),
            _CONFIGURATION,
        ),
        details=f"{_NEXT} With --backup-instance-id, the instance is read.",
        examples=(
            "backup-instance restore initialize-for-item-recovery --datasource-type AzureBlob "
            "--source-datastore OperationalStore --restore-location westus --point-in-time 2026-03-02T09:30:00Z "
            f"--container-list invoices receipts --backup-instance-id {VAULT_ID}/backupInstances/{BLOB_INSTANCE}",
        ),
        permission=_READ,
    ),
)
