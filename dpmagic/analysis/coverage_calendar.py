"""On which days instances were backed up: adherence from day to day."""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.analysis.adherence import days_of
from dpmagic.analysis.backups.answers import answer, jobs_of
from dpmagic.analysis.backups.naming import names_of
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.source import estate_of

_NEEDS = {
    "jobs": ["id", "backupInstanceId", "policyId", "operationCategory", "status", "startTime", "endTime"],
    "instances": ["id", "policyId", "currentProtectionState", "oldestRecoveryPoint"],
    "policies": ["id", "policyRules"],
}
GROUPS = {"vault": "vaultName", "subscription": "subscriptionId", "datasource": "dataSourceName"}
"""What it is by, and the column that says so."""


def coverage_calendar(given: Any, by: str = "vault") -> pandas.DataFrame:
    """One row a group and UTC day of the window: how many instances were ``due``, how many of them ``met`` it with a
    successful backup, and the ``share``.

    ``by`` is ``vault``, ``subscription`` (the vault's) or ``datasource``. A day is met as in `dpmagic.adherence`; days
    on which nothing of a group was due have no row, and neither have due times of which nobody can tell.
    Raises `InvalidArgument` for another ``by``, and for tables without what is needed.
    """
    if by not in GROUPS:
        there = f"there are: {', '.join(GROUPS)}"
        raise InvalidArgument(f"the calendar is not by {by!r}", f"{did_you_mean(str(by), GROUPS)} {there}".strip())
    estate = estate_of(given, "jobs", needs=_NEEDS)
    jobs = jobs_of(estate)
    days, unverifiable = days_of(estate, jobs)
    column = GROUPS[by]
    labels = names_of(estate.instances(), jobs)[column]
    days = days.assign(**{column: labels.reindex(days["instance"]).to_numpy()})
    groups = days.groupby([column, "day"], dropna=False, sort=True)["met"]
    made = pandas.DataFrame({"due": groups.size(), "met": groups.sum()}).astype("Int64").reset_index()
    made["share"] = (made["met"] / made["due"]).astype("Float64")
    stretches = len(unverifiable)
    return answer(estate, made, f"{stretches} stretches of due times cannot be verified" if stretches else "", by=by)
