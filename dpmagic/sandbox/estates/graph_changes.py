"""What backups did to snapshots, as typed columns of ``resourcechanges``: two rows at most for each recovery point."""

from __future__ import annotations

import numpy as np

from .. import resourcegraph_changes as changes
from ..kql.typed import TypedRows
from .columns import POINTS, Table
from .estate import TENANT, Estate
from .graph import SNAPSHOT_ID, Hidden, asked, shown
from .graph_columns import Facts, dictionary, instants, rank
from .things import DISK

_KIND = "microsoft.compute/snapshots"
_DIGEST = f"md5({SNAPSHOT_ID} || how)"
#: A guid made of the change; creations come before deletions.  One digest, for a question may compare each row's id.
_NAME = (
    f"(lower(left(how, 1)) || regexp_replace({_DIGEST}, "
    r"'^.(.{7})(.{4}).(.{3}).(.{3})(.{12})$', '\1-\2-5\3-8\4-\5'))"
)
_CORRELATION = f"CAST(CAST(md5({_DIGEST}) AS UUID) AS VARCHAR)"
_COLUMNS = {
    "id": f"{SNAPSHOT_ID} || '/providers/Microsoft.Resources/changes/' || {_NAME}",
    "name": _NAME,
    "type": "'microsoft.resources/changes'",
    "tenantId": f"'{TENANT}'",
    "resourceGroup": "lower(regexp_extract(snapshotGroup, '[^/]*$'))",
    "subscriptionId": "split_part(snapshotGroup, '/', 3)",
}
_MEMBERS = {
    "$.targetResourceId": SNAPSHOT_ID,
    "$.targetResourceType": f"'{_KIND}'",
    "$.changeType": "how",
    "$.changeAttributes.timestamp": "happened",
    "$.changeAttributes.changedBy": f"'{changes.SERVICE}'",
    "$.changeAttributes.changedByType": "'Application'",
    "$.changeAttributes.clientType": f"'{changes.CLIENT}'",
    "$.changeAttributes.operation": f"CASE how WHEN 'Create' THEN '{_KIND}/write' ELSE '{_KIND}/delete' END",
    "$.changeAttributes.correlationId": _CORRELATION,
    "$.changeAttributes.changesCount": "0",
    "$.changes": "CAST('{}' AS JSON)",
}


def snapshots(estate: Estate, hidden: Hidden) -> TypedRows:
    """Snapshots that backups made in the last 14 days, and those that went when their time was up.

    What a person deleted is not among them.
    """
    import pyarrow as pa

    disks = np.array([one.type == DISK for one in estate.instances], bool)
    points = Table.joined(POINTS, (piece.take(disks[piece["instance"]]) for piece in estate.engine.points.pieces()))
    recent, now = estate.now - changes.KEPT, estate.now
    made = points.take((points["created"] >= recent) & (points["created"] <= now))
    gone = points.take((points["gone"] >= recent) & ~estate.engine.alive(points, "gone") & ~points["byHand"])
    gone = gone.take(shown(estate, gone, hidden))
    both = Table.joined(POINTS, (made, gone))
    went = np.arange(len(both)) >= len(made)
    owners = estate.guids("snapshots")
    groups = rank([one.snapshots + "/" for one in estate.instances])[both["instance"]]
    order = np.lexsort((went, both["created"], rank(owners)[both["instance"]], groups))
    both, went = both.take(order), went[order]
    table = pa.table(
        {
            "snapshotGroup": Facts(estate, both["instance"]).of(lambda one: one.snapshots),
            "owner": dictionary(both["instance"], owners),
            "asked": instants(asked(both)),
            "happened": instants(np.where(went, both["gone"], both["created"])),
            "how": dictionary(went, ["Create", "Delete"]),
        }
    )
    return TypedRows(table, _COLUMNS, _MEMBERS)
