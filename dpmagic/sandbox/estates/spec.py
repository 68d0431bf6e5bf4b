"""What an estate is made of: subscriptions, vaults, policies, disks, and what is wrong; `reading` has it from YAML.

Every class here is one mapping of the file; a member's key is its name in camelCase. Instants are ISO 8601, or a span
back from the estate's ``end`` such as ``-3d``, ``-36h`` or ``-90m``; spans are ISO 8601 periods or ``6h``, ``2h1m``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .. import times
from ..store import StateError
from ..times import span

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # where the default estate's history ends: a Monday


class EstateError(StateError):
    """An estate cannot be made. ``str()`` is one line saying what is wrong, ``hint`` one saying what to do."""


def instant(value: Any, end: int) -> int:
    """An instant in ticks, of an ISO 8601 text, a date of YAML, or a span before (``-``) or after (``+``) the end."""
    if isinstance(value, datetime):
        return times.ticks(value if value.tzinfo else value.replace(tzinfo=UTC))
    text = str(value).strip()
    if text[:1] in "+-" and text:
        return end + span(text[1:]) * (1 if text[0] == "+" else -1)
    return times.parse(text)


def strings(value: Any) -> tuple[str, ...]:
    """One name or a list of names."""
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value)


@dataclass(frozen=True)
class Policy:
    """A backup policy: ``every`` a period from an instant, one or several intervals; points kept by tags.

    ``keep`` is for the tag Default, ``daily`` and ``weekly`` for the first success of a day or week; ``intervals``
    replaces ``every`` and ``start`` by whole repeating intervals. ``datasource`` is disks, blobs or clusters.
    """

    every: str = "P1D"
    start: str = "2024-01-01T01:00:00+00:00"
    intervals: tuple[str, ...] = field(default=(), metadata={"read": strings})
    time_zone: str = ""
    keep: str = "P7D"
    daily: str = ""
    weekly: str = ""
    datasource: str = "disks"


@dataclass(frozen=True)
class Vault:
    """A Backup vault in a resource group, with copies of the policies named."""

    group: str = "rg-backup"
    policies: tuple[str, ...] = field(default=(), metadata={"read": strings})
    soft_delete: str = "On"
    redundancy: str = "LocallyRedundant"
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Disks:
    """A row of ``count`` like disks, ``name-001`` and so on; protected if it names a ``vault`` and a ``policy``.

    The vault may be another subscription's: ``Subscription/vault``. With ``perVm`` they are attached to virtual
    machines, so many each, the first as the system disk; with ``vmBackup`` a Recovery Services vault backs those
    machines up, but for the disks at ``excludeLuns``.
    """

    name: str
    count: int = 1
    size: int = 128
    sku: str = "Premium_LRS"
    group: str = "rg-workloads"
    vault: str = ""
    policy: str = ""
    snapshots: str = "rg-snapshots"
    per_vm: int = 0
    vm_backup: str = ""
    exclude_luns: tuple[int, ...] = field(default=(), metadata={"read": lambda value: tuple(int(lun) for lun in value)})
    tags: Mapping[str, str] = field(default_factory=dict)
    region: str = ""


@dataclass(frozen=True)
class Datasource:
    """``count`` like blob stores (``kind: blobs``) or Kubernetes clusters (``clusters``), protected."""

    name: str
    kind: str
    vault: str
    policy: str
    count: int = 1
    group: str = "rg-workloads"
    snapshots: str = "rg-snapshots"


@dataclass(frozen=True)
class Subscription:
    """A subscription; ``readable: false`` hides it from the caller."""

    name: str
    id: str = ""
    management_group: str = ""
    region: str = "westeurope"
    readable: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)
    vaults: Mapping[str, Vault] = field(default_factory=dict, metadata={"each": Vault})
    disks: tuple[Disks, ...] = field(default=(), metadata={"list": Disks})
    datasources: tuple[Datasource, ...] = field(default=(), metadata={"list": Datasource})


@dataclass(frozen=True)
class Plant:
    """A defect: its ``kind``, the ``disks`` it is on by name, or the ``share`` of all instances, and from when.

    What else a kind takes is in ``options``; see :mod:`.plants`.
    """

    kind: str
    disks: tuple[str, ...] = ()
    share: float = 0.0
    at: Any = None
    reason: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Spec:
    """An estate: its random seed, the ``end`` of the generated history and its length in ``days``."""

    seed: int = 1
    end: datetime = START
    days: int = 14
    management_groups: Mapping[str, str | None] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict, metadata={"each": Policy})
    subscriptions: tuple[Subscription, ...] = field(default=(), metadata={"list": Subscription})
    plant: tuple[Plant, ...] = ()

    @property
    def end_ticks(self) -> int:
        """The end in ticks."""
        return times.ticks(self.end)
