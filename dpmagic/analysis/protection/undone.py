"""Vaults as they were: the changes that Azure Resource Graph remembers, taken back one after another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas

from dpmagic.analysis.backups.keys import is_in, key
from dpmagic.estate.columns import table
from dpmagic.estate.estate import Estate
from dpmagic.estate.excerpts import CHANGED_VAULTS

_KIND = "microsoft.dataprotection/backupvaults"
_STEP = re.compile(r"[^.\[\]]+")
_HOW = ["targetResourceId", "targetResourceType", "changeType", "timestamp", "changedBy", "changes"]


@dataclass(frozen=True)
class State:
    """A vault's row, from when it was so (None: from before all that is remembered), until when, and by whom."""

    row: dict[str, Any]
    since: pandas.Timestamp | None
    until: pandas.Timestamp | None
    by: str | None
    made: bool = False


def of_vaults(estate: Estate) -> pandas.DataFrame:
    """The changes of vaults that are there, by the vault's id in lower case (``vault``), the oldest first."""
    # What changed is JSON, most of it of other things: where reading is free it is only read if a vault changed.
    if not estate.picks(CHANGED_VAULTS):
        ids = estate.table("changes", ["targetResourceId"])["targetResourceId"]
        if not is_in(key(estate.vaults()["id"]), key(ids)).any():
            return pandas.DataFrame({name: pandas.Series(dtype="object") for name in (*_HOW, "vault")})
    changes = estate.excerpt(CHANGED_VAULTS, _HOW)
    mine = changes.loc[changes["targetResourceType"].str.lower() == _KIND, _HOW]
    return mine.assign(vault=key(mine["targetResourceId"])).sort_values("timestamp", kind="stable")


def states(vaults: pandas.DataFrame, changes: pandas.DataFrame) -> Iterator[list[State]]:
    """What each vault is, then what it was before its last change, and so on; ``changes`` as `of_vaults` has them."""
    by_vault: Any = dict(list(changes.groupby("vault")))
    rows: Any = vaults.to_dict("records")
    for row in rows:
        mine = by_vault.get(str(row["id"]).lower().rstrip("/"))
        yield _back(row, [] if mine is None else mine.to_dict("records"))


def _back(row: dict[str, Any], changes: list[dict[str, Any]]) -> list[State]:
    found: list[State] = []
    until = None
    for change in reversed(changes):
        made, at = change["changeType"] == "Create", change["timestamp"]
        found.append(State(row, at, until, change["changedBy"], made))
        if made:
            return found
        row, until = {**row, **_previous(change["changes"])}, at
    return [*found, State(row, None, until, None)]


def touches(changed: Any, column: str) -> bool:
    """Whether a change's members are what a column of vaults is made of."""
    return column in _previous(changed)


def _previous(changed: Any) -> dict[str, Any]:
    """The columns of vaults that a change has touched, as they were before."""
    found: dict[str, Any] = {}
    for path, change in (changed if isinstance(changed, Mapping) else {}).items():
        steps = _steps(path)
        for name, column in table("vaults").columns.items():
            source = _steps(column.source)
            if source[: len(steps)] == steps:
                found[name] = _typed(_within(change.get("previousValue"), source[len(steps) :]), column.dtype)
    return found


def _steps(path: str) -> list[str]:
    return [step.lower() for step in _STEP.findall(path)]


def _within(value: Any, steps: list[str]) -> Any:
    """What is below a value that may be JSON text; names in any case."""
    for step in steps:
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                return None
        if isinstance(value, list):
            value = value[int(step)] if step.isdigit() and int(step) < len(value) else None
        elif isinstance(value, dict):
            value = {str(name).lower(): one for name, one in value.items()}.get(step)
        else:
            return None
    return value


def _typed(value: Any, dtype: str) -> Any:
    if value is None or dtype == "object":
        return value
    if dtype == "boolean":
        return str(value).lower() == "true"
    return float(value) if dtype == "Float64" else str(value)
