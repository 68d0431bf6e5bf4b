"""Which items of a backup a restore takes: containers, ranges of names, paths within containers.

The limits are az's: 10 ranges, 100 containers, 3 to 63 characters of a prefix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from dpmagic.errors import InvalidArgument, MissingArgument

_MOST_RANGES = 10
_MOST_CONTAINERS = 100
_SHORTEST, _LONGEST = 3, 63
# A container's name (no two hyphens in a row, none at an end), then perhaps the start of a blob's.
_PREFIX = re.compile(r"(?=[^/]{3,63}(?:/|$))[a-z0-9]+(?:-[a-z0-9]+)*(?:/.{1,60})*")


def of_containers(names: Sequence[str], *, in_time: bool) -> list[dict[str, Any]]:
    """Criteria for whole containers, of a recovery point or (``in_time``) of a point in time.

    Raises `InvalidArgument` for too many and for a system container.
    """
    most, what = (_MOST_RANGES, "a point in time") if in_time else (_MOST_CONTAINERS, "a recovery point")
    if len(names) > most:
        raise InvalidArgument(
            f"--container-list has {len(names)} containers, a restore from {what} takes {most}",
            "restore the rest with another request",
        )
    for name in names:
        _check_container(name)
    # Blob names sort after their container's and a slash, all before its name and "-0".
    return [_range(name, f"{name}-0") if in_time else _path(name) for name in names]


def of_prefixes(starts: Sequence[str] | None, ends: Sequence[str] | None) -> list[dict[str, Any]]:
    """Criteria for ranges of names, the first of each in ``starts`` and the last in ``ends``.

    Raises `MissingArgument` or `InvalidArgument` for ranges that have no end, are too many, overlap or cannot be.
    """
    if not (starts and ends):
        raise MissingArgument(
            "--from-prefix-pattern and --to-prefix-pattern go together", "give as many of one as of the other"
        )
    if len(starts) != len(ends):
        raise InvalidArgument(
            f"--from-prefix-pattern has {len(starts)} patterns, --to-prefix-pattern {len(ends)}",
            "give as many of one as of the other",
        )
    if len(starts) > _MOST_RANGES:
        raise InvalidArgument(f"a restore takes {_MOST_RANGES} prefix ranges, not {len(starts)}", "split the request")
    ranges = list(zip(starts, ends, strict=True))
    for start, end in ranges:
        _check_prefix(start)
        _check_prefix(end)
        if start >= end:
            raise InvalidArgument(
                f"the prefix range {start!r} to {end!r} is empty", "the first must sort before the last"
            )
    for one, other in combinations(ranges, 2):
        if one[0] <= other[1] and other[0] <= one[1]:
            raise InvalidArgument(
                f"the prefix ranges {one[0]!r} to {one[1]!r} and {other[0]!r} to {other[1]!r} overlap",
                "give ranges that have nothing in common",
            )
    return [_range(start, end) for start, end in ranges]


def of_paths(pattern: Any) -> list[dict[str, Any]]:
    """Criteria from ``{containers:[{name:..,prefixmatch:[..]}]}``: what of each container begins so.

    Raises `InvalidArgument` when it is not that, and for a system container.
    """
    containers = pattern.get("containers") if isinstance(pattern, Mapping) else None
    if not (isinstance(containers, list) and containers and all(_is_container(one) for one in containers)):
        raise InvalidArgument(
            "--vaulted-blob-prefix-pattern has not the right shape",
            "write {containers:[{name:NAME,prefixmatch:[PREFIX,PREFIX]}]}",
        )
    for one in containers:
        _check_container(one["name"])
    return [_path(one["name"], _prefixes(one)) for one in containers]


def _is_container(value: Any) -> bool:
    if not (isinstance(value, Mapping) and isinstance(value.get("name"), str)):
        return False
    prefixes = _prefixes(value)
    return prefixes is None or (isinstance(prefixes, list) and all(isinstance(one, str) for one in prefixes))


def _prefixes(container: Mapping[str, Any]) -> Any:
    return container.get("prefixmatch", container.get("prefixMatch"))


def _path(container: str, prefixes: list[str] | None = None) -> dict[str, Any]:
    criteria = {
        "objectType": "ItemPathBasedRestoreCriteria",
        "itemPath": container,
        "isPathRelativeToBackupItem": True,
    }
    return {**criteria, "subItemPathPrefix": prefixes} if prefixes else criteria


def _range(start: str, end: str) -> dict[str, Any]:
    return {"objectType": "RangeBasedItemLevelRestoreCriteria", "minMatchingValue": start, "maxMatchingValue": end}


def _check_container(name: str) -> None:
    if name.startswith("$"):
        raise InvalidArgument(f"the container {name} cannot be restored", "leave out those that begin with $")


def _check_prefix(prefix: str) -> None:
    _check_container(prefix)
    if not (_SHORTEST <= len(prefix) <= _LONGEST and _PREFIX.fullmatch(prefix)):
        raise InvalidArgument(
            f"{prefix!r} is not a prefix that can be restored",
            f"a container's name, or that and /PREFIX, {_SHORTEST} to {_LONGEST} characters in all",
        )
