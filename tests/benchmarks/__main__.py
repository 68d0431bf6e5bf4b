"""``make bench``: every benchmark of this folder, one after another."""

from __future__ import annotations

from tests.benchmarks import (
    archive,
    capacity,
    commands,
    completion,
    coverage,
    estates,
    frames,
    load,
    pacing,
    questions,
    reading,
    report,
    resource_graph,
    tables,
)

_ALL = (
    load,
    completion,
    commands,
    frames,
    resource_graph,
    pacing,
    estates,
    tables,
    reading,
    coverage,
    archive,
    report,
    questions,
    capacity,
)

if __name__ == "__main__":
    for benchmark in _ALL:
        print("\n".join(benchmark.measure()), flush=True)
