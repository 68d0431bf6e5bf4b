"""The report: a notebook that is run over an estate, and what it leaves for others to read.

`dpmagic.report` runs it and writes the folder; `Report` is what the notebook's cells use. The notebook itself,
``report.ipynb`` beside this file, can be copied out and changed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dpmagic.reports.contents import Report as Report
    from dpmagic.reports.report import Written as Written
    from dpmagic.reports.report import report as report

_PUBLIC = {"Report": "contents", "Written": "report", "report": "report"}

__all__ = [*_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"dpmagic.reports.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; there are: {', '.join(_PUBLIC)}")
