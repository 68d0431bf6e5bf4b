"""A baseline of vault settings: data, read and checked."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from dpmagic.analysis.arguments import file_of
from dpmagic.errors import InvalidArgument, did_you_mean

ROLES = "roles"
MEMBERS = ("column", "allowed", "least", "missing", "when", "remedy", "advice")
"""What a control of a baseline can have."""

_HOW = 'such as {"immutability": {"column": "immutabilityState", "allowed": ["Locked"]}}'


@dataclass(frozen=True)
class Control:
    """One thing a vault should have: a column's value among ``allowed``, or no smaller than ``least``.

    ``missing`` is what an absent value means, None when nobody knows; ``when`` where the control applies; ``remedy``
    options of ``backup-vault update`` that make it pass, and ``advice`` what to do in words.
    """

    name: str
    column: str
    allowed: tuple[Any, ...] = ()
    least: float | None = None
    missing: Any = None
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    remedy: str = ""
    advice: str = ""

    @property
    def wanted(self) -> str:
        """What passes, in words."""
        if self.column == ROLES:
            return "every role that its disks need"
        return f"at least {self.least:g}" if self.least is not None else " or ".join(map(str, self.allowed))

    def passes(self, value: Any) -> bool:
        """Whether a value that is there will do."""
        if self.least is not None:
            return float(value) >= self.least
        return _plain(value) in {_plain(one) for one in self.allowed}

    def applies(self, row: Mapping[str, Any]) -> bool:
        """Whether it is asked of a vault at all."""
        return all(_plain(row.get(column)) in {_plain(one) for one in values} for column, values in self.when.items())


def read(given: Mapping[str, Any] | str | Path | None) -> list[Control]:
    """The controls of a mapping or of a TOML file; without one, those that come with dpmagic.

    Raises `InvalidArgument` for a file that cannot be read and for a control that asks for nothing.
    """
    return [_control(str(name), of) for name, of in whole(given).items()]


def shipped() -> dict[str, Any]:
    """The controls that come with dpmagic, as their file has them."""
    return tomllib.loads(resources.files("dpmagic.analysis").joinpath("baseline.toml").read_text("utf-8"))


def whole(given: Mapping[str, Any] | str | Path | None) -> Mapping[str, Any]:
    """A mapping of controls as it is given, or as its file has it.  Raises as `read`."""
    if given is None:
        return shipped()
    if isinstance(given, Mapping):
        return given
    path = file_of(given, "baseline", "give a mapping, or the name of a TOML file")
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise InvalidArgument(f"the baseline {given} cannot be read: {error.strerror}", "name a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"the baseline {given} is not TOML: {error}", "correct the file there") from error


def _control(name: str, of: Any) -> Control:
    if not isinstance(of, Mapping) or "column" not in of:
        raise InvalidArgument(f"the control {name} names no column", _HOW)
    for key in of:
        if key not in MEMBERS:
            raise InvalidArgument(f"the control {name} has no {key}", did_you_mean(str(key), MEMBERS, _HOW))
    if of["column"] != ROLES and ("allowed" in of) == ("least" in of):
        raise InvalidArgument(f"the control {name} asks for nothing, or for two things", "give `allowed` or `least`")
    if "allowed" in of and all(one is None for one in _several(of["allowed"])):
        raise InvalidArgument(f"the control {name} allows no value", _HOW)
    if isinstance(of.get("least", 0), bool) or not isinstance(of.get("least", 0), int | float):
        raise InvalidArgument(f"the control {name}: {of['least']!r} is no number", "give `least` one, such as 14")
    if not isinstance(of.get("when", {}), Mapping):
        raise InvalidArgument(f"the control {name}: when is no mapping", 'such as {"storageType": ["GeoRedundant"]}')
    when = {str(column): tuple(_several(values)) for column, values in of.get("when", {}).items()}
    try:
        shlex.split(str(of.get("remedy", "")))
    except ValueError as error:
        told = f"the control {name}: its remedy does not read: {str(error).lower()}"
        raise InvalidArgument(told, 'such as "--soft-delete-state On"') from error
    return Control(
        name,
        of["column"],
        tuple(_several(of.get("allowed", ()))),
        of.get("least"),
        of.get("missing"),
        when,
        str(of.get("remedy", "")),
        str(of.get("advice", "")),
    )


def _several(values: Any) -> list[Any]:
    return list(values) if isinstance(values, list | tuple) else [values]


def _plain(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
