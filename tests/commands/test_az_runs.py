"""What the real az printed and sent, run by run: the same here, but for the differences in ``az_differences.toml``.

A difference stands on a row of the list of az's defects, or has a reason of its own, and says how the comparison is
relaxed for it.  A relaxation that a run does not need fails the test, so the list cannot hide more than it says.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable
from copy import deepcopy
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest

from tests.canned import NO_REFERENCE, REFERENCE, Sent, az, recorded

Outcome = dict[str, Any]
"""``rc``, ``result`` and ``http``, a list of requests with ``method``, ``path``, ``query`` and ``body``."""

_GUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MADE_UP = re.compile(rf"(?<=-){_GUID}$|(?<=/roleAssignments/){_GUID}$")


def _outcome(rc: int, result: Any, http: Iterable[Sent]) -> Outcome:
    # az itself writes this segment of a path in two ways.
    requests = [
        {
            "method": one.method,
            "path": one.path.replace("/resourcegroups/", "/resourceGroups/"),
            "query": dict(one.query),
            "body": one.body,
        }
        for one in http
    ]
    anonymous: Outcome = _anonymous({"rc": rc, "result": result, "http": requests})
    return anonymous


def _anonymous(value: Any) -> Any:
    """Without the GUIDs that are made up at every run: in names of backup instances and role assignments."""
    if isinstance(value, dict):
        return {key: _anonymous(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_anonymous(one) for one in value]
    return _MADE_UP.sub("GUID", value) if isinstance(value, str) else value


def _recorded(name: str) -> Outcome:
    run = RUNS[name]
    return _outcome(run["rc"], run["result"], [Sent.of(one["m"], one["u"], one["b"]) for one in run["http"]])


def _adds(az: Outcome, ours: Outcome, patterns: list[str]) -> None:
    """We send these, which az does not."""
    _without(ours, _only_in(ours, az), patterns)


def _omits(az: Outcome, ours: Outcome, patterns: list[str]) -> None:
    """az sends these, which we do not."""
    _without(az, _only_in(az, ours), patterns)


def _only_in(one: Outcome, other: Outcome) -> list[int]:
    texts = [[json.dumps(request, sort_keys=True) for request in side["http"]] for side in (one, other)]
    codes = SequenceMatcher(None, *texts, autojunk=False).get_opcodes()
    return [index for tag, start, end, _, _ in codes if tag != "equal" for index in range(start, end)]


def _without(side: Outcome, indices: list[int], patterns: list[str]) -> None:
    spelled = {index: f"{side['http'][index]['method']} {side['http'][index]['path']}" for index in indices}
    for pattern in patterns:
        assert any(re.fullmatch(pattern, text) for text in spelled.values()), f"nothing is {pattern}"
    gone = {index for index, text in spelled.items() if any(re.fullmatch(pattern, text) for pattern in patterns)}
    side["http"] = [request for index, request in enumerate(side["http"]) if index not in gone]


def _appends(az: Outcome, ours: Outcome, text: str) -> None:
    """Our query is az's and this text."""
    for request in ours["http"]:
        if request["body"]:
            request["body"]["query"] = request["body"]["query"].removesuffix(text)


def _changed(value: Any, change: Callable[[str, Any], str | None]) -> Any:
    """The same JSON with what ``change`` makes of each member's name; None leaves the member out."""
    if isinstance(value, dict):
        return {new: _changed(one, change) for key, one in value.items() if (new := change(key, one)) is not None}
    return [_changed(one, change) for one in value] if isinstance(value, list) else value


def _change(side: Outcome, change: Callable[[str, Any], str | None]) -> None:
    side["result"] = _changed(side["result"], change)
    for request in side["http"]:
        request["body"] = _changed(request["body"], change)


def _camel(az: Outcome, ours: Outcome, wanted: bool) -> None:
    """az's names are snake_case, ours camelCase."""
    _change(az, lambda key, _: re.sub("_([a-z])", lambda joint: joint[1].upper(), key))


def _spells(az: Outcome, ours: Outcome, names: dict[str, str]) -> None:
    """az calls it one thing, we another."""
    _change(az, lambda key, _: names.get(key, key))


def _nulls(az: Outcome, ours: Outcome, wanted: bool) -> None:
    """az has members that are null, which we leave out."""
    _change(az, lambda key, value: None if value is None else key)


def _drops(az: Outcome, ours: Outcome, names: list[str]) -> None:
    """az has members of these names, which we leave out."""
    _change(az, lambda key, _: None if key in names else key)


def _keeps(az: Outcome, ours: Outcome, names: list[str]) -> None:
    """We have members of these names, which az leaves out."""
    _change(ours, lambda key, _: None if key in names else key)


def _set(az: Outcome, ours: Outcome, values: dict[str, Any]) -> None:
    """Where az has something else, this value is right."""
    for path, value in values.items():
        *above, last = path.split(".")
        place: Any = az
        for key in above:
            place = place[int(key) if isinstance(place, list) else key]
        place[last] = value


def _like(az: Outcome, ours: Outcome, name: str) -> None:
    """What az does in another run is right here, too."""
    az.update(_recorded(name))


def _refused(az: Outcome, ours: Outcome, rc: int) -> None:
    """We refuse it before anything is sent."""
    az.update(rc=rc, result=None, http=[])


RELAXATIONS: dict[str, Callable[[Outcome, Outcome, Any], None]] = {
    "like": _like,
    "refused": _refused,
    "camel": _camel,
    "spells": _spells,
    "nulls": _nulls,
    "drops": _drops,
    "keeps": _keeps,
    "set": _set,
    "appends": _appends,
    "adds": _adds,
    "omits": _omits,
}


def _name(number: int, line: str) -> str:
    words = line.removeprefix("dataprotection ").split(" -")[0].split()
    return f"{number:03d} {' '.join(words)}"


RUNS = {_name(number, run["cmd"]): run for number, run in enumerate(recorded("az-runs.jsonl"))}
DIFFERENCES = tomllib.loads((Path(__file__).parent / "az_differences.toml").read_text("utf-8"))["difference"]


def _relaxed(az: Outcome, ours: Outcome, relaxations: Iterable[tuple[str, Any]]) -> tuple[Outcome, Outcome]:
    az, ours = deepcopy(az), deepcopy(ours)
    for kind, value in sorted(relaxations, key=lambda one: list(RELAXATIONS).index(one[0])):
        RELAXATIONS[kind](az, ours, value)
    return az, ours


def _relaxations(name: str) -> list[tuple[str, Any]]:
    return [one for row in DIFFERENCES if name in row["runs"] for one in row["relax"].items()]


@pytest.mark.skipif(not RUNS, reason=NO_REFERENCE)
@pytest.mark.parametrize("name", RUNS or [""])
def test_a_run_is_as_with_az(name: str) -> None:
    run = az(RUNS[name]["cmd"])
    recorded, ours = _recorded(name), _outcome(*run)
    relaxations = _relaxations(name)
    expected, got = _relaxed(recorded, ours, relaxations)
    assert got == expected, run.error and run.error.lines()
    for unneeded in relaxations:
        others = [one for one in relaxations if one is not unneeded]
        assert _unequal(recorded, ours, others), f"az_differences.toml: {unneeded[0]} is not needed"


def _unequal(az: Outcome, ours: Outcome, relaxations: list[tuple[str, Any]]) -> bool:
    try:
        expected, got = _relaxed(az, ours, relaxations)
    except (AssertionError, LookupError, TypeError):
        return True  # the others cannot even be applied without it
    return expected != got


@pytest.mark.skipif(not RUNS, reason=NO_REFERENCE)
@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: (row.get("az") or row["reason"])[:60])
def test_a_difference_stands_on_something(row: dict[str, Any]) -> None:
    assert set(row["runs"]) <= set(RUNS)
    assert set(row["relax"]) <= set(RELAXATIONS)
    assert ("az" in row) != ("reason" in row)
    defects = (REFERENCE / "az-defects.md").read_text("utf-8").splitlines()
    assert "az" not in row or any(line.startswith(f"| {row['az']} |") for line in defects)
