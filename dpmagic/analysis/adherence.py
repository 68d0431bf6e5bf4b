"""On how many of the days on which a backup was due there was one: Microsoft's policy adherence."""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer, history_of, jobs_of, with_runs
from dpmagic.analysis.backups.holes import told
from dpmagic.analysis.backups.keys import alike
from dpmagic.analysis.backups.naming import FROM_JOBS, NAMES, named, names_of
from dpmagic.estate.estate import Estate
from dpmagic.estate.portions import portions
from dpmagic.estate.source import estate_of

_NEEDS = {
    "jobs": ["id", "backupInstanceId", "policyId", "operationCategory", "status", "startTime", "endTime"],
    "instances": ["id", "policyId", "currentProtectionState", "oldestRecoveryPoint"],
    "policies": ["id", "policyRules"],
}
COLUMNS = (*_NEEDS["jobs"][1:], "isUserTriggered", "policyName", *FROM_JOBS)  # of a year's jobs ids take the most


def adherence(given: Any) -> pandas.DataFrame:
    """One row an instance: the UTC days of the window on which its policy was due, and those with a backup.

    Columns: the instance's names, ``due`` (days), ``met`` (of these, days on which a backup that began then succeeded,
    on demand or not, or the run that was due then succeeded later), ``adherence`` (met by due, missing where nothing
    was due), ``missed`` (the other days, a list of texts) and ``unverifiable`` (stretches of due times of which nobody
    can tell).  Weekly policies are due on one day of seven.  The worst come first.

    ``attrs["dpmagic"]`` has the sums: ``due``, ``met`` and ``adherence`` of all instance-days.
    Raises `InvalidArgument` for tables without what is needed.
    """
    estate = estate_of(given, "jobs", needs=_NEEDS)
    parts = portions(estate, COLUMNS, together=True, window=with_runs(estate).window)
    made = pandas.concat([_of_instances(part) for part in parts], ignore_index=True)
    made = made.sort_values(["adherence", "name", "id"], kind="stable", na_position="last", ignore_index=True)
    sums = {name: int(made[name].sum()) for name in ("due", "met")}
    share = sums["met"] / sums["due"] if sums["due"] else None
    columns = [*NAMES, "due", "met", "adherence", "missed", "unverifiable"]
    return answer(estate, made[columns], *told(with_runs(estate)), **sums, adherence=share)


def _of_instances(estate: Estate) -> pandas.DataFrame:
    jobs = jobs_of(estate)
    return named(_by_instance(*days_of(estate, jobs)), names_of(estate.instances(), jobs))


def days_of(estate: Estate, jobs: pandas.DataFrame) -> tuple[pandas.DataFrame, pandas.DataFrame]:
    """One row an ``instance`` and ``day`` on which its policy was due, and whether that was ``met``; and stretches of
    due times of which nobody can tell.  ``jobs`` are those of `jobs_of`."""
    found = history_of(estate)
    due = found.expected.assign(day=found.expected["due"].dt.floor("D"))[["instance", "day"]].drop_duplicates()
    done = jobs.loc[jobs["done"], ["instance", "startTime"]]
    ran = done.assign(day=done["startTime"].dt.floor("D"))[["instance", "day"]]
    repaired = found.runs.loc[found.runs["done"].astype(bool) & found.runs["due"].notna(), ["instance", "due"]]
    late = repaired.assign(day=repaired["due"].dt.floor("D"))[["instance", "day"]]
    ours = [one.assign(instance=alike(one["instance"], due["instance"])) for one in (ran, late)]
    good = pandas.concat(ours).drop_duplicates().assign(met=True)
    days = due.merge(good, on=["instance", "day"], how="left")
    days["met"] = days["met"].fillna(False).astype(bool)
    return days, found.unverifiable


def _by_instance(days: pandas.DataFrame, unverifiable: pandas.DataFrame) -> pandas.DataFrame:
    found = days.groupby("instance")["met"].agg(due="size", met="sum")
    lost = days[~days["met"]].sort_values("day")
    missed = lost["day"].dt.strftime("%Y-%m-%d").groupby(lost["instance"]).agg(list)
    unsure = unverifiable.groupby("instance").size()
    rows = found.join(missed.rename("missed")).join(unsure.rename("unverifiable"), how="outer")
    rows = rows.rename_axis("instance").reset_index()
    counts = {name: rows[name].fillna(0).astype("Int64") for name in ("due", "met", "unverifiable")}
    rows = rows.assign(**counts, missed=[days if isinstance(days, list) else [] for days in rows["missed"]])
    made: pandas.DataFrame = rows.assign(adherence=(rows["met"] / rows["due"].where(rows["due"] > 0)).astype("Float64"))
    return made
