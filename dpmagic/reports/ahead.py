"""Loads what the notebook of a report needs sooner or later: a kernel does so while the estate is still being read."""

from __future__ import annotations

import gc
from importlib import import_module
from pkgutil import iter_modules

from dpmagic import analysis, charts

_NEEDED = (
    "pandas",
    "orjson",
    "tzlocal.windows_tz",
    "pyarrow.dataset",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "scipy.stats",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "xlsxwriter",
    "dpmagic.archive.source",
    "dpmagic.estate.saved",
    *(f"dpmagic.analysis.{found.name}" for found in iter_modules(analysis.__path__) if not found.ispkg),
    "dpmagic.analysis.lengths.exact",
    "dpmagic.archive.posture_history",
    "dpmagic.reports.contents",
    "dpmagic.reports.evidence",
)

for name in _NEEDED:
    import_module(name)
for name in charts.__all__:
    getattr(charts, name)
gc.collect()
gc.freeze()  # what was loaded stays: there is no need to look through it with each collection
