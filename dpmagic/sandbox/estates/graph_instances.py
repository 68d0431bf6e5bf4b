"""An estate's backup instances and disks as typed columns of Resource Graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import orjson

from .. import arrow, compute, graph_rows, times
from ..instances import STOPPED
from ..kql.typed import TypedRows
from ..store import Document
from ..world import World
from . import documents, failures
from .estate import TENANT, Estate
from .things import CLUSTERS, Disk

Hidden = frozenset[tuple[str, str]]

_TENANT = f"'{TENANT}'"
_GONE = ("SoftDeleted", "Purged")
_NULL = "CAST(NULL AS VARCHAR)"
_STOPPED = {
    "frequency": graph_rows.UNSET_SPAN,
    "retention": graph_rows.FOREVER,
    "warning": graph_rows.UNSET_SPAN,
}


def instances(world: World, estate: Estate, hidden: Hidden) -> TypedRows:
    """The generated instances, but for those that were put or dropped by requests."""
    shown = [
        number
        for number, one in enumerate(estate.instances[: estate.generated])
        if one.state not in _GONE and (one.vault.lower(), one.name.lower()) not in hidden
    ]
    shown.sort(key=lambda number: estate.instances[number].id)
    found = [estate.instances[number] for number in shown]
    newest, oldest = _edges(estate)
    table = _table(
        found,
        {
            "id": lambda one: one.id,
            "vault": lambda one: one.vault,
            "state": lambda one: one.state,
            "error": lambda one: orjson.dumps(failures.details(one.error)[0]).decode() if one.error else None,
            "source": lambda one: one.source,
            "dataSourceType": lambda one: one.type,
            "location": lambda one: one.location,
            "policyId": lambda one: one.policy,
            "snapshotGroup": lambda one: one.snapshots,
        },
    )
    table = table.append_column("newest", _column(times.full(newest[number]) for number in shown))
    table = table.append_column("oldest", _column(times.full(oldest[number]) for number in shown))
    spans = _spans(world, {one.policy.lower(): one.policy for one in found}.values())
    for name, stopped in _STOPPED.items():
        said = (stopped if one.state == STOPPED else spans[one.policy.lower()][name] for one in found)
        table = table.append_column(name, _column(said))
    columns = {
        "id": "id",
        "name": _last("id"),
        "type": "'microsoft.dataprotection/backupvaults/backupinstances'",
        "tenantId": _TENANT,
        "resourceGroup": "lower(split_part(id, '/', 5))",
        "subscriptionId": "split_part(id, '/', 3)",
    }
    return TypedRows(table, columns, _INSTANCE)


def _last(column: str) -> str:
    return f"regexp_extract({column}, '[^/]*$')"


def _source(object_type: str) -> dict[str, str]:
    return {
        "resourceID": "source",
        "resourceUri": "CASE WHEN dataSourceType = 'Microsoft.Compute/disks' THEN '' ELSE source END",
        "datasourceType": "dataSourceType",
        "resourceName": _last("source"),
        "resourceType": "regexp_replace(dataSourceType, '/blobServices$', '')",
        "resourceLocation": "location",
        "objectType": f"'{object_type}'",
        "resourceProperties": _NULL,
        "baseUri": _NULL,
    }


_SET = ", ".join(f"'{name}', {sql}" for name, sql in _source("DatasourceSet").items())
_STORE = (
    "json_array(json_object('dataStoreType', 'OperationalStore', 'objectType', 'AzureOperationalStoreParameters',"
    " 'resourceGroupId', snapshotGroup))"
)
_UNSET_TIME, _UNSET_SPAN = f"'{times.full(times.UNSET)}'", f"'{graph_rows.UNSET_SPAN}'"
_ALLOWED = "CASE state {} ELSE CAST('[]' AS JSON) END".format(
    " ".join(
        f"WHEN '{state}' THEN CAST('{orjson.dumps(allowed).decode()}' AS JSON)"
        for state, allowed in graph_rows.ALLOWED.items()
    )
)
_EXTENDED = {
    "protectionStateInSecondaryRegion": "'NotProtected'",
    "protectedPrimaryRegion": "location",
    "vaultId": "vault",
    "protectedSecondaryRegion": "''",
    "dataSourceExtendedInfo.dataSourceId": _last("source"),
    "policyExtendedInfo.configuredRPGenerationFrequencyInSecondaryRegion": _UNSET_SPAN,
    "policyExtendedInfo.configuredMaximumRetentionInSecondaryRegion": _UNSET_SPAN,
    "policyExtendedInfo.rpoWarningThresholdInSecondaryRegion": _UNSET_SPAN,
    "policyExtendedInfo.rpoWarningThresholdInPrimaryRegion": "warning",
    "policyExtendedInfo.configuredRPGenerationFrequency": "frequency",
    "policyExtendedInfo.configuredMaximumRetention": "retention",
    "recoveryPointInfo.latestRecoveryPointInSecondaryRegion": _UNSET_TIME,
    "recoveryPointInfo.oldestRecoveryPointInSecondaryRegion": _UNSET_TIME,
    "recoveryPointInfo.oldestRecoveryPointInPrimaryRegion": "oldest",
    "recoveryPointInfo.latestRecoveryPointInPrimaryRegion": "newest",
    "allowedOperations": _ALLOWED,
}
_INSTANCE = {
    "$.currentProtectionState": "state",
    "$.objectType": "'BackupInstance'",
    "$.dataSourceSetInfo": f"CASE WHEN dataSourceType = '{CLUSTERS}' THEN json_object({_SET}) END",
    "$.protectionStatus.errorDetails": "CAST(error AS JSON)",
    "$.protectionStatus.status": "state",
    **{f"$.dataSourceInfo.{name}": sql for name, sql in _source("Datasource").items()},
    "$.friendlyName": _last("source"),
    "$.policyInfo.policyId": "policyId",
    "$.policyInfo.policyParameters.tags": _NULL,
    "$.policyInfo.policyParameters.backupDatasourceParametersList": _NULL,
    "$.policyInfo.policyParameters.dataStoreParametersList": _STORE,
    "$.policyInfo.policyVersion": _NULL,
    "$.datasourceAuthCredentials": _NULL,
    "$.protectionErrorDetails": "CAST(error AS JSON)",
    "$.dataSourceProperties": _NULL,
    "$.provisioningState": "'Succeeded'",
    "$.identityDetails": _NULL,
    "$.validationType": _NULL,
    "$.resourceGuardOperationRequests": _NULL,
    **{f"$.backupInstanceExtendedProperties.{name}": sql for name, sql in _EXTENDED.items()},
}


def disks(estate: Estate, hidden: Hidden) -> list[TypedRows]:
    """The generated disks, but for those that were put or dropped; apart by the members that they have."""
    found = [
        disk
        for disk in estate.disks.values()
        if not disk.gone and (disk.group.lower(), disk.name.lower()) not in hidden
    ]
    shapes = {_shape(disk): disk for disk in found}
    kept = {shape: documents.disk_document(estate, disk) for shape, disk in shapes.items()}
    parts: dict[tuple[bool, bool], list[Disk]] = {}
    for disk in sorted(found, key=lambda disk: disk.id):
        properties = kept[_shape(disk)]["properties"]
        parts.setdefault(("osType" in properties, "tier" in properties), []).append(disk)
    return [_disks(estate, part, kept) for part in parts.values()]


def _shape(disk: Disk) -> tuple[str, int, bool, bool]:
    """What disks have in common whose documents differ in names and times alone."""
    return disk.sku, disk.size, bool(disk.vm), bool(disk.vm) and disk.lun is None


def _disks(estate: Estate, found: list[Disk], kept: dict[tuple[str, int, bool, bool], Document]) -> TypedRows:
    def like(disk: Disk) -> Document:
        return kept[_shape(disk)]

    table = _table(
        found,
        {
            "id": lambda disk: disk.id,
            "location": lambda disk: disk.location,
            "managedBy": lambda disk: disk.vm,
            "created": lambda disk: times.compute(disk.created),
            "unique": lambda disk: documents.unique_id(estate, disk.id, disk.life),
            "tags": lambda disk: orjson.dumps(dict(disk.tags)).decode() if disk.tags else None,
            "sku": lambda disk: orjson.dumps(like(disk)["sku"]).decode(),
            **{name: _text(like, name) for name in ("osType", "tier")},
        },
    )
    for name in ("diskSizeGB", "diskIOPSReadWrite", "diskMBpsReadWrite"):
        table = table.append_column(name, _numbers(like(disk)["properties"][name] for disk in found))
    columns = {
        "id": "id",
        "name": _last("id"),
        "type": "'microsoft.compute/disks'",
        "tenantId": _TENANT,
        "location": "location",
        "resourceGroup": "lower(split_part(id, '/', 5))",
        "subscriptionId": "split_part(id, '/', 3)",
        "managedBy": "managedBy",
        "sku": "CAST(sku AS JSON)",
        "tags": "CAST(tags AS JSON)",
    }
    members = like(found[0])["properties"]
    return TypedRows(table, columns, {path: sql for path, sql in _DISK.items() if path.split(".")[1] in members})


_DISK = {
    "$.osType": "osType",
    "$.creationData.createOption": "'Empty'",
    "$.diskSizeGB": "diskSizeGB",
    "$.diskIOPSReadWrite": "diskIOPSReadWrite",
    "$.diskMBpsReadWrite": "diskMBpsReadWrite",
    "$.encryption.type": "'EncryptionAtRestWithPlatformKey'",
    "$.networkAccessPolicy": "'AllowAll'",
    "$.publicNetworkAccess": "'Enabled'",
    "$.timeCreated": "created",
    "$.provisioningState": "'Succeeded'",
    "$.diskState": "CASE WHEN managedBy = '' THEN 'Unattached' ELSE 'Attached' END",
    "$.diskSizeBytes": f"diskSizeGB * {compute.GIB}",
    "$.uniqueId": '"unique"',
    "$.tier": "tier",
}


def _text(like: Callable[[Disk], Document], name: str) -> Callable[[Disk], str | None]:
    return lambda disk: like(disk)["properties"].get(name)


def _edges(estate: Estate) -> tuple[list[int], list[int]]:
    """The newest and the oldest point of each instance, cut to milliseconds; the unset instant if there is none."""
    count, now = len(estate.instances), estate.now
    newest = np.full(count, times.UNSET, np.int64)
    oldest = np.full(count, np.iinfo(np.int64).max, np.int64)
    for piece in estate.engine.points.pieces():
        seen = (piece["time"] <= now) & estate.engine.alive(piece, "expiry")
        np.maximum.at(newest, piece["instance"][seen], piece["time"][seen])
        np.minimum.at(oldest, piece["instance"][seen], piece["time"][seen])
    oldest[newest == times.UNSET] = times.UNSET
    unit = times.SECOND // 1000
    return (newest - newest % unit).tolist(), (oldest - oldest % unit).tolist()


def _spans(world: World, policies: Iterable[str]) -> dict[str, dict[str, str]]:
    """What instances say of their policies, by lower-case id."""
    found = {}
    for policy in policies:
        retention, frequency = graph_rows.policy_spans(world, policy)
        found[policy.lower()] = {
            "frequency": times.timespan(frequency),
            "retention": times.timespan(retention),
            "warning": times.timespan(frequency * 3 // 2),
        }
    return found


def _table(things: Sequence[Any], columns: dict[str, Callable[[Any], str | None]]) -> Any:
    import pyarrow as pa

    return pa.table({name: _column(say(thing) for thing in things) for name, say in columns.items()})


def _column(texts: Iterable[str | None]) -> Any:
    """A column of texts, small where they repeat."""
    return arrow.texts(list(texts)).dictionary_encode()


def _numbers(values: Iterable[int]) -> Any:
    return arrow.numbers(np.fromiter(values, np.int64))
