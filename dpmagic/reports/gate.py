"""The summary of a report for machines, and the gate: whether all is well, and if not, why not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dpmagic.analysis.posture import FAIL
from dpmagic.estate.completeness import KEY
from dpmagic.frames.files import records
from dpmagic.frames.times import format_time

if TYPE_CHECKING:
    from dpmagic.reports.contents import Report

SHUT = 4
"""The exit code when the report is written and the gate does not hold; 1 to 3 are those of every command."""

_FORMAT, _VERSION = "dpmagic report", 1
_FEW = 10


def summary(report: Report) -> dict[str, Any]:
    """JSON values only: what was asked, what was found, what was not answered, and the gate."""
    estate = report.estate
    reasons = list(_against(report))
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "target": estate.source.target,
        "principal": report.principal,
        "at": format_time(estate.now, "auto"),
        "window": estate.window.texts(),
        "completeness": estate.completeness,
        "findings": _findings(report),
        "posture": _counts(report, "posture", "verdict"),
        "answers": {name: _figures(frame) for name, frame in report.answers.items()},
        "unanswered": dict(report.unanswered),
        "gate": {"holds": not reasons, "worst": report.worst, "reasons": reasons},
        "exitCode": SHUT if reasons else 0,
    }


def _against(report: Report) -> Iterator[str]:
    """What keeps the gate shut: unreadable subscriptions, controls that fail, findings that are too bad."""
    lost = report.estate.source.scope.unreadable
    if lost:
        yield f"{len(lost)} unreadable: {', '.join(lost)}"
    failed = _counts(report, "posture", "verdict").get(FAIL, 0)
    if failed and report.controls is not None:  # the built-in ones are findings, of severity 2
        yield f"{failed} control{'s' if failed > 1 else ''} of vaults failed"
    if "findings" in report.answers:
        bad = int((report.frame("findings")["severity"] <= report.worst).sum())
        if bad:
            yield f"{bad} finding{'s' if bad > 1 else ''} of severity {report.worst}{' or worse' * (report.worst > 1)}"
    elif report.worst:
        yield f"the findings are not known: {report.unanswered.get('findings', 'nobody asked for them')}"


def _findings(report: Report) -> dict[str, Any]:
    if "findings" not in report.answers:
        return {}
    found = report.frame("findings")
    by = {str(level): int(count) for level, count in found["severity"].value_counts().sort_index().items()}
    return {
        "total": len(found),
        "bySeverity": by,
        "byKind": _counts(report, "findings", "kind"),
        "worst": records(found.head(_FEW)),
    }


def _counts(report: Report, name: str, column: str) -> dict[str, int]:
    if name not in report.answers:
        return {}
    found = report.frame(name)[column].value_counts().sort_index()
    return {str(value): int(count) for value, count in found.items()}


def _figures(frame: Any) -> dict[str, Any]:
    """An answer's rows, and the sums that it says of itself."""
    told = frame.attrs.get(KEY, {})
    known = ("target", "at", "window", "subscriptions", "tables", "rows", "notes", "table", "of", "oldest", "since")
    more = {key: value for key, value in told.items() if key not in (*known, "kql", "unread", "holes")}
    return {"rows": len(frame), "notes": list(told.get("notes") or []), **more}
