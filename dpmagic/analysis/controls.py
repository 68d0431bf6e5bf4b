"""Named controls: which hold, which do not, which are let off and which nobody can verify."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer, read_once
from dpmagic.analysis.controlling.members import members, nobodys, subscriptions, unanswered, values
from dpmagic.analysis.controlling.reading import Control, read
from dpmagic.analysis.posture import FAIL, NOT_APPLICABLE, NOT_VERIFIABLE, PASS
from dpmagic.errors import AzureError, InvalidArgument
from dpmagic.estate.completeness import KEY
from dpmagic.estate.estate import Estate
from dpmagic.estate.source import estate_of

EXCEPTED = "excepted"
_WITHOUT_JOBS = ("posture", "frequency", "retention")
_COUNTS = {
    "passed": PASS, "failed": FAIL, "excepted": EXCEPTED, "notApplicable": NOT_APPLICABLE,
    "notVerifiable": NOT_VERIFIABLE,
}  # fmt: skip
_COLUMNS = ("control", "kind", "wanted", "verdict", "n", *_COUNTS, "until", "by", "reason", "evidence")
_MEMBERS = ("control", "kind", "id", "name", "verdict", "value", "reason", "by", "until")
_TEXTS = ("control", "kind", "id", "name", "verdict", "value", "reason", "by")
File = Mapping[str, Any] | str | Path | None


@dataclass(frozen=True)
class _Found:
    """The members of a control; where none of them can be told, why, and whether its own ``where`` is to blame."""

    rows: pandas.DataFrame
    why: str | None = None
    chooses_nobody: bool = False


def controls(given: Any, file: File = None, *, members: pandas.DataFrame | None = None) -> pandas.DataFrame:
    """One row a control of a YAML file (or mapping), in its order; without one, of those that come with dpmagic.

    A control is ``{kind, atMost or atLeast, where, except}``. ``rpo``, ``frequency`` and ``restoreTested`` have
    ``atMost`` (``24h``), ``retention`` has ``atLeast`` (``35d``), ``adherence`` and ``successRate`` ``atLeast``
    (``95%``), ``restoreTime`` ``atMost`` (``4h``: how long a restore may take), these three perhaps ``over`` (``30d``):
    all are about backup instances. ``coverage`` (of disks) has ``state``: configured, healthy or effective; ``posture``
    (of vaults) has ``setting``, one of the baseline that ships, or ``column`` with ``allowed`` or ``least``, as
    `posture` has them. ``where`` chooses by ``tags`` (of an instance those of its disk), ``subscription``,
    ``resourceGroup``, ``location``, ``sku``, ``vault``, ``policy``. ``except`` lists ``{id or tag, reason, by,
    until}``: members that do not pass are let off until then.

    Columns: what is ``wanted``, in words; ``n`` members, of which ``passed``, ``failed``, ``excepted``,
    ``notApplicable`` and ``notVerifiable``; ``evidence``, the ids that failed; ``until`` the first of the exceptions
    that count runs out, and ``by`` whom; ``reason`` is why nothing of it can be told, where a table is missing that it
    needs: the other controls answer all the same. The ``verdict`` is fail if one fails; else not verifiable if one is,
    or a subscription that the control is about cannot be read; else not applicable if all are; else excepted if one is;
    else pass. ``members`` is what `control_members` gave of the same file: it is then not asked again.

    Raises `InvalidArgument` for a control that is not understood, with its line.
    """
    estate, asked = estate_of(given, "instances"), read(file)
    found = control_members(estate, file) if members is None else members
    why = _of_these(found, asked)
    told = {"unanswered": dict(why), "remarks": found.attrs[KEY]["remarks"]}
    rows = [_summed(estate, one, found[found["control"] == one.name], why.get(one.name)) for one in asked]
    made = pandas.DataFrame(rows, columns=list(_COLUMNS))
    made["until"] = pandas.to_datetime(made["until"], utc=True).astype("datetime64[us, UTC]")
    texts = ("control", "kind", "wanted", "verdict", "by", "reason")
    made = made.astype(dict.fromkeys(("n", *_COUNTS), "Int64") | dict.fromkeys(texts, "str"))
    return answer(estate, made, *_notes(why), *told["remarks"], **told)


def control_members(given: Any, file: File = None) -> pandas.DataFrame:
    """One row a control and member: ``id``, ``name``, ``verdict``, the ``value`` that it goes by, as text, and where
    the member is excepted the ``reason``, ``by`` whom and ``until`` when.

    The members of a control that needs a table which is not there, or which Azure refuses, are not verifiable; why is
    in ``unanswered`` of ``attrs["dpmagic"]``, by control.  Arguments and errors are those of `controls`.
    """
    estate, asked = estate_of(given, "instances"), read(file)
    with read_once(estate) if any(one.kind not in _WITHOUT_JOBS for one in asked) else nullcontext():
        found = {one.name: (one, _members(estate, one)) for one in asked}
    parts = [
        _with_exceptions(estate, control, one.rows).assign(control=name, kind=control.kind)
        for name, (control, one) in found.items()
    ]
    made = pandas.concat(parts, ignore_index=True)[list(_MEMBERS)]
    remarks = [note for control, one in found.values() for note in _remarks(estate, control, one)]
    why = {name: one.why for name, (_, one) in found.items() if one.why is not None}
    told = {"unanswered": why, "remarks": remarks, "wanted": {control.name: control.wanted for control in asked}}
    return answer(estate, made.astype(dict.fromkeys(_TEXTS, "str")), *_notes(why), *remarks, **told)


def _remarks(estate: Estate, control: Control, found: _Found) -> Iterator[str]:
    """What a reader of the file should know: who is chosen by nothing, and exceptions that have run out."""
    if found.why is not None:
        yield from _notes({control.name: found.why} if found.chooses_nobody else {})
        return
    yield from (f"{control.name}: {note}" for note in nobodys(estate, control))
    for one in control.excepted:
        if one.until <= estate.now:
            yield f"{control.name}: the exception {one} ran out at {one.until:%Y-%m-%d %H:%M} UTC"
        elif not one.covers(found.rows).any():
            yield f"{control.name}: the exception {one} is about nobody"


def _of_these(found: Any, asked: list[Control]) -> Mapping[str, str]:
    """Why controls are not answered; raises `InvalidArgument` for what is not the members of these controls."""
    told = found.attrs.get(KEY, {}) if isinstance(found, pandas.DataFrame) else {}
    if told.get("wanted") != {control.name: control.wanted for control in asked}:
        hint = "give what dpmagic.control_members gave of the same controls, or leave it out"
        raise InvalidArgument("members are not those of these controls", hint)
    why: Mapping[str, str] = told["unanswered"]
    return why


def _notes(why: Mapping[str, str]) -> list[str]:
    return [f"{name} is not verifiable: {told}" for name, told in why.items()]


def _members(estate: Estate, control: Control) -> _Found:
    """The members; all of them not verifiable where something is missing that they are judged by."""
    try:
        made = members(estate, control)
    except (InvalidArgument, AzureError) as error:
        return _Found(unanswered(estate, control), error.message)
    lacking = [] if len(made) or _unread(estate, control) else [*nobodys(estate, control)]
    if lacking:  # as likely misspelt as not: nobody is judged, and that is no pass
        why = f"about nobody: {'; '.join(lacking)}; correct its where, or leave it out"
        return _Found(made, why, chooses_nobody=True)
    return _Found(made)


def _with_exceptions(estate: Estate, control: Control, made: pandas.DataFrame) -> pandas.DataFrame:
    """The members with their exceptions, the first of the file that counts for each."""
    made = made.assign(reason=None, by=None, until=pandas.Series(pandas.NaT, made.index, "datetime64[us, UTC]"))
    for one in control.excepted:
        if one.until <= estate.now:
            continue
        marks = made["verdict"].isin([FAIL, NOT_VERIFIABLE]) & one.covers(made)
        made.loc[marks, ["verdict", "reason", "by"]] = [EXCEPTED, one.reason, one.by]
        made.loc[marks, "until"] = pandas.Timestamp(one.until).as_unit("us")
    return made


def _summed(estate: Estate, control: Control, rows: pandas.DataFrame, why: str | None) -> dict[str, Any]:
    counts = {name: int(rows["verdict"].eq(verdict).sum()) for name, verdict in _COUNTS.items()}
    excepted = rows[rows["verdict"] == EXCEPTED]
    return {
        "control": control.name,
        "kind": control.kind,
        "wanted": control.wanted,
        "verdict": _verdict(counts, len(rows), why is not None or _unread(estate, control)),
        "n": len(rows),
        **counts,
        "until": excepted["until"].min(),
        "by": ", ".join(dict.fromkeys(excepted["by"])) or None,
        "reason": why,
        "evidence": rows.loc[rows["verdict"] == FAIL, "id"].tolist(),
    }


def _verdict(counts: Mapping[str, int], n: int, unread: bool) -> str:
    if counts["failed"]:
        return FAIL
    if counts["notVerifiable"] or unread:
        return NOT_VERIFIABLE
    if counts["notApplicable"] == n:
        return NOT_APPLICABLE
    return EXCEPTED if counts["excepted"] else PASS


def _unread(estate: Estate, control: Control) -> bool:
    """Whether members may be where nobody can look."""
    scope = estate.source.scope
    if not scope.unreadable or "subscription" not in control.where:
        return bool(scope.unreadable)
    seen = {one.lower() for one in scope.readable}
    asked = values(control.where["subscription"])
    return any(not seen & set(_subscriptions(estate, one)) for one in asked)


def _subscriptions(estate: Estate, one: str) -> list[str]:
    try:
        return subscriptions(estate, [one])
    except AzureError:  # then it goes by its id alone
        return [one]
