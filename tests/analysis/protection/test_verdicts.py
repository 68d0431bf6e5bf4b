"""Every way to be a gap, one disk each; and the boundaries of the RPO."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas
import pytest

from dpmagic.analysis.protection import facts, grounds
from dpmagic.analysis.protection.verdicts import (
    DELETED,
    ERROR,
    EXCLUDED,
    NEVER,
    PERMISSION,
    STALE,
    STOPPED,
    SUSPENDED,
    UNSUPPORTED,
    UNVERIFIABLE,
    judge,
)
from dpmagic.estate.window import Window

from ..disks_by_hand import (
    CONTRIBUTOR,
    NOW,
    POLICY,
    READER,
    ago,
    disk,
    group,
    instance,
    item,
    job,
    machine,
    policy,
    role,
    subscription,
    vault,
)

RPO = timedelta(hours=26)
FINE = {"latestPoint": ago(hours=10), "observed": True, "rpo": RPO}
FAST = f"{POLICY[: -len('nightly')]}fast"


def judged(
    *instances: dict[str, Any],
    disks: list[dict[str, Any]] | None = None,
    point: dict[str, Any] | None = None,
    **more: Any,
) -> pandas.DataFrame:
    """The verdicts on a disk ``d``, or on ``disks``; its instances' points are fresh, or as ``point`` says."""
    rows = {
        "disks": disks or [disk("d")],
        "instances": list(instances) or [instance("somebody else")],
        "jobs": [job("d", start=ago(hours=10))],
        "vaults": [vault()],
        "policies": [policy(), policy("fast", "PT4H")],
        "subscriptions": [subscription()],
        "role_assignments": [role(READER, group()), role(CONTRIBUTOR, group("rg-snapshots"))],
        "virtual_machines": machine("none", [("none", 0)]),
        "protected_items": [item("none", [])],
    } | more
    tables = {name: pandas.DataFrame(found) for name, found in rows.items()}
    known = pandas.DataFrame([{"id": one["id"], **FINE, **(point or {})} for one in rows["instances"]])
    known["latestPoint"] = pandas.to_datetime(known["latestPoint"], utc=True)
    known["rpo"] = pandas.to_timedelta(known["rpo"])
    instances = facts.of_instances(tables, known[["id", "latestPoint", "observed"]])
    made = facts.of_disks(tables, instances, known[["id", "rpo"]], NOW)
    made["exclusion"], made["itemRpo"] = np.nan, timedelta(hours=30)
    return judge(made, NOW)


def reason(*instances: dict[str, Any], **more: Any) -> str | None:
    """The reason for which ``d`` is a gap."""
    found = judged(*instances, **more).set_index("name")["reason"]["d"]
    return None if pandas.isna(found) else str(found)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("ProtectionConfigured", None),
        ("UpdatingProtection", None),
        ("ProtectionError", ERROR),
        ("ConfiguringProtectionFailed", ERROR),
        ("ProtectionStopped", STOPPED),
        ("BackupsSuspended", SUSPENDED),
        ("BackupSchedulesSuspended", SUSPENDED),
        ("RetentionSchedulesSuspended", None),
        ("SoftDeleting", DELETED),
        ("ConfiguringProtection", NEVER),
        ("NotProtected", NEVER),
        ("protectionSTOPPED", STOPPED),
        ("SomethingNew", UNVERIFIABLE),
    ],
)
def test_the_state_of_its_instance(state: str, expected: str | None) -> None:
    assert reason(instance("d", state=state)) == expected


@pytest.mark.parametrize(
    ("age", "expected"),
    [(RPO - timedelta(microseconds=1), None), (RPO, None), (RPO + timedelta(microseconds=1), STALE)],
)
def test_a_point_may_be_as_old_as_the_rpo(age: timedelta, expected: str | None) -> None:
    assert reason(instance("d"), point={"latestPoint": NOW - age}) == expected


def test_a_point_that_nobody_saw() -> None:
    assert reason(instance("d"), point={"latestPoint": None}) == STALE
    assert reason(instance("d"), point={"rpo": None}) == UNVERIFIABLE


def test_nothing_at_all() -> None:
    assert reason() == NEVER


def test_a_stopped_disk_is_a_gap_however_fresh_its_points() -> None:
    found = judged(instance("d", state="ProtectionStopped"))
    assert (found["configured"][0], found["effective"][0]) == (False, False)


def test_roles() -> None:
    only_reader = [role(READER, group())]
    lost = judged(instance("d"), role_assignments=only_reader)
    assert (lost["reason"][0], lost["effective"][0], lost["healthy"][0]) == (PERMISSION, True, False)
    assert reason(instance("d", state="ProtectionError"), role_assignments=only_reader) == PERMISSION
    assert reason(instance("d", state="ProtectionStopped"), role_assignments=only_reader) == STOPPED


def test_soft_deleted_unless_it_is_protected_again() -> None:
    deleted = [{**instance("d"), "deletionTime": ago(days=5), "scheduledPurgeTime": ago(days=-9)}]
    assert reason(deleted_instances=deleted) == DELETED
    assert reason(instance("d"), deleted_instances=deleted) is None


def test_the_backup_of_its_machine() -> None:
    vm = machine("vm", [("d", 1)])
    assert reason(virtual_machines=vm, protected_items=[item("vm", [])]) is None
    assert reason(virtual_machines=vm, protected_items=[item("vm", [1])]) == EXCLUDED
    assert reason(virtual_machines=vm, protected_items=[item("vm", None)]) == UNVERIFIABLE
    old = [item("vm", [], lastRecoveryPoint=ago(hours=31))]
    assert reason(virtual_machines=vm, protected_items=old) == STALE
    for state, expected in (("ProtectionStopped", STOPPED), ("ProtectionError", ERROR), ("SoftDeleted", DELETED)):
        assert reason(virtual_machines=vm, protected_items=[item("vm", [], currentProtectionState=state)]) == expected


def test_two_backups_are_one_disk_and_either_will_do() -> None:
    vm = {"virtual_machines": machine("vm", [("d", 1)])}
    fine = [item("vm", [])]
    assert reason(instance("d", state="ProtectionStopped"), **vm, protected_items=fine) is None
    assert reason(instance("d"), **vm, protected_items=[item("vm", [1])]) is None
    found = judged(instance("d"), **vm, protected_items=fine)
    assert (len(found), found["effective"].tolist()) == (1, [True])
    stale = {"point": {"latestPoint": ago(days=4)}}
    assert reason(instance("d"), **vm, protected_items=fine, **stale) is None


def test_of_two_instances_the_configured_one_counts() -> None:
    old = instance("d", state="ProtectionStopped")
    old["id"] = old["id"] + "-old"
    assert reason(old, instance("d")) is None


def test_what_azure_disk_backup_does_not_take() -> None:
    encrypted = [disk("d", encryptionSettings=True)]
    found = judged(disks=encrypted)
    assert (found["reason"][0], found["supported"][0], found["eligible"][0]) == (UNSUPPORTED, False, False)
    vm = {"virtual_machines": machine("vm", [("d", 1)]), "protected_items": [item("vm", [])]}
    assert reason(disks=encrypted, **vm) is None


def test_unmanaged_disks_are_listed_under_their_machine() -> None:
    vm = {"virtual_machines": machine("vm", [("", None), ("", 0), ("d", 1)])}
    found = judged(instance("d"), **vm).set_index("name")
    assert found["reason"].fillna("-").to_dict() == {
        "d": "-",
        "vm (system disk)": UNSUPPORTED,
        "vm (LUN 0)": UNSUPPORTED,
    }
    covered = judged(instance("d"), **vm, protected_items=[item("vm", [0])]).set_index("name")
    assert covered["reason"].fillna("-").to_dict() == {"d": "-", "vm (system disk)": "-", "vm (LUN 0)": UNSUPPORTED}


@pytest.mark.parametrize("sku", ["PremiumV2_LRS", "UltraSSD_LRS"])
def test_a_schedule_that_its_sku_does_not_take(sku: str) -> None:
    slow = [disk("d", sku=sku)]
    stale = {"latestPoint": ago(days=2)}
    assert reason(instance("d", policyId=FAST), disks=slow, point=stale) == UNSUPPORTED
    assert reason(instance("d"), disks=slow, point=stale) == STALE
    assert reason(instance("d", policyId=FAST), disks=slow) is None
    assert reason(instance("d", policyId=FAST), point=stale) == STALE


def test_a_backup_of_a_vault_out_of_sight() -> None:
    seen = {"name": "AzureBackup_1_2026", "sourceUniqueId": "unique-d", "timeCreated": ago(hours=9)}
    assert reason(snapshots=[seen]) == UNVERIFIABLE
    assert reason(snapshots=[{**seen, "name": "by-hand"}]) == NEVER
    assert reason(snapshots=[{**seen, "sourceUniqueId": "of the disk before"}]) == NEVER


FORTNIGHT = Window(ago(days=14), NOW)


def ground(
    *instances: dict[str, Any], complete: bool = True, known: Window | None = FORTNIGHT, **more: Any
) -> dict[str, Any]:
    """Evidence, since, sinceIs and detail of the gap ``d``."""
    found = judged(*instances, **more)
    gaps = found[found["reason"].notna()]
    (row,) = grounds.explain(gaps, known, complete).to_dict("records")
    return {str(key): value for key, value in row.items()}


def test_absence_is_observed_only_where_everything_could_be_read() -> None:
    assert ground()["evidence"] == "observed"
    assert ground(complete=False)["evidence"] == "inferred"
    assert ground(instance("d", state="ProtectionStopped"), complete=False)["evidence"] == "observed"


def test_lost_roles_are_observed_once_a_backup_says_so() -> None:
    lost: dict[str, Any] = {"role_assignments": [role(READER, group())]}
    assert ground(instance("d"), **lost)["evidence"] == "inferred"
    failed = job(
        "d", start=ago(hours=9), status="Failed", code="UserErrorDiskBackupSnapshotRGOrMSIPermissionsNotPresent"
    )
    found = ground(instance("d"), **lost, jobs=[job("d", start=ago(days=2)), failed])
    assert (found["evidence"], found["since"], found["sinceIs"]) == ("observed", ago(hours=9), "before")
    assert found["detail"] == "the identity of bv lacks Disk Snapshot Contributor at rg-snapshots or above"


@pytest.mark.parametrize(
    ("found", "since", "how"),
    [
        (lambda: ground(), ago(days=400), "at"),
        (lambda: ground(instance("d", state="ProtectionStopped")), ago(hours=10), "after"),
        (
            lambda: ground(instance("d", state="ProtectionStopped"), jobs=[job("e", start=NOW)]),
            ago(days=13, hours=-2),
            "before",
        ),
        (
            lambda: ground(instance("d"), point={"latestPoint": ago(days=4)}, jobs=[job("e", start=NOW)]),
            ago(days=4) + RPO,
            "at",
        ),
        # A person's backup says nothing of the schedule, which may have been off before.
        (
            lambda: ground(
                instance("d", state="BackupsSuspended"),
                jobs=[job("d", start=ago(days=3)), job("d", start=ago(days=1), isUserTriggered=True)],
            ),
            ago(days=3),
            "after",
        ),
        (
            lambda: ground(
                virtual_machines=machine("vm", [("d", 0)]),
                protected_items=[
                    item(
                        "vm",
                        [],
                        protectionState="ProtectionStopped",
                        currentProtectionState="ProtectionStopped",
                        lastRecoveryPoint=ago(days=5),
                    )
                ],
            ),
            ago(days=5),
            "after",
        ),
        # A later backup succeeded, and its point has gone since.
        (lambda: ground(instance("d"), point={"latestPoint": ago(days=4)}), ago(hours=10), "after"),
        (lambda: ground(instance("d"), point={"latestPoint": None}), ago(hours=10), "after"),
        (
            lambda: ground(instance("d"), point={"latestPoint": ago(hours=27)}, jobs=[job("d", start=ago(hours=26.5))]),
            ago(hours=27) + RPO,
            "after",
        ),
    ],
)
def test_since(found: Any, since: datetime, how: str) -> None:
    said = found()
    assert (said["since"], said["sinceIs"]) == (since, how)


def test_backups_that_do_not_say_whose_they_are() -> None:
    nobodys = [job("d", start=ago(hours=3), backupInstanceId=None, status="Failed", code="InternalServerError")]
    assert reason(instance("d"), jobs=[job("d", start=ago(hours=5)), *nobodys]) is None
    assert reason(instance("d", state="ProtectionStopped"), jobs=nobodys) == STOPPED


def test_since_when_nobody_knows() -> None:
    stopped = instance("d", state="ProtectionStopped")
    for found in (
        # Of a weekly policy no run is due in six days; and a day without jobs is too short for a nightly one.
        ground(
            stopped, policies=[policy("nightly", "P1W")], jobs=[job("e", start=NOW)], known=Window(ago(days=6), NOW)
        ),
        ground(stopped, jobs=[job("e", start=NOW)], known=Window(ago(days=1), NOW)),
        ground(stopped, jobs=[job("e", start=NOW)], known=None),
        ground(stopped, jobs=[job("d", start=ago(days=2), isUserTriggered=True)]),
        # What fails for another reason does not say since when the role is gone.
        ground(
            instance("d"),
            role_assignments=[role(READER, group())],
            jobs=[job("d", start=ago(days=2), status="Failed", code="Other")],
        ),
    ):
        assert pandas.isna(found["since"]) and pandas.isna(found["sinceIs"])


def test_a_role_is_gone_since_the_failures_that_say_so() -> None:
    """Not since those before them, which were of another kind."""
    ran = [job("d", start=ago(days=9 - day), status="Failed", code="InternalServerError") for day in range(3)]
    denied = "UserErrorNotEnoughPermissionOnDisk"
    ran += [job("d", start=ago(days=9 - day), status="Failed", code=denied) for day in range(3, 9)]
    found = ground(instance("d"), role_assignments=[role(READER, group())], jobs=ran)
    assert (found["evidence"], found["since"], found["sinceIs"]) == ("observed", ago(days=6), "before")


def test_nobody_knows_since_when_there_is_no_point() -> None:
    said = ground(instance("d"), point={"latestPoint": None}, jobs=[job("e", start=NOW)])
    assert pandas.isna(said["since"]) and pandas.isna(said["sinceIs"])


def test_an_age_from_jobs_alone_is_inferred() -> None:
    old = {"latestPoint": ago(days=4), "observed": False}
    said = ground(instance("d"), point=old)
    assert said["evidence"] == "inferred"
    assert said["detail"] == "newest point 2026-02-26 08:00 UTC, RPO 26 h; its last backup Completed"
