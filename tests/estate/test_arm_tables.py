"""What only ARM has: a call for each instance, vault or machine; what cannot be read is said, what was read stays."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas
import pytest

from dpmagic.arm.fan_out import WORKERS
from dpmagic.arm.paging import every_page
from dpmagic.arm.requests import Request
from dpmagic.connection import Connection, connect_sandbox
from dpmagic.estate import Estate
from dpmagic.estate.columns import table
from dpmagic.estate.opening import open_live
from dpmagic.sandbox import Mishap, Mishaps
from tests.canned import SUB, Heard, Sent, canned_connection
from tests.estate.raw import at, instant
from tests.graph.test_faults import Renewing

VAULT = f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/v1"
RECOVERY = f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/r1"
GRAPH = ("POST", "/providers/Microsoft.ResourceGraph/resources", 200, {"x-ms-user-quota-remaining": "15"})
SUBSCRIPTIONS = ["GET", r"^/subscriptions\?", 200, {}, {"value": [{"subscriptionId": SUB, "displayName": "One"}]}]
REFUSED = {"error": {"code": "AuthorizationFailed", "message": "You may not."}}


def listed(connection: Connection, path: str) -> list[dict[str, Any]]:
    answer = every_page(connection, Request("GET", path))
    found: list[dict[str, Any]] = answer.json["value"]
    return found


def answer(name: str, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Resource Graph's answer to the view of a table, in table format."""
    columns = [{"name": one, "type": "string"} for one in table(name).wire.values()]
    cells = [[row.get(column["name"]) for column in columns] for row in rows]
    body = {"totalRecords": len(rows), "count": len(rows), "resultTruncated": "false"}
    return [*GRAPH, {**body, "data": {"columns": columns, "rows": cells}}]


def instances(count: int) -> list[Any]:
    return answer("instances", [{"id": f"{VAULT}/backupInstances/i{n}", "name": f"i{n}"} for n in range(count)])


def point(sent: Sent, number: int = 0, **properties: Any) -> dict[str, Any]:
    times = {"recoveryPointTime": "2024-01-31T08:00:00.1234567Z", "recoveryPointState": "Completed"}
    return {"id": f"{sent.path}/p{number}", "name": f"p{number}", "properties": times | properties}


def opened(answers: Sequence[Any], observer: Any = None) -> tuple[Estate, list[Sent]]:
    connection, sent = canned_connection([SUBSCRIPTIONS, *answers])
    return open_live(connection, observer=observer), sent


def test_recovery_points_are_those_of_every_instance(connection: Connection, live: Estate) -> None:
    made = live.recovery_points()
    naive = {item["id"]: item for one in live.instances()["id"] for item in listed(connection, f"{one}/recoveryPoints")}
    assert made["id"].is_unique and set(made["id"]) == set(naive)
    assert made.dtypes.astype(str).to_dict() == table("recovery_points").dtypes
    for row in made.iloc[::97].itertuples():
        item = naive[row.id]
        assert row.backupInstanceId == row.id.split("/recoveryPoints/")[0]
        assert row.vaultId == row.id.split("/backupInstances/")[0] and row.vaultId.endswith(f"/{row.vaultName}")
        assert row.recoveryPointTime == instant(at(item, "properties.recoveryPointTime"))
        expiry = instant(at(item, "properties.recoveryPointDataStoresDetails.0.expiryTime"))
        assert pandas.isna(row.expiryTime) if expiry is None else row.expiryTime == expiry
        for name in ("retentionTagName", "retentionTagVersion", "policyName", "recoveryPointType"):
            assert getattr(row, name) == at(item, f"properties.{name}")
    assert made.attrs["dpmagic"]["unread"] == []


def test_deleted_instances_are_those_of_every_vault(connection: Connection, live: Estate) -> None:
    made = live.deleted_instances()
    naive = [item for one in live.vaults()["id"] for item in listed(connection, f"{one}/deletedBackupInstances")]
    assert len(naive) > 0 and set(made["id"]) == {item["id"] for item in naive}
    assert made.dtypes.astype(str).to_dict() == table("deleted_instances").dtypes
    by_id = made.set_index("id")
    for item in naive:
        row = by_id.loc[item["id"]]
        assert row["scheduledPurgeTime"] == instant(at(item, "properties.deletionInfo.scheduledPurgeTime"))
        assert row["dataSourceId"] == at(item, "properties.dataSourceInfo.resourceID")
        assert row["currentProtectionState"] == at(item, "properties.currentProtectionState")


def test_every_page_of_every_instance() -> None:
    def page(sent: Sent) -> dict[str, Any]:
        number = int(sent.query.get("page", 0))
        more = {"nextLink": f"https://canned.invalid{sent.path}?page={number + 1}"} if number < 2 else {}
        return {"value": [point(sent, number)], **more}

    estate, sent = opened([instances(3), ["GET", "/recoveryPoints", 200, {}, page]])
    assert sorted(estate.recovery_points()["name"]) == ["p0"] * 3 + ["p1"] * 3 + ["p2"] * 3
    assert len([one for one in sent if one.path.endswith("/recoveryPoints")]) == 9


def test_an_instance_that_cannot_be_read_is_named() -> None:
    estate, _ = opened(
        [
            instances(4),
            ["GET", "/i1/recoveryPoints", 403, {}, REFUSED],
            ["GET", "/i2/recoveryPoints", 404, {}, {"error": {"code": "ResourceNotFound", "message": "Gone."}}],
            ["GET", "/recoveryPoints", 200, {}, lambda sent: {"value": [point(sent)]}],
        ]
    )
    made = estate.recovery_points()
    assert [one.split("/")[-1] for one in made["backupInstanceId"]] == ["i0", "i3"]
    said = made.attrs["dpmagic"]
    assert [one.split("/")[-1] for one in said["unread"]] == ["i1", "i2"]
    assert said["notes"] == ["2 of 4 instances could not be read"]


def test_throttling_is_waited_out() -> None:
    slow = ["GET", "/i1/recoveryPoints", 429, {"Retry-After": "7"}, REFUSED, 2]
    estate, sent = opened(
        [instances(3), slow, ["GET", "/recoveryPoints", 200, {}, lambda one: {"value": [point(one)]}]]
    )
    before = estate.source.connection.now()  # type: ignore[attr-defined]
    assert len(estate.recovery_points()) == 3
    waited = (estate.source.connection.now() - before).total_seconds()  # type: ignore[attr-defined]
    assert 14 <= waited < 20
    assert len([one for one in sent if one.path.endswith("/recoveryPoints")]) == 5


class Impatient(Heard):
    """Presses Ctrl-C once, when so much is done."""

    pressed = False

    def stage(self, text: str) -> None:
        super().stage(text)
        if not self.pressed and text.startswith("recovery points: 20 of"):
            self.pressed = True
            raise KeyboardInterrupt


def test_what_was_read_before_ctrl_c_is_not_read_again() -> None:
    impatient = Impatient()
    everyone = ["GET", "/recoveryPoints", 200, {}, lambda sent: {"value": [point(sent)]}]
    estate, sent = opened([instances(50), everyone], impatient)
    with pytest.raises(KeyboardInterrupt):
        estate.recovery_points()
    assert len(estate.recovery_points()) == 50
    asked = Counter(one.path for one in sent if one.path.endswith("/recoveryPoints"))
    # Twice only what was under way when it was stopped.
    assert len(asked) == 50 and asked.total() <= 50 + WORKERS
    assert impatient.stages[-1] == "recovery points: 50 of 50 instances"


def test_the_snapshot_is_named_where_the_metadata_is_there() -> None:
    metadata = {"snapshotSubscriptionId": SUB, "snapshotRGName": "snaps", "snapshotName": "s1"}
    stores = [
        [{"metaData": json.dumps([metadata])}],
        [{"metaData": json.dumps({"other": 1})}],
        [{"metaData": "no JSON"}],
        [],
    ]
    value = [point(Sent("GET", f"{VAULT}/backupInstances/i0/recoveryPoints", {}), n) for n in range(4)]
    for item, store in zip(value, stores, strict=True):
        item["properties"]["recoveryPointDataStoresDetails"] = store
    estate, _ = opened([instances(1), ["GET", "/recoveryPoints", 200, {}, {"value": value}]])
    first, *rest = estate.recovery_points()["snapshotId"]
    assert first == f"/subscriptions/{SUB}/resourceGroups/snaps/providers/Microsoft.Compute/snapshots/s1"
    assert pandas.isna(rest).all()


def items(*told: dict[str, Any]) -> list[Any]:
    return answer("protected_items", [{"id": f"{RECOVERY}/m{n}", "name": f"m{n}", **one} for n, one in enumerate(told)])


def test_disk_exclusions_are_read_from_arm_where_resource_graph_has_none() -> None:
    here = {"diskLunList": [3], "isInclusionList": True, "diskExclusion": "listed"}
    there = {"extendedProperties": {"diskExclusionProperties": {"diskLunList": [1, 2], "isInclusionList": False}}}
    silent = {"diskExclusion": ""}
    estate, sent = opened(
        [
            items(here, silent, silent, silent),
            ["GET", "/m1\\?", 200, {}, {"properties": there}],
            ["GET", "/m2\\?", 200, {}, {"properties": {"extendedProperties": None}}],
            ["GET", "/m3\\?", 403, {}, REFUSED],
        ]
    )
    made = estate.protected_items()
    assert made.dtypes.astype(str).to_dict() == table("protected_items").dtypes
    assert made["diskExclusion"].tolist() == ["listed", "listed", "none", "unread"]
    assert made["diskLunList"].tolist() == [[3], [1, 2], None, None]
    assert made["isInclusionList"].tolist() == [True, False, pandas.NA, pandas.NA]
    said = made.attrs["dpmagic"]
    assert said["unread"] == [f"{RECOVERY}/m3"]
    assert said["notes"] == ["which disks 1 machines' backup leaves out cannot be read"]
    asked = [one for one in sent if "RecoveryServices" in one.path]
    assert [one.query for one in asked] == [{"$filter": "expand eq 'extendedInfo'"}] * 3


@pytest.mark.parametrize("name", ["role_assignments", "exemptions"])
def test_what_is_inherited_from_above_is_asked_for_and_there_once(name: str) -> None:
    above = {"id": "/providers/a", "name": "a", "scope": "/"}
    estate, sent = opened([answer(name, [above, above, above | {"id": "/providers/b"}])])
    made = estate.table(name)
    assert made["id"].tolist() == ["/providers/a", "/providers/b"] and made["subscriptionId"].isna().all()
    assert made.attrs["dpmagic"]["of"] == 2
    assert sent[-1].body["options"]["authorizationScopeFilter"] == "AtScopeAboveAndBelow"
    assert sent[-1].api_version >= "2021-06-01"


@pytest.mark.parametrize(
    "mishap",
    [
        Mishap("throttled-silently", chance=0.2, times=40),
        Mishap("truncated", chance=0.2, times=40),
        Mishap("expired", times=1),
        Mishap("expired", where="recoveryPoints", skip=90, times=1),
    ],
)
def test_rows_are_exact_whatever_goes_wrong(live: Estate, mishap: Mishap) -> None:
    connection = replace(connect_sandbox(estate="default"), credential=Renewing())
    connection.sandbox.mishaps = Mishaps([mishap], seed=5)
    estate = open_live(connection)
    for name in ("snapshots", "deleted_instances", "recovery_points"):
        pandas.testing.assert_frame_equal(
            estate.table(name).sort_values("id", ignore_index=True),
            live.table(name).sort_values("id", ignore_index=True),
        )
    assert connection.sandbox.mishaps.happened
