"""What a command did, and how two accounts of it are compared: a narrow, named relaxation at a time.

`relaxed` applies relaxations to what az did and to what we did; `unneeded` finds those that hide nothing, so that a
list of differences cannot grow beyond what it says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from copy import deepcopy
from datetime import UTC, datetime
from difflib import SequenceMatcher
from typing import Any

from tests.canned import Sent

Outcome = dict[str, Any]
"""``rc``, ``result`` and ``http``, a list of requests with ``method``, ``path``, ``query`` and ``body``."""

Relaxation = tuple[str, Any]
"""Its kind, one of `RELAXATIONS`, and what it is about."""

_GUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MADE_UP = re.compile(rf"(?<=-){_GUID}$|(?<=/roleAssignments/){_GUID}$")


def outcome(rc: int, result: Any, http: Iterable[Sent]) -> Outcome:
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


def _instants(az: Outcome, ours: Outcome, names: list[str]) -> None:
    """az sends times of these names as they are typed, we the same instants in UTC with seven digits of a second."""
    for request in az["http"]:
        for name in {*names} & {*(request["body"] or ())}:
            time = datetime.fromisoformat(request["body"][name])
            utc = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
            request["body"][name] = f"{utc:%Y-%m-%dT%H:%M:%S.%f}0Z"


def _like(az: Outcome, ours: Outcome, other: Outcome) -> None:
    """What az does in another run is right here, too."""
    az.update(deepcopy(other))


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
    "instants": _instants,
    "appends": _appends,
    "adds": _adds,
    "omits": _omits,
}


def relaxed(az: Outcome, ours: Outcome, relaxations: Iterable[Relaxation]) -> tuple[Outcome, Outcome]:
    az, ours = deepcopy(az), deepcopy(ours)
    for kind, value in sorted(relaxations, key=lambda one: list(RELAXATIONS).index(one[0])):
        RELAXATIONS[kind](az, ours, value)
    return az, ours


def unneeded(az: Outcome, ours: Outcome, relaxations: list[Relaxation]) -> list[Relaxation]:
    """Those without which the two are equal all the same."""
    return [one for one in relaxations if not _unequal(az, ours, [other for other in relaxations if other is not one])]


def _unequal(az: Outcome, ours: Outcome, relaxations: list[Relaxation]) -> bool:
    try:
        expected, got = relaxed(az, ours, relaxations)
    except (AssertionError, LookupError, TypeError):
        return True  # the others cannot even be applied without it
    return expected != got
