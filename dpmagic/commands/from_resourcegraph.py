"""``list-from-resourcegraph``: backup instances, jobs and vaults of many subscriptions in one question."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from dpmagic import datasources
from dpmagic.arm.plans import Plan, Say, Step, items
from dpmagic.arm.requests import Request
from dpmagic.commands.common import DATASOURCE_TYPE, told_of_times
from dpmagic.commands.model import Args, Command, Kind, Option
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.graph.literals import literal, literals
from dpmagic.graph.query import rows

# The queries are az's to the letter: what it lists and what it calls the columns is here, too.
_INSTANCES = (
    "RecoveryServicesResources | where type =~ 'microsoft.dataprotection/backupvaults/backupinstances'"
    "| extend vaultName = split(split(id, '/Microsoft.DataProtection/backupVaults/')[1],'/')[0]"
    "| extend protectionState = properties.currentProtectionState"
    "| extend datasourceId = properties.dataSourceInfo.resourceID"
)
_JOBS = (
    "RecoveryServicesResources | where type =~ 'microsoft.dataprotection/backupvaults/backupjobs'"
    "| extend vaultName = properties.vaultName"
    "| extend status = properties.status"
    "| extend operation = case( tolower(properties.operationCategory) startswith 'backup'"
    " and properties.isUserTriggered == 'true', strcat('OnDemand',properties.operationCategory),"
    " tolower(properties.operationCategory) startswith 'backup' and properties.isUserTriggered == 'false',"
    " strcat('Scheduled', properties.operationCategory), type =~ 'microsoft.dataprotection/backupVaults/backupJobs',"
    " properties.operationCategory, 'Invalid')"
    "| extend datasourceId = properties.dataSourceId"
)
_VAULTS = "resources | where type =~ 'microsoft.dataprotection/backupvaults'"
# Without an order of their own the pages of an answer may overlap.
_ORDER = "| order by id asc"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def instances_query(
    *,
    type_: str = "",
    groups: Iterable[str] = (),
    vaults: Iterable[str] = (),
    states: Iterable[str] = (),
    datasource_ids: Iterable[str] = (),
    ids: Iterable[str] = (),
    names: Iterable[str] = (),
) -> str:
    """az's query for backup instances, with a filter for each thing that is given; ``type_`` is az's name."""
    return _INSTANCES + _filters(
        ("properties.dataSourceInfo.datasourceType", _arm_type(type_)),
        ("resourceGroup", groups),
        ("vaultName", vaults),
        ("protectionState", states),
        ("datasourceId", datasource_ids),
        ("id", ids),
        ("name", names),
    )


def vaults_query(*, groups: Iterable[str] = (), names: Iterable[str] = (), ids: Iterable[str] = ()) -> str:
    """az's query for vaults."""
    return _VAULTS + _filters(("resourceGroup", groups), ("name", names), ("id", ids))


def _jobs_query(args: Args) -> str:
    query = _JOBS + _filters(
        ("properties.dataSourceType", _arm_type(args.datasource_type)),
        ("resourceGroup", args.resource_groups),
        ("vaultName", args.vaults),
        ("operation", args.operation),
        ("status", args.status),
        ("datasourceId", args.datasource_id),
    )
    if args.start_time:
        query += f"| where properties.startTime > {_literal(args.start_time)}"
    if args.end_time:
        query += f"| where properties.endTime <= {_literal(args.end_time)}"
    return query


def _literal(time: datetime) -> str:
    """A whole second as az writes it, without a fraction."""
    return literal(time).replace(".0000000", "")


def _filters(*wanted: tuple[str, Iterable[str] | None]) -> str:
    return "".join(f" | where {column} in~ ({literals(values)})" for column, values in wanted if values)


def _arm_type(name: str | None) -> list[str]:
    return [datasources.manifest(name).datasource_type] if name else []


def _list_instances(args: Args) -> Plan:
    query = instances_query(
        type_=args.datasource_type,
        groups=args.resource_groups,
        vaults=args.vaults,
        states=args.protection_status,
        datasource_ids=args.datasource_id,
        ids=args.backup_instance_id,
        names=args.backup_instance_name,
    )
    return (yield from _listed(args, query))


def _list_jobs(args: Args) -> Plan:
    yield from told_of_times(args)
    return (yield from _listed(args, _jobs_query(args)))


def _list_vaults(args: Args) -> Plan:
    query = vaults_query(groups=args.resource_groups, names=args.vaults, ids=args.vault_id)
    return (yield from _listed(args, query))


def _listed(args: Args, query: str) -> Plan:
    scope = yield from _scope(args)
    found = yield from rows(f"{query}{_ORDER}", scope)
    asked = f"subscription {scope[0]}" if len(scope) == 1 else f"{len(scope):,} subscriptions"
    yield Say(f"asked {asked}: {len(found):,} row{'' if len(found) == 1 else 's'}")
    return found


def _scope(args: Args) -> Generator[Step, Any, list[str]]:
    """The ids of ``--subscriptions``, each once; else the subscription of every other command."""
    given: Sequence[str] = args.subscriptions or []
    if not given:
        return [args.subscription]
    if all(_GUID.fullmatch(one) for one in given):
        return list(dict.fromkeys(given))
    seen = yield from items(Request("GET", "/subscriptions", api_version="2022-12-01", every_page=True))
    by_name: dict[str, list[str]] = {}  # a name need not be one subscription's own: all of it are asked
    for one in seen:
        by_name.setdefault(str(one.get("displayName") or "").lower(), []).append(str(one["subscriptionId"]))
    named = {one: [one] if _GUID.fullmatch(one) else by_name.get(one.lower(), []) for one in given}
    for unknown in (one for one, ids in named.items() if not one.strip() or not ids):
        names = [str(one["displayName"]) for one in seen if one.get("displayName")]
        raise InvalidArgument(
            f"no subscription is called {unknown!r}",
            did_you_mean(unknown, names, f"you can see: {', '.join(sorted(names)) or 'none'}"),
        )
    return list(dict.fromkeys(one for ids in named.values() for one in ids))


def _any_of(name: str, help: str, kind: Kind = "texts", **more: Any) -> Option:
    return Option((name,), help, kind, **more)


_TYPE = replace(DATASOURCE_TYPE, help="Only of this type.", required=False)
_GROUPS = _any_of("--resource-groups", "Only in these resource groups.", live="group")
_SUBSCRIPTIONS = _any_of(
    "--subscriptions", "Ids or names of the subscriptions to ask, in place of the current one.", live="subscription"
)
_VAULT_NAMES = _any_of("--vaults", "Only of vaults with these names.", live="vault")
_DATASOURCES = _any_of("--datasource-id", "Only of the datasources with these ids.", "ids")
_DETAILS = (
    "All rows are read, however many there are. Resource Graph leaves out what you cannot read without a word, and "
    "lags a little behind. "
)

COMMANDS = (
    Command(
        "backup-instance list-from-resourcegraph",
        "List backup instances of one or more subscriptions.",
        _list_instances,
        (
            _TYPE,
            _GROUPS,
            _VAULT_NAMES,
            _any_of(
                "--protection-status", "Only in these states.", choices=("ProtectionConfigured", "ProtectionError")
            ),
            _DATASOURCES,
            _any_of("--backup-instance-id", "Only those with these ids.", "ids"),
            _any_of("--backup-instance-name", "Only those with these names.", live="instance"),
            _SUBSCRIPTIONS,
        ),
        details=_DETAILS,
        examples=(
            "backup-instance list-from-resourcegraph --datasource-type AzureDisk",
            "backup-instance list-from-resourcegraph --vaults TestBkpVault --protection-status ProtectionError",
        ),
        permission="Microsoft.DataProtection/backupVaults/backupInstances/read",
    ),
    Command(
        "backup-vault list-from-resourcegraph",
        "List Backup vaults of one or more subscriptions.",
        _list_vaults,
        (
            _GROUPS,
            _any_of("--vaults", "Only those with these names.", live="vault"),
            _any_of("--vault-id", "Only those with these ids.", "ids"),
            _SUBSCRIPTIONS,
        ),
        details=_DETAILS,
        examples=("backup-vault list-from-resourcegraph --resource-groups testBkpVaultRG",),
        permission="Microsoft.DataProtection/backupVaults/read",
    ),
    Command(
        "job list-from-resourcegraph",
        "List jobs of the vaults of one or more subscriptions.",
        _list_jobs,
        (
            _TYPE,
            _GROUPS,
            _VAULT_NAMES,
            _any_of(
                "--operation",
                "Only these operations.",
                choices=("OnDemandBackup", "ScheduledBackup", "Restore"),
            ),
            _any_of("--status", "Only in these states.", choices=("InProgress", "Completed", "Failed")),
            _DATASOURCES,
            Option(("--start-time",), "Only those that began after this time (UTC).", "time"),
            Option(("--end-time",), "Only those that had ended by this time (UTC).", "time"),
            _SUBSCRIPTIONS,
        ),
        details=f"{_DETAILS}It knows the jobs of the last 14 days, and a little more at times.",
        examples=(
            "job list-from-resourcegraph --datasource-type AzureDisk --status Failed",
            "job list-from-resourcegraph --vaults TestBkpVault --start-time 2026-03-01T00:00:00Z",
        ),
        permission="Microsoft.DataProtection/backupVaults/backupJobs/read",
    ),
)
