"""Durations counted where the jobs are: the KQL of buckets, and its pieces as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas

from dpmagic.analysis.backups.keys import SUCCESS
from dpmagic.analysis.lengths import buckets
from dpmagic.analysis.lengths.groups import Group, kql_groups, places
from dpmagic.analysis.lengths.jobs import ENDED_BADLY, FAILED, RUNNING, SUCCEEDED, refuse_forgotten, refuse_unknown
from dpmagic.estate import views
from dpmagic.estate.estate import Estate
from dpmagic.estate.grouped import grouped
from dpmagic.estate.live import KEPT
from dpmagic.frames.columns import TIME
from dpmagic.frames.declared import conform
from dpmagic.frames.times import format_time
from dpmagic.graph.literals import literal, literals

_DTYPES = {
    "state": "str", "bucket": "Float64", "n": "Int64", "max": "Float64", "oldest": "datetime64[us, UTC]",
    "warnings": "Int64",
}  # fmt: skip


def pieces_at_source(
    estate: Estate, asked: Sequence[Group], category: str, failed: bool
) -> tuple[pandas.DataFrame, dict[str, Any]] | None:
    """One row a group, state and bucket, and one more wherever the question had to be split; with it, what is to be
    said of the jobs that were counted.  None where the tables are at hand.

    Raises as `dpmagic.estate.grouped.grouped` does, and `InvalidArgument` when the window is forgotten.
    """
    view = views.view("jobs", estate.window)
    first = estate.source.count(
        f"{view}\n| summarize rows = count(), oldest = min(startTime) by subscriptionId", estate.now
    )
    if first is None:
        return None
    if not len(first):  # also where nothing can be read
        first = pandas.DataFrame({"rows": [], "oldest": []})
    since = format_time(estate.now - KEPT)
    refuse_forgotten(estate, since)
    before, keys, shown = kql_groups(asked, estate.window)
    found, asked_for = grouped(estate, "jobs", lambda more: body(before, keys, shown, more, category, failed))
    if not len(found):
        refuse_unknown(category)
    dtypes = dict(zip(places(asked), (group.dtype for group in asked), strict=True)) | _DTYPES
    columns = {name: "str" for group in asked for name in group.columns if f"{name} = take_any({name})" in shown}
    lacking = dict.fromkeys(name for name in (*dtypes, *columns) if name not in found)
    made = conform(found.assign(**lacking), dtypes | columns)
    made = made.assign(bucket=made["bucket"].astype(float), max=made["max"].astype(float))
    rows, oldest = int(first["rows"].sum()), conform(first, {"oldest": TIME})["oldest"].min()
    told = {"rows": rows, "of": rows, "since": since, "notes": [], "answers": len(asked_for)}
    return made, told | {"oldest": None if pandas.isna(oldest) else format_time(oldest.to_pydatetime(warn=False))}


def body(
    before: str, keys: Sequence[str], shown: Sequence[str], more: Sequence[str], category: str, failed: bool
) -> str:
    """The query behind the view of jobs."""
    measured = [SUCCEEDED, FAILED] if failed else [SUCCEEDED]
    sums = [
        "n = count()", "max = max(durationSeconds)", "oldest = min(startTime)",
        "warnings = countif(status =~ 'CompletedWithWarnings')",
        *(one for one in shown if one.split()[0] not in more),  # what is grouped by shows itself
    ]  # fmt: skip
    lines = [
        f"| where operationCategory =~ {literal(category)}",
        *([before] if before else []),
        f"| extend state = case(status in~ ({literals(SUCCESS)}), {literal(SUCCEEDED)}, "
        f"status in~ ({literals(ENDED_BADLY)}), {literal(FAILED)}, {literal(RUNNING)})",
        f"| extend bucket = case(state !in ({literals(measured)}) or isnull(durationSeconds), real(null), "
        f"{buckets.kql('durationSeconds')})",
        f"| summarize {', '.join(sums)} by {', '.join([*more, *keys, 'state', 'bucket'])}",
    ]
    return "\n".join(lines)
