"""Roles that a vault's identity lacks: at every level, and what cannot be known."""

from __future__ import annotations

from typing import Any

import pandas
import pytest

from dpmagic.analysis.backups.keys import key
from dpmagic.analysis.protection.permissions import lacking
from dpmagic.analysis.protection.scopes import chains

from ..disks_by_hand import CONTRIBUTOR, READER, SUB, VAULT_PRINCIPAL, disk_id, group, role, subscription

MANAGEMENT = "/providers/Microsoft.Management/managementGroups/"


def lacks(assignments: list[dict[str, Any]], principal: str | None = VAULT_PRINCIPAL) -> tuple[Any, Any]:
    """Whether the vault lacks the reader's and the contributor's role for one disk; None where that is not known."""
    asked = pandas.DataFrame({"principalId": [principal], "disk": [disk_id("d")], "snapshots": [group("rg-snapshots")]})
    asked[["disk", "snapshots"]] = asked[["disk", "snapshots"]].apply(key)
    held = subscription(groups=["Production", "contoso"])
    table = pandas.DataFrame(assignments or [role(READER, "/", "somebody else")])
    found = lacking(asked, table if assignments else table.iloc[:0], chains(pandas.DataFrame([held])))
    return tuple(None if pandas.isna(value) else bool(value) for value in found.iloc[0])


@pytest.mark.parametrize(
    "scope",
    [
        disk_id("d"),
        group(),
        group().upper(),
        f"/subscriptions/{SUB}",
        f"{MANAGEMENT}production",
        f"{MANAGEMENT}contoso",
        "/",
    ],
)
def test_the_readers_role_at_the_disk_or_above(scope: str) -> None:
    assert lacks([role(READER, scope), role(CONTRIBUTOR, group("rg-snapshots"))]) == (False, False)


@pytest.mark.parametrize("scope", [disk_id("d2"), group("rg2"), group("rg-snapshots"), f"{MANAGEMENT}sandboxes"])
def test_the_readers_role_elsewhere(scope: str) -> None:
    assert lacks([role(READER, scope), role(CONTRIBUTOR, group("rg-snapshots"))]) == (True, False)


def test_the_contributors_role_is_needed_where_snapshots_are() -> None:
    assert lacks([role(READER, group()), role(CONTRIBUTOR, group())]) == (False, True)


def test_the_roles_of_another_identity() -> None:
    others = [role(READER, group(), "other"), role(CONTRIBUTOR, group("rg-snapshots"), "other")]
    assert lacks(others) == (True, True)


def test_a_role_of_another_name_may_do_as_well() -> None:
    assert lacks([role("Our backup role", group()), role(CONTRIBUTOR, group("rg-snapshots"))]) == (None, False)


def test_without_an_identity_or_any_assignment_nothing_is_known() -> None:
    assert lacks([role(READER, group())], None) == (None, None)
    assert lacks([]) == (None, None)
