"""Whether every point is kept for as long as a rule asks."""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer, whole
from dpmagic.analysis.backups.keys import key
from dpmagic.analysis.backups.naming import NAMES
from dpmagic.analysis.backups.policies import Schedules, schedule_of, schedules_of, why_not
from dpmagic.analysis.latest import checked
from dpmagic.analysis.targets import span
from dpmagic.estate.source import estate_of

COMPLIANT, TOO_SHORT, UNVERIFIABLE = "compliant", "tooShort", "unverifiable"
_NEEDS = {"instances": ["id", "policyId"], "policies": ["id", "policyRules"]}
_COLUMNS = (*NAMES, "policyName", "verdict", "minimum", "shortest", "retentionTag", "points", "evidence", "detail")


def retention_minimum(given: Any, minimum: Any = "35d", *, verify: str | None = None) -> pandas.DataFrame:
    """Whether each instance keeps every point for at least ``minimum`` (``"35d"``): one row each, the shortest first.

    ``shortest`` is the least time that its policy keeps a point, of the tag ``retentionTag``: of a retention by the
    calendar the shortest that it can be, so that a month counts 28 days; ``evidence`` is ``policy``. With
    ``verify="recoveryPoints"`` it is the least time of the ``points`` that are listed, from creation to expiry
    (``evidence`` is ``recoveryPoint``); those whose expiry is not known yet are left out. As long as the minimum to the
    second is long enough. ``verdict`` is ``compliant``, ``tooShort`` or ``unverifiable``, with the reason in
    ``detail``.

    Raises `InvalidArgument` for a minimum that is none, another ``verify``, and tables without what is needed.
    """
    checked(verify)
    least = pandas.Timedelta(span(minimum))
    listed = {"recovery_points": ["backupInstanceId", "creationTime", "expiryTime", "retentionTagName"]}
    estate = estate_of(given, "instances", needs=_NEEDS | (listed if verify else {}))
    instances = whole(estate, "instances")
    rows = instances.assign(name=instances["friendlyName"], minimum=least)
    schedules = schedules_of(estate.policies())
    found = _listed(whole(estate, "recovery_points")) if verify else _promised(instances, schedules)
    rows = rows.join(found.reindex(key(rows["id"])).set_axis(rows.index))
    rows["evidence"] = "recoveryPoint" if verify else "policy"
    verdict = pandas.Series(COMPLIANT, rows.index, "str").mask(rows["shortest"] < least, TOO_SHORT)
    rows["verdict"] = verdict.mask(rows["shortest"].isna(), UNVERIFIABLE)
    rows["detail"] = rows["detail"].fillna("no point with a known expiry is listed").where(rows["shortest"].isna())
    rows = rows.sort_values(["shortest", "id"], na_position="first", kind="stable", ignore_index=True)
    return answer(estate, rows[list(_COLUMNS)])


def _promised(instances: pandas.DataFrame, schedules: Schedules) -> pandas.DataFrame:
    """By instance, the shortest retention of its policy."""
    policies = key(instances["policyId"])
    known = {policy: _shortest(schedules, policy) for policy in policies.dropna().unique()}
    rows = [known.get(policy, (None, None, "it has no policy")) for policy in policies]
    found = pandas.DataFrame(rows, columns=["retentionTag", "shortest", "detail"], index=key(instances["id"]))
    kinds = {"retentionTag": "str", "shortest": "timedelta64[us]", "detail": "str"}
    return found[~found.index.duplicated()].astype(kinds).assign(points=pandas.array([pandas.NA] * len(found), "Int64"))


def _shortest(schedules: Schedules, policy: str) -> tuple[str | None, Any, str | None]:
    schedule = schedule_of(schedules, policy)
    if schedule is None:
        return None, None, why_not(schedules, policy)
    names = list(dict.fromkeys([schedule.default, *(way.tag for way in schedule.ways)]))
    periods = {tag: schedule.period(tag) for tag in names}
    if lost := [tag for tag, period in periods.items() if period is None]:
        return lost[0], None, f"the policy does not say how long {lost[0]} is kept"
    tag, length = min(((tag, period.length()) for tag, period in periods.items() if period), key=lambda pair: pair[1])
    return tag, pandas.Timedelta(length), None


def _listed(points: pandas.DataFrame) -> pandas.DataFrame:
    """By instance, the shortest time that a listed point is kept."""
    lasts = points["expiryTime"] - points["creationTime"].fillna(points["recoveryPointTime"])
    rows = points.assign(instance=key(points["backupInstanceId"]), shortest=lasts)
    rows = rows[lasts.notna()].sort_values("shortest", kind="stable")
    least = rows.drop_duplicates("instance").set_index("instance")
    counts = rows.groupby("instance").size().astype("Int64").reindex(least.index)
    found = pandas.DataFrame(
        {"retentionTag": least["retentionTagName"], "shortest": least["shortest"], "points": counts}
    )
    return found.assign(detail=pandas.Series(None, found.index, "str"))
