"""The recorded exchanges with Azure, rebuilt as commands: what goes out is what was recorded.

Each recording's command line is put together from its requests and run against its answers.  What differs, and what
cannot be rebuilt, is in ``wire_differences.toml``: what is listed there and goes out all the same, and what is not
listed and does not, fails.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest

from tests.canned import NO_REFERENCE, REFERENCE, Sent
from tests.commands.outcomes import RELAXATIONS, Outcome, Relaxation, outcome, relaxed, unneeded
from tests.commands.wire_commands import Recording, recordings
from tests.commands.wire_replay import replay

_LISTED = tomllib.loads((Path(__file__).parent / "wire_differences.toml").read_text("utf-8"))
DIFFERENCES, MISSING = _LISTED["difference"], _LISTED["missing"]
pytestmark = pytest.mark.skipif(not recordings(), reason=NO_REFERENCE)


def _exchanges(listed: str) -> list[tuple[str, int]]:
    """The exchanges that a ``name.first-last`` or ``name.number`` stands for."""
    name, _, numbers = listed.rpartition(".")
    first, _, last = numbers.partition("-")
    return [(name, number) for number in range(int(first), int(last or first) + 1)]


NAMED = [exchange for row in MISSING for listed in row["exchanges"] for exchange in _exchanges(listed)]


def _missing(recording: Recording) -> set[int]:
    return {number for name, number in NAMED if name == recording.name}


def _relaxations(recording: Recording) -> list[Relaxation]:
    """Those of all differences of a recording, the requests that we add being one list."""
    rows = [row["relax"].items() for row in DIFFERENCES if recording.name in row["recordings"]]
    relaxations = [one for row in rows for one in row]
    added = [pattern for kind, value in relaxations if kind == "adds" for pattern in value]
    return [one for one in relaxations if one[0] != "adds"] + ([("adds", added)] if added else [])


def _recorded(recording: Recording, numbers: set[int]) -> Outcome:
    sent = [
        Sent(one["method"], one["path"], one.get("query") or {}, one["body"])
        for number, one in enumerate(recording.exchanges)
        if number in numbers
    ]
    return outcome(0, None, sent)


def _ours(recording: Recording) -> Outcome:
    return outcome(0, None, replay(recording.name).sent)


def _going_out(recording: Recording) -> set[int]:
    """The exchanges of which the requests go out the same, in their order, be they listed or not."""
    everything = _recorded(recording, {*range(len(recording.exchanges))})
    expected, got = relaxed(everything, _ours(recording), [one for one in _relaxations(recording) if one[0] != "adds"])
    texts = [[repr(_sorted(one)) for one in side["http"]] for side in (expected, got)]
    blocks = SequenceMatcher(None, *texts, autojunk=False).get_matching_blocks()
    return {number for block in blocks for number in range(block.a, block.a + block.size)}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((key, _sorted(one)) for key, one in value.items())
    return [_sorted(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", recordings() or [""])
def test_a_recorded_command_goes_out_the_same(name: str) -> None:
    recording, missing = recordings()[name], _missing(recordings()[name])
    if len(missing) == len(recording.exchanges):
        assert _going_out(recording) < missing, "wire_differences.toml lists what goes out all the same"
        return
    run, relaxations = replay(name), _relaxations(recording)
    recorded, ours = _recorded(recording, {*range(len(recording.exchanges))} - missing), _ours(recording)
    expected, got = relaxed(recorded, ours, relaxations)
    assert got == expected, (run.lines, run.lacks, run.errors)
    assert [kind for kind, _ in unneeded(recorded, ours, relaxations)] == []
    assert not _going_out(recording) & missing, "wire_differences.toml lists what goes out all the same"
    refused = [one for one in recording.exchanges if one["status"] >= 400]
    assert refused or not run.errors


def test_at_least_four_fifths_of_the_exchanges_are_rebuilt() -> None:
    everything = sum(len(one.exchanges) for one in recordings().values())
    same = sum(len(_going_out(one) - _missing(one)) for one in recordings().values())
    print(f"{same} of {everything} recorded exchanges are rebuilt and go out the same: {same / everything:.1%}")
    assert everything == 582
    assert same + len(NAMED) == everything
    assert same >= 0.8 * everything


@pytest.mark.parametrize("row", MISSING, ids=lambda row: row["lacks"][:60])
def test_what_is_missing_is_in_the_recordings_once(row: dict[str, Any]) -> None:
    assert row["lacks"]
    for exchange in (one for listed in row["exchanges"] for one in _exchanges(listed)):
        name, number = exchange
        assert number < len(recordings()[name].exchanges)
        assert Counter(NAMED)[exchange] == 1


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: (row.get("az") or row["reason"])[:60])
def test_a_difference_stands_on_something(row: dict[str, Any]) -> None:
    assert set(row["recordings"]) <= set(recordings())
    assert set(row["relax"]) <= set(RELAXATIONS)
    assert ("az" in row) != ("reason" in row)
    defects = (REFERENCE / "az-defects.md").read_text("utf-8").splitlines()
    assert "az" not in row or any(line.startswith(f"| {row['az']} |") for line in defects)
