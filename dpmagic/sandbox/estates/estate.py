"""An estate: what a spec describes, as it is at an instant, and how time changes it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import times
from ..instances import STOPPED
from ..store import Document
from ..times import SECOND
from ..world import subscription_of
from .engine import Engine
from .spec import EstateError, Spec
from .streams import draw, guid, guids, texts
from .things import Disk, Documents, Extra, Instance, Planted

TENANT = "99999999-9999-4999-8999-999999999999"
OWNER = "77777777-7777-4777-8777-777777777777"


class Estate:
    """Disks, instances and the documents around them; ``engine`` has their history.

    ``turns`` are what happens to it at instants to come. ``hidden`` are subscriptions that exist and cannot be read.
    """

    def __init__(self, spec: Spec, start: int) -> None:
        self.spec = spec
        self.seed = spec.seed
        self.engine = Engine(spec.seed, start)
        self.documents = Documents()
        self.disks: dict[str, Disk] = {}
        self.disk_groups: dict[str, list[Disk]] = {}
        self.instances: list[Instance] = []
        self.numbers: dict[str, int] = {}
        self.vaults: dict[str, list[int]] = {}
        self.snapshot_groups: dict[str, list[int]] = {}
        self.policies: dict[str, int] = {}
        self.extras: dict[str, dict[str, Extra]] = {}
        self.hidden: list[str] = []
        self.defects: list[Planted] = []
        self.changes: list[Document] = []  # of disks and snapshots, but for what backups make and what expires
        self.generated = 0  # so many instances, the first, are of the spec
        self._sources: dict[str, list[int]] = {}
        self._turns: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0

    @property
    def now(self) -> int:
        """The instant in ticks."""
        return self.engine.now

    def advance(self, until: int) -> None:
        """Let time pass up to an instant; what is due happens in due order. Never moves back."""
        while self._turns and self._turns[0][0] <= until:
            at, _, turn = heapq.heappop(self._turns)
            self.engine.advance(at)
            turn()
        self.engine.advance(until)

    def at(self, instant: int, turn: Callable[[], None]) -> None:
        """Have something happen at an instant, after what was asked for earlier."""
        self._order += 1
        heapq.heappush(self._turns, (instant, self._order, turn))

    def coming(self) -> list[Callable[[], None]]:
        """What is still to happen, in no order."""
        return [turn for _, _, turn in self._turns]

    def changed(self, how: str, arm_id: str, at: int | None = None, *, by_hand: bool = True) -> None:
        """Note that a disk or a snapshot was made or deleted (``Create``, ``Delete``), now or at another time.

        It is a person's doing, but for what the service did.
        """
        kind = "/".join(arm_id.split("/")[6:8])
        change = {"id": arm_id, "type": kind, "how": how, "at": self.now if at is None else at, "changes": {}}
        person = {"by": "User", "who": OWNER, "client": "Azure Portal"}
        self.changes.append(change | (person if by_hand else {"by": "Application"}))

    def snapshot_id(self, one: Instance, created: int, start: int) -> str:
        """The id of a point's snapshot; its name has the instant at which it was asked for, as recorded."""
        asked = created - 20 * SECOND - start % (17 * SECOND)
        stamp = times.full(asked)[:-1].replace(":", "-")
        name = f"AzureBackup_{self.guid(one.id, 'snapshots')}_{stamp}"
        return f"{one.snapshots}/providers/Microsoft.Compute/snapshots/{name}"

    def guid(self, name: str, purpose: str, at: int = 0) -> str:
        """A guid of an object; the same for the same seed, id and purpose."""
        return guid(self.seed, name, purpose, at)

    def guids(self, purpose: str) -> list[str]:
        """A guid of every instance, the same as :meth:`guid` gives one at a time."""
        keys = self.engine.fleet["key"]
        halves = (draw(self.seed, keys, part) for part in (purpose, f"{purpose}/low"))
        return texts(guids(*halves)) if len(keys) else []

    def add_disk(self, disk: Disk) -> None:
        """Add a disk."""
        self.disks[disk.id.lower()] = disk
        self.disk_groups.setdefault(disk.group.lower(), []).append(disk)

    def add_instances(self, made: Iterable[Instance], **columns: Any) -> None:
        """Add instances, protected from now on. ``columns`` are those of the engine."""
        added = list(made)
        policy = [self.policies[one.policy.lower()] for one in added]
        first = self.engine.add([one.id for one in added], policy=policy, **{"active": True, **columns})
        for number, one in enumerate(added, first):
            self.instances.append(one)
            self.numbers[one.id.lower()] = number
            self.vaults.setdefault(one.vault.lower(), []).append(number)
            self._sources.setdefault(one.source.lower(), []).append(number)
            self.snapshot_groups.setdefault(one.snapshots.lower(), []).append(number)

    def protecting(self, datasource: str) -> list[int]:
        """The instances, of whatever state, of a datasource given by its lower-case id."""
        return self._sources.get(datasource, [])

    def at_place(self, scope: str) -> list[int]:
        """The active instances whose datasource or snapshot group is, or is below, a resource; its id in lower case."""
        return [
            number
            for number in np.flatnonzero(self.engine.fleet["active"]).tolist()
            if any(
                not scope or place == scope or place.startswith(scope + "/")
                for place in (self.instances[number].source.lower(), self.instances[number].snapshots.lower())
            )
        ]

    def set_state(self, number: int, state: str, why: int = -1, error: str = "") -> None:
        """Change an instance's protection from now on; policies run for it while it is configured."""
        one = self.instances[number]
        one.state, one.error = state, error
        self.engine.change(number, active=state == "ProtectionConfigured", why=why)
        if state == STOPPED:
            self.engine.hold(number)

    def planted(self) -> list[dict[str, Any]]:
        """What was put wrong, up to now: see :func:`.planted.told`."""
        from .planted import told  # it tells of documents, which are made of estates

        return told(self)

    def named(self, name: str) -> list[Disk]:
        """The disks of a name or id. Raises :class:`EstateError` if there is none."""
        found = [self.disks[name.lower()]] if name.lower() in self.disks else []
        found = found or [disk for disk in self.disks.values() if disk.name.lower() == name.lower()]
        if not found:
            raise EstateError(f"plant: no disk is called {name}", "Name one as the rows of disks do, such as data-001.")
        return found

    def visible(self, arm_id: str) -> bool:
        """Whether the caller may read the subscription of an id."""
        return subscription_of(arm_id).lower() not in self.hidden
