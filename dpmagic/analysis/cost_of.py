"""What a set of snapshots costs, and what deleting it would save."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas

from dpmagic.analysis.backups.answers import SNAPSHOTS, answer
from dpmagic.analysis.backups.keys import by_key, key
from dpmagic.analysis.backups.snapshots import of_instances
from dpmagic.analysis.churn import NEEDS
from dpmagic.analysis.orphan_snapshots import PAST_EXPIRY, orphan_snapshots
from dpmagic.analysis.protection.states import ENDED, standing
from dpmagic.analysis.protection.tags import tag
from dpmagic.analysis.sizing.chains import Sizes, said, sizes_of
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.estate import Estate
from dpmagic.estate.source import estate_of

WHAT = ("orphans", "surplus", "stopped")


def cost_of(given: Any, sizes: Sizes, what: str | Iterable[str] | pandas.DataFrame, by: str = "subscription") -> Any:
    """What some snapshots cost ``by`` subscription, disk or ``tags.NAME`` of the source disk, the most first.

    ``what`` is ``orphans`` (the snapshots of `orphan_snapshots` that no disk or instance answers for), ``surplus``
    (those kept beyond their policy), ``stopped`` (of instances whose protection is stopped or suspended), or snapshot
    ids, or a frame with a column ``id``.

    Columns: the group, ``snapshots``, ``withoutSize`` (not in the exports; where all are so, figures are missing),
    ``usedGiB`` on the last day of the exports,
    ``cost`` over all their days, ``perMonth`` (the last day's times the days of its month: so is a day billed),
    ``currency``, and ``savingLow`` and ``savingHigh`` a month if they were deleted: the newest snapshots of a disk, or
    all of them, go with all they hold; of others the next one that stays takes over what it needs, which is all, or at
    the least as much as the largest of them held. So deleting the oldest, which holds all that was used, saves little.
    Of one that stays and is newer than the exports nothing is known: what goes before it may save all of its cost.

    Raises `InvalidArgument` for an unknown ``what`` or ``by`` and for tables or sizes without what is needed.
    """
    estate, daily = estate_of(given, "snapshots", needs={**NEEDS, "disks": ["id", "tags"]}), sizes_of(sizes)
    wanted = set(_ids(estate, what))
    there = estate.table("snapshots", SNAPSHOTS)
    snapshots = pandas.DataFrame(
        {
            "id": key(there["id"]), "created": there["timeCreated"], "disk": key(there["sourceUniqueId"]),
            "source": key(there["sourceResourceId"]), "subscriptionId": there["subscriptionId"].str.lower(),
        }
    )  # fmt: skip
    rows = _costs(snapshots, daily)
    rows["low"], rows["high"] = _saved(rows, wanted)
    mine = rows[rows["id"].isin(wanted)]
    column, label = _label(estate, mine, by)
    groups = mine.groupby(label.rename(column), dropna=False)
    month = int(daily["day"].max().days_in_month) if len(daily) else 30
    currency = next(iter(daily["currency"].dropna()), None)
    made = pandas.DataFrame(
        {
            "snapshots": groups.size(),
            "withoutSize": groups["usedGiB"].agg(lambda values: int(values.isna().sum())),
            # Of what has no size nothing is known: none is no cost of nothing.
            "usedGiB": groups["usedGiB"].sum(min_count=1),
            "cost": groups["cost"].sum(min_count=1),
            "perMonth": groups["last"].sum(min_count=1) * month,
            "savingLow": groups["low"].sum().where(groups["last"].count() > 0) * month,
            "savingHigh": groups["high"].sum().where(groups["last"].count() > 0) * month,
            "currency": groups["currency"].first().fillna(currency),
        }
    ).reset_index()
    counts = dict.fromkeys(("snapshots", "withoutSize"), "Int64")
    numbers = dict.fromkeys(("usedGiB", "cost", "perMonth", "savingLow", "savingHigh"), "Float64")
    made = made.astype({**counts, **numbers}).sort_values("perMonth", ascending=False, kind="stable", ignore_index=True)
    unsized = int(made["withoutSize"].sum())
    note = f"{unsized:,} of {len(mine):,} snapshots are not in the exports: what they cost is not known"
    return answer(estate, made, *said(daily), note if unsized else "")


def _ids(estate: Estate, what: Any) -> pandas.Series:
    if isinstance(what, pandas.DataFrame):
        if "id" not in what:
            raise InvalidArgument("the frame has no column id", f"it has: {', '.join(map(str, what.columns))}")
        return key(what["id"])
    if not isinstance(what, Iterable):
        raise InvalidArgument(f"there is no cost of {what!r}", f"of {', '.join(WHAT)}, or of ids")
    if not isinstance(what, str):
        return key(pandas.Series([str(one) for one in what], dtype="str"))
    if what == "stopped":
        instances = estate.instances()
        off = instances[standing(instances["currentProtectionState"]).isin(ENDED)]
        return key(of_instances(estate.table("snapshots", SNAPSHOTS), off, estate.disks())["id"])
    if what in WHAT:
        found = orphan_snapshots(estate)
        late = found["reason"] == PAST_EXPIRY
        return key(found.loc[late if what == "surplus" else ~late, "id"])
    raise InvalidArgument(f"there is no cost of {what!r}", did_you_mean(what, WHAT, f"of {', '.join(WHAT)}, or of ids"))


def _costs(snapshots: pandas.DataFrame, daily: pandas.DataFrame) -> pandas.DataFrame:
    """Each snapshot's size and cost on the last whole day of the exports, and its cost over all of them."""
    by_id = daily.groupby("id")
    sums = pandas.DataFrame({"cost": by_id["cost"].sum(min_count=1), "currency": by_id["currency"].first()})
    last = daily[daily["day"] == daily["day"].max()].groupby("id")[["usedGiB", "cost"]].sum(min_count=1)
    rows = snapshots.join(sums, on="id").join(last.rename(columns={"cost": "last"}), on="id")
    return rows.sort_values(["disk", "created"], kind="stable", ignore_index=True)


def _saved(rows: pandas.DataFrame, wanted: set[str]) -> tuple[pandas.Series, pandas.Series]:
    """The cost of a day that goes at least, and at most, by snapshot: of some in a row it is at the first.

    The newest ones of a disk go with all they hold. Of others the next one that stays takes what it needs: it held
    its own changes, and then holds theirs too, but no block twice; so at least as much as the largest of them, at most
    all of it.  Of one that the exports do not reach nobody knows what it held: it may have been all that goes.
    """
    going, known = rows["id"].isin(wanted), rows["last"].fillna(0.0)
    disk = rows["disk"].fillna(rows["id"])  # where nothing says which, there is no next one
    # Counted from the newest: how many that stay come after; those of one number go to the same one.
    stayer = (~going)[::-1].astype(int).groupby(disk[::-1]).cumsum()[::-1].rename("stayer")
    runs = known.groupby([disk, stayer])
    newest, certain = stayer == 0, rows["disk"].notna()
    low = known.where(newest & certain, 0.0)
    unknown = (~going & rows["last"].isna()).groupby([disk, stayer]).transform("any")
    shared = runs.transform("sum") - runs.transform("max").mask(unknown, 0.0)
    shared = shared.where(~going.groupby([disk, stayer]).cumsum().gt(1), 0.0)
    return low, known.where(newest, shared)


def _label(estate: Estate, rows: pandas.DataFrame, by: str) -> tuple[str, pandas.Series]:
    if by == "subscription":
        return "subscriptionId", rows["subscriptionId"]
    if by == "disk":
        return "dataSourceId", rows["source"]
    if str(by).lower().startswith("tags."):
        disks = estate.disks()
        values = tag(disks["tags"], by[len("tags.") :]).set_axis(key(disks["id"]))
        return by, by_key(values[~values.index.duplicated()], rows["source"]).fillna("")
    hint = did_you_mean(by, ["subscription", "disk"], "by subscription, disk or tags.NAME")
    raise InvalidArgument(f"cost_of has no groups by {by}", hint)
