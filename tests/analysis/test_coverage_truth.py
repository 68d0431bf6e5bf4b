"""Coverage against what was planted: every gap by id and reason, and no other, on generated estates and the default."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pandas
import pytest

import dpmagic
from dpmagic import language
from dpmagic.analysis.protection.verdicts import (
    DELETED,
    ERROR,
    EXCLUDED,
    NEVER,
    PERMISSION,
    STALE,
    STOPPED,
    SUSPENDED,
    UNVERIFIABLE,
)
from dpmagic.commands.parse import parse
from dpmagic.commands.table import Group, resolve
from dpmagic.estate import Estate
from dpmagic.estate.columns import tables

from .. import generated
from .raw import connection, planted
from .worlds import estate, read_until

ESTATES = ["default", *map(str, generated.SEEDS)]
_BY_KIND = {"stopped": STOPPED, "suspended": SUSPENDED, "inError": ERROR, "rolesRemoved": PERMISSION}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture(scope="module", params=ESTATES)
def which(request: pytest.FixtureRequest) -> str:
    """The name of an estate: all tests of one come together, so that few have to be kept."""
    name: str = request.param
    return name


@cache
def gaps_of(which: str) -> pandas.DataFrame:
    """The gaps of an estate, asked for once."""
    return dpmagic.coverage_gaps(estate(which))


def expected(which: str) -> dict[str, str]:
    """By disk, in lower case, the reason that its planted defect stands for."""
    found = dict[str, str]()
    for defect in planted(which):
        sources = [one.lower() for one in defect["dataSourceIds"]]
        if defect["kind"] in _BY_KIND:
            found |= dict.fromkeys(sources, _BY_KIND[defect["kind"]])
        elif defect["kind"] == "softDeleted":  # at the end of soft delete the instance is gone without a trace
            found |= dict.fromkeys(sources, DELETED if kept(which, defect) else NEVER)
        elif defect["kind"] in ("neverProtected", "excludedByLun"):
            reason = NEVER if defect["kind"] == "neverProtected" else EXCLUDED
            found |= dict.fromkeys((one.lower() for one in defect["ids"]), reason)
    there = set(estate(which).disks()["id"].str.lower())
    return {disk: reason for disk, reason in found.items() if disk in there} | stale(which, there)


def kept(which: str, defect: dict[str, Any]) -> bool:
    """Whether a vault still listed the deleted instance when it was asked: a little after the estate's instant."""
    listed = set(estate(which).deleted_instances()["name"])
    there, purge = defect["ids"][0].rpartition("/")[2] in listed, moment(defect["scheduledPurgeTime"])
    assert purge > estate(which).now if there else purge <= read_until(which)
    return there


def stale(which: str, there: set[str]) -> dict[str, str]:
    """The configured disks without a snapshot young enough: record by record, from the tables as they come."""
    tables, found = estate(which), dict[str, str]()
    spans = dpmagic.rpo_targets(tables).set_index("id")["rpo"]
    unique = dict(zip(tables.disks()["id"].str.lower(), tables.disks()["uniqueId"], strict=True))
    snapshots = tables.snapshots()[["name", "resourceGroup", "subscriptionId", "sourceUniqueId", "timeCreated"]]
    newest: dict[tuple[str, str], pandas.Timestamp] = {}
    for name, group, subscription, of, created in snapshots.itertuples(index=False):
        place = (f"/subscriptions/{subscription}/resourcegroups/{group}".lower(), of)
        if name.startswith("AzureBackup_"):
            newest[place] = max(created, newest.get(place, created))
    for row in tables.instances().to_dict("records"):
        disk = row["dataSourceId"].lower()
        if row["currentProtectionState"] != "ProtectionConfigured" or disk not in there:
            continue
        point = newest.get((row["resourceGroupId"].lower(), unique[disk]))
        if point is None or tables.now - point > spans[row["id"]]:
            found[disk] = STALE
    lost = [
        one.lower() for defect in planted(which) if defect["kind"] == "rolesRemoved" for one in defect["dataSourceIds"]
    ]
    return {disk: reason for disk, reason in found.items() if disk not in lost}


@pytest.mark.slow
def test_the_gaps_are_those_planted(which: str) -> None:
    gaps = gaps_of(which)
    assert dict(zip(gaps["id"].str.lower(), gaps["reason"], strict=True)) == expected(which)
    assert gaps["id"].str.lower().is_unique


@pytest.mark.slow
def test_the_counts_are_those_of_the_gaps(which: str) -> None:
    """Record by record: each disk is counted once, in each grouping alike."""
    tables = estate(which)
    gaps = gaps_of(which)
    whole = dpmagic.coverage(tables)
    excluded, left = gaps["exclusion"].notna(), gaps[gaps["exclusion"].isna()]
    assert whole["disks"].sum() == len(tables.disks())
    assert whole["effective"].sum() == len(tables.disks()) - whole["excluded"].sum() - (~left["effective"]).sum()
    assert whole["eligibleGiB"].sum() - whole["effectiveGiB"].sum() == left.loc[~left["effective"], "diskSizeGB"].sum()
    assert whole["atRisk"].sum() == left["effective"].sum()
    assert excluded.sum() <= whole["excluded"].sum()
    for by in ("subscription", "managementGroup", "region", ["sku", "tags.owner"]):
        grouped = dpmagic.coverage(tables, by=by)
        for name in ("disks", "eligible", "effective", "neverConfigured", "stale", "eligibleGiB", "effectiveGiB"):
            assert grouped[name].sum() == whole[name].sum(), (by, name)


@pytest.mark.slow
def test_exemptions_hold_to_the_second(which: str) -> None:
    now = estate(which).now
    live = {
        one.lower()
        for defect in planted(which)
        if defect["kind"] == "exempt" and (not defect["expiresOn"] or moment(defect["expiresOn"]) > now)
        for one in defect["ids"]
    }
    gaps = gaps_of(which)
    assert set(gaps.loc[gaps["exclusion"].notna(), "id"].str.lower()) == live & set(gaps["id"].str.lower())
    listed = dpmagic.exclusions(estate(which))
    assert {one.lower() for ids in listed["diskIds"] for one in ids} == live
    assert len(listed) == sum(len(defect["exemptionIds"]) for defect in planted(which) if defect["kind"] == "exempt")


@pytest.mark.slow
def test_orphans_are_those_planted(which: str) -> None:
    gone = {one for defect in planted(which) if defect["kind"] == "diskDeleted" for one in defect["backupInstanceIds"]}
    blind = {one for defect in planted(which) if defect["kind"] == "unverifiable" for one in defect["ids"]}
    orphans = dpmagic.orphan_instances(estate(which))
    assert dict(zip(orphans["id"], orphans["verdict"], strict=True)) == dict.fromkeys(gone, "orphan") | dict.fromkeys(
        blind, "unverifiable"
    )


@pytest.mark.slow
def test_since_brackets_what_happened(which: str) -> None:
    gaps = gaps_of(which).assign(key=lambda found: found["id"].str.lower()).set_index("key")
    for defect in planted(which):
        if defect["kind"] not in ("stopped", "suspended", "inError", "rolesRemoved", "softDeleted"):
            continue
        happened = moment(defect["times"][0])
        for disk in (one.lower() for one in defect["dataSourceIds"]):
            row = gaps.loc[disk] if disk in gaps.index else None
            if row is None or row["reason"] == NEVER or pandas.isna(row["since"]):
                continue
            within = {
                "at": row["since"] == happened,
                "after": row["since"] <= happened,
                "before": row["since"] >= happened,
            }
            assert within[row["sinceIs"]], (defect["kind"], disk)


@pytest.mark.slow
def test_every_command_is_one(which: str) -> None:
    gaps = gaps_of(which)
    for line in gaps["command"].dropna():
        (statement,) = language.parse(line)
        assert isinstance(statement, language.Statement)
        found, rest = resolve(language.expand(statement.words, {}))
        assert not isinstance(found, Group)
        parse(found, rest)
    assert gaps.loc[~gaps["reason"].isin(["unsupported", UNVERIFIABLE]), "command"].notna().all()


@pytest.mark.slow
@pytest.mark.parametrize("which", ["default", "4", "10"])
def test_saved_the_answer_is_the_same(which: str, tmp_path: Any) -> None:
    live = estate(which)
    live.save(tmp_path)
    saved = Estate.load(tmp_path)
    for question in (dpmagic.coverage_gaps, dpmagic.orphan_instances, dpmagic.exclusions, dpmagic.coverage):
        pandas.testing.assert_frame_equal(question(saved), question(live), check_like=False)


@pytest.mark.slow
@pytest.mark.parametrize("which", ["4", "10"])
def test_subscription_by_subscription_the_answer_is_the_same(which: str) -> None:
    """Tables asked of one subscription at a time and put together; what was out of sight, they do not say."""
    live = estate(which)
    window = (live.window.start, live.now + timedelta.resolution)
    parts = [
        dpmagic.open(connection=connection(which), subscriptions=one, window=window)
        for one in live.source.scope.readable
    ]
    names = [name for name in tables() if name != "recovery_points"]
    whole = {name: pandas.concat([part.table(name) for part in parts], ignore_index=True) for name in names}
    whole = {name: rows.drop_duplicates("id") if name == "role_assignments" else rows for name, rows in whole.items()}
    pieced = Estate.of(whole, now=live.now, window=live.window)
    left, right = dpmagic.coverage_gaps(pieced), gaps_of(which)
    pandas.testing.assert_frame_equal(left.drop(columns="evidence"), right.drop(columns="evidence"))
    pandas.testing.assert_frame_equal(dpmagic.coverage(pieced, "region"), dpmagic.coverage(live, "region"))
