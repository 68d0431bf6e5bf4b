"""An estate as the sandbox's store reads it: documents by kind, parent and name, made on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import orjson
from numpy.typing import NDArray

from ..store import Document
from ..world import name_of
from . import documents
from .columns import RUNS, Table
from .estate import Estate
from .things import DISK, Instance

_Make = Callable[[Estate, Table, int, documents.Names], Document]

_GONE = ("SoftDeleted", "Purged")
_DELETED = "SoftDeleted"
_ESTATE = "estate"  # the parent of changes that are no request's


class Backing:
    """What lies below the documents that requests have changed. Parents and names come in lower case."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self._owners: dict[str, int] = {}
        self._makers: dict[str, tuple[Callable[[str, str], Document | None], Callable[[str], dict[str, Document]]]] = {
            "disk": (self._disk, self._disks),
            "snapshot": (self._snapshot, self._snapshots),
            "instance": (self._instance, self._instances),
            "deletedInstance": (self._deleted, self._all_deleted),
            "job": (self._job, self._jobs),
            "point": (self._point, self._points),
            "running": (self._running, lambda parent: {}),
            "extraSnapshot": (lambda parent, name: None, self._extras),
            "change": (lambda parent, name: None, self._changes),
        }
        self._parents: dict[str, Callable[[], Iterable[str]]] = {
            "disk": lambda: estate.disk_groups,
            "snapshot": lambda: {*estate.snapshot_groups, *estate.extras},
            "instance": lambda: estate.vaults,
            "deletedInstance": lambda: estate.vaults,
            "job": lambda: estate.vaults,
            "point": lambda: estate.numbers,
            "extraSnapshot": lambda: estate.extras,
            "change": lambda: {_ESTATE} if estate.changes else (),
        }

    def get(self, kind: str, parent: str, name: str) -> Document | None:
        """The document, or None."""
        if kind in self._makers:
            return self._makers[kind][0](parent, name)
        found = self.estate.documents.get(kind, parent, name)
        return None if found is None or self._hides(kind, found) else orjson.loads(orjson.dumps(found))

    def children(self, kind: str, parent: str) -> dict[str, Document]:
        """The documents of one parent by lower-case name."""
        if kind in self._makers:
            return self._makers[kind][1](parent)
        found = self.estate.documents.kinds.get(kind, {}).get(parent, {})
        shown = {name: document for name, document in found.items() if not self._hides(kind, document)}
        copied: dict[str, Document] = orjson.loads(orjson.dumps(shown))
        return copied

    def parents(self, kind: str) -> Iterable[str]:
        """The parents that may have documents of a kind."""
        if kind in self._parents:
            return self._parents[kind]()
        return self.estate.documents.kinds.get(kind, {})

    def protecting(self, kind: str, datasource: str) -> Iterator[tuple[str, str]]:
        """Parent and name of the instances, or deleted instances, of a datasource."""
        for number in self.estate.protecting(datasource):
            one = self.estate.instances[number]
            if one.source.lower() == datasource and self.get(kind, one.vault.lower(), one.name.lower()):
                yield one.vault.lower(), one.name.lower()

    def _hides(self, kind: str, document: Document) -> bool:
        return kind == "subscription" and document["subscriptionId"].lower() in self.estate.hidden

    def _disk(self, parent: str, name: str) -> Document | None:
        disk = self.estate.disks.get(f"{parent}/providers/{DISK.lower()}/{name}")
        return None if disk is None or disk.gone else documents.disk_document(self.estate, disk)

    def _disks(self, parent: str) -> dict[str, Document]:
        disks = self.estate.disk_groups.get(parent, [])
        return {disk.name.lower(): documents.disk_document(self.estate, disk) for disk in disks if not disk.gone}

    def _instance(self, parent: str, name: str) -> Document | None:
        one = self._one(f"{parent}/backupinstances/{name}")
        return None if one is None or one.state in _GONE else documents.instance_document(self.estate, one)

    def _instances(self, parent: str) -> dict[str, Document]:
        return self._listed(parent, lambda one: one.state not in _GONE)

    def _deleted(self, parent: str, name: str) -> Document | None:
        one = self._one(f"{parent}/backupinstances/{name}")
        return None if one is None or one.state != _DELETED else documents.instance_document(self.estate, one)

    def _all_deleted(self, parent: str) -> dict[str, Document]:
        return self._listed(parent, lambda one: one.state == _DELETED)

    def _listed(self, parent: str, wanted: Callable[[Instance], bool]) -> dict[str, Document]:
        """The generated instances of a vault, as `_one` gives one of them."""
        numbers = (number for number in self.estate.vaults.get(parent, ()) if number < self.estate.generated)
        ours = (self.estate.instances[number] for number in numbers)
        return {one.name.lower(): documents.instance_document(self.estate, one) for one in ours if wanted(one)}

    def _one(self, arm_id: str) -> Instance | None:
        """A generated instance; those that came by requests have documents of their own."""
        number = self.estate.numbers.get(arm_id)
        return None if number is None or number >= self.estate.generated else self.estate.instances[number]

    def _job(self, parent: str, name: str) -> Document | None:
        numbers = self.estate.vaults.get(parent, [])
        runs = Table.joined(RUNS, [self.estate.engine.jobs.of(number) for number in numbers])
        named = self._named(runs, "job", name)
        return self._first(runs.take(named & (runs["start"] <= self.estate.now)), documents.job_document)

    def _jobs(self, parent: str) -> dict[str, Document]:
        numbers, now = self.estate.vaults.get(parent, []), self.estate.now
        runs = Table.joined(RUNS, [self.estate.engine.jobs.of(number) for number in numbers])
        runs = runs.take((runs["start"] > documents.recent(now)) & (runs["start"] <= now))
        made = self._all(runs, documents.job_document)
        return {job["name"]: job for job in made}

    def _points_of(self, number: int, until: str) -> Table:
        """An instance's points whose snapshots or selves, by the column ``until``, have not gone."""
        now, points = self.estate.now, self.estate.engine.points.of(number)
        since = "time" if until == "expiry" else "created"
        return points.take((points[since] <= now) & self.estate.engine.alive(points, until))

    def _point(self, parent: str, name: str) -> Document | None:
        number = self.estate.numbers.get(parent)
        if number is None or len(name) != 32:
            return None
        points = self._points_of(number, "expiry")
        dashed = "-".join((name[:8], name[8:12], name[12:16], name[16:20], name[20:]))
        return self._first(points.take(self._named(points, "point", dashed)), documents.point_document)

    def _points(self, parent: str) -> dict[str, Document]:
        number = self.estate.numbers.get(parent)
        made = [] if number is None else self._all(self._points_of(number, "expiry"), documents.point_document)
        return {point["name"]: point for point in made}

    def _snapshot(self, parent: str, name: str) -> Document | None:
        extra = self.estate.extras.get(parent, {}).get(name)
        if extra is not None:
            return documents.extra_document(self.estate, extra)
        number = self._owner(name)
        if number is None or self.estate.instances[number].snapshots.lower() != parent:
            return None
        return self._snapshots_of(number).get(name)

    def _snapshots(self, parent: str) -> dict[str, Document]:
        made = self._extras(parent)
        for number in self.estate.snapshot_groups.get(parent, ()):
            made |= self._snapshots_of(number)
        return made

    def _extras(self, parent: str) -> dict[str, Document]:
        extras = self.estate.extras.get(parent, {})
        return {name: documents.extra_document(self.estate, extra) for name, extra in extras.items()}

    def _snapshots_of(self, number: int) -> dict[str, Document]:
        if self.estate.instances[number].type != DISK:
            return {}
        points = self._points_of(number, "gone")
        made = [documents.snapshot_document(self.estate, points, row) for row in range(len(points))]
        return {name_of(snapshot["id"]).lower(): snapshot for snapshot in made}

    def _changes(self, parent: str) -> dict[str, Document]:
        """What happened to disks and snapshots, apart from what backups make and what expires."""
        if parent != _ESTATE:
            return {}
        past = (change for change in self.estate.changes if change["at"] <= self.estate.now)
        return {f"{number:09}": dict(change) for number, change in enumerate(past)}

    def _owner(self, snapshot: str) -> int | None:
        """The instance that a snapshot's name names."""
        if len(self._owners) != len(self.estate.instances):
            self._owners = {guid: number for number, guid in enumerate(self.estate.guids("snapshots"))}
        return self._owners.get(snapshot.removeprefix("azurebackup_").partition("_")[0])

    def _running(self, parent: str, name: str) -> Document | None:
        """Whether a scheduled backup of an instance is going."""
        number = self.estate.numbers.get(parent)
        if number is None or name != "backup":
            return None
        runs, now = self.estate.engine.jobs.of(number), self.estate.now
        going = self._first(runs.take((runs["start"] <= now) & (runs["end"] > now)), documents.job_document)
        return {"job": going["id"]} if going else None

    def _named(self, rows: Table, purpose: str, guid: str) -> NDArray[np.bool_]:
        """Which rows have a guid."""
        keys = self.estate.engine.fleet["key"][rows["instance"]]
        high, low = documents.guid_bits(self.estate, keys, rows["start"], purpose)
        digits = guid.replace("-", "")
        if len(digits) != 32 or not set(digits) <= set("0123456789abcdef"):
            return np.zeros(len(rows), bool)
        same: NDArray[np.bool_] = (high == np.uint64(int(digits[:16], 16))) & (low == np.uint64(int(digits[16:], 16)))
        return same

    def _all(self, rows: Table, make: _Make) -> list[Document]:
        names = documents.Names.of(self.estate, rows)
        return [make(self.estate, rows, row, names) for row in range(len(rows))]

    def _first(self, rows: Table, make: _Make) -> Document | None:
        return next(iter(self._all(rows.take(slice(0, 1)), make)), None)
