"""An estate's raw records of Resource Graph: what analyses are held against, by way of plain Python."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from dpmagic.arm import subscriptions
from dpmagic.arm.plans import Manner, carry_out
from dpmagic.connection import Connection, connect_sandbox
from dpmagic.graph.query import rows
from dpmagic.progress import Silent
from tests import generated
from tests.analysis.handwritten import HAND_WRITTEN

Record = dict[str, Any]
KEPT = 4
"""Estates in memory at a time; tests take one after another."""

JOBS = "microsoft.dataprotection/backupvaults/backupjobs"
INSTANCES = "microsoft.dataprotection/backupvaults/backupinstances"
POLICIES = "microsoft.dataprotection/backupvaults/backuppolicies"
SNAPSHOTS = "microsoft.compute/snapshots"
DISKS = "microsoft.compute/disks"


@lru_cache(maxsize=KEPT)
def connection(name: str) -> Connection:
    """A connection to a sandbox with an estate: ``default``, one written by hand, or a generated one by its number."""
    return generated.connection(int(name)) if name.isdigit() else connect_sandbox(estate=HAND_WRITTEN.get(name, name))


@lru_cache(maxsize=KEPT)
def planted(name: str) -> list[Record]:
    """What is wrong with the estate."""
    found: list[Record] = connection(name).sandbox.planted()
    return found


def records(name: str, kind: str) -> list[Record]:
    """The records of a type in order of id, from every subscription that can be read, as they are now."""
    table = "resources" if kind.startswith("microsoft.compute") else "recoveryservicesresources"
    kql = f"{table} | where type == '{kind}' | order by id asc"
    seen = [one["subscriptionId"] for one in subscriptions.visible(connection(name))]
    found: list[Record] = carry_out(rows(kql, seen), lambda: connection(name), Manner(Silent())).value
    return found
