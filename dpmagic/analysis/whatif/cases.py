"""The policies of a what-if: each as it is, and as it would be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas

from dpmagic.analysis.backups.keys import DISK, key
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.estate import Estate
from dpmagic.schedules import Schedule, changed

_HINT = "give an estate, a policy's JSON as `backup-policy show` writes it, or a row of estate.policies()"


@dataclass(frozen=True)
class Case:
    """A policy ``before`` and ``after``; ``problem`` says why one of them is not known, or is not changed."""

    id: str | None
    name: str | None
    vault: str | None
    types: tuple[str, ...]
    before: Schedule | None
    after: Schedule | None
    problem: str = ""

    @property
    def changes(self) -> bool:
        """Whether anything is changed."""
        return self.before != self.after

    @property
    def of_disks(self) -> bool:
        """Whether it is for disks; one that does not say is."""
        return not self.types or DISK in self.types


@dataclass(frozen=True)
class Change:
    """What is changed: the policy that is followed, its due times, its retentions; None stays."""

    to: Schedule | None
    due: Any
    retention: Any

    def of(self, schedule: Schedule) -> Schedule:
        return changed(self.to or schedule, self.due, self.retention)


def cases(rows: list[Mapping[str, Any]], change: Change) -> list[Case]:
    """The policies of these rows, each with the change.

    A change that suits none of them raises its `InvalidArgument`; those that it does not suit stay as they are.
    """
    made, refused = [], []
    for row in rows:
        before, problem = _read(row)
        after = before
        if before is not None:
            try:
                after = change.of(before)
            except InvalidArgument as error:
                refused.append(error)
                problem = f"not changed: {error.message}"
        names = (_text(row.get("id")), _text(row.get("name")), _text(row.get("vaultName")))
        types = row.get("datasourceTypes")
        types = tuple(str(one).lower() for one in types) if isinstance(types, list | tuple) else ()
        made.append(Case(*names, types, before, after, problem))
    if refused and len(refused) == sum(one.before is not None for one in made):
        raise refused[0]
    return made


def _read(row: Mapping[str, Any]) -> tuple[Schedule | None, str]:
    try:
        return Schedule.of(row), ""
    except InvalidArgument as error:
        return None, f"the policy cannot be read: {error.message}"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def rows_of(given: Any) -> list[Mapping[str, Any]] | None:
    """The rows of policies that were given by themselves: a JSON document, its text or file, a row, a frame of them;
    None if none were.

    Raises `InvalidArgument` for a text that is none of it, and for a document that has no rules.
    """
    given = _document(given)
    if isinstance(given, pandas.DataFrame):
        if "policyRules" not in given:
            raise InvalidArgument("the frame has no column policyRules", _HINT)
        return _records(given)
    if isinstance(given, list | tuple):
        given = {"policyRules": given}
    if isinstance(given, pandas.Series):
        given = given.to_dict()
    if isinstance(given, str):
        raise InvalidArgument(f"{given!r} is no policy", f"by its name: simulate(estate, policy={given!r})")
    if isinstance(given, Mapping) and not any(isinstance(one, pandas.DataFrame) for one in given.values()):
        Schedule.of(given)  # of one policy a reader wants the error itself
        inner = given.get("properties")
        return [{**given, **(inner if isinstance(inner, Mapping) else {})}]
    return None


def _document(given: Any) -> Any:
    """What a text or file of JSON says; anything else as it is."""
    if isinstance(given, str) and given.lstrip()[:1] in ("{", "["):
        text, where = given, "the text"
    elif isinstance(given, Path) or (isinstance(given, str) and given.lower().endswith(".json")):
        text, where = _text_of(Path(given).expanduser()), str(given)
    else:
        return given
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidArgument(f"{where} is no JSON: {error}", _HINT) from error


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{str(path)!r} cannot be read: {error}", _HINT) from error


def named(estate: Estate, wanted: Any) -> list[Mapping[str, Any]]:
    """The estate's policies of disks, or those of these names or ids, of whatever they are, in order of vault and name.

    Raises `InvalidArgument` for a name that no policy has.
    """
    table = estate.policies()
    rows = table.assign(key=key(table["id"]), lower=table["name"].str.lower())
    rows = rows.sort_values(["vaultName", "name", "id"], kind="stable") if "vaultName" in rows else rows
    if wanted is None:
        return [row for row in _records(rows) if _disks(row)]
    texts = [str(one).lower().rstrip("/") for one in ([wanted] if isinstance(wanted, str) else _iterable(wanted))]
    for text in texts:
        if not (rows["key"].eq(text) | rows["lower"].eq(text)).any():
            known = list(rows["name"].dropna().unique())
            some = ", ".join(known[:8]) + (" ..." if len(known) > 8 else "")
            hint = did_you_mean(text, known, f"there are: {some or 'none'}")
            raise InvalidArgument(f"no policy is called {text!r}", hint)
    return _records(rows[rows["key"].isin(texts) | rows["lower"].isin(texts)])


def _records(frame: pandas.DataFrame) -> list[Mapping[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _disks(row: Mapping[str, Any]) -> bool:
    types = row.get("datasourceTypes")
    return not isinstance(types, list | tuple) or not types or DISK in (str(one).lower() for one in types)


def _iterable(wanted: Any) -> Iterable[Any]:
    if isinstance(wanted, Iterable) and not isinstance(wanted, Mapping):
        return wanted
    raise InvalidArgument(f"{wanted!r} names no policy", 'write policy="daily", or several as a list')


def followed(given: Any, estate: Estate | None) -> Schedule | None:
    """The schedule of the policy that is followed instead: a document, a row, or a name in the estate.

    Raises `InvalidArgument` where there is none, or several of the name.
    """
    if given is None:
        return None
    if not isinstance(document := _document(given), str):
        rows = rows_of(document) or []
    elif estate is None:
        raise InvalidArgument(f"{given!r} is no policy", "give the policy's JSON, or an estate that has it")
    else:
        rows = named(estate, given)
    schedules = {repr(one): one for one in (Schedule.of(row) for row in rows)}
    if len(schedules) != 1:
        raise InvalidArgument(f"{given!r} are {len(schedules)} policies that differ", "give one, by its id")
    return next(iter(schedules.values()))
