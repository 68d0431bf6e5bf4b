"""How each vault's posture was over time: the verdict of each control from when until when, and what it was before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer, until_now
from dpmagic.analysis.backups.keys import key
from dpmagic.analysis.posture import NEEDED_FOR_ROLES, posture
from dpmagic.analysis.protection.baseline import ROLES, read, whole
from dpmagic.analysis.protection.undone import State, of_vaults, states, touches
from dpmagic.archive.moments import moments
from dpmagic.archive.opening import open_archive
from dpmagic.archive.source import Archive
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from dpmagic.estate.columns import table
from dpmagic.estate.completeness import KEY
from dpmagic.estate.window import Window

Baseline = Mapping[str, Any] | str | Path | None
_VAULT = ["id", "name", "subscriptionId", "resourceGroup", "location"]
_COLUMNS = [
    *_VAULT, "control", "verdict", "value", "wanted", "since", "atLeast", "notBefore", "until", "lasted", "before",
    "valueBefore", "changedBy",
]  # fmt: skip


def posture_history(given: Any, baseline: Baseline = None) -> pandas.DataFrame:
    """One row for each vault, control and stretch of time in which its ``verdict`` and ``value`` stayed the same.

    ``given`` is an estate: of an archive its runs are compared, from the window's start until now; of a live or saved
    one the ``changes`` are taken back that Azure remembers, for 14 days. Or the folder of an archive: then all of it.
    ``baseline`` as in `dpmagic.posture`.

    Columns: the vault's, ``control``, ``verdict``, ``value`` and ``wanted`` as in `posture`; ``since`` (UTC: the first
    run that saw it so, or when it was changed); ``atLeast`` where it may have been so for longer; ``notBefore``, the
    last run that saw it otherwise; ``until`` when it changed again or the vault was gone, missing for what still is;
    ``lasted`` until then, or now; ``before`` and ``valueBefore``, what it was; ``changedBy`` whom, where a change of
    that setting is known. Roles leave no changes: without an archive they are those of now, ``since`` is missing.

    Raises `InvalidArgument` for a baseline without what is needed, and for tables that have neither past nor changes.
    """
    estate = _estate(given)
    if isinstance(estate.source, Archive):
        looks = pandas.concat(_by_runs(estate, estate.source, baseline), ignore_index=True)
    else:
        looks = pandas.concat(_by_changes(estate, baseline), ignore_index=True)
    for name in ("begin", "end"):
        looks[name] = pandas.to_datetime(looks[name], utc=True).astype("datetime64[us, UTC]")
    made = _spells(looks, estate, {one.name for one in read(baseline) if one.column == ROLES})
    if isinstance(estate.source, Archive):
        made = _with_runs(made, estate, estate.source, baseline)
    return answer(estate, made[_COLUMNS], *_notes(estate))


def _estate(given: Any) -> Estate:
    if isinstance(given, (str, Path)):
        whole = open_archive(given)
        assert isinstance(whole.source, Archive)
        return whole.over(Window(min(whole.source.runs[0].at, whole.window.start), whole.now))
    if isinstance(given, Estate):
        return given
    raise InvalidArgument(f"{type(given).__name__} is no estate", "give what dpmagic.open() gives, or an archive")


def _by_runs(estate: Estate, source: Archive, baseline: Baseline) -> Iterator[pandas.DataFrame]:
    """The posture at the window's start, and whenever a run saw a setting changed, or what roles rest on."""
    controls, runs = read(baseline), [run.at for run in source.runs if run.read("vaults")]
    first = max([runs[0], *(at for at in runs if at <= estate.window.start)])
    settings = ["id", *(name for one in controls for name in (one.column, *one.when) if name != ROLES)]
    needs = {"vaults": settings}
    if any(one.column == ROLES for one in controls):
        needs = {"vaults": [*settings, "principalId"], "instances": NEEDED_FOR_ROLES["instances"]}
        needs |= {name: list(table(name).columns) for name in ("role_assignments", "subscriptions")}
    seen = [first, *moments(source.path, source.manifest, needs, first, estate.now), None]
    for begin, end in pairwise(seen):
        assert begin is not None  # only the last is
        then = Estate(Archive(source.path, begin, last_seen=True), begin, Window.of("14d", begin))
        yield posture(then, baseline).assign(begin=begin, end=end, open=begin == first, by=None)


def _by_changes(estate: Estate, baseline: Baseline) -> Iterator[pandas.DataFrame]:
    """The posture as it is, and as it was before each change of a vault."""
    if not estate.has("changes"):
        raise InvalidArgument("these tables have no past", "give the table changes too, or ask an archive")
    wider = until_now(estate)
    changes = of_vaults(wider)
    reach = wider.reach("changes")
    begin = reach.start if reach else estate.now
    found = list(states(estate.vaults(), changes))
    for step in range(max(map(len, found), default=0)):
        rows = [one[step] for one in found if len(one) > step]
        yield from _judged(estate, rows, baseline, begin, now=not step)
    if not found:
        yield posture(estate, baseline).assign(begin=None, end=None, open=True, by=None)


def _judged(
    estate: Estate, rows: list[State], baseline: Baseline, begin: Any, *, now: bool
) -> Iterator[pandas.DataFrame]:
    """The controls of settings on vaults as they were; as they are now, those of roles too."""
    controls = whole(baseline)
    settings = {name: of for name, of in controls.items() if of.get("column") != ROLES}
    vaults = pandas.DataFrame([one.row for one in rows])
    told = pandas.DataFrame(
        {
            "begin": [one.since or begin for one in rows],
            "end": [one.until for one in rows],
            "open": [one.since is None for one in rows],
            "by": [one.by for one in rows],
            "made": [one.made for one in rows],
        },
        index=key(vaults["id"]),
    )
    if settings:
        was = posture(Estate.of({"vaults": vaults}, now=estate.now, window="14d"), settings)
        yield was.assign(**{str(name): key(was["id"]).map(told[name]) for name in told})
    roles = {name: of for name, of in controls.items() if name not in settings}
    if roles and now:
        yield posture(estate, roles).assign(begin=None, end=None, open=True, by=None)


def _spells(looks: pandas.DataFrame, estate: Estate, counted: set[str]) -> pandas.DataFrame:
    """Looks that saw the same one after another are one stretch; of what is ``counted`` the value alone is no news."""
    order = {name: place for place, name in enumerate(dict.fromkeys(looks["control"]))}
    rows = looks.assign(vault=key(looks["id"]), order=looks["control"].map(order))
    rows = rows.sort_values(["name", "vault", "order", "begin"], kind="stable", na_position="first", ignore_index=True)
    each = rows.groupby(["vault", "control"], sort=False)
    values = rows["value"].mask(rows["control"].isin(counted), "")
    was, value = each["verdict"].shift(), values.groupby([rows["vault"], rows["control"]], sort=False).shift()
    apart = each["end"].shift().ne(rows["begin"])
    first = each.cumcount() == 0
    new = first | apart | rows["verdict"].ne(was) | values.fillna("").ne(value.fillna(""))
    ends = rows["end"].groupby(new.cumsum()).tail(1)  # of its last look; missing where that is how it still is
    made = rows[new].assign(since=rows["begin"], until=ends.set_axis(rows.index[new]), before=was)
    made = made.assign(
        valueBefore=each["value"].shift(), changedBy=made["by"], atLeast=made["open"].astype("boolean"),
        notBefore=pandas.Series(pandas.NaT, made.index, "datetime64[us, UTC]"),
    )  # fmt: skip
    made["lasted"] = (made["until"].fillna(pandas.Timestamp(estate.now)) - made["since"]).astype("timedelta64[us]")
    texts = dict.fromkeys(("verdict", "value", "wanted", "before", "valueBefore", "changedBy"), "str")
    return made.astype(texts).reset_index(drop=True)


def _with_runs(made: pandas.DataFrame, estate: Estate, source: Archive, baseline: Baseline) -> pandas.DataFrame:
    """Of what changed the run before, and who changed it between both, where the archive has such changes."""
    runs = pandas.Series([run.at for run in source.runs if run.read("vaults")], dtype="datetime64[us, UTC]")
    places = (runs.searchsorted(made["since"]) - 1).clip(0)
    made["notBefore"] = runs.iloc[places].set_axis(made.index).where(made["before"].notna())
    if not estate.has("changes") or not made["before"].notna().any():
        return made
    columns = {one.name: one.column for one in read(baseline)}
    changes = of_vaults(estate.over((made["since"].min(), estate.now)))
    for place, row in made[made["before"].notna()].iterrows():
        mine = changes[
            (changes["vault"] == row["vault"]) & changes["timestamp"].between(row["notBefore"], row["since"])
        ]
        who = [
            by
            for by, how in zip(mine["changedBy"], mine["changes"], strict=True)
            if touches(how, columns[row["control"]])
        ]
        made.loc[place, "changedBy"] = who[-1] if who else None
    return made


def _notes(estate: Estate) -> list[str]:
    """The days on which nobody looked."""
    return list(estate.vaults().attrs[KEY].get("notes") or []) if isinstance(estate.source, Archive) else []
