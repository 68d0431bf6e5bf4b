"""A world on an estate: what requests change takes effect in its future, and is kept for the next opening.

The state folder has the spec and, beside the documents that requests put or dropped, a journal of what they meant for
the estate: which instances run, by which policies, and what makes them fail. Opening it generates the estate and goes
through the journal again.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import checks, disk_checks, faults, kinds, starter
from ..instances import STOPPED
from ..kql.typed import TypedRows
from ..layered import LayeredStore
from ..store import Document
from ..times import SECOND
from ..world import World, name_of
from . import graph, graph_changes, graph_instances
from .backing import Backing
from .behaviours import NEVER
from .build import median
from .generating import generate
from .planted import item
from .reading import dump, read
from .schedules import Plan, plan
from .spec import EstateError, Spec
from .things import CLUSTERS, DISK, Instance, Planted

_JOURNAL = "turn"
#: A change of these may be felt by instances elsewhere.
_AROUND = frozenset({"disk", "roleAssignment", "group", "vault"})
_RUNNING = (DISK.lower(), CLUSTERS.lower())  # datasource types whose policies run on their own


def chosen(store: LayeredStore, source: Any) -> Spec:
    """The spec of a world: that of the state folder, or a new one, which is then kept there.

    Raises :class:`~.spec.EstateError` if it cannot be read, or if the folder has another.
    """
    kept = store.get("estate", "", "spec")
    spec = read(kept["spec"] if source is None and kept else source)
    if kept is None:
        if store.get("tenant", "", "home") is not None:
            raise EstateError("the state folder has a world without an estate", "Name another folder, or no estate.")
        store.put("estate", "", "spec", {"spec": dump(spec)})
    elif read(kept["spec"]) != spec:
        raise EstateError("the state folder has another estate", "Name another folder, or leave out the estate.")
    return spec


class Living:
    """Keeps an estate in step with a world; the world's store has it as its backing."""

    def __init__(self, world: World, store: LayeredStore, spec: Spec) -> None:
        estate = generate(spec)
        self.estate = estate
        self._world = world
        self._store = store
        self._dirty: dict[tuple[str, str, str], None] = {}
        store.lay(Backing(estate), self._note)
        for parent, name in store.hidden("snapshot"):
            estate.extras.get(parent, {}).pop(name, None)
        entries = world.store.children(_JOURNAL, "")
        for entry in sorted(entries, key=lambda entry: int(entry["order"])):
            estate.at(entry["at"], partial(self._apply, entry))
        self._order = len(entries)
        estate.advance(world.now)

    def rows(self, table: str) -> list[TypedRows]:
        """The generated rows of a table of Resource Graph."""
        hidden = self._store.hidden
        if table == "resources":
            parts = [
                *graph_instances.disks(self.estate, hidden("disk")),
                graph.snapshots(self.estate, hidden("snapshot")),
            ]
        elif table == "recoveryservicesresources":
            instances = graph_instances.instances(self._world, self.estate, hidden("instance"))
            parts = [instances, graph.jobs(self.estate)]
        elif table == "resourcechanges":
            parts = [graph_changes.snapshots(self.estate, hidden("snapshot"))]
        else:
            return []
        return [part for part in parts if part.table.num_rows]

    def planted(self) -> list[Document]:
        """What is wrong, the starter world's disks among it; who is protected by now is not called unprotected."""
        own = [disk["id"] for disk in starter.disks(self._world)]
        beside = Planted("neverProtected", own, "the starter world's: nobody protects them until you do", [], -1, {})
        items = [*self.estate.planted(), item(self.estate, beside)]
        for told in items:
            if told["kind"] == "neverProtected":
                told["ids"] = [one for one in told["ids"] if not self._world.store.protecting("instance", one)]
                told["dataSourceIds"] = told["ids"]
        return [told for told in items if told["ids"]]

    def advance(self) -> None:
        """Bring the estate to the world's instant, minding what has changed since the last one."""
        if self._dirty:
            self._settle()
        self.estate.advance(self._world.now)

    def _note(self, kind: str, parent: str, name: str) -> None:
        if kind == "snapshot":
            self.estate.extras.get(parent, {}).pop(name, None)
        if kind in _AROUND or kind in ("instance", "policy"):
            self._dirty[kind, parent, name] = None

    def _settle(self) -> None:
        changed, self._dirty = list(self._dirty), {}
        numbers: dict[int, None] = {}
        for kind, parent, name in changed:
            if kind == "policy":
                self._policy(parent, name)
            elif kind == "instance":
                self._write(self._instance(parent, name))
                number = self.estate.numbers.get(f"{parent}/backupinstances/{name}")
                numbers |= {} if number is None else {number: None}
            else:
                numbers |= dict.fromkeys(self._around(kind, parent, name))
        for number in numbers:
            self._write(self._condition(number))

    def _instance(self, parent: str, name: str) -> Document | None:
        """What an instance is now, as far as the estate minds; None if nothing it minds has changed."""
        arm_id = f"{parent}/backupinstances/{name}"
        document = self._world.store.get("instance", parent, name)
        number = self.estate.numbers.get(arm_id)
        if document is None:
            known = number is not None and bool(self.estate.engine.fleet["active"][number])
            return {"instance": arm_id, "active": False} if known else None
        properties = document["properties"]
        source = properties["dataSourceInfo"]
        if source["datasourceType"].lower() not in _RUNNING:
            return None
        state = properties["currentProtectionState"]
        active, stopped = state == "ProtectionConfigured", state == STOPPED
        policy = properties["policyInfo"]["policyId"]
        if policy.lower() not in self.estate.policies:
            self._policy(policy.lower().rpartition("/backuppolicies/")[0], name_of(policy).lower())
        if number is not None:
            fleet = self.estate.engine.fleet
            same = fleet["policy"][number] == self.estate.policies[policy.lower()]
            held = fleet["held"][number] != NEVER
            if bool(fleet["active"][number]) == active and same and held == stopped:
                return None
            return {"instance": arm_id, "active": active, "policy": policy, "stopped": stopped}
        return (
            {"instance": arm_id, "active": active, "policy": policy, "new": self._facts(document)} if active else None
        )

    def _facts(self, document: Document) -> Document:
        source = document["properties"]["dataSourceInfo"]
        disk = (
            self._world.find("disk", source["resourceID"]) if source["datasourceType"].lower() == DISK.lower() else None
        )
        group = disk_checks.snapshot_group_id(document["properties"])
        size = disk["properties"]["diskSizeGB"] if disk else 1
        facts = {"id": document["id"], "vault": document["_"]["vault"], "source": source["resourceID"]}
        return {
            **facts,
            "type": kinds.known(source["datasourceType"]).type,
            "location": source["resourceLocation"],
            "snapshots": group,
            "size": size,
        }

    def _policy(self, parent: str, name: str) -> None:
        document = self._world.store.get("policy", parent, name)
        self._write({"policy": f"{parent}/backuppolicies/{name}", "document": document})

    def _around(self, kind: str, parent: str, name: str) -> list[int]:
        """The active instances that a change of a disk, group, vault or role assignment may concern."""
        places = {"roleAssignment": parent.rstrip("/"), "group": f"{parent}/resourcegroups/{name}"}
        places |= {"disk": f"{parent}/providers/{DISK.lower()}/{name}"}
        if kind == "vault":
            return list(self.estate.vaults.get(f"{parent}/providers/microsoft.dataprotection/backupvaults/{name}", ()))
        return self.estate.at_place(places[kind])

    def _condition(self, number: int) -> Document | None:
        """What makes every run of an instance fail from now on, "" if nothing does; None if that is as before."""
        one = self.estate.instances[number]
        document = self._world.store.get("instance", one.vault, one.name)
        vault = self._world.find("vault", one.vault)
        if document is None or vault is None:
            return None
        try:
            checks.protectable(self._world, vault, document["properties"])
        except faults.BackupFault as fault:
            code = fault.code
        else:
            code = ""
        engine = self.estate.engine
        if engine.codes[int(engine.fleet["fault"][number])] == code:
            return None
        return {"instance": one.id.lower(), "fault": code}

    def _write(self, change: Document | None) -> None:
        """Do a change, and keep it in the journal."""
        if change is None:
            return
        self._order += 1
        entry = {"order": self._order, "at": self.estate.now, **change}
        self._world.store.put(_JOURNAL, "", f"{self._order:09d}", entry)
        self._apply(entry)

    def _apply(self, entry: Document) -> None:
        engine = self.estate.engine
        if "document" in entry:
            self._follow(entry["policy"], entry["document"])
            return
        number = self.estate.numbers.get(entry["instance"])
        if number is None:
            self._add(entry)
            return
        one = self.estate.instances[number]
        if "fault" in entry:
            engine.change(number, fault=engine.code(entry["fault"]) if entry["fault"] else 0, why=-1)
        if "active" in entry:
            resumed = entry["active"] and not engine.fleet["active"][number]
            engine.change(number, active=entry["active"], **({"since": entry["at"]} if resumed else {}))
        if "stopped" in entry:
            (engine.hold if entry["stopped"] else engine.release)(number)
        if "policy" in entry:
            one.policy = entry["policy"]
            engine.change(number, policy=self.estate.policies[one.policy.lower()])

    def _follow(self, policy: str, document: Document | None) -> None:
        schedule: Plan | None = plan(document) if document else None
        schedule = schedule if schedule and schedule.intervals else None
        if policy in self.estate.policies:
            self.estate.engine.replan(self.estate.policies[policy], schedule)
        else:
            self.estate.policies[policy] = self.estate.engine.add_plan(schedule)

    def _add(self, entry: Document) -> None:
        new: dict[str, Any] = entry["new"]
        made = Instance(
            new["id"], new["vault"], entry["policy"], new["source"], new["type"], new["location"], new["snapshots"]
        )
        made.disk = self.estate.disks.get(new["source"].lower())
        made.size = new["size"]
        self.estate.add_instances([made], median=median(new["size"]) * SECOND, since=entry["at"])
