"""``make bench``: every benchmark of this folder, one after another."""

from __future__ import annotations

from tests.benchmarks import commands, completion, frames, load

if __name__ == "__main__":
    for benchmark in (load, completion, commands, frames):
        print("\n".join(benchmark.measure()), flush=True)
