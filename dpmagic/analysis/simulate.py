"""What policies come to, and would come to with another schedule or other retentions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas

from dpmagic.analysis.arguments import whole_number
from dpmagic.analysis.backups.answers import answer
from dpmagic.analysis.sizing.chains import said, sizes_of
from dpmagic.analysis.snapshot_headroom import LIMIT, OK, POLICY_LIMIT, WILL_FILL
from dpmagic.analysis.whatif.cases import Case, Change, cases, followed, named, rows_of
from dpmagic.analysis.whatif.disks import alone, following, held, is_churn, price_of
from dpmagic.analysis.whatif.refusals import refusals
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.completeness import KEY
from dpmagic.estate.estate import Estate
from dpmagic.estate.source import estate_of
from dpmagic.schedules import Schedule, Steady, steady

REFUSED, UNREADABLE = "refused", "unreadable"
Price = tuple[float | None, str | None]
_BY = ("retentionTag", "policy")
_NEEDS = {"policies": ["id", "name", "policyRules"]}
_KINDS = {
    "policyId": "str", "policyName": "str", "vaultName": "str", "disks": "Int64",
    "intervalBefore": "timedelta64[us]", "intervalAfter": "timedelta64[us]",
    "retentionTag": "str", "retentionBefore": "str", "retentionAfter": "str",
    "pointsBefore": "Int64", "pointsAfter": "Int64",
    "usedGiBBefore": "Float64", "usedGiBAfter": "Float64", "atMostGiBBefore": "Float64", "atMostGiBAfter": "Float64",
    "perMonthBefore": "Float64", "perMonthAfter": "Float64", "currency": "str",
    "withoutSize": "Int64", "limit": "Int64", "byOthers": "Int64", "headroomBefore": "Int64", "headroomAfter": "Int64",
    "status": "str", "detail": "str",
}  # fmt: skip
_SUMS = [f"{name}{when}" for name in ("points", "usedGiB", "atMostGiB", "perMonth") for when in ("Before", "After")]


def simulate(
    given: Any,
    policy: Any = None,
    *,
    to: Any = None,
    schedule: Any = None,
    retention: Any = None,
    sizes: Any = None,
    by: str = "retentionTag",
    limit: int = LIMIT,
    policy_limit: int = POLICY_LIMIT,
) -> pandas.DataFrame:
    """The points that policies keep of a disk once as many go as come, before and after a change: a row a policy and
    retention tag, or with ``by="policy"`` a row a policy.

    ``given`` is an estate (its policies of disks, or those that ``policy`` names, by name or id), or a policy: JSON as
    az writes it, its text or file, a row of ``estate.policies()``, several as a frame.  The change, all of it optional:

    - ``to``: another policy is followed instead: JSON, a row, or a name in the estate;
    - ``schedule``: repeating intervals as ``backup-policy trigger set`` takes them, or only ``PT4H`` or ``P1D``, which
      keeps when it begins;
    - ``retention``: a period by tag, ``{"Default": "P14D", "Weekly": "P12W"}``; a tag that is new gets the criterion
      and priority that az gives it, None takes one out; a text alone is the default's.

    Columns, each figure ``Before`` and ``After``: ``interval``, the longest time between two runs; ``retention``, an
    ISO 8601 period; ``points`` of a disk, at the instant at which the policy has most, if every run succeeds (see
    `dpmagic.schedules.steady`: all due times are gone through, each with the tag that wins); ``usedGiB`` of all
    ``disks`` that follow the policy, and ``atMostGiB``, the provisioned size a point, which is a bound;
    ``headroom``, what is left of ``limit`` incremental snapshots a disk beside ``byOthers``, the most that any of its
    disks has of others'.  ``status`` is of what comes after: ``ok``; ``willFill``, if it does not fit; ``refused``, if
    Azure does not take it (``detail`` says why: more than ``policy_limit`` points, an interval, tag or period that
    disks do not have); ``unreadable``.

    ``usedGiB``, and ``perMonth``, its cost in ``currency`` by what a GiB costs on the exports' last day, need sizes:
    cost exports, what `churn` gives by disk (no cost), or for a policy alone the figures of a disk, ``{"usedGiB": 100,
    "churnGiB": 2}``.  The oldest point holds all that is used, each later one the churn of the days since the one
    before, at most what is used; what changes twice in between counts twice, so it is rather too much.  ``withoutSize``
    disks are in neither.

    Raises `InvalidArgument` for what is no policy, interval, period, tag or size, and a policy that is not there.
    """
    if by not in _BY:
        raise InvalidArgument(f"simulate has no rows by {by}", did_you_mean(by, _BY, f"by one of {', '.join(_BY)}"))
    limits = _Limits(
        whole_number(limit, "limit", " of snapshots, such as 500"),
        whole_number(policy_limit, "policy_limit", " of points, such as 450"),
    )
    rows = None if isinstance(given, Estate) else rows_of(given)
    if rows is not None:
        return _of_policies(rows, policy, Change(followed(to, None), schedule, retention), sizes, limits, by)
    estate = estate_of(given, "policies", needs=_NEEDS)
    found = cases(named(estate, policy), Change(followed(to, estate), schedule, retention))
    daily = None if sizes is None or is_churn(sizes) else sizes_of(sizes)
    disks = following(estate, sizes if daily is None else daily)
    groups = dict(iter(disks.groupby("policy")))
    pairs = [(case, groups.get(str(case.id).lower().rstrip("/"), disks.head(0))) for case in found]
    price = (None, None) if daily is None else price_of(daily)
    made = _frame(_rows(pairs, limits, sizes is not None, price), by)
    notes = [] if daily is None else said(daily)
    notes += ["no sizes were given: provisioned sizes bound what is held"] if sizes is None else []
    return answer(estate, made, *notes, measured=sizes is not None)


@dataclass(frozen=True)
class _Limits:
    """How many snapshots a disk can have, and how many points a policy may keep of it."""

    disk: int
    policy: int


def _of_policies(
    rows: list[Mapping[str, Any]], policy: Any, change: Change, sizes: Any, limits: _Limits, by: str
) -> pandas.DataFrame:
    """The answer for policies that were given by themselves."""
    if policy is not None:
        raise InvalidArgument("policy names one of an estate, and no estate was given", "leave it out")
    disks = alone(sizes)
    made = _frame(_rows([(case, disks) for case in cases(rows, change)], limits, sizes is not None), by)
    if sizes is None:
        made["disks"] = pandas.array([None] * len(made), "Int64")  # nobody knows how many follow it
    made.attrs[KEY] = {"notes": [], "measured": sizes is not None}
    return made


def _rows(
    pairs: list[tuple[Case, pandas.DataFrame]], limits: _Limits, measured: bool, price: Price = (None, None)
) -> Iterator[dict[str, Any]]:
    steadies: dict[str, Steady | str] = {}
    for case, disks in pairs:
        whole: dict[str, Any] = {"policyId": case.id, "policyName": case.name, "vaultName": case.vault}
        whole["disks"] = len(disks)
        before, after = _steady(case.before, steadies), _steady(case.after, steadies)
        if not (isinstance(before, Steady) and isinstance(after, Steady) and case.before and case.after):
            reason = case.problem or next(one for one in (before, after) if isinstance(one, str))
            yield {**whole, "status": UNREADABLE, "detail": reason}
            continue
        whole |= _limited(case, before, after, disks, limits)
        whole["withoutSize"] = int(disks["churnGiB"].isna().sum()) if measured else None
        whole["currency"] = price[1]
        yield from ({**whole, **row} for row in _tags(case, before, after, disks, price[0]))


def _steady(schedule: Schedule | None, known: dict[str, Steady | str]) -> Steady | str:
    """What a schedule comes to, or why that is not known; policies of one kind are gone through once."""
    told = repr(schedule)
    if told not in known and schedule is not None:
        try:
            known[told] = steady(schedule)
        except InvalidArgument as error:
            known[told] = error.message
    return known.get(told, "")


def _limited(case: Case, before: Steady, after: Steady, disks: pandas.DataFrame, limits: _Limits) -> dict[str, Any]:
    assert case.before and case.after  # of those that cannot be read nothing is asked
    told: dict[str, Any] = {"intervalBefore": case.before.gap(), "intervalAfter": case.after.gap()}
    if not case.of_disks:
        return {**told, "status": OK, "detail": case.problem or None}
    others = int(disks["byOthers"].fillna(0).max()) if len(disks) else 0
    left = {when: limits.disk - others - len(kept.due) for when, kept in (("Before", before), ("After", after))}
    # What is there as it is was taken once.
    asked = case.changes or case.id is None
    reasons = list(refusals(case.after, after, disks["sku"], limits.policy)) if asked else []
    status = REFUSED if reasons else WILL_FILL if left["After"] < 0 else OK
    if status == WILL_FILL:
        most = limits.disk - left["After"]
        reasons = [f"{most:,} snapshots a disk with those by others: {limits.disk:,} are the most"]
    told |= {"limit": limits.disk, "byOthers": others}
    told |= {f"headroom{when}": headroom for when, headroom in left.items()}
    return {**told, "status": status, "detail": "; ".join([*filter(None, [case.problem]), *reasons]) or None}


def _tags(
    case: Case, before: Steady, after: Steady, disks: pandas.DataFrame, price: float | None
) -> Iterator[dict[str, Any]]:
    assert case.before and case.after
    sides = (("Before", case.before, before), ("After", case.after, after))
    counts = {when: kept.counts() for when, _, kept in sides}
    used = {when: held(kept, disks) for when, _, kept in sides} if disks["churnGiB"].notna().any() else {}
    provisioned = disks["provisionedGiB"].sum(min_count=1)
    for tag in dict.fromkeys([*before.tags, *after.tags]):
        row: dict[str, Any] = {"retentionTag": tag}
        for when, schedule, kept in sides:
            period = schedule.period(tag) if tag in kept.tags else None
            points = counts[when].get(tag, 0)
            size = used[when].get(tag, 0.0) if used else None
            row[f"retention{when}"] = period.text if period else None
            row[f"points{when}"] = points
            row[f"usedGiB{when}"] = size
            row[f"perMonth{when}"] = None if price is None or size is None else price * size
            row[f"atMostGiB{when}"] = points * provisioned
        yield row


def _frame(rows: Iterable[dict[str, Any]], by: str) -> pandas.DataFrame:
    made = pandas.DataFrame(list(rows), columns=list(_KINDS)).astype(_KINDS)
    return made if by == "retentionTag" else _by_policy(made)


def _by_policy(rows: pandas.DataFrame) -> pandas.DataFrame:
    """The rows of each policy as one: figures added, retentions in one text, all else as it is on each."""
    place = pandas.factorize(rows["policyId"].fillna("") + "\n" + rows["policyName"].fillna(""))[0]
    groups = rows.groupby(place)
    made = groups.first()
    made[_SUMS] = groups[_SUMS].sum(min_count=1)
    for name in ("retentionBefore", "retentionAfter"):
        said = (rows["retentionTag"] + " " + rows[name]).where(rows[name].notna())
        made[name] = said.groupby(place).agg(lambda texts: ", ".join(texts.dropna())).replace("", None)
    return made.astype(_KINDS).drop(columns="retentionTag").rename_axis(None)
