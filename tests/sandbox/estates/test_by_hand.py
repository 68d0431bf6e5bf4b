"""Ten tiny estates and what is in them, worked out by hand.

Each is a policy or two, a disk or three, and one thing that goes wrong. Dates are of 2026; the history ends on Monday
2 March at 08:00 UTC, 14 days after Monday 16 February.
"""

from __future__ import annotations

import pytest

from dpmagic.sandbox.estates.behaviours import DONE, FAILED
from dpmagic.sandbox.times import DAY, SECOND
from tests.analysis.handwritten import HAND_WRITTEN

from .rows import day, estate, jobs, points, ticks

NIGHTLY = {"every": "P1D", "start": "2024-01-01T22:00:00+00:00", "keep": "P7D"}
SIX_HOURLY = {"every": "PT6H", "start": "2024-01-01T00:00:00+00:00", "keep": "P2D", "daily": "P5D", "weekly": "P28D"}


def test_1_a_healthy_disk() -> None:
    """One disk, each night at ten, kept seven days: 14 jobs, and the points of the last seven nights."""
    found = estate(policy=NIGHTLY)
    ran = jobs(found)
    assert [day(job["due"]) for job in ran] == [f"02-{date} 22:00" for date in range(16, 29)] + ["03-01 22:00"]
    assert all(job["status"] == DONE and job["tag"] == "Default" for job in ran)
    assert all(2 * SECOND <= job["start"] - job["due"] < 2 * 3600 * SECOND for job in ran)
    assert all(160 * SECOND < job["end"] - job["start"] < 330 * SECOND for job in ran)
    kept = points(found)
    assert [day(point["created"])[:5] for point in kept] == [
        "02-23",
        "02-24",
        "02-25",
        "02-26",
        "02-27",
        "02-28",
        "03-01",
    ]
    assert all(point["expiry"] - point["created"] == 7 * DAY for point in kept)
    assert found.planted() == []


def test_2_tags_of_four_runs_a_day() -> None:
    """Every six hours; the first of a day is kept 5 days, the first of a week (Sunday) 28, the others 2.

    On Monday 2 March at 08:00 there are: the weekly points of the 16th (a Monday: the history's first success),
    22 February and 1 March; the daily ones of the last five days, but for those that are weekly; and the runs since
    28 February 08:00 that are neither.
    """
    found = estate(policy=SIX_HOURLY)
    assert [(day(job["due"]), job["tag"]) for job in jobs(found)][:7] == [
        ("02-16 12:00", "Weekly"),
        ("02-16 18:00", "Default"),
        ("02-17 00:00", "Daily"),
        ("02-17 06:00", "Default"),
        ("02-17 12:00", "Default"),
        ("02-17 18:00", "Default"),
        ("02-18 00:00", "Daily"),
    ]
    kept = [(day(point["created"])[:8], point["tag"]) for point in points(found)]
    assert kept == [
        ("02-16 12", "Weekly"),
        ("02-22 00", "Weekly"),
        ("02-26 00", "Daily"),
        ("02-27 00", "Daily"),
        ("02-28 00", "Daily"),
        ("02-28 12", "Default"),
        ("02-28 18", "Default"),
        ("03-01 00", "Weekly"),
        ("03-01 06", "Default"),
        ("03-01 12", "Default"),
        ("03-01 18", "Default"),
        ("03-02 00", "Daily"),
        ("03-02 06", "Default"),
    ]


def test_3_the_first_success_of_a_day_moves() -> None:
    """The runs at 00:00 and 06:00 of 26 February fail: that of 12:00 is the daily point."""
    plant = {"kind": "failed", "disks": "d", "at": "2026-02-26T00:00:00Z", "runs": 2, "code": "InternalServerError"}
    found = estate(policy=SIX_HOURLY, plant=[plant])
    ran = {day(job["due"]): job for job in jobs(found)}
    tagged = [(ran[f"02-26 {hour}:00"]["status"], ran[f"02-26 {hour}:00"]["tag"]) for hour in ("00", "06", "12", "18")]
    assert tagged == [(FAILED, "Daily"), (FAILED, "Daily"), (DONE, "Daily"), (DONE, "Default")]
    assert {ran[f"02-26 {hour}"]["code"] for hour in ("00:00", "06:00")} == {"InternalServerError"}
    assert [day(point["created"]) for point in points(found) if day(point["created"])[:5] == "02-26"] == ["02-26 12:01"]
    (defect,) = found.planted()
    assert [due[11:19] for due in defect["due"]] == ["00:00:00", "06:00:00"]


@pytest.mark.parametrize("by", ["1h59m", "1h59m59s", "2h", "2h0m1s", "2h1m"])
def test_4_late_to_the_second(by: str) -> None:
    """The run of 28 February starts exactly so late; nothing else changes."""
    seconds = {"1h59m": 7140, "1h59m59s": 7199, "2h": 7200, "2h0m1s": 7201, "2h1m": 7260}[by]
    found = estate(policy=NIGHTLY, plant=[{"kind": "late", "disks": "d", "at": "2026-02-28T12:00:00Z", "by": by}])
    lags = {day(job["due"]): (job["start"] - job["due"]) / SECOND for job in jobs(found)}
    assert lags.pop("02-28 22:00") == seconds
    assert max(lags.values()) < 2400
    healthy = estate(policy=NIGHTLY)
    assert [job for job in jobs(found) if "02-28" not in day(job["due"])] == [
        job for job in jobs(healthy) if "02-28" not in day(job["due"])
    ]


def test_5_two_nights_are_missing() -> None:
    """No job on 24 and 25 February: 12 jobs, and a gap of three days between points."""
    found = estate(policy=NIGHTLY, plant=[{"kind": "missed", "disks": "d", "at": "2026-02-24T00:00:00Z", "runs": 2}])
    assert len(jobs(found)) == 12
    dates = [day(point["created"])[:5] for point in points(found)]
    assert dates == ["02-23", "02-26", "02-27", "02-28", "03-01"]
    (defect,) = found.planted()
    assert defect["kind"] == "missed"
    assert defect["times"] == ["2026-02-24T22:00:00.0000000Z", "2026-02-25T22:00:00.0000000Z"]
    assert len(defect["ids"]) == 1


def test_6_a_run_that_hangs_keeps_others_from_starting() -> None:
    """From 26 February 22:00 on it hangs for 33 hours: the next night is missed, the one after runs."""
    found = estate(
        policy=NIGHTLY, plant=[{"kind": "stuck", "disks": "d", "at": "2026-02-26T00:00:00Z", "lasts": "33h"}]
    )
    ran = {day(job["due"])[:5]: job for job in jobs(found)}
    assert "02-27" not in ran
    assert ran["02-26"]["status"] == FAILED
    assert ran["02-26"]["code"] == "MOSJobTimedOutError"
    assert ran["02-26"]["end"] - ran["02-26"]["start"] == 33 * 3600 * SECOND
    assert ran["02-28"]["status"] == DONE
    stuck, missed = found.planted()
    assert (stuck["kind"], missed["kind"], missed["times"]) == ("stuck", "missed", ["2026-02-27T22:00:00.0000000Z"])


def test_7_protection_ends_in_three_ways() -> None:
    """On 25 February at 08:00: nine jobs before it, none after; a disk beside them has its 14."""
    rows = [{"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "d"}]
    kinds = (
        ("a", "stopped", "ProtectionStopped"),
        ("b", "suspended", "BackupsSuspended"),
        ("c", "softDeleted", "SoftDeleted"),
    )
    plant = [{"kind": kind, "disks": disk, "at": "-5d"} for disk, kind, _ in kinds]
    found = estate(rows, policy=NIGHTLY, plant=plant)
    assert [len(jobs(found, disk)) for disk in "abcd"] == [9, 9, 9, 14]
    assert [one.state for one in found.instances] == [state for _, _, state in kinds] + ["ProtectionConfigured"]
    assert all(defect["times"] == ["2026-02-25T08:00:00.0000000Z"] for defect in found.planted())


def test_8_a_disk_is_gone_for_two_days() -> None:
    """Deleted on 24 February, made anew on the 26th: two failed nights, and points of two disks of one name."""
    plant = {"kind": "diskRecreated", "disks": "d", "at": "2026-02-24T12:00:00Z", "after": "2d"}
    found = estate(policy=NIGHTLY, plant=[plant])
    failed = [job for job in jobs(found) if job["status"] == FAILED]
    assert [day(job["due"])[:5] for job in failed] == ["02-24", "02-25"]
    assert {job["code"] for job in failed} == {"UserErrorManagedDiskNotFound"}
    piece = found.engine.points.everything()
    lives = dict(zip((day(at)[:5] for at in piece["created"].tolist()), piece["life"].tolist(), strict=True))
    assert (lives["02-23"], lives["02-26"]) == (0, 1)
    (disk,) = found.disks.values()
    assert (disk.gone, disk.life, day(disk.created)) == (False, 1, "02-26 12:00")


def test_9_points_kept_otherwise_than_the_policy_says() -> None:
    """Seven days and a second, a second less, and snapshots that outlive their points by a day."""
    rows = [{"name": "more"}, {"name": "less"}, {"name": "ghost"}]
    plant = [
        {"kind": "kept", "disks": "more", "at": "-14d", "by": "1s"},
        {"kind": "kept", "disks": "less", "at": "-14d", "by": "-1s"},
        {"kind": "lingering", "disks": "ghost", "at": "-14d", "by": "1d"},
    ]
    found = estate(rows, policy=NIGHTLY, plant=plant)
    assert {point["expiry"] - point["created"] - 7 * DAY for point in points(found, "more")} == {SECOND}
    assert {point["expiry"] - point["created"] - 7 * DAY for point in points(found, "less")} == {-SECOND}
    ghosts = points(found, "ghost")
    assert {point["gone"] - point["expiry"] for point in ghosts} == {DAY}
    assert [day(point["created"])[:5] for point in ghosts if point["expiry"] <= found.now] == ["02-22"]


def test_10_what_the_spec_alone_says() -> None:
    """Three disks of a machine, one left out of its backup; a disk that nobody protects; two odd subscriptions."""
    from dpmagic.sandbox.estates import generate

    found = generate(HAND_WRITTEN["spec"])
    planted = {defect["kind"]: [one.rpartition("/")[2] for one in defect["ids"]] for defect in found.planted()}
    assert planted["coveredByVmBackup"] == ["vm-001", "vm-002"]  # the system disk, and the data disk at lun 0
    assert planted["excludedByLun"] == ["vm-003"]  # lun 1
    assert planted["neverProtected"] == ["alone"]
    assert len(planted["empty"]) == len(planted["unreadable"]) == 1
    assert jobs(found) == []


def test_boundaries_of_fourteen_days() -> None:
    """Jobs that a person started 14 days ago, a second more and a second less."""
    rows = [{"name": name} for name in "abc"]
    ages = {"a": "-14d1s", "b": "-14d", "c": "-13d23h59m59s"}
    plant = [{"kind": "onDemand", "disks": disk, "at": at} for disk, at in ages.items()]
    found = estate(rows, policy=NIGHTLY, plant=plant, days=15)
    starts = {disk: next(job["start"] for job in jobs(found, disk) if job["due"] == job["start"]) for disk in "abc"}
    end = ticks("2026-03-02T08:00:00Z")
    assert [(end - starts[disk] - 14 * DAY) // SECOND for disk in "abc"] == [1, 0, -1]
