"""What an estate's snapshots would cost: daily usage in the columns of Cost Management's exports.

No API of Azure tells a snapshot's size; exports do, as a quantity. Here every disk changes by so much a day
(:func:`churn`), its first snapshot is all that is used of it, and each later one what changed since the one before that
still exists. When the oldest goes, the next is the base.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from .. import times
from ..times import DAY, SECOND
from ..world import group_id, name_of, subscription_of
from . import streams
from .behaviours import NEVER
from .build import start
from .columns import Table
from .estate import Estate
from .plants import plant
from .spec import EstateError, Spec
from .things import DISK, Extra

PRICE, CURRENCY = 0.0484, "EUR"  # for a GiB and month
_CHURN = streams.Spread((0, 4), (50, 15), (90, 40), (100, 70))  # thousandths of the disk's size a day
_USED = streams.Spread((0, 300), (100, 850))  # thousandths of the disk's size
_NOISE = streams.Spread((0, 960), (100, 1040))
_LEFT = (0.4, 0.01)  # of the size: what a disk that is gone used, and what changed of it in a day
_REMEMBERED = timedelta(days=14)  # how long an estate knows of snapshots that are gone
_METER = ("Storage", "Standard HDD Managed Disks", "ZRS Snapshots", "1 GB/Month")


def churn(estate: Estate) -> list[dict[str, Any]]:
    """Of each protected disk: ``dataSourceId``, ``churnGiB`` a day, ``usedGiB``."""
    changed, used = _facts(estate)
    return [
        {"dataSourceId": one.source, "churnGiB": float(changed[number]), "usedGiB": float(used[number])}
        for number, one in enumerate(estate.instances)
        if one.type == DISK
    ]


def export(spec: Spec, kind: str, folder: Path, first: date, after: date) -> Path:
    """Write the usage of the days from ``first`` up to, not including, ``after`` as one CSV file; gives the file.

    ``kind`` is ``ea``, ``mca`` or ``focus``. The estate is that of the spec, without what requests changed.
    Raises :class:`EstateError` for another kind, and for days that are not there.
    """
    columns = json.loads(resources.files(__package__).joinpath("cost_columns.json").read_text("utf-8"))
    if kind not in columns:
        raise EstateError(f"no export is called {kind}", f"There are {', '.join(columns)}.")
    if first >= after or _ticks(first) < spec.end_ticks - spec.days * DAY:
        raise EstateError(f"no usage from {first} to {after}", "Name days of the estate's history.")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"usage_{first:%Y%m%d}-{after - timedelta(days=1):%Y%m%d}.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(columns[kind])
        place = {name: number for number, name in enumerate(columns[kind])}
        for day, rows in _days(spec, first, after):
            writer.writerows(_line(_ROWS[kind](day, row), place) for row in rows)
    return file


def _line(row: dict[str, Any], place: dict[str, int]) -> list[Any]:
    """A row as the file has it: most of its many columns are empty."""
    made: list[Any] = [""] * len(place)
    for name, value in row.items():
        made[place[name]] = value
    return made


def _days(spec: Spec, first: date, after: date) -> Iterator[tuple[date, list[dict[str, Any]]]]:
    """The usage of each day, from an estate that has just lived through it."""
    estate = start(spec)
    estate.generated = len(estate.instances)
    plant(estate)
    if any(item.kind == "snapshotCount" for item in spec.plant):
        estate.extras = _by_hand(spec)
    day, ids = first, cache(lambda number, created, began: estate.snapshot_id(estate.instances[number], created, began))
    while day < after:
        until = min(after, day + _REMEMBERED)
        estate.advance(_ticks(until))
        while day < until:
            yield day, list(_usage(estate, day, ids))
            day += timedelta(days=1)


def _by_hand(spec: Spec) -> dict[str, dict[str, Extra]]:
    """Snapshots by hand, also those that are planted at the end as having been there for long."""
    estate = start(spec)
    plant(estate)
    estate.advance(spec.end_ticks)
    return estate.extras


def _usage(estate: Estate, day: date, ids: Callable[[int, int, int], str]) -> Iterator[dict[str, Any]]:
    begin, end = _ticks(day), _ticks(day + timedelta(days=1))
    extras = [one for group in estate.extras.values() for one in group.values() if one.created < end]
    numbers = {one.source.lower(): number for number, one in enumerate(estate.instances) if one.type == DISK}
    by_hand = [one for one in extras if one.source.lower() in numbers]
    points = _chains(estate, [(numbers[one.source.lower()], one.created) for one in by_hand], begin, end)
    quantities = _sizes(estate, points, begin, end) / _length(day)
    columns = (points[name].tolist() for name in ("instance", "created", "start", "extra"))
    for number, created, began, extra, quantity in zip(*columns, quantities.tolist(), strict=True):
        one = estate.instances[number]
        if estate.visible(one.source):
            arm_id = ids(number, created, began) if extra < 0 else by_hand[extra].id
            yield {"id": arm_id, "where": one.location, "quantity": quantity}
    left = [one for one in extras if one.source.lower() not in numbers and estate.visible(one.source)]
    yield from _left(left, begin, end, _length(day))


def _chains(estate: Estate, by_hand: Sequence[tuple[int, int]], begin: int, end: int) -> Table:
    """The snapshots that there are on a day, of points and by hand (``extra``, their number, else -1), in order.

    Whoever makes a snapshot of a disk, it holds what changed since the one before.
    """
    points = estate.engine.points.everything()
    kept = points["gone"] > estate.engine.fleet["held"][points["instance"]]  # by stopped protection
    disks = np.array([one.type == DISK for one in estate.instances], bool)
    columns = {name: points[name] for name in ("instance", "life", "created", "start")}
    columns |= {"gone": np.where(kept, NEVER, points["gone"]), "extra": np.full(len(points), -1)}
    numbers, made = (np.array(values, np.int64) for values in (zip(*by_hand, strict=True) if by_hand else ((), ())))
    more = {"instance": numbers, "life": np.zeros(len(made), np.int64), "created": made, "start": made}
    more |= {"gone": np.full(len(made), NEVER), "extra": np.arange(len(made))}
    whole = Table({name: np.concatenate([columns[name], more[name]]) for name in columns})
    there = (whole["created"] < end) & (whole["gone"] > begin) & disks[whole["instance"]]
    whole = whole.take(there)
    return whole.take(np.lexsort((whole["created"], whole["life"], whole["instance"])))


def _left(extras: list[Extra], begin: int, end: int, days: int) -> Iterator[dict[str, Any]]:
    """The usage of snapshots of disks that are gone: the oldest is all that was used, the others what changed."""
    before: dict[str, int] = {}
    for one in sorted(extras, key=lambda extra: (extra.source, extra.created)):
        used, rate = (share * one.size for share in _LEFT)
        size = min(rate * (one.created - before[one.source]) / DAY, used) if one.source in before else used
        before[one.source] = one.created
        yield {"id": one.id, "where": one.location, "quantity": size * (end - max(begin, one.created)) / DAY / days}


def _sizes(estate: Estate, points: Table, begin: int, end: int) -> Any:
    """The GiB of each snapshot over a day, of a table sorted by disk and time: by the hours that it was there.

    It holds what changed since the one before it; when that goes, since the one before that, and when none is left it
    is the base, and as large as what is used.
    """
    changed, used = _facts(estate)
    instance, created, gone = points["instance"], points["created"], points["gone"]
    first = np.ones(len(points), bool)
    first[1:] = (instance[1:] != instance[:-1]) | (points["life"][1:] != points["life"][:-1])
    noise = _NOISE.pick(streams.draw(estate.seed, estate.engine.fleet["key"][instance], "churn", points["start"]))
    rates, most = changed[instance] * noise / 1000, used[instance]
    since, until = np.maximum(created, begin), np.minimum(gone, end)
    apart = np.zeros(len(points), np.int64)
    apart[1:] = created[1:] - created[:-1]
    sizes = np.where(first, most, np.minimum(rates * apart / DAY, most)) * (until - since)
    moved = ~first
    moved[1:] &= gone[:-1] < until[1:]
    for row in np.flatnonzero(moved).tolist():
        sizes[row] = _moved(row, first, created, gone, (int(since[row]), int(until[row])), (rates[row], most[row]))
    return sizes / DAY


def _moved(row: int, first: Any, created: Any, gone: Any, there: tuple[int, int], rate: tuple[float, float]) -> float:
    """GiB times ticks of a snapshot while those before it go, the nearest one still there at each instant counts."""
    at, until = there
    total, before = 0.0, row
    while at < until and not first[before]:
        before -= 1
        leaves = min(max(at, int(gone[before])), until)
        total += min(rate[0] * float(created[row] - created[before]) / DAY, rate[1]) * (leaves - at)
        at = leaves
    return total + rate[1] * (until - at)


def _facts(estate: Estate) -> tuple[Any, Any]:
    """By instance: GiB that change in a day, and GiB that are used."""
    keys = estate.engine.fleet["key"]
    size = np.array([one.size for one in estate.instances], float)
    changed = _CHURN.pick(streams.draw(estate.seed, keys, "churnRate")) * size / 1000
    used = _USED.pick(streams.draw(estate.seed, keys, "used")) * size / 1000
    return changed, used


def _length(day: date) -> int:
    """The days of the day's month."""
    following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return (following - day.replace(day=1)).days


def _ticks(day: date) -> int:
    return times.ticks(datetime(day.year, day.month, day.day, tzinfo=times.moment(SECOND).tzinfo))


def _ea(day: date, row: dict[str, Any]) -> dict[str, Any]:
    category, sub, meter, unit = _METER
    arm_id, quantity = row["id"], row["quantity"]
    return {
        "SubscriptionId": subscription_of(arm_id), "ResourceGroup": name_of(group_id(arm_id)),
        "ResourceLocation": row["where"], "Date": f"{day:%m/%d/%Y}", "MeterCategory": category, "MeterSubCategory": sub,
        "MeterName": meter, "UnitOfMeasure": unit, "Quantity": f"{quantity:.12g}", "EffectivePrice": PRICE,
        "CostInBillingCurrency": f"{quantity * PRICE:.12g}", "ConsumedService": "Microsoft.Compute",
        "ResourceId": arm_id, "ResourceName": name_of(arm_id), "PublisherType": "Azure", "ChargeType": "Usage",
        "Frequency": "UsageBased", "PricingModel": "OnDemand", "BillingCurrencyCode": CURRENCY,
    }  # fmt: skip


def _mca(day: date, row: dict[str, Any]) -> dict[str, Any]:
    category, sub, meter, unit = _METER
    arm_id, quantity = row["id"], row["quantity"]
    return {
        "date": f"{day:%m/%d/%Y}", "meterName": meter, "meterCategory": category, "meterSubCategory": sub,
        "SubscriptionId": subscription_of(arm_id), "resourceGroupName": name_of(group_id(arm_id)),
        "ResourceId": arm_id, "resourceLocation": row["where"], "effectivePrice": PRICE,
        "quantity": f"{quantity:.12g}", "unitOfMeasure": unit, "chargeType": "Usage", "billingCurrency": CURRENCY,
        "pricingCurrency": "USD", "costInBillingCurrency": f"{quantity * PRICE:.12g}", "frequency": "UsageBased",
        "pricingModel": "OnDemand", "consumedService": "Microsoft.Compute", "publisherType": "Microsoft",
    }  # fmt: skip


def _focus(day: date, row: dict[str, Any]) -> dict[str, Any]:
    category, sub, meter, unit = _METER
    arm_id, cost = row["id"], f"{row['quantity'] * PRICE:.12g}"
    tomorrow, month = day + timedelta(days=1), day.replace(day=1)
    return {
        "BilledCost": cost, "BillingCurrency": CURRENCY, "BillingPeriodStart": f"{month}T00:00:00Z",
        "ChargeCategory": "Usage", "ChargePeriodStart": f"{day}T00:00:00Z", "ChargePeriodEnd": f"{tomorrow}T00:00:00Z",
        "ConsumedQuantity": f"{row['quantity']:.12g}", "ConsumedUnit": unit.removeprefix("1 "), "EffectiveCost": cost,
        "PricingQuantity": f"{row['quantity']:.12g}", "PricingUnit": unit.removeprefix("1 "),
        "ProviderName": "Microsoft", "RegionId": row["where"], "ResourceId": arm_id, "ResourceName": name_of(arm_id),
        "ResourceType": "Snapshot", "SubAccountId": f"/subscriptions/{subscription_of(arm_id)}",
        "x_SkuMeterCategory": category, "x_SkuMeterName": meter, "x_SkuMeterSubcategory": sub,
    }  # fmt: skip


_ROWS = {"ea": _ea, "mca": _mca, "focus": _focus}


def exported(spec: Spec, kind: str, folder: Path, days: Sequence[Any]) -> Path:
    """:func:`export` of days given as dates or as texts."""
    first, after = (day if isinstance(day, date) else date.fromisoformat(str(day)) for day in days)
    return export(spec, kind, folder, first, after)
