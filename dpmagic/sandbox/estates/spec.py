"""What an estate is made of, read from a short YAML: subscriptions, vaults, policies, disks, and what is wrong.

Every class here is one mapping of the file; a member's key is its name in camelCase. Instants are ISO 8601, or a span
back from the estate's ``end`` such as ``-3d``, ``-36h`` or ``-90m``; spans are ISO 8601 periods or ``6h``, ``2h1m``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from .. import times
from ..store import StateError
from ..times import span

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # where the default estate's history ends: a Monday


class EstateError(StateError):
    """An estate cannot be made. ``str()`` is one line saying what is wrong, ``hint`` one saying what to do."""


def instant(value: Any, end: int) -> int:
    """An instant in ticks, of an ISO 8601 text, a date of YAML, or a span before (``-``) or after (``+``) the end."""
    if isinstance(value, datetime):
        return times.ticks(value if value.tzinfo else value.replace(tzinfo=UTC))
    text = str(value).strip()
    if text[:1] in "+-" and text:
        return end + span(text[1:]) * (1 if text[0] == "+" else -1)
    return times.parse(text)


def _names(value: Any) -> tuple[str, ...]:
    """One name or a list of names."""
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value)


@dataclass(frozen=True)
class Policy:
    """A backup policy: ``every`` a period from an instant, one or several intervals; points kept by tags.

    ``keep`` is for the tag Default, ``daily`` and ``weekly`` for the first success of a day or week; ``intervals``
    replaces ``every`` and ``start`` by whole repeating intervals. ``datasource`` is disks, blobs or clusters.
    """

    every: str = "P1D"
    start: str = "2024-01-01T01:00:00+00:00"
    intervals: tuple[str, ...] = field(default=(), metadata={"read": _names})
    time_zone: str = ""
    keep: str = "P7D"
    daily: str = ""
    weekly: str = ""
    datasource: str = "disks"


@dataclass(frozen=True)
class Vault:
    """A Backup vault in a resource group, with copies of the policies named."""

    group: str = "rg-backup"
    policies: tuple[str, ...] = field(default=(), metadata={"read": _names})
    soft_delete: str = "On"
    redundancy: str = "LocallyRedundant"
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Disks:
    """A row of ``count`` like disks, ``name-001`` and so on; protected if it names a ``vault`` and a ``policy``.

    The vault may be another subscription's: ``Subscription/vault``. With ``perVm`` they are attached to virtual
    machines, so many each, the first as the system disk; with ``vmBackup`` a Recovery Services vault backs those
    machines up, but for the disks at ``excludeLuns``.
    """

    name: str
    count: int = 1
    size: int = 128
    sku: str = "Premium_LRS"
    group: str = "rg-workloads"
    vault: str = ""
    policy: str = ""
    snapshots: str = "rg-snapshots"
    per_vm: int = 0
    vm_backup: str = ""
    exclude_luns: tuple[int, ...] = field(default=(), metadata={"read": lambda value: tuple(int(lun) for lun in value)})
    tags: Mapping[str, str] = field(default_factory=dict)
    region: str = ""


@dataclass(frozen=True)
class Datasource:
    """``count`` like blob stores (``kind: blobs``) or Kubernetes clusters (``clusters``), protected."""

    name: str
    kind: str
    vault: str
    policy: str
    count: int = 1
    group: str = "rg-workloads"
    snapshots: str = "rg-snapshots"


@dataclass(frozen=True)
class Subscription:
    """A subscription; ``readable: false`` hides it from the caller."""

    name: str
    id: str = ""
    management_group: str = ""
    region: str = "westeurope"
    readable: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)
    vaults: Mapping[str, Vault] = field(default_factory=dict, metadata={"each": Vault})
    disks: tuple[Disks, ...] = field(default=(), metadata={"list": Disks})
    datasources: tuple[Datasource, ...] = field(default=(), metadata={"list": Datasource})


@dataclass(frozen=True)
class Plant:
    """A defect: its ``kind``, the ``disks`` it is on by name, or the ``share`` of all instances, and from when.

    What else a kind takes is in ``options``; see :mod:`.plants`.
    """

    kind: str
    disks: tuple[str, ...] = ()
    share: float = 0.0
    at: Any = None
    reason: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Spec:
    """An estate: its random seed, the ``end`` of the generated history and its length in ``days``."""

    seed: int = 1
    end: datetime = START
    days: int = 14
    management_groups: Mapping[str, str | None] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict, metadata={"each": Policy})
    subscriptions: tuple[Subscription, ...] = field(default=(), metadata={"list": Subscription})
    plant: tuple[Plant, ...] = field(default=(), metadata={"read": lambda value: tuple(_plant(item) for item in value)})

    @property
    def end_ticks(self) -> int:
        """The end in ticks."""
        return times.ticks(self.end)


def read(source: Spec | Mapping[str, Any] | str | Path) -> Spec:
    """The spec of a mapping, of a YAML file, of YAML text with at least two lines, or of a name such as ``default``.

    Raises :class:`EstateError` with the place of what is wrong.
    """
    if isinstance(source, Spec):
        return source
    if isinstance(source, str) and source in names():
        return _shipped(source)
    return _read(source)


@cache
def _shipped(name: str) -> Spec:
    return _read(name)


def _read(source: Mapping[str, Any] | str | Path) -> Spec:
    made: Spec = _build(Spec, source if isinstance(source, Mapping) else _load(source), "the estate")
    return made


def dump(spec: Any) -> Any:
    """A spec as the mapping that reads back as the same; for a state folder."""
    if isinstance(spec, Plant):
        known = {
            "kind": spec.kind,
            "disks": list(spec.disks),
            "share": spec.share,
            "at": spec.at,
            "reason": spec.reason,
        }
        return {**{key: dump(value) for key, value in known.items()}, **{k: dump(v) for k, v in spec.options.items()}}
    if dataclasses.is_dataclass(spec):
        return {_camel(member.name): dump(getattr(spec, member.name)) for member in dataclasses.fields(spec)}
    if isinstance(spec, Mapping):
        return {key: dump(value) for key, value in spec.items()}
    if isinstance(spec, datetime):
        return spec.isoformat()
    return [dump(item) for item in spec] if isinstance(spec, tuple | list) else spec


def names() -> list[str]:
    """The estates that come with the sandbox."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.yaml"))


def _load(source: str | Path) -> Mapping[str, Any]:
    import yaml

    text = str(source)
    if "\n" not in text:
        path = Path(__file__).with_name(f"{text}.yaml") if text in names() else Path(text)
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            hint = f"Name a YAML file, or one of the estates that come with it: {', '.join(names())}."
            raise EstateError(f"the estate {source} cannot be read: {error.strerror}", hint) from error
    try:
        loaded = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # libyaml, where PyYAML has it
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise EstateError(f"not YAML{where}: {problem}", "Correct the file there.") from error
    if loaded is not None and not isinstance(loaded, Mapping):
        raise EstateError("the estate is not a mapping", "Begin it with `subscriptions:`.")
    return loaded or {}


def _build(cls: Any, data: Any, where: str) -> Any:
    """An instance of a class from its mapping."""
    if not isinstance(data, Mapping):
        raise EstateError(f"{where} is not a mapping but {data!r}", f"Give it members: {', '.join(_keys(cls))}.")
    known = _keys(cls)
    for key in data:
        if key not in known:
            raise EstateError(f"{where} has no member {key}", f"It has {', '.join(known)}.")
    values = {}
    for key, member in known.items():
        if key in data:
            values[member.name] = _value(member, data[key], f"{where}: {key}")
        elif member.default is dataclasses.MISSING and member.default_factory is dataclasses.MISSING:
            raise EstateError(f"{where} has no {key}", f"Add `{key}:`.")
    return cls(**values)


def _value(member: dataclasses.Field[Any], value: Any, where: str) -> Any:
    if "list" in member.metadata:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise EstateError(f"{where} is not a list", "Write one item a line, each after a dash.")
        return tuple(
            _build(member.metadata["list"], item, f"{where}[{place}]{_label(item)}") for place, item in enumerate(value)
        )
    if "each" in member.metadata:
        if not isinstance(value, Mapping):
            raise EstateError(f"{where} is not a mapping", "Write one name a line, each with its members.")
        return {
            str(name): _build(member.metadata["each"], item or {}, f"{where}.{name}") for name, item in value.items()
        }
    convert: Callable[[Any], Any] = member.metadata.get("read") or _READERS.get(str(member.type), lambda same: same)
    try:
        return convert(value)
    except (ValueError, TypeError) as error:
        raise EstateError(f"{where} cannot be {value!r}", f"It is of the type {member.type}.") from error


def _label(item: Any) -> str:
    return f" ({item['name']})" if isinstance(item, Mapping) and "name" in item else ""


def _keys(cls: Any) -> dict[str, dataclasses.Field[Any]]:
    return {_camel(member.name): member for member in dataclasses.fields(cls)}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or int(value) != value or value < 0:
        raise ValueError(value)
    return int(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return times.moment(times.parse(str(value)))


def _text(value: Any) -> str:
    # YAML reads On and Off as booleans
    return {True: "On", False: "Off"}[value] if isinstance(value, bool) else str(value)


_READERS: dict[str, Callable[[Any], Any]] = {"int": _whole, "bool": _flag, "datetime": _moment, "str": _text}


def _plant(item: Any) -> Plant:
    if not isinstance(item, Mapping) or "kind" not in item:
        raise EstateError(f"plant: {item!r} names no kind", "Begin each with `kind:`, such as `kind: missed`.")
    options = {key: value for key, value in item.items() if key not in ("kind", "disks", "share", "at", "reason")}
    return Plant(
        str(item["kind"]),
        _names(item.get("disks", ())),
        float(item.get("share", 0)),
        dump(item.get("at")),
        str(item.get("reason", "")),
        options,
    )
