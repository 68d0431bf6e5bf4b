"""Churn, stored size, forecast and cost, against what the sandbox's disks were made to change by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from dpmagic.analysis.churn import NEEDS, churn
from dpmagic.analysis.cost_of import cost_of
from dpmagic.analysis.forecast import forecast
from dpmagic.analysis.simulate import simulate
from dpmagic.analysis.sizing.chains import sizes_of
from dpmagic.analysis.sizing.exports import read_exports
from dpmagic.analysis.stored import stored
from dpmagic.connection import Connection, connect_sandbox
from dpmagic.errors import InvalidArgument
from dpmagic.estate import Estate
from dpmagic.estate.opening import open_live
from tests.analysis.byhand import estate as by_hand
from tests.analysis.byhand import instance, snapshot

SHOP = "33333333-3333-4333-8333-333333333333"
SPEC: dict[str, Any] = {
    "seed": 11,
    "days": 40,
    "policies": {
        "often": {
            "every": "PT4H",
            "start": "2024-01-01T01:00:00+00:00",
            "keep": "P3D",
            "daily": "P7D",
            "weekly": "P21D",
        },
        "nightly": {"every": "P1D", "start": "2024-01-01T22:00:00Z", "keep": "P10D"},
        "hourly": {"every": "PT1H", "start": "2024-01-01T00:30:00Z", "keep": "P2D"},
    },
    "subscriptions": [
        {
            "name": "Shop",
            "id": SHOP,
            "vaults": {"v": {"policies": ["often", "nightly", "hourly"]}},
            "disks": [
                {"name": "a", "count": 6, "vault": "v", "policy": "often", "group": "rg", "tags": {"team": "a"}},
                {"name": "b", "count": 6, "vault": "v", "policy": "nightly", "group": "rg", "size": 1024},
                {"name": "c", "count": 3, "vault": "v", "policy": "hourly", "group": "rg"},
            ],
        }
    ],
    "plant": [
        {"kind": "diskRecreated", "disks": "b-003", "at": "-6d", "after": "1d"},
        {"kind": "stopped", "disks": "b-004", "at": "-4d"},
        {"kind": "missed", "disks": "b-005", "at": "-5d"},
    ],
}


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Connection:
    return connect_sandbox(estate=_spec(tmp_path_factory.mktemp("estate"), SPEC))


def _spec(folder: Path, spec: dict[str, Any]) -> str:
    import yaml

    file = folder / "estate.yaml"
    file.write_text(yaml.safe_dump(spec))
    return str(file)


@pytest.fixture(scope="module")
def estate(connection: Connection) -> Estate:
    return open_live(connection)


@pytest.fixture(scope="module")
def exports(connection: Connection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    # Three month-to-date files that overlap, of three kinds.
    for first, after, kind in (
        ("2026-02-01", "2026-02-20", "ea"),
        ("2026-02-01", "2026-03-01", "mca"),
        ("2026-03-01", "2026-03-02", "focus"),
    ):
        connection.sandbox.export_costs(folder / kind, first, after, kind)
    return folder


@pytest.fixture(scope="module")
def truth(connection: Connection) -> pandas.DataFrame:
    return pandas.DataFrame(connection.sandbox.churn()).set_index("dataSourceId")


def test_churn_is_within_two_percent_of_what_was_planted(
    estate: Estate, exports: Path, truth: pandas.DataFrame
) -> None:
    found = churn(estate, exports).set_index("dataSourceId")
    assert set(found.index) == set(truth.index)
    assert found["unmeasured"].sum() == 0
    for disk, row in found.iterrows():
        assert row["churnGiB"] == pytest.approx(truth.loc[disk, "churnGiB"], rel=0.02), disk
        assert row["usedGiB"] == pytest.approx(truth.loc[disk, "usedGiB"], rel=0.02), disk
    by_policy = churn(estate, exports, by="policy")
    assert by_policy["churnGiB"].sum() == pytest.approx(found["churnGiB"].sum())
    assert by_policy["disks"].sum() == 15


def test_without_sizes_there_are_bounds_and_they_say_so(estate: Estate) -> None:
    found = churn(estate)
    assert found["churnGiB"].isna().all()
    assert (found["atMostGiB"] == found["provisionedGiB"]).all()
    assert found.attrs["dpmagic"]["measured"] is False
    assert "not known" in found.attrs["dpmagic"]["notes"][0]


def test_stored_adds_up(estate: Estate, exports: Path) -> None:
    whole, by_policy = stored(estate, exports), stored(estate, exports, by="policy")
    assert len(whole) == 29
    sums = by_policy.groupby("day")["usedGiB"].sum()
    assert np.allclose(sums.to_numpy(float), whole.set_index("day")["usedGiB"].to_numpy(float))
    assert set(whole["currency"]) == {"EUR"}
    # EUR 0.0484 is what the export's GiB costs for a month, of whatever length.
    assert np.allclose(whole["perMonth"].to_numpy(float), 0.0484 * whole["usedGiB"].to_numpy(float))
    recent = by_policy[by_policy["day"] > whole["day"].max() - timedelta(days=2)]
    assert "(other)" not in set(recent["policyId"])


def test_the_band_holds_its_share_over_many_seeds() -> None:
    held = []
    for seed in range(120):
        random = np.random.default_rng(seed)
        days = np.arange(60)
        values = 500 + random.uniform(-2, 3) * days + random.normal(0, 8, 60)
        found = forecast(series(values).head(40), days=20)
        assert found.attrs["dpmagic"]["method"] == "line" and found.attrs["dpmagic"]["n"] == 40
        ahead = values[40:]
        held.append(((ahead >= found["low"].to_numpy(float)) & (ahead <= found["high"].to_numpy(float))).mean())
    assert 0.76 <= np.mean(held) <= 0.86


def series(values: Any) -> pandas.DataFrame:
    when = pandas.to_datetime("2026-01-01", utc=True) + pandas.to_timedelta(np.arange(len(values)), "D")
    return pandas.DataFrame({"day": when, "usedGiB": values})


def test_a_line_ends_where_growth_has_ended() -> None:
    random = np.random.default_rng(3)
    days = np.arange(100)
    values = 1000 + 40 * np.minimum(days, 30) + random.normal(0, 5, 100)  # policies that are full after thirty days
    found = forecast(series(values[:70]), days=30)
    told = found.attrs["dpmagic"]
    assert told["method"] == "line" and told["n"] == 35 and abs(told["perDay"]) < 0.5
    assert told["notes"] == ["no line through all 70 days holds to the last: this is from the last 35"]
    assert ((values[70:] >= found["low"]) & (values[70:] <= found["high"])).mean() >= 0.7
    assert len(told["history"]["day"]) == 70 and told["history"]["usedGiB"][0] == values[0]
    # Twelve days after it has ended no stretch of 21 days is a line.
    early = forecast(series(values[:42]), days=30)
    assert early.attrs["dpmagic"]["method"] == "bounds" and early.attrs["dpmagic"]["n"] == 21
    assert (early["low"] <= values[42:72]).all() and (values[42:72] <= early["high"]).all()


def test_a_step_of_the_last_days_is_no_line(estate: Estate, exports: Path) -> None:
    """A disk that was made anew has been copied whole, four days ago."""
    assert forecast(stored(estate, exports)).attrs["dpmagic"]["method"] == "bounds"


def test_few_days_give_bounds_only(estate: Estate, exports: Path) -> None:
    whole = stored(estate, exports)
    long = forecast(whole.head(25), days=30)
    assert long.attrs["dpmagic"]["method"] == "line"
    assert (long["low"] <= long["usedGiB"]).all() and (long["usedGiB"] <= long["high"]).all()
    short = forecast(whole.head(20), days=30)
    assert short.attrs["dpmagic"]["method"] == "bounds"
    assert short["usedGiB"].isna().all()
    assert short["low"].notna().all()
    with pytest.raises(InvalidArgument, match="1 day says nothing"):
        forecast(whole.head(1))
    with pytest.raises(InvalidArgument, match="several figures a day"):
        forecast(stored(estate, exports, by="policy"))


def test_snapshots_by_others_in_between_hold_their_part_of_what_changes() -> None:
    """A disk that changes by 24 GiB a day, backed up at 22:00; somebody's own snapshots are of 10:00."""
    nights = [f"{day} 22:00:00" for day in range(20, 28)]
    mornings = [f"{day} 10:00:00" for day in range(20, 28)]
    ours = [snapshot("a", night) for night in nights]
    theirs = [snapshot("a", at) | {"id": f"/own/{at[:2]}", "name": f"own-{at[:2]}"} for at in mornings]
    made = by_hand([instance("a")], [], snapshots=[*ours, *theirs])
    rows = [
        # The oldest, of the 20th at 10:00, holds all; each later one twelve hours' changes.
        {"id": one["id"], "day": f"2026-02-{day}", "usedGiB": 500.0 if one is theirs[0] else 12.0}
        for one in (*ours, *theirs)
        for day in range(20, 28)
        if pandas.Timestamp(f"2026-02-{day}", tz="UTC") >= one["timeCreated"].floor("D")
    ]
    [found] = churn(made, pandas.DataFrame(rows)).to_dict("records")
    assert found["churnGiB"] == pytest.approx(24)
    assert found["usedGiB"] == pytest.approx(500)


def test_exports_have_what_somebody_made_by_then(tmp_path: Path) -> None:
    plant = [{"kind": "snapshotCount", "disks": "b-001", "count": 30}]
    lived = connect_sandbox(estate=_spec(tmp_path, {**SPEC, "days": 12, "plant": plant}))
    lived.sandbox.export_costs(tmp_path / "costs", "2026-02-25", "2026-03-01", "ea")
    made = open_live(lived)
    found = churn(made, tmp_path / "costs").set_index("dataSourceName").loc["b-001"]
    truth = pandas.DataFrame(lived.sandbox.churn()).set_index("dataSourceId").loc[found["dataSourceId"]]
    assert found["churnGiB"] == pytest.approx(truth["churnGiB"], rel=0.03)
    own = [one for one in read_exports(tmp_path / "costs")["id"] if "/manual-b-001-" in one]
    assert len(set(own)) == sum(made.snapshots()["name"].str.startswith("manual-b-001-")) - 5  # of the end's day


def test_a_snapshot_that_holds_nothing_new_is_not_in_exports() -> None:
    """A disk that changes by 7 GiB every other day, and one of which exports tell nothing: its group is not in them."""
    other = [snapshot("b", f"{day} 22:00:00") for day in range(23, 28)]
    other = [one | {"id": one["id"].replace("rg-snapshots", "rg-other")} for one in other]
    made = by_hand(
        [instance("a"), instance("b")],
        [],
        snapshots=[*(snapshot("a", f"{day} 22:00:00") for day in range(23, 28)), *other],
    )
    sizes = {23: 100.0, 25: 7.0, 27: 7.0}
    rows = [
        {"id": snapshot("a", f"{made} 22:00:00")["id"], "day": f"2026-02-{day}", "usedGiB": size}
        for made, size in sizes.items()
        for day in range(made + 1, 29)
    ]
    found = churn(made, pandas.DataFrame(rows)).set_index("name")
    assert found.loc["a", ["snapshots", "days", "churnGiB"]].tolist() == [4, 4, 3.5]
    assert found.loc["b", "unmeasured"] == 1


def test_what_is_gone_belongs_to_its_disk_and_the_next_holds_what_it_held() -> None:
    """A disk of 100 GiB that changes by 4 a day, each point kept for three days; nobody tells of deletions."""

    def point(day: int) -> dict[str, Any]:
        made = snapshot("a", f"{day} 22:00:00")
        return made | {"id": made["id"].replace(f"_{day}T", f"_2026-02-{day:02}T") + ".1234567"}

    made = by_hand([instance("a")], [], snapshots=[point(day) for day in (25, 26, 27)])
    rows = []
    for day in range(10, 28):  # at 22:00 the oldest goes, and the next is the oldest for two hours
        first, *between, last = (point(one)["id"] for one in range(day - 3, day + 1))
        held = {first: 100 * 22 / 24, between[0]: 4 * 22 / 24 + 100 * 2 / 24, between[1]: 4, last: 4 * 2 / 24}
        rows += [{"id": one, "day": f"2026-02-{day}", "usedGiB": size} for one, size in held.items()]
    sizes = pandas.DataFrame(rows)
    daily = stored(made, sizes, by="disk")
    assert daily["dataSourceId"].nunique() == 1 and daily["usedGiB"].to_list() == pytest.approx([108] * 18)
    [found] = churn(made, sizes).to_dict("records")
    assert found["churnGiB"] == pytest.approx(4)
    assert found["usedGiB"] == pytest.approx(100, rel=0.01)
    # Exports that run three days behind: what went since then was there all that day.
    [found] = churn(made, sizes[sizes["day"] < "2026-02-25"]).to_dict("records")
    assert found["usedGiB"] == pytest.approx(100, rel=0.04)


def test_what_stopped_instances_cost(estate: Estate, exports: Path) -> None:
    [row] = cost_of(estate, exports, "stopped", by="disk").to_dict("records")
    assert row["dataSourceId"].endswith("/b-004")
    assert row["savingLow"] == pytest.approx(row["savingHigh"])  # all of the disk's
    assert row["currency"] == "EUR"


@pytest.mark.parametrize("state", ["ProtectionStopped", "BackupsSuspended", "BackupSchedulesSuspended"])
def test_stopped_is_however_backups_have_ended(state: str) -> None:
    off = instance("a", currentProtectionState=state)
    made = by_hand([off, instance("b")], [], snapshots=snapshots_of("a", "b"))
    sizes = pandas.DataFrame({"id": made.snapshots()["id"], "day": "2026-03-01", "usedGiB": [4.0, 8.0]})
    assert cost_of(made, sizes, "stopped", by="disk")[["snapshots", "usedGiB"]].to_numpy().tolist() == [[1, 4]]


def test_what_has_no_size_costs_nobody_knows_what() -> None:
    """Not nothing: of snapshots that the exports do not have, and of sizes without costs, figures are missing."""
    made = by_hand([instance("a"), instance("b")], [], snapshots=snapshots_of("a", "b"))
    ids = made.snapshots()["id"]
    sizes = pandas.DataFrame({"id": ids[:1], "day": "2026-03-01", "usedGiB": 4.0, "cost": 0.2, "currency": "EUR"})
    money = ["usedGiB", "cost", "perMonth", "savingLow", "savingHigh"]
    none = cost_of(made, sizes, ids[1:])
    assert none[["snapshots", "withoutSize"]].to_numpy().tolist() == [[1, 1]] and none[money].isna().all(axis=None)
    assert "1 of 1 snapshots are not in the exports" in " ".join(none.attrs["dpmagic"]["notes"])
    some = cost_of(made, sizes, ids)
    assert some["usedGiB"].tolist() == [4.0] and some["withoutSize"].tolist() == [1]
    bare = sizes.drop(columns=["cost", "currency"])
    known = cost_of(made, bare, ids)
    assert known[["usedGiB", "withoutSize"]].to_numpy().tolist() == [[4.0, 1]] and known[money[1:]].isna().all(
        axis=None
    )
    assert stored(made, bare)[["cost", "perMonth"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"usedGiB": -1.0}, "1 of 1 sizes have no id, no day or no amount, such as day 2026-03-01 usedGiB -1.0"),
        ({"usedGiB": None}, "no amount"),
        ({"usedGiB": "much"}, "usedGiB much"),
        ({"usedGiB": float("inf")}, "usedGiB inf"),
        ({"day": "soon"}, "day soon"),
        ({"id": None}, "no id"),
    ],
)
def test_sizes_that_are_none_are_refused(change: dict[str, Any], told: str) -> None:
    sizes = pandas.DataFrame([{"id": "/s/1", "day": "2026-03-01", "usedGiB": 4.0} | change])
    with pytest.raises(InvalidArgument) as refused:
        sizes_of(sizes)
    assert told in refused.value.message


def test_a_day_of_a_snapshot_is_told_once() -> None:
    sizes = pandas.DataFrame([{"id": one, "day": "2026-03-01", "usedGiB": 4.0} for one in ("/s/1", "/S/1/")])
    with pytest.raises(InvalidArgument, match="1 of 2 sizes are of a snapshot's day that has one already"):
        sizes_of(sizes)
    none: Any = None
    with pytest.raises(InvalidArgument, match="no sizes were given"):
        sizes_of(none)


def snapshots_of(*names: str) -> pandas.DataFrame:
    return pandas.DataFrame([snapshot(name, "28 22:00") for name in names])


def test_the_saving_of_a_deletion_is_a_range() -> None:
    start = datetime(2026, 2, 1, tzinfo=UTC)
    snapshots = pandas.DataFrame(
        {
            "id": [f"/s/{one}" for one in "abc"], "name": list("abc"), "subscriptionId": "s", "incremental": True,
            "sourceResourceId": "/d", "sourceUniqueId": "u", "tags": None,
            "timeCreated": [start + timedelta(days=one) for one in range(3)],
        }
    )  # fmt: skip
    disks = pandas.DataFrame({"id": ["/D"], "uniqueId": "u", "diskSizeGB": 8, "tags": [{"Team": "x"}]})
    instances = pandas.DataFrame(columns=NEEDS["instances"])
    tables = {"snapshots": snapshots, "disks": disks, "instances": instances}
    sizes = pandas.DataFrame({"id": ["/s/A", "/s/b", "/s/c"], "usedGiB": [100.0, 5, 5], "cost": [1.0, 0.1, 0.2]})
    sizes["day"] = "2026-02-10"
    made = Estate.of(tables, now=start + timedelta(days=20), window="14d")

    def saving(*ids: str) -> tuple[float, float]:
        [row] = cost_of(made, sizes, [f"/s/{one}" for one in ids], by="tags.team").to_dict("records")
        assert row["tags.team"] == "x"
        return round(row["savingLow"], 9), round(row["savingHigh"], 9)

    # The day is one of February's 28.
    assert saving("a") == (0, 2.8)  # its blocks move to b, but for those that b has of its own
    assert saving("b") == (0, 2.8)
    assert saving("c") == (5.6, 5.6)  # the newest: nobody needs its blocks
    assert saving("b", "c") == (8.4, 8.4)
    assert saving("a", "b") == (0, 8.4)  # c has 36.4 of the three at most, 28 at least
    assert saving("a", "c") == (5.6, 8.4)
    assert saving("a", "b", "c") == (36.4, 36.4)

    newer = snapshots.tail(1).assign(id="/s/d", name="d", timeCreated=start + timedelta(days=15))
    made = Estate.of({**tables, "snapshots": pandas.concat([snapshots, newer])}, now=made.now, window="14d")
    # The exports do not reach d: as far as anyone can tell it has all that is in c.
    assert saving("c") == (0, 5.6)
    assert saving("b", "c") == (0, 8.4)
    assert saving("a") == (0, 2.8)
    assert saving("c", "d") == (5.6, 5.6)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda estate, sizes: churn(estate, sizes, by="polcy"), "did you mean policy"),
        (lambda estate, sizes: stored(estate, sizes, by="vualt"), "did you mean vault"),
        (lambda estate, sizes: cost_of(estate, sizes, "stoped"), "did you mean stopped"),
        (lambda estate, sizes: cost_of(estate, sizes, [], by="disks"), "did you mean disk"),
        (lambda estate, sizes: churn(estate, sizes, by=3), "by one of disk, policy"),
        (lambda estate, sizes: stored(estate, sizes, by=["vault"]), "did you mean vault?"),
        (lambda estate, sizes: cost_of(estate, sizes, 3), "of orphans, surplus, stopped, or of ids"),
        (lambda estate, sizes: cost_of(estate, sizes, [], by=3), "by subscription, disk or tags.NAME"),
        (lambda estate, sizes: churn(estate, 3), "3 is no export"),
        (lambda estate, sizes: churn(estate, pandas.DataFrame({"id": ["a"]})), "sizes are a frame of id, day, usedGiB"),
        (lambda estate, sizes: churn({"instances": estate.instances()}, sizes), "snapshots"),
    ],
)
def test_bad_input(estate: Estate, exports: Path, ask: Any, told: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        ask(estate, exports)
    assert told in f"{error.value.message} {error.value.hint}"


def test_what_policies_are_told_to_hold_is_what_the_exports_say_they_do(estate: Estate, exports: Path) -> None:
    """The estate has kept to its policies for as long as they keep anything."""
    found = simulate(estate, sizes=exports, by="policy").set_index("policyName")
    daily = stored(estate, exports, by="policy")
    week = daily[daily["day"] > daily["day"].max() - timedelta(days=7)]  # from one Sunday to the next it differs
    mean = week.groupby(week["policyId"].str.extract(r"([^/]*)$", expand=False))["usedGiB"].sum() / 7
    for name in ("often", "hourly"):
        assert found.loc[name, "usedGiBBefore"] == pytest.approx(mean[name], rel=0.03), name
        # EUR 0.0484 for a GiB and month is what the export's price is.
        assert found.loc[name, "perMonthBefore"] == pytest.approx(0.0484 * found.loc[name, "usedGiBBefore"])
    assert set(found["currency"]) == {"EUR"}
    instances = estate.instances()
    kept = estate.snapshots().groupby("sourceResourceId").size()
    mine = instances[instances["policyName"] == "hourly"]["dataSourceId"].map(kept)
    assert (mine == found.loc["hourly", "pointsBefore"]).all()


def test_a_policy_costs_what_is_paid_now(estate: Estate, exports: Path) -> None:
    """The price of a GiB rose on the last day: what is stored costs that much, and so does what will be."""
    sizes = read_exports(exports)
    risen = sizes["cost"].mask(sizes["day"] == sizes["day"].max(), sizes["cost"] * 1.5)
    [found] = simulate(estate, "hourly", sizes=sizes.assign(cost=risen), by="policy").to_dict("records")
    now = stored(estate, sizes.assign(cost=risen)).iloc[-1]
    assert found["perMonthBefore"] / found["usedGiBBefore"] == pytest.approx(now["perMonth"] / now["usedGiB"])
