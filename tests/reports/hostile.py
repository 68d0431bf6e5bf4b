"""An estate whose names are meant to do harm, wherever they are shown."""

from __future__ import annotations

from datetime import timedelta
from itertools import cycle, islice

import pandas

from dpmagic.estate import Estate

NAMES = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://evil.example","x")',
    '"><img src=http://evil.example/x onerror=alert(1)>',
    "+1+1",
    "$x_{y$ & $\\frac{",
    "-2+3",
    "@SUM(1+1)",
    '<r><t>a</t></r></is></c><c r="ZZ2"><f>1+1</f></c><c t="inlineStr"><is><r><t>a</t></r>',
    "</table></main><style>*{display:none}</style>",
    "</td><td>\x1b[31mred\u202e",
)
_TABLES = ("subscriptions", "vaults", "policies", "instances", "disks", "snapshots", "virtual_machines", "exemptions")
_TEXTS = ("name", "friendlyName", "dataSourceName", "vaultName", "policyName", "errorMessage", "displayName")
_JOBS = ("backupInstanceFriendlyName", "dataSourceName", "vaultName", "policyName", "errorCode", "errorMessage")


def hostile(estate: Estate) -> Estate:
    """The estate's tables with such names in place of theirs, and its jobs of the last three days."""
    made = {name: _renamed(estate.table(name), _TEXTS) for name in _TABLES}
    made["disks"]["tags"] = [{"owner": name, "environment": name} for name in _some(len(made["disks"]))]
    recent = estate.over((estate.now - timedelta(days=3), estate.now + timedelta(seconds=1)))
    made["jobs"] = _renamed(recent.jobs(), _JOBS)
    return Estate.of(made, now=estate.now, window=(estate.now - timedelta(days=3), estate.now))


def _renamed(frame: pandas.DataFrame, columns: tuple[str, ...]) -> pandas.DataFrame:
    made = frame.copy()
    for column in columns:
        if column in made:
            made[column] = pandas.Series(_some(len(made)), index=made.index, dtype="str").where(made[column].notna())
    return made


def _some(count: int) -> list[str]:
    return list(islice(cycle(NAMES), count))
