"""Charts: one function an analysis, which takes its frame and an optional Axes and gives the Axes back.

``dpmagic.charts.durations(dpmagic.durations(estate, by="vault"))`` is shown by a notebook as the picture;
``axes.figure.savefig("durations.png")`` writes it. Without an Axes each makes a figure of its own, which pyplot knows
nothing of. Loading this room loads nothing; the first chart loads matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# A chart and the module that has it, loaded when the chart is first used.
_CHARTS: dict[str, str] = {
    "churn": "dpmagic.charts.changing",
    "forecast": "dpmagic.charts.ahead",
    "what_if": "dpmagic.charts.simulated",
    "concurrency": "dpmagic.charts.heat",
    "duration_outliers": "dpmagic.charts.scatter",
    "coverage_calendar": "dpmagic.charts.calendar",
    "durations": "dpmagic.charts.percentiles",
    "controls": "dpmagic.charts.verdicts",
    "failures": "dpmagic.charts.pareto",
    "posture": "dpmagic.charts.verdicts",
    "rpo_gaps": "dpmagic.charts.gaps",
    "success_rate": "dpmagic.charts.rates",
    "retention_points": "dpmagic.charts.timeline",
    "rpo": "dpmagic.charts.ages",
    "snapshot_headroom": "dpmagic.charts.fullness",
    "triage": "dpmagic.charts.troubled",
    "coverage": "dpmagic.charts.covered",
    "coverage_gaps": "dpmagic.charts.reasons",
}

__all__ = [*_CHARTS]


def __getattr__(name: str) -> Any:
    if name in _CHARTS:
        return getattr(import_module(_CHARTS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; there are: {', '.join(_CHARTS)}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
