"""``backup-instance deleted-backup-instance``: what soft delete keeps, and bringing it back."""

from __future__ import annotations

from dataclasses import replace

from dpmagic.arm.plans import Plan, fetch
from dpmagic.arm.requests import Request
from dpmagic.commands.common import GROUP, INSTANCE, PAGING, VAULT, listed, vault
from dpmagic.commands.examples import AT, DISK_INSTANCE
from dpmagic.commands.model import Args, Command

_NAMED = (
    GROUP,
    VAULT,
    replace(INSTANCE, help="The deleted backup instance.", id_part="deletedBackupInstances", live=""),
)


def _deleted(args: Args, *rest: str) -> str:
    return vault(args, "deletedBackupInstances", args.backup_instance_name, *rest)


def _list(args: Args) -> Plan:
    return (yield from listed(args, Request("GET", vault(args, "deletedBackupInstances"))))


def _show(args: Args) -> Plan:
    return (yield from fetch(Request("GET", _deleted(args))))


def _undelete(args: Args) -> Plan:
    yield Request(
        "POST",
        _deleted(args, "undelete"),
        follow="azure-async-operation",
        no_wait=True,
        purpose=f"undelete backup instance {args.backup_instance_name}",
    )


_ACTION = "Microsoft.DataProtection/backupVaults/deletedBackupInstances"
_EXAMPLE = f"{AT} -n {DISK_INSTANCE}"

COMMANDS = (
    Command(
        "backup-instance deleted-backup-instance list",
        "List the backup instances that soft delete keeps.",
        _list,
        (GROUP, VAULT, *PAGING),
        examples=(f"backup-instance deleted-backup-instance list {AT}",),
        permission=f"{_ACTION}/read",
    ),
    Command(
        "backup-instance deleted-backup-instance show",
        "Show a backup instance that soft delete keeps, and until when.",
        _show,
        _NAMED,
        ids=True,
        examples=(f"backup-instance deleted-backup-instance show {_EXAMPLE}",),
        permission=f"{_ACTION}/read",
    ),
    Command(
        "backup-instance deleted-backup-instance undelete",
        "Bring back a deleted backup instance with its recovery points.",
        _undelete,
        _NAMED,
        waits=True,
        ids=True,
        done="brought back {backup_instance_name}: backups are stopped, see backup-instance resume-protection",
        examples=(f"backup-instance deleted-backup-instance undelete {_EXAMPLE}",),
        permission=f"{_ACTION}/undelete/action",
    ),
)
