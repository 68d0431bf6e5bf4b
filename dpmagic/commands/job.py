"""``job``: the backup and restore jobs of a vault."""

from __future__ import annotations

from dpmagic.arm.plans import Plan, fetch
from dpmagic.arm.requests import Request
from dpmagic.commands import examples
from dpmagic.commands.common import GROUP, PAGING, USE_SECONDARY_REGION, VAULT, listed, vault
from dpmagic.commands.model import Args, Command, Option
from dpmagic.commands.regions import in_region, vault_regions


def _list(args: Args) -> Plan:
    if not args.use_secondary_region:
        return (yield from listed(args, Request("GET", vault(args, "backupJobs"))))
    regions = yield from vault_regions(args)
    body = {"sourceBackupVaultId": regions.id, "sourceRegion": regions.primary}
    path = in_region(args, regions.secondary, "fetchCrossRegionRestoreJobs")
    return (yield from listed(args, Request("POST", path, body)))


def _show(args: Args) -> Plan:
    if not args.use_secondary_region:
        return (yield from fetch(Request("GET", vault(args, "backupJobs", args.job_id))))
    regions = yield from vault_regions(args)
    body = {"jobId": args.job_id, "sourceBackupVaultId": regions.id, "sourceRegion": regions.primary}
    return (yield from fetch(Request("POST", in_region(args, regions.secondary, "fetchCrossRegionRestoreJob"), body)))


JOB = Option(("--job-id",), "The job.", required=True, id_part="backupJobs", live="job")
_ACTION = "Microsoft.DataProtection/backupVaults/backupJobs/read"
_SECONDARY = "Microsoft.DataProtection/locations/fetchCrossRegionRestoreJobs/action"

COMMANDS = (
    Command(
        "job list",
        "List the jobs of a vault.",
        _list,
        (GROUP, VAULT, *PAGING, USE_SECONDARY_REGION),
        details="The service keeps the jobs of the last 14 days here. With --use-secondary-region: the cross-region "
        "restores into the paired region.",
        examples=(
            f"job list {examples.AT}",
            f"job list {examples.AT} --use-secondary-region",
        ),
        permission=f"{_ACTION}; with --use-secondary-region {_SECONDARY}",
    ),
    Command(
        "job show",
        "Show a job, its sub-tasks and its errors.",
        _show,
        (GROUP, VAULT, JOB, USE_SECONDARY_REGION),
        ids=True,
        examples=(f"job show {examples.AT} --job-id {examples.JOB}",),
        permission=f"{_ACTION}; with --use-secondary-region {_SECONDARY}",
    ),
)
