"""An estate's spec read from a short YAML, with the place of what is wrong in it, and written as a mapping again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from .. import times
from .spec import EstateError, Plant, Spec, strings


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


def _plant(item: Any) -> Plant:
    if not isinstance(item, Mapping) or "kind" not in item:
        raise EstateError(f"plant: {item!r} names no kind", "Begin each with `kind:`, such as `kind: missed`.")
    options = {key: value for key, value in item.items() if key not in ("kind", "disks", "share", "at", "reason")}
    return Plant(
        str(item["kind"]),
        strings(item.get("disks", ())),
        float(item.get("share", 0)),
        dump(item.get("at")),
        str(item.get("reason", "")),
        options,
    )


def _plants(items: Any) -> tuple[Plant, ...]:
    return tuple(_plant(item) for item in items)


# By the type of a member, as its class says it.
_READERS: dict[str, Callable[[Any], Any]] = {
    "int": _whole, "bool": _flag, "datetime": _moment, "str": _text, "tuple[Plant, ...]": _plants,
}  # fmt: skip
