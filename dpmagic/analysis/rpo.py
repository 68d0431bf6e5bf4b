"""How old recovery points are, and how old they got."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas

from dpmagic.analysis.backups.answers import RECENT, answer, known_until, reached, whole
from dpmagic.analysis.backups.gaps import gaps
from dpmagic.analysis.backups.holes import holes_of, told
from dpmagic.analysis.backups.keys import SUCCESS, among, by_key, is_backup, key, numbered, subscriptions
from dpmagic.analysis.backups.naming import NAMES
from dpmagic.analysis.latest import latest_points
from dpmagic.analysis.targets import rpo_targets
from dpmagic.estate.completeness import KEY
from dpmagic.estate.estate import Estate
from dpmagic.estate.live import KEPT
from dpmagic.estate.plan import too_many
from dpmagic.estate.portions import portions
from dpmagic.estate.source import estate_of
from dpmagic.estate.window import instant

WITHIN, BREACHED, NO_POINT, UNVERIFIABLE = "within", "breached", "noPoint", "unverifiable"
_BEFORE = timedelta(days=8)  # the rarest schedule is weekly
_NEEDS = {"instances": ["id", "friendlyName"], "jobs": ["backupInstanceId", "operationCategory", "status", "startTime"]}
_COLUMNS = (
    *NAMES, "policyName", "status", "rpo", "rpoSource", "latestPoint", "age", "evidence", "observed",
    "points", "compliance", "maxGap", "breaches", "breachTime", "headCensored",
)  # fmt: skip


def rpo(given: Any, rpo: Any = None, *, control: Any = None, tag: str | None = "rpo", verify: str | None = None) -> Any:
    """Every instance's recovery points against its objective: one row each.

    Now: ``latestPoint`` and its ``age`` (see `latest_points` for ``evidence``, ``observed`` and ``verify``), the
    ``rpo`` and who says it (see `rpo_targets` for ``rpo``, ``control`` and ``tag``), and the ``status``: ``within``
    (no older than the RPO), ``breached``, ``noPoint`` (none that exists), or ``unverifiable``, if RPO or point are
    not known.

    In the window, by the starts of backups that succeeded, on demand or not: how many ``points``, ``maxGap`` between
    them, ``breaches`` (gaps longer than the RPO), ``breachTime`` and ``compliance``, the share of the time in which the
    newest point was no older than the RPO. The last gap ends with the window, or now. The first begins with the last
    point before it; ``headCensored`` says that none is known, so that the gap counts from the window's start and may
    have been longer. Resource Graph keeps jobs for 14 days: what is before them is not in the window. Nor are spans
    whose jobs no run of an archive saw: a gap ends before them, and the next one begins after them.

    Raises `InvalidArgument` for a span that is none, and for tables without what is needed.
    """
    estate = estate_of(given, "instances", needs=_NEEDS)
    instances = whole(estate, "instances")
    _read_ahead(estate)
    targets, newest = rpo_targets(estate, rpo, control=control, tag=tag), latest_points(estate, verify)
    found = instances.assign(name=instances["friendlyName"], **targets.drop(columns="id"), **newest.drop(columns="id"))
    found["age"] = (pandas.Timestamp(estate.now) - found["latestPoint"]).astype("timedelta64[us]")
    found["status"] = status(found)
    found = found.join(_history(estate, found))
    notes = [
        *newest.attrs[KEY]["notes"],
        *targets.attrs[KEY]["notes"],
        "what is said of the window is inferred from jobs",
        *told(estate),
    ]
    return answer(estate, found[list(_COLUMNS)].reset_index(drop=True), *notes)


def _read_ahead(estate: Estate) -> None:
    """Read the jobs of the window at once with those before it that may matter, where reading has a price."""
    start = max(estate.window.start - _BEFORE, estate.now - KEPT)
    wider = estate.over((start, estate.window.end)) if start < estate.window.start else estate
    if estate.source.metered and wider is not estate and not too_many(wider, "jobs", RECENT):
        wider.table("jobs", RECENT)


def status(found: pandas.DataFrame) -> pandas.Series:
    """Each instance's status now, by ``latestPoint``, ``observed``, ``age`` and ``rpo``."""
    none = found["latestPoint"].isna()
    made = pandas.Series(WITHIN, index=found.index, dtype="str").mask(found["age"] > found["rpo"], BREACHED)
    made = made.mask(found["rpo"].isna() | none, UNVERIFIABLE)
    return made.mask(none & found["observed"].fillna(False).astype(bool), NO_POINT)


def _history(estate: Estate, found: pandas.DataFrame) -> pandas.DataFrame:
    """The gaps of the window, or of the part of it that jobs reach."""
    allowed = pandas.Series(found["rpo"].to_numpy(), index=key(found["id"]))
    allowed = allowed[~allowed.index.duplicated()]
    longest = allowed.max() if allowed.notna().any() else pandas.Timedelta(0)
    parts = portions(_since(estate, longest.to_pytimedelta()), RECENT, together=True, category="backup")
    made = pandas.concat([_gaps(estate, part, allowed) for part in parts])
    return pandas.DataFrame({name: by_key(made[name], found["id"]) for name in made})


def _gaps(estate: Estate, part: Estate, allowed: pandas.Series) -> pandas.DataFrame:
    """What the gaps come to of the instances of a part of the estate, by instance."""
    jobs = whole(part, "jobs", RECENT)
    jobs = jobs.loc[is_backup(jobs) & jobs["backupInstanceId"].notna(), ["backupInstanceId", "status", "startTime"]]
    done = jobs[among(jobs["status"], SUCCESS)]
    points = pandas.DataFrame(
        {"instance": pandas.Categorical.from_codes(*numbered(done["backupInstanceId"])), "at": done["startTime"].array}
    )
    mine = allowed[allowed.index.isin(key(part.instances()["id"]))]
    end = min(estate.window.end, known_until(estate, jobs) + timedelta.resolution)
    owners = subscriptions(mine.index.to_series())
    blind = [(hole.of(owners), hole.start, hole.end) for hole in holes_of(jobs.attrs[KEY].get("holes"))]
    return gaps(points, mine, reached(estate, jobs), end, blind)


def _since(estate: Estate, longest: timedelta) -> Estate:
    """The estate over its window and as long before it as a point may matter, as far back as there are jobs."""
    said = estate.remembers("jobs").get("since")
    start = estate.window.start - longest
    start = max(start, instant(said)) if said else start
    return estate.over((start, estate.window.end)) if start < estate.window.start else estate
