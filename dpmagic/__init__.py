"""Azure Backup vaults in a notebook.

There ``%load_ext dpmagic`` registers ``%%dataprotection`` and ``%%resourcegraph``; in a script the same is::

    import dpmagic

    dpmagic.connect_sandbox()  # or connect_azure, connect_endpoint
    vaults = dpmagic.run("backup-vault list")  # a command of az dataprotection; its answer is a DataFrame
    estate = dpmagic.open()  # all that can be seen, as tables: estate.jobs(), estate.disks()
    worst = dpmagic.triage(estate)  # and every other question
    dpmagic.charts.triage(worst).figure.savefig("worst.png")

Nothing heavy is loaded until it is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dpmagic.analysis.adherence import adherence as adherence
    from dpmagic.analysis.churn import churn as churn
    from dpmagic.analysis.concurrency import concurrency as concurrency
    from dpmagic.analysis.controls import control_members as control_members
    from dpmagic.analysis.controls import controls as controls
    from dpmagic.analysis.cost_of import cost_of as cost_of
    from dpmagic.analysis.coverage import coverage as coverage
    from dpmagic.analysis.coverage_calendar import coverage_calendar as coverage_calendar
    from dpmagic.analysis.coverage_gaps import coverage_gaps as coverage_gaps
    from dpmagic.analysis.duration_outliers import duration_outliers as duration_outliers
    from dpmagic.analysis.duration_trend import duration_trend as duration_trend
    from dpmagic.analysis.durations import durations as durations
    from dpmagic.analysis.exclusions import exclusions as exclusions
    from dpmagic.analysis.failures import failures as failures
    from dpmagic.analysis.failures import recoveries as recoveries
    from dpmagic.analysis.findings import findings as findings
    from dpmagic.analysis.forecast import forecast as forecast
    from dpmagic.analysis.latest import latest_points as latest_points
    from dpmagic.analysis.long_running import long_running as long_running
    from dpmagic.analysis.missed_runs import missed_runs as missed_runs
    from dpmagic.analysis.orphan_instances import orphan_instances as orphan_instances
    from dpmagic.analysis.orphan_snapshots import orphan_snapshots as orphan_snapshots
    from dpmagic.analysis.policy_inventory import policy_inventory as policy_inventory
    from dpmagic.analysis.posture import posture as posture
    from dpmagic.analysis.restore_evidence import restore_evidence as restore_evidence
    from dpmagic.analysis.retention import retention as retention
    from dpmagic.analysis.retention_minimum import retention_minimum as retention_minimum
    from dpmagic.analysis.retention_points import retention_points as retention_points
    from dpmagic.analysis.rpo import rpo as rpo
    from dpmagic.analysis.simulate import simulate as simulate
    from dpmagic.analysis.sizing.exports import read_exports as read_exports
    from dpmagic.analysis.snapshot_headroom import snapshot_headroom as snapshot_headroom
    from dpmagic.analysis.start_delay import start_delay as start_delay
    from dpmagic.analysis.stored import stored as stored
    from dpmagic.analysis.success_rate import success_rate as success_rate
    from dpmagic.analysis.targets import rpo_targets as rpo_targets
    from dpmagic.analysis.triage import triage as triage
    from dpmagic.api import connect_azure as connect_azure
    from dpmagic.api import connect_endpoint as connect_endpoint
    from dpmagic.api import connect_sandbox as connect_sandbox
    from dpmagic.api import connected as connected
    from dpmagic.api import open as open
    from dpmagic.api import rest as rest
    from dpmagic.api import resume as resume
    from dpmagic.api import run as run
    from dpmagic.archive.collect import collect as collect
    from dpmagic.archive.compare import compare as compare
    from dpmagic.archive.posture_history import posture_history as posture_history
    from dpmagic.archive.telling import markdown as markdown
    from dpmagic.estate import Estate as Estate
    from dpmagic.estate import Window as Window
    from dpmagic.queries import query as query
    from dpmagic.reports.report import report as report
    from dpmagic.schedules import expected_points as expected_points

# A public name and the module that has it, loaded when the name is first used.
_PUBLIC = {
    "Estate": "dpmagic.estate",
    "Window": "dpmagic.estate",
    "adherence": "dpmagic.analysis.adherence",
    "churn": "dpmagic.analysis.churn",
    "collect": "dpmagic.archive.collect",
    "compare": "dpmagic.archive.compare",
    "connect_azure": "dpmagic.api",
    "connect_endpoint": "dpmagic.api",
    "connect_sandbox": "dpmagic.api",
    "connected": "dpmagic.api",
    "control_members": "dpmagic.analysis.controls",
    "controls": "dpmagic.analysis.controls",
    "cost_of": "dpmagic.analysis.cost_of",
    "coverage": "dpmagic.analysis.coverage",
    "coverage_gaps": "dpmagic.analysis.coverage_gaps",
    "exclusions": "dpmagic.analysis.exclusions",
    "concurrency": "dpmagic.analysis.concurrency",
    "duration_outliers": "dpmagic.analysis.duration_outliers",
    "duration_trend": "dpmagic.analysis.duration_trend",
    "long_running": "dpmagic.analysis.long_running",
    "coverage_calendar": "dpmagic.analysis.coverage_calendar",
    "durations": "dpmagic.analysis.durations",
    "expected_points": "dpmagic.schedules",
    "failures": "dpmagic.analysis.failures",
    "findings": "dpmagic.analysis.findings",
    "forecast": "dpmagic.analysis.forecast",
    "latest_points": "dpmagic.analysis.latest",
    "markdown": "dpmagic.archive.telling",
    "missed_runs": "dpmagic.analysis.missed_runs",
    "open": "dpmagic.api",
    "orphan_instances": "dpmagic.analysis.orphan_instances",
    "policy_inventory": "dpmagic.analysis.policy_inventory",
    "posture": "dpmagic.analysis.posture",
    "posture_history": "dpmagic.archive.posture_history",
    "query": "dpmagic.queries",
    "read_exports": "dpmagic.analysis.sizing.exports",
    "recoveries": "dpmagic.analysis.failures",
    "report": "dpmagic.reports.report",
    "rest": "dpmagic.api",
    "restore_evidence": "dpmagic.analysis.restore_evidence",
    "resume": "dpmagic.api",
    "orphan_snapshots": "dpmagic.analysis.orphan_snapshots",
    "retention": "dpmagic.analysis.retention",
    "retention_minimum": "dpmagic.analysis.retention_minimum",
    "retention_points": "dpmagic.analysis.retention_points",
    "simulate": "dpmagic.analysis.simulate",
    "snapshot_headroom": "dpmagic.analysis.snapshot_headroom",
    "rpo": "dpmagic.analysis.rpo",
    "rpo_targets": "dpmagic.analysis.targets",
    "run": "dpmagic.api",
    "start_delay": "dpmagic.analysis.start_delay",
    "stored": "dpmagic.analysis.stored",
    "success_rate": "dpmagic.analysis.success_rate",
    "triage": "dpmagic.analysis.triage",
}

_ROOMS = ("charts", "errors", "sandbox")  # public names stand in these too: `charts.triage`, `errors.AzureError`

__all__ = [*_PUBLIC, *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    if name in _ROOMS:
        return import_module(f"dpmagic.{name}")
    begun = [one for one in _PUBLIC if one.startswith(f"{name}_")]
    told = f"; there are {', '.join(begun)}" if begun else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{told}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def load_ipython_extension(shell: Any) -> None:
    """Register the magics: what ``%load_ext dpmagic`` calls."""
    from dpmagic.notebook import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics and their completion away again."""
    from dpmagic.notebook import unload

    unload(shell)
