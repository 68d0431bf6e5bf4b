"""One list of what is wrong: what the questions find, each once, the worst first."""

from __future__ import annotations

from typing import Any

import pandas
import pytest

from dpmagic.analysis.coverage_gaps import coverage_gaps
from dpmagic.analysis.findings import KINDS, findings
from dpmagic.analysis.orphan_instances import orphan_instances
from dpmagic.analysis.posture import posture
from dpmagic.analysis.triage import triage
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from dpmagic.estate.opening import open_live
from tests.analysis.byhand import NOW, VAULT, disk, disks, instance, snapshot
from tests.analysis.byhand import estate as by_hand
from tests.analysis.raw import connection
from tests.analysis.worlds import estate as world


@pytest.fixture(scope="module")
def estate() -> Estate:
    return world("default")


@pytest.fixture(scope="module")
def found(estate: Estate) -> pandas.DataFrame:
    return findings(estate)


def test_everything_that_the_questions_find_is_there_once(estate: Estate, found: pandas.DataFrame) -> None:
    assert not found.duplicated(["kind", "id", "reason"]).any()
    failing = triage(estate)
    assert set(found.loc[found["kind"] == "failure", "id"]) == set(failing["id"])
    gaps = coverage_gaps(estate)
    gaps = gaps[gaps["exclusion"].isna()]
    told = set(found.loc[found["kind"] == "gap", "id"])
    explained = gaps["reason"].eq("stale") & gaps["backupInstanceId"].isin(failing["id"])
    assert told == set(gaps.loc[~explained, "id"])
    assert set(found["kind"]) == set(KINDS)


def test_the_worst_come_first(found: pandas.DataFrame) -> None:
    assert found["severity"].is_monotonic_increasing
    assert found["severity"].dtype == "Int64"
    assert found.loc[0, "kind"] == "failure"
    assert found["command"].dropna().str.startswith("az dataprotection").all()
    assert str(found["since"].dtype) == "datetime64[us, UTC]"


def test_since_says_what_kind_of_instant_it_is(estate: Estate, found: pandas.DataFrame) -> None:
    assert found["sinceIs"].notna().equals(found["since"].notna())
    assert set(found["sinceIs"].dropna()) == {"at", "after", "before"}
    for question, kind in ((coverage_gaps, "gap"), (triage, "failure"), (orphan_instances, "orphanInstance")):
        told = question(estate).set_index("id")
        rows = found[found["kind"] == kind].set_index("id")
        pandas.testing.assert_series_equal(rows["sinceIs"], told.loc[rows.index, "sinceIs"])
        pandas.testing.assert_series_equal(rows["since"], told.loc[rows.index, "since"])


def test_some_kinds_only(estate: Estate) -> None:
    assert set(findings(estate, ["posture"])["kind"]) == {"posture"}
    with pytest.raises(InvalidArgument) as error:
        findings(estate, ["postre"])
    assert "posture" in error.value.hint


def test_an_estate_of_nothing_has_no_findings() -> None:
    nothing = open_live(connection("default"), subscriptions="Archive")
    found = findings(nothing)
    assert len(found) == 0
    assert isinstance(found, pandas.DataFrame)


def test_answers_that_are_there_are_not_asked_again(estate: Estate, found: pandas.DataFrame) -> None:
    known = {"triage": triage(estate), "posture": posture(estate)}
    pandas.testing.assert_frame_equal(findings(estate, answers=known), found)
    none = findings(estate, ["failure"], answers={"triage": known["triage"].head(0)})
    assert none.empty and "failure" in set(found["kind"])


def test_a_tag_or_policy_that_nobody_knows_is_said_so() -> None:
    """A point of an archive's may have been kept by a policy that is gone: it is a finding, not dropped."""
    rows = [
        {"verdict": "missing", "missing": 2, "surplus": 0, "retentionTag": "Weekly", "policyName": "p"},
        {"verdict": "missing", "missing": 1, "surplus": 0, "retentionTag": None, "policyName": None},
        {"verdict": "surplus", "missing": 0, "surplus": 3, "retentionTag": None, "policyName": "p"},
        {"verdict": "ok", "missing": 0, "surplus": 0, "retentionTag": "Default", "policyName": "p"},
    ]
    who = {"id": disk("a"), "name": "a", "subscriptionId": "s", "dataSourceId": disk("a")}
    answers = {"retention": pandas.DataFrame([who | row for row in rows])}
    found = findings(by_hand([instance("a")], []), "retention", answers=answers).set_index("reason")
    assert found["detail"].to_dict() == {
        "missing": "2 of Weekly by p, 1 of a tag unknown by a policy unknown",
        "surplus": "3 of a tag unknown by p",
    }


def test_the_owner_of_a_vault_is_in_any_case_and_may_be_missing() -> None:
    vaults = pandas.DataFrame({"id": ["v", "w"], "tags": pandas.Series([{"Owner": "dba"}, float("nan")], dtype=object)})
    failing = {"name": "x", "subscriptionId": "s", "control": "softDelete", "value": "Off", "wanted": "On"}
    rows = pandas.DataFrame([{"id": one, "verdict": "fail", "command": None, **failing} for one in ("v", "w")])
    found = findings(by_hand([instance("a")], [], vaults=vaults), "posture", answers={"posture": rows})
    assert found["owner"].fillna("").tolist() == ["dba", ""]


OURS = [disk("a"), disk("gone"), disk("lost"), disk("bare")]


POINT = {"id": f"{VAULT}/backupInstances/i", "verdict": "missing", "missing": 1, "surplus": 0}
POINT |= {"retentionTag": "Daily", "policyName": "p"}
FULL = {"status": "full", "snapshots": 500, "limit": 500}
LEFT = {"reason": "noDisk", "diskSizeGB": 8, "expiryTime": NOW, "backupInstanceId": f"{VAULT}/backupInstances/i"}
OF = f"{VAULT.upper()}/backupInstances"


@pytest.mark.parametrize(
    ("kind", "question", "rows", "owners"),
    [
        ("headroom", "snapshot_headroom", [FULL | {"id": one} for one in OURS], ["web", None, None, None]),
        ("retention", "retention", [POINT | {"dataSourceId": disk("a")}], ["web"]),
        ("retention", "retention", [POINT | {"dataSourceId": disk("gone")}], ["vaults"]),
        (
            "orphanInstance",
            "orphan_instances",
            [{"id": f"{OF}/{n}", "dataSourceId": one, "verdict": "orphan"} for n, one in enumerate(OURS)],
            ["web", "vaults", "vaults", None],
        ),
        (
            "orphanSnapshots",
            "orphan_snapshots",
            [LEFT | {"id": f"s-{one[-4:]}", "sourceResourceId": one} for one in OURS],
            ["web", "snap", "vaults", None],
        ),
    ],
)
def test_every_finding_names_the_owner(kind: str, question: str, rows: list[Any], owners: list[str | None]) -> None:
    """The disk's tag, where it is there; else its snapshot's; else the vault's."""
    there = pandas.concat([disks("a", tags={"OWNER": "web"}), disks("bare", tags={})])
    vaults = pandas.DataFrame([{"id": VAULT, "tags": {"Owner": "vaults"}}])
    taken = [snapshot("gone", "1", id="s-gone", tags={"owner": "snap"}), snapshot("lost", "1", id="s-lost")]
    given = by_hand([instance("a")], [], disks=there, vaults=vaults, snapshots=taken)
    known = {"name": "x", "subscriptionId": "s", "evidence": "observed"}
    found = findings(given, kind, answers={question: pandas.DataFrame([{**known, **row} for row in rows])})
    column = "backupInstanceId" if kind in ("retention", "orphanInstance") else "id"
    told = found.set_index(column)["owner"]
    order = [row["sourceResourceId"] if kind == "orphanSnapshots" else row["id"] for row in rows]
    assert [None if pandas.isna(one) else one for one in told.reindex(order)] == owners


def test_findings_of_an_estate_name_owners(found: pandas.DataFrame) -> None:
    assert found.groupby("kind")["owner"].count().loc[["failure", "gap", "orphanInstance", "retention"]].min() > 0
