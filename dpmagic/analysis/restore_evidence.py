"""When each instance was last restored from: the evidence that a backup can be used."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer, restores_of
from dpmagic.analysis.backups.holes import holes_in
from dpmagic.analysis.backups.holes import within as inside
from dpmagic.analysis.backups.keys import FINISHED, SUCCESS, among, key
from dpmagic.analysis.targets import span
from dpmagic.estate.estate import Estate
from dpmagic.estate.source import estate_of

_NEEDS = {
    "instances": ["id", "friendlyName", "dataSourceName", "dataSourceId", "dataSourceType", "vaultName"],
    "jobs": ["id", "backupInstanceId", "operationCategory", "status", "startTime", "endTime"],
}
TESTED, NOT_TESTED, NOT_VERIFIABLE = "tested", "not tested", "not verifiable"
_COLUMNS = (
    "id", "name", "dataSourceName", "dataSourceId", "dataSourceType", "vaultName", "subscriptionId", "lastRestore",
    "age", "restores", "failed", "jobId", "verdict",
)  # fmt: skip


def restore_evidence(given: Any, within: Any = "90d") -> pandas.DataFrame:
    """One row an instance: its last successful restore, and whether that is recent enough.

    Columns: the instance's names, ``lastRestore`` (its end, UTC; its start, if nobody wrote that down), ``age`` (until
    now), ``restores`` and ``failed`` (restore jobs since the window's start that succeeded and that ended otherwise),
    ``jobId``, and ``verdict``: ``tested`` if a restore
    succeeded ``within`` the span, ``not tested`` if none did and the window reaches back so far, else ``not
    verifiable``: Azure shows jobs for 14 days, so a longer span needs an archive.

    ``attrs["dpmagic"]`` has the sums ``instances`` and ``tested``.
    Raises `InvalidArgument` for a span that is none and for tables without what is needed.
    """
    estate, wanted = estate_of(given, "jobs", needs=_NEEDS), span(within)
    restores = restores_of(estate, _NEEDS["jobs"])
    done = among(restores["status"], SUCCESS)
    bad = ~done & among(restores["status"], FINISHED)
    ends = restores["endTime"].fillna(restores["startTime"])
    restores = restores.assign(instance=key(restores["backupInstanceId"]), done=done, bad=bad, endTime=ends)
    counts = restores.groupby("instance")[["done", "bad"]].sum()
    last = restores[restores["done"]].sort_values("endTime").drop_duplicates("instance", keep="last")
    found = counts.join(last.set_index("instance")[["endTime", "id"]].rename(columns={"id": "jobId"}))
    instances = estate.instances()
    rows = instances.join(found.reindex(key(instances["id"])).set_axis(instances.index))
    known = _known(estate, wanted, rows["id"])
    made = rows.assign(
        name=rows["friendlyName"],
        lastRestore=rows["endTime"],
        age=(pandas.Timestamp(estate.now) - rows["endTime"]).astype("timedelta64[us]"),
        restores=rows["done"].fillna(0).astype("Int64"),
        failed=rows["bad"].fillna(0).astype("Int64"),
    )
    recent = (made["age"] <= wanted).fillna(False)
    verdict = pandas.Series(NOT_VERIFIABLE, made.index, "str").mask(known, NOT_TESTED)
    made["verdict"] = verdict.mask(recent, TESTED)
    made = made.sort_values(["lastRestore", "name", "id"], na_position="first", kind="stable", ignore_index=True)
    return answer(estate, made[list(_COLUMNS)], instances=len(made), tested=int(recent.sum()))


def _known(estate: Estate, wanted: timedelta, ids: pandas.Series) -> pandas.Series:
    """Of which instances the jobs of the last ``wanted`` are there: nothing is forgotten, and nobody missed a night."""
    reach = estate.reach()
    if reach is None or reach.start > estate.now - wanted:
        return pandas.Series(False, ids.index)
    return ~inside(holes_in(estate.over((estate.now - wanted, estate.now + timedelta.resolution))), ids)
