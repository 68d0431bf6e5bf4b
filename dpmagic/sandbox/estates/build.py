"""From a spec to an estate at the beginning of its history: everything in place, nothing wrong yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .. import resources, times
from ..authorization import DISK_BACKUP_READER, DISK_SNAPSHOT_CONTRIBUTOR
from ..store import Document
from ..times import DAY, SECOND
from . import streams
from .estate import OWNER, TENANT, Estate
from .machines import add_datasource, add_machines
from .schedules import plan
from .spec import Disks, EstateError, Spec, Subscription
from .things import BLOBS, CLUSTERS, DISK, Disk, Instance, policy_document

OWNER_ROLE = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
_VAULTS = "Microsoft.DataProtection/backupVaults"

# Median seconds of a backup by size, up to so many GiB. Recorded: 188 to 194 s, of disks of 4 GiB; the rest modelled.
_MEDIANS = ((128, 189), (512, 193), (1024, 201), (4096, 224), (65536, 268))


class Place(NamedTuple):
    """A vault by the names of its subscription and its own."""

    id: str
    location: str


def start(spec: Spec) -> Estate:
    """The estate as its history begins. Raises :class:`EstateError` where the spec does not fit together."""
    estate = Estate(spec, spec.end_ticks - spec.days * DAY)
    ids = {item.name: _subscription_id(spec, item) for item in spec.subscriptions}
    if len(ids) < len(spec.subscriptions):
        raise EstateError("two subscriptions have one name", "Give each its own.")
    for item in spec.subscriptions:
        _add_subscription(estate, item, ids[item.name])
    _add_management_groups(estate, ids)
    places = {}
    for item in spec.subscriptions:
        for name, vault in item.vaults.items():
            made = _add_vault(estate, item, ids[item.name], name, vault)
            places[f"{item.name}/{name}"] = Place(made["id"], made["location"])
    for item in spec.subscriptions:
        _Rows(estate, item, ids[item.name], places).add()
    return estate


def _subscription_id(spec: Spec, item: Subscription) -> str:
    """The id given, or one made of the name that sorts after the starter world's."""
    if item.id:
        return item.id
    made = streams.guid(spec.seed, item.name, "subscription")
    return "3456789abcdef"[int(made[0], 16) % 13] + made[1:]


def _add_subscription(estate: Estate, item: Subscription, guid: str) -> None:
    document = resources.make_subscription(guid, item.name, TENANT, item.tags)
    if not item.readable:
        estate.hidden.append(guid.lower())
        estate.documents.put("hiddenSubscription", "", guid, {"subscriptionId": guid})
    estate.documents.put("subscription", "", guid, document)
    assign(estate, document["id"], OWNER_ROLE, OWNER, "User")


def _add_management_groups(estate: Estate, ids: dict[str, str]) -> None:
    """The hierarchy, with the subscriptions that the caller can see."""
    spec = estate.spec
    for name in (*spec.management_groups.values(), *(item.management_group for item in spec.subscriptions)):
        if name and name not in spec.management_groups:
            hint = "List it under `managementGroups:`, with its parent or null."
            raise EstateError(f"no management group is called {name}", hint)
    for name, parent in spec.management_groups.items():
        inside = [ids[item.name] for item in spec.subscriptions if item.management_group == name and item.readable]
        document = {"name": name, "displayName": name, "parent": parent, "subscriptions": inside}
        estate.documents.put("managementGroup", "", name, document)


def _add_vault(estate: Estate, owner: Subscription, guid: str, name: str, vault: Any) -> Document:
    group = ensure_group(estate, f"/subscriptions/{guid}", vault.group, owner.region)
    arm_id = f"{group}/providers/{_VAULTS}/{name}"
    days = {"softDeleteSettings": {"state": vault.soft_delete, "retentionDurationInDays": 14.0}}
    redundant = vault.redundancy == "GeoRedundant"
    score, level = ("None", "Poor") if vault.soft_delete == "Off" else ("Minimum", "Fair")
    document: Document = {
        "location": owner.region,
        **({"tags": dict(vault.tags)} if vault.tags else {}),
        "identity": {
            "type": "SystemAssigned",
            "principalId": estate.guid(arm_id, "principal"),
            "tenantId": TENANT,
        },
        "properties": {
            "provisioningState": "Succeeded",
            "storageSettings": [{"datastoreType": "VaultStore", "type": vault.redundancy}],
            "isVaultProtectedByResourceGuard": False,
            "securitySettings": days,
            "secureScore": score,
            "bcdrSecurityLevel": level,
            "replicatedRegions": ["northeurope"] if redundant and owner.region == "westeurope" else [],
        },
        "id": arm_id,
        "name": name,
        "type": _VAULTS,
        "_": {"guid": estate.guid(arm_id, "vault")},
    }
    estate.documents.put("vault", group, name, document)
    for policy in vault.policies:
        add_policy(estate, arm_id, policy)
    return document


def add_policy(estate: Estate, vault: str, name: str) -> None:
    """Put a copy of the spec's policy into a vault."""
    if name not in estate.spec.policies:
        raise EstateError(
            f"no policy is called {name}", f"Under `policies:` there are {', '.join(estate.spec.policies)}."
        )
    version = estate.spec.end_ticks - 400 * DAY
    document = policy_document(vault, name, estate.spec.policies[name], version)
    try:
        schedule = plan(document)
    except ValueError as error:
        raise EstateError(f"the policy {name}: {error}", "Write it as Azure does, such as PT4H or P30D.") from error
    estate.documents.put("policy", vault, name, document)
    estate.policies[document["id"].lower()] = estate.engine.add_plan(schedule if schedule.intervals else None)


def median(size: int) -> int:
    """The seconds that a backup of a disk of so many GiB takes."""
    return next(seconds for limit, seconds in _MEDIANS if size <= limit)


def ensure_group(estate: Estate, subscription: str, name: str, region: str) -> str:
    """The id of a resource group, which is made if there is none."""
    document = estate.documents.get("group", subscription, name)
    if document is None:
        document = resources.make_group({"id": subscription}, name, region, None)
        estate.documents.put("group", subscription, name, document)
    arm_id: str = document["id"]
    return arm_id


def assign(estate: Estate, scope: str, role: str, principal: str, kind: str = "ServicePrincipal") -> None:
    """Assign a role, given by its guid, to a principal."""
    name = estate.guid(f"{scope}/{role}/{principal}", "assignment")
    since = times.full(estate.spec.end_ticks - 390 * DAY)
    subscription = "/".join(scope.split("/")[:3])
    document = {
        "properties": {
            "roleDefinitionId": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}",
            "principalId": principal,
            "principalType": kind,
            "scope": scope,
            "condition": None,
            "conditionVersion": None,
            "createdOn": since,
            "updatedOn": since,
            "createdBy": None,
            "updatedBy": OWNER,
            "delegatedManagedIdentityResourceId": None,
            "description": None,
        },
        "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "type": "Microsoft.Authorization/roleAssignments",
        "name": name,
    }
    estate.documents.put("roleAssignment", scope, name, document)


class _Rows:
    """Adds a subscription's rows of disks and other datasources."""

    def __init__(self, estate: Estate, owner: Subscription, guid: str, places: dict[str, Place]) -> None:
        self._estate = estate
        self._owner = owner
        self._id = f"/subscriptions/{guid}"
        self._places = places

    def add(self) -> None:
        """All of them."""
        for row in self._owner.disks:
            disks = list(self._disks(row))
            for disk in disks:
                self._estate.add_disk(disk)
            self._machines(row, disks)
            if row.vault:
                self._protect(row, disks)
        for source in self._owner.datasources:
            self._datasource(source)

    def _disks(self, row: Disks) -> Iterator[Disk]:
        region = row.region or self._owner.region
        group = ensure_group(self._estate, self._id, row.group, region)
        names = [f"{row.name}-{number:03d}" for number in range(1, row.count + 1)] if row.count > 1 else [row.name]
        ids = [f"{group}/providers/{DISK}/{name}" for name in names]
        born = self._estate.spec.end_ticks - 720 * DAY
        ages = (streams.draw(self._estate.seed, streams.keys(ids), "created") % np.uint64(300 * DAY)).tolist()
        for place, (arm_id, name, age) in enumerate(zip(ids, names, ages, strict=True)):
            disk = Disk(arm_id, name, group, region, row.size, row.sku, born + age, row.tags)
            if row.per_vm:
                machine, lun = divmod(place, row.per_vm)
                disk.vm = f"{group}/providers/Microsoft.Compute/virtualMachines/{row.name}-vm-{machine + 1:03d}"
                disk.lun = lun - 1 if lun else None
            yield disk

    def _machines(self, row: Disks, disks: list[Disk]) -> None:
        if row.per_vm:
            add_machines(self._estate, row, disks, self._id)

    def _protect(self, row: Disks, disks: list[Disk]) -> None:
        place, policy = self._policy(row.vault, row.policy, f"the disks {row.name}")
        snapshots = ensure_group(self._estate, self._id, row.snapshots, disks[0].location)
        keys = streams.keys(disk.id for disk in disks)
        off = (streams.draw(self._estate.seed, keys, "median") % np.uint64(121)).astype(np.int64) - 60
        made = [self._instance(disk, place, policy, snapshots) for disk in disks]
        self._estate.add_instances(made, median=median(row.size) * SECOND * (1000 + off) // 1000)
        self._grant(place.id, disks[0].group, snapshots)

    def _grant(self, vault: str, group: str, snapshots: str) -> None:
        """What the vault's identity needs, once for each resource group."""
        principal = self._estate.guid(vault, "principal")
        assign(self._estate, group, DISK_BACKUP_READER, principal)
        assign(self._estate, snapshots, DISK_SNAPSHOT_CONTRIBUTOR, principal)

    def _instance(self, disk: Disk, place: Place, policy: str, snapshots: str) -> Instance:
        name = f"{disk.name}-{disk.name}-{self._estate.guid(disk.id, 'instance')}"
        arm_id = f"{place.id}/backupInstances/{name}"
        return Instance(arm_id, place.id, policy, disk.id, DISK, disk.location, snapshots, disk=disk, size=disk.size)

    def _policy(self, vault: str, policy: str, what: str) -> tuple[Place, str]:
        place = self._places.get(vault if "/" in vault else f"{self._owner.name}/{vault}")
        if place is None:
            raise EstateError(f"{what}: no vault is called {vault}", f"There are {', '.join(self._places)}.")
        arm_id = f"{place.id}/backupPolicies/{policy}"
        if arm_id.lower() not in self._estate.policies:
            raise EstateError(f"{what}: the vault {vault} has no policy {policy}", "Add it to the vault's `policies:`.")
        return place, arm_id

    def _datasource(self, row: Any) -> None:
        types = {"blobs": BLOBS, "clusters": CLUSTERS}
        if row.kind not in types:
            raise EstateError(f"the datasource {row.name} is of the kind {row.kind}", "It is blobs or clusters.")
        place, policy = self._policy(row.vault, row.policy, f"the datasource {row.name}")
        group = ensure_group(self._estate, self._id, row.group, self._owner.region)
        snapshots = ensure_group(self._estate, self._id, row.snapshots, self._owner.region)
        names = [f"{row.name}{number:03d}" for number in range(1, row.count + 1)] if row.count > 1 else [row.name]
        sources = [add_datasource(self._estate, types[row.kind], group, name, self._owner.region) for name in names]
        made = [
            Instance(
                f"{place.id}/backupInstances/{name}-{name}-{self._estate.guid(source, 'instance')}",
                place.id, policy, source, types[row.kind], self._owner.region, snapshots,
            )
            for name, source in zip(names, sources, strict=True)
        ]  # fmt: skip
        self._estate.add_instances(made, median=185 * SECOND)
