"""``recovery-point`` and ``restorable-time-range``: what a backup instance can be restored to."""

from __future__ import annotations

from dpmagic.arm.plans import Plan, Say, fetch
from dpmagic.arm.requests import Request
from dpmagic.commands.common import (
    GROUP,
    INSTANCE_LONG,
    PAGING,
    USE_SECONDARY_REGION,
    VAULT,
    instance,
    listed,
    told_of_times,
)
from dpmagic.commands.examples import AT, BLOB_INSTANCE, DISK_INSTANCE, RECOVERY_POINT
from dpmagic.commands.model import Args, Command, Option
from dpmagic.commands.regions import in_region, instance_regions
from dpmagic.graph.literals import instant


def _list(args: Args) -> Plan:
    if args.use_secondary_region:
        return (yield from _list_secondary(args))
    yield from told_of_times(args)
    bounds = {"startDate": args.start_time, "endDate": args.end_time}
    wanted = " and ".join(f"{key} eq '{instant(time)}'" for key, time in bounds.items() if time)
    path = instance(args, "recoveryPoints")
    return (yield from listed(args, Request("GET", path, query={"$filter": wanted} if wanted else {})))


def _list_secondary(args: Args) -> Plan:
    if args.start_time or args.end_time:
        yield Say("--start-time and --end-time do not count in the secondary region: these are all recovery points")
    regions = yield from instance_regions(args)
    body = {"sourceBackupInstanceId": regions.id, "sourceRegion": regions.primary}
    path = in_region(args, regions.secondary, "fetchSecondaryRecoveryPoints")
    return (yield from listed(args, Request("POST", path, body)))


def _show(args: Args) -> Plan:
    return (yield from fetch(Request("GET", instance(args, "recoveryPoints", args.recovery_point_id))))


def _find(args: Args) -> Plan:
    yield from told_of_times(args)
    body = {"sourceDataStoreType": args.source_data_store_type}
    # The service refuses a start alone in any other form.
    bounds = {"startTime": args.start_time, "endTime": args.end_time}
    body |= {key: instant(time) for key, time in bounds.items() if time}
    return (yield from fetch(Request("POST", instance(args, "findRestorableTimeRanges"), body)))


_NAMED = (GROUP, VAULT, INSTANCE_LONG)
_START = Option(("--start-time",), "From this time on (UTC).", "time")
_END = Option(("--end-time",), "Up to this time (UTC).", "time")
_ACTION = "Microsoft.DataProtection/backupVaults/backupInstances"
_AT = f"{AT} --backup-instance-name {DISK_INSTANCE}"

COMMANDS = (
    Command(
        "recovery-point list",
        "List the recovery points of a backup instance.",
        _list,
        (*_NAMED, _START, _END, *PAGING, USE_SECONDARY_REGION),
        examples=(
            f"recovery-point list {_AT}",
            f"recovery-point list {_AT} --start-time 2026-03-01 --end-time 2026-04-01",
        ),
        permission=f"{_ACTION}/recoveryPoints/read; with --use-secondary-region "
        "Microsoft.DataProtection/locations/fetchSecondaryRecoveryPoints/action",
    ),
    Command(
        "recovery-point show",
        "Show a recovery point.",
        _show,
        (
            *_NAMED,
            Option(
                ("--recovery-point-id",),
                "The recovery point.",
                required=True,
                id_part="recoveryPoints",
                live="recovery-point",
            ),
        ),
        ids=True,
        examples=(f"recovery-point show {_AT} --recovery-point-id {RECOVERY_POINT}",),
        permission=f"{_ACTION}/recoveryPoints/read",
    ),
    Command(
        "restorable-time-range find",
        "Find the times to which a backup instance can be restored point by point.",
        _find,
        (
            *_NAMED,
            Option(
                ("--source-data-store-type",),
                "The store to restore from.",
                required=True,
                choices=("ArchiveStore", "OperationalStore", "VaultStore"),
            ),
            _START,
            _END,
        ),
        ids=True,
        examples=(
            f"restorable-time-range find {AT} --backup-instance-name {BLOB_INSTANCE} "
            "--source-data-store-type OperationalStore",
        ),
        permission=f"{_ACTION}/findRestorableTimeRanges/action",
    ),
)
