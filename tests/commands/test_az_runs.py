"""What the real az printed and sent, run by run: the same here, but for the differences in ``az_differences.toml``.

A difference stands on a row of the list of az's defects, or has a reason of its own, and says how the comparison is
relaxed for it.  A relaxation that a run does not need fails the test, so the list cannot hide more than it says.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.canned import NO_REFERENCE, REFERENCE, Sent, az, recorded
from tests.commands.outcomes import RELAXATIONS, Outcome, Relaxation, outcome, relaxed, unneeded


def _name(number: int, line: str) -> str:
    words = line.removeprefix("dataprotection ").split(" -")[0].split()
    return f"{number:03d} {' '.join(words)}"


RUNS = {_name(number, run["cmd"]): run for number, run in enumerate(recorded("az-runs.jsonl"))}
DIFFERENCES = tomllib.loads((Path(__file__).parent / "az_differences.toml").read_text("utf-8"))["difference"]


def _recorded(name: str) -> Outcome:
    run = RUNS[name]
    return outcome(run["rc"], run["result"], [Sent.of(one["m"], one["u"], one["b"]) for one in run["http"]])


def _relaxations(name: str) -> list[Relaxation]:
    found = [one for row in DIFFERENCES if name in row["runs"] for one in row["relax"].items()]
    return [(kind, _recorded(value) if kind == "like" else value) for kind, value in found]


@pytest.mark.skipif(not RUNS, reason=NO_REFERENCE)
@pytest.mark.parametrize("name", RUNS or [""])
def test_a_run_is_as_with_az(name: str) -> None:
    run = az(RUNS[name]["cmd"])
    recorded, ours = _recorded(name), outcome(*run)
    relaxations = _relaxations(name)
    expected, got = relaxed(recorded, ours, relaxations)
    assert got == expected, run.error and run.error.lines()
    assert [kind for kind, _ in unneeded(recorded, ours, relaxations)] == []


@pytest.mark.skipif(not RUNS, reason=NO_REFERENCE)
@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: (row.get("az") or row["reason"])[:60])
def test_a_difference_stands_on_something(row: dict[str, Any]) -> None:
    assert set(row["runs"]) <= set(RUNS)
    assert set(row["relax"]) <= set(RELAXATIONS)
    assert ("az" in row) != ("reason" in row)
    defects = (REFERENCE / "az-defects.md").read_text("utf-8").splitlines()
    assert "az" not in row or any(line.startswith(f"| {row['az']} |") for line in defects)
