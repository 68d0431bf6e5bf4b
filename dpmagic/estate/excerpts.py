"""Rows of a table that do for some questions: asked for in place of all of them where reading spends a quota.

Whoever asks for an excerpt may be given more: tables that are at hand, or were read whole already, are given whole.  So
a question has to have the same answer by both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dpmagic.estate.columns import table

MUCH = 250_000
"""More rows than these an archive gives by excerpts and in portions, by itself."""


@dataclass(frozen=True)
class Excerpt:
    """Rows of a table that meet ``where``, KQL on the view's columns; ``what`` says which these are.

    With ``latest``, a column of times, it is of the rows that are alike in ``by`` (KQL by the names that it gets, and
    subscription) only the last one by that time: grouped at the source, split by ``axes`` where they are too many.

    ``holding`` is what every such row has, by which files are sifted: texts that columns hold, in any case, all of one
    list at least.
    """

    table: str
    what: str
    where: str
    latest: str = ""
    by: tuple[tuple[str, str], ...] = ()
    axes: tuple[str, ...] = ()
    holding: tuple[tuple[tuple[str, str], ...], ...] = ()

    @property
    def clause(self) -> str:
        """What goes behind the table's view."""
        return f"| where {self.where}"

    @property
    def note(self) -> str:
        """What the completeness of the table says where only this was asked for."""
        return f"of {self.table} only {self.what} were asked for"

    def body(self, columns: Sequence[str], more: Sequence[str]) -> str:
        """What goes behind the table's view where rows are grouped, with some keys ``more``."""
        shown = [name for name in columns if name not in (self.latest, "subscriptionId")]
        keys = dict.fromkeys([*more, "subscriptionId", *(f"{name} = {kql}" for name, kql in self.by)])
        nested = [name for name in shown if table(self.table).dtypes[name] == "object"]  # these travel as JSON text
        as_text = f"\n| extend {', '.join(f'{name} = tostring({name})' for name in nested)}" if nested else ""
        latest = ", ".join([self.latest, *shown])
        return f"{self.clause}{as_text}\n| summarize arg_max({latest}) by {', '.join(keys)}"


DELETED_DISKS = Excerpt(
    "changes",
    "the deletions of disks",
    "changeType =~ 'Delete' and targetResourceId contains '/providers/microsoft.compute/disks/'",
    holding=((("changeType", "delete"), ("targetResourceId", "/providers/microsoft.compute/disks/")),),
)
"""The changes that say when a disk went, and by whom."""

CHANGED_VAULTS = Excerpt(
    "changes",
    "those of Backup vaults",
    "targetResourceType =~ 'microsoft.dataprotection/backupvaults'",
    holding=((("targetResourceType", "microsoft.dataprotection/backupvaults"),),),
)
"""The changes that say how a vault was set up before, and who changed it."""

EVENTS = Excerpt(
    "changes",
    f"{DELETED_DISKS.what} and {CHANGED_VAULTS.what}",
    f"({DELETED_DISKS.where}) or ({CHANGED_VAULTS.where})",
    holding=(*DELETED_DISKS.holding, *CHANGED_VAULTS.holding),
)
"""Both: all that the questions of a report take of changes, of which most are snapshots that come and go."""

NEWEST_SNAPSHOTS = Excerpt(
    "snapshots",
    "the newest of each disk in each resource group by Azure Backup",
    # By their names or a tag, in any case; and one in the making has no time yet.
    "isnotnull(timeCreated) and isnotempty(sourceResourceId) "
    "and (name startswith 'AzureBackup_' or tostring(tags) contains 'createdby')",
    latest="timeCreated",
    by=(
        ("place", "tolower(resourceGroup)"),
        ("source", "tolower(sourceResourceId)"),
        ("unique", "sourceUniqueId"),
        ("partial", "incremental"),
        ("named", "name startswith_cs 'AzureBackup_'"),
        ("signed", "iff(name startswith 'AzureBackup_', '', tostring(tags))"),
    ),
    axes=("resourceGroup", "sourceResourceId"),
)
"""The newest snapshots that Azure Backup made: what tells an instance's newest point."""
