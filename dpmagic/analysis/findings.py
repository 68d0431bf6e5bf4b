"""Everything that is not as it should be, as one list: what a report begins with and what two days are compared by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pandas

from dpmagic.analysis.arguments import text
from dpmagic.analysis.backups.answers import answer, read_once
from dpmagic.analysis.backups.grouping import several
from dpmagic.analysis.backups.keys import key
from dpmagic.analysis.backups.owning import owners
from dpmagic.analysis.coverage_gaps import coverage_gaps
from dpmagic.analysis.orphan_instances import orphan_instances
from dpmagic.analysis.orphan_snapshots import orphan_snapshots
from dpmagic.analysis.posture import FAIL, posture
from dpmagic.analysis.protection.tags import tag
from dpmagic.analysis.retention import retention
from dpmagic.analysis.snapshot_headroom import FULL, WILL_FILL, snapshot_headroom
from dpmagic.analysis.triage import triage
from dpmagic.errors import AzureError, InvalidArgument, did_you_mean
from dpmagic.estate.estate import Estate
from dpmagic.estate.source import estate_of

COLUMNS = (
    "kind", "severity", "id", "name", "subscriptionId", "owner", "reason", "since", "sinceIs", "detail",
    "evidence", "command", "backupInstanceId",
)  # fmt: skip
GAP, FAILURE, ORPHAN_INSTANCE, POSTURE = "gap", "failure", "orphanInstance", "posture"
RETENTION, ORPHAN_SNAPSHOTS, HEADROOM = "retention", "orphanSnapshots", "headroom"

# 1: data may be lost today; 2: it may be tomorrow, or nobody would notice; 3: to decide; 4: to look into. Within a
# severity the first come first.
_SEVERITY = {
    (FAILURE, "failed"): 1,
    (FAILURE, "stale"): 1,
    (GAP, "permission lost"): 1,
    (GAP, "error"): 1,
    (GAP, "stale"): 1,
    (GAP, "stopped"): 1,
    (GAP, "soft-deleted"): 1,
    (GAP, "never configured"): 1,
    (HEADROOM, "full"): 1,
    (HEADROOM, "willFill"): 2,
    (RETENTION, "missing"): 2,
    (FAILURE, "stuck"): 2,
    (FAILURE, "missed"): 2,
    (GAP, "suspended"): 2,
    (GAP, "excluded from its VM's backup"): 3,
    (GAP, "unsupported"): 3,
    (ORPHAN_INSTANCE, "orphan"): 3,
    (RETENTION, "surplus"): 3,
    (ORPHAN_SNAPSHOTS, "noDisk"): 3,
    (ORPHAN_SNAPSHOTS, "noInstance"): 3,
    (ORPHAN_SNAPSHOTS, "pastExpiry"): 3,
    (ORPHAN_INSTANCE, "unverifiable"): 4,
    (GAP, "unverifiable"): 4,
    (ORPHAN_SNAPSHOTS, "unverifiable"): 4,
}
_ORDER = {pair: place for place, pair in enumerate(_SEVERITY)}
_OTHERWISE = 2
_OF_JOBS = frozenset((GAP, FAILURE, ORPHAN_INSTANCE, RETENTION, ORPHAN_SNAPSHOTS))
_OF_SNAPSHOTS = frozenset((RETENTION, ORPHAN_SNAPSHOTS, HEADROOM))


@dataclass(frozen=True)
class _Asked:
    """An estate, and the answers that are there already, by the name of the question."""

    estate: Estate
    answers: Mapping[str, pandas.DataFrame]

    def __call__(self, question: Callable[..., pandas.DataFrame], **options: Any) -> pandas.DataFrame:
        known = self.answers.get(question.__name__)
        return question(self.estate, **options) if known is None else known


def findings(
    given: Any,
    kinds: str | Iterable[str] | None = None,
    *,
    owner: str = "owner",
    answers: Mapping[str, pandas.DataFrame] | None = None,
    partial: bool = False,
) -> pandas.DataFrame:
    """One row a finding, the worst first: gaps, failing backups, orphans, posture, retention.

    Columns: ``kind`` (one of `KINDS`; ``kinds`` asks for some only), ``severity`` (1 data may be lost today, 2 tomorrow
    or unnoticed, 3 to decide, 4 to look into), ``id`` (of the disk, instance or vault), ``name``, ``subscriptionId``,
    ``owner`` (the tag of that name, of the disk or vault; of a disk that is gone, of its snapshot, else of the vault of
    its instance), ``reason``, ``since`` (UTC, missing if unknown) and ``sinceIs`` (it began ``at`` that instant, or
    ``after`` or ``before`` it), ``detail``, ``evidence`` (``observed`` or ``inferred``), ``command`` (the first towards
    a remedy, missing where there is none) and ``backupInstanceId``.  What is excluded on purpose is no finding, and a
    stale disk whose instance fails is one.

    ``answers`` are those of other analyses over the same estate, by name (``{"triage": frame}``): they are not asked
    again.  ``partial`` goes on where a kind needs a table that is not there, or that Azure refuses: ``unanswered`` in
    ``attrs["dpmagic"]`` then says why, by kind.  Raises `InvalidArgument` for an unknown kind and for tables without
    what is needed, with ``partial`` where no kind has it.
    """
    text(owner, "the tag of owners", "owner")
    estate = estate_of(given, "instances")
    asked = list(KINDS) if kinds is None else several(kinds, "findings")
    for kind in asked:
        if kind not in KINDS:
            raise InvalidArgument(
                f"there are no findings of kind {kind!r}", did_you_mean(kind, KINDS, f"of {', '.join(KINDS)}")
            )
    if not asked:
        raise InvalidArgument("no kind of findings is asked for", f"of {', '.join(KINDS)}; leave it out for all")
    several_ask = not answers and len(_OF_JOBS.intersection(asked)) > 1
    with read_once(estate, snapshots=not _OF_SNAPSHOTS.isdisjoint(asked)) if several_ask else nullcontext():
        parts, why = _parts(_Asked(estate, answers or {}), asked, owner, partial)
    made = _together(parts)
    made["severity"] = [_SEVERITY.get(pair, _OTHERWISE) for pair in zip(made["kind"], made["reason"], strict=True)]
    made["severity"] = made["severity"].astype("Int64")
    made["order"] = [_ORDER.get(pair, len(_ORDER)) for pair in zip(made["kind"], made["reason"], strict=True)]
    order = ["severity", "order", "since", "kind", "id", "reason"]
    made = _once(made).sort_values(order, kind="stable", ignore_index=True)
    notes = [f"findings of kind {kind} are not known: {told}" for kind, told in why.items()]
    return answer(estate, made[list(COLUMNS)], *notes, **({"unanswered": why} if partial else {}))


def _parts(
    ask: _Asked, kinds: Iterable[str], owner: str, partial: bool
) -> tuple[list[pandas.DataFrame], dict[str, str]]:
    """The findings by kind, and why there are none of a kind that cannot be told."""
    parts: list[pandas.DataFrame] = []
    refused: dict[str, InvalidArgument | AzureError] = {}
    for kind in kinds:
        try:
            parts.append(KINDS[kind](ask, owner).assign(kind=kind))
        except (InvalidArgument, AzureError) as error:
            if not partial:
                raise
            refused[kind] = error
    if refused and not parts:
        raise next(iter(refused.values()))
    return parts, {kind: error.message for kind, error in refused.items()}


def _together(parts: list[pandas.DataFrame]) -> pandas.DataFrame:
    texts = [name for name in COLUMNS if name not in ("severity", "since")]
    dtypes = {**dict.fromkeys(texts, "str"), "since": "datetime64[us, UTC]"}
    whole = [part.reindex(columns=[*texts, "since"]).astype(dtypes) for part in parts]
    return pandas.concat(whole, ignore_index=True)


def _once(made: pandas.DataFrame) -> pandas.DataFrame:
    """Without the gaps that a failure of the same instance explains."""
    failing = set(key(made.loc[made["kind"] == FAILURE, "id"]).dropna())
    told = made["kind"].eq(GAP) & made["reason"].eq("stale") & key(made["backupInstanceId"]).isin(failing)
    return made[~told]


def _gaps(ask: _Asked, owner: str) -> pandas.DataFrame:
    found = ask(coverage_gaps, owner=owner)
    return found[found["exclusion"].isna()]


def _failures(ask: _Asked, owner: str) -> pandas.DataFrame:
    found = ask(triage, owner=owner)
    said = found["errorCode"].where(found["errorCode"].notna(), found["reason"])
    counts = found["failures"].fillna(0).astype(int).astype("str")
    detail = said.where(~found["failed"].astype(bool), said + ", " + counts + " in a row")
    return found.assign(detail=detail, backupInstanceId=found["id"])


def _orphans(ask: _Asked, owner: str) -> pandas.DataFrame:
    found = ask(orphan_instances)
    whose = owners(ask.estate, owner, found["dataSourceId"], found["id"])
    return found.assign(reason=found["verdict"], backupInstanceId=found["id"], owner=whose)


def _posture(ask: _Asked, owner: str) -> pandas.DataFrame:
    found = ask(posture)
    bad = found[found["verdict"] == FAIL]
    vaults = ask.estate.vaults()
    of_vaults = tag(vaults["tags"], owner).set_axis(vaults["id"])
    detail = bad["value"].fillna("(none)") + "; wanted: " + bad["wanted"]
    return bad.assign(reason=bad["control"], detail=detail, evidence="observed", owner=bad["id"].map(of_vaults))


def _retention(ask: _Asked, owner: str) -> pandas.DataFrame:
    """One row an instance that keeps too little or too much; which tags of which policies is in the detail."""
    found = ask(retention)
    rows = found[found["verdict"].isin(("missing", "surplus"))]
    count = rows["missing"].where(rows["verdict"] == "missing", rows["surplus"])
    tag, policy = rows["retentionTag"].fillna("a tag unknown"), rows["policyName"].fillna("a policy unknown")
    rows = rows.assign(said=count.astype("str") + " of " + tag + " by " + policy)
    groups = rows.groupby(["id", "verdict"], as_index=False, sort=True)
    first = {name: (name, "first") for name in ("name", "subscriptionId", "dataSourceId")}
    made = groups.agg(**first, detail=("said", ", ".join))
    whose = owners(ask.estate, owner, made["dataSourceId"], made["id"])
    return made.assign(reason=made["verdict"], evidence="inferred", backupInstanceId=made["id"], owner=whose)


def _orphan_snapshots(ask: _Asked, owner: str) -> pandas.DataFrame:
    """One row a disk, or what was one, and reason: how many snapshots, and how much they hold at most."""
    found = ask(orphan_snapshots)
    groups = found.assign(source=key(found["sourceResourceId"])).groupby(
        ["source", "reason"], as_index=False, sort=True
    )
    made = groups.agg(
        id=("sourceResourceId", "first"), subscriptionId=("subscriptionId", "first"), evidence=("evidence", "first"),
        since=("expiryTime", "min"), snapshots=("id", "size"), size=("diskSizeGB", "sum"), one=("id", "first"),
        instance=("backupInstanceId", "first"),
    )  # fmt: skip
    detail = made["snapshots"].astype("str") + " snapshots, at most " + made["size"].astype("str") + " GiB"
    at = pandas.Series("at", made.index, "str").where(made["since"].notna())
    whose = owners(ask.estate, owner, made["id"], made["instance"], made["one"])
    name = made["id"].str.extract(r"([^/]*)$", expand=False)
    return made.assign(name=name, detail=detail, sinceIs=at, owner=whose)


def _headroom(ask: _Asked, owner: str) -> pandas.DataFrame:
    found = ask(snapshot_headroom)
    rows = found[found["status"].isin((FULL, WILL_FILL))]
    detail = rows["snapshots"].astype("str") + " snapshots of " + rows["limit"].astype("str") + " that a disk can have"
    whose = owners(ask.estate, owner, rows["id"])
    return rows.assign(reason=rows["status"], detail=detail, evidence="observed", owner=whose)


KINDS: dict[str, Callable[[_Asked, str], pandas.DataFrame]] = {
    GAP: _gaps,
    FAILURE: _failures,
    ORPHAN_INSTANCE: _orphans,
    POSTURE: _posture,
    RETENTION: _retention,
    ORPHAN_SNAPSHOTS: _orphan_snapshots,
    HEADROOM: _headroom,
}
"""The kinds of findings, and where each comes from."""
