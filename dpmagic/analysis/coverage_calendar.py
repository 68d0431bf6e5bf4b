"""On which days instances were backed up: adherence from day to day."""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.analysis.adherence import COLUMNS, days_of
from dpmagic.analysis.backups.answers import answer, jobs_of, with_runs
from dpmagic.analysis.backups.holes import told
from dpmagic.analysis.backups.naming import names_of
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.estate import Estate
from dpmagic.estate.portions import portions
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
    if by not in [*GROUPS]:  # not in the dict: what has no hash is no group either
        there = f"there are: {', '.join(GROUPS)}"
        raise InvalidArgument(f"the calendar is not by {by!r}", f"{did_you_mean(str(by), GROUPS)} {there}".strip())
    estate = estate_of(given, "jobs", needs=_NEEDS)
    column = GROUPS[by]
    parts = portions(estate, COLUMNS, together=True, category="backup", window=with_runs(estate).window)
    each = [_counted(part, column) for part in parts]
    groups = pandas.concat([days for days, _ in each]).groupby([column, "day"], dropna=False, sort=True)
    made = groups[["due", "met"]].sum().astype("Int64").reset_index()
    made["share"] = (made["met"] / made["due"]).astype("Float64")
    stretches = sum(count for _, count in each)
    unsure = f"{stretches} stretches of due times cannot be verified" if stretches else ""
    return answer(estate, made, unsure, *told(with_runs(estate)), by=by)


def _counted(estate: Estate, column: str) -> tuple[pandas.DataFrame, int]:
    """By group and day how many instances were due and met it; and how many stretches nobody can tell of."""
    jobs = jobs_of(estate)
    days, unverifiable = days_of(estate, jobs)
    labels = names_of(estate.instances(), jobs)[column]
    days = days.assign(**{column: labels.reindex(days["instance"]).to_numpy()})
    groups = days.groupby([column, "day"], dropna=False, sort=True)["met"]
    return pandas.DataFrame({"due": groups.size(), "met": groups.sum()}).reset_index(), len(unverifiable)
