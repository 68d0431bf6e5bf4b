"""What a spec itself leaves without protection or out of sight, without having been asked to plant it."""

from __future__ import annotations

from collections.abc import Iterator

from ..world import name_of, subscription_of
from .estate import Estate

#: The kinds, told for people.
KINDS = {
    "neverProtected": "no backup instance was ever made for the disk, and no backup of its machine has it",
    "coveredByVmBackup": "the backup of its machine has the disk",
    "excludedByLun": "the backup of its machine leaves the disk out",
    "unreadable": "the caller has no role in the subscription",
    "unverifiable": "the instance can be seen, its disk is in a subscription that cannot",
    "empty": "there is no disk in the subscription",
}


def listed(estate: Estate) -> Iterator[tuple[str, list[str], str]]:
    """Kind, ids and reason of what the spec itself leaves without protection, or out of sight."""
    claimed = {one.source.lower() for one in estate.instances}
    covered, excluded = _covered(estate)
    known = claimed | covered | excluded
    never = [disk.id for key, disk in estate.disks.items() if key not in known and estate.visible(key)]
    blind = [one.id for one in estate.instances if estate.visible(one.id) and not estate.visible(one.source)]
    lists = (
        ("neverProtected", never, "no backup instance was ever made for them"),
        ("coveredByVmBackup", [estate.disks[key].id for key in sorted(covered)], "their machine's backup has them"),
        ("excludedByLun", [estate.disks[key].id for key in sorted(excluded)], "their machine's backup leaves them out"),
        ("unreadable", _unreadable(estate), "the caller has no role there"),
        ("unverifiable", blind, "their disks are where the caller has no role"),
        ("empty", _empty(estate), "there is no disk in them"),
    )
    yield from (item for item in lists if item[1])


def _place(arm_id: str) -> tuple[str, str]:
    return "/".join(arm_id.split("/")[:5]), name_of(arm_id)


def _covered(estate: Estate) -> tuple[set[str], set[str]]:
    """The disks, by lower-case id, that backups of virtual machines have, and those that they leave out."""
    inside: set[str] = set()
    outside: set[str] = set()
    for _, item in estate.documents.below("protectedItem"):
        properties = item["properties"]
        machine = estate.documents.get("virtualMachine", *_place(properties["sourceResourceId"]))
        assert machine is not None, "items are made of machines"
        storage = machine["properties"]["storageProfile"]
        skipped = properties["extendedProperties"].get("diskExclusionProperties", {}).get("diskLunList", [])
        inside.add(storage["osDisk"]["managedDisk"]["id"].lower())
        for disk in storage["dataDisks"]:
            (outside if disk["lun"] in skipped else inside).add(disk["managedDisk"]["id"].lower())
    return inside, outside


def _unreadable(estate: Estate) -> list[str]:
    """The ids of subscriptions that the caller cannot read."""
    return [
        document["id"] for _, document in estate.documents.below("subscription") if not estate.visible(document["id"])
    ]


def _empty(estate: Estate) -> list[str]:
    """The ids of readable subscriptions without disks."""
    used = {subscription_of(key) for key in estate.disks}
    return [
        document["id"]
        for _, document in estate.documents.below("subscription")
        if document["subscriptionId"].lower() not in used and estate.visible(document["id"])
    ]
