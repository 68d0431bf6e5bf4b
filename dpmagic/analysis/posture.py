"""How each vault is set up, held against a baseline: what passes, what fails, and what cannot be told."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas

from dpmagic.analysis.backups.answers import answer
from dpmagic.analysis.backups.keys import key
from dpmagic.analysis.protection.baseline import ROLES, Control, read
from dpmagic.analysis.protection.facts import with_roles
from dpmagic.analysis.protection.remedies import command
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate import Estate
from dpmagic.estate.source import estate_of, require

PASS, FAIL, NOT_APPLICABLE, NOT_VERIFIABLE = "pass", "fail", "not applicable", "not verifiable"
NEEDED_FOR_ROLES = {
    "vaults": ["id", "principalId"],
    "instances": ["id", "vaultId", "dataSourceId", "dataSourceType", "resourceGroupId"],
}
_VAULT = ("id", "name", "subscriptionId", "resourceGroup", "location")


def posture(given: Any, baseline: Mapping[str, Any] | str | Path | None = None) -> pandas.DataFrame:
    """One row a vault and control: ``value``, what was ``wanted``, and the ``verdict``.

    ``verdict`` is pass, fail, not applicable (the control's ``when`` does not hold) or not verifiable (the value is
    absent, and the baseline does not say what that means). The control on ``roles`` fails with the ids of the
    backup instances (``evidence``) for which the vault's identity lacks a role. Of what fails ``command`` is what makes
    it pass, and ``advice`` what to do or to know, where the baseline has them (``remedy``, ``advice``).

    ``baseline`` is a mapping, or a TOML file, of controls: ``column`` of vaults with ``allowed`` or ``least``, what an
    absent value means (``missing``), and ``when`` it applies.  Without one it is soft delete of 14 days, immutability,
    multi-user authorization, redundancy, cross-region restore, an identity and its roles.
    Raises `InvalidArgument` for tables or a baseline without what is needed.
    """
    estate, controls = estate_of(given, "vaults", needs={"vaults": list(_VAULT)}), read(baseline)
    vaults = estate.vaults()
    for control in controls:
        for column in (control.column, *control.when):
            if column != ROLES and column not in vaults:
                there = [str(name) for name in vaults.columns]
                hint = did_you_mean(column, there, f"vaults have {', '.join(there)}")
                raise InvalidArgument(f"the control {control.name} is about {column}, which vaults have not", hint)
        if control.least is not None and not pandas.api.types.is_numeric_dtype(vaults[control.column]):
            told = f"the control {control.name} has least, and {control.column} is no number"
            raise InvalidArgument(told, "give `allowed`, the values that pass")
    lacking = estate.once(_lacking) if any(control.column == ROLES for control in controls) else {}
    rows = [
        {
            **{name: row.get(name) for name in _VAULT},
            "control": control.name,
            **_with_remedy(control, row, _judged(control, {str(name): value for name, value in row.items()}, lacking)),
        }
        for row in estate.once(_vaults)
        for control in controls
    ]
    columns = [*_VAULT, "control", "value", "wanted", "verdict", "evidence", "command", "advice"]
    texts = dict.fromkeys([name for name in columns if name != "evidence"], "str")
    return answer(estate, pandas.DataFrame(rows, columns=columns).astype(texts))


def _vaults(estate: Estate) -> list[dict[Any, Any]]:
    """The vaults in order of ids, None for what is missing: several controls ask for them, each with its baseline."""
    vaults = estate.vaults().sort_values("id")
    return vaults.astype(object).where(vaults.notna(), None).to_dict("records")


def _lacking(estate: Estate) -> dict[str, tuple[list[str], int, int]]:
    """Of each vault's instances: those for which a role is gone, how many are not known, how many there are."""
    require(estate.source, NEEDED_FOR_ROLES)
    there = [name for name in (*NEEDED_FOR_ROLES, "role_assignments", "subscriptions") if estate.has(name)]
    instances = with_roles({name: estate.table(name) for name in there})
    gone = instances["lacksReader"].fillna(False) | instances["lacksContributor"].fillna(False)
    unknown = ~gone & (instances["lacksReader"].isna() | instances["lacksContributor"].isna())
    held = pandas.DataFrame({"vault": key(instances["vaultId"]), "id": instances["id"], "gone": gone, "no": unknown})
    return {
        str(vault): (sorted(rows.loc[rows["gone"], "id"]), int(rows["no"].sum()), len(rows))
        for vault, rows in held.groupby("vault")
    }


def _judged(control: Control, row: Mapping[str, Any], lacking: dict[str, tuple[list[str], int, int]]) -> dict[str, Any]:
    made: dict[str, Any] = {"wanted": control.wanted, "evidence": []}
    if not control.applies(row):
        return made | {"value": None, "verdict": NOT_APPLICABLE}
    if control.column == ROLES:
        return made | _roles(*lacking.get(str(row["id"]).lower(), ([], 0, 0)))
    value = row.get(control.column)
    value = control.missing if value is None else value
    if value is None:
        return made | {"value": None, "verdict": NOT_VERIFIABLE}
    said = f"{value:g}" if isinstance(value, float) else str(value)  # days are days, not days and a tenth
    return made | {"value": said, "verdict": PASS if control.passes(value) else FAIL}


def _with_remedy(control: Control, row: Mapping[Any, Any], made: dict[str, Any]) -> dict[str, Any]:
    """What was found, and for what fails what to do."""
    if made["verdict"] != FAIL:
        return made | {"command": None, "advice": None}
    where = ["--subscription", row["subscriptionId"], "-g", row["resourceGroup"], "-v", row["name"]]
    known = control.remedy and all(where)
    said = command("backup-vault", "update", *where, *shlex.split(control.remedy)) if known else None
    return made | {"command": said, "advice": control.advice or None}


def _roles(gone: list[str], unknown: int, count: int) -> dict[str, Any]:
    if not count:
        return {"value": "no instances of disks", "verdict": NOT_APPLICABLE}
    if gone:
        return {"value": f"a role is gone for {len(gone)} of {count}", "verdict": FAIL, "evidence": gone}
    if unknown:
        return {"value": f"unknown for {unknown} of {count}", "verdict": NOT_VERIFIABLE}
    return {"value": f"there for {count} of {count}", "verdict": PASS}
