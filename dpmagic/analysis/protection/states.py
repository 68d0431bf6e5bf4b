"""What the states of backup instances, and of the items of Recovery Services vaults, mean for a disk."""

from __future__ import annotations

from typing import Literal

import pandas

Standing = Literal["configured", "error", "stopped", "suspended", "softDeleted", "pending", "unknown"]

_STANDINGS: dict[str, Standing] = {
    "protectionconfigured": "configured",
    "updatingprotection": "configured",
    "retentionschedulessuspended": "configured",  # backups go on, and nothing expires
    "protected": "configured",
    "irpending": "configured",  # the first backup of a machine is still to come
    "protectionerror": "error",
    "configuringprotectionfailed": "error",
    "invalid": "error",
    "protectionstopped": "stopped",
    "backupssuspended": "suspended",
    "backupschedulessuspended": "suspended",
    "protectionpaused": "suspended",
    "softdeleting": "softDeleted",
    "softdeleted": "softDeleted",
    "configuringprotection": "pending",
    "notprotected": "pending",
}
#: No backup is due any more, as somebody wanted it.
ENDED = ("stopped", "suspended")
# Of several instances of one disk, the one that counts: the most protected first.
_ORDER = ("configured", "error", "suspended", "stopped", "pending", "unknown", "softDeleted")


def standing(states: pandas.Series) -> pandas.Series:
    """What each state means; ``unknown`` for a state that is new to us, missing where there is none."""
    known = states.str.lower().map(_STANDINGS)
    return known.where(known.notna() | states.isna(), "unknown").astype("str")


def rank(standings: pandas.Series) -> pandas.Series:
    """The place of each in the order in which they count, 0 first."""
    return standings.map({name: place for place, name in enumerate(_ORDER)})
