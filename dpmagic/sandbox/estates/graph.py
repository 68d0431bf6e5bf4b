"""An estate's rows of Resource Graph as typed columns: jobs, instances, disks and snapshots.

Ids are put together by the query engine from what repeats (the vault's, in a dictionary) and what does not (a guid), so
that millions of jobs take a few dozen bytes each. Expressions are DuckDB's; members come in the recorded order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from .. import arrow
from ..kql.typed import TypedRows
from ..times import SECOND
from ..world import group_id, name_of
from . import documents, failures
from .behaviours import FAILED
from .columns import POINTS, RUNS, Table
from .estate import TENANT, Estate
from .graph_columns import EPOCH, Facts, Numbers, dictionary, guids, instants, rank
from .things import CLUSTERS, DISK

_TENANT = f"'{TENANT}'"
Hidden = frozenset[tuple[str, str]]


def jobs(estate: Estate) -> TypedRows:
    """The jobs that started in the last 14 days."""
    import pyarrow as pa

    engine, now = estate.engine, estate.now
    runs = Table.joined(
        RUNS,
        (
            piece.take((piece["start"] > documents.recent(now)) & (piece["start"] <= now))
            for piece in engine.jobs.pieces()
        ),
    )
    done = runs["end"] <= now
    status = np.where(done, np.where(runs["status"] == FAILED, 2, 1), 0)
    keys = engine.fleet["key"][runs["instance"]]
    names = documents.guid_bits(estate, keys, runs["start"], "job")
    vaults = rank([one.vault + "/" for one in estate.instances])[runs["instance"]]
    order = np.lexsort((names[1], names[0], vaults))
    runs, keys, done, status = runs.take(order), keys[order], done[order], status[order]
    changed = np.where(done, runs["end"], runs["start"]) + SECOND // 4 + runs["start"] % (SECOND // 4)
    table = pa.table(
        {
            "job": guids((names[0][order], names[1][order])),
            "activity": guids(documents.guid_bits(estate, keys, runs["start"], "activity")),
            "point": guids(documents.guid_bits(estate, keys, runs["start"], "point")),
            **Facts(estate, runs["instance"]).columns(),
            "policyId": _policies(estate, runs),
            "status": dictionary(status, ["InProgress", "Completed", "Failed"]),
            "tag": dictionary(runs["tag"], engine.tags.names or [""]),
            "failure": dictionary(np.where(status == 2, runs["fault"], 0), _failures(estate)),
            "start": instants(runs["start"]),
            "end": instants(np.where(done, runs["end"], EPOCH), done),
            "changed": instants(changed),
            "ticks": arrow.numbers(np.where(done, runs["end"] - runs["start"], 0)),
            "user": arrow.numbers(runs["user"]),
            "done": arrow.numbers(done),
        }
    )
    return TypedRows(table, _JOB_COLUMNS, _JOB)


_JOB_COLUMNS = {
    "id": "vault || '/backupJobs/' || job",
    "name": "job",
    "type": "'microsoft.dataprotection/backupvaults/backupjobs'",
    "tenantId": _TENANT,
    "resourceGroup": "vaultGroup",
    "subscriptionId": "vaultSubscription",
}
_SPAN = (
    "CASE WHEN ticks >= 864000000000 THEN (ticks // 864000000000) || '.' ELSE '' END"
    " || printf('%02d:%02d:%02d', (ticks // 36000000000) % 24, (ticks // 600000000) % 60, (ticks // 10000000) % 60)"
    " || CASE WHEN ticks % 10000000 > 0 THEN printf('.%07d', ticks % 10000000) ELSE '' END"
)
_TARGET = "json_object('recoveryPointID', replace(point, '-', ''), 'recoveryPointTime', '0001-01-01T00:00:00.0000000Z')"
_TASK = (
    "json_array(json_object('taskId', 1, 'taskName', 'Trigger Backup', 'taskStatus', status, 'taskProgress', NULL,"
    " 'additionalDetails', CASE WHEN done THEN json_object('OriginalDatasourceSizeInBytes',"
    " CASE WHEN status = 'Completed' THEN CAST(bytes AS VARCHAR) ELSE '0' END, 'TaskId', activity,"
    " 'DatasourceType', dataSourceType) END))"
)
_NOTHING = "CAST(NULL AS VARCHAR)"
_DESTINATION = f"CASE WHEN done AND dataSourceType = '{DISK}' THEN 'OperationalTierStore' END"
_ETAG = (
    "'W/\"datetime''' || replace(rtrim(rtrim("
    "left(strftime(changed, '%Y-%m-%dT%H:%M:%S.%n'), 27), '0'), '.'), ':', '%3A')"
    " || 'Z''\"'"
)
_JOB = {
    "$.activityID": "activity",
    "$.subscriptionId": "vaultSubscription",
    "$.backupInstanceId": "instanceId",
    "$.policyId": "policyId",
    "$.dataSourceId": "source",
    "$.vaultName": "vaultName",
    "$.backupInstanceFriendlyName": "sourceName",
    "$.policyName": "regexp_extract(policyId, '[^/]*$')",
    "$.sourceResourceGroup": "sourceGroup",
    "$.dataSourceSetName": f"CASE WHEN dataSourceType = '{CLUSTERS}' THEN sourceName END",
    "$.dataSourceName": "sourceName",
    "$.sourceDataStoreName": _NOTHING,
    "$.sourceDataStoreType": _NOTHING,
    "$.destinationDataStoreName": _DESTINATION,
    "$.progressEnabled": "false",
    "$.etag": _ETAG,
    "$.sourceSubscriptionID": "sourceSubscription",
    "$.dataSourceLocation": "location",
    "$.startTime": "start",
    "$.endTime": '"end"',
    "$.dataSourceType": "dataSourceType",
    "$.operationCategory": "'Backup'",
    "$.operation": "'Backup'",
    "$.status": "status",
    "$.restoreType": _NOTHING,
    "$.isUserTriggered": '"user"',
    "$.rehydrationPriority": _NOTHING,
    "$.supportedActions": "CASE WHEN \"user\" THEN CAST('[\"\"]' AS JSON) ELSE CAST('[]' AS JSON) END",
    "$.duration": _SPAN,
    "$.progressUrl": _NOTHING,
    "$.isCrossRegionRestore": _NOTHING,
    "$.errorDetails": "CAST(failure AS JSON)",
    "$.extendedInfo.backupInstanceState": _NOTHING,
    "$.extendedInfo.dataTransferredInBytes": _NOTHING,
    "$.extendedInfo.targetRecoverPoint": f"CASE WHEN status = 'Completed' THEN {_TARGET} END",
    "$.extendedInfo.sourceRecoverPoint": _NOTHING,
    "$.extendedInfo.recoveryDestination": _NOTHING,
    "$.extendedInfo.subTasks": _TASK,
    "$.extendedInfo.additionalDetails.RetentionTag": "tag",
}


def snapshots(estate: Estate, hidden: Hidden) -> TypedRows:
    """The snapshots of recovery points, but for those that were put or dropped."""
    import pyarrow as pa

    engine, now = estate.engine, estate.now
    disks = np.array([one.type == DISK for one in estate.instances], bool)
    points = Table.joined(
        POINTS,
        (
            piece.take((piece["created"] <= now) & engine.alive(piece, "gone") & disks[piece["instance"]])
            for piece in engine.points.pieces()
        ),
    )
    points = points.take(shown(estate, points, hidden))
    owners = estate.guids("snapshots")
    groups = rank([one.snapshots + "/" for one in estate.instances])[points["instance"]]
    points = points.take(np.lexsort((points["created"], rank(owners)[points["instance"]], groups)))
    facts = Facts(estate, points["instance"])
    table = pa.table(
        {
            **facts.columns(),
            "owner": dictionary(points["instance"], owners),
            "asked": instants(asked(points)),
            "created": instants(points["created"]),
            "unique": _uniques(estate, points),
            "own": guids(
                documents.guid_bits(estate, engine.fleet["key"][points["instance"]], points["start"], "snapshot")
            ),
        }
    )
    columns = {
        "id": SNAPSHOT_ID,
        "name": _SNAPSHOT_NAME,
        "type": "'microsoft.compute/snapshots'",
        "tenantId": _TENANT,
        "location": "location",
        "resourceGroup": "lower(regexp_extract(snapshotGroup, '[^/]*$'))",
        "subscriptionId": "sourceSubscription",
        "sku": """CAST('{"name":"Standard_ZRS","tier":"Standard"}' AS JSON)""",
        "tags": "json_object('CreatedBy', 'AzureBackup', 'BackupVaultName', vaultName)",
    }
    return TypedRows(table, columns, _SNAPSHOT)


_SNAPSHOT_NAME = (
    "('AzureBackup_' || owner || '_' || replace(left(strftime(asked, '%Y-%m-%dT%H:%M:%S.%n'), 27), ':', '-'))"
)
SNAPSHOT_ID = f"snapshotGroup || '/providers/Microsoft.Compute/snapshots/' || {_SNAPSHOT_NAME}"
_CREATED = "left(strftime(created, '%Y-%m-%dT%H:%M:%S.%n'), 27) || '+00:00'"
_SNAPSHOT = {
    "$.creationData.createOption": "'Copy'",
    "$.creationData.sourceResourceId": "diskId",
    "$.creationData.sourceUniqueId": '"unique"',
    "$.diskSizeGB": "bytes // 1073741824",
    "$.encryption.type": "'EncryptionAtRestWithPlatformKey'",
    "$.incremental": "true",
    "$.incrementalSnapshotFamilyId": '"unique"',
    "$.networkAccessPolicy": "'AllowAll'",
    "$.publicNetworkAccess": "'Enabled'",
    "$.timeCreated": _CREATED,
    "$.provisioningState": "'Succeeded'",
    "$.diskState": "'Unattached'",
    "$.diskSizeBytes": "bytes",
    "$.uniqueId": "own",
    "$.completionPercent": "100.0::DOUBLE",
}


def asked(points: Table) -> Numbers:
    """When the snapshots of points were asked for, which their names say."""
    moments: Numbers = points["created"] - 20 * SECOND - points["start"] % (17 * SECOND)
    return moments


def _policies(estate: Estate, runs: Table) -> Any:
    """The id of the policy that each run followed."""
    pairs, codes = np.unique(runs["instance"].astype(np.int64) << 24 | runs["policy"], return_inverse=True)
    ids = [documents.policy_id(estate, estate.instances[pair >> 24], pair & 0xFFFFFF) for pair in pairs.tolist()]
    known: dict[str, int] = {}
    coded = np.array([known.setdefault(one, len(known)) for one in ids], np.int32)
    return dictionary(coded[codes] if len(ids) else np.empty(0, np.int32), list(known))


def _failures(estate: Estate) -> list[str | None]:
    return [orjson.dumps(failures.details(code)).decode() if code else None for code in estate.engine.codes]


def _uniques(estate: Estate, points: Table) -> Any:
    """The ``uniqueId`` of the disk that each point is of."""
    pairs, codes = np.unique(points["instance"].astype(np.int64) << 8 | points["life"], return_inverse=True)
    made = []
    for pair in pairs.tolist():
        one = estate.instances[pair >> 8]
        made.append(documents.unique_id(estate, one.disk.id if one.disk else one.source, pair & 0xFF))
    return dictionary(codes, made)


def shown(estate: Estate, points: Table, hidden: Hidden) -> NDArray[np.bool_]:
    """Which points' snapshots were neither put nor dropped by requests."""
    shown = np.ones(len(points), bool)
    owners = {name.split("_")[1] for _, name in hidden if name.startswith("azurebackup_")}
    for number, owner in enumerate(estate.guids("snapshots") if owners else ()):
        if owner in owners:
            one = estate.instances[number]
            for row in np.flatnonzero(points["instance"] == number).tolist():
                created, start = int(points["created"][row]), int(points["start"][row])
                arm_id = estate.snapshot_id(one, created, start).lower()
                shown[row] = (group_id(arm_id), name_of(arm_id)) not in hidden
    return shown
