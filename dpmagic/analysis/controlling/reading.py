"""A file of controls: read and checked before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from dpmagic.analysis.arguments import file_of
from dpmagic.analysis.controlling.excepting import Exemption, exemptions
from dpmagic.analysis.controlling.marked import at, known, load
from dpmagic.analysis.protection.baseline import MEMBERS as SETTING
from dpmagic.analysis.protection.baseline import ROLES, shipped
from dpmagic.analysis.protection.baseline import read as read_baseline
from dpmagic.analysis.targets import span
from dpmagic.errors import InvalidArgument
from dpmagic.estate.columns import table
from dpmagic.estate.window import Window

DISK, INSTANCE, VAULT = "disk", "instance", "vault"
_MEMBERS = ("kind", "atMost", "atLeast", "state", "setting", *SETTING, "over", "where", "except")
_WANTED = {
    "rpo": "the newest recovery point is at most {} old",
    "frequency": "a backup is due at least every {}",
    "retention": "every recovery point is kept for at least {}",
    "restoreTested": "it was restored within {}",
    "restoreTime": "a restore takes at most {}",
    "adherence": "of the days on which it was due, a backup on at least {}",
    "successRate": "at least {} of the backup jobs succeed",
    "configured": "backup is configured",
    "healthy": "backup is configured and without an error",
    "effective": "a recovery point exists and is within its RPO",
}
_WRITE = "write `daily: {kind: rpo, atMost: 24h}` into a YAML file, and give its name"
_STATES = ("configured", "healthy", "effective")
_DISK_WHERE = ("tags", "subscription", "resourceGroup", "location", "sku")
WHERE = {
    DISK: _DISK_WHERE,
    INSTANCE: (*_DISK_WHERE, "vault", "policy"),
    VAULT: ("tags", "subscription", "resourceGroup", "location", "vault"),
}
"""What ``where`` can name, by what a control is about."""


@dataclass(frozen=True)
class Kind:
    """What a kind of control is about, the limit that it must have, and what else it may."""

    about: str
    limit: str = ""
    share: bool = False
    more: tuple[str, ...] = ()


KINDS = {
    "rpo": Kind(INSTANCE, "atMost"),
    "frequency": Kind(INSTANCE, "atMost"),
    "retention": Kind(INSTANCE, "atLeast"),
    "restoreTested": Kind(INSTANCE, "atMost"),
    "restoreTime": Kind(INSTANCE, "atMost", more=("over",)),
    "adherence": Kind(INSTANCE, "atLeast", share=True, more=("over",)),
    "successRate": Kind(INSTANCE, "atLeast", share=True, more=("over",)),
    "coverage": Kind(DISK, more=("state",)),
    "posture": Kind(VAULT, more=("setting", *SETTING)),
}


@dataclass(frozen=True)
class Control:
    """One named control: what is ``wanted`` in words, ``limit`` a span or a share between 0 and 1, and of vaults the
    ``baseline`` of one setting that they are held against."""

    name: str
    kind: str
    wanted: str
    limit: Any
    state: str
    baseline: Mapping[str, Any]
    over: str
    where: Mapping[str, Any]
    excepted: tuple[Exemption, ...]

    @property
    def about(self) -> str:
        """What its members are."""
        return KINDS[self.kind].about


def read(given: Mapping[str, Any] | str | Path | None) -> list[Control]:
    """The controls of a mapping or of a YAML file; without one, those that come with dpmagic.

    Raises `InvalidArgument` for a file that cannot be read, and for a control that is not understood, with its line.
    """
    if isinstance(given, Mapping):
        loaded: Any = given
    elif given is None:
        with resources.as_file(resources.files("dpmagic.analysis").joinpath("controls.yaml")) as path:
            loaded = load(path)
    else:
        loaded = load(file_of(given, "file of controls", _WRITE))
    if loaded and not isinstance(loaded, Mapping):
        raise InvalidArgument(f"{given} names no controls: it is a {type(loaded).__name__}", _WRITE)
    if not loaded:
        raise InvalidArgument("there are no controls", _WRITE)
    return [_control(loaded, str(name), of) for name, of in loaded.items()]


def _control(whole: Any, name: str, of: Any) -> Control:
    if not isinstance(of, Mapping) or of.get("kind") is None:
        hint = f"give it `kind`, one of {', '.join(KINDS)}"
        raise InvalidArgument(f"{at(whole, name)}the control {name} has no kind", hint)
    kind = KINDS[known(of, "the kind", of["kind"], KINDS, "kind")]
    takes = [one for one in _MEMBERS if one in ("kind", "where", "except", kind.limit, *kind.more)]
    for member in of:
        known(of, f"the control {name} is of kind {of['kind']}: its member", member, takes, member)
    if kind.limit and kind.limit not in of:
        raise InvalidArgument(f"{at(whole, name)}the control {name} has no {kind.limit}", f"give `{kind.limit}`")
    state = known(of, "the state", of.get("state", "effective"), _STATES, "state")
    baseline = _baseline(whole, name, of) if of["kind"] == "posture" else {}
    limit = _limit(of, kind) if kind.limit else None
    return Control(
        name,
        of["kind"],
        _wanted(of, kind, limit, state, baseline),
        limit,
        state,
        baseline,
        _over(of),
        _where(of, kind.about),
        exemptions(of),
    )


def _wanted(of: Any, kind: Kind, limit: Any, state: str, baseline: Mapping[str, Any]) -> str:
    if kind.limit:
        over = f" over {of['over']}" if "over" in of else ""
        wanted = f"{100 * limit:.6g}%" if kind.share else of[kind.limit]
        return _WANTED[of["kind"]].format(wanted) + over
    if not baseline:
        return _WANTED[state]
    [held] = read_baseline(baseline)
    is_ = "" if held.least is not None else "is "
    return held.wanted if held.column == ROLES else f"{held.column} {is_}{held.wanted}"


def _baseline(whole: Any, name: str, of: Any) -> Mapping[str, Any]:
    """One setting of the baseline that ships, or the control's own."""
    if "setting" in of:
        setting = known(of, "the setting", of["setting"], shipped(), "setting")
        if own := [member for member in SETTING if member in of]:
            told = f"the control {name} has a setting and {own[0]}"
            raise InvalidArgument(f"{at(of, own[0])}{told}", "leave one of them out")
        return {setting: shipped()[setting]}
    if "column" not in of:
        raise InvalidArgument(f"{at(whole, name)}the control {name} has no setting", "give `setting`, or `column`")
    known(of, "the column of vaults", of["column"], [*table("vaults").columns, ROLES], "column")
    made = {name: {member: of[member] for member in SETTING if member in of}}
    try:
        read_baseline(made)
    except InvalidArgument as error:
        raise InvalidArgument(f"{at(of, 'column')}{error.message}", error.hint) from error
    if "least" in of and table("vaults").dtypes.get(of["column"]) not in ("Int64", "Float64"):
        told = f"the control {name} has least, and {of['column']} is no number"
        raise InvalidArgument(f"{at(of, 'least')}{told}", "give `allowed`, the values that pass")
    for column in of.get("when", {}):
        known(of["when"], "the column of vaults", column, table("vaults").columns, column)
    return made


def _limit(of: Any, kind: Kind) -> timedelta | float:
    value = of[kind.limit]
    if not kind.share:
        try:
            found = span(value)
        except InvalidArgument as error:
            raise InvalidArgument(f"{at(of, kind.limit)}{error.message}", error.hint) from error
        if not found:
            raise InvalidArgument(f"{at(of, kind.limit)}{value} is no time at all", "write 24h, 35d or PT4H")
        return found
    text = str(value).strip()
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise InvalidArgument(f"{at(of, kind.limit)}{value!r} is no share", "write 95% or 0.95")
    return share


def _over(of: Any) -> str:
    over = str(of.get("over", ""))
    try:
        Window.of(over or "14d", datetime(2026, 1, 1, tzinfo=UTC))  # any instant: only the text is looked at
    except InvalidArgument as error:
        raise InvalidArgument(f"{at(of, 'over')}{error.message}", error.hint) from error
    return over


def _where(of: Any, about: str) -> Mapping[str, Any]:
    where = of.get("where") or {}
    tags = where.get("tags", {}) if isinstance(where, Mapping) else None
    if not isinstance(tags, Mapping):
        raise InvalidArgument(f"{at(of, 'where')}where is no mapping", "write `where: {tags: {env: prod}}`")
    for member in where:
        known(where, f"of where, in a control of {about}s, the member", member, WHERE[about], member)
    for holder, member in [*((where, one) for one in where if one != "tags"), *((tags, one) for one in tags)]:
        values = holder[member] if isinstance(holder[member], list | tuple) else [holder[member]]
        if not values or any(one is None or isinstance(one, Mapping | list) for one in values):
            raise InvalidArgument(f"{at(holder, member)}{member} has no value", "give a text, or a list of them")
    return where
