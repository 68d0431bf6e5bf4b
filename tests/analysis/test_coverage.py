"""Coverage, its gaps, exclusions and orphans of small tables by hand: what is counted, said, and refused."""

from __future__ import annotations

from typing import Any

import pandas
import pytest

from dpmagic import coverage, coverage_gaps, exclusions, orphan_instances
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate

from .disks_by_hand import NOW, OTHER, SUB, ago, disk, disk_id, estate, instance, item, job, machine, snapshot


def of(**rows: list[dict[str, Any]]) -> Estate:
    """A small estate, as it is now."""
    return Estate.of(estate(**rows), now=NOW, window="14d")


def test_one_row_for_all() -> None:
    (row,) = coverage(of()).to_dict("records")
    counts = {"disks": 2, "eligible": 2, "configured": 1, "healthy": 1, "effective": 1, "neverConfigured": 1}
    assert {name: row[name] for name in counts} == counts
    assert (row["eligibleGiB"], row["effectiveGiB"], row["neverConfiguredGiB"]) == (384, 256, 128)
    assert (row["share"], round(row["shareGiB"], 3)) == (0.5, 0.667)


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("subscription", {("Data", OTHER): 1, ("Shop", SUB): 2}),
        ("resourceGroup", {("Data", OTHER, "rg"): 1, ("Shop", SUB, "rg"): 2}),
        ("managementGroup", {("contoso",): 1, ("production",): 2}),
        ("region", {("northeurope",): 1, ("westeurope",): 2}),
        ("Location", {("northeurope",): 1, ("westeurope",): 2}),
        ("sku", {("Premium_LRS",): 3}),
        ("tags.env", {("",): 2, ("prod",): 1}),
        (["sku", "tags.ENV"], {("Premium_LRS", ""): 2, ("Premium_LRS", "prod"): 1}),
    ],
)
def test_groups(by: Any, groups: dict[tuple[str, ...], int]) -> None:
    more = disk("far", subscription=OTHER, location="northeurope", diskSizeGB=None)
    tables = estate()
    tables["disks"] = pandas.concat([tables["disks"], pandas.DataFrame([more])], ignore_index=True)
    found = coverage(Estate.of(tables, now=NOW, window="14d"), by)
    keys = list(found.columns[: list(found.columns).index("disks")])
    assert {tuple(row[keys]): row["disks"] for _, row in found.iterrows()} == groups
    assert found["withoutSize"].sum() == 1


def test_reasons_add_up_and_nothing_is_counted_twice() -> None:
    rows = [disk("fine"), disk("gone"), disk("vm"), disk("left"), disk("ade", encryptionSettings=True), disk("out")]
    found = coverage(
        of(
            disks=rows,
            instances=[instance("fine"), instance("gone", state="ProtectionStopped"), instance("vm")],
            snapshots=[snapshot("fine", ago(hours=10)), snapshot("vm", ago(hours=10))],
            virtual_machines=machine("m", [("vm", 0), ("left", 1)]),
            protected_items=[item("m", [1])],
        ),
        exclude={"id": disk_id("out"), "reason": "made anew"},
    ).iloc[0]
    assert found[["disks", "eligible", "effective", "unsupported", "excluded"]].tolist() == [6, 4, 2, 1, 1]
    assert found[["stopped", "excludedFromVmBackup", "neverConfigured", "unsupportedSchedule"]].tolist() == [1, 1, 0, 0]


def test_a_gap_says_what_is_to_be_known() -> None:
    (gap,) = coverage_gaps(of()).to_dict("records")
    assert (gap["id"], gap["reason"], gap["evidence"], gap["owner"]) == (
        disk_id("never"),
        "never configured",
        "observed",
        "dba",
    )
    assert (gap["subscriptionName"], gap["diskSizeGB"], gap["since"], gap["sinceIs"]) == (
        "Shop",
        128,
        ago(days=400),
        "at",
    )
    assert gap["command"].startswith("az dataprotection backup-instance initialize ")
    assert pandas.isna(gap["blocker"])


def test_gaps_are_in_order_of_reason_then_size_and_what_is_excluded_is_last() -> None:
    rows = [disk("small", diskSizeGB=1), disk("large", diskSizeGB=9), disk("out", diskSizeGB=99), disk("stop")]
    given = of(disks=rows, instances=[instance("stop", state="ProtectionStopped")])
    gaps = coverage_gaps(given, exclude=[disk_id("out")])
    assert gaps["name"].tolist() == ["large", "small", "stop", "out"]
    assert gaps["exclusion"].fillna("-").tolist() == ["-", "-", "-", "named in a list"]


def test_the_rpo_is_the_policys_unless_one_says_otherwise() -> None:
    assert coverage_gaps(of())["name"].tolist() == ["never"]
    found = coverage_gaps(of(), rpo="6h").set_index("name")
    assert found.loc["fine", ["reason", "rpoSource"]].tolist() == ["stale", "argument"]
    vm = of(virtual_machines=machine("m", [("never", 0)]), protected_items=[item("m", [])])
    assert coverage_gaps(vm)["name"].tolist() == []
    assert coverage_gaps(vm, rpo="5h")["name"].tolist() == ["fine", "never"]


def test_what_is_not_there_is_said() -> None:
    tables = {name: rows for name, rows in estate().items() if name not in ("role_assignments", "subscriptions")}
    found = coverage_gaps(Estate.of(tables, now=NOW, window="14d"))
    assert found.attrs["dpmagic"]["notes"][:2] == [
        "without the table subscriptions, subscriptions go by their ids, and roles of management groups are not seen",
        "without the table role_assignments, lost permissions are not seen",
    ]
    assert found["subscriptionName"].tolist() == [SUB]


@pytest.mark.parametrize(
    ("lacking", "says", "hint"),
    [
        ({"instances": None}, "the table instances is missing", "there are: "),
        ({"disks": "sku"}, "the table disks has no column sku", "it has: "),
        ({"protected_items": "diskExclusion"}, "the table protected_items has no column diskExclusion", ""),
        ({"jobs": "startTime"}, "the table jobs has no column startTime", ""),
    ],
)
def test_tables_without_what_is_needed(lacking: dict[str, str | None], says: str, hint: str) -> None:
    tables = estate()
    for name, column in lacking.items():
        tables = {
            key: rows if key != name else rows.drop(columns=column)
            for key, rows in tables.items()
            if column or key != name
        }
    for question in (coverage, coverage_gaps):
        with pytest.raises(InvalidArgument, match=says) as refused:
            question(Estate.of(tables, now=NOW, window="14d"))
        assert hint in refused.value.hint


def test_an_unknown_by() -> None:
    with pytest.raises(InvalidArgument, match="coverage has no groups by regoin") as refused:
        coverage(of(), by="regoin")
    assert refused.value.hint == "did you mean region?"
    with pytest.raises(InvalidArgument) as refused:
        coverage(of(), by="x")
    assert "tags.owner" in refused.value.hint


def test_no_disks_at_all() -> None:
    tables = estate()
    tables["disks"] = tables["disks"].iloc[:0]
    given = Estate.of(tables, now=NOW, window="14d")
    assert coverage(given)["disks"].tolist() == [0]
    assert pandas.isna(coverage(given)["share"][0])
    assert len(coverage(given, by="sku")) == len(coverage_gaps(given)) == 0


def test_exclusions_are_listed_also_when_they_have_run_out() -> None:
    given = [
        {"id": disk_id("never"), "reason": "scratch", "by": "ann", "until": ago(days=-30)},
        {"id": disk_id("fine"), "reason": "until yesterday", "until": ago(days=1)},
        "tags.env=test",
    ]
    found = exclusions(of(), given)
    assert found[["reason", "expired", "disks", "diskSizeGB"]].to_numpy().tolist() == [
        ["scratch", False, 1, 128],
        ["until yesterday", True, 0, 0],
        ["tag env=test", False, 0, 0],
    ]
    assert found["diskIds"].tolist() == [[disk_id("never")], [], []]


def test_orphans() -> None:
    hidden = "99999999-0000-4000-8000-000000000009"
    elsewhere = f"/subscriptions/{hidden}/resourceGroups/rg/providers/Microsoft.Compute/disks/far"
    rows = [
        instance("fine"),
        instance("logged"),
        instance("failed"),
        instance("silent"),
        instance("far", source=elsewhere),
    ]
    log = {"targetResourceId": disk_id("logged").upper(), "changeType": "Delete", "timestamp": ago(days=3)}
    gone = {"status": "Failed", "code": "UserErrorManagedDiskNotFound"}
    found = orphan_instances(
        of(
            instances=rows,
            jobs=[
                job("fine", start=ago(hours=10)),
                job("failed", start=ago(days=2), **gone),
                job("failed", start=ago(days=1), **gone),
            ],
            changes=[{**log, "changedBy": "eve@contoso.com", "id": "c", "name": "c", "subscriptionId": SUB}],
        )
    )
    rows_by_name = {row["name"].split("-")[0]: row for row in found.to_dict("records")}
    told = {name: (row["verdict"], row["evidence"], row["sinceIs"]) for name, row in rows_by_name.items()}
    assert {name: told[name][:2] for name in told} == {
        "logged": ("orphan", "observed"),
        "failed": ("orphan", "observed"),
        "silent": ("orphan", "inferred"),
        "far": ("unverifiable", "inferred"),
    }
    assert (rows_by_name["logged"]["since"], rows_by_name["logged"]["deletedBy"]) == (ago(days=3), "eve@contoso.com")
    assert (rows_by_name["failed"]["since"], told["failed"][2]) == (ago(days=2), "before")
    assert rows_by_name["far"]["detail"] == f"its disk is in subscription {hidden}, which could not be read"
    assert "suspend-backup" in rows_by_name["silent"]["command"]
    assert pandas.isna(rows_by_name["far"]["command"])


def test_an_instance_of_something_else_is_no_orphan() -> None:
    blobs = instance("blobs", dataSourceType="Microsoft.Storage/storageAccounts/blobServices")
    assert len(orphan_instances(of(instances=[instance("fine"), blobs]))) == 0
