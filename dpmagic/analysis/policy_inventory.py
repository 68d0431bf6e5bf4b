"""What policies there are, what follows each, and which cost more than what they protect asks for."""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer
from dpmagic.analysis.backups.keys import SLACK, by_key, key
from dpmagic.analysis.backups.policies import most_kept, schedule_of, schedules_of, why_not
from dpmagic.analysis.targets import rpo_targets, span
from dpmagic.estate.source import estate_of
from dpmagic.schedules import Schedule

_NEEDS = {
    "policies": ["id", "name", "vaultName", "subscriptionId", "datasourceTypes", "policyRules"],
    "instances": ["id", "policyId", "dataSourceId"],
}
_SAID = ("tag", "control", "argument")  # where an objective comes from that is not the schedule itself
_COLUMNS = (
    "id", "name", "vaultName", "subscriptionId", "datasourceTypes", "instances", "provisionedGiB", "withoutSize",
    "unused", "interval", "pointsKept", "longestRetention", "requiredRpo", "requiredRetention", "finding", "detail",
)  # fmt: skip
UNUSED, FINER, LONGER, UNREADABLE = "unused", "finer than needed", "kept longer than needed", "unreadable"


def policy_inventory(given: Any, *, rpo: Any = None, retention: Any = None) -> pandas.DataFrame:
    """One row a policy: what follows it and what it makes.

    Columns: the policy's names; ``instances`` that follow it today, with the ``provisionedGiB`` of their disks
    (``withoutSize`` are of none whose size is known; missing where all are so); ``unused``; ``interval``, the longest
    time between two due times; ``pointsKept``, how many points a disk has at the most, if every run succeeds;
    ``longestRetention`` of its rules (timedelta, the longest that its calendar months can be); ``requiredRpo`` and
    ``requiredRetention``, and a ``finding`` with its ``detail``:

    - ``unreadable``: its rules cannot be read, so nothing else is said;
    - ``unused``: nothing follows it;
    - ``finer than needed``: with half as many runs every instance would still meet its objective: ``rpo`` (a span, or
      a mapping as `rpo_targets` takes), or the disks' tag ``rpo``; never told from the schedule alone;
    - ``kept longer than needed``: its longest retention is more than ``retention`` (a span).

    Raises `InvalidArgument` for a span that is none and for tables without what is needed.
    """
    estate = estate_of(given, "policies", needs=_NEEDS)
    policies = estate.policies().reset_index(drop=True)
    schedules = schedules_of(policies)
    found = policies.assign(key=key(policies["id"]))
    found = found.join(_followers(estate), on="key")
    counts = {name: found[name].fillna(0).astype("Int64") for name in ("instances", "withoutSize")}
    sizes = found["provisionedGiB"].astype("Int64").mask(counts["instances"] == 0, 0)
    found = found.assign(
        **counts, provisionedGiB=sizes, requiredRpo=found["key"].map(_objectives(estate, rpo)).astype("timedelta64[us]")
    )
    most = None if retention is None else pandas.Timedelta(span(retention))
    facts = pandas.DataFrame(
        [_facts(schedule_of(schedules, one)) for one in found["key"]], columns=["interval", "longestRetention"]
    )
    times = {name: facts[name].astype("timedelta64[us]") for name in ("interval", "longestRetention")}
    found = found.assign(
        **times, pointsKept=found["key"].map(most_kept(estate)).astype("Int64"), unused=found["instances"] == 0
    )
    found["requiredRetention"] = pandas.Series(most, found.index, "timedelta64[us]")
    rows: Any = found.to_dict("records")
    told = [_finding(row, why_not(schedules, row["key"])) for row in rows]
    found[["finding", "detail"]] = pandas.DataFrame(told, index=found.index, columns=["finding", "detail"], dtype="str")
    found = found.sort_values(["vaultName", "name", "id"], kind="stable", ignore_index=True)
    return answer(estate, found[list(_COLUMNS)])


def _followers(estate: Any) -> pandas.DataFrame:
    """By policy: how many instances follow it, and the provisioned size of their disks."""
    instances = estate.instances()
    rows = pandas.DataFrame({"policy": key(instances["policyId"]), "size": pandas.NA})
    if estate.has("disks"):
        disks = estate.disks()
        sizes = disks["diskSizeGB"].set_axis(key(disks["id"]))
        rows["size"] = by_key(sizes[~sizes.index.duplicated()], instances["dataSourceId"]).astype("Int64")
    rows["none"] = rows["size"].isna()
    grouped = rows.groupby("policy")
    return pandas.DataFrame(
        {
            "instances": grouped.size(),
            "provisionedGiB": rows["size"].astype("Int64").groupby(rows["policy"]).sum(min_count=1),
            "withoutSize": grouped["none"].sum(),
        }
    )


def _objectives(estate: Any, rpo: Any) -> dict[str, pandas.Timedelta]:
    """By policy, the strictest objective of its instances, where each has one that somebody said."""
    if not (estate.has("jobs") and estate.has("disks")):
        return {}
    instances, targets = estate.instances(), rpo_targets(estate, rpo)
    rows = pandas.DataFrame(
        {
            "policy": key(instances["policyId"]).to_numpy(),
            "rpo": targets["rpo"].where(targets["rpoSource"].isin(_SAID)).to_numpy(),
        }
    )
    said = rows.groupby("policy")["rpo"].agg(["min", "count", "size"])
    return dict(said.loc[said["count"] == said["size"], "min"])


def _facts(schedule: Schedule | None) -> tuple[Any, Any]:
    if schedule is None:
        return None, None
    lengths = [period.length(longest=True) for period in schedule.retentions.values()]
    return schedule.gap(), max(lengths, default=None)


def _finding(row: dict[str, Any], unreadable: str) -> tuple[str | None, str | None]:
    if unreadable:
        return UNREADABLE, unreadable
    if row["unused"]:
        return UNUSED, "no instance follows it"
    rpo, interval = row["requiredRpo"], row["interval"]
    if not pandas.isna(rpo) and not pandas.isna(interval) and 2 * interval + SLACK <= rpo:
        return FINER, f"runs at most {_hours(interval)} apart, and {_hours(rpo)} will do"
    kept, most = row["longestRetention"], row["requiredRetention"]
    if not pandas.isna(most) and not pandas.isna(kept) and kept > most:
        return LONGER, f"keeps points for {kept.days} days, and {most.days} will do"
    return None, None


def _hours(length: Any) -> str:
    return f"{length / pandas.Timedelta(hours=1):g} h"
