"""What is left out on purpose: texts, mappings, frames, exemptions; expiry to the second."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas
import pytest

from dpmagic.analysis.protection.excluding import match, records
from dpmagic.analysis.protection.scopes import chains
from dpmagic.errors import InvalidArgument

from ..disks_by_hand import NOW, SUB, ago, disk, disk_id, group, subscription

ASSIGNMENT = f"/subscriptions/{SUB}/providers/Microsoft.Authorization/policyAssignments/backup-of-disks"
DISKS = pandas.DataFrame(
    [
        disk("tagged", tags={"Backup": "None"}),
        disk("other", tags={"backup": "daily"}),
        disk("plain"),
        disk("elsewhere", in_group="rg-test"),
    ]
)


def excluded(exclude: Any = None, exemptions: list[dict[str, Any]] | None = None) -> dict[str, str]:
    """By disk, the reason for which it is left out."""
    rows = records(exclude, pandas.DataFrame(exemptions) if exemptions else None, NOW)
    above = chains(pandas.DataFrame([subscription(groups=["production"])]))
    places = match(DISKS, rows, above)
    return {
        name: rows["reason"][place] for name, place in zip(DISKS["name"], places, strict=True) if pandas.notna(place)
    }


def exemption(scope: str, **columns: Any) -> dict[str, Any]:
    """A row of exemptions."""
    usual = {
        "id": f"{scope}/providers/Microsoft.Authorization/policyExemptions/e",
        "name": "e",
        "scope": scope,
        "policyAssignmentId": ASSIGNMENT,
        "exemptionCategory": "Waiver",
        "displayName": "Scratch",
        "description": "made anew each night",
        "expiresOn": ago(days=-30),
        "createdBy": "ann@contoso.com",
    }
    return usual | columns


def test_a_tags_value_in_any_casing() -> None:
    assert excluded("tags.backup=none") == {"tagged": "tag backup=none"}


def test_a_tag_whatever_its_value() -> None:
    assert excluded("tags.BACKUP") == {"tagged": "tag BACKUP", "other": "tag BACKUP"}


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        (disk_id("plain").upper(), ["plain"]),
        (group("rg-test"), ["elsewhere"]),
        (f"/subscriptions/{SUB}", ["tagged", "other", "plain", "elsewhere"]),
        ("/providers/Microsoft.Management/managementGroups/production", ["tagged", "other", "plain", "elsewhere"]),
        (group("rg-tes"), []),
    ],
)
def test_ids_hold_what_is_below_them(scope: str, names: list[str]) -> None:
    assert list(excluded([scope])) == names
    assert list(excluded(exemptions=[exemption(scope)])) == names


def test_a_reason_who_and_until_when() -> None:
    given = {"id": disk_id("plain"), "reason": "rebuilt from code", "by": "ann", "until": "2026-04-01"}
    (row,) = records(given, None, NOW).to_dict("records")
    assert (row["kind"], row["reason"], row["by"], row["expired"]) == ("list", "rebuilt from code", "ann", False)
    assert row["until"] == pandas.Timestamp("2026-04-01", tz="UTC")
    frame = pandas.DataFrame([given, {"tag": "backup", "value": "none"}])
    assert excluded(frame) == {"tagged": "tag backup=none", "plain": "rebuilt from code"}


@pytest.mark.parametrize(("seconds", "holds"), [(-1, False), (0, False), (1, True)])
def test_it_runs_out_at_its_instant(seconds: int, holds: bool) -> None:
    until = NOW + timedelta(seconds=seconds)
    assert bool(excluded({"id": disk_id("plain"), "until": until})) is holds
    assert bool(excluded(exemptions=[exemption(disk_id("plain"), expiresOn=until)])) is holds
    assert len(records({"id": disk_id("plain"), "until": until}, None, NOW)) == 1


def test_an_exemption_says_who_and_why() -> None:
    (row,) = records(None, pandas.DataFrame([exemption(group())]), NOW).to_dict("records")
    assert row["kind"] == "policy exemption"
    assert row["reason"] == "Scratch: made anew each night (Waiver)"
    assert row["by"] == "ann@contoso.com"


def test_an_exemption_without_end_or_words() -> None:
    (row,) = records(
        None, pandas.DataFrame([exemption(group(), expiresOn=None, displayName=None, description=None)]), NOW
    ).to_dict("records")
    assert (row["reason"], row["expired"]) == ("e (Waiver)", False)


def test_an_exemption_from_something_else() -> None:
    tagging = f"/subscriptions/{SUB}/providers/Microsoft.Authorization/policyAssignments/tags"
    assert excluded(exemptions=[exemption(group(), policyAssignmentId=tagging)]) == {}
    built_in = "/providers/Microsoft.Authorization/policyDefinitions/A25A41A7-a769-4271-841d-7ce0297be0c0"
    named = exemption(disk_id("plain"), policyAssignmentId=tagging, policyDefinitionId=built_in)
    assert list(excluded(exemptions=[named])) == ["plain"]
    unsaid = exemption(group(), policyAssignmentId=tagging, policyDefinitionId=None)
    assert excluded(exemptions=[unsaid]) == {}
    assert len(records(None, pandas.DataFrame([unsaid]).astype({"policyDefinitionId": "str"}), NOW)) == 0


def test_the_first_that_holds_counts_and_the_nearest_scope() -> None:
    both = [{"id": group(), "reason": "the group"}, {"id": disk_id("plain"), "reason": "the disk"}]
    assert excluded(both)["plain"] == "the disk"
    assert excluded([*both, "tags.backup"])["tagged"] == "tag backup"


@pytest.mark.parametrize(
    ("exclude", "says"),
    [
        ("backup=none", "'backup=none' excludes nothing"),
        (3, "a value of type int excludes nothing"),
        ([3], "a value of type int excludes nothing"),
        ({"reason": "because"}, "an exclusion names either an id or a tag"),
        ({"id": "/x", "tag": "y"}, "an exclusion names either an id or a tag"),
        ({"id": "/x", "untill": "2026"}, "an exclusion has no untill"),
        ({"id": "/x", "until": "soon"}, "an exclusion cannot last until 'soon'"),
    ],
)
def test_what_excludes_nothing(exclude: Any, says: str) -> None:
    with pytest.raises(InvalidArgument, match=says):
        records(exclude, None, NOW)
