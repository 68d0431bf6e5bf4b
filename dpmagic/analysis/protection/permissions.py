"""Which backup instances' vaults lack a role that their disk's backup needs.

The vault's identity needs Disk Backup Reader at the disk or above it, and Disk Snapshot Contributor at the resource
group of the snapshots or above it.
"""

from __future__ import annotations

import pandas

from dpmagic.analysis.backups.keys import key
from dpmagic.analysis.protection.scopes import Chains, levels

READER = ("disk backup reader", "3e5e47e6-65f7-47ef-90b5-e5dd4d455f24")
CONTRIBUTOR = ("disk snapshot contributor", "7efff54f-a5b4-42b5-a1c5-5411624893ce")
# Roles of a vault that give it neither; any other (a custom role) may.
_OTHER = (
    "b50d9833-a0cb-478e-945f-707fcc997c13",  # Disk Restore Operator
    "acdd72a7-3385-48ef-bd42-f606fba81ae7",  # Reader
    "e5e2a7ff-d759-4cd2-bb51-3152d37e2eb1",  # Storage Account Backup Contributor
    "4633458b-17de-408a-b874-0445c86b69e6",  # Key Vault Secrets User
)


def lacking(instances: pandas.DataFrame, assignments: pandas.DataFrame, above: Chains) -> pandas.DataFrame:
    """``lacksReader`` and ``lacksContributor`` of instances with ``principalId``, ``disk`` and ``snapshots`` (ids).

    Missing where it cannot be known: the vault has no identity of its own, no role assignment at all could be read, or
    the identity has another role there that may do as well.
    """
    held = _held(assignments)
    return pandas.DataFrame(
        {
            "lacksReader": _lacks(instances["principalId"], instances["disk"], held, READER, above),
            "lacksContributor": _lacks(instances["principalId"], instances["snapshots"], held, CONTRIBUTOR, above),
        },
        index=instances.index,
    )


def _held(assignments: pandas.DataFrame) -> pandas.DataFrame:
    """Each assignment as principal and scope, with the role's guid."""
    guid = assignments["roleDefinitionId"].str.lower().str.rsplit("/", n=1).str[-1]
    by_name = assignments["roleName"].str.lower().map(dict((READER, CONTRIBUTOR)))
    scope = key(assignments["scope"]).replace("", "/")
    return pandas.DataFrame(
        {"key": assignments["principalId"].str.lower() + "|" + scope, "role": by_name.where(by_name.notna(), guid)}
    )


def _lacks(
    principal: pandas.Series, place: pandas.Series, held: pandas.DataFrame, role: tuple[str, str], above: Chains
) -> pandas.Series:
    has = pandas.Series(False, index=place.index)
    may = has.copy()
    right = set(held.loc[held["role"] == role[1], "key"])
    neither = {READER[1], CONTRIBUTOR[1], *_OTHER}
    perhaps = set(held.loc[~held["role"].isin(neither), "key"])
    identity = principal.astype("str").str.lower() + "|"
    for scope in levels(place, above):
        key = identity + scope
        has |= key.isin(right)
        may |= key.isin(perhaps)
    unknown = may | principal.isna() | principal.eq("") | place.isna() | held.empty
    return (~has).astype("boolean").mask(~has & unknown)
