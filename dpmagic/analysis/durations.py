"""How long jobs take: percentiles by vault, policy, datasource, subscription, region, size class or time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas

from dpmagic.analysis.arguments import text
from dpmagic.analysis.backups.answers import answer
from dpmagic.analysis.backups.grouping import PERIODS
from dpmagic.analysis.backups.keys import among
from dpmagic.analysis.lengths import buckets
from dpmagic.analysis.lengths.at_source import pieces_at_source
from dpmagic.analysis.lengths.exact import SHARES, exact, pieces_of
from dpmagic.analysis.lengths.groups import Group, groups, keyed, named, places, subscription_names
from dpmagic.analysis.lengths.jobs import FAILED, NEEDS, RUNNING, SUCCEEDED, jobs_of, timedeltas
from dpmagic.analysis.lengths.tallied import pieces_tallied
from dpmagic.errors import AzureError, IncompleteAnswer, InvalidArgument, did_you_mean
from dpmagic.estate.estate import Estate
from dpmagic.estate.plan import too_many
from dpmagic.estate.portions import portions
from dpmagic.estate.source import estate_of

METHODS = ("rows", "buckets")
_COUNTS = ("n", *SHARES, "max", "warnings", "failed", "running", "runningFor")


def durations(
    given: Any,
    by: str | Iterable[str] = "vault",
    over: Any = None,
    *,
    category: str = "Backup",
    failed: bool = False,
    method: str | None = None,
) -> pandas.DataFrame:
    """How long the jobs took that began in the window: one row a group, the longest 95th percentile first.

    ``by`` is ``vault``, ``policy``, ``datasource``, ``datasourceType``, ``subscription`` (the vault's), ``region``,
    ``sizeClass`` (GiB), ``day``, ``week`` (from Monday) or ``month`` (UTC, as the period's first instant), or several
    of them; ``()`` is one row of all. ``over`` is another window.
    Columns, after the group's: ``n`` jobs measured, ``p50`` to ``p99`` and ``max`` as durations; how many of them had
    ``warnings``; how many others ``failed`` (or were cancelled) and are ``running``, the oldest for ``runningFor``.

    Jobs that succeeded are measured, with ``failed=True`` those that failed too: ``n`` counts them then, and ``failed``
    as ever. A running job is no duration: it is
    counted apart. Percentiles are interpolated, as pandas does.

    ``method="rows"`` is exact. ``"buckets"`` is off by at most 3.2 % (``n`` and ``max`` are exact), but counted at the
    source: few requests and little memory on any number of jobs. Without it, rows, unless they take more than two
    minutes of quota or 2 GB. ``attrs["dpmagic"]`` has the ``method``, its ``error``, and why it was chosen.

    Raises `InvalidArgument` for an unknown group or method, missing columns, and a window of which nothing is left.
    """
    asked = groups(by)
    if method is not None and method not in METHODS:
        raise InvalidArgument(f"{method!r} is no method", did_you_mean(method, METHODS, f"use {' or '.join(METHODS)}"))
    text(category, "the category", "Backup")
    estate = estate_of(given, "jobs", needs=_needs(asked), window=over)
    chosen, why = (method, "") if method else _choice(estate, _needs(asked)["jobs"])
    counted = None
    if chosen == "buckets":
        try:
            counted = pieces_at_source(estate, asked, category, failed)
        except (AzureError, IncompleteAnswer) as refused:
            if isinstance(refused, AzureError) and refused.status != 400:
                raise
            chosen, why = "rows", f"from rows: Resource Graph refused to group them ({refused.message})"
    keys = [*places(asked), "all"]  # so that no group at all is one
    tally = pieces_tallied(estate, asked, category, failed) if chosen == "rows" else None
    if counted:
        pieces = counted[0].assign(all=0)
        found = _estimated(pieces, keys)
    elif tally:
        pieces, found = tally
    else:
        rows = (_rows(given, part, asked, category, failed) for part in _parts(estate, asked))
        pieces, measured = pieces_of(rows, keys)
        found = _estimated(pieces, keys) if chosen == "buckets" else exact(measured, keys)
    made = named(_whole(estate, found, pieces, keys).drop(columns="all"), pieces, asked)
    if any("subscriptions" in group.tables for group in asked):
        made = subscription_names(made, estate.subscriptions() if estate.has("subscriptions") else None)
    told = {"method": chosen, "error": 0.0 if chosen == "rows" else buckets.ERROR, "by": [one.name for one in asked]}
    if counted:
        told["tables"] = {**estate.completeness["tables"], "jobs": counted[1]}
    return answer(estate, _ordered(made, asked), why, **told)


def _needs(asked: Sequence[Group]) -> dict[str, list[str]]:
    needs = {"jobs": [*dict.fromkeys([*NEEDS, *(name for group in asked for name in group.needs)])]}
    return needs | ({"disks": ["id", "diskSizeGB"]} if any("disks" in group.tables for group in asked) else {})


def _choice(estate: Estate, columns: Sequence[str]) -> tuple[str, str]:
    """The method for an estate, and why it is not rows."""
    why = too_many(estate, "jobs", columns)
    return ("buckets", f"from buckets: rows would take {why}") if why else ("rows", "")


def _parts(estate: Estate, asked: Sequence[Group]) -> Iterator[Estate]:
    return portions(estate, _needs(asked)["jobs"])


def _rows(given: Any, estate: Estate, asked: Sequence[Group], category: str, failed: bool) -> pandas.DataFrame:
    """One row a job, in the form in which the source gives its buckets."""
    jobs = jobs_of(given, estate, category, _needs(asked)["jobs"])
    jobs = keyed(jobs, asked, estate.disks() if any("disks" in group.tables for group in asked) else None)
    seconds = jobs["duration"].dt.total_seconds()
    measured = jobs["state"].isin((SUCCEEDED, FAILED) if failed else (SUCCEEDED,)) & seconds.notna()
    seconds = seconds.where(measured)
    shown = [name for group in asked for name in group.columns if name in jobs]
    return jobs[[*places(asked), *dict.fromkeys(shown), "state"]].assign(
        all=0,
        seconds=seconds,
        bucket=buckets.lower_edges(seconds.to_numpy(float)),
        n=1,
        max=seconds,
        oldest=jobs["startTime"],
        warnings=among(jobs["status"], ("completedwithwarnings",)).astype("int64"),
    )


def _estimated(pieces: pandas.DataFrame, by: list[str]) -> pandas.DataFrame:
    """Percentiles of buckets, in seconds."""
    merged = buckets.merged(pieces[pieces["bucket"].notna()], by)
    found = buckets.percentiles(merged, by, list(SHARES.values()))
    return found.rename(columns={share: name for name, share in SHARES.items()})


def _whole(estate: Estate, made: pandas.DataFrame, pieces: pandas.DataFrame, by: list[str]) -> pandas.DataFrame:
    """All groups that have a job, with what was not measured, and durations for seconds."""
    unmeasured, running = pieces["bucket"].isna(), pieces["state"] == RUNNING
    counts = pieces[by].assign(
        warnings=pieces["warnings"].where(~unmeasured, 0),
        failed=pieces["n"].where(pieces["state"] == FAILED, 0),
        running=pieces["n"].where(running, 0),
        oldest=pieces["oldest"].where(running),
    )
    sums = {"warnings": "sum", "failed": "sum", "running": "sum", "oldest": "min"}
    rows = counts.groupby(by, dropna=False).agg(sums).reset_index().merge(made, on=by, how="left")
    for name in ("n", "warnings", "failed", "running"):
        rows[name] = rows[name].fillna(0).astype("Int64")
    for name in (*SHARES, "max"):
        rows[name] = timedeltas(rows[name])
    rows["runningFor"] = (pandas.Timestamp(estate.now) - rows["oldest"]).astype("timedelta64[us]")
    return rows[[*by, *_COUNTS]]


def _ordered(rows: pandas.DataFrame, asked: Sequence[Group]) -> pandas.DataFrame:
    """The longest first; in order of time where a period is asked for."""
    labels = [name for group in asked for name in group.columns]
    if periods := [group.name for group in asked if group.name in PERIODS]:
        return rows.sort_values([*dict.fromkeys([*periods, *labels])], kind="stable", ignore_index=True)
    ordered = rows.sort_values(labels, kind="stable") if labels else rows
    return ordered.sort_values("p95", ascending=False, kind="stable", ignore_index=True, na_position="last")
