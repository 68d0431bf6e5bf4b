"""What was put wrong with an estate, told precisely enough to check an analysis by: see :func:`told`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .. import times
from ..store import Document
from ..world import subscription_of
from . import documents
from .behaviours import FAILED
from .columns import POINTS, WAITING, Table
from .estate import Estate
from .things import DISK, Planted

# Defects that show in snapshots: theirs are listed.
_OF_SNAPSHOTS = ("kept", "lingering", "snapshotDeleted", "stopped")


def told(estate: Estate) -> list[Document]:
    """Each defect up to now, in the spec's order, with these members; instants are ISO 8601 in UTC.

    ``kind``, ``reason``
        what it is, and why it is there
    ``ids``
        of backup instances; or of disks, snapshots or subscriptions where the defect is theirs
    ``times``
        the starts of the jobs that it touched, the due times of those that never started, or when it happened
    ``due``
        the due times of ``runs``
    ``subscriptionIds``, ``backupInstanceIds``, ``dataSourceIds``, ``policyIds``
        what the ids are in, or are about; data sources in the casing of their own
    ``runs``
        of each run that it touched: ``backupInstanceId``, ``dataSourceId``, ``policyId`` then, ``dueTime``; and of
        those that started ``startTime``, ``endTime`` (null while it runs), ``status``, ``errorCode``, ``retentionTag``,
        ``attempt`` (1 is a retry), ``isUserTriggered`` and ``jobId``
    ``snapshots``
        of kept, lingering and snapshotDeleted, whether they still exist or not, and what stopped keeps: ``id``,
        ``backupInstanceId``, ``retentionTag``, ``timeCreated``, ``policyExpiryTime`` (when the policy of then would
        have it go), ``expiryTime`` (what its recovery point says) and ``deletedTime`` (when it goes or went; null while
        stopped protection keeps it)

    What the defect was asked to be (``code``, ``by``, ``lasts`` and so on) is beside them. Runs that a defect kept from
    starting are a defect of their own, of kind ``missed``.
    """
    ran = Table.joined(WAITING, estate.engine.witness)
    skipped = Table.joined(WAITING, estate.engine.skipped)
    skipped = skipped.take((skipped["due"] <= estate.now) & ~skipped["user"])
    found: list[Document] = []
    for defect in estate.defects:
        missing = skipped.take(skipped["cause"] == defect.cause)
        if defect.kind == "missed":
            found.append(item(estate, defect, missing, started=False))
            continue
        found.append(item(estate, defect, ran.take(ran["cause"] == defect.cause)))
        if len(missing):
            blocked = Planted("missed", [], f"because of this: {defect.reason}", [], defect.cause, {})
            found.append(item(estate, blocked, missing, started=False))
    return found


def item(estate: Estate, defect: Planted, runs: Table | None = None, *, started: bool = True) -> Document:
    """One defect with the runs that it touched, or that it kept from starting."""
    runs = Table.empty(WAITING) if runs is None else runs
    column = "start" if started else "due"
    runs = runs.take(np.lexsort((runs["instance"], runs[column])))
    touched = sorted(set(runs["instance"].tolist()))
    ids = defect.ids or [estate.instances[number].id for number in touched]
    happened = [at for at in defect.times if at <= estate.now]
    return {
        "kind": defect.kind,
        "ids": ids,
        "times": [times.full(at) for at in (happened or runs[column].tolist())],
        "due": [times.full(at) for at in runs["due"].tolist()],
        "reason": defect.reason,
        **defect.options,
        **_around(estate, ids),
        "runs": _runs(estate, runs, started),
        **({"snapshots": _snapshots(estate, defect, runs)} if defect.kind in _OF_SNAPSHOTS else {}),
    }


def _around(estate: Estate, ids: Iterable[str]) -> dict[str, list[str]]:
    """What the ids are in, or are about."""
    lower = [one.lower() for one in ids]
    instances = [estate.instances[estate.numbers[one]] for one in lower if one in estate.numbers]
    disks = [estate.disks[one].id for one in lower if one in estate.disks]
    return {
        "subscriptionIds": sorted({subscription_of(one) for one in lower}),
        "backupInstanceIds": [one.id for one in instances],
        "dataSourceIds": disks + [one.disk.id if one.disk else one.source for one in instances],
        "policyIds": list(dict.fromkeys(one.policy for one in instances)),
    }


def _runs(estate: Estate, runs: Table, started: bool) -> list[Document]:
    names = documents.Names.of(estate, runs).job if started else []
    return [_run(estate, runs, row, names[row] if started else "") for row in range(len(runs))]


def _run(estate: Estate, runs: Table, row: int, job: str) -> Document:
    one = estate.instances[int(runs["instance"][row])]
    told: Document = {
        "backupInstanceId": one.id,
        "dataSourceId": one.disk.id if one.disk else one.source,
        "policyId": documents.policy_id(estate, one, int(runs["policy"][row])),
        "dueTime": times.full(int(runs["due"][row])),
    }
    if not job:
        return told
    end = int(runs["end"][row])
    done, failed = end <= estate.now, runs["status"][row] == FAILED
    return told | {
        "startTime": times.full(int(runs["start"][row])),
        "endTime": times.full(end) if done else None,
        "status": "InProgress" if not done else "Failed" if failed else "Completed",
        "errorCode": estate.engine.codes[int(runs["fault"][row])] if done and failed else "",
        "retentionTag": estate.engine.tags.names[int(runs["tag"][row])],
        "attempt": int(runs["attempt"][row]),
        "isUserTriggered": bool(runs["user"][row]),
        "jobId": f"{one.vault}/backupJobs/{job}",
    }


def _snapshots(estate: Estate, defect: Planted, runs: Table) -> list[Document]:
    held = [estate.numbers[one.lower()] for one in defect.ids] if defect.kind == "stopped" else []
    kept = (estate.engine.points.of(number) for number in held)
    kept = (points.take(estate.engine.alive(points, "gone")) for points in kept)
    points = Table.joined(POINTS, [estate.engine.points_of(runs), *defect.points, *kept])
    policy = estate.engine.tags.expiries(points["tag"], points["created"]).tolist()
    found = []
    for row, expiry in enumerate(policy):
        one = estate.instances[int(points["instance"][row])]
        created, start = int(points["created"][row]), int(points["start"][row])
        if one.type == DISK and created <= estate.now:
            found.append(
                {
                    "id": estate.snapshot_id(one, created, start),
                    "backupInstanceId": one.id,
                    "retentionTag": estate.engine.tags.names[int(points["tag"][row])],
                    "timeCreated": times.compute(created),
                    "policyExpiryTime": times.full(expiry),
                    "expiryTime": times.full(int(points["expiry"][row])),
                    "deletedTime": None if held else times.full(int(points["gone"][row])),
                }
            )
    return found
