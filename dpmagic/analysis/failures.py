"""Why backups failed, what failed again and again, and how long it took until they succeeded again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.backups.answers import answer, jobs_until_now, until_now
from dpmagic.analysis.backups.keys import SUCCESS, among, instants
from dpmagic.analysis.backups.naming import FROM_JOBS, NAMES, named, names_of
from dpmagic.estate.estate import Estate
from dpmagic.estate.portions import portions
from dpmagic.estate.source import estate_of

_NEEDS = {
    "jobs": [
        "id", "backupInstanceId", "operationCategory", "status", "startTime", "endTime", "errorCode", "isUserError",
        "recommendedAction",
    ]
}  # fmt: skip
_OF_JOBS = (
    "id", "instance", "status", "done", "startTime", "endTime", "errorCode", "isUserError", "recommendedAction",
)  # fmt: skip
UNKNOWN = "(no code)"


def failures(given: Any) -> pandas.DataFrame:
    """A Pareto of failed backup jobs by error code, the most frequent first.

    Columns: ``errorCode``, ``fault`` (user, service or unknown), ``n`` (failed jobs that began in the window),
    ``share`` and ``cumulative`` share of all, and their ``instances``; of these ``persistent``, on which it came twice
    or more in a row, and ``open``, which have not succeeded since; ``medianTimeToRecover`` and ``p95TimeToRecover``
    (from the end of the first failure after a success, whose code counts, to the end of the next success, of those that
    recovered; timedelta); ``first`` and ``last`` (UTC); ``recommendedAction``, Microsoft's.

    Cancelled jobs are no failures. A job that is over and whose end nobody wrote down ends as it begins.
    Raises `InvalidArgument` for tables without what is needed.
    """
    estate = estate_of(given, "jobs", needs=_NEEDS)
    episodes, failed, _ = _all_episodes(estate)
    counted = failed[failed["startTime"] < estate.window.end]
    by_code = counted.groupby("code")
    made = by_code.agg(
        n=("id", "size"), instances=("instance", "nunique"), first=("startTime", "min"), last=("startTime", "max")
    )
    made["fault"] = by_code["isUserError"].agg(_fault)
    made["recommendedAction"] = by_code["recommendedAction"].agg(_first)
    again, still = (counted[counted[mark]].groupby("code")["instance"].nunique() for mark in ("again", "open"))
    recovered = episodes[episodes["recovered"].notna()].groupby("code")["timeToRecover"]
    made = made.assign(
        persistent=again.reindex(made.index).fillna(0),
        open=still.reindex(made.index).fillna(0),
        medianTimeToRecover=recovered.median().reindex(made.index).astype("timedelta64[us]"),
        p95TimeToRecover=recovered.quantile(0.95).reindex(made.index).astype("timedelta64[us]"),
    )
    made = made.rename_axis("errorCode").reset_index().sort_values(["n", "errorCode"], ascending=[False, True])
    share = (made["n"] / max(1, len(counted))).astype("Float64")
    made = made.assign(share=share, cumulative=share.cumsum())
    return answer(estate, _ordered(made), jobs=len(counted))


def recoveries(given: Any) -> pandas.DataFrame:
    """The episodes of failing: one row each, the open ones first, then the longest.

    Columns: the instance's names, ``errorCode`` (of the first failure), ``failed`` (when it ended, UTC), ``failures``
    (jobs that failed in the episode), ``persistent`` (a code came twice or more in a row), ``recovered`` (the end of
    the next success, missing while there is none) and ``timeToRecover`` (until then, or until now).

    ``attrs["dpmagic"]`` has ``medianSeconds`` and ``p95Seconds`` of those that recovered, and how many are ``open``.
    Raises `InvalidArgument` for tables without what is needed.
    """
    estate = estate_of(given, "jobs", needs=_NEEDS)
    episodes, _, names = _all_episodes(estate)
    made = named(episodes.rename(columns={"code": "errorCode"}), names)
    ended = made["recovered"].fillna(pandas.Timestamp(estate.now))
    made["timeToRecover"] = (ended - made["failed"]).astype("timedelta64[us]")
    made = made.assign(over=made["recovered"].notna()).sort_values(
        ["over", "timeToRecover", "id"], ascending=[True, False, True], kind="stable", ignore_index=True
    )
    times = made.loc[made["over"], "timeToRecover"].dt.total_seconds()
    figures = {"medianSeconds": times.median(), "p95Seconds": times.quantile(0.95)}
    told = {name: None if pandas.isna(value) else float(value) for name, value in figures.items()}
    columns = [*NAMES, "errorCode", "failed", "failures", "persistent", "recovered", "timeToRecover"]
    return answer(estate, made[columns], **told, open=int((~made["over"]).sum()))


def _all_episodes(estate: Estate) -> tuple[pandas.DataFrame, pandas.DataFrame, pandas.DataFrame]:
    """As `_episodes`, and the names of their instances, of all portions of the jobs until now."""
    columns = [*(name for name in _NEEDS["jobs"] if name != "id"), *FROM_JOBS]
    none = pandas.DataFrame(columns=[*NAMES, "friendlyName"])
    found, window = [], until_now(estate).window
    advice = ["recommendedAction"]  # only failures are asked for it
    for part in portions(estate, columns, together=True, unless=SUCCESS, bare=advice, window=window):
        episodes, failed = _episodes(part)
        names = names_of(part.instances() if part.has("instances") else none, jobs_until_now(part))
        found.append((episodes, failed, names[names.index.isin(episodes["instance"])]))
    if len(found) == 1:
        return found[0]
    episodes, failed = (pandas.concat([one[at] for one in found], ignore_index=True) for at in (0, 1))
    return episodes, failed, pandas.concat([names for _, _, names in found])


def _episodes(estate: Estate) -> tuple[pandas.DataFrame, pandas.DataFrame]:
    """Runs of failures that began in the window, and all failed jobs until now with ``code``, ``again`` and ``open``,
    whether no success came since."""
    jobs = jobs_until_now(estate)[list(_OF_JOBS)]
    jobs = jobs[jobs["done"] | among(jobs["status"], ("failed",))]
    jobs = jobs.assign(endTime=jobs["endTime"].fillna(jobs["startTime"]))
    instances = pandas.factorize(jobs["instance"])[0]  # they are in the order of these
    order = np.lexsort((instants(jobs["startTime"]), instants(jobs["endTime"]), instances))
    jobs = jobs.iloc[order].reset_index(drop=True)
    jobs = jobs.assign(code=jobs["errorCode"].fillna(UNKNOWN))
    mine = jobs.groupby("instance")
    before = mine["done"].shift()
    # A success ends an episode; the number of successes so far names it.
    jobs["episode"] = mine["done"].cumsum()
    bad = ~jobs["done"].astype(bool)
    jobs["again"] = bad & before.eq(False) & (mine["code"].shift() == jobs["code"])
    jobs["open"] = bad & (jobs["episode"] == mine["done"].transform("sum"))
    failed = jobs[bad]
    episodes = failed.groupby(["instance", "episode"], as_index=False).agg(
        code=("code", "first"),
        began=("startTime", "first"),
        failed=("endTime", "first"),
        failures=("id", "size"),
        persistent=("again", "any"),
    )
    next_success = jobs.loc[~bad, ["instance", "episode", "endTime"]].assign(episode=lambda rows: rows["episode"] - 1)
    episodes = episodes.merge(next_success.rename(columns={"endTime": "recovered"}), how="left")
    episodes["timeToRecover"] = episodes["recovered"] - episodes["failed"]
    return episodes[episodes["began"] < estate.window.end], failed


def _first(said: pandas.Series) -> Any:
    return next(iter(said.dropna()), None)


def _fault(said: pandas.Series) -> str:
    known = said.dropna()
    if not len(known):
        return "unknown"
    return "user" if bool(known.iloc[0]) else "service"


def _ordered(made: pandas.DataFrame) -> pandas.DataFrame:
    columns = [
        "errorCode", "fault", "n", "share", "cumulative", "instances", "persistent", "open", "medianTimeToRecover",
        "p95TimeToRecover", "first", "last", "recommendedAction",
    ]  # fmt: skip
    counts = dict.fromkeys(("n", "instances", "persistent", "open"), "Int64")
    texts = dict.fromkeys(("errorCode", "fault"), "str")
    return made[columns].astype({**counts, **texts}).reset_index(drop=True)
