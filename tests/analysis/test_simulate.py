"""What-ifs: worked by hand, of every form in which a policy comes, and what Azure would refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas
import pytest

from dpmagic import simulate
from dpmagic.commands.policy_edits import with_retention, with_schedule
from dpmagic.datasources import manifest
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from tests.analysis.byhand import VAULT, disks, estate, instance, policies, snapshot
from tests.schedules.policies import DAILY, WEEKLY, policy

FOUR_HOURLY = policy("R/2024-01-01T01:00:00+00:00/PT4H", tags=[DAILY, WEEKLY], Daily="P30D", Weekly="P12W")
HOURLY = policy("R/2024-01-01T00:00:00Z/PT1H", Default="P18D")


@pytest.fixture(scope="module")
def small() -> Estate:
    """``a`` and ``b`` follow the policy of four hours, ``c`` the nightly one, ``s`` too, but it is stopped.

    Others made 30 snapshots of ``b``. Disks are of 8 GiB; ``c`` is an Ultra disk.
    """
    rows = [instance("a", "four"), instance("b", "four"), instance("c"), instance("s")]
    rows[3]["currentProtectionState"] = "ProtectionStopped"
    theirs = [snapshot("b", f"{day} 10:00:00") | {"name": f"mine-{day}", "id": f"/mine/{day}"} for day in range(1, 29)]
    theirs += [snapshot("b", f"3-01 {hour}:00:00") | {"name": f"m{hour}", "id": f"/m/{hour}"} for hour in ("10", "11")]
    sizes = disks("a", "b", "c", "s").assign(sku=["Premium_LRS", "Premium_LRS", "UltraSSD_LRS", "Premium_LRS"])
    table = policies(four=FOUR_HOURLY, hour=HOURLY, odd=policy("every day"))
    table["vaultName"] = "v"
    broken = table["name"] == "odd"
    table.loc[broken, "policyRules"] = pandas.Series(
        [policy("every day")["properties"]["policyRules"]], table.index[broken]
    )
    return estate(rows, [], policies=table, snapshots=theirs, disks=sizes)


def test_one_policy_by_hand() -> None:
    found = simulate(FOUR_HOURLY, schedule="PT12H", retention={"Default": "P14D", "Weekly": None})
    # Six runs a day, one of them Daily: 5 x 7; then two, one of them Daily: 1 x 14. Of thirty days at least four begin
    # a week, and twelve weeks have twelve; without Weekly those are Daily.
    assert found["retentionTag"].tolist() == ["Default", "Daily", "Weekly"]
    assert found["retentionBefore"].tolist() == ["P7D", "P30D", "P12W"]
    assert found["retentionAfter"].tolist()[:2] == ["P14D", "P30D"] and pandas.isna(found["retentionAfter"][2])
    assert found["pointsBefore"].tolist() == [35, 26, 12]
    assert found["pointsAfter"].tolist() == [14, 30, 0]
    assert set(found["headroomBefore"]) == {500 - 73} and set(found["headroomAfter"]) == {500 - 44}
    assert set(found["status"]) == {"ok"}
    assert found["usedGiBBefore"].isna().all() and found["disks"].isna().all()
    hours = found[["intervalBefore", "intervalAfter"]].iloc[0] / pandas.Timedelta(hours=1)
    assert hours.tolist() == [4, 12]


def test_the_sizes_of_a_disk_by_hand() -> None:
    nightly = policy("R/2024-01-01T22:00:00Z/P1D", tags=[WEEKLY], Weekly="P3W")
    found = simulate(nightly, retention={"Weekly": None}, sizes={"usedGiB": 100, "churnGiB": 2, "provisionedGiB": 256})
    # So many days d after a Sunday, 0 to 6, there are Sundays of d, 7 + d and 14 + d days ago and six other nights of
    # the last seven. The oldest holds 100, the next Sunday 14, the oldest night 2 for each of d + 1 days, six others 2.
    # Of the seven nights one is a Sunday's: 2 GiB, but 14 on a Saturday, when it is the oldest of them.
    weekly = 100 + 14 + (6 * 2 + 14) / 7
    assert found["usedGiBBefore"].tolist() == pytest.approx([100 + 14 + 2 * 4 + 12 - weekly, weekly])
    # Seven nights: the oldest 100, six of 2.
    assert found["usedGiBAfter"].tolist() == pytest.approx([112, 0])
    assert found["atMostGiBBefore"].tolist() == [6 * 256, 3 * 256]
    assert found["withoutSize"].tolist() == [0, 0] and found["disks"].tolist() == [1, 1]
    # What changes in between is no more than all there is: from the third day on 100.
    much = simulate(nightly, sizes={"usedGiB": 100, "churnGiB": 50})
    assert much["usedGiBBefore"].sum() == pytest.approx(100 + 100 + (50 + 6 * 100) / 7 + 6 * 50)


def forms() -> list[Any]:
    rules = FOUR_HOURLY["properties"]["policyRules"]
    show = {"id": f"{VAULT}/backupPolicies/p", "name": "p", **FOUR_HOURLY}
    flat = {"name": "p", "datasourceTypes": ["Microsoft.Compute/disks"], "policyRules": rules}
    return [show, flat, FOUR_HOURLY["properties"], rules, pandas.Series(flat), pandas.DataFrame([flat])]


@pytest.mark.parametrize("given", forms())
def test_every_form_of_a_policy(given: Any) -> None:
    assert simulate(given, schedule="P1D")["pointsBefore"].tolist() == [35, 26, 12]


def test_a_file_and_a_text_of_json(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(FOUR_HOURLY), encoding="utf-8-sig")
    for given in (file, str(file), json.dumps(FOUR_HOURLY)):
        assert simulate(given)["pointsAfter"].tolist() == [35, 26, 12]
    assert simulate(HOURLY, to=file)["pointsAfter"].tolist() == [35, 26, 12]
    file.write_text("{")
    for wrong, told in ((file, "is no JSON"), ("{no", "the text is no JSON"), (tmp_path / "no.json", "cannot be read")):
        with pytest.raises(InvalidArgument, match=told) as error:
            simulate(wrong)
        assert error.value.hint


def test_what_az_writes(small: Estate) -> None:
    template = manifest("AzureDisk").policy_template()  # every four hours, kept for seven days
    lifecycle = {"deleteAfter": {"objectType": "AbsoluteDeleteOption", "duration": "P10D"}}
    lifecycle["sourceDataStore"] = {"dataStoreType": "OperationalStore", "objectType": "DataStoreInfoBase"}
    interval = "R/2026-01-01T00:00:00+00:00/PT6H"
    edited = with_retention(with_schedule(template, [interval]), "Default", [lifecycle])
    by_az = simulate(template, to=json.loads(json.dumps(edited)))
    ours = simulate(template, schedule=[interval], retention={"Default": "P10D"})
    pandas.testing.assert_frame_equal(by_az, ours)
    assert by_az["pointsBefore"].tolist() == [42] and by_az["pointsAfter"].tolist() == [40]


def test_an_estate(small: Estate) -> None:
    found = simulate(small, schedule="PT4H", by="policy").set_index("policyName")
    assert found.index.tolist() == ["four", "hour", "odd", "p"]
    assert found["disks"].tolist() == [2, 0, 0, 1]  # one is stopped
    assert found["pointsBefore"].astype("Int64").tolist()[:2] == [73, 432]
    assert found.loc["p", ["pointsBefore", "pointsAfter"]].tolist() == [7, 42]
    assert found.loc["p", "status"] == "refused"
    assert found.loc["p", "detail"].startswith("1 of its disks are Premium SSD v2 or Ultra")
    assert found.loc["four", ["byOthers", "headroomAfter"]].tolist() == [30, 500 - 73 - 30]
    assert found.loc["four", "atMostGiBAfter"] == 73 * 16
    assert found.loc["odd", "status"] == "unreadable" and "not a repeating interval" in found.loc["odd", "detail"]
    assert found.loc["four", "retentionAfter"] == "Default P7D, Daily P30D, Weekly P12W"
    assert "provisioned" in found.attrs["dpmagic"]["notes"][0]
    assert len(simulate(small)) == 3 + 1 + 1 + 1
    [one] = simulate(small, f"{VAULT}/backuppolicies/P")["policyName"]
    assert one == "p"


def test_to_another_policy_of_the_estate(small: Estate) -> None:
    found = simulate(small, "p", to="four")
    assert found["retentionTag"].tolist() == ["Default", "Daily", "Weekly"]
    assert found["pointsBefore"].tolist() == [7, 0, 0]
    assert found["pointsAfter"].tolist() == [35, 26, 12]


def test_what_does_not_suit_a_policy_leaves_it(small: Estate) -> None:
    found = simulate(small, retention={"Weekly": None}, by="policy").set_index("policyName")
    assert found.loc["four", ["pointsBefore", "pointsAfter"]].tolist() == [73, 65]
    assert found.loc["p", "detail"] == "not changed: the policy has no retention rule Weekly"
    assert found.loc["p", "pointsAfter"] == 7
    with pytest.raises(InvalidArgument, match="no retention rule Weekly"):
        simulate(small, "p", retention={"Weekly": None})


def test_sizes_by_disk(small: Estate) -> None:
    a, b = (instance(name)["dataSourceId"].upper() for name in "ab")
    sizes = pandas.DataFrame({"dataSourceId": [a, b], "usedGiB": [100.0, 10], "churnGiB": [0.0, 1]})
    found = simulate(small, ["four", "p"], sizes=sizes, by="policy").set_index("policyName")
    # Between the oldest point, of a Sunday, and the newest are eleven weeks and, right after one of the 42 runs of a
    # week, 82 hours on average; in none of the spans between points does b change by more than it has.
    assert found.loc["four", "usedGiBBefore"] == pytest.approx(100 + 10 + 77 + 82 / 24)
    assert pandas.isna(found.loc["p", "usedGiBBefore"]) and found["withoutSize"].tolist() == [0, 1]
    assert found["perMonthBefore"].isna().all()


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"retention": "P18D"}, "ok", ""),
        ({"retention": "P19D"}, "refused", "456 points a disk: a policy may keep 450"),
        ({"retention": "P19D", "policy_limit": 480}, "ok", ""),
        ({"retention": "P21D", "policy_limit": 600}, "willFill", "504 snapshots a disk with those by others: 500"),
        ({"schedule": "PT3H"}, "refused", "disks are backed up every 1, 2, 4, 6, 8, 12 hours or every day"),
        ({"schedule": "P1W"}, "refused", "every day"),
        ({"schedule": "P1D", "retention": "P13M"}, "refused", "kept for 397 days: a year at most"),
        ({"retention": {"Monthly": "P1Y"}}, "refused", "disks have no retention tag Monthly"),
        ({"schedule": "P1D", "retention": {"Default": "P7D", "Weekly": "P1Y"}}, "ok", ""),
    ],
)
def test_what_azure_refuses(change: dict[str, Any], status: str, told: str) -> None:
    found = simulate(HOURLY, **change)
    assert set(found["status"]) == {status}
    assert told in str(found["detail"].iloc[0] or "")


def test_another_kind_of_datasource_has_no_limit_of_snapshots() -> None:
    blobs = {"name": "b", "properties": {**HOURLY["properties"], "datasourceTypes": ["Microsoft.DBforPostgreSQL/x"]}}
    found = simulate(blobs, retention="P90D")
    assert found["pointsAfter"].tolist() == [24 * 90]
    assert found["limit"].isna().all() and found["status"].tolist() == ["ok"]


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda small: simulate("daily"), "simulate(estate, policy='daily')"),
        (lambda small: simulate(small, "fuor"), "did you mean four"),
        (lambda small: simulate(small, 7), "7 names no policy"),
        (lambda small: simulate(small, by="tag"), "by one of retentionTag, policy"),
        (lambda small: simulate(small, to="x"), "no policy is called 'x'"),
        (lambda small: simulate(FOUR_HOURLY, to="x"), "give the policy's JSON, or an estate"),
        (lambda small: simulate(FOUR_HOURLY, "p"), "no estate was given"),
        (lambda small: simulate({"policyRules": 3}), "the policy has no policyRules"),
        (lambda small: simulate(3), "int is no estate"),
        (lambda small: simulate(FOUR_HOURLY, sizes="exports"), "figures of disks"),
        (lambda small: simulate(FOUR_HOURLY, sizes={"usedGiB": 1}), "figures of disks"),
        (lambda small: simulate(FOUR_HOURLY, sizes={"usedGiB": "x", "churnGiB": 1}), "no numbers"),
        (lambda small: simulate(FOUR_HOURLY, sizes={"usedGiB": -1, "churnGiB": 1}), "below zero"),
        (lambda small: simulate(small, sizes=pandas.DataFrame({"usedGiB": [1], "churnGiB": 1})), "no dataSourceId"),
        (lambda small: simulate(small, retention={"Wekly": "P1W"}), "did you mean Weekly"),
        (lambda small: simulate(small, schedule="every 4 hours"), "is not a repeating interval"),
        (lambda small: simulate(pandas.DataFrame({"a": [1]})), "no column policyRules"),
        (lambda small: simulate({"instances": small.instances()}), "the table policies is missing"),
    ],
)
def test_bad_input(small: Estate, ask: Any, told: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        ask(small)
    assert told in f"{error.value.message} {error.value.hint}"
    assert error.value.hint
