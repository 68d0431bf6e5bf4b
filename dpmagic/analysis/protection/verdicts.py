"""From facts to one verdict a disk: whether it counts, how far it is protected, and if it is not, why.

- *eligible*: not excluded on purpose, and of a kind that can be protected.
- *configured*: a backup instance is configured, or the backup of its machine is and takes the disk.
- *healthy*: configured, the roles are there, and the last backup that finished succeeded.
- *effective*: configured, and a recovery point that still exists is no older than the RPO.

A gap is a disk that is not effective, and one that still is while its next backup cannot work (``permission lost``).
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas
from numpy.typing import NDArray

from dpmagic.analysis.protection.eligibility import too_often

NEVER, ERROR, STOPPED, SUSPENDED = "never configured", "error", "stopped", "suspended"
DELETED, PERMISSION, STALE = "soft-deleted", "permission lost", "stale"
EXCLUDED, UNSUPPORTED, UNVERIFIABLE = "excluded from its VM's backup", "unsupported", "unverifiable"
REASONS = (NEVER, ERROR, STOPPED, SUSPENDED, DELETED, PERMISSION, STALE, EXCLUDED, UNSUPPORTED, UNVERIFIABLE)
"""The reasons of a gap, in the order in which lists and charts have them."""

_BY_STANDING = {"error": ERROR, "stopped": STOPPED, "suspended": SUSPENDED, "softDeleted": DELETED}
Marks = NDArray[np.bool_]
_SUCCEEDED = ("completed", "completedwithwarnings", "succeeded")


def judge(facts: pandas.DataFrame, now: datetime) -> pandas.DataFrame:
    """The facts with ``configured``, ``healthy``, ``effective``, ``supported``, ``eligible`` and ``reason``.

    ``reason`` is missing where a disk is no gap.  ``facts`` also have ``exclusion``, missing where a disk is not
    excluded, and ``itemRpo``, the RPO of the backup of its machine.
    """
    made = facts.copy(deep=False)
    at = pandas.Timestamp(now)
    own, machine = _own(facts), _machine(facts)
    elsewhere = machine & _true(at - facts["itemPoint"] <= facts["itemRpo"])
    made["lacks"] = _lacks(facts) & ~elsewhere
    made["fast"] = own & too_often(facts["sku"], facts["perDay"])
    made["configured"] = own | machine
    made["healthy"] = (own & _in(facts["lastStatus"].str.lower(), *_SUCCEEDED) & ~made["lacks"]) | (
        machine & _true(facts["itemHealthy"])
    )
    made["effective"] = (own & _true(at - facts["latestPoint"] <= facts["rpo"])) | elsewhere
    made["supported"] = facts["unsupported"].isna().to_numpy() | machine | made["effective"]
    made["eligible"] = made["supported"] & facts["exclusion"].isna().to_numpy(bool)
    made["reason"] = _reason(made)
    return made


def _own(facts: pandas.DataFrame) -> Marks:
    return _in(facts["standing"], "configured")


def _machine(facts: pandas.DataFrame) -> Marks:
    return _in(facts["itemStanding"], "configured") & _true(facts["itemTakes"])


def _lacks(facts: pandas.DataFrame) -> Marks:
    """Whether the instance wants to back up and a role that it needs is gone."""
    return _in(facts["standing"], "configured", "error") & (
        _true(facts["lacksReader"]) | _true(facts["lacksContributor"])
    )


def _reason(made: pandas.DataFrame) -> pandas.Series:
    """Why a disk is a gap.  The first that holds, from the surest to what is left when nothing is seen."""
    ways = (
        (made["effective"] & ~made["lacks"], None),
        (~made["supported"], UNSUPPORTED),
        (made["lacks"], PERMISSION),
        (made["fast"], UNSUPPORTED),
        (made["configured"] & _unknown_age(made), UNVERIFIABLE),
        (made["configured"], STALE),
        *((_in(made["standing"], name), reason) for name, reason in _BY_STANDING.items()),
        (_in(made["standing"], "unknown"), UNVERIFIABLE),
        (_in(made["standing"], "pending"), NEVER),
        (made["deletedName"].notna(), DELETED),
        (made["itemStanding"].notna() & made["itemTakes"].isna(), UNVERIFIABLE),
        (made["itemTakes"].eq(False).fillna(False), EXCLUDED),
        *((_in(made["itemStanding"], name), reason) for name, reason in _BY_STANDING.items()),
        (made["itemStanding"].notna() | made["seenBackup"].notna(), UNVERIFIABLE),
    )
    conditions = [np.asarray(condition, bool) for condition, _ in ways]
    # An object array: numpy's text has no missing value.
    chosen = np.select(conditions, [np.array(reason, object) for _, reason in ways], np.array(NEVER, object))
    return pandas.Series(chosen, made.index, "str")


def _unknown_age(made: pandas.DataFrame) -> Marks:
    """Whether there is a point, and no RPO to compare its age with."""
    return _true(made["latestPoint"].notna() & made["rpo"].isna()) & ~_machine(made)


def _in(column: pandas.Series, *values: str) -> Marks:
    return _true(column.isin(values))


def _true(column: pandas.Series) -> Marks:
    """Where a column is true; what is missing is not."""
    marks: Marks = column.fillna(False).to_numpy(bool)
    return marks
