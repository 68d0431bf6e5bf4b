"""What planted defects do to an estate at an instant: protection, roles, policies, disks and snapshots change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .. import times
from ..authorization import DISK_BACKUP_READER, DISK_SNAPSHOT_CONTRIBUTOR
from ..instances import STOPPED
from ..times import DAY
from ..world import name_of
from .estate import Estate
from .spec import EstateError
from .things import Disk, Extra, Instance, Planted

SOFT_DELETE = 14 * DAY
_READER_GONE = "UserErrorDiskBackupDiskOrMSIPermissionsNotPresent"
_CONTRIBUTOR_GONE = "UserErrorDiskBackupSnapshotRGOrMSIPermissionsNotPresent"
_DISK_GONE = "UserErrorManagedDiskNotFound"


@dataclass(frozen=True)
class Target:
    """What a defect is on: instances by number and disks, from an instant on."""

    estate: Estate
    numbers: list[int]
    disks: list[Disk]
    at: int
    defect: Planted
    options: dict[str, Any]

    def then(self, turn: Callable[[], None], at: int | None = None) -> None:
        """Have it happen at its instant, or another, and note when."""
        when = self.at if at is None else at
        self.defect.times.append(when)
        self.estate.at(when, turn)


def stop(target: Target) -> None:
    """Protection is stopped; what there is is kept for good."""
    target.then(partial(_set, target, STOPPED))


def suspend(target: Target) -> None:
    """Backups are suspended."""
    target.then(partial(_set, target, "BackupsSuspended"))


def fail_protection(target: Target) -> None:
    """Protection is in error."""
    target.then(partial(_set, target, "ProtectionError", target.options["code"]))


def soft_delete(target: Target) -> None:
    """The instance is deleted; the vault keeps it for 14 days."""

    for number in target.numbers:
        vault = target.estate.documents.get("vault", *_place(target.estate.instances[number].vault))
        if vault and vault["properties"]["securitySettings"]["softDeleteSettings"]["state"] == "Off":
            raise EstateError(
                f"plant: softDeleted: {vault['name']} has no soft delete", "Leave out its `softDelete: Off`."
            )
    target.defect.options["scheduledPurgeTime"] = times.full(target.at + SOFT_DELETE)

    def turn() -> None:
        for number in target.numbers:
            target.estate.instances[number].deleted = target.at
            target.estate.set_state(number, "SoftDeleted", target.defect.cause)

    target.then(turn)
    target.estate.at(target.at + SOFT_DELETE, partial(_purge, target))


def remove_role(target: Target) -> None:
    """The vault's identity loses a role on the resource group, so all of its instances there fail from then on."""
    role = target.options.get("role", "reader")
    if role not in ("reader", "snapshots"):
        raise EstateError(f"plant: rolesRemoved: role cannot be {role!r}", "It is reader or snapshots.")
    estate, reader = target.estate, role == "reader"
    named = [estate.instances[number] for number in target.numbers]
    pairs = {(one.vault.lower(), _scope(one, reader).lower()) for one in named}
    affected = [
        number
        for number, one in enumerate(estate.instances)
        if (one.vault.lower(), _scope(one, reader).lower()) in pairs
    ]
    guid = DISK_BACKUP_READER if reader else DISK_SNAPSHOT_CONTRIBUTOR
    target.defect.ids[:] = [estate.instances[number].id for number in affected]
    target.defect.options |= {
        "roleDefinitionId": guid,
        "principalIds": sorted({estate.guid(one.vault, "principal") for one in named}),
        "scopes": sorted({_scope(one, reader) for one in named}),
    }

    def turn() -> None:
        for one in named:
            principal, scope = estate.guid(one.vault, "principal"), _scope(one, reader)
            estate.documents.drop("roleAssignment", scope, estate.guid(f"{scope}/{guid}/{principal}", "assignment"))
        _break(target, affected, _READER_GONE if reader else _CONTRIBUTOR_GONE)

    target.then(turn)


def change_policy(target: Target) -> None:
    """Instances get another policy of their vault."""
    estate = target.estate
    changes = []
    for number in target.numbers:
        policy = f"{estate.instances[number].vault}/backupPolicies/{target.options['policy']}"
        if policy.lower() not in estate.policies:
            name = target.options["policy"]
            raise EstateError(f"plant: policyChanged: the vault has no policy {name}", "Add it to its `policies:`.")
        changes.append((number, policy))
    target.defect.options["previousPolicyIds"] = [estate.instances[number].policy for number, _ in changes]

    def turn() -> None:
        for number, policy in changes:
            estate.instances[number].policy = policy
            estate.engine.change(number, policy=estate.policies[policy.lower()])

    target.then(turn)


def delete_disk(target: Target) -> None:
    """Disks are deleted; their instances stay and fail."""
    _need_disks(target)
    target.then(partial(_remove, target))


def recreate_disk(target: Target) -> None:
    """Disks are deleted and made anew under their names, which makes other disks of them."""
    _need_disks(target)
    estate = target.estate
    target.defect.options["previousUniqueIds"] = [_unique(estate, disk) for disk in target.disks]

    def turn() -> None:
        for disk in target.disks:
            disk.gone, disk.created, disk.life = False, estate.now, disk.life + 1
            estate.changed("Create", disk.id)
        for number in target.numbers:
            life = estate.engine.fleet["life"][number] + 1
            estate.engine.change(number, fault=0, why=-1, life=life)

    target.then(partial(_remove, target))
    target.then(turn, target.at + target.options["after"])


def delete_snapshot(target: Target) -> None:
    """Somebody deletes the snapshot of a point, which stays listed."""
    which = target.options.get("which", 1)

    def turn() -> None:
        engine = target.estate.engine
        for number in target.numbers:
            points = engine.points.of(number)
            alive = points.take((points["time"] <= engine.now) & engine.alive(points, "gone"))
            if len(alive) < which:
                one = target.estate.instances[number].name
                raise EstateError(f"plant: snapshotDeleted: {one} has {len(alive)} snapshots", "Name another disk.")
            start = int(np.sort(alive["start"])[-which])
            engine.points.set(number, start, gone=engine.now, byHand=True)
            target.defect.points.append(alive.take(alive["start"] == start))
            target.defect.points[-1]["gone"] = engine.now
            created = int(target.defect.points[-1]["created"][0])
            deleted = target.estate.snapshot_id(target.estate.instances[number], created, start)
            target.estate.changed("Delete", deleted)

    target.then(turn)


def back_up(target: Target) -> None:
    """A person starts backups, which begin at once."""
    tag, every = target.options.get("tag", "Default"), target.options.get("every", times.DAY // 24)
    for place in range(target.options.get("jobs", 1)):
        at = target.at + place * every
        for number in target.numbers:
            target.estate.at(at - 1, partial(target.estate.engine.run, number, at, tag, target.defect.cause))


def leave_snapshots(target: Target) -> None:
    """Snapshots that Azure Backup made of disks which no longer exist, in the snapshot groups of the targets."""
    _need_disks(target)
    target.defect.ids.clear()
    target.defect.options["sourceResourceIds"] = [f"{disk.id}-retired" for disk in target.disks]
    for number in target.numbers:
        one = target.estate.instances[number]
        source = f"{one.source}-retired"
        for place in range(target.options.get("count", 1)):
            created = target.at - place * DAY
            stamp = times.full(created)[:-1].replace(":", "-")
            name = f"AzureBackup_{target.estate.guid(source, 'snapshots')}_{stamp}"
            target.defect.ids.append(_add_extra(target.estate, one, name, source, created))


def fill_snapshots(target: Target) -> None:
    """Snapshots by hand until each disk has exactly so many when the history ends."""
    _need_disks(target)

    def turn() -> None:
        estate = target.estate
        for number in target.numbers:
            one = estate.instances[number]
            points = estate.engine.points.of(number)
            alive = int(np.count_nonzero((points["created"] <= estate.now) & estate.engine.alive(points, "gone")))
            missing = target.options["count"] - alive
            if missing < 0:
                count = target.options["count"]
                raise EstateError(
                    f"plant: snapshotCount: {one.name} has {alive} without them", f"Ask for more than {count}."
                )
            for place in range(missing):
                created = estate.now - (place + 1) * DAY // 4
                _add_extra(estate, one, f"manual-{name_of(one.source)}-{place + 1:03d}", one.source, created)

    target.then(turn)


def respell(target: Target) -> None:
    """The instance has the datasource's id in upper case, the policy's with BackupVaults, as Azure does at times."""
    for number in target.numbers:
        one = target.estate.instances[number]
        head, _, name = one.source.rpartition("/")
        one.source = f"{head.upper().replace('/SUBSCRIPTIONS/', '/subscriptions/')}/{name}"
        one.policy = one.policy.replace("/backupVaults/", "/BackupVaults/").replace(
            "/resourceGroups/", "/resourcegroups/"
        )


def _place(arm_id: str) -> tuple[str, str]:
    return "/".join(arm_id.split("/")[:5]), name_of(arm_id)


def _scope(one: Instance, reader: bool) -> str:
    return "/".join(one.source.split("/")[:5]) if reader else one.snapshots


def _set(target: Target, state: str, error: str = "") -> None:
    for number in target.numbers:
        target.estate.set_state(number, state, target.defect.cause, error)


def _break(target: Target, numbers: list[int], code: str) -> None:
    engine = target.estate.engine
    engine.change(np.array(numbers, np.int64), fault=engine.code(code), why=target.defect.cause)


def _remove(target: Target) -> None:
    for disk in target.disks:
        disk.gone = True
        target.estate.changed("Delete", disk.id)
    _break(target, target.numbers, _DISK_GONE)


def _purge(target: Target) -> None:
    """The end of soft delete, unless somebody has undeleted the instance: points and snapshots go with it."""
    engine = target.estate.engine
    for number in target.numbers:
        if target.estate.instances[number].state == "SoftDeleted":
            target.estate.set_state(number, "Purged", target.defect.cause)
            engine.points.end(number, engine.now)


def _unique(estate: Estate, disk: Disk) -> str:
    return estate.guid(disk.id, "uniqueId", disk.life)


def _need_disks(target: Target) -> None:
    if not target.disks:
        raise EstateError(f"plant: {target.defect.kind} is on no disk", "Name them in `disks:`.")


def _add_extra(estate: Estate, one: Instance, name: str, source: str, created: int) -> str:
    arm_id = f"{one.snapshots}/providers/Microsoft.Compute/snapshots/{name}"
    unique = estate.guid(source, "uniqueId")
    extra = Extra(arm_id, source, unique, one.size, one.location, created)
    estate.extras.setdefault(one.snapshots.lower(), {})[name.lower()] = extra
    estate.changed("Create", arm_id, created, by_hand=source == one.source)
    return arm_id
