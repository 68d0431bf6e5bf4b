"""How each member of what a control is about does: a verdict each, before exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas

from dpmagic.analysis.adherence import adherence
from dpmagic.analysis.backups.answers import restores_of, whole
from dpmagic.analysis.backups.holes import holes_in, within
from dpmagic.analysis.backups.keys import FINISHED, SUCCESS, among, is_in, key
from dpmagic.analysis.backups.policies import schedule_of, schedules_of
from dpmagic.analysis.controlling.reading import DISK, INSTANCE, Control
from dpmagic.analysis.posture import FAIL, NOT_APPLICABLE, NOT_VERIFIABLE, PASS, posture
from dpmagic.analysis.protection.assessment import assess
from dpmagic.analysis.protection.states import ENDED, standing
from dpmagic.analysis.protection.tags import tag
from dpmagic.analysis.protection.verdicts import UNVERIFIABLE
from dpmagic.analysis.restore_evidence import restore_evidence
from dpmagic.analysis.retention_minimum import retention_minimum
from dpmagic.analysis.rpo import rpo
from dpmagic.analysis.success_rate import success_rate
from dpmagic.errors import AzureError, InvalidArgument, did_you_mean
from dpmagic.estate.estate import Estate
from dpmagic.estate.source import require

_A_DAY = pandas.Timedelta(days=1)
_SAID = {
    "within": PASS, "breached": FAIL, "noPoint": FAIL, "unverifiable": NOT_VERIFIABLE, "compliant": PASS,
    "tooShort": FAIL, "tested": PASS, "not tested": FAIL, "not verifiable": NOT_VERIFIABLE,
}  # fmt: skip
_SUBSCRIPTION = "subscriptionId"
_COLUMNS = {"vault": "vaultName", "policy": "policyName", "subscription": _SUBSCRIPTION}


def members(estate: Estate, control: Control) -> pandas.DataFrame:
    """One row a member that ``where`` chooses, in order of ids: ``id``, ``name``, ``value`` as text, ``verdict``,
    ``tags``."""
    chosen = _members(estate, control)
    judged = _judged(estate, control)
    judged = judged[~judged.index.duplicated()].reindex(key(chosen["id"])).set_axis(chosen.index)
    # An analysis that has no row of a member found nothing that it could be held to.
    made = chosen[["id", "name", "tags"]].assign(
        value=judged["value"].astype("str"), verdict=judged["verdict"].fillna(NOT_APPLICABLE).astype("str")
    )
    return made.sort_values("id", kind="stable", ignore_index=True)


def unanswered(estate: Estate, control: Control) -> pandas.DataFrame:
    """As `members`, where they cannot be judged: none is verifiable.  No rows where nobody can tell who they are."""
    try:
        chosen = _members(estate, control)
    except (InvalidArgument, AzureError):
        chosen = pandas.DataFrame(columns=["id", "name", "tags"], dtype="str")
    made = chosen[["id", "name", "tags"]].assign(value=None, verdict=NOT_VERIFIABLE)
    return made.astype({"value": "str", "verdict": "str"}).sort_values("id", kind="stable", ignore_index=True)


def _members(estate: Estate, control: Control) -> pandas.DataFrame:
    there = _about(estate, control)
    named = there[["id", "name", "tags"]]
    return named[_chosen(estate, there, control.where)] if control.where else named


def _about(estate: Estate, control: Control) -> pandas.DataFrame:
    if control.about == DISK:
        return whole(estate, "disks")
    if control.about != INSTANCE:
        vaults = whole(estate, "vaults")
        return vaults.assign(vaultName=vaults["name"])
    if not estate.has("disks"):
        require(estate.source, {"disks": ["tags"]} if {"tags", "location", "sku"} & set(control.where) else {})
    return estate.once(_instances)


def _instances(estate: Estate) -> pandas.DataFrame:
    """The instances as controls choose them: with what is known of their disks."""
    instances = whole(estate, "instances").drop(columns=["tags", "location", "sku"], errors="ignore")
    instances = instances.assign(name=instances["friendlyName"].fillna(instances["name"]))
    if not estate.has("disks"):
        return instances.assign(tags=None)
    disks = whole(estate, "disks")[["id", "tags", "location", "sku"]].astype({"tags": object})
    disks = disks.set_axis(key(disks["id"])).drop(columns="id")
    found = disks[~disks.index.duplicated()].reindex(key(instances["dataSourceId"])).set_axis(instances.index)
    return instances.join(found)


def _chosen(estate: Estate, there: pandas.DataFrame, where: Mapping[str, Any]) -> pandas.Series:
    marks = pandas.Series(True, there.index)
    for _, has, wanted in _asked(there, where):
        if has.name == _SUBSCRIPTION:
            wanted = subscriptions(estate, wanted)
        marks &= has.str.lower().isin(wanted)
    return marks


def _asked(there: pandas.DataFrame, where: Mapping[str, Any]) -> Iterator[tuple[str, pandas.Series, list[str]]]:
    """What ``where`` chooses by: its name, what each has of it, and the values that are wanted, in lower case."""
    for name, wanted in where.items():
        if name == "tags":
            yield from ((f"tag {label}", tag(there["tags"], str(label)), values(one)) for label, one in wanted.items())
        else:
            yield name, there[_COLUMNS.get(name, name)], values(wanted)


def nobodys(estate: Estate, control: Control) -> Iterator[str]:
    """A note of each value that ``where`` names and nobody has: it may be misspelt."""
    for name, has, wanted in _asked(_about(estate, control), control.where) if control.where else ():
        known = {str(one).lower() for one in has.dropna().unique()}
        for one in wanted:
            if not known.intersection(subscriptions(estate, [one]) if has.name == _SUBSCRIPTION else [one]):
                there: Iterable[str] = (
                    whole(estate, "subscriptions")["name"].dropna() if estate.has("subscriptions") else ()
                )
                hint = did_you_mean(one, there if has.name == _SUBSCRIPTION else known, "")
                yield f"no {control.about} is of {name} {one}{hint and '; '}{hint}"


def values(wanted: Any) -> list[str]:
    """One value or a list of them, as they are compared."""
    return [str(one).lower() for one in (wanted if isinstance(wanted, list | tuple) else [wanted])]


def subscriptions(estate: Estate, wanted: list[str]) -> list[str]:
    """The ids of subscriptions that are named by id or name, in lower case; a name that nobody knows stays."""
    if not estate.has("subscriptions"):
        return wanted
    rows = whole(estate, "subscriptions")
    ids, names = rows["subscriptionId"].str.lower(), rows["name"].str.lower()
    return [*wanted, *ids[names.isin(wanted)].dropna()]


def _judged(estate: Estate, control: Control) -> pandas.DataFrame:
    """By id in lower case: ``value`` and ``verdict``."""
    kind, limit = control.kind, control.limit
    if kind in ("adherence", "successRate"):
        return _shares(estate.over(control.over) if control.over else estate, control)
    if kind == "frequency":
        return _frequencies(estate, limit)
    if kind == "restoreTime":
        return _restores(estate.over(control.over) if control.over else estate, limit)
    if kind == "coverage":
        return _covered(estate, control.state)
    if kind == "posture":
        rows = posture(estate, control.baseline)
        return _rows(rows["id"], rows["value"], rows["verdict"])
    if kind == "rpo":
        rows = rpo(estate, limit)
        return _rows(rows["id"], rows["age"], rows["status"].map(_SAID))
    if kind == "retention":
        rows = retention_minimum(estate, limit)
        return _rows(rows["id"], rows["shortest"], rows["verdict"].map(_SAID))
    rows = restore_evidence(estate, limit)
    return _rows(rows["id"], rows["lastRestore"], rows["verdict"].map(_SAID))


def _rows(ids: pandas.Series, found: pandas.Series, verdict: pandas.Series) -> pandas.DataFrame:
    texts = found.map(_said, na_action="ignore").astype("str")
    return pandas.DataFrame({"value": texts, "verdict": verdict}).set_axis(key(ids))


def _said(value: Any) -> str:
    """A value as people read it.

    >>> _said(pandas.Timedelta("30D")), _said(pandas.Timedelta("58h3m7s")), _said(0.98765), _said("On")
    ('30 d', '2 d 10 h 3 min', '98.77 %', 'On')
    """
    if isinstance(value, float):
        return f"{value:.2%}".replace("%", " %")
    if not isinstance(value, pandas.Timedelta):
        return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, pandas.Timestamp) else str(value)
    parts = {"d": value.days, "h": value.components.hours, "min": value.components.minutes}
    return " ".join(f"{count} {unit}" for unit, count in parts.items() if count) or f"{value.total_seconds():.0f} s"


def _frequencies(estate: Estate, limit: Any) -> pandas.DataFrame:
    """The longest span from one due time of an instance's policy to the next.  Where backups have ended none is due."""
    instances, schedules = whole(estate, "instances"), schedules_of(whole(estate, "policies"))
    policies = key(instances["policyId"])
    read = {one: schedule_of(schedules, one) for one in policies.dropna().unique()}
    gaps = {one: schedule.gap() for one, schedule in read.items() if schedule is not None}
    found = policies.map(gaps).astype("timedelta64[us]")
    verdict = pandas.Series(PASS, instances.index, "str").mask(found > limit, FAIL)
    unscheduled = policies.map(lambda one: one in gaps and gaps[one] is None).astype(bool)
    verdict = verdict.mask(found.isna(), NOT_VERIFIABLE).mask(unscheduled, NOT_APPLICABLE)
    ended = standing(instances["currentProtectionState"]).isin(ENDED)
    value = found.astype(object).mask(ended, instances["currentProtectionState"])
    return _rows(instances["id"], value, verdict.mask(ended, FAIL))


def _restores(estate: Estate, limit: Any) -> pandas.DataFrame:
    """The longest of an instance's restores that succeeded, or still run; none is nothing to hold it to."""
    needed = ("backupInstanceId", "operationCategory", "status", "startTime", "endTime")
    jobs = restores_of(estate, needed)
    running, done = ~among(jobs["status"], FINISHED), among(jobs["status"], SUCCESS)
    took = jobs["endTime"].mask(running, pandas.Timestamp(estate.now)) - jobs["startTime"]
    counts = took[running & (took > limit) | done]
    endless = is_in(key(estate.instances()["id"]), key(jobs.loc[done & took.isna(), "backupInstanceId"]))
    longest = counts.groupby(key(jobs["backupInstanceId"])).max()
    ids = estate.instances()["id"]
    found = longest.reindex(key(ids)).set_axis(ids.index).astype("timedelta64[us]")
    # Of a restore that is over and whose end nobody wrote down, nobody knows how long it took.
    unseen = within(holes_in(estate), ids) | _forgotten(estate) | endless.set_axis(ids.index)
    verdict = pandas.Series(NOT_APPLICABLE, ids.index, "str").mask(unseen, NOT_VERIFIABLE)
    verdict = verdict.mask((found <= limit) & ~unseen, PASS).mask(found > limit, FAIL)
    return _rows(ids, found, verdict)


def _covered(estate: Estate, state: str) -> pandas.DataFrame:
    disks = assess(estate).disks
    verdict = pandas.Series(FAIL, disks.index, "str").mask(disks["reason"].eq(UNVERIFIABLE), NOT_VERIFIABLE)
    verdict = verdict.mask(disks[state].astype(bool), PASS).mask(~disks["eligible"], NOT_APPLICABLE)
    said = disks["reason"].fillna(disks["exclusion"].map(lambda one: None if pandas.isna(one) else "excluded"))
    return _rows(disks["id"], said, verdict)


def _shares(estate: Estate, control: Control) -> pandas.DataFrame:
    """Adherence or success rate of each instance; nothing is verified where jobs of the window are
    forgotten, or no run of an archive saw them."""
    holes = holes_in(estate)
    if _forgotten(estate) or not all(hole.subscription for hole in holes):
        ids = estate.instances()["id"]
        return _rows(ids, pandas.Series(None, ids.index, "str"), pandas.Series(NOT_VERIFIABLE, ids.index))
    if control.kind == "adherence":
        rows = adherence(estate)
        ids, share, unsure = rows["id"], rows["adherence"], rows["unverifiable"] > 0
    else:
        rows = success_rate(estate, by="backupInstanceId")
        ids, share, unsure = rows["backupInstanceId"], rows["rate"], pandas.Series(False, rows.index)
    unsure |= within(holes, ids)
    verdict = pandas.Series(PASS, rows.index, "str").mask((share < control.limit).fillna(False).astype(bool), FAIL)
    verdict = verdict.mask(share.isna(), NOT_APPLICABLE).mask(unsure & ~verdict.eq(FAIL), NOT_VERIFIABLE)
    return _rows(ids, share, verdict)


def _forgotten(estate: Estate) -> bool:
    """Whether jobs of the window are forgotten, beyond its first day."""
    reach = estate.reach()
    return bool(reach is None or reach.start >= estate.window.start + _A_DAY)
