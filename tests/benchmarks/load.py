"""What ``%load_ext dpmagic`` costs, beside starting the IPython shell that it is loaded into."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

RUNS = 9
_CHILD = """
import json, sys, time
start = time.perf_counter()
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
started = time.perf_counter()
before = set(sys.modules)
shell.run_line_magic("load_ext", "dpmagic")
loaded = time.perf_counter()
print(json.dumps([started - start, loaded - started, len(set(sys.modules) - before)]))
"""


def measure() -> list[str]:
    """Lines for the report: median and best of several fresh processes."""
    runs = [json.loads(subprocess.check_output([sys.executable, "-c", _CHILD])) for _ in range(RUNS)]
    shell, load = [run[0] for run in runs], [run[1] for run in runs]
    return [
        f"%load_ext dpmagic     median {1000 * statistics.median(load):6.1f} ms, best {1000 * min(load):6.1f} ms"
        f"  (at most 20 ms), {runs[0][2]} modules",
        f"  against IPython's own start, {1000 * statistics.median(shell):.0f} ms:"
        f" {statistics.median(load) / statistics.median(shell):.3f}x",
    ]
