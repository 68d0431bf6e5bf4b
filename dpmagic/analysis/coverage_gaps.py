"""Every disk that is not protected as it should be: why, since when, and what to do first."""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.analysis.arguments import text
from dpmagic.analysis.backups.holes import jobs_known
from dpmagic.analysis.protection.assessment import assess
from dpmagic.analysis.protection.grounds import explain
from dpmagic.analysis.protection.remedies import remedies
from dpmagic.analysis.protection.tags import tag
from dpmagic.analysis.protection.verdicts import REASONS

_COLUMNS = (
    "id", "name", "subscriptionId", "subscriptionName", "resourceGroup", "location", "sku", "diskSizeGB", "diskState",
    "vmName", "owner", "reason", "evidence", "since", "sinceIs", "until", "detail", "latestPoint", "pointEvidence",
    "rpo", "rpoSource", "effective", "vaultName", "backupInstanceId", "exclusion", "excludedBy", "excludedUntil",
    "blocker", "command",
)  # fmt: skip


def coverage_gaps(
    given: Any, *, rpo: Any = None, exclude: Any = None, owner: str = "owner", verify: str | None = None
) -> pandas.DataFrame:
    """The gaps: one row a disk that is not effective, or that will not be because its next backup cannot work.

    ``reason`` is one of `dpmagic.analysis.protection.verdicts.REASONS`, and ``detail`` what it rests on:

    - *never configured*: no instance and no backup of its machine is seen; *inferred* where a subscription could not
      be read, for its vault may be there;
    - *error*, *stopped*, *suspended*: the state of its instance, or of its machine's backup;
    - *soft-deleted*: its instance was deleted and is kept ``until`` then;
    - *permission lost*: the vault's identity lacks Disk Backup Reader at the disk or above, or Disk Snapshot
      Contributor at the snapshots' resource group or above; the disk may still be ``effective`` from earlier points;
    - *stale*: configured, and no recovery point that exists is within the RPO;
    - *excluded from its VM's backup*: the machine is backed up, and this disk's LUN left out;
    - *unsupported*: Azure Disk Backup does not take the disk, or not as often as its policy says;
    - *unverifiable*: what would show it cannot be read.

    ``evidence`` is ``observed`` where a record says so, else ``inferred``.  ``since`` is when it began (``sinceIs``
    ``at``), or an instant that it began ``after`` or ``before``: of what is off after its last scheduled run, or before
    the first that should have begun since there are jobs; times are UTC, sizes provisioned GiB.  ``exclusion``
    is why the disk is left out of `coverage` on purpose, missing where it is not.  ``blocker`` stands in the way, and
    ``command`` is the first ``az dataprotection`` command towards a remedy, missing where there is none.

    ``rpo`` is one for all (``"24h"``), else each instance's own; ``exclude`` what to leave out (see `exclusions`);
    ``owner`` the tag that names whom to ask; ``verify="recoveryPoints"`` reads every recovery point.
    Raises `InvalidArgument` for tables without what is needed.
    """
    text(owner, "the tag of owners", "owner")
    found = assess(given, rpo=rpo, exclude=exclude, verify=verify)
    gaps = found.disks[found.disks["reason"].notna()]
    known = jobs_known(found.estate, found.tables["jobs"])
    gaps = gaps.join(explain(gaps, known, found.complete)).join(remedies(gaps, found.tables))
    made = gaps.rename(columns={"instanceId": "backupInstanceId"}).assign(
        owner=tag(gaps["tags"], owner), until=gaps["scheduledPurgeTime"].where(gaps["reason"].eq("soft-deleted"))
    )
    order = made["reason"].map({reason: place for place, reason in enumerate(REASONS)})
    ranked = made.assign(left=made["exclusion"].notna(), order=order, size=-made["diskSizeGB"].fillna(0))
    ranked = ranked.sort_values(["left", "order", "size", "key"], kind="stable")
    return found.told(ranked[list(_COLUMNS)].reset_index(drop=True))
