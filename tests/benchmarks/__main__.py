"""``make bench``: every benchmark of this folder, one after another."""

from __future__ import annotations

from tests.benchmarks import (
    commands,
    completion,
    coverage,
    estates,
    frames,
    load,
    pacing,
    report,
    resource_graph,
    tables,
)

if __name__ == "__main__":
    for benchmark in (load, completion, commands, frames, resource_graph, pacing, estates, tables, coverage, report):
        print("\n".join(benchmark.measure()), flush=True)
