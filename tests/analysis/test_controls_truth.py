"""Controls of every kind against what was planted: by disk, on an estate of one defect each, on others, and later."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pandas
import pytest

import dpmagic
from dpmagic.analysis.controls import control_members, controls
from dpmagic.archive.collect import collect
from dpmagic.arm.requests import Request, send
from dpmagic.connection import Connection, connect_sandbox
from dpmagic.estate import Estate
from dpmagic.execute import execute
from dpmagic.session import Session
from tests.analysis import raw, worlds
from tests.analysis.truth_runs import LONGEST
from tests.analysis.worlds import estate as world

pytestmark = pytest.mark.slow

PROD = {"env": "prod"}
NIGHT = {"every": "P1D", "start": "2024-01-01T22:00:00+00:00"}
RESTORE_OPERATOR = "b50d9833-a0cb-478e-945f-707fcc997c13"


def row(name: str, vault: str = "v", policy: str = "nightly", **more: Any) -> dict[str, Any]:
    return {"name": name, "vault": vault, "policy": policy, "group": f"rg-{name}", **more}


SPEC: dict[str, Any] = {
    "end": "2026-03-02T08:00:00Z",
    "days": 30,
    "policies": {
        "nightly": {**NIGHT, "keep": "P30D"},
        "kept": {**NIGHT, "keep": "P35D"},
        "weekly": {"every": "P1W", "start": "2024-01-07T04:00:00+00:00", "keep": "P3M"},
    },
    "subscriptions": [
        {
            "name": "Shop",
            "vaults": {
                "v": {"policies": ["nightly", "kept", "weekly"]},
                "off": {"policies": ["nightly"], "softDelete": "Off", "redundancy": "GeoRedundant"},
            },
            "disks": [
                row("fine", policy="kept", tags=PROD),
                row("slow", policy="weekly"),
                row("late", tags=PROD),
                row("failed"),
                row("ended"),
                row("open", vault="off"),
                {"name": "bare", "group": "rg-bare", "tags": PROD},
                {"name": "trial", "group": "rg-trial", "tags": {"Env": "test"}},
            ],
        },
        {"name": "Hidden", "readable": False, "disks": [{"name": "h"}]},
    ],
    "plant": [
        {"kind": "missed", "disks": "late", "at": "-2d", "runs": 2},
        {"kind": "failed", "disks": "failed", "at": "-6d", "runs": 2, "code": "InternalServerError"},
        {"kind": "failed", "disks": "open", "at": "-12d", "runs": 1, "code": "InternalServerError"},
        {"kind": "stopped", "disks": "ended", "at": "-5d"},
    ],
}


@pytest.fixture(scope="module")
def shop() -> Connection:
    """An hour later than planted: a restore was made of ``fine`` then, beside it."""
    made = connect_sandbox(estate=SPEC)
    restore(made, "fine")
    made.sandbox.advance("1h")
    return made


@pytest.fixture(scope="module")
def estate(shop: Connection) -> Estate:
    return dpmagic.open(connection=shop, subscriptions="Shop")


def restore(connection: Connection, disk: str) -> None:
    """Restore the newest point of a disk beside it, as people do, once the vault may."""
    tables = dpmagic.open(connection=connection, subscriptions="Shop")
    one = tables.instances().set_index("dataSourceName").loc[disk]
    vault = tables.vaults().set_index("name").loc[one["vaultName"]]
    group, subscription = one["dataSourceId"].partition("/providers/")[0], vault["subscriptionId"]
    role = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{RESTORE_OPERATOR}"
    body = {"properties": {"roleDefinitionId": role, "principalId": vault["principalId"]}}
    path = f"{group}/providers/Microsoft.Authorization/roleAssignments/{uuid5(NAMESPACE_URL, group)}"
    send(connection, Request("PUT", path, body, api_version="2022-04-01"))
    session = Session()
    session.use(connection)
    at = f"-g {vault['resourceGroup']} -v {vault.name} --subscription {subscription}"
    target = f"--target-resource-id {one['dataSourceId']}-restored"
    lines = f"""
        points << recovery-point list {at} --backup-instance-name {one["name"]}
        request << backup-instance restore initialize-for-data-recovery --datasource-type AzureDisk {target} \\
            --restore-location westeurope --source-datastore OperationalStore --recovery-point-id POINT -o json
        backup-instance restore trigger {at} -n {one["name"]} --restore-request-object $request
    """
    first, rest = lines.split("request <<")
    [points] = [result.value for result in execute(first, session)]
    list(execute(f"request <<{rest}".replace("POINT", newest(points)), session))


def newest(points: Any) -> str:
    rows = points.to_dict("records") if isinstance(points, pandas.DataFrame) else points
    return str(max(rows, key=lambda point: str(point["recoveryPointTime"]))["name"])


def planted(connection: Connection, *kinds: str) -> list[dict[str, Any]]:
    """The runs that defects of these kinds touched, of the disks that are this estate's."""
    found = connection.sandbox.planted()
    return [run for defect in found if defect["kind"] in kinds for run in defect["runs"]]


def disks_of(runs: list[dict[str, Any]], since: datetime) -> set[str]:
    return {one["dataSourceId"].rpartition("/")[2] for one in runs if datetime.fromisoformat(one["dueTime"]) >= since}


def verdicts(estate: Estate, control: dict[str, Any]) -> dict[str, set[str]]:
    """The members of each verdict, by the names of their disks or vaults."""
    instances = estate.instances()
    names = dict(zip(instances["id"].str.lower(), instances["dataSourceName"], strict=True))
    found: dict[str, set[str]] = {}
    for row in control_members(estate, {"it": control}).itertuples():
        found.setdefault(str(row.verdict), set()).add(names.get(row.id.lower(), row.id.rpartition("/")[2]))
    return found


ALL = {"fine", "slow", "late", "failed", "ended", "open"}


def test_instances_by_what_was_planted_on_them(shop: Connection, estate: Estate) -> None:
    since = estate.window.start
    missed, failed = (disks_of(planted(shop, kind), since) for kind in ("missed", "failed"))
    assert (missed, failed) == ({"late"}, {"failed", "open"})
    success = verdicts(estate, {"kind": "successRate", "atLeast": "100%"})
    assert success == {"fail": failed, "pass": ALL - failed}
    # On the days after it was stopped nobody can tell what was due.
    met = verdicts(estate, {"kind": "adherence", "atLeast": "100%"})
    assert met == {"fail": missed | failed, "not verifiable": {"ended"}, "pass": {"fine", "slow"}}
    lenient = verdicts(estate, {"kind": "adherence", "atLeast": 0.9})
    assert lenient["fail"] == {"late", "failed"}, "two of fourteen nights; open lost one"
    age = verdicts(estate, {"kind": "rpo", "atMost": "26h"})
    assert age == {"fail": {"late", "ended", "slow"}, "pass": {"fine", "failed", "open"}}
    assert verdicts(estate, {"kind": "rpo", "atMost": "30h"})["fail"] == {"late", "ended"}


def test_instances_by_their_policies(estate: Estate) -> None:
    # Of what is stopped no backup is due at all, whatever its policy says.
    often = verdicts(estate, {"kind": "frequency", "atMost": "1d"})
    assert often == {"fail": {"slow", "ended"}, "pass": ALL - {"slow", "ended"}}
    kept = verdicts(estate, {"kind": "retention", "atLeast": "35d"})
    assert kept == {"pass": {"fine", "slow"}, "fail": ALL - {"fine", "slow"}}
    assert verdicts(estate, {"kind": "retention", "atLeast": "35d", "where": {"policy": "Kept"}}) == {"pass": {"fine"}}


def test_restores_that_were_made(estate: Estate) -> None:
    tested = verdicts(estate, {"kind": "restoreTested", "atMost": "7d"})
    assert tested == {"pass": {"fine"}, "fail": ALL - {"fine"}}
    assert verdicts(estate, {"kind": "restoreTested", "atMost": "30d"})["not verifiable"] == ALL - {"fine"}
    quick = verdicts(estate, {"kind": "restoreTime", "atMost": "1h"})
    assert quick == {"pass": {"fine"}, "not applicable": ALL - {"fine"}}
    assert verdicts(estate, {"kind": "restoreTime", "atMost": "1m"})["fail"] == {"fine"}
    longer = verdicts(estate, {"kind": "restoreTime", "atMost": "1m", "over": "30d"})
    assert longer == {"fail": {"fine"}, "not verifiable": ALL - {"fine"}}


def test_disks_by_state_and_tag(shop: Connection, estate: Estate) -> None:
    bare = {
        one.rpartition("/")[2]
        for defect in shop.sandbox.planted()
        if defect["kind"] == "neverProtected"
        for one in defect["ids"]
    }
    assert {"bare", "trial"} <= bare
    whole = {"fine", "slow", "late", "failed", "open"}
    for state, gone in (("configured", set()), ("healthy", set()), ("effective", {"late"})):
        found = verdicts(estate, {"kind": "coverage", "state": state})
        assert found == {"fail": {"bare", "trial", "ended", "fine-restored"} | gone, "pass": whole - gone}
    tagged = {"kind": "coverage", "where": {"tags": {"ENV": "Prod"}}}
    assert verdicts(estate, tagged) == {"fail": {"bare", "late"}, "pass": {"fine"}}
    either = {
        "kind": "coverage",
        "where": {"tags": {"env": ["prod", "test"]}, "resourceGroup": ["RG-bare", "rg-trial"]},
    }
    assert verdicts(estate, either) == {"fail": {"bare", "trial"}}


def test_vaults_by_their_settings(estate: Estate) -> None:
    assert verdicts(estate, {"kind": "posture", "setting": "softDelete"}) == {"pass": {"v"}, "fail": {"off"}}
    copy = {"kind": "posture", "setting": "crossRegionRestore"}
    assert verdicts(estate, copy) == {"not applicable": {"v"}, "fail": {"off"}}
    mine = {"kind": "posture", "column": "storageType", "allowed": ["GeoRedundant"], "where": {"vault": "OFF"}}
    assert verdicts(estate, mine) == {"pass": {"off"}}
    assert verdicts(estate, {"kind": "posture", "setting": "roles"}) == {"pass": {"v", "off"}}


def test_exceptions_by_id_group_and_tag_run_out(estate: Estate) -> None:
    now, day = estate.now, timedelta(days=1)
    ids = estate.instances().set_index("dataSourceName")["id"]
    told = {"reason": "moving", "by": "dba"}

    def excepting(*exceptions: dict[str, Any]) -> dict[str, set[str]]:
        listed = [{**told, **one} for one in exceptions]
        return verdicts(estate, {"kind": "rpo", "atMost": "26h", "except": listed})

    assert excepting({"id": ids["late"].upper(), "until": now + day})["excepted"] == {"late"}
    assert "excepted" not in excepting({"id": ids["late"], "until": now})
    assert excepting({"id": ids["late"], "until": now + timedelta.resolution})["excepted"] == {"late"}
    assert "excepted" not in excepting({"id": ids["late"][:-1], "until": now + day}), "no part of a name"
    vault = ids["late"].partition("/backupInstances/")[0]
    assert excepting({"id": vault, "until": now + day})["excepted"] == {"late", "ended", "slow"}
    # Who passes needs no exception.
    assert excepting({"tag": "env=PROD", "until": now + day}) == {
        "excepted": {"late"}, "fail": {"ended", "slow"}, "pass": {"fine", "failed", "open"},
    }  # fmt: skip
    assert excepting({"tag": "Env", "until": now + day})["excepted"] == {"late"}
    exceptions = [
        {**told, "id": ids["late"], "until": now + 2 * day},
        {"id": vault, "until": now + day, "reason": "b", "by": "cio"},
    ]
    [row] = controls(estate, {"it": {"kind": "rpo", "atMost": "26h", "except": exceptions}}).to_dict("records")
    assert (row["verdict"], row["excepted"], row["by"]) == ("excepted", 3, "cio, dba")
    assert row["until"] == now + day and row["evidence"] == []


def test_who_cannot_be_read_is_not_verifiable(shop: Connection) -> None:
    [hidden] = [one["ids"][0] for one in shop.sandbox.planted() if one["kind"] == "unreadable"]
    lost = hidden.rpartition("/")[2]
    estate = dpmagic.open(connection=shop, expected=lost)
    everyone = {"kind": "retention", "atLeast": "1d"}
    here, there = everyone | {"where": {"subscription": "shop"}}, everyone | {"where": {"subscription": lost}}
    found = controls(estate, {"everyone": everyone, "here": here, "there": there}).set_index("control")
    assert found["verdict"].to_dict() == {"everyone": "not verifiable", "here": "pass", "there": "not verifiable"}
    assert found["n"].to_dict()["there"] == 0
    # What fails is seen to fail, whatever else there may be.
    assert controls(estate, {"a": {"kind": "retention", "atLeast": "35d"}})["verdict"].tolist() == ["fail"]


def test_what_azure_forgets_takes_an_archive(tmp_path: Path) -> None:
    connection = connect_sandbox(estate=SPEC)
    asked = {
        "rate": {"kind": "successRate", "atLeast": "100%", "over": "20d"},
        "days": {"kind": "adherence", "atLeast": "100%", "over": "20d"},
        "short": {"kind": "successRate", "atLeast": "100%"},
    }
    for night in range(2):
        connection.sandbox.advance("8d" if night else "0s")
        collect(dpmagic.open(connection=connection, subscriptions="Shop"), tmp_path, recovery_points=False)
    live, kept = dpmagic.open(connection=connection, subscriptions="Shop"), dpmagic.open(tmp_path)
    found = controls(live, asked).set_index("control")
    assert found["verdict"].to_dict() == {"rate": "not verifiable", "days": "not verifiable", "short": "fail"}
    assert found.loc["rate", "notVerifiable"] == len(ALL)
    failed = disks_of(planted(connection, "failed"), kept.over("20d").window.start)
    assert verdicts(kept, asked["rate"])["fail"] == failed == {"failed", "open"}
    assert verdicts(live, asked["short"])["fail"] == {"failed"}, "that of open is twenty days old"
    assert verdicts(kept, asked["days"])["fail"] == failed | {"late"}


@pytest.mark.parametrize("name", ["4", "17"])
def test_instances_of_other_estates_by_plain_loops(name: str) -> None:
    estate = world(name)
    jobs = [one["properties"] for one in worlds.records(name, raw.JOBS)]
    counts: dict[str, list[bool]] = {}
    for job in jobs:
        within = estate.window.start <= pandas.Timestamp(job["startTime"]) < estate.window.end
        if job["operationCategory"] == "Backup" and job["status"] != "InProgress" and within:
            counts.setdefault(job["backupInstanceId"].lower(), []).append(job["status"] != "Failed")
    instances = {
        one["id"].lower(): one["properties"]["policyInfo"]["policyId"] for one in worlds.records(name, raw.INSTANCES)
    }
    rate = {one: sum(done) / len(done) for one, done in counts.items() if one in instances}
    found = control_members(estate, {"it": {"kind": "successRate", "atLeast": "90%"}})
    got = dict(zip(found["id"].str.lower(), found["verdict"], strict=True))
    assert got == {one: _of(rate.get(one)) for one in instances}
    hours = {one: LONGEST.get(policy.rpartition("/")[2]) for one, policy in instances.items()}
    states = {
        one["id"].lower(): one["properties"]["currentProtectionState"] for one in worlds.records(name, raw.INSTANCES)
    }
    hours |= {one: 99 for one, state in states.items() if state in ("ProtectionStopped", "BackupsSuspended")}
    found = control_members(estate, {"it": {"kind": "frequency", "atMost": "12h"}})
    got = dict(zip(found["id"].str.lower(), found["verdict"], strict=True))
    assert got == {one: _of(None if longest is None else 13 - longest) for one, longest in hours.items()}


def _of(value: float | None) -> str:
    if value is None:
        return "not applicable"
    return "pass" if value >= 0.9 else "fail"
