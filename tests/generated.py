"""Thirty estates made at random from a seed, small and fast, with known defects: what the analyses are held against.

``SPECS`` are the seeds, :func:`spec` gives the estate of one as a mapping, :func:`connection` a connection to a sandbox
that has it. ``connection(seed).sandbox.planted()`` is the truth; :func:`dpmagic.sandbox.estates.planted.told` says what
its members mean.

Each disk has one defect at most, but for odd casing and exemptions, which go with any other. Spans are drawn around the
limits that analyses have: two hours of delay, 14 days of jobs and of soft delete, 500 snapshots of a disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from dpmagic.connection import Connection, connect_sandbox

SEEDS = range(30)

_POLICIES: dict[str, dict[str, Any]] = {
    "hourly": {"every": "PT1H", "start": "2024-01-01T00:30:00+00:00", "keep": "P3D"},
    "four-hourly": {"every": "PT4H", "start": "2024-01-01T01:00:00+00:00", "keep": "P7D", "daily": "P14D"},
    "six-hourly": {"every": "PT6H", "start": "2024-01-01T05:30:00+05:30",
                  "keep": "P5D", "daily": "P9D", "weekly": "P4W"},
    "twelve-hourly": {"every": "PT12H", "start": "2024-01-01T03:00:00", "timeZone": "Pacific Standard Time",
                      "keep": "P10D"},
    "nightly": {"every": "P1D", "start": "2024-01-01T22:00:00", "timeZone": "W. Europe Standard Time", "keep": "P30D"},
    "nightly-india": {"every": "P1D", "start": "2024-01-01T23:45:00", "timeZone": "India Standard Time",
                      "keep": "P7D", "weekly": "P1M"},
    "weekly": {"every": "P1W", "start": "2024-01-07T04:00:00+00:00", "keep": "P3M"},
    "thrice-a-day": {
        "intervals": [f"R/2024-01-01T{hour}:00:00-08:00/P1D" for hour in ("08", "12", "17")],
        "keep": "P7D",
        "daily": "P21D",
    },
    "on-two-days": {
        "intervals": ["R/2024-01-02T20:00:00/P1W", "R/2024-01-05T20:00:00/P1W"],
        "timeZone": "Eastern Standard Time",
        "keep": "P45D",
    },
    "blobs": {"datasource": "blobs", "keep": "P30D"},
    "clusters": {"datasource": "clusters", "every": "PT6H", "start": "2024-01-01T02:15:00+00:00", "keep": "P7D"},
}  # fmt: skip
_OF_DISKS = [name for name, policy in _POLICIES.items() if "datasource" not in policy]
_OFTEN = [name for name in _OF_DISKS if name not in ("weekly", "on-two-days")]

# Some end just after a change of summer time, in Europe or in America.
_ENDS = (
    "2026-03-02T08:00:00Z", "2026-03-31T00:00:00Z", "2026-11-03T13:37:00Z", "2026-06-14T23:59:59Z",
    "2026-01-01T00:00:00Z", "2026-03-10T05:00:00Z",
)  # fmt: skip

_CODES = (
    "InternalServerError",
    "UserErrorSubscriptionDiskQuotaLimitReached",
    "UserErrorDESKeyVaultKeyDisabled",
    "UserErrorNotEnoughPermissionOnDisk",
)


@dataclass
class _Maker:
    """One estate in the making. ``free`` are the protected disks without a defect, by name, with their policy."""

    random: Random
    free: dict[str, str] = field(default_factory=dict)
    beside: dict[str, list[str]] = field(default_factory=dict)  # the policies of a disk's vault, by the disk's name
    unprotected: list[str] = field(default_factory=list)
    fragile: list[str] = field(default_factory=list)  # the first disk of a group of its own
    plant: list[dict[str, Any]] = field(default_factory=list)

    def subscriptions(self) -> list[dict[str, Any]]:
        """Two to six: the first is like any, others may be empty, out of sight, or have vaults of their own."""
        made = [self._subscription(f"S{number}") for number in range(self.random.randint(1, 3))]
        vault, policy = next((f"S0/{name}", of["policies"][0]) for name, of in made[0]["vaults"].items())
        optional = [
            {"name": "Empty", "managementGroup": "leaf"},
            {
                "name": "Hidden",
                "readable": False,
                "vaults": {"hidden-vault": {"policies": ["nightly"]}},
                "disks": [
                    {"name": "hidden", "count": 2, "vault": "hidden-vault", "policy": "nightly"},
                    {"name": "elsewhere", "count": 2, "vault": vault, "policy": policy},
                ],
            },
            {
                "name": "Bare",
                "managementGroup": "root",
                "disks": [{"name": "bare", "count": 2, "size": 4096, "group": "RG-Bare"}],
            },
        ]
        more = self.random.sample(optional, self.random.randint(1, 3))
        if any(one["name"] == "Bare" for one in more):
            self.unprotected += ["bare-001", "bare-002"]
        return [*made, *more]

    def _subscription(self, name: str) -> dict[str, Any]:
        vaults = {
            f"{name}-vault-{number}".lower(): {
                "policies": [*self.random.sample(_OF_DISKS, 3), self.random.choice(_OFTEN), "clusters", "blobs"],
                "softDelete": "On" if number == 0 else "Off",
                "redundancy": self.random.choice(["LocallyRedundant", "GeoRedundant"]),
            }
            for number in range(self.random.randint(1, 2))
        }
        for vault in vaults.values():
            vault["policies"] = list(dict.fromkeys(vault["policies"]))
        rows = [row for vault, of in vaults.items() for row in self._protected(name, vault, of["policies"])]
        first = next(iter(vaults))
        sources = [
            {"name": f"{name}aks".lower(), "kind": "clusters", "vault": first, "policy": "clusters"},
            {"name": f"{name}logs".lower(), "kind": "blobs", "vault": first, "policy": "blobs", "count": 2},
        ]
        return {
            "name": name,
            "managementGroup": self.random.choice(["root", "branch", "leaf"]),
            "region": self.random.choice(["westeurope", "northeurope", "eastus"]),
            "vaults": vaults,
            "disks": [*rows, *self._rest(name)],
            "datasources": self.random.sample(sources, self.random.randint(0, 2)),
        }

    def _protected(self, name: str, vault: str, policies: list[str]) -> Iterator[dict[str, Any]]:
        disks = [policy for policy in policies if policy in _OF_DISKS]
        for policy in disks:
            row = f"{vault}-{policy}"
            count = self.random.randint(2, 5)
            yield {
                "name": row, "count": count, "vault": vault, "policy": policy, "group": f"rg-{name}-{policy}".lower(),
                "size": self.random.choice([4, 128, 512, 1024, 8192]), "perVm": self.random.choice([0, 0, 2]),
                "tags": self.random.choice([{}, {"env": "prod", "owner": "shop"}, {"env": "test"}]),
            }  # fmt: skip
            names = [f"{row}-{number:03d}" for number in range(1, count + 1)]
            self.free |= dict.fromkeys(names, policy)
            self.beside |= {name: [other for other in disks if other != policy] for name in names}
        policy = self.random.choice(disks)
        fragile = f"{vault}-fragile"
        yield {
            "name": fragile, "count": 2, "vault": vault, "policy": policy, "group": f"rg-{fragile}",
            "snapshots": f"rg-{fragile}-snapshots",
        }  # fmt: skip
        self.fragile.append(f"{fragile}-001")

    def _rest(self, name: str) -> Iterator[dict[str, Any]]:
        """Disks without a backup instance: alone, in a machine, in one that is backed up as a whole or in part."""
        name = name.lower()
        alone = self.random.randint(1, 4)
        yield {"name": f"{name}-alone", "count": alone, "group": f"rg-{name}-Rest", "sku": "StandardSSD_LRS"}
        self.unprotected += [f"{name}-alone-{number:03d}" for number in range(1, alone + 1)] if alone > 1 else []
        yield {"name": f"{name}-machine", "count": 3, "perVm": 3, "group": f"rg-{name}-rest"}
        luns = self.random.choice([[], [0], [0, 1], [7]])
        yield {
            "name": f"{name}-covered", "count": 6, "perVm": 3, "group": f"rg-{name}-covered",
            "vmBackup": f"rsv-{name}", "excludeLuns": luns,
        }  # fmt: skip

    def defects(self) -> list[dict[str, Any]]:
        """Defects of about two in three kinds, some of them more than once."""
        for kind in _KINDS:
            for _ in range(self.random.choice([0, 1, 1, 2] if kind in _BOUNDED else [0, 1, 1])):
                self._plant(kind)
        if self.fragile and self.random.random() < 0.5:
            role = self.random.choice(["reader", "snapshots"])
            disk = self.random.choice(self.fragile)
            self.plant.append({"kind": "rolesRemoved", "disks": disk, "at": self._ago(), "role": role})
        for expires in self.random.sample([None, "+0s", "-1s", "+1s", "+30d"], 2):
            if self.unprotected:
                disk = self.unprotected.pop(self.random.randrange(len(self.unprotected)))
                until = {} if expires is None else {"expires": expires}
                self.plant.append({"kind": "exempt", "disks": disk, "at": "-20d", **until})
        odd = self.random.sample(sorted(self.beside), min(3, len(self.beside)))
        return [*self.plant, {"kind": "oddCasing", "disks": odd}]

    def _plant(self, kind: str) -> None:
        often = [name for name, policy in self.free.items() if policy in _OFTEN]
        fitting = [name for name in often if kind != "policyChanged" or self.beside[name]]
        fitting = [name for name in fitting if kind != "softDeleted" or "-vault-0-" in name]
        fitting = [name for name in fitting if kind not in ("late", "onDemand") or self.free[name] != "hourly"]
        if not fitting:
            return
        disk = self.random.choice(fitting)
        options = self._options(kind, disk)
        del self.free[disk]
        self.plant.append({"kind": kind, "disks": disk, "at": self._ago(), "reason": f"{kind} on {disk}", **options})

    def _ago(self) -> str:
        return f"-{self.random.randint(2, 9)}d{self.random.randint(0, 23)}h"

    def _options(self, kind: str, disk: str) -> dict[str, Any]:
        """What a kind needs, near a limit where it has one."""
        pick, code = self.random.choice, self.random.choice(_CODES)
        ages = ["-13d23h59m59s", "-14d", "-14d1s"]
        made: dict[str, dict[str, Any]] = {
            "missed": {"runs": pick([1, 2, 5])},
            "late": {"by": pick(["1h59m59s", "2h", "2h0m1s", "2h1m"]), "runs": pick([1, 2])},
            "failed": {"code": code, "runs": pick([1, 2, 60])},
            "flaky": {"rate": pick([0.2, 0.5]), "code": code, "at": "-12d"},
            "retried": {"code": code, "pause": pick(["5m", "20m"]), "runs": pick([1, 2])},
            "long": {"lasts": pick(["4h", "P1D", "P1DT1S", "30h"])},
            "stuck": pick([{}, {"lasts": "33h"}]),
            "drift": {"slope": pick(["9s", "30s"]), "at": "-12d"},
            "kept": {"by": pick(["-P1D", "-1s", "1s", "P2D"]), "at": "-11d"},
            "lingering": {"by": pick(["1s", "P2D", "P9D"]), "at": "-12d"},
            "inError": {"code": pick(["UserErrorSnapshotRGNotFound", "UserErrorManagedDiskNotFound"])},
            "softDeleted": {"at": pick(["-3d", *ages])},
            "policyChanged": {"policy": pick(self.beside[disk] or [""])},
            "diskRecreated": {"after": pick(["1h", "1d"])},
            "snapshotDeleted": {"which": pick([1, 1, 2])},
            "onDemand": {"jobs": pick([1, 3]), "every": "40m", "at": pick(["-3d5h7m", *ages])},
            "orphanSnapshots": {"count": pick([1, 3]), "at": "-16d"},
            "snapshotCount": {"count": pick([449, 450, 451, 499, 500])},
        }
        return made.get(kind, {})


_BOUNDED = ("late", "kept", "onDemand")
_KINDS = (
    "missed", "late", "failed", "flaky", "retried", "long", "stuck", "drift", "kept", "lingering", "stopped",
    "suspended", "inError", "softDeleted", "policyChanged", "diskDeleted", "diskRecreated", "snapshotDeleted",
    "onDemand", "orphanSnapshots", "snapshotCount",
)  # fmt: skip


def spec(seed: int) -> dict[str, Any]:
    """The estate of a seed, as a sandbox's ``estate`` takes it; the same each time."""
    maker = _Maker(Random(seed))
    subscriptions = maker.subscriptions()
    return {
        "seed": seed,
        "end": _ENDS[seed % len(_ENDS)],
        "days": maker.random.randint(20, 32),
        "managementGroups": {"root": None, "branch": "root", "leaf": "branch"},
        "policies": _POLICIES,
        "subscriptions": subscriptions,
        "plant": maker.defects(),
    }


def connection(seed: int) -> Connection:
    """A connection to a sandbox of its own that has the estate of a seed beside the starter world."""
    return connect_sandbox(estate=spec(seed))
