"""The world behind the endpoints: what exists, what time it is, and who may do what.

Providers get a :class:`World` and nothing else. It hands out guids and delays that look random and are not: both
come from a counter that the store keeps, so that the same requests in the same order give the same answers.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from . import faults
from .clock import Clock
from .messages import Request
from .store import Document, Store
from .times import SECOND

_NAMESPACE = uuid.UUID("d9a7c000-5a4d-4b0c-8e1d-000000000000")

Action = Callable[..., Mapping[str, Any] | None]


@dataclass
class World:
    """Store, clock and the table of actions that events name."""

    store: Store
    clock: Clock
    actions: Mapping[str, Action]
    page_size: int = 1000

    @property
    def now(self) -> int:
        """The instant, in ticks."""
        return self.clock.now

    @property
    def tenant(self) -> str:
        """The tenant's id."""
        tenant = self.store.get("tenant", "", "home")
        assert tenant is not None, "every world starts with its tenant"
        return str(tenant["tenantId"])

    def guid(self, purpose: str) -> str:
        """A new guid. The same history gives the same one."""
        return str(uuid.uuid5(_NAMESPACE, f"{purpose}/{self._count()}"))

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """A block that reads only, and after which the next guid is the one that it was before."""
        counter = self.store.get("counter", "", "guid") or {"value": 0}
        try:
            yield
        finally:
            self.store.put("counter", "", "guid", counter)

    def vary(self, seconds: float, share: float = 0.1) -> int:
        """About so many seconds in ticks, off by up to the share either way, down to the seventh digit."""
        digest = hashlib.sha256(f"vary/{self._count()}".encode()).digest()
        off = int.from_bytes(digest[:8], "big") / 2**64 * 2 - 1
        return max(1, int(seconds * (1 + share * off) * SECOND))

    def at(self, due: int, action: str, /, **args: Any) -> None:
        """Have an action run at an instant."""
        if action not in self.actions:
            raise KeyError(f"no such action: {action}")
        self.clock.at(due, action, args)

    def run(self, action: str, args: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Run an action now. What it raises is its caller's to deal with."""
        return self.actions[action](self, **args)

    def subscription(self, request: Request) -> Document:
        """The subscription that the request names, or a 404 fault."""
        found = self.store.get("subscription", "", request["subscription"])
        if self.store.get("hiddenSubscription", "", request["subscription"]) is not None:
            message = f"The client does not have authorization over scope '/subscriptions/{request['subscription']}'."
            raise faults.gateway(403, "AuthorizationFailed", message)
        if found is None:
            message = f"The subscription '{request['subscription']}' could not be found."
            raise faults.gateway(404, "SubscriptionNotFound", message)
        return found

    def group(self, request: Request) -> Document:
        """The resource group that the request names, or a 404 fault."""
        subscription = self.subscription(request)
        found = self.store.get("group", subscription["id"], request["group"])
        if found is None:
            message = f"Resource group '{request['group']}' could not be found."
            raise faults.gateway(404, "ResourceGroupNotFound", message)
        return found

    def find(self, kind: str, arm_id: str) -> Document | None:
        """The document of an ARM id, in whatever case; None if there is none or the text is not an id of the kind."""
        parent, _, name = arm_id.strip("/").rpartition("/")
        collection = f"/{_COLLECTIONS[kind]}"
        path = f"/{parent}".lower()
        if not path.endswith(collection):
            return None
        owner = path.partition("/providers/")[0] if kind in _IN_GROUPS else path.removesuffix(collection)
        return self.store.get(kind, owner, name)

    def holds(self, principal: str, role: str, scope: str) -> bool:
        """Whether the principal has the role (a definition's guid) at the scope or above it."""
        return any(
            assignment["properties"]["principalId"].lower() == principal.lower()
            and assignment["properties"]["roleDefinitionId"].rpartition("/")[2].lower() == role
            for above in scopes_above(scope)
            for assignment in self.store.children("roleAssignment", above)
        )

    def _count(self) -> int:
        counter = self.store.get("counter", "", "guid") or {"value": 0}
        self.store.put("counter", "", "guid", {"value": counter["value"] + 1})
        return int(counter["value"])


_COLLECTIONS = {
    "group": "resourcegroups",
    "vault": "backupvaults",
    "policy": "backuppolicies",
    "instance": "backupinstances",
    "guard": "microsoft.dataprotection/resourceguards",
    "disk": "disks",
    "snapshot": "snapshots",
    "storageAccount": "microsoft.storage/storageaccounts",
    "cluster": "microsoft.containerservice/managedclusters",
    "postgresServer": "microsoft.dbforpostgresql/servers",
    "database": "databases",
    "postgresFlexibleServer": "microsoft.dbforpostgresql/flexibleservers",
    "mysqlFlexibleServer": "microsoft.dbformysql/flexibleservers",
    "keyVault": "microsoft.keyvault/vaults",
}
_IN_GROUPS = _COLLECTIONS.keys() - {"group", "policy", "instance", "database"}


def scopes_above(scope: str) -> list[str]:
    """The scope itself, then its resource group, subscription and the root, as far as it has them.

    >>> scopes_above("/subscriptions/s/resourceGroups/g/providers/P/t/n")
    ['/subscriptions/s/resourceGroups/g/providers/P/t/n', '/subscriptions/s/resourceGroups/g', '/subscriptions/s', '/']
    """
    parts = scope.strip("/").split("/")
    shorter = ["/" + "/".join(parts[:length]) for length in (4, 2) if len(parts) > length]
    return [*dict.fromkeys(["/" + scope.strip("/"), *shorter, "/"])]


def group_id(arm_id: str) -> str:
    """The id of the resource group that a resource's id names, "" if it names none."""
    parts = arm_id.strip("/").split("/")
    return "/" + "/".join(parts[:4]) if len(parts) >= 4 and parts[2].lower() == "resourcegroups" else ""


def subscription_of(arm_id: str) -> str:
    """The subscription's id in an ARM id, "" if there is none."""
    parts = arm_id.strip("/").split("/")
    return parts[1] if len(parts) >= 2 and parts[0].lower() == "subscriptions" else ""


def name_of(arm_id: str) -> str:
    """The last segment of an ARM id."""
    return arm_id.rstrip("/").rpartition("/")[2]
