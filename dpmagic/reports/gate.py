"""The summary of a report for machines, and the gate: whether all is well, and if not, why not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
        "controls": _verdicts(report),
        "posture": _counts(report, "posture", "verdict"),
        "answers": {name: _figures(frame) for name, frame in report.answers.items()},
        "unanswered": dict(report.unanswered),
        "gate": {"holds": not reasons, "worst": report.worst, "reasons": reasons},
        "exitCode": SHUT if reasons else 0,
    }


def _against(report: Report) -> Iterator[str]:
    """What keeps the gate shut: unreadable subscriptions and tables, controls that fail, findings that are too bad."""
    lost = report.estate.source.scope.unreadable
    if lost:
        yield f"{len(lost)} unreadable: {', '.join(lost)}"
    refused = report.estate.source.refused
    if refused:
        yield f"{len(refused)} table{'s' * (len(refused) > 1)} could not be read: {', '.join(refused)}"
    yield from _controls_against(report)
    if "findings" in report.answers:
        found = report.frame("findings")
        if report.worst and unanswered(found):
            yield f"not all findings are known: {', '.join(unanswered(found))} cannot be told"
        bad = int((found["severity"] <= report.worst).sum())
        if bad:
            yield f"{bad} finding{'s' if bad > 1 else ''} of severity {report.worst}{' or worse' * (report.worst > 1)}"
    elif report.worst:
        yield f"the findings are not known: {report.unanswered.get('findings', 'nobody asked for them')}"


def unanswered(frame: Any) -> dict[str, str]:
    """Which parts of an answer, kinds of findings or controls, could not be given, and why."""
    return dict(frame.attrs.get(KEY, {}).get("unanswered", {}))


def _controls_against(report: Report) -> Iterator[str]:
    """Of what the report was given: controls that fail, settings of vaults that do; those that ship shut no gate."""
    if report.controls is not None:
        failed = [name for name, verdict in _verdicts(report).items() if verdict == FAIL]
        if failed:
            yield f"{len(failed)} control{'s' * (len(failed) > 1)} failed: {_few(failed)}"
        unknown = unanswered(report.frame("controls")) if "controls" in report.answers else {}
        if unknown:
            yield f"{len(unknown)} control{'s' * (len(unknown) > 1)} cannot be told: {_few(unknown)}"
        if "controls" not in report.answers:
            yield f"the controls are not known: {report.unanswered.get('controls', 'nobody asked for them')}"
    if report.baseline is not None:
        count = _counts(report, "posture", "verdict").get(FAIL, 0)
        if count:
            yield f"{count} setting{'s' * (count > 1)} of vaults failed the baseline"
        if "posture" not in report.answers:
            yield f"the posture of vaults is not known: {report.unanswered.get('posture', 'nobody asked for it')}"


def _few(names: Iterable[str]) -> str:
    all_of = list(names)
    return ", ".join(all_of[:_FEW]) + (f" and {len(all_of) - _FEW} more" if len(all_of) > _FEW else "")


def _verdicts(report: Report) -> dict[str, str]:
    if "controls" not in report.answers:
        return {}
    found = report.frame("controls")
    return dict(zip(map(str, found["control"]), map(str, found["verdict"]), strict=True))


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
