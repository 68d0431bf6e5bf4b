"""A file of controls: read and checked before anything is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from dpmagic.analysis.arguments import file_of
from dpmagic.analysis.controlling.marked import Marked, load
from dpmagic.analysis.protection.baseline import MEMBERS as SETTING
from dpmagic.analysis.protection.baseline import ROLES, shipped
from dpmagic.analysis.protection.baseline import read as read_baseline
from dpmagic.analysis.targets import span
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.columns import table
from dpmagic.estate.window import Window, instant

DISK, INSTANCE, VAULT = "disk", "instance", "vault"
_MEMBERS = ("kind", "atMost", "atLeast", "state", "setting", *SETTING, "over", "where", "except")
_EXCEPTION = ("id", "tag", "reason", "by", "until")
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
class Exemption:
    """Why members that do not pass are let off, by whom, and until when: an id or what is below it, or a tag."""

    id: str
    tag: str
    reason: str
    by: str
    until: datetime


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
    if not isinstance(loaded, Mapping) or not loaded:
        raise InvalidArgument("there are no controls", _WRITE)
    return [_control(loaded, str(name), of) for name, of in loaded.items()]


def _at(holder: Any, member: str) -> str:
    return holder.at(member) if isinstance(holder, Marked) else ""


def _known(holder: Any, what: str, word: Any, known: Iterable[str], member: str) -> str:
    if word not in (names := list(known)):
        hint = did_you_mean(str(word), names, f"it is one of {', '.join(names)}")
        raise InvalidArgument(f"{_at(holder, member)}{what} {word} is not known", hint)
    return str(word)


def _control(whole: Any, name: str, of: Any) -> Control:
    if not isinstance(of, Mapping) or "kind" not in of:
        hint = f"give it `kind`, one of {', '.join(KINDS)}"
        raise InvalidArgument(f"{_at(whole, name)}the control {name} has no kind", hint)
    kind = KINDS[_known(of, "the kind", of["kind"], KINDS, "kind")]
    takes = [one for one in _MEMBERS if one in ("kind", "where", "except", kind.limit, *kind.more)]
    for member in of:
        _known(of, f"the control {name} is of kind {of['kind']}: its member", member, takes, member)
    if kind.limit and kind.limit not in of:
        raise InvalidArgument(f"{_at(whole, name)}the control {name} has no {kind.limit}", f"give `{kind.limit}`")
    state = _known(of, "the state", of.get("state", "effective"), _STATES, "state")
    baseline = _baseline(whole, name, of) if of["kind"] == "posture" else {}
    return Control(
        name,
        of["kind"],
        _wanted(of, kind, state, baseline),
        _limit(of, kind) if kind.limit else None,
        state,
        baseline,
        _over(of),
        _where(of, kind.about),
        tuple(_exemption(of, one) for one in _several(of, "except")),
    )


def _wanted(of: Any, kind: Kind, state: str, baseline: Mapping[str, Any]) -> str:
    if kind.limit:
        over = f" over {of['over']}" if "over" in of else ""
        return _WANTED[of["kind"]].format(of[kind.limit]) + over
    if not baseline:
        return _WANTED[state]
    [held] = read_baseline(baseline)
    is_ = "" if held.least is not None else "is "
    return held.wanted if held.column == ROLES else f"{held.column} {is_}{held.wanted}"


def _baseline(whole: Any, name: str, of: Any) -> Mapping[str, Any]:
    """One setting of the baseline that ships, or the control's own."""
    if "setting" in of:
        setting = _known(of, "the setting", of["setting"], shipped(), "setting")
        if own := [member for member in SETTING if member in of]:
            told = f"the control {name} has a setting and {own[0]}"
            raise InvalidArgument(f"{_at(of, own[0])}{told}", "leave one of them out")
        return {setting: shipped()[setting]}
    if "column" not in of:
        raise InvalidArgument(f"{_at(whole, name)}the control {name} has no setting", "give `setting`, or `column`")
    _known(of, "the column of vaults", of["column"], [*table("vaults").columns, ROLES], "column")
    made = {name: {member: of[member] for member in SETTING if member in of}}
    try:
        read_baseline(made)
    except InvalidArgument as error:
        raise InvalidArgument(f"{_at(of, 'column')}{error.message}", error.hint) from error
    if "least" in of and table("vaults").dtypes.get(of["column"]) not in ("Int64", "Float64"):
        told = f"the control {name} has least, and {of['column']} is no number"
        raise InvalidArgument(f"{_at(of, 'least')}{told}", "give `allowed`, the values that pass")
    for column in of.get("when", {}):
        _known(of["when"], "the column of vaults", column, table("vaults").columns, column)
    return made


def _limit(of: Any, kind: Kind) -> timedelta | float:
    value = of[kind.limit]
    if not kind.share:
        try:
            return span(value)
        except InvalidArgument as error:
            raise InvalidArgument(f"{_at(of, kind.limit)}{error.message}", error.hint) from error
    text = str(value).strip()
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise InvalidArgument(f"{_at(of, kind.limit)}{value!r} is no share", "write 95% or 0.95")
    return share


def _over(of: Any) -> str:
    over = str(of.get("over", ""))
    try:
        Window.of(over or "14d", datetime(2026, 1, 1, tzinfo=UTC))  # any instant: only the text is looked at
    except InvalidArgument as error:
        raise InvalidArgument(f"{_at(of, 'over')}{error.message}", error.hint) from error
    return over


def _where(of: Any, about: str) -> Mapping[str, Any]:
    where = of.get("where") or {}
    if not isinstance(where, Mapping) or not isinstance(where.get("tags", {}), Mapping):
        raise InvalidArgument(f"{_at(of, 'where')}where is no mapping", "write `where: {tags: {env: prod}}`")
    for member in where:
        _known(where, f"a control of {about}s has no where: it", member, WHERE[about], member)
    return where


def _several(of: Any, member: str) -> list[Any]:
    found = of.get(member) or []
    if not isinstance(found, list):
        raise InvalidArgument(f"{_at(of, member)}{member} is no list", "write it with a dash before each")
    return found


def _exemption(of: Any, one: Any) -> Exemption:
    how = "give `id` or `tag`, and `reason`, `by`, `until`"
    if not isinstance(one, Mapping):
        raise InvalidArgument(f"{_at(of, 'except')}an exception is no mapping", how)
    for member in one:
        _known(one, "of an exception, the member", member, _EXCEPTION, member)
    lacking = [member for member in ("reason", "by", "until") if not one.get(member)]
    if lacking or bool(one.get("id")) == bool(one.get("tag")):
        said = f"has no {lacking[0]}" if lacking else "needs one of id and tag"
        raise InvalidArgument(f"{_at(one, '') or _at(of, 'except')}an exception {said}", how)
    until = one["until"]
    try:
        ends = instant(until.isoformat() if isinstance(until, date) else until)
    except InvalidArgument as error:
        raise InvalidArgument(f"{_at(one, 'until')}{error.message}", error.hint) from error
    ids = str(one.get("id") or "").lower().rstrip("/")
    return Exemption(ids, str(one.get("tag") or ""), str(one["reason"]), str(one["by"]), ends)
