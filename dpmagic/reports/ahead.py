"""Loads what the notebook of a report needs sooner or later: a kernel does so while the estate is still being read.

A chart of nothing is drawn, too: fonts and measures of letters, which the first one takes, are then there.
"""

from __future__ import annotations

import gc
import string
from importlib import import_module
from pkgutil import iter_modules

from pandas import DataFrame

from dpmagic import analysis, charts
from dpmagic.charts.style import axes, empty, vector

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
vector(empty(axes(), DataFrame(), string.printable, string.printable))
gc.collect()
gc.freeze()  # what was loaded stays: there is no need to look through it with each collection
gc.set_threshold(50_000, 20, 100)  # questions make many objects of pandas' and few cycles of them
