"""What Resource Graph does not have: recovery points, deleted instances, and which disks VM backup leaves out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dpmagic.arm.fan_out import Task, fan_out
from dpmagic.arm.paging import next_page
from dpmagic.arm.requests import Request
from dpmagic.connection import Connection
from dpmagic.errors import AzureError
from dpmagic.progress import Observer

Record = dict[str, Any]
# Recovery Services', which VM backup is: the first with diskExclusionProperties is years older.
_RECOVERY_SERVICES = "2024-04-01"
# What belongs to one thing and not to the question: it is not there any more, or not for this caller.
_NOT_HERE = (403, 404)
_PARENT = re.compile(r"^(?P<vault>(?:/[^/]+){8})(?:/backupInstances/(?P<instance>[^/]+))?", re.IGNORECASE)


@dataclass(frozen=True)
class Unread:
    """Why something could not be read: its status and what the service says."""

    status: int
    why: str


@dataclass(frozen=True)
class Calls:
    """One call for each of many things: what it asks for, and what to tell meanwhile."""

    name: str
    request: Callable[[str], Request]
    unit: str

    def read(
        self, connection: Connection, ids: Iterable[str], observer: Observer, found: dict[str, Any]
    ) -> dict[str, Any]:
        """Ask for each id that is not among ``found`` yet, and add its answer, the items of a list, or `Unread`.

        What was found stays found, whatever stops it: the next time goes on from there.
        """
        ids = list(dict.fromkeys(ids))
        left = [one for one in ids if one not in found]
        done = len(ids) - len(left)

        def tell(why: str) -> None:
            told = f"{self.name}: {done:,} of {len(ids):,} {self.unit}"
            observer.stage(f"{told}, {why}" if why else told)

        try:
            tasks = [reading(self.request(one), connection.cloud.endpoint) for one in left]
            for number, answer in fan_out(connection, tasks, tell):
                found[left[number]] = answer
                done += 1
                tell("")
        finally:
            observer.done()
        return {one: found[one] for one in ids}


RECOVERY_POINTS = Calls("recovery points", lambda one: Request("GET", f"{one}/recoveryPoints"), "instances")
DELETED_INSTANCES = Calls("deleted instances", lambda one: Request("GET", f"{one}/deletedBackupInstances"), "vaults")
PROTECTED_ITEMS = Calls(
    "disks of VM backup",
    lambda one: Request("GET", one, query={"$filter": "expand eq 'extendedInfo'"}, api_version=_RECOVERY_SERVICES),
    "machines",
)


def reading(request: Request, endpoint: str) -> Task[Any]:
    """The items of a list to its last page, the body of anything else; `Unread` where it is not for this caller."""
    items: list[Record] = []
    seen: set[str] = set()
    following: Request | None = request
    while following is not None:
        try:
            answer = yield following
        except AzureError as error:
            if error.status not in _NOT_HERE:
                raise
            return Unread(error.status, error.message)
        if not (isinstance(answer.json, dict) and isinstance(answer.json.get("value"), list)):
            return answer.json
        items += answer.json["value"]
        following = next_page(following, answer, endpoint, seen)
    return items


def recovery_point(item: Mapping[str, Any]) -> Record:
    """ARM's recovery point as a row of the table, its times as they were written."""
    properties = item.get("properties") or {}
    stores = properties.get("recoveryPointDataStoresDetails") or [{}]
    parent = _PARENT.match(item["id"])
    assert parent is not None
    return {
        **properties,
        "id": item["id"],
        "name": item["name"],
        "backupInstanceId": parent[0],
        **_vault(parent["vault"]),
        "creationTime": stores[0].get("creationTime"),
        "expiryTime": properties.get("expiryTime") or stores[0].get("expiryTime"),
        "dataStoreType": stores[0].get("type"),
        "snapshotId": _snapshot(stores[0].get("metaData")),
    }


def deleted_instance(item: Mapping[str, Any]) -> Record:
    """ARM's deleted backup instance as a row of the table, its times as they were written."""
    properties = item.get("properties") or {}
    source = properties.get("dataSourceInfo") or {}
    parent = _PARENT.match(item["id"])
    assert parent is not None
    return {
        **(properties.get("deletionInfo") or {}),
        "id": item["id"],
        "name": item["name"],
        **_vault(parent["vault"]),
        "dataSourceId": source.get("resourceID"),
        "dataSourceName": source.get("resourceName"),
        "dataSourceType": source.get("datasourceType"),
        "policyId": (properties.get("policyInfo") or {}).get("policyId"),
        "currentProtectionState": properties.get("currentProtectionState"),
    }


def exclusion(answer: Any) -> Record:
    """What ARM's protected item says of the disks that are left out, as columns of protected_items."""
    if isinstance(answer, Unread) or not isinstance(answer, dict):
        return {"diskLunList": None, "isInclusionList": None, "diskExclusion": "unread"}
    extended = (answer.get("properties") or {}).get("extendedProperties") or {}
    said = extended.get("diskExclusionProperties")
    if not said:
        return {"diskLunList": None, "isInclusionList": None, "diskExclusion": "none"}
    return {
        "diskLunList": said.get("diskLunList"),
        "isInclusionList": said.get("isInclusionList"),
        "diskExclusion": "listed",
    }


def _vault(path: str) -> Record:
    return {"vaultId": path, "vaultName": path.rsplit("/", 1)[-1]}


def _snapshot(metadata: Any) -> str | None:
    """The snapshot that a point's metaData names: a list, or an object, as JSON text."""
    if not metadata:
        return None
    try:
        told = json.loads(metadata)
    except ValueError:
        return None
    one = told[0] if isinstance(told, list) and told else told
    keys = ("snapshotSubscriptionId", "snapshotRGName", "snapshotName")
    if not isinstance(one, dict) or not all(one.get(key) for key in keys):
        return None
    return "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute/snapshots/{}".format(
        *(one[key] for key in keys)
    )
