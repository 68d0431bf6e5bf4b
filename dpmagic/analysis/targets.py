"""How old each instance's newest recovery point may get."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pandas

from dpmagic.analysis.arguments import text
from dpmagic.analysis.backups.answers import answer
from dpmagic.analysis.backups.keys import SLACK, by_key, key
from dpmagic.analysis.backups.naming import tag_of
from dpmagic.analysis.backups.policies import schedules_of
from dpmagic.analysis.backups.recent import recent
from dpmagic.errors import InvalidArgument
from dpmagic.estate.estate import Estate
from dpmagic.estate.source import estate_of
from dpmagic.schedules import Period, Schedule

_NOTHING = pandas.Timedelta(0)
_SHORT = re.compile(r"(?=.)(\d+D)?((?:\d+H)?(?:\d+M)?(?:\d+S)?)")
# Of a mapping's names, which columns they may stand in, the closest first.
_NAMED_BY = (
    "id",
    "name",
    "friendlyName",
    "dataSourceId",
    "policyId",
    "policyName",
    "vaultId",
    "vaultName",
    "dataSourceType",
)
_NEEDS = {
    "instances": ["id", "policyId", "dataSourceId"],
    "policies": ["id", "policyRules"],
    "jobs": ["backupInstanceId", "operationCategory", "status", "duration"],
}


def rpo_targets(given: Any, rpo: Any = None, *, control: Any = None, tag: str | None = "rpo") -> pandas.DataFrame:
    """The recovery point objective of every instance: ``id``, ``rpo`` (a timedelta) and ``rpoSource``.

    By default ``policy``: the longest time between two due times of its policy, plus two hours in which a backup may
    start, plus the 95th percentile of the durations of its successful backups in the window (nothing if there are
    none). Otherwise, the first of these that says something: ``argument``, which is ``rpo``, a span (``"24h"``,
    ``"P1D"``, a timedelta) or a mapping of spans by instance, policy or vault (id or name) or datasource type;
    ``tag``, the disk's tag of that name; ``control``, a span or mapping like ``rpo``. Where nothing says one, for the
    policy is gone, cannot be read or has no schedule, ``rpo`` is missing and ``rpoSource`` is ``unverifiable``.

    A tag that is no span, such as ``gold``, says nothing; those, and names of a mapping that nothing here has, are in
    the notes of ``attrs["dpmagic"]``. Raises `InvalidArgument` for an argument that is no span, and for tables without
    what is needed.
    """
    needs = _NEEDS | ({"disks": ["id", "tags"]} if tag and text(tag, "the tag", "rpo") else {})
    estate = estate_of(given, "instances", needs=needs)
    found, notes = estate.once(_targets, rpo, control, tag)
    return answer(estate, found.copy(deep=False), recent(estate).note, *notes)


def _targets(estate: Estate, rpo: Any, control: Any, tag: str | None) -> tuple[pandas.DataFrame, list[str]]:
    instances = estate.instances()
    tagged, odd = _tagged(estate.disks(), instances, tag) if tag else (_given(None, instances), "")
    spans = {
        "policy": _by_policy(estate, instances),
        "control": _given(control, instances),
        "tag": tagged,
        "argument": _given(rpo, instances),
    }
    found = pandas.DataFrame({"id": instances["id"], "rpo": _given(None, instances), "rpoSource": "unverifiable"})
    for source, values in spans.items():
        found["rpo"] = values.fillna(found["rpo"])
        found["rpoSource"] = found["rpoSource"].mask(values.notna(), source)
    made = found.astype({"rpo": "timedelta64[us]", "rpoSource": "str"})
    return made, [odd, _nobodys("rpo", rpo, instances), _nobodys("control", control, instances)]


def span(value: Any) -> timedelta:
    """A span of time: a timedelta, ``36h``, ``1d12h``, ``90m`` or an ISO 8601 period without months.

    Raises `InvalidArgument` when it is none.

    >>> span("1d12h") == span("PT36H") == span(timedelta(hours=36))
    True
    """
    if isinstance(value, timedelta):
        if value < timedelta(0):
            raise InvalidArgument(f"{value!r} is less than no time", "write 24h, 1d12h or PT4H")
        return value
    text = str(value).strip().upper()
    if match := _SHORT.fullmatch(text):
        text = f"P{match[1] or ''}" + (f"T{match[2]}" if match[2] else "")
    try:
        period = Period.parse(text)
    except InvalidArgument as error:
        raise InvalidArgument(f"{value!r} is not a span of time", "write 24h, 1d12h or PT4H") from error
    if period.months:
        raise InvalidArgument(f"{value!r} has no fixed length", "write it in days, such as 30d")
    return timedelta(microseconds=int(period.rest.astype("int64")))


def _by_policy(estate: Estate, instances: pandas.DataFrame) -> pandas.Series:
    """The longest gap of each instance's policy, with slack and how long its backups take."""
    gaps = {
        policy: gap
        for policy, found in schedules_of(estate.policies()).items()
        if isinstance(found, Schedule) and (gap := found.gap()) is not None
    }
    longest = key(instances["policyId"]).map(gaps).astype("timedelta64[us]")
    return longest + SLACK + by_key(recent(estate).usual, instances["id"]).fillna(_NOTHING)


def _tagged(disks: pandas.DataFrame, instances: pandas.DataFrame, tag: str) -> tuple[pandas.Series, str]:
    """What each instance's disk says in a tag, whose name knows no case; and a note of what is no span."""
    texts = disks["tags"].map(lambda tags: tag_of(tags, tag))
    said = pandas.Series(texts.to_numpy(), index=key(disks["id"])).dropna()
    known = {text: or_none(text) for text in said.unique()}
    odd = said[said.map(lambda text: known[text] is None)]
    shown = f"{odd.iloc[0]!r} of {odd.index[0].rpartition('/')[2]}" if len(odd) else ""
    note = f"the tag {tag} of {len(odd)} disks is no span of time and says nothing, such as {shown}" if len(odd) else ""
    spans = {disk: known[text] for disk, text in said.items()}
    return key(instances["dataSourceId"]).map(spans).astype("timedelta64[us]"), note


def or_none(text: str) -> timedelta | None:
    """The span of time that somebody has written down; None for a text that means something else."""
    try:
        return span(text)
    except InvalidArgument:
        return None


def _nobodys(argument: str, wanted: Any, instances: pandas.DataFrame) -> str:
    """A note of the names in a mapping of spans that no instance, policy or vault has."""
    if not isinstance(wanted, Mapping):
        return ""
    there = {one for column in _NAMED_BY if column in instances for one in key(instances[column]).dropna().unique()}
    left = [str(name) for name in wanted if str(name).lower().rstrip("/") not in there]
    return f"nothing here has these names of {argument}: {', '.join(left)}" if left else ""


def _given(wanted: Any, instances: pandas.DataFrame) -> pandas.Series:
    """A span for all, or of a mapping the one that names each instance most closely."""
    nothing = pandas.Series(pandas.NaT, index=instances.index, dtype="timedelta64[us]")
    if wanted is None:
        return nothing
    if not isinstance(wanted, Mapping):
        return nothing.fillna(pandas.Timedelta(span(wanted)))
    spans = {str(name).lower().rstrip("/"): span(value) for name, value in wanted.items()}
    for column in _NAMED_BY:
        if column in instances:
            nothing = nothing.fillna(key(instances[column]).map(spans).astype("timedelta64[us]"))
    return nothing
