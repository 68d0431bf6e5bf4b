"""Loads what the notebook of a report needs sooner or later: a kernel does so while the estate is still being read."""

from __future__ import annotations

import gc
from importlib import import_module

from dpmagic import charts

_NEEDED = (
    "pandas",
    "pyarrow.parquet",
    "scipy.stats",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "xlsxwriter",
    "dpmagic.analysis.controls",
    "dpmagic.analysis.findings",
    "dpmagic.reports.contents",
    "dpmagic.reports.evidence",
)

for name in _NEEDED:
    import_module(name)
for name in charts.__all__:
    getattr(charts, name)
gc.collect()
gc.freeze()  # what was loaded stays: there is no need to look through it with each collection
