"""The main queries of backup reporting, their answers worked out by hand from the rows of ``tests.kql.estate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dpmagic.sandbox.kql import Answer, Engine, Tables
from tests.kql.estate import COMPUTE, DISK_IDS, NOW, ROWS, SUB, WEU

FILES = Path(__file__).resolve().parents[2] / ".." / "shared" / "reference" / "kql"
pytestmark = pytest.mark.skipif(not FILES.is_dir(), reason="the reference queries are not beside this checkout")

ENGINE = Engine()


def ask(query: str) -> Answer:
    return ENGINE.run(query, Tables(frozenset(ROWS), ROWS.__getitem__), NOW, version=1)


def day(text: str) -> str:
    return f"2026-{text}T00:00:00.0000000Z"


def bi(vault: str, name: str) -> str:
    return f"/subscriptions/{SUB}/resourceGroups/{vault}/backupInstances/{name}".lower()


def snap(name: str) -> str:
    return f"/subscriptions/{SUB}/resourceGroups/rg-snap/{COMPUTE}/snapshots/{name}"


#: Answers worked out by hand from the rows above.
BY_HAND: dict[str, list[tuple[Any, ...]]] = {
    "12_success_rate_per_vault_day": [
        ("bv-neu-1", day("11-09"), 1, 1, 0, 100.0),
        ("bv-neu-1", day("11-10"), 2, 1, 0, 50.0),
        ("bv-weu-0", day("11-08"), 1, 0, 1, 0.0),
        ("bv-weu-0", day("11-09"), 1, 1, 0, 100.0),
    ],
    "13_duration_percentiles": [
        ("bv-neu-1", day("11-09"), 600, 600, 600, 600.0),
        ("bv-weu-0", day("10-30"), 120, 120, 120, 120.0),
        ("bv-weu-0", day("11-07"), 360, 360, 360, 360.0),
        ("bv-weu-0", day("11-09"), 180, 180, 180, 180.0),
    ],
    "17_last_success_argmax": [
        (bi(WEU, "bi3"), "2026-10-30T01:02:00.0000000Z", "Completed", "j6", 275),
        (bi(WEU, "bi1"), "2026-11-09T01:03:00.0000000Z", "Completed", "j1", 35),
    ],
    "20_snapshots_older_than_retention": [
        (snap("s3"), "s3", DISK_IDS["d9"], "2026-10-01T01:00:00.0000000Z", 40, 30),
        (snap("s1"), "s1", DISK_IDS["d1"], "2026-11-01T01:00:00.1234560Z", 9, 7),
    ],
    "21_snapshot_count_bytes_per_disk": [
        (DISK_IDS["d9"].lower(), 1, 4, "2026-10-01T01:00:00.0000000Z", "2026-10-01T01:00:00.0000000Z", 0),
        (DISK_IDS["d1"].lower(), 2, 3, "2026-11-01T01:00:00.1234560Z", "2026-11-09T01:00:00.0000000Z", 2),
    ],
    "26_bi_with_policy_retention_join": [("P14D", 1), ("P7D", 2)],
    "27_tag_coverage": [
        ("", 1, 0, 0, 0, 100.0),
        ("dev", 1, 0, 0, 0, 100.0),
        ("prod", 2, 2, 1, 1, 50.0),
    ],
    "28_tag_with_space": [("1003", "ann", 1, 128)],
    "29_bag_keys": [("Cost Center", 1), ("RetentionDays", 3), ("backup", 2), ("env", 3), ("owner", 1)],
    "33_error_sets": [("bv-weu-0", ["CloudThrottled"], ["j2"], 1, 1)],
    "40_running_jobs": [("j5", "bv-neu-1", "08:00:00", "2026-11-10 04:00")],
    "42_let_function": [("bv-neu-1", 1), ("bv-weu-0", 2)],
    "43_let_tabular_join": [("vm1", 1, 64, ["d1"])],
    "48_sub_name_join": [("Production", 7)],
    "55_has_any": [(1,)],
    "56_parse_id": [(SUB, "rg-backup-1", "bv-weu-0", 2), (SUB, "rg-backup-2", "bv-neu-1", 1)],
    "60b_minif_maxif": [
        ("bv-neu-1", "2026-11-09T05:10:00.0000000Z", None),
        ("bv-weu-0", "2026-11-09T01:03:00.0000000Z", "2026-11-08T01:01:00.0000000Z"),
    ],
    "62_zones_array": [("1", "westeurope", 1)],
    "63_sku_dynamic": [("Premium_LRS", "Premium", 1, 64), ("Standard_LRS", "Standard", 3, 416)],
    "65_datetime_between": [(4,)],
    "69_toscalar": [("northeurope", 1, 25.0), ("westeurope", 3, 75.0)],
    "71_subtasks": [("Trigger Backup", 1)],
    "72_strcat_array_sets": [("bv-neu-1", ["p2"], "p2"), ("bv-weu-0", ["p1"], "p1")],
    "83_count_distinct": [(3, 2)],
    "84c_where_kind": [("functionapp", "microsoft.web/sites", 1)],
    "94_comments_multistatement": [(4,)],
    "97_make_set_if": [("bv-neu-1", [], ["j5"]), ("bv-weu-0", ["d1"], [])],
    "98_array_sort_slice": [
        (
            DISK_IDS["d1"].lower(),
            ["2026-11-01T01:00:00.1234560Z", "2026-11-09T01:00:00.0000000Z"],
            ["2026-11-09T01:00:00.0000000Z", "2026-11-01T01:00:00.1234560Z"],
            ["2026-11-09T01:00:00.0000000Z", "2026-11-01T01:00:00.1234560Z"],
            2,
        ),
        (DISK_IDS["d9"].lower(), *[["2026-10-01T01:00:00.0000000Z"]] * 3, 1),
    ],
}


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_answers_worked_out_by_hand(name: str) -> None:
    assert ask((FILES / f"{name}.kql").read_text()).rows == BY_HAND[name]


def test_the_cli_finds_the_instance() -> None:
    (found,) = ask((FILES / "06_cli_list_bi.kql").read_text()).records()
    assert list(found)[-3:] == ["vaultName", "protectionState", "datasourceId"]
    assert (found["name"], found["vaultName"], found["protectionState"]) == ("bi2", "bv-neu-1", "ProtectionConfigured")
    assert found["properties"]["dataSourceInfo"]["baseUri"] is None


def test_the_cli_finds_the_failed_job() -> None:
    (found,) = ask((FILES / "07_cli_list_jobs.kql").read_text()).records()
    assert (found["name"], found["operation"], found["status"]) == ("j2", "ScheduledBackup", "Failed")


def test_policies_by_rule() -> None:
    answer = ask((FILES / "23_policy_retention_mvexpand.kql").read_text())
    assert [row[1:] for row in answer.rows] == [
        ("p1", "Default", True, "P7D", 7, "OperationalStore"),
        ("p1", "Weekly", False, "P30D", 30, "OperationalStore"),
        ("p2", "Default", True, "P14D", 14, "OperationalStore"),
    ]
